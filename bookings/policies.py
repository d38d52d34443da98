"""What a guest gets back who cancels a confirmed stay.

Time counts back from the check-in of the first night, by the clock of the place.

| policy | all of it | part of it | nothing |
| --- | --- | --- | --- |
| flexible | until 24 hours before | later: all nights but the first | from check-in on |
| moderate | until 5 days before | later: half of all nights but the first | from check-in on |
| strict | within 48 hours after the booking, if 14 days or more are left | until 7 days before: half | later |

Whoever is cancelled upon, by host or staff, gets everything back; after check-in, the nights that have not begun.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from bookings.models import LOCAL, Booking, CancellationPolicy
from ecommerce.money import ZERO, round_money

_HALF = Decimal("0.5")
FLEXIBLE_UNTIL = timedelta(hours=24)
MODERATE_UNTIL = timedelta(days=5)
STRICT_HALF_UNTIL = timedelta(days=7)
STRICT_WHOLE_UNTIL = timedelta(days=14)
STRICT_SECOND_THOUGHTS = timedelta(hours=48)


def refund_for(booking: Booking, *, at: datetime, by_guest: bool) -> Decimal:
    """Return how much of a confirmed booking's total goes back if it is cancelled at that moment.

    In the booking's currency, rounded half up to two places.
    """
    if not by_guest:
        return _of_others(booking, at)
    left = booking.begins_at - at
    if left <= timedelta(0):
        return ZERO
    but_the_first = booking.total - Decimal(booking.nights[0]["price"]) * booking.units
    match booking.cancellation_policy:
        case CancellationPolicy.FLEXIBLE:
            return booking.total if left >= FLEXIBLE_UNTIL else but_the_first
        case CancellationPolicy.MODERATE:
            return booking.total if left >= MODERATE_UNTIL else round_money(but_the_first * _HALF)
    # Strict, which is also what an unknown one would be.
    booked_at = booking.confirmed_at or booking.created_at
    if left >= STRICT_WHOLE_UNTIL and at - booked_at <= STRICT_SECOND_THOUGHTS:
        return booking.total
    return round_money(booking.total * _HALF) if left >= STRICT_HALF_UNTIL else ZERO


def _of_others(booking: Booking, at: datetime) -> Decimal:
    if at < booking.begins_at:
        return booking.total
    today = at.astimezone(LOCAL).date().isoformat()
    to_come = (Decimal(night["price"]) for night in booking.nights if night["date"] > today)
    return sum(to_come, ZERO) * booking.units
