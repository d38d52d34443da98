"""Addresses of parcels."""

from django.urls import path

from orders.fulfilment import views

urlpatterns = [
    path("orders/<uuid:order_id>/shipments/", views.OrderShipmentsView.as_view()),
    path("orders/<uuid:order_id>/tracking/", views.TrackingView.as_view()),
    path("track/<str:token>/", views.GuestTrackingView.as_view()),
    path("shipments/", views.ShipmentViewSet.as_view({"get": "list"})),
    path("shipments/<uuid:pk>/", views.ShipmentViewSet.as_view({"get": "retrieve", "patch": "partial_update"})),
    path("shipments/<uuid:pk>/events/", views.ShipmentViewSet.as_view({"post": "events"})),
]
