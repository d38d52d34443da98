"""What apps above this one do when an order changes; payments put theirs in. Orders know nothing of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models.expressions import Combinable

from accounts.models import User
from orders.models import Order, OrderItem

# Run with an order that was just placed, in the same transaction.
after_placing: list[Callable[[Order], None]] = []
# Run before an order that somebody wants to cancel is locked, in the same transaction: for rows that are locked before
# orders, and for what must end with the order.
before_cancel: list[Callable[[UUID], None]] = []
# The same for one whose time to be paid is over. What may still bring its money is left alone: it is decided after the
# lock whether anything does.
before_expiry: list[Callable[[UUID], None]] = []
# Run with the cancelled, locked order, who did it, and their note. What they raise undoes the cancelling.
after_cancel: list[Callable[[Order, User | None, str], None]] = []

# Run before an order is locked whose total somebody wants to change, or of whose price some goes back, in the same
# transaction: for rows that are locked before orders.
before_change: list[Callable[[UUID], None]] = []
# Run with a locked, unpaid order whose total has changed. What they raise undoes the change.
total_changed: list[Callable[[Order], None]] = []
# Promise the customer of a locked order so much of what was paid, in its currency, for a reason, by whom, and for which
# lines (units and their worth); return how much was promised: less when less is left. Run one after the other, each for
# what those before it have not given. What they raise undoes everything.
GiveBack = Callable[[Order, Decimal, str, User | None, Sequence[tuple[OrderItem, int, Decimal]]], Decimal]
give_back: list[GiveBack] = []
# The same as credit for a next order.
give_credit: list[GiveBack] = []
# Let the customer's credit pay so much of a new order of theirs, which nobody else has seen yet.
pay_with_credit: list[Callable[[Order, Decimal], None]] = []
# Run with a locked, paid order and the lines of which something that is not shipped has just been handed over.
handed_over: list[Callable[[Order, Sequence[OrderItem]], None]] = []
# Run with a line of gift cards for whose recipient was just told something, under its order's lock. What they raise
# undoes it.
gift_told: list[Callable[[OrderItem, str, str], None]] = []

# Run before an order that a signed-in user takes over is locked, in the same transaction.
before_claim: list[Callable[[UUID, User], None]] = []
# Run with the way of paying that a customer wishes for, the total and its currency. What they raise refuses it.
payment_chosen: list[Callable[[str, Decimal, str], None]] = []


@dataclass(frozen=True)
class Receipt:
    """Money that paid for an order; ``amount`` is what it paid of it, in the order's currency."""

    number: str
    method: str
    amount: Decimal
    received_at: datetime


@dataclass(frozen=True)
class RefundedLine:
    order_item_id: UUID
    quantity: int
    amount: Decimal


@dataclass(frozen=True)
class Refunded:
    """What a customer has got back of an order's price, in the order's currency; ``lines`` need not fill it.

    Money that was never part of the price (paid too much, paid twice) is not in it.
    """

    refund_id: UUID
    order_id: UUID
    amount: Decimal
    reason: str = ""
    receipt_number: str = ""
    lines: tuple[RefundedLine, ...] = ()


# Asked for an expression over orders: what has paid each, less what went back of it, in its currency. No statement more
# for who reads orders; ``selectors`` adds the expressions up as ``paid_amount``.
paid_amounts: list[Callable[[], Combinable]] = []
# Asked for the receipts that paid an order, oldest first.
receipts_of: list[Callable[[UUID], list[Receipt]]] = []
# Run once for each refund, when its money has gone, in the transaction that books it.
after_refund: list[Callable[[Refunded], None]] = []
