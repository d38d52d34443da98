"""Listings over HTTP: what is found, who may write what, and what a refusal leaves as it was."""

from datetime import time
from decimal import Decimal
from uuid import uuid4

import pytest

from bookings.blocked.services import block_dates
from bookings.listings.services import Season, remove_listing
from bookings.models import Listing, SeasonalPrice
from catalog.models import Product
from tests.bookings.stays import assert_calendars_hold, booked, day, held, host, listing_of
from tests.clients import client_for
from tests.factories import CategoryFactory, UserFactory

pytestmark = pytest.mark.django_db

LISTINGS = "/api/listings/"
NAIROBI, NAIVASHA, DIANI = (-1.2921, 36.8219), (-0.7167, 36.4333), (-4.2797, 39.5947)


def errors(answer) -> list[tuple[str, str]]:
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


def found(api_client, **parameters) -> list[str]:
    answer = api_client.get(LISTINGS, parameters)
    assert answer.status_code == 200, answer.json()
    assert answer.json()["count"] == len(answer.json()["results"])
    return [row["product_name"] for row in answer.json()["results"]]


def at(name: str, spot: tuple[float, float], **fields) -> Listing:
    return listing_of(product_name=name, latitude=spot[0], longitude=spot[1], **fields)


def body(**fields):
    return {
        "product_name": "Cottage by the lake",
        "category": str(CategoryFactory().pk),
        "price_per_night": "6500.00",
        "location": {"county": "kaunti ya nakuru", "town": "Naivasha", "lat": -0.7717, "lng": 36.4321},
        "max_guests": 4,
        **fields,
    }


# --- Writing ------------------------------------------------------------------------------------------------


def test_host_makes_a_listing_with_its_product():
    seller = host()
    seasons = [{"start_date": str(day(20)), "end_date": str(day(25)), "price": "9000.00"}]

    answer = client_for(seller).post(
        LISTINGS, body(amenities=["wifi", "pool", "wifi"], seasonal_prices=seasons, house_rules="No <b>fires</b>.")
    )

    assert answer.status_code == 201, answer.json()
    listing = Listing.objects.select_related("product").get()
    assert answer.json() == client_for(None).get(f"{LISTINGS}{listing.pk}/").json()
    shown = answer.json()
    assert (shown["id"], shown["seller"], shown["price_per_night"]) == (str(listing.pk), str(seller.pk), "6500.00")
    assert shown["location"] == {"county": "Nakuru", "town": "Naivasha", "lat": -0.7717, "lng": 36.4321}
    assert (shown["amenities"], shown["house_rules"]) == (["pool", "wifi"], "No fires.")
    assert (shown["seasonal_prices"], shown["cancellation_policy"]) == (seasons, "moderate")
    assert (listing.product.kind, listing.product.seller, listing.check_in) == ("rental", seller, time(14))
    assert_calendars_hold()


def test_listing_sent_twice_under_one_key_is_one():
    client, sent = client_for(host()), body()

    answers = [client.post(LISTINGS, sent, headers={"Idempotency-Key": "k"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert Listing.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"location": {"county": "Kampala", "town": "x", "lat": 0, "lng": 0}}, ("unknown_county", "location.county")),
        ({"location": {"county": "47", "town": "x", "lat": 91, "lng": 0}}, ("max_value", "location.lat")),
        ({"location": {"county": "47", "town": "x", "lat": "NaN", "lng": 0}}, ("invalid", "location.lat")),
        ({"amenities": ["helipad"]}, ("invalid_choice", "amenities.0")),
        ({"max_guests": 0}, ("min_value", "max_guests")),
        ({"price_per_night": "0.00"}, ("min_value", "price_per_night")),
        ({"seller": str(uuid4())}, ("read_only", "seller")),
        ({"rating": "5.00"}, ("read_only", "rating")),
        ({"stock": 4}, ("unknown_field", "stock")),
        ({"capacity": 501}, ("max_value", "capacity")),
    ],
)
def test_wrong_fields_are_named_and_nothing_is_made(fields, error):
    answer = client_for(host()).post(LISTINGS, body(**fields))

    assert (answer.status_code, errors(answer)) == (400, [error])
    assert (Listing.objects.count(), Product.objects.count()) == (0, 0)


