"""Guests at the same time: no night is let twice, nobody deadlocks, everybody is told the truth."""

import random
import threading
from collections import Counter

import pytest
from django.db import connection, transaction
from django.utils import timezone

from bookings import services
from bookings.blocked.services import block_dates
from bookings.exceptions import DatesTaken
from bookings.models import Booking, Occupancy
from ecommerce.transactions import retry_on_conflict
from tests.bookings.stays import LATER, assert_calendars_hold, day, held, listing_of, stay
from tests.racing import at_once

pytestmark = pytest.mark.django_db(transaction=True)

GUESTS = 200
CONNECTIONS = threading.Semaphore(24)  # as servers have them: a few connections for many guests


def book(*stays) -> str:
    """Hold stays as an order does, in its own transaction; return what was said."""

    def attempt() -> str:
        with transaction.atomic():
            services.hold(stays, user=None, expires_at=timezone.now() + LATER)
        return "held"

    return guarded(attempt)


def guarded(attempt) -> str:
    with CONNECTIONS:
        try:
            return retry_on_conflict(attempt)
        except DatesTaken as refused:
            return ",".join(sorted({row.code for row in refused.rows}))
        finally:
            connection.close()


def test_two_hundred_guests_race_for_overlapping_nights_of_one_listing():
    listing = listing_of()
    chance = random.Random(7)
    starts = [chance.randrange(1, 28) for _ in range(GUESTS)]
    wishes = [stay(listing, first, first + chance.randrange(1, 6)) for first in starts]

    said = at_once([lambda wish=wish: book(wish) for wish in wishes])

    bookings = list(Booking.objects.all())
    assert set(said) == {"held", "dates_taken"}
    assert Counter(said)["held"] == len(bookings)
    nights = Counter(night["date"] for booking in bookings for night in booking.nights)
    assert set(nights.values()) == {1}
    # Nobody was refused for nothing: who got no dates wanted a night that somebody has.
    refused = [wish for wish, answer in zip(wishes, said, strict=True) if answer == "dates_taken"]
    for wish in refused:
        assert Occupancy.objects.filter(listing=listing, dates__overlap=(wish.start, wish.end)).exists()
    assert_calendars_hold()


def test_two_hundred_guests_race_for_five_rooms():
    listing = listing_of(capacity=5)

    said = at_once([lambda: book(stay(listing, 10, 13)) for _ in range(GUESTS)])

    assert Counter(said) == {"held": 5, "dates_taken": GUESTS - 5}
    assert Booking.objects.count() == 5
    assert_calendars_hold()


def test_carts_with_the_same_stays_in_opposite_order_do_not_deadlock():
    rooms = [listing_of(capacity=30) for _ in range(3)]
    chance = random.Random(3)

    def cart() -> list:
        shuffled = chance.sample(rooms, 3)
        return [stay(room, 10, 12) for room in shuffled]

    carts = [cart() for _ in range(40)]
    said = at_once([lambda wishes=wishes: book(*wishes) for wishes in carts])

    assert Counter(said) == {"held": 30, "dates_taken": 10}
    assert Booking.objects.count() == 90
    assert_calendars_hold()


def test_host_who_blocks_and_guests_who_book_never_share_a_night():
    listing = listing_of()

    def block() -> str:
        block_dates(listing.pk, start=day(10), end=day(12))
        return "blocked"

    said = at_once(
        [
            *(lambda: book(stay(listing, 11, 13)) for _ in range(15)),
            *(lambda: guarded(block) for _ in range(5)),
        ]
    )

    assert Counter(said)["dates_taken"] == 19
    assert Occupancy.objects.count() == 1
    assert_calendars_hold()


def test_hold_is_confirmed_or_expires_and_never_both():
    listing = listing_of(capacity=20)
    holds = [held(listing, 10, 12) for _ in range(10)]
    Booking.objects.update(expires_at=timezone.now())

    def confirm(booking: Booking) -> str:
        try:
            services.confirm([booking.order_item_id])
        except services.BookingGone:
            return "gone"
        return "confirmed"

    said = at_once(
        [
            *(lambda booking=booking: confirm(booking) for booking in holds),
            *(lambda: str(services.expire_holds()) for _ in range(4)),
        ]
    )[:10]

    statuses = {booking.pk: booking.status for booking in Booking.objects.all()}
    assert [statuses[booking.pk] for booking in holds] == [
        {"confirmed": "confirmed", "gone": "cancelled"}[answer] for answer in said
    ]
    assert_calendars_hold()
