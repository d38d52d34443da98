"""What shipping costs: which zone serves a place, which methods carry a parcel, and for how much."""

import random
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from catalog.models import Product
from catalog.services import VariantInput
from catalog.tax_kinds import TaxKind
from ecommerce.geography.counties import COUNTIES
from orders.pricing.baskets import Delivery
from orders.shipping import services
from orders.shipping.exceptions import (
    InvalidShipping,
    MethodKindFixed,
    PickupPointRequired,
    PickupPointUnavailable,
    ShippingMethodUnavailable,
)
from orders.shipping.models import PickupPoint, ShippingMethod, ShippingZone, WeightBand
from orders.shipping.places import Place, place_of
from orders.shipping.quotes import Parcel, parcel_of, quote_of, quotes_for
from orders.shipping.rates import Band, faults_of, price_of
from orders.shipping.selectors import shipping_is_set_up, zone_of, zones_of
from tests.factories import ProductFactory, variant_of
from tests.orders.shipping import method, pickup, point, zone

NAIROBI, RUIRU, LODWAR = (
    {"country": "KE", "county": "Nairobi", "sub_county": "Westlands"},
    {"county": "kiambu county", "sub_county": "RUIRU"},
    {"county": "Turkana", "sub_county": "Lodwar town"},  # no official sub-county
)
KAMPALA = {"country": "UG", "town": "Kampala"}


def parcel(grams=1000, worth="5000", currency="KES"):
    return Parcel(grams, Decimal(worth), currency)


def prices(destination, *args):
    return {quote.name: str(quote.amount) for quote in quotes_for(destination, parcel(*args))}


# --- Weight bands ---------------------------------------------------------------------------------------------

bands = st.lists(st.integers(1, 50_000), min_size=1, max_size=8, unique=True).flatmap(
    lambda weights: st.lists(st.integers(0, 10**6), min_size=len(weights), max_size=len(weights)).map(
        lambda prices: [
            Band(grams, Decimal(price).scaleb(-2)) for grams, price in zip(sorted(weights), sorted(prices), strict=True)
        ]
    )
)
per_kg = st.none() | st.decimals(0, 1000, places=2)
BANDS = [Band(5000, Decimal(400)), Band(1000, Decimal(250))]  # in any order


@pytest.mark.parametrize(
    ("grams", "per_kg", "price"),
    [
        (0, None, "250"),
        (1000, None, "250"),
        (1001, None, "400"),
        (5000, None, "400"),
        (5001, None, None),
        (5001, "60", "460"),
        (6000, "60", "460"),
        (6001, "60", "520"),
        (9_000, "0", "400"),
    ],
)
def test_price_is_that_of_the_lightest_band_that_holds_the_parcel(grams, per_kg, price):
    further = None if per_kg is None else Decimal(per_kg)

    assert price_of(grams, BANDS, further) == (None if price is None else Decimal(price))


def test_method_without_bands_carries_nothing():
    assert price_of(1, [], Decimal(50)) is None


@given(bands, per_kg, st.lists(st.integers(0, 100_000), min_size=2, max_size=10))
def test_price_never_falls_when_the_weight_rises(of_method, per_kg, weights):
    asked = [price_of(weight, of_method, per_kg) for weight in sorted(weights)]

    assert faults_of(of_method) == []
    carried = [price for price in asked if price is not None]
    assert carried == sorted(carried)
    assert asked == carried + [None] * (len(asked) - len(carried))  # what is too heavy stays so
    assert per_kg is None or len(carried) == len(asked)


@given(bands, st.integers(0, 7), st.integers(1, 10**6))
def test_bands_in_which_a_price_falls_are_refused(of_method, at, cents):
    index = at % len(of_method)
    lower = Band(of_method[index].up_to_grams + 1, of_method[index].price - Decimal(cents).scaleb(-2))
    wrong = [*of_method[: index + 1], lower]

    assert [(row.code, row.attr) for row in faults_of(wrong)] == [("band_falls", f"bands.{index + 1}.price")]


