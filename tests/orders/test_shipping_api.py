"""Shipping over HTTP: who may write, what is shown to whom, what is refused and changes nothing."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.shipping.models import PickupPoint, ShippingMethod, ShippingZone, WeightBand
from tests.admin_pages import member_of_staff
from tests.clients import client_for
from tests.factories import UserFactory
from tests.orders.shipping import method, pickup, point, zone

pytestmark = pytest.mark.django_db

ZONES, METHODS, POINTS = "/api/shipping/zones/", "/api/shipping/methods/", "/api/pickup-points/"
COUNTIES, QUOTES = "/api/shipping/counties/", "/api/shipping/quotes/"
MODELS = {ZONES: "shippingzone", METHODS: "shippingmethod", POINTS: "pickuppoint"}
RIGHTS = ("view", "add", "change", "delete")


def errors(answer):
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


def everything():
    models = (ShippingZone, ShippingMethod, WeightBand, PickupPoint, PickupPoint.methods.through)
    return [sorted(map(str, model.objects.values_list())) for model in models]


@pytest.fixture
def clerk():
    return client_for(member_of_staff(*(f"orders.{right}_{model}" for right in RIGHTS for model in MODELS.values())))


# --- Writing --------------------------------------------------------------------------------------------------


def test_zone_is_made_changed_and_deleted(clerk):
    made = clerk.post(ZONES, {"name": "Around Nairobi", "counties": ["kiambu county"], "sub_counties": ["MAVOKO"]})
    address = f"{ZONES}{made.json()['id']}/"

    assert made.status_code == 201
    assert made.json() == {
        "id": made.json()["id"],
        "name": "Around Nairobi",
        "country": "KE",
        "counties": ["Kiambu"],
        "sub_counties": ["Mavoko"],
        "priority": 0,
        "is_active": True,
        "created_at": made.json()["created_at"],
        "updated_at": made.json()["updated_at"],
    }
    assert clerk.patch(address, {"counties": [], "priority": 3}).json()["counties"] == []
    assert clerk.put(address, {"name": "World", "country": "", "sub_counties": []}).json()["country"] == ""
    method(ShippingZone.objects.get())
    assert clerk.delete(address).status_code == 204
    assert everything() == [[], [], [], [], []]


def test_method_is_made_with_its_bands_which_are_replaced_as_a_whole(clerk):
    city = zone("City", counties=["Nairobi"])
    made = clerk.post(
        METHODS,
        {
            "zone": str(city.pk),
            "name": "Rider",
            "bands": [{"up_to_grams": 5000, "price": "350.00"}, {"up_to_grams": 1000, "price": "200.00"}],
            "free_from": "30000.00",
            "pay_at_door_limit": None,
        },
    )
    address = f"{METHODS}{made.json()['id']}/"

    assert made.status_code == 201
    assert made.json() == {
        "id": made.json()["id"],
        "zone": str(city.pk),
        "zone_name": "City",
        "name": "Rider",
        "kind": "delivery",
        "currency": "KES",
        "days_min": 1,
        "days_max": 3,
        "bands": [{"up_to_grams": 1000, "price": "200.00"}, {"up_to_grams": 5000, "price": "350.00"}],
        "price_per_further_kg": None,
        "free_from": "30000.00",
        "max_weight_grams": None,
        "pay_at_door_limit": None,
        "tax_kind": "standard",
        "position": 0,
        "is_active": True,
        "created_at": made.json()["created_at"],
        "updated_at": made.json()["updated_at"],
    }
    assert len(clerk.patch(address, {"name": "Boda"}).json()["bands"]) == 2
    replaced = clerk.patch(address, {"bands": [{"up_to_grams": 2000, "price": "250.00"}]})
    assert replaced.json()["bands"] == [{"up_to_grams": 2000, "price": "250.00"}]
    assert clerk.delete(address).status_code == 204
    assert not WeightBand.objects.exists()


def test_pickup_point_is_made_with_its_methods(clerk):
    counter = pickup()
    made = clerk.post(
        POINTS,
        {
            "name": "Moi Avenue",
            "county": "nairobi county",
            "sub_county": "starehe",
            "town": "Nairobi",
            "phone_number": "0712 345 678",
            "latitude": "-1.284600",
            "longitude": "36.826100",
            "methods": [str(counter.pk)],
        },
    )
    address = f"{POINTS}{made.json()['id']}/"

    assert made.status_code == 201
    assert made.json() == {
        "id": made.json()["id"],
        "name": "Moi Avenue",
        "county": "Nairobi",
        "sub_county": "Starehe",
        "town": "Nairobi",
        "landmark": "",
        "line1": "",
        "phone_number": "+254712345678",
        "opening_hours": "",
        "latitude": "-1.284600",
        "longitude": "36.826100",
        "methods": [str(counter.pk)],
        "is_active": True,
        "created_at": made.json()["created_at"],
        "updated_at": made.json()["updated_at"],
    }
    assert clerk.patch(address, {"town": "CBD"}).json()["methods"] == [str(counter.pk)]
    assert clerk.patch(address, {"methods": []}).json()["methods"] == []
    assert clerk.delete(address).status_code == 204


def test_wrong_requests_name_what_is_wrong_and_change_nothing(clerk):
    rider = method(zone("City", counties=["Nairobi"]), name="Rider")
    place = point(name="Kept")
    before = everything()
    of_rider, of_place = f"{METHODS}{rider.pk}/", f"{POINTS}{place.pk}/"
    falling = [{"up_to_grams": 1, "price": "2"}, {"up_to_grams": 2, "price": "1"}]
    many = [{"up_to_grams": grams, "price": "1"} for grams in range(1, 52)]
    new = {"zone": str(rider.zone_id), "name": "New"}

    told = [
        errors(clerk.post(ZONES, {"name": "City"})),
        errors(clerk.post(ZONES, {"name": "New", "counties": ["Kampala"]})),
        errors(clerk.post(ZONES, {"name": "New", "counties": ["Nairobi"] * 48})),
        errors(clerk.post(ZONES, {"name": "New", "country": "KEN"})),
        errors(clerk.post(METHODS, {**new, "name": "Rider"})),
        errors(clerk.post(METHODS, {**new, "bands": falling})),
        errors(clerk.post(METHODS, {**new, "bands": many})),
        errors(clerk.post(METHODS, {**new, "currency": "BTC"})),
        errors(clerk.post(METHODS, {**new, "days_min": 5})),
        errors(clerk.post(METHODS, {**new, "free_from": "-1", "zone": str(place.pk)})),
        errors(clerk.patch(of_rider, {"kind": "pickup"})),
        errors(clerk.patch(of_place, {"county": "Kampala"})),
        errors(clerk.patch(of_place, {"latitude": "1"})),
        errors(clerk.patch(of_place, {"methods": [str(rider.pk)]})),
        errors(clerk.patch(of_place, {"phone_number": "123"})),
    ]

    assert told == [
        [("unique", "name")],
        [("unknown_county", "counties.0")],
        [("max_length", "counties")],
        [("max_length", "country")],
        [("unique", "non_field_errors")],
        [("band_falls", "bands.1.price")],
        [("max_length", "bands")],
        [("invalid", "currency")],
        [("days_backwards", "days_max")],
        [("does_not_exist", "zone"), ("min_value", "free_from")],
        [("method_kind_fixed", "kind")],
        [("unknown_county", "county")],
        [("half_a_position", "longitude")],
        [("not_a_pickup_method", "methods.0")],
        [("invalid_phone_number", "phone_number")],
    ]
    assert everything() == before


def test_only_staff_with_the_right_write(api_client):
    city = zone("City", counties=["Nairobi"])
    counter = pickup(city)
    rows = {ZONES: city, METHODS: counter, POINTS: point(counter)}
    bodies = {
        ZONES: {"name": "New"},
        METHODS: {"zone": str(city.pk), "name": "New"},
        POINTS: {"name": "New", "county": "Nairobi", "town": "Nairobi"},
    }
    before = everything()

    for path, model in MODELS.items():
        others = [f"orders.{right}_{other}" for right in RIGHTS for other in MODELS.values() if other != model]
        strangers = {
            401: [api_client],
            403: [client_for(UserFactory()), client_for(member_of_staff(f"orders.view_{model}", *others))],
        }
        for status, clients in strangers.items():
            for client in clients:
                one = f"{path}{rows[path].pk}/"
                answers = [
                    client.post(path, bodies[path]),
                    client.put(one, bodies[path]),
                    client.patch(one, {"is_active": False}),
                    client.delete(one),
                ]
                assert [answer.status_code for answer in answers] == [status] * 4
    assert everything() == before


# --- Reading --------------------------------------------------------------------------------------------------


def test_hidden_rows_are_for_staff_who_may_see_them(api_client, clerk):
    city, closed = zone("City"), zone("Closed", is_active=False)
    shown = pickup(city)
    hidden = [pickup(city, is_active=False), pickup(closed)]
    open_point, closed_point = point(shown), point(shown, is_active=False)
    rows = {ZONES: ([city], [closed]), METHODS: ([shown], hidden), POINTS: ([open_point], [closed_point])}

    for path, (public, private) in rows.items():
        for client, visible in ((api_client, public), (clerk, [*public, *private])):
            assert {row["id"] for row in client.get(path).json()["results"]} == {str(row.pk) for row in visible}
        for row in private:
            assert api_client.get(f"{path}{row.pk}/").status_code == 404
            assert clerk.get(f"{path}{row.pk}/").status_code == 200
    only_other = client_for(member_of_staff("orders.view_order"))
    assert [only_other.get(path).json()["count"] for path in rows] == [1, 1, 1]


def test_lists_can_be_narrowed(api_client):
    city, coast = zone("City", counties=["Nairobi"]), zone("Coast", counties=["Mombasa"])
    zone("Uganda", country="UG")
    rider, counter = method(city, name="Rider"), pickup(coast, name="Counter")
    point(counter, name="Digo Road", county="Mombasa", town="Mombasa")
    point(name="Archives")

    def names(path, **query):
        return [row["name"] for row in api_client.get(path, query).json()["results"]]

    assert names(ZONES, country="UG") == ["Uganda"]
    assert names(METHODS, zone=str(city.pk)) == [rider.name]
    assert names(METHODS, kind="pickup") == [counter.name]
    assert names(METHODS, currency="USD") == []
    assert names(POINTS, county="mombasa county") == names(POINTS, town="MOMBASA") == ["Digo Road"]
    assert names(POINTS, method=str(counter.pk)) == ["Digo Road"]
    assert names(POINTS) == ["Digo Road", "Archives"]
    assert errors(api_client.get(POINTS, {"county": "Kampala"})) == [("unknown_county", "county")]
    assert errors(api_client.get(ZONES, {"colour": "red"})) == [("invalid", "colour")]


@pytest.mark.parametrize(("path", "statements"), [(ZONES, 2), (METHODS, 3), (POINTS, 3)])
def test_lists_take_the_same_statements_for_any_number_of_rows(api_client, path, statements):
    counts = []
    for rows in (1, 3):
        while ShippingZone.objects.count() < rows:
            counter = pickup(zone(f"Zone {ShippingZone.objects.count()}"), (1, "1"), (2, "2"))
            point(counter)
        with CaptureQueriesContext(connection) as captured:
            assert api_client.get(path).json()["count"] == rows
        counts.append(len(captured))

    assert counts == [statements, statements]


def test_counties_are_told_for_forms_and_may_be_kept(api_client):
    with CaptureQueriesContext(connection) as captured:
        answer = api_client.get(COUNTIES)

    assert (answer.status_code, answer["Cache-Control"], len(captured)) == (200, "public, max-age=86400", 0)
    assert len(answer.json()) == 47
    assert answer.json()[4] == {"code": 5, "name": "Lamu", "sub_counties": ["Lamu East", "Lamu West"]}
    assert errors(api_client.get(COUNTIES, {"name": "Lamu"})) == [("invalid", "name")]


# --- Quotes ---------------------------------------------------------------------------------------------------


def test_quotes_are_told_for_a_place_a_weight_and_a_worth(api_client):
    city = zone("City", counties=["Nairobi"])
    rider = method(city, name="Rider", free_from=Decimal(10_000), pay_at_door_limit=Decimal(20_000))
    point(pickup(city, (5000, "100"), name="Counter", position=1))

    with CaptureQueriesContext(connection) as captured:
        answer = api_client.get(QUOTES, {"county": "nairobi county", "weight_grams": 1200, "worth": "10000.00"})

    assert (answer.status_code, len(captured)) == (200, 2)
    assert answer.json()["quotes"][0] == {
        "method_id": str(rider.pk),
        "name": "Rider",
        "kind": "delivery",
        "zone_id": str(city.pk),
        "zone_name": "City",
        "amount": "0.00",
        "currency": "KES",
        "days_min": 1,
        "days_max": 3,
        "pay_at_door_limit": "20000.00",
        "tax_kind": "standard",
    }
    assert [quote["name"] for quote in answer.json()["quotes"]] == ["Rider", "Counter"]
    nowhere = api_client.get(QUOTES, {"weight_grams": 1200})
    assert [quote["name"] for quote in nowhere.json()["quotes"]] == ["Counter"]


def test_shop_without_zones_says_so(api_client):
    asked = {"county": "Nairobi", "weight_grams": 1}

    assert api_client.get(QUOTES, asked).json() == {"is_set_up": False, "quotes": []}
    zone("Coast", counties=["Mombasa"])
    assert api_client.get(QUOTES, asked).json() == {"is_set_up": True, "quotes": []}


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({}, [("required", "weight_grams")]),
        ({"weight_grams": "-1"}, [("min_value", "weight_grams")]),
        ({"weight_grams": "1", "worth": "NaN"}, [("invalid", "worth")]),
        ({"weight_grams": "1", "county": "Kampala"}, [("unknown_county", "county")]),
        ({"weight_grams": "1", "county": "Nairobi", "sub_county": "Ruiru"}, [("sub_county_elsewhere", "sub_county")]),
        ({"weight_grams": "1", "country": "XX"}, [("unknown_country", "country")]),
        ({"weight_grams": "1", "currency": "BTC"}, [("invalid", "currency")]),
        ({"weight_grams": "1", "colour": "red"}, [("invalid", "colour")]),
    ],
)
def test_quotes_refuse_what_they_do_not_understand(api_client, query, told):
    answer = api_client.get(QUOTES, query)

    assert (answer.status_code, errors(answer)) == (400, told)
