"""Money that arrived, and money that leaves: one row for each receipt, each refund, each payout."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from ecommerce.models import BaseModel
from orders.models import OrderItem
from payments.models.payment import Payment, PaymentAttempt


class ReceivedMoney(BaseModel):
    """One movement of money into an account of the shop, whichever channel told of it first.

    Its receipt is unique: a callback, the paybill's confirmation and a statement line of one payment are one row.
    """

    class Status(models.TextChoices):
        UNVERIFIED = "unverified"  # somebody says so, and nobody who must know has confirmed it: not in the books
        UNMATCHED = "unmatched"  # it is here and belongs to no payment yet: a person decides
        APPLIED = "applied"  # it pays ``payment``
        SURPLUS = "surplus"  # it must go back
        RETURNED = "returned"  # it went back, or is on its way
        DISMISSED = "dismissed"  # a claim that turned out to be wrong

    class Source(models.TextChoices):
        ATTEMPT = "attempt"  # what we asked for
        C2B = "c2b"  # a till's or paybill's confirmation
        STATEMENT = "statement"  # a provider's list or an uploaded file
        STAFF = "staff"  # taken by hand: cash, or seen on a bank account
        CREDIT = "credit"  # a gift card or store credit: the shop owes so much less

    provider = models.CharField(max_length=20)
    # Null until known: a success told by a query alone comes without one.
    receipt_number = models.CharField(max_length=64, null=True, blank=True)
    amount = models.DecimalField(max_digits=12, decimal_places=2)  # in ``currency``
    currency = models.CharField(max_length=3)
    fee = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)  # kept by the provider
    status = models.CharField(max_length=10, choices=Status.choices)
    reason = models.CharField(max_length=40, blank=True)  # why it is not simply applied
    source = models.CharField(max_length=10, choices=Source.choices)
    received_at = models.DateTimeField()  # by the provider's clock where it tells
    account_reference = models.CharField(max_length=64, blank=True)  # what the payer typed, or our own
    payer_phone = models.CharField(max_length=64, blank=True)  # as told: plain, masked or hashed
    payer_name = models.CharField(max_length=120, blank=True)
    # Where it belongs, or (unmatched) where it seems to belong.
    payment = models.ForeignKey(Payment, null=True, blank=True, on_delete=models.PROTECT, related_name="received")
    attempt = models.ForeignKey(
        PaymentAttempt, null=True, blank=True, on_delete=models.PROTECT, related_name="received"
    )
    # What it pays of ``payment``, in the payment's currency; differs from ``amount`` by rounding or exchange.
    applied_amount = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    note = models.CharField(max_length=300, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    # Who took it by hand; ``decided_by`` is who wrote that down.
    collected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    verified_at = models.DateTimeField(null=True, blank=True)
    # Asking about an unverified claim: when next, and the secret of the address that is answered to.
    next_query_at = models.DateTimeField(null=True, blank=True)
    callback_token_hash = models.CharField(max_length=64, null=True, unique=True, editable=False)

    class Meta:
        verbose_name_plural = "received money"
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "receipt_number"],
                condition=Q(receipt_number__isnull=False),
                name="received_receipt_once",
            ),
            models.UniqueConstraint(
                fields=["attempt"], condition=Q(attempt__isnull=False), name="received_once_per_attempt"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="received_amount_positive"),
            models.CheckConstraint(
                condition=~Q(status="applied") | Q(payment__isnull=False, applied_amount__gt=0),
                name="received_applied_to_a_payment",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["unverified", "dismissed"]) | Q(verified_at__isnull=False),
                name="received_booked_is_verified",
            ),
        ]
        indexes = [
            models.Index(fields=["-received_at", "-id"], name="received_newest"),
            models.Index(
                fields=["created_at"],
                name="received_for_a_person",
                condition=Q(status__in=["unverified", "unmatched", "surplus"]),
            ),
            models.Index(fields=["next_query_at"], name="received_to_verify", condition=Q(next_query_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.receipt_number or 'without receipt'} {self.amount} {self.currency}"


class MoneyOut(BaseModel):
    """What refunds and payouts share: a sum that leaves, told to a provider at most once per reference."""

    class Status(models.TextChoices):
        CREATED = "created"  # owed, not sent
        SENDING = "sending"  # a worker has it
        PENDING = "pending"  # the provider has it
        UNKNOWN = "unknown"  # nobody knows; it is asked about, never sent blindly again
        REVIEW = "review"  # a person must do or decide something
        SUCCEEDED = "succeeded"
        FAILED = "failed"

    OPEN = (Status.CREATED, Status.SENDING, Status.PENDING, Status.UNKNOWN, Status.REVIEW)

    provider = models.CharField(max_length=20)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.CREATED)
    amount = models.DecimalField(max_digits=12, decimal_places=2)  # in ``currency``, what leaves the provider
    currency = models.CharField(max_length=3)
    # Ours, stable for ever: where the provider takes an idempotency key, this is it.
    reference = models.CharField(max_length=50, unique=True)
    reason = models.CharField(max_length=200, blank=True)
    provider_reference = models.CharField(max_length=100, blank=True)
    receipt_number = models.CharField(max_length=64, blank=True)
    route = models.CharField(max_length=20, blank=True)  # how it goes: reversal, b2c, by hand
    result_code = models.CharField(max_length=40, blank=True)
    result_detail = models.CharField(max_length=300, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    callback_token_hash = models.CharField(max_length=64, null=True, unique=True, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    next_query_at = models.DateTimeField(null=True, blank=True)
    query_count = models.PositiveSmallIntegerField(default=0)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.reference} {self.amount} {self.currency}"

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN


class Refund(MoneyOut):
    """Money that goes back to a payer: of one receipt, whole or in part."""

    class Cause(models.TextChoices):
        REQUESTED = "requested"  # by staff: a return, a kindness
        ORDER_CANCELLED = "order_cancelled"  # money came late
        UNITS_BACK = "units_back"  # some of the order was cancelled, or came back
        PAID_TWICE = "paid_twice"
        UNASKED = "unasked"  # money that belongs to no order

    received = models.ForeignKey(ReceivedMoney, on_delete=models.PROTECT, related_name="refunds")
    payment = models.ForeignKey(Payment, null=True, blank=True, on_delete=models.PROTECT, related_name="refunds")
    # What the payment is worth less, in its currency; null when the money never paid for anything.
    payment_amount = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    cause = models.CharField(max_length=20, choices=Cause.choices, default=Cause.REQUESTED)

    class Meta(MoneyOut.Meta):
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_amount_positive"),
            # Providers without idempotency keys are asked whether they have it; two at once would look alike.
            models.UniqueConstraint(
                fields=["received"],
                condition=Q(status__in=["created", "sending", "pending", "unknown", "review"]),
                name="refund_one_open_per_receipt",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="refund_newest"),
            models.Index(fields=["payment"], name="refund_by_payment"),
            models.Index(fields=["next_query_at"], name="refund_due", condition=Q(next_query_at__isnull=False)),
            models.Index(fields=["provider", "provider_reference"], name="refund_by_provider_reference"),
        ]


class RefundLine(models.Model):
    """For which goods a refund is. Amounts are in the payment's currency and need not fill the refund."""

    refund = models.ForeignKey(Refund, on_delete=models.CASCADE, related_name="lines")
    order_item = models.ForeignKey(OrderItem, on_delete=models.PROTECT, related_name="refund_lines")
    quantity = models.PositiveIntegerField()
    amount = models.DecimalField(max_digits=12, decimal_places=2)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["refund", "order_item"], name="refund_line_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1, amount__gte=0), name="refund_line_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.order_item_id}"


class Payout(MoneyOut):
    """Money that goes to a seller. Who gets how much, and when, is decided elsewhere."""

    recipient_name = models.CharField(max_length=120)
    phone_number = models.CharField(max_length=16)  # E.164

    class Meta(MoneyOut.Meta):
        constraints = [models.CheckConstraint(condition=Q(amount__gt=0), name="payout_amount_positive")]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="payout_newest"),
            models.Index(fields=["next_query_at"], name="payout_due", condition=Q(next_query_at__isnull=False)),
            models.Index(fields=["provider", "provider_reference"], name="payout_by_provider_reference"),
        ]
