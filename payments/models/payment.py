"""What an order owes, and each try to collect it."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from ecommerce.models import BaseModel
from orders.models import Order


class Payment(BaseModel):
    """What one order owes. Each try to collect it is a ``PaymentAttempt``."""

    class Method(models.TextChoices):
        MPESA = "mpesa"
        CARD = "card"
        PAYPAL = "paypal"
        BANK_TRANSFER = "bank_transfer"
        MOBILE_MONEY = "mobile_money"
        CASH_ON_DELIVERY = "cash_on_delivery"
        GIFT_CARD = "gift_card"
        STORE_CREDIT = "store_credit"

    class Status(models.TextChoices):
        PENDING = "pending"
        SUCCESSFUL = "successful"
        FAILED = "failed"
        REFUNDED = "refunded"
        PARTIALLY_REFUNDED = "partially_refunded"

    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="payment")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="payments")
    amount = models.DecimalField(max_digits=12, decimal_places=2)  # in ``currency``
    currency = models.CharField(max_length=3)
    method = models.CharField(max_length=20, choices=Method.choices)
    provider = models.CharField(max_length=20)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.PENDING)
    # The provider's receipt. Null until known: a success told by a query alone comes without one.
    transaction_id = models.CharField(max_length=64, null=True, blank=True, unique=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    # Money is on this payment that belongs to no order (any more) and has not gone back yet.
    needs_refund = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(
                condition=~Q(status="successful") | Q(paid_at__isnull=False), name="payment_successful_has_time"
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="payment_by_user"),
            models.Index(fields=["-created_at"], name="payment_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.amount} {self.currency}"


class PaymentAttempt(BaseModel):
    """One try to collect a payment. Stored, with its callback secret, before the provider hears of it."""

    class Status(models.TextChoices):
        CREATED = "created"  # owed to the provider, not sent
        SENDING = "sending"  # a worker has it; whatever happens now, it is never sent a second time
        PENDING = "pending"  # the provider has it, the customer decides
        UNKNOWN = "unknown"  # nobody knows whether the provider has it, or what became of it
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        REVIEW = "review"  # money or facts do not match; a person decides

    LIVE = (Status.CREATED, Status.SENDING, Status.PENDING, Status.UNKNOWN)

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="attempts")
    provider = models.CharField(max_length=20)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.CREATED)
    amount = models.DecimalField(max_digits=12, decimal_places=2)  # what the provider is asked to collect
    currency = models.CharField(max_length=3)  # as the provider charges it; may differ from the payment's
    # Units of the payment's currency for one of ``currency``, on the day; null where they are the same.
    rate = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    method = models.CharField(max_length=20, choices=Payment.Method.choices)
    # Ours: unique for ever, told to the provider, typed into its search box. Never used for a second try.
    reference = models.CharField(max_length=40, unique=True)
    phone_number = models.CharField(max_length=16, blank=True)  # E.164
    authorization_url = models.URLField(max_length=2000, blank=True)  # where the customer pays
    instructions = models.CharField(max_length=500, blank=True)  # what else the customer must know
    # SHA-256 of the secret in the callback's URL; made and stored just before the provider is told of it.
    callback_token_hash = models.CharField(max_length=64, null=True, unique=True, editable=False)
    provider_reference = models.CharField(max_length=100, null=True, blank=True)  # M-Pesa: CheckoutRequestID
    merchant_reference = models.CharField(max_length=100, blank=True)  # M-Pesa: MerchantRequestID
    outcome = models.CharField(max_length=40, blank=True)  # a name from payments.outcomes
    result_code = models.CharField(max_length=40, blank=True)  # as the provider writes it; not always a number
    result_detail = models.CharField(max_length=300, blank=True)
    received_amount = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    receipt_number = models.CharField(max_length=64, null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # Every live attempt has one, or a person has it, or only staff can say (cash, a bank transfer); one that was left
    # behind is still asked about.
    next_query_at = models.DateTimeField(null=True, blank=True)
    query_count = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["payment"],
                condition=Q(status__in=["created", "sending", "pending", "unknown"]),
                name="attempt_one_live_per_payment",
            ),
            models.UniqueConstraint(
                fields=["provider", "provider_reference"],
                condition=Q(provider_reference__isnull=False),
                name="attempt_reference_once",
            ),
            models.UniqueConstraint(
                fields=["provider", "receipt_number"],
                condition=Q(receipt_number__isnull=False, status="succeeded"),
                name="attempt_receipt_once",
            ),
        ]
        indexes = [
            models.Index(fields=["next_query_at"], name="attempt_due", condition=Q(next_query_at__isnull=False)),
            models.Index(fields=["phone_number", "created_at"], name="attempt_by_phone"),
            models.Index(fields=["receipt_number"], name="attempt_by_receipt"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.status}"

    @property
    def is_live(self) -> bool:
        return self.status in self.LIVE
