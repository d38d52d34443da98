"""What a stay costs. Nothing else adds up nights."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from bookings.models import Listing, SeasonalPrice
from ecommerce.money import ZERO


@dataclass(frozen=True)
class NightPrice:
    date: date
    price: Decimal  # of one unit


@dataclass(frozen=True)
class StayPrice:
    """What a stay costs, in the currency of the listing's product."""

    nights: tuple[NightPrice, ...]
    units: int

    @property
    def total(self) -> Decimal:
        return sum((night.price for night in self.nights), ZERO) * self.units

    @property
    def as_json(self) -> list[dict[str, Any]]:
        """Return the nights as a booking keeps them."""
        return [{"date": night.date.isoformat(), "price": str(night.price)} for night in self.nights]


def nights_between(start: date, end: date) -> list[date]:
    """Return the nights from one day to another, of which the last one is that before ``end``."""
    return [start + timedelta(days=number) for number in range((end - start).days)]


def seasons_of(listing_ids: Iterable[Any], start: date, end: date) -> dict[Any, list[SeasonalPrice]]:
    """Return the seasons that some listings have between two days, in one statement."""
    found: dict[Any, list[SeasonalPrice]] = {}
    for season in SeasonalPrice.objects.filter(listing__in=listing_ids, dates__overlap=(start, end)):
        found.setdefault(season.listing_id, []).append(season)
    return found


def price_stay(
    listing: Listing, start: date, end: date, *, units: int = 1, seasons: Sequence[SeasonalPrice] | None = None
) -> StayPrice:
    """Return what the nights from ``start`` to ``end`` cost: each its season's price, else the listing's.

    Prices have two places, and nothing is rounded: the total is their exact sum. ``seasons`` are read if not given.
    """
    if seasons is None:
        seasons = seasons_of([listing.pk], start, end).get(listing.pk, [])

    def price_of(night: date) -> Decimal:
        return next((season.price for season in seasons if night in season.dates), listing.price)

    return StayPrice(tuple(NightPrice(night, price_of(night)) for night in nights_between(start, end)), units)
