"""A listing's calendar for other sites, and theirs for it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.core import signing
from django.db import transaction
from icalendar import Calendar, Event
from psycopg2.extras import DateRange

from bookings import calendars
from bookings.ical.reading import Told
from bookings.models import BlockedDates, Listing, Occupancy
from bookings.rules import HORIZON, local_today

_SIGNER = "bookings.calendar"


@dataclass(frozen=True)
class Taken:
    """What an uploaded calendar did, in nights."""

    blocked: int
    taken_before: int  # booked or blocked already
    skipped_events: int


def calendar_token(listing: Listing) -> str:
    """Return the secret of a listing's calendar (HMAC-SHA-256), which ends with its ``calendar_version``."""
    return signing.Signer(salt=_SIGNER, sep=".").sign(f"{listing.pk.hex}-{listing.calendar_version}")


def listing_of_token(token: str) -> Listing | None:
    """Return the listing whose calendar a token opens; None if it is no token of ours, or has ended."""
    try:
        key, _, version = signing.Signer(salt=_SIGNER, sep=".").unsign(token[:200]).partition("-")
        return Listing.objects.filter(pk=UUID(hex=key), calendar_version=int(version)).first()
    except (signing.BadSignature, ValueError):
        return None


def export_calendar(listing: Listing) -> bytes:
    """Return the nights in which nothing is free as a calendar. Who stays there is not in it. Source: RFC 5545."""
    calendar = Calendar()
    calendar.add("prodid", "-//ByteMtaani//bookings//EN")
    calendar.add("version", "2.0")
    today = local_today()
    free = calendars.free_units(listing, today, today + HORIZON)
    full = {night: int(units == 0) for night, units in free.items()}
    for start, end in calendars.gaps(today, today + HORIZON, full, 1):
        event = Event()
        event.add("uid", f"{start:%Y%m%d}-{end:%Y%m%d}-{listing.pk.hex}")
        event.add("dtstamp", datetime.now(UTC))
        event.add("dtstart", start)
        event.add("dtend", end)
        event.add("summary", "Not available")
        calendar.add_component(event)
    return bytes(calendar.to_ical())


@transaction.atomic
def import_calendar(listing_id: UUID, told: Told) -> Taken:
    """Block the nights that another calendar says are taken, in the place of what the last one said.

    What is booked or blocked here stays as it is: a calendar that has our own bookings in it comes back to us.

    Raises:
        Listing.DoesNotExist: there is none.
    """
    listing = calendars.lock_listings([listing_id]).get(listing_id)
    if listing is None:
        raise Listing.DoesNotExist
    former = BlockedDates.objects.filter(listing=listing, source=BlockedDates.Source.ICAL)
    calendars.vacate(Occupancy.objects.filter(blocked__in=former))
    former.delete()
    first, last = local_today(), local_today() + HORIZON
    free = calendars.free_units(listing, first, last)
    wanted = [(max(start, first), min(end, last)) for start, end in told.ranges if start < last and end > first]
    blocked = 0
    for start, end, units in _stretches(wanted, free):
        whole = units == listing.capacity
        block = BlockedDates.objects.create(
            listing=listing,
            dates=DateRange(start, end),
            units=None if whole else units,
            source=BlockedDates.Source.ICAL,
        )
        calendars.occupy(listing, start, end, units, blocked=block)
        blocked += (end - start).days
    nights = sum((end - start).days for start, end in wanted)
    return Taken(blocked, nights - blocked, told.skipped)


def _stretches(ranges: list[tuple[date, date]], free: dict[date, int]) -> list[tuple[date, date, int]]:
    """Return what is free of some ranges, as stretches of nights with equally many free units."""
    found: list[tuple[date, date, int]] = []
    for start, end in ranges:
        for number in range((end - start).days):
            night = start + timedelta(days=number)
            units = free[night]
            if not units:
                continue
            following = night + timedelta(days=1)
            if found and found[-1][1:] == (night, units):
                found[-1] = (found[-1][0], following, units)
            else:
                found.append((night, following, units))
    return found
