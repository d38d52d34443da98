"""Bookings over HTTP: a guest's own and a host's, and nobody else's."""

import pytest

from tests.bookings.stays import booked, day, held, host, listing_of
from tests.clients import client_for
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

BOOKINGS = "/api/bookings/"


def ids(answer) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [row["id"] for row in answer.json()["results"]]


def test_guest_and_host_see_a_booking_and_others_do_not(staff):
    guest, seller = UserFactory(first_name="Amina", last_name="Otieno"), host()
    booking = str(booked(listing_of(seller), user=guest).pk)
    booked(listing_of())  # of others

    for user in (guest, seller):
        client = client_for(user)
        assert ids(client.get(BOOKINGS)) == [booking]
        shown = client.get(f"{BOOKINGS}{booking}/").json()
        assert (shown["guest_name"], shown["status"], shown["total"]) == ("Amina Otieno", "confirmed", "8000.00")
        assert [night["date"] for night in shown["nights"]] == [str(day(10)), str(day(11))]
    for user in (UserFactory(), host()):
        assert ids(client_for(user).get(BOOKINGS)) == []
        assert client_for(user).get(f"{BOOKINGS}{booking}/").status_code == 404
    assert client_for(None).get(BOOKINGS).status_code == 401
    assert len(ids(client_for(staff).get(BOOKINGS))) == 2


def test_bookings_are_filtered_by_role_state_listing_and_days():
    both = host()
    own = listing_of(both)
    let, stays = booked(own, 10, 12), held(listing_of(), 20, 22, user=both)
    client = client_for(both)

    assert ids(client.get(BOOKINGS, {"role": "guest"})) == [str(stays.pk)]
    assert ids(client.get(BOOKINGS, {"role": "host"})) == [str(let.pk)]
    assert ids(client.get(BOOKINGS, {"status": "pending"})) == [str(stays.pk)]
    assert ids(client.get(BOOKINGS, {"listing": own.pk})) == [str(let.pk)]
    assert ids(client.get(BOOKINGS, {"leaving_after": day(12)})) == [str(stays.pk)]
    assert ids(client.get(BOOKINGS, {"coming_before": day(20)})) == [str(let.pk)]
    assert ids(client.get(BOOKINGS, {"ordering": "start_date"})) == [str(let.pk), str(stays.pk)]
    assert client.get(BOOKINGS, {"user": both.pk}).status_code == 400


@pytest.mark.parametrize("rows", [1, 3])
def test_list_takes_two_statements(django_assert_num_queries, rows):
    guest = UserFactory()
    for _ in range(rows):
        booked(listing_of(), user=guest)
    client = client_for(guest)
    client.get(BOOKINGS)

    with django_assert_num_queries(3):  # with the one of the session
        assert len(ids(client.get(BOOKINGS))) == rows