# --- Zones ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("destination", "place"),
    [
        (NAIROBI, Place("KE", "Nairobi", "Westlands")),
        (RUIRU, Place("KE", "Kiambu", "Ruiru")),
        (LODWAR, Place("KE", "Turkana")),
        ({"county": "Nairobi", "sub_county": "Ruiru"}, Place("KE", "Nairobi")),
        ({"country": "ug", "county": "Nairobi"}, Place("UG")),
        ({"county": "Buganda"}, None),
        ({"town": "Nairobi"}, None),
        ({}, None),
    ],
)
def test_place_of_an_address(destination, place):
    assert place_of(destination) == place


@pytest.mark.django_db
def test_most_specific_zone_wins():
    zone("World", country="", priority=100)
    zone("Kenya", priority=50)
    zone("Kiambu and around", counties=["Kiambu"], sub_counties=["Mavoko"], priority=10)
    zone("Ruiru", sub_counties=["ruiru"])
    zone("Closed", sub_counties=["Ruiru"], priority=100, is_active=False)

    found = {
        place: str(zone_of(place))
        for place in (
            Place("KE", "Kiambu", "Ruiru"),
            Place("KE", "Kiambu", "Juja"),
            Place("KE", "Kiambu"),
            Place("KE", "Machakos", "Mavoko"),
            Place("KE", "Machakos"),
            Place("UG"),
        )
    }

    assert list(found.values()) == ["Ruiru", *["Kiambu and around"] * 3, "Kenya", "World"]


@pytest.mark.django_db
def test_of_equally_specific_zones_priority_decides_then_the_name():
    zone("B", counties=["Nairobi"], priority=1)
    zone("C", counties=["Nairobi"], priority=2)
    zone("A", counties=["Nairobi"], priority=2)

    assert [str(each) for each in zones_of(place_of(NAIROBI))] == ["A", "C", "B"]
    assert zone_of(Place("KE", "Kiambu")) is None


@pytest.mark.django_db
def test_exactly_one_zone_wins_whatever_the_zones_are():
    """A thousand places against zones made by chance, judged by a plain reading of the rule."""
    chance = random.Random(47)
    below = [name for county in COUNTIES for name in county.sub_counties]
    for number in range(60):
        kenyan = chance.random() < 0.8
        services.save_zone(
            name=f"Zone {number:02}",
            country="KE" if kenyan else chance.choice(["", "UG"]),
            counties=[each.name for each in chance.sample(COUNTIES, chance.randrange(6))] if kenyan else [],
            sub_counties=chance.sample(below, chance.randrange(12)) if kenyan else [],
            priority=chance.randrange(3),
            is_active=chance.random() < 0.9,
        )
    zones = list(ShippingZone.objects.filter(is_active=True))

    def rank(one, place):
        reasons = (
            place.sub_county in one.sub_counties,
            place.county in one.counties,
            one.country == place.country and not one.counties and not one.sub_counties,
            one.country == "",
        )
        return (reasons.index(True), -one.priority, one.name) if any(reasons) else None

    for _ in range(1000):
        county = chance.choice(COUNTIES)
        place = Place("KE", county.name, chance.choice(["", *county.sub_counties]))
        ranked = sorted((rank(one, place), one) for one in zones if rank(one, place))
        assert zone_of(place) == ranked[0][1]
        assert len({reason for reason, _ in ranked}) == len(ranked)


