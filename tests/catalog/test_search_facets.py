"""Facets against a recount by hand."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import services
from catalog.attributes.asking import chosen_attributes
from catalog.attributes.services import save_attribute
from catalog.documents.orders import NEWEST, ORDERINGS
from catalog.documents.reading import read_page
from catalog.documents.sql import Fragment
from catalog.models import Brand, Category
from catalog.searching.criteria import Criteria
from catalog.searching.facets import count_facets
from catalog.searching.models import SearchAttribute
from catalog.services import VariantInput
from tests.factories import BrandFactory, CategoryFactory, ProductFactory

pytestmark = pytest.mark.django_db

STEPS = [Decimal(step) for step in (0, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000)]
COLORS, SIZES = ["Black", "white", "Café"], ["S", "L"]
ATTRIBUTES = ("color", "size", "storage", "weight", "lte")
FOLDED = {"Black": "black", "white": "white", "Café": "cafe", "S": "s", "L": "l"}
# As written, and what it means; one product may have several. Weight is told in ranges, storage by values.
STORAGE = {"64 GB": "64", "64": "64", "1TB": "1000", "1,000 GB": "1000", "0.5 GB": "0.5", "lots": None, "5 kg": None}
WEIGHT = {"900 g": "0.9", "1": "1", "1.0 kg": "1", "2.5kg": "2.5", "-3": "-3", "heavy": None, "": None}
WEIGHT_STEPS = [Decimal(0), Decimal(1), Decimal("2.5")]
LTE = {"yes": "true", True: "true", "NO": "false", False: "false", "maybe": None, "": None}
# As asked for, and what is within.
RANGES: dict[str, Callable[[Decimal], bool]] = {
    "64..1000": lambda number: 64 <= number <= 1000,
    "..<64": lambda number: number < 64,
    "1..": lambda number: number >= 1,
    "0.5..0.9": lambda number: Decimal("0.5") <= number <= Decimal("0.9"),
    "2.5": lambda number: number == Decimal("2.5"),
    "1..<2.5": lambda number: 1 <= number < Decimal("2.5"),
}
# 0 is the root, 1 and 2 stand below it, 3 below 1.
ABOVE = {0: [0], 1: [0, 1], 2: [0, 2], 3: [0, 1, 3]}

rows = st.lists(
    st.fixed_dictionaries(
        {
            "word": st.sampled_from(["kettle", "toaster"]),
            "category": st.integers(0, 3),
            "brand": st.none() | st.integers(0, 1),
            "price": st.sampled_from(["0", "999.99", "1000", "24999.99", "30000", "250000"]),
            "stock": st.integers(0, 1),
            "color": st.lists(st.sampled_from(COLORS), max_size=2),
            "size": st.none() | st.sampled_from(SIZES),
            "storage": st.lists(st.sampled_from(sorted(STORAGE)), max_size=2, unique=True),
            "weight": st.sampled_from(sorted(WEIGHT)),
            "lte": st.sampled_from(sorted(LTE, key=str)),
            "for_sale": st.sampled_from([True, True, True, False]),
        }
    ),
    max_size=8,
)
asked = st.fixed_dictionaries(
    {
        "word": st.sampled_from(["", "kettle"]),
        "category": st.none() | st.integers(0, 3),
        "brand": st.none() | st.lists(st.integers(0, 1), min_size=1, max_size=2),
        "min_price": st.none() | st.sampled_from([Decimal(1000), Decimal("999.99")]),
        "max_price": st.none() | st.sampled_from([Decimal(30000), Decimal("999.99")]),
        "in_stock": st.none() | st.booleans(),
        "color": st.none() | st.lists(st.sampled_from([*COLORS, "purple"]), min_size=1, max_size=2),
        "size": st.none() | st.lists(st.sampled_from(SIZES), min_size=1, max_size=1),
        "storage": st.none() | st.lists(st.sampled_from(sorted(RANGES)), min_size=1, max_size=2),
        "weight": st.none() | st.lists(st.sampled_from(sorted(RANGES)), min_size=1, max_size=2),
        "lte": st.none() | st.lists(st.sampled_from(["yes", "No", "true"]), min_size=1, max_size=2),
    }
)


def values_of(row: dict[str, Any], name: str) -> set[str]:
    if name in ("storage", "weight", "lte"):
        meaning = {"storage": STORAGE, "weight": WEIGHT, "lte": LTE}[name]
        said = row[name] if isinstance(row[name], list) else [row[name]]
        return {value for text in said if (value := meaning[text]) is not None}
    given = row["color"] if name == "color" else [row["size"]] if row["size"] else []
    return {FOLDED[value] for value in given}


def fits(row: dict[str, Any], wanted: dict[str, Any], *, but: str = "") -> bool:
    """Tell whether a row is among the results, leaving the choice in one group aside."""
    price = Decimal(row["price"])
    return (
        row["for_sale"]
        and (not wanted["word"] or row["word"] == wanted["word"])
        and (but == "category" or wanted["category"] is None or wanted["category"] in ABOVE[row["category"]])
        and (but == "brand" or wanted["brand"] is None or row["brand"] in wanted["brand"])
        and (
            but == "price"
            or (
                (wanted["min_price"] is None or price >= wanted["min_price"])
                and (wanted["max_price"] is None or price <= wanted["max_price"])
            )
        )
        and (but == "in_stock" or wanted["in_stock"] is None or (row["stock"] > 0) == wanted["in_stock"])
        and all(but == name or wanted[name] is None or has(row, name, wanted[name]) for name in ATTRIBUTES)
    )


def has(row: dict[str, Any], name: str, asked_for: list[str]) -> bool:
    if name in ("storage", "weight"):
        return any(RANGES[text](Decimal(value)) for text in asked_for for value in values_of(row, name))
    if name == "lte":
        return bool(values_of(row, name) & {LTE.get(value, "false" if value == "No" else value) for value in asked_for})
    return bool(values_of(row, name) & {FOLDED.get(value, value) for value in asked_for})


def bucket(number: Decimal) -> str | None:
    """Return where the range begins in which a weight is."""
    below = [step for step in WEIGHT_STEPS if step <= number]
    return f"{below[-1]}" if below else None


def recount(shop: list[dict[str, Any]], wanted: dict[str, Any]) -> dict[str, Counter[Any]]:
    counts: dict[str, Counter[Any]] = {
        name: Counter() for name in ("category", "brand", "price", "in_stock", *ATTRIBUTES)
    }
    for row in shop:
        if fits(row, wanted, but="category"):
            counts["category"].update(ABOVE[row["category"]])
        if fits(row, wanted, but="brand") and row["brand"] is not None:
            counts["brand"][row["brand"]] += 1
        if fits(row, wanted, but="price"):
            counts["price"][max(step for step in STEPS if step <= Decimal(row["price"]))] += 1
        if fits(row, wanted, but="in_stock"):
            counts["in_stock"][row["stock"] > 0] += 1
        for name in ATTRIBUTES:
            if fits(row, wanted, but=name):
                values = values_of(row, name)
                counts[name].update({bucket(Decimal(value)) for value in values} if name == "weight" else values)
    return counts


@settings(max_examples=40, deadline=None)
@given(shop=rows, wanted=asked)
def test_facets_are_what_a_recount_gives(shop, wanted):
    with transaction.atomic():
        categories: list[Category] = []
        for n, above in ABOVE.items():
            parent = categories[above[-2]] if len(above) > 1 else None
            categories.append(CategoryFactory(category_name=f"Shelf {n}", parent=parent))
        brands: list[Brand] = [BrandFactory(name=f"Maker {n}") for n in range(2)]
        save_attribute(code="storage", label="Storage", type="number", unit="GB")
        save_attribute(code="weight", label="Weight", type="number", unit="kg", steps=WEIGHT_STEPS)
        save_attribute(code="lte", label="LTE", type="boolean")
        for n, row in enumerate(shop):
            options = {"Size": row["size"]} if row["size"] else {}
            product = ProductFactory(
                product_name=f"{row['word']} {n}",
                category=categories[row["category"]],
                brand=None if row["brand"] is None else brands[row["brand"]],
                attributes={"color": row["color"], "Weight": row["weight"], "lte": row["lte"]},
                variants=[
                    VariantInput(
                        sku=f"S-{n}-{m}",
                        price=Decimal(row["price"]),
                        stock=0 if m else row["stock"],
                        options=options | ({"Storage": text} if text else {"m": ""}),
                    )
                    for m, text in enumerate(row["storage"] or [""])
                ],
            )
            if not row["for_sale"]:
                services.soft_delete_product(product)
        asked_for = {name: wanted[name] for name in ATTRIBUTES if wanted[name] is not None}
        # Nobody may have one of them, and then nobody may ask for it.
        SearchAttribute.objects.bulk_create(
            [SearchAttribute(name=name) for name in ("color", "size")], ignore_conflicts=True
        )
        chosen = chosen_attributes(asked_for)
        criteria = Criteria(
            categories=None
            if wanted["category"] is None
            else [each.pk for n, each in enumerate(categories) if wanted["category"] in ABOVE[n]],
            brands=None if wanted["brand"] is None else [brands[n].pk for n in wanted["brand"]],
            min_price=wanted["min_price"],
            max_price=wanted["max_price"],
            in_stock=wanted["in_stock"],
            attributes=chosen.values,
            numbers=chosen.numbers,
        )

        counted = count_facets(criteria, f"{wanted['word']}:*" if wanted["word"] else "")
        conditions = [condition.chosen for condition in criteria.conditions()]
        begun = Fragment("catalog_product.product_name LIKE %s", (f"{wanted['word']}%",))
        results = read_page([*conditions, begun], ORDERINGS[NEWEST], start=0, size=1).count
        transaction.set_rollback(True)

    found = counted.facets
    told = {
        "category": {int(entry["category_name"][-1]): entry["count"] for entry in found["category"]},
        "brand": {int(entry["name"][-1]): entry["count"] for entry in found["brand"]},
        "price": {Decimal(entry["min_price"]): entry["count"] for entry in found["price"]},
        "in_stock": {entry["value"]: entry["count"] for entry in found["in_stock"]},
        **{name: {} for name in ATTRIBUTES},
    } | {
        entry["name"]: {each["value"]: each["count"] for each in entry["values"]}
        | {each["min"]: each["count"] for each in entry.get("ranges", [])}
        for entry in found["attributes"]
    }
    assert told == recount(shop, wanted)
    assert counted.total == results == sum(fits(row, wanted) for row in shop)
