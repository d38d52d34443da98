from django.urls import path
from rest_framework.routers import SimpleRouter

from orders.shipping import views

router = SimpleRouter()
router.register("shipping/zones", views.ShippingZoneViewSet, basename="shipping-zone")
router.register("shipping/methods", views.ShippingMethodViewSet, basename="shipping-method")
router.register("pickup-points", views.PickupPointViewSet, basename="pickup-point")

urlpatterns = [
    path("shipping/counties/", views.CountiesView.as_view(), name="shipping-counties"),
    path("shipping/quotes/", views.QuotesView.as_view(), name="shipping-quotes"),
    *router.urls,
]
