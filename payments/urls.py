from django.urls import include, path
from rest_framework.routers import SimpleRouter

from payments import collect_views, finance_views, payout_views, provider_views, staff_views, views
from payments.sellers.views import SellerStatementView
from payments.stream import PaymentStreamView

router = SimpleRouter()
router.register("payments/received", staff_views.ReceivedMoneyViewSet, basename="received-money")
router.register("payments/refunds", staff_views.RefundViewSet, basename="refund")
router.register("payments/statements", finance_views.StatementViewSet, basename="statement")
router.register("payments/reconciliation", finance_views.ReconciliationViewSet, basename="reconciliation")
router.register("payments/ledger", finance_views.LedgerViewSet, basename="ledger")
router.register("payouts", payout_views.PayoutViewSet, basename="payout")
router.register("payments", views.PaymentViewSet, basename="payment")

urlpatterns = [
    path("payments/mpesa/callback/<str:secret>/", provider_views.MpesaCallbackView.as_view(), name="mpesa-callback"),
    path("payments/result/<str:secret>/", provider_views.TransferResultView.as_view(), name="transfer-result"),
    path("payments/result/<str:secret>/timeout/", provider_views.TransferResultView.as_view(timed_out=True)),
    path("orders/<uuid:order_id>/collect/", collect_views.CollectView.as_view(), name="collect"),
    path("payments/claims/<str:secret>/", finance_views.ClaimAnswerView.as_view(), name="claim-answer"),
    path("payments/claims/<str:secret>/timeout/", finance_views.ClaimAnswerView.as_view(timed_out=True)),
    path("payments/webhook/", provider_views.WebhookView.as_view()),
    path("payments/webhooks/<str:provider>/", provider_views.WebhookView.as_view(), name="webhook"),
    path("payments/return/<str:reference>/", provider_views.come_back, name="payment-return"),
    path("payments/initialize/", views.InitializeView.as_view(), name="initialize-payment"),
    path("payments/verify/<str:reference>/", views.VerifyView.as_view(), name="verify-payment"),
    path("payments/refund/", staff_views.StartRefundView.as_view(), name="start-refund"),
    path("payments/mpesa/c2b/confirmation/", provider_views.C2BConfirmationView.as_view()),
    path("payments/mpesa/c2b/validation/", provider_views.C2BValidationView.as_view()),
    # The addresses that Safaricom is given: it refuses such as hold the name of its product.
    path(
        "payments/till/<str:secret>/confirmation/",
        provider_views.C2BConfirmationView.as_view(),
        name="c2b-confirmation",
    ),
    path("payments/till/<str:secret>/validation/", provider_views.C2BValidationView.as_view(), name="c2b-validation"),
    path("payments/till/<str:secret>/result/", provider_views.TillAnswerView.as_view(), name="till-answer"),
    path("payments/till/<str:secret>/result/timeout/", provider_views.TillAnswerView.as_view()),
    path("payments/<uuid:id>/stream/", PaymentStreamView.as_view(), name="payment-stream"),
    path("", include("payments.credit.urls")),
    path("sellers/me/statement/", SellerStatementView.as_view(), name="seller-statement"),
    *router.urls,
]
