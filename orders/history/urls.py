from django.urls import path

from orders.history import views

urlpatterns = [
    path("shipping/zones/<uuid:pk>/history/", views.ZoneHistoryViewSet.as_view({"get": "list"})),
    path("shipping/methods/<uuid:pk>/history/", views.MethodHistoryViewSet.as_view({"get": "list"})),
    path("pickup-points/<uuid:pk>/history/", views.PointHistoryViewSet.as_view({"get": "list"})),
    path("promotions/<uuid:pk>/history/", views.PromotionHistoryViewSet.as_view({"get": "list"})),
    path("coupons/<uuid:pk>/history/", views.CouponHistoryViewSet.as_view({"get": "list"})),
]
