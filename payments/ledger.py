"""The ledger: every movement of money as a balanced, insert-only booking.

Only this module writes it. Each function books one thing that happened, inside the caller's transaction, once: the
natural key ``(source, kind)`` makes a repeat harmless. Accounts, for each currency:

* ``provider:<name>``: money that the provider holds for the shop;
* ``suspense``: received, and not (or no longer) part of a payment;
* ``customers``: received for orders;
* ``refunds``: promised back, not gone yet; ``payouts``: the same towards sellers, owed from ``sellers``;
* ``seller:<id>``: owed to one seller for what was sold; ``commission``: what the shop keeps of it;
* ``fees:<name>``: kept by the provider; ``rounding``: whole shillings asked for cents;
* ``exchange``: between two currencies of one payment;
* ``gift_cards``, ``store_credit``: owed to whoever holds them; ``goodwill``: what was given away as such credit;
  ``breakage``: gift cards that expired.
"""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from ecommerce.currencies import minor_units
from payments.credit.models import GIFT_CARD, STORE_CREDIT
from payments.models import (
    LedgerAccount,
    LedgerEntry,
    LedgerTransaction,
    Payment,
    Payout,
    ReceivedMoney,
    Refund,
    StatementLine,
)

Kind = LedgerTransaction.Kind

SUSPENSE, CUSTOMERS, REFUNDS = "suspense", "customers", "refunds"
PAYOUTS, SELLERS, ROUNDING, EXCHANGE = "payouts", "sellers", "rounding", "exchange"
GOODWILL, BREAKAGE = "goodwill", "breakage"
COMMISSION = "commission"
# Where what such a provider "holds" stands: it is not money that somebody has for the shop, but less that it owes.
CREDIT_ACCOUNTS = {GIFT_CARD: "gift_cards", STORE_CREDIT: "store_credit"}

_KINDS = {
    "provider": LedgerAccount.Kind.ASSET,
    "fees": LedgerAccount.Kind.EXPENSE,
    ROUNDING: LedgerAccount.Kind.INCOME,
    EXCHANGE: LedgerAccount.Kind.ASSET,
    GOODWILL: LedgerAccount.Kind.EXPENSE,
    BREAKAGE: LedgerAccount.Kind.INCOME,
    COMMISSION: LedgerAccount.Kind.INCOME,
}


@dataclass(frozen=True)
class Line:
    """``amount`` in major units; positive debits the account, negative credits it."""

    account: str
    amount: Decimal
    currency: str


def held_by(provider: str) -> str:
    return CREDIT_ACCOUNTS.get(provider) or f"provider:{provider}"


def record_received(received: ReceivedMoney) -> LedgerTransaction:
    """The provider holds money for us; nobody has said yet what it is for."""
    amount, currency = received.amount, received.currency
    booked = _book(
        Kind.RECEIVED,
        f"received:{received.pk}",
        Line(held_by(received.provider), amount, currency),
        Line(SUSPENSE, -amount, currency),
        received=received,
    )
    record_fee(received)
    return booked


def record_fee(received: ReceivedMoney) -> None:
    """The provider keeps a part; known at once, or later from a statement."""
    if received.fee:
        _book(
            Kind.FEE,
            f"received:{received.pk}",
            Line(f"fees:{received.provider}", received.fee, received.currency),
            Line(held_by(received.provider), -received.fee, received.currency),
            received=received,
        )


def record_charge(line: StatementLine, *, refund: Refund | None = None, payout: Payout | None = None) -> None:
    """The provider keeps a part for money that left; only its statement tells of it. ``line`` is negative."""
    _book(
        Kind.FEE,
        f"line:{line.pk}",
        Line(f"fees:{line.provider}", -line.amount, line.currency),
        Line(held_by(line.provider), line.amount, line.currency),
        refund=refund,
        payout=payout,
    )


def record_applied(received: ReceivedMoney, payment: Payment, worth: Decimal) -> None:
    """Received money pays ``worth`` of a payment, in the payment's currency.

    What lies between the two is rounding when the currencies are one, and an exchange when they differ.
    """
    lines = [Line(SUSPENSE, received.amount, received.currency), Line(CUSTOMERS, -worth, payment.currency)]
    if received.currency == payment.currency:
        lines.append(Line(ROUNDING, worth - received.amount, payment.currency))
    else:
        lines.append(Line(EXCHANGE, -received.amount, received.currency))
        lines.append(Line(EXCHANGE, worth, payment.currency))
    _book(Kind.APPLIED, f"received:{received.pk}", *lines, received=received, payment=payment)


