"""Money for the admin's tests, made as the shop makes it; and what all of it looks like, to compare."""

from decimal import Decimal
from typing import Any

from django.utils import timezone

from ecommerce.models import OutboxMessage
from orders.models import Order
from payments import payouts, received, refunds
from payments.models import LedgerEntry, Payment, PaymentAttempt, Payout, ProviderEvent, ReceivedMoney, Refund
from payments.providers.base import TransferResult, Verdict
from payments.received import Arrival


def arrived(receipt_number: str = "UKL4AB12CD", amount: str = "1500.00", **fields: Any) -> ReceivedMoney:
    """Return money that came by itself: by default verified, without a reference, from a plain number."""
    told = {
        "provider": "mpesa",
        "currency": "KES",
        "received_at": timezone.now(),
        "source": "c2b",
        "is_verified": True,
        "payer_phone": "254712345678",
        "payer_name": "JANE",
    }
    return received.record(Arrival(receipt_number=receipt_number, amount=Decimal(amount), **(told | fields)))


def claimed(receipt_number: str = "UKL4ZZ99XX", amount: str = "700.00", **fields: Any) -> ReceivedMoney:
    """Return money that somebody says has come."""
    return arrived(receipt_number, amount, is_verified=False, reason="unverified", **fields)


def paid(order: Order, receipt_number: str = "UKL4AB12CD") -> Payment:
    """Pay an order at the paybill."""
    arrived(receipt_number, str(order.total_amount), account_reference=order.number)
    return Payment.objects.get(order=order)


def refund_by_hand(payment: Payment, amount: str | None = None) -> Refund:
    """Return a refund that the provider leaves to a person."""
    (refund,) = refunds.refund_payment(
        payment_id=payment.pk, amount=Decimal(amount) if amount else None, reason="out of stock", actor=None
    )
    return refunds.settle_refund(refund.pk, _left_to_a_person(), source="answer")


def payout_by_hand(amount: str = "900.00") -> Payout:
    payout = payouts.owe_payout(
        amount=Decimal(amount),
        currency="KES",
        recipient_name="Kamau Electronics",
        phone_number="+254722000111",
        reason="sales of November",
        provider="mpesa",
    )
    return payouts.settle_payout(payout.pk, _left_to_a_person(), source="answer")


def _left_to_a_person() -> TransferResult:
    return TransferResult(verdict=Verdict.IN_FLIGHT, needs_person=True, detail="to be paid back by hand")


def everything() -> dict[str, list[Any]]:
    """Return every row that an action could touch."""
    models = (Order, Payment, PaymentAttempt, ReceivedMoney, Refund, Payout, LedgerEntry, OutboxMessage)
    rows = {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}
    return rows | {"ProviderEvent": list(ProviderEvent.objects.order_by("pk").values("pk", "handled_at", "last_error"))}
