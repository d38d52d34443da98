"""What is kept of each change of a price list and its prices."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.history.models import PriceListEvent, PriceListItemEvent
from tests.admin_pages import address, logged_in, member_of_staff
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, price_list, variant_of

pytestmark = pytest.mark.django_db

LISTS = "/api/price-lists/"


@pytest.fixture
def person(db):
    return member_of_staff("catalog.view_pricelist", "catalog.change_pricelist", "catalog.view_pricelistevent")


@pytest.fixture
def editor(person):
    return client_for(person)


def history(client, made):
    answer = client.get(f"{LISTS}{made.pk}/history/")
    assert answer.status_code == 200, answer.json()
    return answer.json()["results"]


def test_changed_added_and_removed_prices_are_told_with_before_after_and_who(editor, person):
    phone, cable, cover = (ProductFactory(sku=sku) for sku in ("PHONE", "CABLE", "COVER"))
    made = price_list((phone, "1400"), (cable, "300"))
    body = {"items": [{"sku": "PHONE", "price": "1350.00"}, {"sku": "COVER", "price": "90.00", "min_quantity": 5}]}

    assert editor.put(f"{LISTS}{made.pk}/items/", body, HTTP_X_REQUEST_ID="request-12345678").status_code == 200
    assert editor.patch(f"{LISTS}{made.pk}/", {"priority": 4}).status_code == 200

    rows = history(editor, made)
    assert {(row["actor"]["id"], row["via"]) for row in rows[:4]} == {(str(person.pk), "api")}
    assert {row["request_id"] for row in rows[1:4]} == {"request-12345678"}
    assert [(row["kind"], row["name"], row["action"], row["changes"]) for row in rows[:1]] == [
        ("price_list", made.name, "changed", {"priority": {"before": 0, "after": 4}})
    ]
    assert sorted((row["name"], row["action"], sorted(row["changes"])) for row in rows[1:4]) == [
        ("CABLE", "deleted", ["min_quantity", "price", "price_list", "variant"]),
        ("COVER", "created", ["min_quantity", "price", "price_list", "variant"]),
        ("PHONE", "changed", ["price"]),
    ]
    (phoned,) = [row for row in rows[1:4] if row["name"] == "PHONE"]
    assert phoned["changes"] == {"price": {"before": "1400.00", "after": "1350.00"}}
    (covered,) = [row for row in rows[1:4] if row["name"] == "COVER"]
    assert covered["changes"]["price"] == {"before": None, "after": "90.00"}
    assert covered["changes"]["variant"] == {"before": None, "after": str(variant_of(cover).pk)}


def test_same_prices_again_leave_no_trace(editor):
    made = price_list((ProductFactory(sku="PHONE"), "1400"))
    before = (PriceListEvent.objects.count(), PriceListItemEvent.objects.count())

    editor.put(f"{LISTS}{made.pk}/items/", {"items": [{"sku": "PHONE", "price": "1400.00"}]})

    assert (PriceListEvent.objects.count(), PriceListItemEvent.objects.count()) == before


def test_history_is_for_staff_with_the_right(editor):
    made = price_list((ProductFactory(sku="PHONE"), "1400"))

    for client, expected in (
        (client_for(member_of_staff("catalog.view_pricelist", "catalog.change_pricelist")), 403),
        (client_for(UserFactory()), 403),
        (editor, 200),
    ):
        assert client.get(f"{LISTS}{made.pk}/history/").status_code == expected
    assert editor.get(f"{LISTS}{variant_of(ProductFactory()).pk}/history/").status_code == 404


@pytest.mark.parametrize("prices", [1, 3])
def test_history_takes_as_many_statements_for_one_price_as_for_three(editor, prices):
    made = price_list(*((ProductFactory(), "1400") for _ in range(prices)))

    with CaptureQueriesContext(connection) as queries:
        history(editor, made)

    assert len(queries) == 9


def test_page_of_a_list_shows_its_changes_in_the_admin(person):
    made = price_list((ProductFactory(sku="PHONE"), "1400"))

    page = logged_in(person).get(address("catalog_pricelist_change", made)).content.decode()

    assert "The last 20 changes" in page
    assert "price PHONE" in page