@pytest.mark.django_db
def test_wrong_zones_are_refused_and_nothing_changes():
    kept = zone("Kept", counties=["Kisumu"])

    with pytest.raises(InvalidShipping) as refused:
        services.save_zone(kept, name="Lost", counties=["Kisumu", "Kampala"], sub_counties=["Atlantis"])
    with pytest.raises(InvalidShipping) as abroad:
        services.save_zone(name="Uganda", country="UG", counties=["Nairobi"])
    with pytest.raises(InvalidShipping) as nowhere:
        services.save_zone(name="Nowhere", country="XX")

    told = [[(row.code, row.attr) for row in error.value.rows] for error in (refused, abroad, nowhere)]
    assert told == [
        [("unknown_county", "counties.1"), ("unknown_sub_county", "sub_counties.0")],
        [("counties_elsewhere", "country")],
        [("unknown_country", "country")],
    ]
    assert list(ShippingZone.objects.values_list("name", "counties")) == [("Kept", ["Kisumu"])]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ShippingZone.objects.create(name="z", country="ke"),
        lambda: ShippingZone.objects.create(name="z", country="UG", counties=["Nairobi"]),
        lambda: ShippingMethod.objects.create(name="m", zone=zone(), days_min=3, days_max=2),
        lambda: ShippingMethod.objects.create(name="m", zone=zone(), free_from=Decimal(-1)),
        lambda: ShippingMethod.objects.create(name="m", zone=zone(), pay_at_door_limit=Decimal(-1)),
        lambda: WeightBand.objects.create(method=method(), up_to_grams=7, price=Decimal(-1)),
        lambda: WeightBand.objects.create(method=method(), up_to_grams=5000, price=Decimal(1)),
        lambda: PickupPoint.objects.create(name="p", county="Nairobi", town="Nairobi", latitude=Decimal(1)),
        lambda: PickupPoint.objects.create(name="p", county="Nairobi", town="N", latitude=Decimal(91), longitude=0),
    ],
)
def test_database_refuses_what_no_service_would_write(wrong):
    with pytest.raises(IntegrityError), transaction.atomic():
        wrong()


# --- Quotes ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_shop_without_zones_ships_as_before():
    assert (quotes_for(NAIROBI, parcel()), shipping_is_set_up()) == ([], False)

    closed = zone(is_active=False)
    assert shipping_is_set_up() is False
    services.save_zone(closed, is_active=True)
    assert (quotes_for(NAIROBI, parcel()), shipping_is_set_up()) == ([], True)


@pytest.mark.django_db
def test_methods_of_the_one_zone_are_offered_in_the_shops_order():
    city, country = zone("City", counties=["Nairobi"]), zone("Country")
    method(city, (1000, "200"), (5000, "350"), name="Rider", position=2, price_per_further_kg=Decimal(50))
    method(city, (2000, "500"), name="Today", position=1, days_min=0, days_max=0)
    method(city, name="Off", is_active=False)
    method(country, (5000, "600"), name="Courier", currency="KES")
    method(country, (5000, "6"), name="In dollars", currency="USD")
    zone("Turkana", counties=["Turkana"])  # a zone without methods: nothing goes there

    assert list(prices(NAIROBI).items()) == [("Today", "500.00"), ("Rider", "200.00")]
    assert prices(NAIROBI, 6200) == {"Rider": "450.00"}
    assert prices(RUIRU) == {"Courier": "600.00"}
    assert prices(RUIRU, 1000, "5000", "USD") == {"In dollars": "6.00"}
    assert prices(LODWAR) == prices(KAMPALA) == prices({}) == {}


@pytest.mark.django_db
def test_free_from_and_heaviest_weight():
    method(name="Rider", free_from=Decimal(10_000), max_weight_grams=3000)

    assert prices(NAIROBI, 3000, "9999.99") == {"Rider": "300.00"}
    assert prices(NAIROBI, 3000, "10000") == {"Rider": "0.00"}
    assert prices(NAIROBI, 3001, "10000") == {}


@pytest.mark.django_db
def test_pick_up_is_offered_where_there_is_a_point_and_to_whoever_names_no_place():
    city, coast = zone("City", counties=["Nairobi"]), zone("Coast", counties=["Mombasa"])
    counter, kiosk = pickup(city, (5000, "100"), name="Counter"), pickup(coast, (5000, "150"), name="Kiosk")
    pickup(city, name="Nowhere")
    method(city, name="Rider")
    point(counter)
    closed = point(kiosk)

    assert prices(NAIROBI) == {"Counter": "100.00", "Rider": "300.00"}
    assert prices({}) == {"Counter": "100.00", "Kiosk": "150.00"}
    services.save_pickup_point(closed, is_active=False)
    assert prices({}) == {"Counter": "100.00"}
    assert quotes_for({}, parcel())[0].pickup_point is None