def record_refund_owed(refund: Refund) -> None:
    """Money is promised back: out of what its payment was paid with, or of what belonged to no order."""
    _book(Kind.REFUND_OWED, f"refund:{refund.pk}", *_owed(refund), refund=refund, payment=refund.payment)


def record_refund_paid(refund: Refund) -> LedgerTransaction:
    return _book(
        Kind.REFUND_PAID,
        f"refund:{refund.pk}",
        Line(REFUNDS, refund.amount, refund.currency),
        Line(held_by(refund.provider), -refund.amount, refund.currency),
        refund=refund,
        payment=refund.payment,
    )


def record_refund_dropped(refund: Refund) -> None:
    """A refund failed: the money is where it was before it was promised."""
    opposite = (Line(line.account, -line.amount, line.currency) for line in _owed(refund))
    _book(Kind.REFUND_DROPPED, f"refund:{refund.pk}", *opposite, refund=refund, payment=refund.payment)


def seller_account(seller_id: UUID) -> str:
    return f"seller:{seller_id.hex}"


def record_seller_sale(source: str, *, seller_id: UUID, gross: Decimal, commission: Decimal, currency: str) -> None:
    """A seller has earned ``gross`` less ``commission`` of what customers paid; negative where goods came back."""
    _book(
        Kind.SELLER_SALE,
        source,
        Line(CUSTOMERS, gross, currency),
        Line(seller_account(seller_id), commission - gross, currency),
        Line(COMMISSION, -commission, currency),
    )


def record_payout_owed(payout: Payout) -> None:
    _book(
        Kind.PAYOUT_OWED,
        f"payout:{payout.pk}",
        Line(SELLERS, payout.amount, payout.currency),
        Line(PAYOUTS, -payout.amount, payout.currency),
        payout=payout,
    )


def record_payout_paid(payout: Payout) -> None:
    _book(
        Kind.PAYOUT_PAID,
        f"payout:{payout.pk}",
        Line(PAYOUTS, payout.amount, payout.currency),
        Line(held_by(payout.provider), -payout.amount, payout.currency),
        payout=payout,
    )


def record_payout_dropped(payout: Payout) -> None:
    _book(
        Kind.PAYOUT_DROPPED,
        f"payout:{payout.pk}",
        Line(PAYOUTS, payout.amount, payout.currency),
        Line(SELLERS, -payout.amount, payout.currency),
        payout=payout,
    )


def record_credit(
    kind: LedgerTransaction.Kind, source: str, *, provider: str, amount: Decimal, currency: str, against: str
) -> LedgerTransaction:
    """The shop owes the holder of a gift card or of store credit ``amount`` more, or less if negative."""
    return _book(
        kind,
        source,
        Line(against, amount, currency),
        Line(CREDIT_ACCOUNTS[provider], -amount, currency),
    )


def _owed(refund: Refund) -> list[Line]:
    payment, worth = refund.payment, refund.payment_amount
    if payment is None or worth is None:  # it never paid for anything
        return [Line(SUSPENSE, refund.amount, refund.currency), Line(REFUNDS, -refund.amount, refund.currency)]
    lines = [Line(CUSTOMERS, worth, payment.currency), Line(REFUNDS, -refund.amount, refund.currency)]
    if refund.currency == payment.currency:
        lines.append(Line(ROUNDING, refund.amount - worth, payment.currency))
    else:
        lines.append(Line(EXCHANGE, -worth, payment.currency))
        lines.append(Line(EXCHANGE, refund.amount, refund.currency))
    return lines


@transaction.atomic
def _book(
    kind: LedgerTransaction.Kind,
    source: str,
    *lines: Line,
    payment: Payment | None = None,
    received: ReceivedMoney | None = None,
    refund: Refund | None = None,
    payout: Payout | None = None,
) -> LedgerTransaction:
    booked, is_new = LedgerTransaction.objects.get_or_create(
        source=source,
        kind=kind,
        defaults={"payment": payment, "received": received, "refund": refund, "payout": payout},
    )
    if is_new:
        LedgerEntry.objects.bulk_create(
            LedgerEntry(
                transaction=booked,
                account=_account(line.account, line.currency),
                amount=minor_units(line.amount, line.currency),
            )
            for line in lines
            if line.amount
        )
    return booked


def _account(code: str, currency: str) -> LedgerAccount:
    account, _ = LedgerAccount.objects.get_or_create(
        code=code,
        currency=currency,
        defaults={"kind": _KINDS.get(code.partition(":")[0], LedgerAccount.Kind.LIABILITY)},
    )
    return account
