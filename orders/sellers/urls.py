from django.urls import path

from orders.sellers.views import SoldOrderViewSet, SoldShipmentViewSet

urlpatterns = [
    path("sellers/me/orders/", SoldOrderViewSet.as_view({"get": "list"})),
    path("sellers/me/orders/<uuid:pk>/", SoldOrderViewSet.as_view({"get": "retrieve"})),
    path("sellers/me/shipments/", SoldShipmentViewSet.as_view({"get": "list"})),
]