def test_seasons_that_overlap_are_refused_and_the_old_ones_stay():
    listing = listing_of(seasons=[Season(day(1), day(3), Decimal("5.00"))])
    seasons = [
        {"start_date": str(day(20)), "end_date": str(day(25)), "price": "9000.00"},
        {"start_date": str(day(24)), "end_date": str(day(26)), "price": "1.00"},
    ]

    answer = client_for(listing.product.seller).patch(
        f"{LISTINGS}{listing.pk}/", {"seasonal_prices": seasons, "max_guests": 9, "price_per_night": "1.00"}
    )

    assert (answer.status_code, errors(answer)) == (400, [("seasons_overlap", "seasonal_prices.1")])
    assert SeasonalPrice.objects.get().price == Decimal("5.00")
    listing = Listing.objects.get()
    assert (listing.max_guests, listing.price) == (4, Decimal("4000.00"))


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_others_cannot_write_a_hosts_listing(method):
    listing = listing_of()
    for user, status in ((None, 401), (UserFactory(), 403), (host(), 403)):
        answer = getattr(client_for(user), method)(f"{LISTINGS}{listing.pk}/", body(max_guests=9))
        assert answer.status_code == status
    listing.refresh_from_db()
    assert (listing.max_guests, listing.is_shown, listing.price) == (4, True, Decimal("4000.00"))


def test_customer_cannot_make_a_listing():
    assert client_for(UserFactory()).post(LISTINGS, body()).status_code == 403
    assert Listing.objects.count() == 0


def test_change_leaves_what_is_not_named_and_replacing_does_not():
    listing = listing_of(house_rules="Quiet.", amenities=["wifi"], minimum_stay=3)
    client = client_for(listing.product.seller)

    changed = client.patch(f"{LISTINGS}{listing.pk}/", {"price_per_night": "5000.00", "location": {"town": "Gilgil"}})
    replaced = client.put(f"{LISTINGS}{listing.pk}/", body(max_guests=2))

    assert (changed.status_code, replaced.status_code) == (200, 200)
    assert changed.json()["location"] == {"county": "Nakuru", "town": "Gilgil", "lat": -0.7167, "lng": 36.4333}
    kept = [changed.json()[name] for name in ("house_rules", "amenities", "minimum_stay", "price_per_night")]
    assert kept == ["Quiet.", ["wifi"], 3, "5000.00"]
    fresh = [replaced.json()[name] for name in ("house_rules", "amenities", "minimum_stay", "max_guests", "url_key")]
    assert fresh == ["", [], 1, 2, listing.product.url_key]


def test_removed_listing_is_gone_for_all_but_its_host_and_staff(api_client, staff):
    listing = listing_of()
    seller = listing.product.seller

    assert client_for(seller).delete(f"{LISTINGS}{listing.pk}/").status_code == 204
    assert client_for(seller).delete(f"{LISTINGS}{listing.pk}/").status_code == 204

    for user, status in ((None, 404), (host(), 404), (seller, 200), (staff, 200)):
        for path in ("", "availability/"):
            assert client_for(user).get(f"{LISTINGS}{listing.pk}/{path}").status_code == status
    assert found(api_client) == []
    assert client_for(seller).post(f"/api/products/{listing.pk}/restore/").status_code == 200
    assert found(api_client) == ["Cottage in Naivasha"]


@pytest.mark.parametrize("path", ["not-an-id/", "0198c0de-0000-7000-8000-000000000041/", "0198c0de/availability/"])
def test_unknown_listing_is_a_404(api_client, path):
    assert api_client.get(f"{LISTINGS}{path}").status_code == 404


# --- Searching ----------------------------------------------------------------------------------------------


