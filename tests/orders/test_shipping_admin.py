"""Shipping in the admin: who may open its pages, what they store, and what they refuse."""

from decimal import Decimal

import pytest

from orders.shipping.models import PickupPoint, ShippingMethod, ShippingZone, WeightBand
from tests.admin_pages import address, listed, logged_in, member_of_staff, queries_of, statuses
from tests.orders.shipping import method, pickup, point, zone

pytestmark = pytest.mark.django_db

ZONE = {"name": "Around Nairobi", "country": "ke", "priority": "0", "is_active": "on"}
METHOD = {
    "name": "Rider",
    "kind": "delivery",
    "currency": "KES",
    "days_min": "1",
    "days_max": "2",
    "pay_at_door_limit": "0",
    "tax_kind": "standard",
    "position": "1",
    "is_active": "on",
    "bands-INITIAL_FORMS": "0",
}
POINT = {"name": "Moi Avenue", "county": "Nairobi", "town": "Nairobi", "is_active": "on"}


@pytest.fixture
def client(staff):
    return logged_in(staff)


def bands(*rows):
    body = {"bands-TOTAL_FORMS": str(len(rows))}
    for index, (grams, price) in enumerate(rows):
        body |= {f"bands-{index}-up_to_grams": str(grams), f"bands-{index}-price": price}
    return body


def test_pages_open_for_those_who_may(client):
    rows = {"shippingzone": zone("Open"), "shippingmethod": pickup(zone("City", counties=["Nairobi"]))}
    rows["pickuppoint"] = point(rows["shippingmethod"])
    pages = [
        page
        for name, row in rows.items()
        for page in (
            address(f"orders_{name}_changelist"),
            address(f"orders_{name}_add"),
            address(f"orders_{name}_change", row),
        )
    ]

    assert statuses(client, pages) == dict.fromkeys(pages, 200)
    assert statuses(logged_in(member_of_staff("orders.view_order")), pages) == dict.fromkeys(pages, 403)


def test_zone_is_kept_by_official_names(client):
    page = address("orders_shippingzone_add")

    stored = client.post(page, ZONE | {"counties": ["Kiambu"], "sub_counties": ["Mavoko", "Kajiado North"]})
    refused = [
        client.post(page, ZONE | {"name": "Two", **wrong})
        for wrong in ({"counties": ["Kampala"]}, {"country": "XX"}, {"country": "UG", "sub_counties": ["Ruiru"]})
    ]

    assert stored.status_code == 302, stored.context["errors"]
    assert [list(answer.context["adminform"].form.errors) for answer in refused] == [["counties"], *[["country"]] * 2]
    assert list(ShippingZone.objects.values_list("name", "country", "counties", "sub_counties")) == [
        ("Around Nairobi", "KE", ["Kiambu"], ["Mavoko", "Kajiado North"])
    ]


def test_method_is_kept_with_bands_that_do_not_fall(client):
    form = METHOD | {"zone": str(zone().pk)}
    page = address("orders_shippingmethod_add")

    refused = [
        client.post(page, form | bands((5, "2"), (6, "1"))),
        client.post(page, form | bands((5, "2"), (5, "2"))),
        client.post(page, form | bands() | {"days_max": "0"}),
        client.post(page, form | bands() | {"currency": "BTC"}),
    ]
    none = ShippingMethod.objects.count()
    stored = client.post(page, form | bands((1000, "200"), (5000, "350.50")))

    assert ([answer.status_code for answer in refused], none) == ([200] * 4, 0)
    assert stored.status_code == 302, stored.context["errors"]
    assert list(WeightBand.objects.values_list("method__name", "up_to_grams", "price")) == [
        ("Rider", 1000, Decimal(200)),
        ("Rider", 5000, Decimal("350.50")),
    ]


def test_kind_of_a_method_stays(client):
    counter = pickup()
    page = address("orders_shippingmethod_change", counter)

    answer = client.post(page, METHOD | {"zone": str(counter.zone_id), "kind": "delivery"} | bands())

    assert answer.status_code == 302, answer.context["errors"]
    counter.refresh_from_db()
    assert (counter.name, counter.kind) == ("Rider", "pickup")


def test_pickup_point_is_kept_with_its_methods(client):
    counter, rider = pickup(), method(zone("City"))
    page = address("orders_pickuppoint_add")

    refused = [
        client.post(page, POINT | wrong)
        for wrong in (
            {"methods": [str(rider.pk)]},
            {"sub_county": "Ruiru"},
            {"latitude": "1"},
            {"latitude": "91", "longitude": "0"},
            {"phone_number": "12"},
        )
    ]
    none = PickupPoint.objects.count()
    stored = client.post(page, POINT | {"methods": [str(counter.pk)], "phone_number": "0712345678"})

    errors = [list(answer.context["adminform"].form.errors) for answer in refused]
    assert (errors, none) == ([["methods"], ["sub_county"], ["longitude"], ["latitude"], ["phone_number"]], 0)
    assert stored.status_code == 302, stored.context["errors"]
    assert list(PickupPoint.objects.values_list("name", "phone_number", "methods")) == [
        ("Moi Avenue", "+254712345678", counter.pk)
    ]


@pytest.mark.parametrize("name", ["shippingzone", "shippingmethod", "pickuppoint"])
def test_lists_cost_the_same_for_any_number_of_rows(client, name):
    page = address(f"orders_{name}_changelist")
    counts = []
    for rows in (1, 4):
        while ShippingZone.objects.count() < rows:
            counter = pickup(zone(f"Zone {ShippingZone.objects.count()}", counties=["Nairobi"]), (1, "1"), (2, "2"))
            point(counter)
        assert len(listed(client.get(page))) == rows
        counts.append(queries_of(client, page))

    assert counts[0] == counts[1]
