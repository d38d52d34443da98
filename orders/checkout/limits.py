"""How much of the shop's stock one customer may hold without having paid for it; exact under concurrency.

The orders of one customer are placed one after the other. The function ``orders_take_turn`` (in the migrations) waits
for that, and tells what the customer holds then: one statement, before any stock is locked.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from django.conf import settings

from accounts.models import User
from ecommerce.prepared import Statement
from orders.exceptions import TooManyUnitsHeld, TooManyUnpaidOrders
from orders.lines import ItemInput
from orders.models import Order

_TAKE_TURN = Statement(
    "SELECT orders_take_turn(%(names)s, %(buyer)s, %(email)s, %(phone_number)s, %(products)s, %(variants)s)",
    names="text[]",
    buyer="uuid",
    email="text",
    phone_number="text",
    products="uuid[]",
    variants="uuid[]",
)


@dataclass(frozen=True)
class Turn:
    """Whose orders are placed one after the other: a user's, or a guest's, who is known by e-mail or phone number."""

    names: tuple[str, ...]
    email: str = ""
    phone_number: str = ""

    @classmethod
    def of(cls, user: User | None, *, email: str, phone_number: str) -> Self:
        if user is not None:
            return cls((f"unpaid-orders:user:{user.pk}",))
        # In one order, so that guests who share an e-mail or a phone number do not wait for each other in a circle.
        names = sorted(f"unpaid-orders:guest:{way}" for way in (email, phone_number) if way)
        return cls(tuple(names), email, phone_number)


@dataclass(frozen=True)
class Held:
    """What a customer's unpaid orders hold: how many there are, and units by product, of those that were asked for."""

    orders: int
    units: dict[UUID, int]


def take_turn(turn: Turn, items: Sequence[ItemInput], *, user_id: UUID | None) -> Held:
    """Wait until no other order of this customer is being placed; return what they hold then, of what they want."""
    ((text,),) = _TAKE_TURN.run(
        names=list(turn.names),
        buyer=user_id,
        email=turn.email,
        phone_number=turn.phone_number,
        products=[item.product_id for item in items if item.variant_id is None],
        variants=[item.variant_id for item in items if item.variant_id],
    )
    told = json.loads(text)
    return Held(told["orders"], {UUID(product_id): units for product_id, units in told["units"].items()})


def refuse_hoarding(order: Order, held: Held) -> None:
    """Refuse an order that was placed a moment ago, in this transaction, if its customer now holds too much.

    Raises:
        TooManyUnpaidOrders: there would be more than ``ORDER_MAX_UNPAID``.
        TooManyUnitsHeld: there would be more than ``ORDER_MAX_UNITS_HELD`` of one product in them.
    """
    if order.status != Order.Status.PENDING:  # paid at once, since it costs nothing
        return
    if held.orders >= settings.ORDER_MAX_UNPAID:
        raise TooManyUnpaidOrders()
    lines = list(order.items.all())
    units = Counter(held.units)
    for line in lines:
        units[line.product_id] += line.quantity
    too_many = [line.position for line in lines if units[line.product_id] > settings.ORDER_MAX_UNITS_HELD]
    if too_many:
        raise TooManyUnitsHeld(too_many)
