"""Double entry, insert-only: what happened to every unit of money.

Amounts are whole minor units (cents) of the account's currency; positive is debit, negative is credit. Triggers hold
what must always be true: each transaction sums to zero in each currency, and nothing is changed or deleted.
"""

from django.db import models
from django.db.models import Q

from ecommerce.models import BaseModel
from payments.models.money import Payout, ReceivedMoney, Refund
from payments.models.payment import Payment


class LedgerAccount(models.Model):
    """An account in one currency. ``code`` says what it holds, such as ``provider:mpesa`` or ``suspense``."""

    class Kind(models.TextChoices):
        ASSET = "asset"
        LIABILITY = "liability"
        INCOME = "income"
        EXPENSE = "expense"

    code = models.CharField(max_length=40)
    currency = models.CharField(max_length=3)
    kind = models.CharField(max_length=10, choices=Kind.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["code", "currency"], name="ledger_account_once")]

    def __str__(self) -> str:
        return f"{self.code} {self.currency}"


class LedgerTransaction(BaseModel):
    """One booking. ``source`` and ``kind`` are its natural key: the receipt of a payment exists once."""

    class Kind(models.TextChoices):
        RECEIVED = "received"  # money reached an account of ours
        FEE = "fee"  # the provider kept a part
        APPLIED = "applied"  # it pays an order
        UNAPPLIED = "unapplied"  # it does not, after all
        REFUND_OWED = "refund_owed"
        REFUND_PAID = "refund_paid"
        REFUND_DROPPED = "refund_dropped"  # it failed: the money is where it was
        PAYOUT_OWED = "payout_owed"
        PAYOUT_PAID = "payout_paid"
        PAYOUT_DROPPED = "payout_dropped"
        REVERSED = "reversed"  # the provider took it back: a chargeback
        CREDIT_ISSUED = "credit_issued"  # a gift card was made
        CREDIT_EXPIRED = "credit_expired"
        CREDIT_ADJUSTED = "credit_adjusted"  # by staff
        SELLER_SALE = "seller_sale"  # earned by a seller, or less of it

    source = models.CharField(max_length=60)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    payment = models.ForeignKey(Payment, null=True, on_delete=models.PROTECT, related_name="ledger_transactions")
    received = models.ForeignKey(ReceivedMoney, null=True, on_delete=models.PROTECT, related_name="ledger_transactions")
    refund = models.ForeignKey(Refund, null=True, on_delete=models.PROTECT, related_name="ledger_transactions")
    payout = models.ForeignKey(Payout, null=True, on_delete=models.PROTECT, related_name="ledger_transactions")
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "kind"], name="ledger_transaction_once")]
        indexes = [models.Index(fields=["-created_at", "-id"], name="ledger_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.source}"


class LedgerEntry(models.Model):
    transaction = models.ForeignKey(LedgerTransaction, on_delete=models.PROTECT, related_name="entries")
    account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="entries")
    amount = models.BigIntegerField()  # minor units; debit is positive, credit negative

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints = [models.CheckConstraint(condition=~Q(amount=0), name="ledger_entry_not_zero")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.amount}"
