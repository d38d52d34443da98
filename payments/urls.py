from django.urls import path
from rest_framework.routers import SimpleRouter

from payments import staff_views, views
from payments.stream import PaymentStreamView

router = SimpleRouter()
router.register("payments/received", staff_views.ReceivedMoneyViewSet, basename="received-money")
router.register("payments/refunds", staff_views.RefundViewSet, basename="refund")
router.register("payments", views.PaymentViewSet, basename="payment")

urlpatterns = [
    path("payments/mpesa/callback/<str:secret>/", views.MpesaCallbackView.as_view(), name="mpesa-callback"),
    path("payments/result/<str:secret>/", views.TransferResultView.as_view(), name="transfer-result"),
    path("payments/result/<str:secret>/timeout/", views.TransferResultView.as_view(timed_out=True)),
    path("payments/refund/", staff_views.StartRefundView.as_view(), name="start-refund"),
    path("payments/mpesa/c2b/confirmation/", views.C2BConfirmationView.as_view()),
    path("payments/mpesa/c2b/validation/", views.C2BValidationView.as_view()),
    # The addresses that Safaricom is given: it refuses such as hold the name of its product.
    path("payments/till/<str:secret>/confirmation/", views.C2BConfirmationView.as_view(), name="c2b-confirmation"),
    path("payments/till/<str:secret>/validation/", views.C2BValidationView.as_view(), name="c2b-validation"),
    path("payments/<uuid:id>/stream/", PaymentStreamView.as_view(), name="payment-stream"),
    *router.urls,
]