def test_places_are_found_by_county_town_and_radius(api_client):
    at("Lake", NAIVASHA)
    at("City", NAIROBI, county="Nairobi", town="Westlands")
    at("Beach", DIANI, county="Kwale", town="Diani")

    assert found(api_client, county="nairobi city county") == ["City"]
    assert found(api_client, county="33") == []
    assert found(api_client, town="DIANI") == ["Beach"]
    # 77 km as the crow flies.
    assert found(api_client, near="-1.2921,36.8219", radius_km=76) == ["City"]
    assert found(api_client, near="-1.2921, 36.8219", radius_km=78, ordering="distance") == ["City", "Lake"]
    assert found(api_client, near="-1.2921,36.8219", radius_km=500, ordering="distance") == ["City", "Lake", "Beach"]
    row = api_client.get(LISTINGS, {"near": "-1.2921,36.8219", "radius_km": "78"}).json()["results"][-1]
    assert (row["product_name"], 76 < row["distance_km"] < 78) == ("Lake", True)


def test_distance_is_right_where_degrees_are_narrow(api_client):
    at("Near the pole", (89.9, 170.0))
    at("Other side", (0.0, -179.9))

    assert found(api_client, near="89.9,-10", radius_km=25) == ["Near the pole"]
    assert found(api_client, near="0,179.9", radius_km=25) == ["Other side"]
    assert found(api_client, near="0,179.9", radius_km=20) == []


def test_what_is_free_is_found_for_one_unit_and_for_several(api_client):
    cottage, hostel = listing_of(product_name="Cottage"), listing_of(product_name="Hostel", capacity=3)
    booked(cottage, 10, 12)
    held(hostel, 11, 12, units=2)
    block_dates(cottage.pk, start=day(20), end=day(22))

    def free(first: int, last: int, **more) -> list[str]:
        return found(api_client, start_date=day(first), end_date=day(last), ordering="price", **more)

    assert free(8, 10) == ["Cottage", "Hostel"]
    assert free(12, 14) == ["Cottage", "Hostel"]
    assert free(9, 11) == ["Hostel"]
    assert free(19, 21) == ["Hostel"]
    assert free(10, 12, units=2) == []
    assert free(12, 14, units=2) == ["Hostel"]
    assert free(12, 14, units=2, guests=8) == ["Hostel"]
    assert free(12, 14, units=2, guests=9) == []


def test_listing_with_a_longer_minimum_stay_is_not_found_and_the_total_is_the_seasons(api_client):
    listing_of(product_name="Week", minimum_stay=7)
    listing_of(product_name="Feast", seasons=[Season(day(11), day(12), Decimal("9000.00"))])

    answer = api_client.get(LISTINGS, {"start_date": day(10), "end_date": day(12)}).json()

    assert [(row["product_name"], row["stay_total"]) for row in answer["results"]] == [("Feast", "13000.00")]


def test_price_guests_amenities_category_seller_and_words(api_client):
    category, seller = CategoryFactory(), host()
    listing_of(seller, product_name="Dear villa", price="20000.00", max_guests=8, amenities=["pool", "wifi"])
    listing_of(product_name="Plain room", price="1500.00", max_guests=2, amenities=["wifi"], category=category)

    assert found(api_client, price_max="1500") == ["Plain room"]
    assert found(api_client, min_price="1500.01") == ["Dear villa"]
    assert found(api_client, guests=3) == ["Dear villa"]
    assert found(api_client, amenities="wifi", ordering="-price") == ["Dear villa", "Plain room"]
    assert found(api_client, amenities=["wifi", "pool"]) == ["Dear villa"]
    assert found(api_client, category=category.url_key) == ["Plain room"]
    assert found(api_client, seller=seller.pk) == ["Dear villa"]
    assert found(api_client, search="vila") == ["Dear villa"]
    assert found(api_client) == ["Plain room", "Dear villa"]  # the newest first


