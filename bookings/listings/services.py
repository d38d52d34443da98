"""Writing listings: each with its product, in one transaction.

The product's row is locked before the listing's. What makes the product (its name, what a night costs, who lets it) is
written by the catalogue's own services, which keep its history and its place in the search.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.db import transaction
from psycopg2.extras import DateRange

from accounts.models import User
from bookings import calendars
from bookings.exceptions import SeasonsOverlap
from bookings.models import Listing, SeasonalPrice
from catalog.editing.services import change_product, remove_product, write_product
from catalog.editing.variants import VariantEdit
from catalog.models import Product, Variant
from ecommerce.exceptions import ErrorRow
from ecommerce.models import new_id

_PRICE = "price_per_night"


@dataclass(frozen=True)
class Season:
    """What a night costs from one day to the night before another."""

    start: date
    end: date
    price: Decimal


@transaction.atomic
def create_listing(
    *, actor: User, product: Mapping[str, Any], price: Decimal, terms: Mapping[str, Any], seasons: Sequence[Season] = ()
) -> Listing:
    """Create a listing with its product, which costs ``price`` a night in the shop's currency.

    ``product`` are fields of ``Product``, ``terms`` those of ``Listing``.

    Raises:
        UrlKeyTaken, AttributesRefused: as for other products.
        SeasonsOverlap: a night would have two seasonal prices.
    """
    variant = VariantEdit(_PRICE, {"sku": f"STAY-{new_id().hex[-12:].upper()}", "price": price})
    made = write_product(actor=actor, fields={**product, "kind": Product.Kind.RENTAL}, variants=[variant])
    listing = Listing.objects.create(product=made, **terms)
    listing.refresh_from_db(fields=["price", "is_shown"])  # a trigger has put them in
    _set_seasons(listing, seasons)
    return listing


@transaction.atomic
def change_listing(
    listing_id: UUID,
    *,
    actor: User,
    product: Mapping[str, Any],
    terms: Mapping[str, Any],
    price: Decimal | None = None,
    seasons: Sequence[Season] | None = None,
) -> None:
    """Change what is named of a listing and of its product. Stays that are booked keep what they were booked at.

    Raises:
        Product.DoesNotExist, Listing.DoesNotExist: it has gone.
        ProductRemoved, UrlKeyTaken, AttributesRefused: as for other products.
        CapacityTooSmall: more units than that are taken in some night.
        SeasonsOverlap: a night would have two seasonal prices.
    """
    variants = None
    if price is not None:
        sold = Variant.objects.filter(product=listing_id, is_active=True).order_by("position", "sku")
        variants = [VariantEdit(_PRICE, {"price": price}, id=pk) for pk in sold.values_list("pk", flat=True)]
    change_product(listing_id, actor=actor, fields=product, variants=variants)
    listing = calendars.lock_listings([listing_id]).get(listing_id)
    if listing is None:
        raise Listing.DoesNotExist
    changed = [name for name, value in terms.items() if getattr(listing, name) != value]
    if "capacity" in changed:
        calendars.resize(listing, terms["capacity"])
    for name in changed:
        setattr(listing, name, terms[name])
    if changed:
        listing.save(update_fields=[*changed, "updated_at"])
    if seasons is not None:
        _set_seasons(listing, seasons)


def remove_listing(listing_id: UUID) -> None:
    """Take a listing out of the shop, with its product; a repeat changes nothing. Stays that are booked remain.

    Raises:
        Product.DoesNotExist: it has gone.
    """
    remove_product(listing_id)


@transaction.atomic
def change_calendar_address(listing_id: UUID) -> Listing:
    """End the secret address of a listing's calendar; return the listing, which has another one now."""
    listing = calendars.lock_listings([listing_id])[listing_id]
    listing.calendar_version += 1
    listing.save(update_fields=["calendar_version", "updated_at"])
    return listing


def _set_seasons(listing: Listing, seasons: Sequence[Season]) -> None:
    ordered = sorted(enumerate(seasons), key=lambda each: each[1].start)
    overlapping = [
        ErrorRow(SeasonsOverlap.code, SeasonsOverlap.message, f"seasonal_prices.{index}")
        for (_, before), (index, season) in pairwise(ordered)
        if season.start < before.end
    ]
    if overlapping:
        raise SeasonsOverlap(overlapping)
    listing.seasonal_prices.all().delete()
    SeasonalPrice.objects.bulk_create(
        SeasonalPrice(listing=listing, dates=DateRange(season.start, season.end), price=season.price)
        for season in seasons
    )
