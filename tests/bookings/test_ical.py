"""Calendars as files: who gets them, what is in them, and what uploaded ones block."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from icalendar import Calendar

from bookings.blocked.services import block_dates
from bookings.ical.reading import MAX_BYTES
from bookings.models import BlockedDates, Listing, Occupancy
from tests.bookings.stays import assert_calendars_hold, booked, day, host, listing_of
from tests.clients import client_for
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def event(*lines: str) -> str:
    return "\r\n".join(["BEGIN:VEVENT", "UID:1", "DTSTAMP:20260101T000000Z", *lines, "END:VEVENT"])


def days(first: int, last: int) -> str:
    return event(f"DTSTART;VALUE=DATE:{day(first):%Y%m%d}", f"DTEND;VALUE=DATE:{day(last):%Y%m%d}")


def calendar(*events: str) -> bytes:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", *events, "END:VCALENDAR", ""]).encode()


def upload(listing, raw: bytes, user=None):
    url = f"/api/listings/{listing.pk}/calendar/import/"
    client = client_for(user or listing.product.seller)
    return client.post(url, {"file": SimpleUploadedFile("c.ics", raw)}, format="multipart")


def blocks() -> list[tuple]:
    rows = Occupancy.objects.filter(blocked__isnull=False).order_by("dates")
    return [(row.dates.lower, row.dates.upper, row.units, row.blocked.source) for row in rows]


def address_of(listing, method: str = "get") -> str:
    answer = getattr(client_for(listing.product.seller), method)(f"/api/listings/{listing.pk}/calendar/")
    assert answer.status_code == 200
    return "/api/" + answer.json()["url"].split("/api/", 1)[1]


def test_calendar_names_taken_nights_and_nobody(api_client):
    listing = listing_of()
    booked(listing, 10, 12, user=UserFactory(first_name="Amina", email="amina@example.com"))
    block_dates(listing.pk, start=day(12), end=day(14), note="Operation")
    block_dates(listing.pk, start=day(20), end=day(21))

    answer = api_client.get(address_of(listing), HTTP_ACCEPT="text/calendar")

    assert (answer.status_code, answer["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    events = Calendar.from_ical(answer.content).walk("VEVENT")
    assert [(each.decoded("DTSTART"), each.decoded("DTEND")) for each in events] == [
        (day(10), day(14)),
        (day(20), day(21)),
    ]
    assert not any(secret in answer.content for secret in (b"Amina", b"amina", b"Operation"))


def test_calendar_of_several_units_names_nights_in_which_none_is_free(api_client):
    listing = listing_of(capacity=2)
    booked(listing, 10, 13)
    booked(listing, 11, 12)

    [only] = Calendar.from_ical(api_client.get(address_of(listing)).content).walk("VEVENT")

    assert (only.decoded("DTSTART"), only.decoded("DTEND")) == (day(11), day(12))


def test_address_ends_when_another_one_is_made_and_cannot_be_guessed(api_client):
    listing = listing_of()
    former = address_of(listing)
    assert address_of(listing) == former
    present = address_of(listing, "post")

    token = present.rstrip("/").rsplit("/", 1)[1]
    wrong = [former, f"/api/calendars/{token[:-1]}x/", f"/api/calendars/{listing.pk.hex}-2./", "/api/calendars/x/"]
    assert api_client.get(present).status_code == 200
    assert [api_client.get(each).status_code for each in wrong] == [404] * 4


def test_nobody_else_gets_the_address_or_uploads():
    listing = listing_of()
    for user, status in ((None, 401), (UserFactory(), 403), (host(), 403)):
        client = client_for(user)
        assert client.get(f"/api/listings/{listing.pk}/calendar/").status_code == status
        assert client.post(f"/api/listings/{listing.pk}/calendar/").status_code == status
    assert upload(listing, calendar(days(1, 3)), user=host()).status_code == 403
    assert Listing.objects.get().calendar_version == 1
    assert blocks() == []


def test_upload_blocks_what_is_free_and_replaces_the_last_one():
    listing = listing_of()
    booked(listing, 10, 12)
    block_dates(listing.pk, start=day(20), end=day(22))

    first = upload(listing, calendar(days(9, 13), days(21, 24), days(30, 31)))
    assert first.json() == {"blocked": 5, "taken_before": 3, "skipped_events": 0}
    assert blocks() == [
        (day(9), day(10), 1, "ical"),
        (day(12), day(13), 1, "ical"),
        (day(20), day(22), 1, "manual"),
        (day(22), day(24), 1, "ical"),
        (day(30), day(31), 1, "ical"),
    ]
    for _ in range(2):  # a repeat changes nothing
        assert upload(listing, calendar(days(30, 31))).status_code == 200
        assert blocks() == [(day(20), day(22), 1, "manual"), (day(30), day(31), 1, "ical")]
    assert_calendars_hold()


def test_upload_blocks_the_units_that_are_left():
    listing = listing_of(capacity=3)
    booked(listing, 11, 12, units=2)

    upload(listing, calendar(days(10, 13)))

    assert blocks() == [(day(10), day(11), 3, "ical"), (day(11), day(12), 1, "ical"), (day(12), day(13), 3, "ical")]
    assert list(BlockedDates.objects.order_by("dates").values_list("units", flat=True)) == [None, 1, None]
    assert_calendars_hold()


def test_times_are_nairobis_and_events_that_take_no_time_are_left_out():
    listing = listing_of()
    told = calendar(
        # From eleven in the evening on day 9 in London's winter, which is day 10 in Nairobi.
        event(f"DTSTART:{day(9):%Y%m%d}T230000Z", f"DTEND:{day(11):%Y%m%d}T070000Z"),
        event(f"DTSTART;VALUE=DATE:{day(20):%Y%m%d}"),  # one day, without an end
        event(f"DTSTART;VALUE=DATE:{day(25):%Y%m%d}", "STATUS:CANCELLED"),
        event(f"DTSTART;VALUE=DATE:{day(26):%Y%m%d}", "TRANSP:TRANSPARENT"),
        event(f"DTSTART;VALUE=DATE:{day(27):%Y%m%d}", "RRULE:FREQ=DAILY"),
        event("SUMMARY:No days"),
        days(-20, -10),
    )

    assert upload(listing, told).json() == {"blocked": 2, "taken_before": 0, "skipped_events": 2}
    assert [row[:2] for row in blocks()] == [(day(10), day(11)), (day(20), day(21))]


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 400, "empty"),
        (b"Hello", 400, "calendar_refused"),
        (b"\xff\xfe\x00BEGIN:VCALENDAR", 400, "calendar_refused"),
        (b"BEGIN:VCALENDAR\r\n" * 500, 400, "calendar_refused"),
        (calendar(*["BEGIN:VEVENT\r\nEND:VEVENT"] * 2001), 400, "too_many_events"),
        (b"x" * (MAX_BYTES + 1), 413, "payload_too_large"),
    ],
)
def test_what_is_no_calendar_is_refused_and_the_last_upload_stays(raw, status, code):
    listing = listing_of()
    upload(listing, calendar(days(30, 31)))

    answer = upload(listing, raw)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)
    assert blocks() == [(day(30), day(31), 1, "ical")]
