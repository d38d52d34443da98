"""Blocking dates, and letting them again."""

from datetime import date
from uuid import UUID

from django.db import transaction
from psycopg2.extras import DateRange

from bookings import calendars
from bookings.exceptions import BlockRefused, DatesTaken
from bookings.models import BlockedDates, Listing, Occupancy
from bookings.rules import HORIZON, local_today
from ecommerce.exceptions import ErrorRow

MAX_BLOCKS = 500  # of one listing, those that are past not counted


@transaction.atomic
def block_dates(listing_id: UUID, *, start: date, end: date, units: int | None = None, note: str = "") -> BlockedDates:
    """Let nothing, or so many ``units`` fewer, from ``start`` to the night before ``end``.

    Raises:
        Listing.DoesNotExist: there is none.
        BlockRefused: says what is wrong with the dates or the units.
        DatesTaken: somebody has booked some of these nights, or they are blocked already.
    """
    listing = _locked(listing_id)
    blocked = BlockedDates(listing=listing, note=note)
    _put(blocked, listing, start, end, units)
    return blocked


@transaction.atomic
def change_block(
    blocked_id: UUID, *, listing_id: UUID, start: date, end: date, units: int | None, note: str
) -> BlockedDates:
    """Block other dates in the place of some; what is not free of others stays as it was.

    Raises:
        Listing.DoesNotExist, BlockedDates.DoesNotExist: it has gone.
        BlockRefused, DatesTaken: as ``block_dates``.
    """
    listing = _locked(listing_id)
    blocked = BlockedDates.objects.get(pk=blocked_id, listing=listing)
    blocked.note = note
    calendars.vacate(Occupancy.objects.filter(blocked=blocked))
    _put(blocked, listing, start, end, units)
    return blocked


@transaction.atomic
def unblock(blocked_id: UUID, *, listing_id: UUID) -> None:
    """Let blocked dates again; a repeat changes nothing.

    Raises:
        Listing.DoesNotExist: there is none.
    """
    listing = _locked(listing_id)
    calendars.vacate(Occupancy.objects.filter(blocked=blocked_id, listing=listing))
    BlockedDates.objects.filter(pk=blocked_id, listing=listing).delete()


def _locked(listing_id: UUID) -> Listing:
    listing = calendars.lock_listings([listing_id]).get(listing_id)
    if listing is None:
        raise Listing.DoesNotExist
    return listing


def _put(blocked: BlockedDates, listing: Listing, start: date, end: date, units: int | None) -> None:
    today = local_today()
    if end <= start:
        raise _refused("end_before_start", "The last day comes after the first.", "end_date")
    if end <= today:
        raise _refused("dates_past", "These dates are past.", "end_date")
    if end > today + HORIZON:
        raise _refused("dates_too_far", f"Blocked dates end within {HORIZON.days} days from now.", "end_date")
    if units is not None and units > listing.capacity:
        raise _refused("too_many_units", f"There are {listing.capacity} units here.", "units")
    others = listing.blocked_dates.filter(dates__endswith__gt=today).exclude(pk=blocked.pk)
    if others.count() >= MAX_BLOCKS:
        raise _refused("too_many_blocks", f"A listing has at most {MAX_BLOCKS} blocked dates.", None)
    wanted = listing.capacity if units is None else units
    if min(calendars.free_units(listing, start, end).values()) < wanted:
        raise DatesTaken([ErrorRow(DatesTaken.code, DatesTaken.message, "start_date")])
    blocked.dates, blocked.units = DateRange(start, end), units
    blocked.save()
    calendars.occupy(listing, start, end, wanted, blocked=blocked)


def _refused(code: str, detail: str, attr: str | None) -> BlockRefused:
    return BlockRefused([ErrorRow(code, detail, attr)])
