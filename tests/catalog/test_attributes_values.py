"""What products say of themselves, made to fit: ``clean_attributes`` and the units."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.attributes import units
from catalog.attributes.cleaning import clean_attributes
from catalog.attributes.exceptions import AttributesRefused
from catalog.attributes.models import Attribute, CategoryAttribute
from catalog.attributes.services import ChoiceInput, PlaceInput, save_attribute
from catalog.attributes.values import YES_OR_NO, fold_name
from catalog.models import Category
from tests.factories import CategoryFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def phones() -> Category:
    category = CategoryFactory(category_name="Phones", parent=CategoryFactory(category_name="Electronics"))
    save_attribute(code="storage", label="Storage", type="number", unit="GB", places=[PlaceInput(category)])
    save_attribute(code="screen_size", label="Screen size", type="number", unit="in", places=[PlaceInput(category)])
    save_attribute(code="battery", label="Battery", type="number", unit="mAh", places=[PlaceInput(category)])
    save_attribute(code="dual_sim", label="Dual SIM", type="boolean", places=[PlaceInput(category)])
    choices = [ChoiceInput("black", "Midnight black"), ChoiceInput("white", "White")]
    save_attribute(code="color", label="Color", type="choice", choices=choices, places=[PlaceInput(category)])
    save_attribute(code="os", label="System", type="text", places=[PlaceInput(category)])
    return category


def refusals(category: Category, attributes: Any) -> list[tuple[str, str | None]]:
    with pytest.raises(AttributesRefused) as caught:
        clean_attributes(category, attributes)
    return [(row.code, row.attr) for row in caught.value.rows]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"storage": "128 GB"}, {"storage": 128}),
        ({"storage": "128GB"}, {"storage": 128}),
        ({"storage": "1 tb"}, {"storage": 1000}),
        ({"storage": "512 MB"}, {"storage": 0.512}),
        ({"storage": 128}, {"storage": 128}),
        ({"storage": 128.0}, {"storage": 128}),
        ({"storage": Decimal("6.5")}, {"storage": 6.5}),
        ({"storage": " 64 "}, {"storage": 64}),
        ({"screen_size": "6.5 in"}, {"screen_size": 6.5}),
        ({"screen_size": '6.5"'}, {"screen_size": 6.5}),
        ({"screen_size": "16.51 cm"}, {"screen_size": 6.5}),
        ({"Screen Size": "6.5 Inches"}, {"screen_size": 6.5}),
        ({"battery": "5000mAh"}, {"battery": 5000}),
        ({"battery": "5,000 mAh"}, {"battery": 5000}),
        ({"battery": "5Ah"}, {"battery": 5000}),
        ({"dual_sim": "Yes"}, {"dual_sim": True}),
        ({"dual_sim": "no"}, {"dual_sim": False}),
        ({"dual_sim": False}, {"dual_sim": False}),
        ({"dual_sim": 1}, {"dual_sim": True}),
        ({"color": "black"}, {"color": "black"}),
        ({"color": "  MIDNIGHT  Black "}, {"color": "black"}),
        ({"color": ["White", "black", "white"]}, {"color": ["white", "black"]}),
        ({"os": " Android\u200b  15 "}, {"os": "Android 15"}),
        ({"os": 15}, {"os": "15"}),
        ({"os": ["a", "", "a", "b"]}, {"os": ["a", "b"]}),
        ({"storage": None, "color": [], "os": " ", "dual_sim": ""}, {}),
        ({"Made in": "Kenya", "ports": [1, {"a": None}]}, {"Made in": "Kenya", "ports": [1, {"a": None}]}),
        ({"nothing": None, "endless": float("inf")}, {}),
    ],
)
def test_values_become_what_their_attribute_says(phones, given, kept):
    assert clean_attributes(phones, given) == kept
    assert [type(value) for value in clean_attributes(phones, given).values()] == [type(each) for each in kept.values()]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"storage": "lots"}, "invalid_number"),
        ({"storage": "128 kg"}, "unknown_unit"),
        ({"storage": "6,5 GB"}, "invalid_number"),
        ({"storage": "1-2 GB"}, "invalid_number"),
        ({"storage": True}, "invalid_number"),
        ({"storage": [128]}, "invalid_number"),
        ({"storage": float("nan")}, "invalid_number"),
        ({"storage": float("inf")}, "invalid_number"),
        ({"storage": 10**15}, "invalid_number"),
        ({"storage": 1e300}, "invalid_number"),
        ({"storage": "999999999999999 TB"}, "invalid_number"),
        ({"storage": "٣"}, "invalid_number"),
        ({"dual_sim": "maybe"}, "invalid_boolean"),
        ({"dual_sim": 2}, "invalid_boolean"),
        ({"dual_sim": ["yes"]}, "invalid_boolean"),
        ({"color": "purple"}, "unknown_choice"),
        ({"color": ["black", "purple"]}, "unknown_choice"),
        ({"color": {"a": 1}}, "invalid"),
        ({"color": [["black"]]}, "invalid"),
        ({"os": True}, "invalid"),
        ({"os": "x" * 1001}, "too_long"),
        ({"os": ["x"] * 51}, "too_many"),
    ],
)
def test_value_that_does_not_fit_is_named(phones, given, code):
    (name,) = given
    assert refusals(phones, given) == [(code, f"attributes.{name}")]


def test_every_field_that_does_not_fit_is_named_at_once(phones):
    CategoryAttribute.objects.filter(attribute__code__in=("battery", "color")).update(required=True)

    found = refusals(phones, {"Storage": "lots", "dual_sim": "maybe", "screen_size": 6, "color": ""})

    assert found == [
        ("invalid_number", "attributes.Storage"),
        ("invalid_boolean", "attributes.dual_sim"),
        ("required", "attributes.battery"),
        ("required", "attributes.color"),
    ]


def test_required_value_that_does_not_fit_is_told_once(phones):
    CategoryAttribute.objects.filter(attribute__code="storage").update(required=True)

    assert refusals(phones, {"storage": "lots"}) == [("invalid_number", "attributes.storage")]


def test_same_attribute_under_two_names_is_refused(phones):
    assert refusals(phones, {"storage": 1, "Storage": 2}) == [("given_twice", "attributes.Storage")]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (["storage"], "invalid"),
        ("storage", "invalid"),
        (None, "invalid"),
        ({"": 1}, "invalid_name"),
        ({" \u200b": 1}, "invalid_name"),
        ({"x" * 61: 1}, "invalid_name"),
        ({1: 1}, "invalid_name"),
        ({f"a{n}": n for n in range(101)}, "too_many"),
        ({"a": "x" * 40_000}, "too_large"),
        ({"a": 10**5000}, "too_large"),
    ],
)
def test_attributes_have_a_form_and_a_size(phones, given, code):
    assert refusals(phones, given) == [(code, "attributes")]


def test_deeply_nested_value_is_refused(phones):
    value: Any = "x"
    for _ in range(40):
        value = [value]

    assert refusals(phones, {"a": value}) == [("too_deep", "attributes.a")]


@pytest.mark.parametrize("strict", ["Electronics", "Phones"])
def test_only_defined_attributes_are_taken_where_a_category_says_so(phones, strict):
    elsewhere = CategoryFactory(category_name="Software")
    Category.objects.filter(category_name=strict).update(only_defined_attributes=True)

    assert refusals(phones, {"storage": 1, "Made in": "Kenya"}) == [("unknown_attribute", "attributes.Made in")]
    assert clean_attributes(elsewhere, {"Made in": "Kenya"}) == {"Made in": "Kenya"}


def test_attribute_of_another_category_is_understood_but_not_where_only_own_ones_are_taken(phones):
    kettles = CategoryFactory(category_name="Kettles", only_defined_attributes=False)

    kept = clean_attributes(kettles, {"storage": "2 TB"})
    Category.objects.filter(pk=kettles.pk).update(only_defined_attributes=True)

    assert kept == {"storage": 2000}
    assert refusals(kettles, {"storage": "2 TB"}) == [("unknown_attribute", "attributes.storage")]


def test_cleaning_twice_changes_nothing(phones):
    once = clean_attributes(phones, {"Storage": "1TB", "color": ["White"], "dual_sim": "y", "os": ["a"], "free": [1]})

    assert clean_attributes(phones, once) == once


def test_cleaning_takes_the_same_statements_for_any_number_of_attributes(phones, django_assert_num_queries):
    for said in ({"storage": 1}, {f"free {n}": n for n in range(10)}, {f"free {n}": n for n in range(100)}):
        # The category's, their choices, whether only those are taken; definitions by name; their lock.
        with django_assert_num_queries(5):
            clean_attributes(phones, said)


# --- Units, here and in the database ----------------------------------------------------------------------------


def test_units_turn_into_each_other_within_what_they_measure():
    for unit in units.UNITS:
        assert units.parse_number("1", units.factors(unit)) == 1
        assert units.parse_number(f"7 {unit}", units.factors(unit)) == 7
    assert units.shown(units.parse_number("2 lb", units.factors("kg"))) == "0.907185"
    assert units.shown(units.parse_number("2 years", units.factors("months"))) == "24"
    with pytest.raises(units.UnknownUnit):
        units.parse_number("2 kg", units.factors("GB"))


def test_no_two_units_of_a_kind_are_spelled_alike():
    for unit in units.UNITS:
        for other in units.UNITS:
            spelled = units.factors(unit).get(units.fold_text(other))
            assert spelled is None or unit == other or spelled != "1", (unit, other)


def in_database(text: str, factors: dict[str, str]) -> Decimal | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT substr(catalog_facet('a', %s), 3)", [text])
        folded = cursor.fetchone()[0]
        cursor.execute("SELECT catalog_amount(%s, %s::jsonb)", [folded, json.dumps(factors)])
        amount: Decimal | None = cursor.fetchone()[0]
        return amount


written = st.one_of(
    st.builds(
        "{}{}{}".format,
        st.decimals(-(10**9), 10**9, places=3).map(lambda number: f"{number:f}"),
        st.sampled_from(["", " ", "  "]),
        st.sampled_from([*units.UNITS, "", "kg", "Inches", "lots", '"', "TB", "gb"]),
    ),
    st.text(alphabet="0123456789,.+-e GBkinx\"'", max_size=24),
    st.sampled_from(["1,000", "1,00", "1,000,000 GB", "1e5", "999999999999999 TB", "1.1234567895", "+5", "--5", "5 5"]),
)


@settings(max_examples=400, deadline=None)
@given(text=written, unit=st.sampled_from(["GB", "in", "kg", "°C", "m²", "h"]))
def test_database_reads_numbers_as_the_shop_does(text, unit):
    factors = units.factors(unit)
    try:
        expected: Decimal | None = units.parse_number(text, factors)
    except (units.NotANumber, units.UnknownUnit):
        expected = None

    assert in_database(text, factors) == expected


def test_yes_and_no_are_spelled_as_they_are_folded():
    assert {units.fold_text(word) for word in YES_OR_NO} == set(YES_OR_NO)


@pytest.mark.parametrize("name", ["Screen Size", "screen-size", " SCREEN__size! ", "Scréén/Size"])
def test_names_fold_as_the_search_folds_them(name):
    with connection.cursor() as cursor:
        cursor.execute("SELECT split_part(catalog_facet(%s, 'x'), '=', 1)", [name])
        assert cursor.fetchone()[0] == fold_name(name) == "screen_size"


def test_every_unit_can_be_stored():
    for n, unit in enumerate(units.UNITS):
        save_attribute(code=f"u{n}", label=unit, type="number", unit=unit)

    assert Attribute.objects.count() == len(units.UNITS)
