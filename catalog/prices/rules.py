"""What one unit costs. The only place that decides it; carts, orders and product pages ask here."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Offer:
    """An item of a price list that is in force for somebody. The price is of one unit."""

    min_quantity: int
    price: Decimal
    priority: int = 0


@dataclass(frozen=True)
class Break:
    """From so many units on, one of them costs so much."""

    min_quantity: int
    price: Decimal


def unit_price(own: Decimal, offers: Collection[Offer], quantity: int) -> Decimal:
    """Return what one of ``quantity`` units costs, when the variant's own price is ``own``.

    Of the offers that so many units reach, those of the highest priority count, and of them the lowest. A price list
    never raises a price: what it asks more than the variant's own price is not asked.
    """
    reached = [offer for offer in offers if offer.min_quantity <= quantity]
    if not reached:
        return own
    highest = max(offer.priority for offer in reached)
    return min(own, *(offer.price for offer in reached if offer.priority == highest))


def price_breaks(own: Decimal, offers: Collection[Offer]) -> list[Break]:
    """Return each quantity at which the price of one unit changes, with the new price; empty when it never does."""
    breaks: list[Break] = []
    before = own
    for quantity in sorted({1, *(offer.min_quantity for offer in offers)}):
        price = unit_price(own, offers, quantity)
        if price != before:
            breaks.append(Break(quantity, price))
        before = price
    return breaks