@pytest.mark.django_db
def test_quotes_take_two_statements_whatever_there_is():
    counts = []
    for number in range(1, 4):
        for one in (zone(f"Country {number}"), zone(f"City {number}", counties=["Nairobi"], priority=number)):
            point(pickup(one, (1000, "1"), (2000, "2")))
            method(one)
        with CaptureQueriesContext(connection) as captured:
            assert len(quotes_for(NAIROBI, parcel())) == 2
        counts.append(len(captured))

    assert counts == [2, 2, 2]


@pytest.mark.django_db
def test_quote_of_a_delivery_is_kept_as_it_was():
    rider = method(
        zone("City", counties=["Nairobi"]), name="Rider", pay_at_door_limit=Decimal(20_000), days_min=0, days_max=1
    )

    with CaptureQueriesContext(connection) as captured:
        quote = quote_of(rider.pk, NAIROBI, parcel())

    assert len(captured) == 2
    assert (quote.amount, quote.currency, quote.tax_kind) == (Decimal("300.00"), "KES", "standard")
    assert quote.snapshot() == {
        "method_id": str(rider.pk),
        "name": "Rider",
        "kind": "delivery",
        "tax_kind": "standard",
        "zone_id": str(rider.zone_id),
        "zone_name": "City",
        "days_min": 0,
        "days_max": 1,
        "pay_at_door_limit": "20000.00",
        "pickup_point": None,
    }
    assert quote.delivery() == Delivery(Decimal("300.00"), TaxKind.STANDARD, quote.snapshot())


@pytest.mark.django_db
def test_quote_of_a_pick_up_names_the_point_and_asks_for_no_address():
    counter = pickup(zone("City", counties=["Nairobi"]), name="Counter", pay_at_door_limit=None)
    place = point(counter, name="Moi Avenue", sub_county="starehe", landmark="Archives", phone_number="+254712345678")

    with CaptureQueriesContext(connection) as captured:
        quote = quote_of(counter.pk, {}, parcel(), pickup_point_id=place.pk)

    assert len(captured) == 3
    assert quote == quote_of(counter.pk, LODWAR, parcel(), pickup_point_id=place.pk)
    assert quote.snapshot()["pay_at_door_limit"] is None
    assert quote.snapshot()["pickup_point"] == {
        "id": str(place.pk),
        "name": "Moi Avenue",
        "county": "Nairobi",
        "sub_county": "Starehe",
        "town": "Nairobi",
        "landmark": "Archives",
        "line1": "",
        "phone_number": "+254712345678",
        "opening_hours": "",
    }


