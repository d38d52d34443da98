"""Shipping from a file: the sample shop's, a shop's own, and files that are wrong."""

import json
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from orders.shipping.loading import SAMPLE, load_shipping
from orders.shipping.models import PickupPoint, ShippingMethod, ShippingZone, WeightBand
from orders.shipping.quotes import Parcel, quotes_for
from orders.shipping.sample import load_sample_shipping
from tests.orders.shipping import zone

pytestmark = pytest.mark.django_db


def snapshot():
    models = (ShippingZone, ShippingMethod, PickupPoint)
    without_time = [
        sorted(map(str, model.objects.values_list(*(f.name for f in model._meta.fields if f.name != "updated_at"))))
        for model in models
    ]
    bands = WeightBand.objects.values_list("method__name", "method__zone__name", "up_to_grams", "price")
    return [*without_time, sorted(map(str, bands)), sorted(map(str, PickupPoint.methods.through.objects.count() * [1]))]


def quoted(county, sub_county="", grams=2000):
    quotes = quotes_for({"county": county, "sub_county": sub_county}, Parcel(grams, Decimal(5000), "KES"))
    return {quote.name: (str(quote.amount), str(quote.pay_at_door_limit)) for quote in quotes}


def test_example_serves_every_county_and_takes_money_at_the_door_in_nairobi(capsys):
    call_command("load_shipping", "--example")

    assert capsys.readouterr().out == "Shipping: 5 zones, 8 methods, 6 pick-up points.\n"
    assert quoted("Nairobi") == {
        "Standard delivery": ("200.00", "20000.00"),
        "Rider, the same day": ("300.00", "20000.00"),
        "Collect in Nairobi": ("0.00", "20000.00"),
    }
    assert quoted("Kiambu") == quoted("Kajiado", "Kajiado North") == {"Standard delivery": ("350.00", "10000.00")}
    assert quoted("Kajiado") == quoted("Kericho") == {"Courier": ("500.00", "0.00")}
    assert list(quoted("Mombasa")) == ["Courier to the door", "Collect in town"]
    assert quoted("Turkana", grams=50_001) == {}


def test_repeat_changes_nothing_and_restores_what_the_file_says(capsys):
    load_shipping(SAMPLE)
    before = snapshot()
    ShippingMethod.objects.filter(name="Courier").update(pay_at_door_limit=7)
    mine = zone("Mine")

    load_shipping(SAMPLE)

    mine.delete()
    assert snapshot() == before


def test_sample_shop_leaves_zones_alone_that_are_there():
    zone("Mine")
    before = snapshot()

    assert load_sample_shipping() == "Shipping: the shop has zones already; nothing was loaded."
    assert snapshot() == before


METHOD = {"name": "Rider", "bands": [{"up_to_grams": 1000, "price": "100"}]}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([], "an object with zones and pickup_points is wanted"),
        ({"zoens": []}, "zoens: this is not known here"),
        ({"zones": [1]}, "zones: a list of objects is wanted"),
        ({"zones": [{"name": "B", "counties": ["Kampala"]}]}, "zones.0.counties.0: This is none of Kenya's"),
        ({"zones": [{"name": "B", "prority": 1}]}, "zones.0.prority: this is not known here"),
        ({"zones": [{"country": "KE"}]}, "zones.0.name: This field is required."),
        (
            {"zones": [{"name": "B", "methods": [{**METHOD, "bands": [{"up_to_grams": 0, "price": "1"}]}]}]},
            "zones.0.methods.0.bands.0.up_to_grams: Ensure this value",
        ),
        (
            {"zones": [{"name": "B", "methods": [METHOD]}], "pickup_points": [{"name": "P", "methods": [{}]}]},
            "pickup_points.0.methods.0: the file has no such method.",
        ),
        (
            {
                "zones": [{"name": "B", "methods": [METHOD]}],
                "pickup_points": [
                    {"name": "P", "county": "1", "town": "T", "methods": [{"zone": "B", "name": "Rider"}]}
                ],
            },
            "pickup_points.0.methods.0: There is no such method of pick-up.",
        ),
    ],
)
def test_wrong_file_is_refused_as_a_whole(tmp_path, content, told):
    path = tmp_path / "shipping.json"
    path.write_text(json.dumps(content))

    with pytest.raises(CommandError) as refused:
        call_command("load_shipping", str(path))

    assert told in str(refused.value)
    assert str(refused.value).endswith("Nothing is stored.")
    assert snapshot() == [[], [], [], [], []]


@pytest.mark.parametrize("content", ["{", "[" * 100_000])
def test_file_that_is_no_json_is_refused(tmp_path, content):
    path = tmp_path / "shipping.json"
    path.write_text(content)

    with pytest.raises(CommandError, match="Nothing is stored"):
        call_command("load_shipping", str(path))
    with pytest.raises(CommandError, match="Nothing is stored"):
        call_command("load_shipping", str(tmp_path / "absent.json"))
