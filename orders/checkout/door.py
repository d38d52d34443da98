"""Paying at the door: only as far as the zone of the delivery allows."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from orders.checkout.models import PaymentMethod
from orders.exceptions import PayAtDoorRefused


def refuse_at_the_door(payment_method: str, delivery: Mapping[str, Any], total: Decimal) -> None:
    """Refuse to take so much at the door of a delivery, as ``Order.delivery`` has it.

    Raises:
        PayAtDoorRefused: it is above the limit of the chosen method. Where no method was chosen there is none.
    """
    if payment_method != PaymentMethod.CASH_ON_DELIVERY or not delivery:
        return
    limit = delivery.get("pay_at_door_limit")
    if limit is not None and not 0 < total <= Decimal(limit):
        raise PayAtDoorRefused(Decimal(limit))
