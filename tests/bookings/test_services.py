"""Holding, confirming and giving back dates: what is taken, what is refused, and that a refusal changes nothing."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone
from psycopg2.extras import DateRange

from bookings import calendars, hooks, services
from bookings.blocked.services import block_dates, change_block, unblock
from bookings.exceptions import (
    BookingGone,
    CapacityTooSmall,
    DatesTaken,
    InvalidBookingTransition,
    ListingUnavailable,
    StayRefused,
)
from bookings.listings.services import Season, change_listing, remove_listing
from bookings.models import Booking, Listing, Night, Occupancy
from bookings.pricing import price_stay
from bookings.rules import HORIZON
from bookings.services import hold
from catalog.editing.services import bring_back, change_product
from orders.models import CartItem, Order
from tests.bookings.stays import LATER, assert_calendars_hold, booked, day, held, host, listing_of, stay
from tests.clients import client_for
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def soon():
    return timezone.now() + LATER


def rows(error) -> list[tuple[str, str | None]]:
    return [(row.code, row.attr) for row in error.value.rows]


def calendar() -> list[tuple]:
    """Return everything that is taken: of which booking or block, from when to when, how many units."""
    return sorted(
        Occupancy.objects.annotate(start=F("dates__startswith"), end=F("dates__endswith")).values_list(
            "listing_id", "start", "end", "units", "booking_id", "blocked_id"
        ),
        key=str,
    )


def refused_by(refusal, *stays, user=None):
    """Expect a refusal that changes nothing; return its rows."""
    before = (Booking.objects.count(), calendar(), list(Night.objects.values_list("date", "taken")))
    with pytest.raises(refusal) as error, transaction.atomic():
        hold(stays, user=user, expires_at=soon())
    assert (Booking.objects.count(), calendar(), list(Night.objects.values_list("date", "taken"))) == before
    return rows(error)


# --- What a stay costs --------------------------------------------------------------------------------------


def test_stay_costs_each_night_at_its_seasons_price():
    listing = listing_of(
        price="4000.00",
        seasons=[Season(day(11), day(13), Decimal("5500.50")), Season(day(20), day(25), Decimal("9000.00"))],
    )

    price = price_stay(listing, day(10), day(14), units=2)

    assert [night.price for night in price.nights] == [
        Decimal("4000.00"),
        Decimal("5500.50"),
        Decimal("5500.50"),
        Decimal("4000.00"),
    ]
    assert price.total == Decimal("38002.00")


def test_last_day_of_a_season_costs_what_other_nights_cost():
    listing = listing_of(price="4000.00", seasons=[Season(day(10), day(11), Decimal("1.00"))])

    assert [night.price for night in price_stay(listing, day(9), day(12)).nights] == [
        Decimal("4000.00"),
        Decimal("1.00"),
        Decimal("4000.00"),
    ]


def test_seasons_cannot_overlap_even_in_the_database():
    listing = listing_of(seasons=[Season(day(10), day(12), Decimal("1.00"))])

    with pytest.raises(IntegrityError), transaction.atomic():
        listing.seasonal_prices.create(dates=DateRange(day(11), day(13)), price=1)
    listing.seasonal_prices.create(dates=DateRange(day(12), day(13)), price=1)


# --- Holding ------------------------------------------------------------------------------------------------


def test_hold_keeps_what_the_stay_was_booked_at():
    listing = listing_of(
        price="4000.00", cancellation_policy="strict", seasons=[Season(day(11), day(12), Decimal(5000))]
    )
    guest = UserFactory()
    wanted = stay(listing, 10, 12, guests=3)

    [booking] = hold([wanted], user=guest, expires_at=soon())

    booking.refresh_from_db()
    assert (booking.user, booking.listing, booking.guests, booking.units) == (guest, listing, 3, 1)
    assert (booking.start_date, booking.end_date, booking.status) == (day(10), day(12), "pending")
    assert (booking.total, booking.currency, booking.cancellation_policy) == (Decimal("9000.00"), "KES", "strict")
    assert booking.nights == [
        {"date": day(10).isoformat(), "price": "4000.00"},
        {"date": day(11).isoformat(), "price": "5000.00"},
    ]
    assert booking.order_item_id == wanted.order_item_id
    assert calendar() == [(listing.pk, day(10), day(12), 1, booking.pk, None)]


@pytest.mark.parametrize(("first", "last"), [(10, 12), (9, 11), (11, 13), (5, 20), (11, 12)])
def test_overlapping_nights_are_refused(first, last):
    listing = listing_of()
    held(listing, 10, 12)

    assert refused_by(DatesTaken, stay(listing, first, last, attr="items.3")) == [("dates_taken", "items.3")]


@pytest.mark.parametrize(("first", "last"), [(8, 10), (12, 14)])
def test_guests_come_on_the_day_others_leave(first, last):
    listing = listing_of()
    booked(listing, 10, 12)

    assert held(listing, first, last).status == "pending"
    assert_calendars_hold()


def test_every_stay_that_cannot_be_had_is_named():
    taken, free = listing_of(), listing_of()
    booked(taken, 10, 12)

    refused = refused_by(
        DatesTaken,
        stay(taken, 11, 13, attr="items.0"),
        stay(free, 10, 12, attr="items.1"),
        stay(free, 11, 12, attr="items.2"),  # which the line before has just taken
    )

    assert refused == [("dates_taken", "items.0"), ("dates_taken", "items.2")]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"first": -1, "last": 2}, "dates_past"),
        ({"first": 12, "last": 12}, "end_before_start"),
        ({"first": 12, "last": 10}, "end_before_start"),
        ({"first": 10, "last": 11}, "minimum_stay"),
        ({"first": 10, "last": 200}, "stay_too_long"),
        ({"first": HORIZON.days - 1, "last": HORIZON.days + 1}, "dates_too_far"),
        ({"guests": 5}, "too_many_guests"),
        ({"guests": 0}, "too_many_guests"),
        ({"units": 2}, "too_many_units"),
        ({"units": 0}, "too_many_units"),
    ],
)
def test_stays_that_a_listing_does_not_take_are_refused_by_name(fields, code):
    listing = listing_of(minimum_stay=2, max_guests=4)
    first, last = fields.pop("first", 10), fields.pop("last", 12)

    assert refused_by(StayRefused, stay(listing, first, last, attr="items.1", **fields)) == [(code, "items.1")]


def test_hosts_cannot_book_their_own():
    seller = host()

    assert refused_by(StayRefused, stay(listing_of(seller)), user=seller) == [("own_listing", "items.0")]


def test_listing_that_was_removed_or_hidden_cannot_be_booked_until_it_is_back():
    seller = host()
    removed, hidden = listing_of(seller), listing_of(seller)
    remove_listing(removed.pk)
    change_product(hidden.pk, actor=seller, fields={"is_active": False})
    wishes = [stay(removed, attr="items.0"), stay(hidden, attr="items.1")]

    assert refused_by(ListingUnavailable, *wishes) == [
        ("listing_unavailable", "items.0"),
        ("listing_unavailable", "items.1"),
    ]
    bring_back(removed.pk)
    change_product(hidden.pk, actor=seller, fields={"is_active": True})
    assert len(hold(wishes, user=None, expires_at=soon())) == 2


def test_new_price_of_the_product_is_that_of_the_next_hold_and_not_of_the_last():
    listing = listing_of(price="4000.00")
    before = held(listing, 10, 11)

    change_listing(listing.pk, actor=listing.product.seller, product={}, terms={}, price=Decimal("4500.00"))

    assert held(listing, 11, 12).total == Decimal("4500.00")
    before.refresh_from_db()
    assert before.total == Decimal("4000.00")
    assert_calendars_hold()


# --- Several units ------------------------------------------------------------------------------------------


def test_units_are_counted_night_by_night():
    listing = listing_of(capacity=3)
    held(listing, 10, 13, units=2)
    held(listing, 12, 14, units=1)

    assert calendars.free_units(listing, day(9), day(15)) == {
        day(9): 3,
        day(10): 1,
        day(11): 1,
        day(12): 0,
        day(13): 2,
        day(14): 3,
    }
    assert refused_by(DatesTaken, stay(listing, 11, 13)) == [("dates_taken", "items.0")]
    assert held(listing, 10, 12).units == 1
    assert_calendars_hold()


def test_more_units_take_more_guests():
    listing = listing_of(capacity=3, max_guests=2)

    assert held(listing, guests=6, units=3).total == Decimal("24000.00")
    assert refused_by(StayRefused, stay(listing, 20, 22, guests=3)) == [("too_many_guests", "items.0")]


def test_database_refuses_a_night_that_is_overbooked():
    listing = listing_of(capacity=2)
    held(listing, 10, 12, units=2)
    stranger = Booking.objects.get()
    stranger.pk, stranger.order_item_id, stranger._state.adding = uuid4(), uuid4(), True
    stranger.save()

    with pytest.raises(IntegrityError, match="night_not_overbooked"), transaction.atomic():
        calendars.occupy(listing, day(11), day(12), 1, booking=stranger)


def test_database_refuses_two_bookings_of_one_night():
    listing = listing_of()
    held(listing, 10, 12)
    stranger = Booking.objects.get()
    stranger.pk, stranger.order_item_id, stranger._state.adding = uuid4(), uuid4(), True
    stranger.save()

    with pytest.raises(IntegrityError, match="occupancy_once_a_night"), transaction.atomic():
        calendars.occupy(listing, day(11), day(13), 1, booking=stranger)


def test_capacity_grows_and_shrinks_as_far_as_nights_are_free():
    listing = listing_of(capacity=1)
    seller = listing.product.seller
    held(listing, 10, 12)
    block_dates(listing.pk, start=day(20), end=day(22))

    change_listing(listing.pk, actor=seller, product={}, terms={"capacity": 3})
    listing = Listing.objects.get(pk=listing.pk)
    held(listing, 11, 13, units=2)
    assert calendars.free_units(listing, day(10), day(13)) == {day(10): 2, day(11): 0, day(12): 1}
    assert calendars.free_units(listing, day(20), day(22)) == {day(20): 0, day(21): 0}
    assert_calendars_hold()

    before = calendar()
    with pytest.raises(CapacityTooSmall) as error:
        change_listing(listing.pk, actor=seller, product={}, terms={"capacity": 2})
    assert rows(error) == [("capacity_too_small", "capacity")]
    assert (Listing.objects.get(pk=listing.pk).capacity, calendar()) == (3, before)

    services.release([Booking.objects.get(units=2).order_item_id])
    change_listing(listing.pk, actor=seller, product={}, terms={"capacity": 1})
    assert set(Occupancy.objects.values_list("is_exclusive", "units")) == {(True, 1)}
    assert Night.objects.count() == 0
    assert_calendars_hold()


# --- The life of a booking ----------------------------------------------------------------------------------


def test_extending_holds_longer_and_never_shorter():
    booking = held(listing_of())
    until = booking.expires_at

    services.extend([booking.order_item_id], expires_at=until + timedelta(minutes=5))
    services.extend([booking.order_item_id], expires_at=until)

    booking.refresh_from_db()
    assert booking.expires_at == until + timedelta(minutes=5)


def test_confirming_twice_is_confirming_once():
    booking = held(listing_of())

    [first] = services.confirm([booking.order_item_id])
    [again] = services.confirm([booking.order_item_id])

    assert (first.status, first.expires_at) == ("confirmed", None)
    assert again.confirmed_at == first.confirmed_at
    assert_calendars_hold()


def test_releasing_gives_held_dates_back_once_and_confirmed_ones_never():
    listing = listing_of(capacity=2)
    gone, kept = held(listing, 10, 12), booked(listing, 10, 12)

    for _ in range(2):
        services.release([gone.order_item_id, kept.order_item_id])

    gone.refresh_from_db()
    assert (gone.status, gone.ended_by) == ("cancelled", "order")
    assert calendar() == [(listing.pk, day(10), day(12), 1, kept.pk, None)]
    assert calendars.free_units(listing, day(10), day(12)) == {day(10): 1, day(11): 1}
    assert_calendars_hold()


def test_released_booking_is_neither_confirmed_nor_extended():
    listing = listing_of()
    booking, other = held(listing, 10, 12), held(listing, 20, 22)
    services.release([booking.order_item_id])
    both = [booking.order_item_id, other.order_item_id]

    with pytest.raises(BookingGone):
        services.confirm(both)
    with pytest.raises(BookingGone), transaction.atomic():
        services.extend(both, expires_at=timezone.now() + timedelta(days=1))

    other.refresh_from_db()
    assert (other.status, other.expires_at < timezone.now() + timedelta(hours=1)) == ("pending", True)


def test_dates_of_a_cancelled_booking_are_free_again():
    listing = listing_of()
    booking = booked(listing, 30, 32)

    cancelled = services.cancel(booking.pk, by=Booking.EndedBy.GUEST, actor=booking.user)

    booking.refresh_from_db()
    assert (booking.status, booking.ended_by, booking.ended_by_user) == ("cancelled", "guest", booking.user)
    assert (cancelled.refund, booking.refund_amount) == (Decimal("8000.00"), Decimal("8000.00"))
    assert held(listing, 30, 32).status == "pending"
    with pytest.raises(InvalidBookingTransition) as error:
        services.cancel(booking.pk, by=Booking.EndedBy.GUEST)
    assert error.value.extra == {"allowed": []}


def test_hold_whose_time_is_over_is_released_unless_its_money_may_still_come(monkeypatch):
    listing = listing_of()
    over, awaited, young, paid = (held(listing, first, first + 2) for first in (10, 20, 30, 40))
    Booking.objects.exclude(pk=young.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    services.confirm([paid.order_item_id])
    asked = []
    monkeypatch.setattr(hooks, "awaited", [lambda items: asked.append(set(items)) or {awaited.order_item_id}])

    assert services.expire_holds() == 1
    assert services.expire_holds() == 0

    statuses = {booking.pk: booking.status for booking in Booking.objects.all()}
    assert statuses == {over.pk: "cancelled", awaited.pk: "pending", young.pk: "pending", paid.pk: "confirmed"}
    assert Booking.objects.get(pk=over.pk).ended_by == "time"
    assert asked == [{over.order_item_id, awaited.order_item_id}, {awaited.order_item_id}]
    assert_calendars_hold()


def test_stay_is_completed_on_the_day_its_guests_leave_and_its_nights_are_forgotten():
    listing, rooms = listing_of(), listing_of(capacity=2)
    left, staying = booked(listing, 0, 1), booked(listing, 1, 3)
    room = booked(rooms, 0, 1)
    block = block_dates(rooms.pk, start=day(0), end=day(1), units=1)
    for days, booking in ((1, left), (1, staying), (1, room)):
        earlier = DateRange(booking.start_date - timedelta(days), booking.end_date - timedelta(days))
        Booking.objects.filter(pk=booking.pk).update(dates=earlier)
        Occupancy.objects.filter(booking=booking).update(dates=earlier)
    Occupancy.objects.filter(blocked=block).update(dates=DateRange(day(-1), day(0)))
    Night.objects.update(date=F("date") - 1)

    assert services.complete_past() == 2
    assert services.complete_past() == 0

    left.refresh_from_db()
    assert (left.status, left.ended_at is not None, left.refund_amount) == ("completed", True, None)
    assert [row[4] for row in calendar()] == [staying.pk]
    assert Night.objects.count() == 0
    assert_calendars_hold()


# --- Blocked dates ------------------------------------------------------------------------------------------


def test_blocked_dates_and_bookings_exclude_each_other():
    listing = listing_of()
    booked(listing, 10, 12)
    block_dates(listing.pk, start=day(20), end=day(25))
    before = calendar()

    assert refused_by(DatesTaken, stay(listing, 24, 26)) == [("dates_taken", "items.0")]
    with pytest.raises(DatesTaken), transaction.atomic():
        block_dates(listing.pk, start=day(11), end=day(14))
    with pytest.raises(DatesTaken), transaction.atomic():
        block_dates(listing.pk, start=day(20), end=day(21))

    assert (calendar(), listing.blocked_dates.count()) == (before, 1)
    assert held(listing, 12, 20).status == "pending"


def test_block_that_moves_takes_the_new_dates_or_keeps_the_old_ones():
    listing = listing_of()
    booked(listing, 10, 12)
    block = block_dates(listing.pk, start=day(20), end=day(22))
    there = {"listing_id": listing.pk, "units": None, "note": ""}

    change_block(block.pk, start=day(21), end=day(24), **there)
    with pytest.raises(DatesTaken), transaction.atomic():
        change_block(block.pk, start=day(11), end=day(13), **there)

    assert [(start, end) for _, start, end, _, _, blocked in calendar() if blocked] == [(day(21), day(24))]
    block.refresh_from_db()
    assert (block.dates.lower, block.dates.upper) == (day(21), day(24))


def test_some_of_several_units_are_blocked_and_let_again():
    listing = listing_of(capacity=3)
    booked(listing, 10, 12)
    with pytest.raises(DatesTaken), transaction.atomic():
        block_dates(listing.pk, start=day(11), end=day(14))  # all three

    block = block_dates(listing.pk, start=day(11), end=day(14), units=2)
    assert refused_by(DatesTaken, stay(listing, 11, 12)) == [("dates_taken", "items.0")]
    for _ in range(2):
        unblock(block.pk, listing_id=listing.pk)

    assert calendars.free_units(listing, day(11), day(13)) == {day(11): 2, day(12): 3}
    assert_calendars_hold()


def test_block_of_another_listing_is_left_alone():
    listing, other = listing_of(), listing_of()
    block = block_dates(listing.pk, start=day(20), end=day(22))
    before = calendar()

    unblock(block.pk, listing_id=other.pk)
    with pytest.raises(block.DoesNotExist):
        change_block(block.pk, listing_id=other.pk, start=day(1), end=day(2), units=None, note="")

    assert (calendar(), listing.blocked_dates.count()) == (before, 1)


# --- Not without dates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/api/orders/", lambda product, variant: {"items": [{"product_id": product, "quantity": 1}]}),
        ("/api/orders/", lambda product, variant: {"items": [{"variant_id": variant, "quantity": 1}]}),
        ("/api/cart/items/", lambda product, variant: {"variant_id": variant, "quantity": 1}),
    ],
)
def test_listing_is_not_sold_as_goods_are(url, body):
    listing = listing_of()
    variant = listing.product.variants.get()

    answer = client_for(UserFactory()).post(url, body(str(listing.pk), str(variant.pk)))

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "product_unavailable")
    assert (Order.objects.count(), CartItem.objects.count()) == (0, 0)


# --- What it costs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stays", [1, 3])
def test_statements_of_a_hold_grow_with_its_stays_alone(stays, django_assert_num_queries):
    wishes = [stay(listing_of()) for _ in range(stays)]

    with connection.cursor(), django_assert_num_queries(2 + 3 * stays):
        hold(wishes, user=None, expires_at=soon())