@pytest.mark.parametrize(
    ("parameters", "attr"),
    [
        ({"colour": "red"}, "colour"),
        ({"county": "Kampala"}, "county"),
        ({"near": "here"}, "near"),
        ({"near": "91,0"}, "near"),
        ({"near": "0,181"}, "near"),
        ({"radius_km": "5"}, "near"),
        ({"near": "0,0", "radius_km": "501"}, "radius_km"),
        ({"near": "0,0", "radius_km": "nan"}, "radius_km"),
        ({"ordering": "distance"}, "ordering"),
        ({"sort": "distance"}, "sort"),
        ({"ordering": "seller"}, "ordering"),
        ({"start_date": "2999-01-01"}, "end_date"),
        ({"end_date": "2999-01-01"}, "start_date"),
        ({"start_date": "2020-01-01", "end_date": "2020-01-03"}, "end_date"),
        ({"start_date": "2999-01-01", "end_date": "2999-01-03"}, "end_date"),
        ({"amenities": "helipad"}, "amenities"),
        ({"guests": "0"}, "guests"),
        ({"guests": "1e9"}, "guests"),
        ({"units": "1.5"}, "units"),
        ({"price_max": "-1"}, "price_max"),
        ({"page": "1001"}, "page"),
        ({"town": "x" * 81}, "town"),
    ],
)
def test_wrong_parameters_are_named(api_client, parameters, attr):
    answer = api_client.get(LISTINGS, parameters)

    assert answer.status_code == 400, answer.json()
    assert {row["attr"] for row in answer.json()["errors"]} == {attr}


@pytest.mark.parametrize("rows", [1, 3])
def test_search_takes_three_statements(api_client, django_assert_num_queries, rows):
    for _ in range(rows):
        listing_of(capacity=rows)

    with django_assert_num_queries(3):
        answer = api_client.get(
            LISTINGS, {"start_date": day(10), "end_date": day(12), "near": "-0.7,36.4", "amenities": []}
        )

    assert answer.json()["count"] == rows


# --- The calendar -------------------------------------------------------------------------------------------


def test_calendar_says_what_is_free_what_it_costs_and_why_not(api_client):
    listing = listing_of(minimum_stay=2, seasons=[Season(day(11), day(12), Decimal("9000.00"))])
    booked(listing, 12, 14)

    def ask(first: int, last: int, **more):
        asked = {"start_date": day(first), "end_date": day(last), **more}
        return api_client.get(f"{LISTINGS}{listing.pk}/availability/", asked).json()

    assert ask(10, 12) == {
        "start_date": str(day(10)),
        "end_date": str(day(12)),
        "units": 1,
        "is_available": True,
        "refusals": [],
        "total": "13000.00",
        "currency": "KES",
        "nights": [
            {"date": str(day(10)), "units_free": 1, "price": "4000.00"},
            {"date": str(day(11)), "units_free": 1, "price": "9000.00"},
        ],
    }
    assert [row["code"] for row in ask(11, 13)["refusals"]] == ["dates_taken"]
    assert [row["code"] for row in ask(12, 13, guests=5)["refusals"]] == [
        "minimum_stay",
        "too_many_guests",
        "dates_taken",
    ]
    assert [night["units_free"] for night in ask(11, 15)["nights"]] == [1, 0, 0, 1]


def test_calendar_without_days_shows_the_next_sixty_nights(api_client):
    listing = listing_of()

    nights = api_client.get(f"{LISTINGS}{listing.pk}/availability/").json()["nights"]

    assert (len(nights), nights[0]["date"], nights[-1]["date"]) == (60, str(day(0)), str(day(59)))


@pytest.mark.parametrize(
    ("parameters", "attr"),
    [
        ({"start_date": "2026-12-02", "end_date": "2026-12-02"}, "end_date"),
        ({"start_date": "2026-12-02", "end_date": "2027-12-04"}, "end_date"),
        ({"start_date": "tomorrow"}, "start_date"),
        ({"units": "0"}, "units"),
        ({"month": "12"}, "month"),
    ],
)
def test_calendar_refuses_what_it_does_not_understand(api_client, parameters, attr):
    answer = api_client.get(f"{LISTINGS}{listing_of().pk}/availability/", parameters)

    assert (answer.status_code, [row["attr"] for row in answer.json()["errors"]]) == (400, [attr])


def test_removed_listing_frees_nothing_and_keeps_its_bookings():
    listing = listing_of()
    booking = booked(listing)

    remove_listing(listing.pk)

    booking.refresh_from_db()
    assert booking.status == "confirmed"
    assert_calendars_hold()
