"""Selling beyond what is here: the setting, what the catalogue says, and the database's last word."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from catalog import stock
from catalog.inventory.availability import AvailabilityPolicy
from catalog.models import Product, Stock
from catalog.services import VariantInput
from tests.admin_pages import address, listed, logged_in, member_of_staff
from tests.catalog.inventory import main
from tests.catalog.test_documents import as_serialized, document
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, variant_of

pytestmark = pytest.mark.django_db

Policy = AvailabilityPolicy
SETTINGS = ("availability_policy", "backorder_limit", "available_from")


def keeper_client(*rights: str) -> APIClient:
    return client_for(member_of_staff(*(f"catalog.{right}" for right in rights or ("view_stock", "change_stock"))))


def settings_of(product: Product) -> tuple[Any, ...]:
    return Stock.objects.values_list(*SETTINGS).get(product=product)


@pytest.mark.parametrize(
    ("units", "policy", "limit", "day", "shown"),
    [
        (3, Policy.DENY, 0, None, ("in_stock", None)),
        (0, Policy.DENY, 0, None, ("out_of_stock", None)),
        (3, Policy.BACKORDER, 5, "2027-03-01", ("in_stock", None)),
        (0, Policy.BACKORDER, 5, None, ("backorder", None)),
        (0, Policy.BACKORDER, 5, "2027-03-01", ("backorder", "2027-03-01")),
        (-4, Policy.BACKORDER, 5, "2027-03-01", ("backorder", "2027-03-01")),
        (-5, Policy.BACKORDER, 5, "2027-03-01", ("out_of_stock", None)),
        (0, Policy.PREORDER, 5, "2027-03-01", ("preorder", "2027-03-01")),
        (-5, Policy.PREORDER, 5, "2027-03-01", ("out_of_stock", None)),
        (2, Policy.PREORDER, 5, "2027-03-01", ("in_stock", None)),
    ],
)
def test_availability_is_what_can_be_ordered(units, policy, limit, day, shown):
    product = ProductFactory(stock=0)
    level = Stock.objects.filter(product=product)
    level.update(availability_policy=policy, backorder_limit=limit, available_from=day)
    level.update(available=units, on_hand=max(units, 0))

    found = document(product)

    assert (found["availability"], found["available_from"]) == shown
    assert [(one["availability"], one["available_from"]) for one in found["variants"]] == [shown]
    assert (found["stock"], found["in_stock"]) == (max(units, 0), units > 0)
    assert found == as_serialized(product)


def test_product_is_as_available_as_the_best_of_its_sold_variants():
    product = ProductFactory(variants=[VariantInput(sku, 100, {"size": sku}) for sku in ("A", "B", "C", "D")])
    days = {"A": None, "B": date(2027, 5, 1), "C": date(2027, 3, 1), "D": date(2027, 1, 1)}
    for level in Stock.objects.filter(product=product).select_related("variant"):
        sku = level.variant.sku
        policy = {"A": Policy.DENY, "D": Policy.BACKORDER}.get(sku, Policy.PREORDER)
        stock.set_availability(level.pk, policy=policy, limit=0 if sku == "A" else 2, available_from=days[sku])
    product.variants.filter(sku="D").update(is_active=False)

    first = document(product)
    product.variants.filter(sku="D").update(is_active=True)
    second = document(product)

    assert (first["availability"], first["available_from"]) == ("preorder", "2027-03-01")
    assert (second["availability"], second["available_from"]) == ("backorder", "2027-01-01")
    assert second == as_serialized(product)


def test_what_is_not_kept_in_stock_is_always_there():
    product = ProductFactory(kind="digital", stock=0)

    found = document(product)

    assert (found["availability"], found["variants"][0]["availability"]) == ("in_stock", "in_stock")
    assert found == as_serialized(product)


def test_units_promised_beyond_those_here_are_no_stock_of_other_variants():
    product = ProductFactory(variants=[VariantInput("A", 100, {"n": "1"}, stock=4), VariantInput("B", 100, {"n": "2"})])
    other = product.variants.get(sku="B")
    stock.set_availability(other.pk, policy=Policy.BACKORDER, limit=9)
    Stock.objects.filter(pk=other.pk).update(available=-9)

    assert (document(product)["stock"], Product.objects.with_stock().get(pk=product.pk).stock) == (4, 4)


# --- The setting


def test_staff_set_a_pre_order_and_end_it():
    product = ProductFactory(stock=0)
    day = (timezone.localdate() + timedelta(days=30)).isoformat()
    client, address = keeper_client(), f"/api/stock/{variant_of(product).pk}/"

    made = client.patch(address, {"availability_policy": "preorder", "backorder_limit": 50, "available_from": day})
    shown = {name: made.json()[name] for name in (*SETTINGS, "availability")}
    ended = client.patch(address, {"availability_policy": "deny"})

    assert (made.status_code, ended.status_code) == (200, 200)
    assert shown == {
        "availability_policy": "preorder",
        "backorder_limit": 50,
        "available_from": day,
        "availability": "preorder",
    }
    assert settings_of(product) == ("deny", 0, None)


@pytest.mark.parametrize(
    ("body", "code", "attr"),
    [
        ({}, "required", "low_stock_threshold"),
        ({"backorder_limit": 5}, "required", "availability_policy"),
        ({"availability_policy": "backorder"}, "availability_not_whole", "backorder_limit"),
        ({"availability_policy": "backorder", "backorder_limit": 0}, "availability_not_whole", "backorder_limit"),
        ({"availability_policy": "deny", "backorder_limit": 5}, "availability_not_whole", "backorder_limit"),
        ({"availability_policy": "preorder", "backorder_limit": 5}, "availability_not_whole", "available_from"),
        ({"availability_policy": "deny", "available_from": "2999-01-01"}, "availability_not_whole", "available_from"),
        (
            {"availability_policy": "preorder", "backorder_limit": 5, "available_from": "2020-01-01"},
            "day_is_over",
            "available_from",
        ),
        ({"availability_policy": "backorder", "backorder_limit": 10**9}, "max_value", "backorder_limit"),
        ({"availability_policy": "backorder", "backorder_limit": -1}, "min_value", "backorder_limit"),
        ({"availability_policy": "continue", "backorder_limit": 1}, "invalid_choice", "availability_policy"),
        # All or nothing: a good threshold beside a bad policy is not written either.
        ({"low_stock_threshold": 7, "availability_policy": "backorder"}, "availability_not_whole", "backorder_limit"),
    ],
)
def test_half_a_setting_is_refused_and_changes_nothing(body, code, attr):
    product = ProductFactory(stock=0)

    answer = keeper_client().patch(f"/api/stock/{variant_of(product).pk}/", body)

    assert (answer.status_code, answer.json()["errors"][0]["code"], answer.json()["errors"][0]["attr"]) == (
        400,
        code,
        attr,
    )
    assert settings_of(product) == ("deny", 0, None)
    assert Stock.objects.get().low_stock_threshold is None


@pytest.mark.parametrize("who", ["nobody", "customer", "seller", "reader"])
def test_only_staff_who_may_change_stock_sell_beyond_it(who):
    seller = UserFactory(role="seller")
    product = ProductFactory(stock=0, seller=seller)
    clients = {
        "nobody": APIClient,
        "customer": lambda: client_for(UserFactory()),
        "seller": lambda: client_for(seller),
        "reader": lambda: keeper_client("view_stock"),
    }

    answer = clients[who]().patch(
        f"/api/stock/{variant_of(product).pk}/", {"availability_policy": "backorder", "backorder_limit": 5}
    )

    assert answer.status_code in (401, 403)
    assert settings_of(product) == ("deny", 0, None)


def test_admin_sets_it_and_shows_what_is_overdue():
    product = ProductFactory(stock=0)
    level = variant_of(product).stock_level
    client = logged_in(member_of_staff("catalog.view_stock", "catalog.change_stock"))
    page = address("catalog_stock_set_availability", level)
    told = {"availability_policy": "preorder", "backorder_limit": "5", "available_from": "2027-03-01"}

    refused = client.post(page, told | {"available_from": ""})
    after_refusal = settings_of(product)
    client.post(page, told)
    Stock.objects.update(available=-1, available_from=date(2026, 1, 1))
    overdue = client.get(address("catalog_stock_changelist"), {"level": "overdue"})

    assert (refused.status_code, after_refusal) == (200, ("deny", 0, None))
    assert settings_of(product)[:2] == ("preorder", 5)
    assert listed(overdue) == [level]


# --- The database's last word


def test_nobody_takes_more_than_the_limit():
    product = ProductFactory(stock=3)
    variant = variant_of(product).pk
    stock.set_availability(variant, policy=Policy.BACKORDER, limit=5)
    take = stock.Change(variant_id=variant, kind="reserve", available=-9)

    with pytest.raises(IntegrityError, match="its limit is 5"), transaction.atomic():
        stock.apply_changes([take])

    assert Stock.objects.get().available == 3


def test_lower_limit_leaves_what_was_sold_and_refuses_more():
    product = ProductFactory(stock=0)
    variant = variant_of(product).pk
    stock.set_availability(variant, policy=Policy.BACKORDER, limit=5)
    stock.apply_changes([stock.Change(variant_id=variant, kind="reserve", available=-4)])

    stock.set_availability(variant, policy=Policy.DENY)
    stock.apply_changes([stock.Change(variant_id=variant, kind="release", available=1)])
    with pytest.raises(IntegrityError), transaction.atomic():
        stock.apply_changes([stock.Change(variant_id=variant, kind="reserve", available=-1)])

    assert Stock.objects.get().available == -3
    assert document(product)["availability"] == "out_of_stock"


def test_delivery_with_a_broken_unit_is_taken_in_while_units_are_owed():
    product = ProductFactory(sku="P", stock=0)
    variant = variant_of(product).pk
    stock.set_availability(variant, policy=Policy.BACKORDER, limit=9)
    stock.apply_changes([stock.Change(variant_id=variant, kind="reserve", available=-6)])
    main()
    client = keeper_client()

    def adjust(key: str, *changes: int) -> int:
        items = [{"sku": "P", "warehouse": "MAIN", "change": change, "reason": key} for change in changes]
        return client.post("/api/stock/adjust/", {"items": items}, headers={"Idempotency-Key": key}).status_code

    assert adjust("delivery", 4, -1) == 201
    assert adjust("loss", -1) == 409  # it is promised
    assert Stock.objects.values_list("available", "on_hand").get() == (-3, 3)
