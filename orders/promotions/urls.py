from django.urls import path
from rest_framework.routers import SimpleRouter

from orders.promotions import views

router = SimpleRouter()
router.register("promotions", views.PromotionViewSet, basename="promotion")
router.register("coupons", views.CouponViewSet, basename="coupon")

urlpatterns = [
    path("cart/coupon/", views.CartCouponView.as_view(), name="cart-coupon"),
    *router.urls,
]
