"""Reading calendars that hosts upload: which nights they say are taken."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from icalendar import Calendar

from bookings.exceptions import CalendarRefused
from bookings.models import LOCAL
from ecommerce.exceptions import ErrorRow

MAX_BYTES = 1024 * 1024
MAX_EVENTS = 2000
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Told:
    """What a calendar says. ``ranges`` are half open; ``skipped`` events recur or have no days that we understand."""

    ranges: list[tuple[date, date]]
    skipped: int


def read_calendar(raw: bytes) -> Told:
    """Return the ranges of days that a calendar's events take, in Nairobi's time.

    Cancelled events and those that take no time (``TRANSP:TRANSPARENT``) are left out; recurring ones are skipped, as
    no booking recurs.

    Raises:
        CalendarRefused: this is no calendar, or too much of one.
    """
    if raw.count(b"BEGIN:VEVENT") > MAX_EVENTS:
        raise _refused("too_many_events", f"A calendar has at most {MAX_EVENTS} events.")
    try:
        calendar = Calendar.from_ical(raw)
        events = list(calendar.walk("VEVENT")) if isinstance(calendar, Calendar) else None
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        events = None  # whatever the library makes of what is no calendar
    if events is None:
        raise _refused(CalendarRefused.code, CalendarRefused.message)
    ranges, skipped = [], 0
    for event in events:
        if str(event.get("STATUS", "")).upper() == "CANCELLED" or str(event.get("TRANSP", "")).upper() == "TRANSPARENT":
            continue
        found = None if "RRULE" in event or "RDATE" in event else _days_of(event)
        if found is None:
            skipped += 1
        else:
            ranges.append(found)
    return Told(list(_merged(ranges)), skipped)


def _days_of(event: Any) -> tuple[date, date] | None:
    try:
        start, end = event.decoded("DTSTART"), event.decoded("DTEND", None)
        if end is None:
            end = start + event.decoded("DURATION", _DAY)
        first, last = _day(start), _day(end)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None
    return None if last < first else (first, max(last, first + _DAY))


def _day(moment: Any) -> date:
    if isinstance(moment, datetime):
        return (moment if moment.tzinfo is None else moment.astimezone(LOCAL)).date()
    if isinstance(moment, date):
        return moment
    raise TypeError("neither a day nor a time")


def _merged(ranges: list[tuple[date, date]]) -> Iterator[tuple[date, date]]:
    """Put ranges together that overlap or follow each other: a night is named once."""
    start = end = None
    for first, last in sorted(ranges):
        if start is None or end is None or first > end:
            if start is not None and end is not None:
                yield start, end
            start, end = first, last
        else:
            end = max(end, last)
    if start is not None and end is not None:
        yield start, end


def _refused(code: str, detail: str) -> CalendarRefused:
    return CalendarRefused([ErrorRow(code, detail, "file")])