@pytest.mark.django_db
def test_what_a_method_does_not_serve_is_refused_by_name():
    city = zone("City", counties=["Nairobi"])
    rider, counter, other = method(city, max_weight_grams=2000), pickup(city), pickup(city)
    here, there, closed = point(counter), point(other), point(counter, is_active=False)
    hidden = method(zone("Hidden", counties=["Nairobi"], is_active=False))
    off = method(city, is_active=False)
    shut = pickup(hidden.zone)
    at_shut = point(shut)

    def refusal(*args, **kwargs):
        with pytest.raises((ShippingMethodUnavailable, PickupPointRequired, PickupPointUnavailable)) as error:
            quote_of(*args, **kwargs)
        return error.value.code, error.value.status_code

    assert {quote.method_id for quote in quotes_for({}, parcel())} == {counter.pk, other.pk}
    assert refusal(shut.pk, {}, parcel(), pickup_point_id=at_shut.pk) == ("shipping_method_unavailable", 409)
    for arguments in (
        (rider.pk, LODWAR, parcel()),
        (rider.pk, {}, parcel()),
        (rider.pk, NAIROBI, parcel(2001)),
        (rider.pk, NAIROBI, parcel(1, "1", "USD")),
        (hidden.pk, NAIROBI, parcel()),
        (off.pk, NAIROBI, parcel()),
        (uuid4(), NAIROBI, parcel()),
    ):
        assert refusal(*arguments) == ("shipping_method_unavailable", 409)
    assert refusal(counter.pk, NAIROBI, parcel()) == ("pickup_point_required", 400)
    for wrong in (there.pk, closed.pk, uuid4()):
        assert refusal(counter.pk, NAIROBI, parcel(), pickup_point_id=wrong) == ("pickup_point_unavailable", 409)
    assert refusal(rider.pk, NAIROBI, parcel(), pickup_point_id=here.pk) == ("pickup_point_unavailable", 409)
    too_heavy = refusal(counter.pk, {}, parcel(5001), pickup_point_id=here.pk)
    assert too_heavy == ("shipping_method_unavailable", 409)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("limit", "total", "allowed"),
    [("20000", "20000.00", True), ("20000", "20000.01", False), ("0", "0.00", False), (None, "999999.00", True)],
)
def test_paying_at_the_door_has_a_limit(limit, total, allowed):
    rider = method(pay_at_door_limit=None if limit is None else Decimal(limit))

    assert quote_of(rider.pk, NAIROBI, parcel()).may_be_paid_at_the_door(Decimal(total)) is allowed


# --- Parcels --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_parcel_weighs_what_is_in_it(settings):
    settings.SHIPPING_DEFAULT_WEIGHT = 700
    known = variant_of(ProductFactory(variants=[VariantInput(sku="TV", price=Decimal(1), stock=1, weight_grams=9000)]))
    light = variant_of(ProductFactory(variants=[VariantInput(sku="SIM", price=Decimal(1), stock=1, weight_grams=0)]))
    unknown = variant_of(ProductFactory())
    licence = variant_of(ProductFactory(kind=Product.Kind.DIGITAL))
    worth = {"worth": Decimal(50), "currency": "KES"}

    assert parcel_of([(known, 2), (light, 5), (unknown, 3), (licence, 9)], **worth) == Parcel(20_100, **worth)
    assert parcel_of([(light, 1)], **worth) == Parcel(0, **worth)
    assert parcel_of([(licence, 1)], **worth) is None
    assert parcel_of([], **worth) is None


# --- Writing methods and points -------------------------------------------------------------------------------


@pytest.mark.django_db
def test_wrong_methods_and_points_are_refused_and_nothing_changes():
    rider, counter = method(), pickup(zone("Other"))
    place = point(counter, name="Kept")

    with pytest.raises(InvalidShipping) as falling:
        services.save_method(
            rider, name="Lost", days_min=9, bands=[Band(5, Decimal(2)), Band(6, Decimal(1)), Band(6, Decimal(3))]
        )
    with pytest.raises(MethodKindFixed):
        services.save_method(rider, kind=ShippingMethod.Kind.PICKUP)
    with pytest.raises(InvalidShipping) as wrong:
        services.save_pickup_point(
            place, name="Lost", sub_county="Ruiru", latitude=Decimal(1), methods=[counter.pk, rider.pk, uuid4()]
        )

    assert [(row.code, row.attr) for row in falling.value.rows] == [
        ("band_falls", "bands.1.price"),
        ("band_twice", "bands.2.up_to_grams"),
        ("days_backwards", "days_max"),
    ]
    assert [(row.code, row.attr) for row in wrong.value.rows] == [
        ("unknown_sub_county", "sub_county"),
        ("half_a_position", "longitude"),
        ("not_a_pickup_method", "methods.1"),
        ("not_a_pickup_method", "methods.2"),
    ]
    rider.refresh_from_db()
    assert (rider.name, rider.kind, list(rider.bands.values_list("up_to_grams", "price"))) == (
        "Method 0",
        "delivery",
        [(5000, Decimal(300))],
    )
    assert list(PickupPoint.objects.values_list("name", "methods")) == [("Kept", counter.pk)]
