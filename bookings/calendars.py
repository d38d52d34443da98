"""Calendars: the only place that writes ``Occupancy`` and ``Night``.

A listing's row is locked before its dates are read or written, and several are locked in the order of their ids, after
the stock rows of the same order: two carts with the same stays in opposite order must not deadlock, and an exclusion
constraint alone would let two writers of the same dates wait for each other.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from psycopg2.extras import DateRange

from bookings.exceptions import CapacityTooSmall
from bookings.models import BlockedDates, Booking, Listing, Night, Occupancy
from bookings.pricing import nights_between
from ecommerce.exceptions import ErrorRow

_COUNT = """
INSERT INTO bookings_night AS n (listing_id, date, capacity, taken)
SELECT o.listing_id, d::date, %(capacity)s, sum(o.units)
FROM bookings_occupancy AS o,
    generate_series(lower(o.dates)::timestamp, upper(o.dates)::timestamp - interval '1 day', '1 day') AS d
WHERE {which}
GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (listing_id, date) DO UPDATE SET taken = n.taken + excluded.taken
"""
_UNCOUNT = """
UPDATE bookings_night AS n SET taken = n.taken - given.units
FROM (
    SELECT o.listing_id, d::date AS date, sum(o.units) AS units
    FROM bookings_occupancy AS o,
        generate_series(lower(o.dates)::timestamp, upper(o.dates)::timestamp - interval '1 day', '1 day') AS d
    WHERE o.id = ANY(%s) AND NOT o.is_exclusive
    GROUP BY 1, 2
) AS given
WHERE n.listing_id = given.listing_id AND n.date = given.date
"""
_MOST_TAKEN = """
SELECT coalesce(max(taken), 0) FROM (
    SELECT sum(CASE WHEN b.id IS NOT NULL AND b.units IS NULL THEN %(capacity)s ELSE o.units END) AS taken
    FROM bookings_occupancy AS o
        LEFT JOIN bookings_blockeddates AS b ON b.id = o.blocked_id,
        generate_series(lower(o.dates)::timestamp, upper(o.dates)::timestamp - interval '1 day', '1 day') AS d
    WHERE o.listing_id = %(listing)s GROUP BY d
) AS nights
"""


def lock_listings(listing_ids: Iterable[UUID]) -> dict[UUID, Listing]:
    """Lock listings in the one order and return them by id, with their products (which are not locked)."""
    rows = (
        Listing.objects.select_for_update(of=("self",), no_key=True)
        .select_related("product")
        .defer("product__search_vector", "product__description", "product__attributes")
        .filter(pk__in=set(listing_ids))
        .order_by("pk")
    )
    return {row.pk: row for row in rows}


def free_units(listing: Listing, start: date, end: date) -> dict[date, int]:
    """Return how many units are free in each night from ``start`` to ``end``, in one statement."""
    free = dict.fromkeys(nights_between(start, end), listing.capacity)
    if listing.capacity == 1:
        for dates in listing.occupancies.filter(dates__overlap=(start, end)).values_list("dates", flat=True):
            for night in nights_between(max(dates.lower, start), min(dates.upper, end)):
                free[night] = 0
    else:
        counted = listing.nights.filter(date__gte=start, date__lt=end)
        free |= {night: capacity - taken for night, capacity, taken in counted.values_list("date", "capacity", "taken")}
    return free


def occupy(
    listing: Listing,
    start: date,
    end: date,
    units: int,
    *,
    booking: Booking | None = None,
    blocked: BlockedDates | None = None,
) -> Occupancy:
    """Take units of a locked listing for a booking or its host.

    Raises:
        IntegrityError: some night is not free; callers have looked before.
    """
    taken = Occupancy.objects.create(
        listing=listing,
        dates=DateRange(start, end),
        units=units,
        is_exclusive=listing.capacity == 1,
        booking=booking,
        blocked=blocked,
    )
    if not taken.is_exclusive:
        with connection.cursor() as cursor:
            cursor.execute(_COUNT.format(which="o.id = %(id)s"), {"id": taken.pk, "capacity": listing.capacity})
    return taken


def vacate(occupancies: QuerySet[Occupancy]) -> None:
    """Give dates back, whose listings are locked."""
    ids = list(occupancies.values_list("pk", flat=True))
    if not ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(_UNCOUNT, [ids])
    Occupancy.objects.filter(pk__in=ids).delete()


def resize(listing: Listing, capacity: int) -> None:
    """Let a locked listing have more or fewer units from now on; ``listing`` is changed and not saved.

    Raises:
        CapacityTooSmall: more than that are taken in some night; nothing is changed.
    """
    if capacity == listing.capacity:
        return
    with connection.cursor() as cursor:
        cursor.execute(_MOST_TAKEN, {"capacity": capacity, "listing": listing.pk})
        [most] = cursor.fetchone()
        if most > capacity:
            raise CapacityTooSmall([ErrorRow(CapacityTooSmall.code, CapacityTooSmall.message, "capacity")])
        whole = Q(blocked__isnull=False, blocked__units__isnull=True)
        listing.nights.all().delete()
        listing.occupancies.filter(whole).update(units=capacity)
        listing.occupancies.update(is_exclusive=capacity == 1)
        if capacity > 1:
            cursor.execute(_COUNT.format(which="o.listing_id = %(id)s"), {"id": listing.pk, "capacity": capacity})
    listing.capacity = capacity


def forget_past(today: date) -> None:
    """Delete what was before ``today``: nobody takes or gives back a night that is over."""
    Occupancy.objects.filter(dates__endswith__lte=today, blocked__isnull=False).delete()
    Night.objects.filter(date__lt=today).delete()


def gaps(start: date, end: date, free: Mapping[date, int], units: int) -> list[tuple[date, date]]:
    """Return the stretches between two days in all nights of which so many units are free."""
    found: list[tuple[date, date]] = []
    for night in nights_between(start, end):
        if free[night] < units:
            continue
        following = date.fromordinal(night.toordinal() + 1)
        if found and found[-1][1] == night:
            found[-1] = (found[-1][0], following)
        else:
            found.append((night, following))
    return found
