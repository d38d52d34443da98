from django.urls import path
from rest_framework.routers import SimpleRouter

from payments.credit import views

router = SimpleRouter()
router.register("gift-cards", views.GiftCardViewSet, basename="gift-card")

urlpatterns = [
    path("gift-cards/balance/", views.GiftCardBalanceView.as_view(), name="gift-card-balance"),
    path("users/credit/", views.OwnCreditView.as_view(), name="own-credit"),
    path("users/<uuid:user_id>/credit/", views.UserCreditView.as_view(), name="user-credit"),
    *router.urls,
]
