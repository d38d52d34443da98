"""Listings and bookings in the admin: seen by who may, changed by nobody."""

import pytest

from bookings.blocked.services import block_dates
from tests.admin_pages import address, listed, logged_in, member_of_staff, queries_of
from tests.bookings.stays import booked, day, listing_of

pytestmark = pytest.mark.django_db


def test_staff_see_a_listing_with_its_calendar_and_a_booking_with_its_nights():
    listing = listing_of()
    booking = booked(listing, 10, 12)
    block_dates(listing.pk, start=day(20), end=day(22))
    client = logged_in(member_of_staff("bookings.view_listing", "bookings.view_booking"))

    assert listed(client.get(address("bookings_listing_changelist"))) == [listing]
    assert listed(client.get(address("bookings_booking_changelist"))) == [booking]
    page = client.get(address("bookings_listing_change", listing))
    assert [len(each["table"]["rows"]) for each in page.context["tables"]] == [1, 1, 0]
    page = client.get(address("bookings_booking_change", booking))
    assert [row[1] for row in page.context["tables"][0]["table"]["rows"]] == ["4000.00", "4000.00"]


@pytest.mark.parametrize("name", ["bookings_listing", "bookings_booking"])
def test_others_see_nothing_and_nobody_writes(name):
    row = booked(listing_of())
    row = row.listing if name == "bookings_listing" else row
    stranger = logged_in(member_of_staff("orders.view_order"))
    keeper = logged_in(member_of_staff(*(f"{name.replace('_', '.view_')}",)))

    assert stranger.get(address(f"{name}_changelist")).status_code == 403
    assert stranger.get(address(f"{name}_change", row)).status_code == 403
    assert keeper.post(address(f"{name}_change", row), {"status": "cancelled", "capacity": 9}).status_code == 403
    assert keeper.post(address(f"{name}_delete", row), {"post": "yes"}).status_code == 403
    row.refresh_from_db()
    assert row.pk is not None


@pytest.mark.parametrize("name", ["bookings_listing", "bookings_booking"])
def test_lists_take_as_many_statements_for_three_rows_as_for_one(name):
    client = logged_in(member_of_staff("bookings.view_listing", "bookings.view_booking"))
    booked(listing_of())
    of_one = queries_of(client, address(f"{name}_changelist"))
    for _ in range(2):
        booked(listing_of())

    assert queries_of(client, address(f"{name}_changelist")) == of_one
