"""Listings, stays and days for tests, made the way the shop makes them."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db import connection
from django.utils import timezone

from accounts.models import User
from bookings import services
from bookings.checks import CHECKS
from bookings.listings.services import create_listing
from bookings.models import Booking, Listing
from bookings.rules import local_today
from bookings.services import Stay
from tests.factories import CategoryFactory, UserFactory

LATER = timedelta(minutes=15)  # how long holds last here


def day(number: int) -> date:
    """Return the day so many days from now, where the places are."""
    return local_today() + timedelta(days=number)


def host(**fields: Any) -> User:
    return UserFactory(role=User.Role.SELLER, **fields)


def listing_of(seller: User | None = None, *, price: str = "4000.00", **fields: Any) -> Listing:
    """Make a listing; ``fields`` are those of its product or its terms."""
    seller = seller or host()
    product = {
        "product_name": fields.pop("product_name", "Cottage in Naivasha"),
        "category": fields.pop("category", None) or CategoryFactory(),
        "seller": seller,
        **{name: fields.pop(name) for name in ("url_key", "description", "is_active") if name in fields},
    }
    seasons = fields.pop("seasons", ())
    terms = {
        "county": "Nakuru",
        "town": "Naivasha",
        "latitude": -0.7167,
        "longitude": 36.4333,
        "max_guests": 4,
        **fields,
    }
    return create_listing(actor=seller, product=product, price=Decimal(price), terms=terms, seasons=seasons)


def stay(listing: Listing, first: int = 10, last: int = 12, **fields: Any) -> Stay:
    """Return a wish for a stay from one day to another, both counted from today."""
    return Stay(
        listing_id=listing.pk,
        start=day(first),
        end=day(last),
        **{"guests": 2, "order_item_id": uuid4(), **fields},
    )


def held(listing: Listing, first: int = 10, last: int = 12, *, user: User | None = None, **fields: Any) -> Booking:
    [booking] = services.hold(
        [stay(listing, first, last, **fields)], user=user or UserFactory(), expires_at=timezone.now() + LATER
    )
    return booking


def booked(listing: Listing, first: int = 10, last: int = 12, **fields: Any) -> Booking:
    """Book a stay and pay for it."""
    [booking] = services.confirm([held(listing, first, last, **fields).order_item_id])
    return booking


def assert_calendars_hold() -> None:
    """Ask every question of ``manage.py check_invariants`` about calendars."""
    with connection.cursor() as cursor:
        for check in CHECKS:
            cursor.execute(check.sql)
            assert cursor.fetchall() == [], check.name
