"""Money that the shop owes: gift cards, store credit, and every movement of either."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from ecommerce.models import BaseModel
from orders.models import OrderItem
from payments.models.ledger import LedgerTransaction
from payments.models.money import ReceivedMoney, Refund

# As which providers they pay. They ask nobody: what they bring is here, and what goes back is back, at once.
GIFT_CARD, STORE_CREDIT = "gift_card", "store_credit"
CREDIT_PROVIDERS = (GIFT_CARD, STORE_CREDIT)


class GiftCard(BaseModel):
    """Credit of whoever knows its code, which is stored nowhere: see ``payments.credit.codes``."""

    code_hash = models.CharField(max_length=64, unique=True, editable=False)  # HMAC-SHA-256
    last4 = models.CharField(max_length=4, editable=False)  # of the code, to tell cards apart
    currency = models.CharField(max_length=3)
    initial_amount = models.DecimalField(max_digits=12, decimal_places=2)  # in ``currency``
    balance = models.DecimalField(max_digits=12, decimal_places=2)  # the sum of its movements
    expires_at = models.DateTimeField(null=True, blank=True)  # None: never
    is_active = models.BooleanField(default=True)
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    bought_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="bought_gift_cards"
    )
    order_item = models.ForeignKey(
        OrderItem, null=True, blank=True, on_delete=models.PROTECT, related_name="gift_cards"
    )
    recipient_email = models.EmailField(blank=True)
    message = models.CharField(max_length=500, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(balance__gte=0), name="gift_card_balance_not_negative"),
            models.CheckConstraint(condition=Q(initial_amount__gt=0), name="gift_card_amount_positive"),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="gift_card_newest"),
            models.Index(fields=["last4"], name="gift_card_by_last4"),
            models.Index(fields=["expires_at"], name="gift_card_to_expire", condition=Q(balance__gt=0)),
        ]

    def __str__(self) -> str:
        return f"…{self.last4}"


class StoreCredit(BaseModel):
    """What the shop owes one customer in one currency, to be spent here."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="store_credits")
    currency = models.CharField(max_length=3)
    balance = models.DecimalField(max_digits=12, decimal_places=2, default=0)  # the sum of its movements

    class Meta:
        verbose_name_plural = "store credit"
        constraints = [
            models.UniqueConstraint(fields=["user", "currency"], name="store_credit_once"),
            models.CheckConstraint(condition=Q(balance__gte=0), name="store_credit_balance_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.balance} {self.currency}"


class CreditMovement(BaseModel):
    """One change of a balance. A trigger holds that none is changed or deleted."""

    class Kind(models.TextChoices):
        ISSUE = "issue"
        SPEND = "spend"  # it pays an order
        GIVE_BACK = "give_back"  # what it paid goes back to it
        EXPIRE = "expire"
        ADJUST = "adjust"  # by staff
        REFUND = "refund"  # what came by another way is given back as store credit

    kind = models.CharField(max_length=10, choices=Kind.choices)
    source = models.CharField(max_length=60)  # with the kind its natural key: each happens once
    amount = models.DecimalField(
        max_digits=12, decimal_places=2
    )  # in the balance's currency; what is spent is negative
    balance_after = models.DecimalField(max_digits=12, decimal_places=2)
    gift_card = models.ForeignKey(GiftCard, null=True, on_delete=models.PROTECT, related_name="movements")
    store_credit = models.ForeignKey(StoreCredit, null=True, on_delete=models.PROTECT, related_name="movements")
    transaction = models.OneToOneField(LedgerTransaction, on_delete=models.PROTECT, related_name="credit_movement")
    received = models.ForeignKey(
        ReceivedMoney, null=True, on_delete=models.PROTECT, related_name="credit_movements"
    )  # of what is spent
    refund = models.ForeignKey(Refund, null=True, on_delete=models.PROTECT, related_name="credit_movements")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "kind"], name="credit_movement_once"),
            models.CheckConstraint(
                condition=Q(gift_card__isnull=False, store_credit__isnull=True)
                | Q(gift_card__isnull=True, store_credit__isnull=False),
                name="credit_movement_of_one_balance",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["issue", "give_back", "refund"], amount__gt=0)
                | Q(kind__in=["spend", "expire"], amount__lt=0)
                | (Q(kind="adjust") & ~Q(amount=0)),
                name="credit_movement_has_its_sign",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount}"
