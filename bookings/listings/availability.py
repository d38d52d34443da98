"""Telling what is free, and whether a stay could be booked."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from bookings import calendars
from bookings.exceptions import DatesTaken
from bookings.models import Listing
from bookings.pricing import price_stay
from bookings.rules import refusals
from ecommerce.exceptions import ErrorRow


@dataclass(frozen=True)
class Availability:
    """The nights of a listing between two days. ``total`` is for all of them, in ``currency``."""

    start_date: date
    end_date: date
    units: int
    refusals: list[ErrorRow]
    total: Decimal
    currency: str
    nights: list[dict[str, Any]]

    @property
    def is_available(self) -> bool:
        return not self.refusals


def availability_of(listing: Listing, start: date, end: date, *, guests: int, units: int) -> Availability:
    """Return what is free from ``start`` to ``end``, its price, and why it cannot be one stay; in two statements."""
    free = calendars.free_units(listing, start, end)
    price = price_stay(listing, start, end, units=units)
    why = list(refusals(listing, start, end, guests=guests, units=units))
    if min(free.values()) < units <= listing.capacity:
        why.append(ErrorRow(DatesTaken.code, DatesTaken.message))
    return Availability(
        start_date=start,
        end_date=end,
        units=units,
        refusals=why,
        total=price.total,
        currency=listing.product.currency,
        nights=[{"date": night.date, "units_free": free[night.date], "price": night.price} for night in price.nights],
    )
