"""What payments hold about people. The books stay as the law wants them; what providers told besides goes."""

from django.db.models import Q

from accounts.models import User
from accounts.privacy import registry
from accounts.privacy.generic import erase_tables, export_tables
from accounts.privacy.identity import Identity
from accounts.privacy.tables import Fate, Table, declare
from ecommerce.exceptions import ErrorRow
from payments.credit.models import GiftCard, StoreCredit
from payments.models import Payment, PaymentAttempt, ProviderEvent, ReceivedMoney, Refund
from payments.sellers.selectors import balances_of

TABLES = (
    Table("payments.Payment", owner="user", plain="currency provider transaction_id"),
    Table(
        "payments.PaymentAttempt",
        owner="payment__user",
        kept="phone_number",  # which the provider's statement names too
        plain=(
            "provider currency reference authorization_url instructions provider_reference merchant_reference outcome "
            "result_code result_detail receipt_number"
        ),
        hidden="callback_token_hash",
    ),
    Table(
        "payments.ReceivedMoney",
        owner="payment__user",
        kept="payer_phone payer_name account_reference",  # who paid: the books' evidence
        scrubbed="note",
        plain="provider receipt_number currency reason",
        hidden="callback_token_hash",
    ),
    Table(
        "payments.Refund",
        owner="payment__user",
        scrubbed="reason",
        plain="provider currency reference provider_reference receipt_number route result_code result_detail",
        hidden="callback_token_hash",
    ),
    Table("payments.StoreCredit", owner="user", plain="currency"),
    Table("payments.CreditMovement", owner="store_credit__user", kept="reason", plain="source"),
    # The card is its holder's, whoever bought it: the buyer's words go, and where it was sent when that one is erased.
    Table(
        "payments.GiftCard",
        owner="bought_by",
        fate=Fate.OWN_RULE,
        erased="recipient_email message",
        plain="last4 currency",
        hidden="code_hash",
    ),
    Table(
        "payments.ProviderEvent",
        owner="attempt__payment__user",
        fate=Fate.OWN_RULE,
        erased="body",
        plain="provider event_id kind outcome last_error",
    ),
    # --- Between the shop and its sellers, providers and books
    Table(
        "payments.Payout",
        kept="recipient_name phone_number",
        plain="provider currency reference reason provider_reference receipt_number route result_code result_detail",
        hidden="callback_token_hash",
    ),
    Table("payments.CommissionRate", owner="seller", fate=Fate.DELETED),
    Table("payments.SellerSale", owner="seller", plain="currency"),
    Table("payments.LedgerAccount", plain="code currency"),
    Table("payments.LedgerTransaction", kept="note", plain="source"),
    Table("payments.RefusedEvents", plain="provider reason"),
    Table("payments.Statement", plain="provider name digest covers"),
    Table(
        "payments.StatementLine",
        kept="payer_phone payer_name reference",
        plain="provider receipt_number currency kind",
    ),
    Table("payments.Reconciliation", plain="provider currency"),
    Table("payments.ReconciliationDifference", plain="receipt_number kind reference"),
)


def register() -> None:
    """Let accounts know of it. Called when the app starts."""
    declare(*TABLES)
    registry.register("payments", export_tables("payments"), erase, open_matters=open_matters)


def erase(identity: Identity) -> None:
    """Empty what providers sent, once it has been worked on: what counts of it is in the books."""
    payer = identity.user_id
    about = Q(attempt__payment__user=payer) | Q(refund__payment__user=payer) | Q(received__payment__user=payer)
    events = ProviderEvent.objects.filter(about, handled_at__isnull=False)
    ProviderEvent.objects.filter(pk__in=events.values("pk")).update(body=b"")
    GiftCard.objects.filter(bought_by=payer).update(message="")
    if identity.email:
        GiftCard.objects.filter(recipient_email__iexact=identity.email).update(recipient_email="", message="")
    erase_tables("payments", identity)


def open_matters(user: User) -> list[ErrorRow]:
    """Return what money is still on its way, in either direction, or is still the customer's."""
    rows = []
    open_attempts = [*PaymentAttempt.LIVE, PaymentAttempt.Status.REVIEW]
    if PaymentAttempt.objects.filter(payment__user=user, status__in=open_attempts).exists():
        rows.append(ErrorRow("payment_open", "A payment of yours is under way."))
    owed = Payment.objects.filter(user=user, needs_refund=True).exists()
    if owed or Refund.objects.filter(payment__user=user, status__in=Refund.OPEN).exists():
        rows.append(ErrorRow("refund_open", "Money is on its way back to you."))
    undecided = (ReceivedMoney.Status.UNVERIFIED, ReceivedMoney.Status.UNMATCHED, ReceivedMoney.Status.SURPLUS)
    if ReceivedMoney.objects.filter(payment__user=user, status__in=undecided).exists():
        rows.append(ErrorRow("money_open", "Money that you sent has not been decided about."))
    for owed_to in balances_of(user):
        if owed_to.balance:
            rows.append(ErrorRow("sales_open", f"Your account as a seller is at {owed_to.balance} {owed_to.currency}."))
    for credit in StoreCredit.objects.filter(user=user, balance__gt=0).order_by("currency"):
        rows.append(ErrorRow("store_credit_left", f"You have {credit.balance} {credit.currency} to spend here."))
    return rows
