from django.urls import path

from orders.history import views

_LIST = {"get": "list"}

urlpatterns = [
    path("shipping/zones/<uuid:pk>/history/", views.ZoneHistoryViewSet.as_view(_LIST)),
    path("shipping/methods/<uuid:pk>/history/", views.MethodHistoryViewSet.as_view(_LIST)),
    path("pickup-points/<uuid:pk>/history/", views.PointHistoryViewSet.as_view(_LIST)),
    path("promotions/<uuid:pk>/history/", views.PromotionHistoryViewSet.as_view(_LIST)),
    path("coupons/<uuid:pk>/history/", views.CouponHistoryViewSet.as_view(_LIST)),
]
