"""What an order's address must say: counties in Kenya, streets and postal codes elsewhere, phones in E.164."""

import pytest
from rest_framework.exceptions import ErrorDetail

from accounts.addresses.serializers import AddressSerializer
from ecommerce.geography.countries import COUNTRIES, is_postal_code, needs_postal_code
from orders.models import Order
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory


def kept(**address):
    form = AddressSerializer(data=address)
    form.is_valid(raise_exception=True)
    return form.validated_data


def refused(**address):
    """Return the codes of what is wrong, by field."""
    form = AddressSerializer(data=address)
    assert not form.is_valid()
    found: dict[str, list[ErrorDetail]] = form.errors
    return {name: [detail.code for detail in details] for name, details in found.items()}


def test_kenyan_address_is_kept_with_official_names_and_without_a_postal_code():
    assert kept(
        recipient="Wanjiru",
        phone_number="0712 345 678",
        county="muranga county",
        sub_county="KIHARU constituency",
        town="Murang'a",
        estate="Mjini",
        landmark="behind the market",
        line1="",
        postal_code="",
    ) == {
        "recipient": "Wanjiru",
        "phone_number": "+254712345678",
        "county": "Murang'a",
        "sub_county": "Kiharu",
        "town": "Murang'a",
        "estate": "Mjini",
        "landmark": "behind the market",
        "country": "KE",
    }


@pytest.mark.parametrize(
    ("written", "stored"),
    [("0712345678", "+254712345678"), ("0112345678", "+254112345678"), ("+254 712 345678", "+254712345678")],
)
def test_phone_is_kept_in_e164(written, stored):
    assert kept(county="Nairobi", phone_number=written)["phone_number"] == stored


def test_sub_county_that_is_on_no_list_stays_as_it_was_written():
    assert kept(county="47", sub_county="Lower Kabete Ward")["sub_county"] == "Lower Kabete Ward"


@pytest.mark.parametrize(
    ("address", "codes"),
    [
        ({}, {"county": ["required"]}),
        ({"county": ""}, {"county": ["required"]}),
        ({"county": "Kampala"}, {"county": ["unknown_county"]}),
        ({"county": "n" * 61}, {"county": ["max_length"]}),
        ({"county": "Nairobi", "sub_county": "Ruiru"}, {"sub_county": ["sub_county_elsewhere"]}),
        ({"county": "Nairobi", "phone_number": "12"}, {"phone_number": ["invalid_phone_number"]}),
        ({"county": "Nairobi", "country": "XX"}, {"country": ["unknown_country"]}),
        ({"county": "Nairobi", "country": ""}, {"country": ["blank"]}),
        ({"country": "UG"}, {"town": ["required"], "line1": ["required"]}),
        ({"country": "DE", "town": "Berlin", "line1": "Weg 1"}, {"postal_code": ["required"]}),
        (
            {"country": "DE", "town": "Berlin", "line1": "Weg 1", "postal_code": "1000"},
            {"postal_code": ["invalid_postal_code"]},
        ),
    ],
)
def test_what_is_missing_or_wrong_is_named(address, codes):
    assert refused(**address) == codes


def test_address_abroad_needs_no_county_of_ours():
    assert kept(country="ug", county="Central", town="Kampala", line1="Plot 5, Kampala Road") == {
        "country": "UG",
        "county": "Central",
        "town": "Kampala",
        "line1": "Plot 5, Kampala Road",
    }
    assert kept(country="GB", town="London", line1="1 High St", postal_code="sw1a 1aa")["postal_code"] == "SW1A 1AA"


@pytest.mark.parametrize(
    ("country", "good", "bad"),
    [
        ("US", "90210-1234", "9021"),
        ("GB", "M1 1AE", "12345"),
        ("NL", "1012 AB", "1012"),
        ("CA", "K1A 0B1", "K1A"),
        ("ZA", "0001", "00011"),
        ("IN", "110001", "11000"),
        ("JP", "100-0001", "\N{FULLWIDTH DIGIT ONE}00-0001"),
    ],
)
def test_postal_codes_have_the_form_of_their_country(country, good, bad):
    assert needs_postal_code(country)
    assert (is_postal_code(country, good), is_postal_code(country, bad)) == (True, False)
    assert not needs_postal_code("TZ")
    assert is_postal_code("TZ", bad)


def test_there_are_as_many_countries_as_iso_lists():
    assert len(COUNTRIES) == 249
    assert {"KE", "UG", "TZ", "RW", "ET", "SS", "SO"} <= COUNTRIES
    assert not {"XK", "UK", "EU"} & COUNTRIES


@pytest.mark.django_db
def test_order_with_a_wrong_address_is_refused_and_nothing_is_placed():
    client, product = client_for(UserFactory()), ProductFactory()
    order = {
        "items": [{"product_id": str(product.pk), "quantity": 1}],
        "shipping_address": {"county": "Kampala", "town": "Kampala"},
    }

    answer = client.post("/api/orders/", order)

    assert answer.status_code == 400
    assert [(row["code"], row["attr"]) for row in answer.json()["errors"]] == [
        ("unknown_county", "shipping_address.county")
    ]
    assert not Order.objects.exists()
