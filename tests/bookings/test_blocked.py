"""Blocked dates over HTTP: a host's own, and nobody else's."""

import pytest

from bookings.models import BlockedDates, Occupancy
from tests.bookings.stays import assert_calendars_hold, booked, day, host, listing_of
from tests.clients import client_for
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def url_of(listing, block=None) -> str:
    return f"/api/listings/{listing.pk}/blocked-dates/" + (f"{block}/" if block else "")


def dates(first: int, last: int, **more):
    return {"start_date": str(day(first)), "end_date": str(day(last)), **more}


def test_host_blocks_moves_and_frees_dates():
    listing = listing_of()
    client = client_for(listing.product.seller)

    made = client.post(url_of(listing), dates(10, 12, note="Family"))
    block = made.json()["id"]
    moved = client.patch(url_of(listing, block), {"end_date": str(day(14))})
    replaced = client.put(url_of(listing, block), dates(20, 22))
    shown = client.get(url_of(listing)).json()["results"]
    gone = [client.delete(url_of(listing, block)).status_code for _ in range(2)]

    assert (made.status_code, made.json()["note"], made.json()["source"]) == (201, "Family", "manual")
    assert (moved.status_code, moved.json()["end_date"], moved.json()["note"]) == (200, str(day(14)), "Family")
    assert (replaced.status_code, replaced.json()["note"]) == (200, "")
    assert shown == [replaced.json()]
    assert gone == [204, 204]
    assert (BlockedDates.objects.count(), Occupancy.objects.count()) == (0, 0)
    assert_calendars_hold()


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (dates(10, 10), 400, ("end_before_start", "end_date")),
        (dates(-5, -1), 400, ("dates_past", "end_date")),
        (dates(10, 2000), 400, ("dates_too_far", "end_date")),
        (dates(10, 12, units=2), 400, ("too_many_units", "units")),
        (dates(10, 12, units=True), 400, ("invalid", "units")),
        (dates(10, 12, source="ical"), 400, ("read_only", "source")),
        (dates(10, 12, note="x" * 201), 400, ("max_length", "note")),
        (dates(29, 31), 409, ("dates_taken", "start_date")),
        (dates(41, 42), 409, ("dates_taken", "start_date")),
    ],
)
def test_what_cannot_be_blocked_is_named_and_nothing_changes(body, status, error):
    listing = listing_of()
    client = client_for(listing.product.seller)
    booked(listing, 30, 32)
    client.post(url_of(listing), dates(40, 45))
    before = (BlockedDates.objects.count(), Occupancy.objects.count())

    answer = client.post(url_of(listing), body)

    assert (answer.status_code, [(row["code"], row["attr"]) for row in answer.json()["errors"]]) == (status, [error])
    assert (BlockedDates.objects.count(), Occupancy.objects.count()) == before


def test_nobody_else_sees_or_writes_a_hosts_blocked_dates():
    listing, other = listing_of(), listing_of()
    owner = client_for(listing.product.seller)
    block = owner.post(url_of(listing), dates(10, 12, note="Operation")).json()["id"]

    for user, status in ((None, 401), (UserFactory(), 403), (host(), 403)):
        client = client_for(user)
        answers = [
            client.get(url_of(listing)),
            client.get(url_of(listing, block)),
            client.post(url_of(listing), dates(20, 22)),
            client.put(url_of(listing, block), dates(20, 22)),
            client.patch(url_of(listing, block), {"note": "mine"}),
            client.delete(url_of(listing, block)),
        ]
        assert [answer.status_code for answer in answers] == [status] * 6
    # Under the address of a listing of one's own, too, it is somebody else's.
    stranger = client_for(other.product.seller)
    assert stranger.get(url_of(other, block)).status_code == 404
    assert stranger.patch(url_of(other, block), {"note": "mine"}).status_code == 404
    assert stranger.put(url_of(other, block), dates(20, 22)).status_code == 404
    assert stranger.delete(url_of(other, block)).status_code == 204
    only = BlockedDates.objects.get()
    assert (str(only.pk), only.note, only.dates.lower) == (block, "Operation", day(10))
    assert_calendars_hold()
