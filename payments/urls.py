from django.urls import path
from rest_framework.routers import SimpleRouter

from payments import views

router = SimpleRouter()
router.register("payments", views.PaymentViewSet, basename="payment")

urlpatterns = [
    path("payments/mpesa/callback/<str:secret>/", views.MpesaCallbackView.as_view(), name="mpesa-callback"),
    *router.urls,
]
