"""Price lists in carts and orders: who pays what, and what happens when it changes."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.prices import services as prices
from catalog.prices.models import PriceList
from orders.lines import ItemInput
from orders.models import CartItem, Order, OrderItem
from orders.placing import place_order
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, group_of, price_list
from tests.invariants import assert_stock_holds

pytestmark = pytest.mark.django_db

CART, ITEMS, CONFIRM, ORDERS = "/api/cart/", "/api/cart/items/", "/api/cart/checkout/confirm/", "/api/orders/"


@pytest.fixture
def reseller():
    return UserFactory()


@pytest.fixture
def phone(reseller):
    """1,000 for everybody, 950 from five on; for resellers 900, and 800 from ten on."""
    product = ProductFactory(price=Decimal(1000), stock=100)
    price_list((product, "950", 5), name="Public")
    price_list((product, "900"), (product, "800", 10), name="Resellers", group=group_of(reseller))
    return product


def add(client, product, quantity=1, **headers):
    answer = client.post(ITEMS, {"product_id": str(product.pk), "quantity": quantity}, headers=headers)
    assert answer.status_code == 201, answer.json()
    return answer


def shown(cart):
    line = cart["items"][0]
    assert cart["subtotal"] == cart["total_amount"] == line["line_total"]
    return line["quantity"], line["price"], line["price_when_added"], line["line_total"]


@pytest.mark.parametrize(
    ("who", "quantity", "price", "total"),
    [
        ("stranger", 1, "1000.00", "1000.00"),
        ("stranger", 5, "950.00", "4750.00"),
        ("stranger", 10, "950.00", "9500.00"),
        ("member", 1, "900.00", "900.00"),
        ("member", 9, "900.00", "8100.00"),
        ("member", 10, "800.00", "8000.00"),
    ],
)
def test_cart_checkout_and_order_ask_one_price(reseller, phone, who, quantity, price, total):
    client = client_for(reseller if who == "member" else UserFactory())

    cart = add(client, phone, quantity).json()
    bought = client.post(CONFIRM, {}).json()
    ordered = client.post(ORDERS, {"items": [{"product_id": str(phone.pk), "quantity": quantity}]}).json()

    assert shown(cart) == (quantity, price, price, total)
    assert bought["total_amount"] == ordered["total_amount"] == bought["subtotal"] == total
    assert bought["items"][0]["price"] == ordered["items"][0]["price"] == price


def test_guest_pays_public_prices(phone):
    guest = client_for(None)

    assert shown(add(guest, phone, 5).json()) == (5, "950.00", "950.00", "4750.00")


def test_lines_of_one_variant_reach_a_break_together(reseller, phone):
    item = ItemInput(quantity=5, product_id=phone.pk)

    order = place_order(user=reseller, items=[item, item])

    assert (order.total_amount, order.items.get().price) == (Decimal("8000.00"), Decimal("800.00"))


def test_quantity_that_reaches_a_break_is_ordered_without_a_word(reseller, phone):
    client = client_for(reseller)
    line = add(client, phone, 9).json()["items"][0]["id"]

    up = client.patch(f"{ITEMS}{line}/", {"quantity": 10}).json()
    down = client.patch(f"{ITEMS}{line}/", {"quantity": 2}).json()

    assert shown(up) == (10, "800.00", "800.00", "8000.00")
    assert shown(down) == (2, "900.00", "900.00", "1800.00")
    assert client.post(CONFIRM, {}).json()["total_amount"] == "1800.00"


@pytest.mark.parametrize(
    "change",
    [
        {"is_active": False},
        {"valid_until": timezone.now() - timedelta(seconds=5)},
        {"valid_from": timezone.now() + timedelta(days=1)},
    ],
)
def test_list_that_ends_between_cart_and_checkout_stops_the_order_until_it_is_accepted(reseller, phone, change):
    client = client_for(reseller)
    line = add(client, phone, 2).json()["items"][0]["id"]
    PriceList.objects.filter(name="Resellers").update(**change)

    refused = client.post(CONFIRM, {})

    assert refused.status_code == 409
    assert [(row["code"], row["attr"]) for row in refused.json()["errors"]] == [("price_changed", "items.0.price")]
    assert "1000.00" in refused.json()["errors"][0]["detail"]
    assert (Order.objects.count(), CartItem.objects.count()) == (0, 1)
    assert_stock_holds()
    assert shown(client.get(CART).json()) == (2, "1000.00", "900.00", "2000.00")
    client.patch(f"{ITEMS}{line}/", {"quantity": 2})
    assert client.post(CONFIRM, {}).json()["total_amount"] == "2000.00"


def test_who_leaves_the_group_pays_what_everybody_pays(reseller, phone):
    client = client_for(reseller)
    add(client, phone, 1)
    reseller.customer_groups.clear()

    assert client.post(CONFIRM, {}).status_code == 409
    assert not Order.objects.exists()


def test_order_keeps_the_price_of_its_moment(reseller, phone):
    order = place_order(user=reseller, items=[ItemInput(quantity=1, product_id=phone.pk)])

    made = PriceList.objects.get(name="Resellers")
    prices.set_items(made.pk, [])
    made.delete()

    assert OrderItem.objects.get().price == Decimal("900.00")
    order.refresh_from_db()
    assert order.total_amount == Decimal("900.00")


def test_guest_who_turns_out_to_be_a_member_pays_the_lower_price_at_once(reseller, phone):
    token = add(client_for(None), phone, 2).headers["X-Cart-Token"]
    member = client_for(reseller)

    merged = member.get(CART, headers={"X-Cart-Token": token}).json()

    assert shown(merged) == (2, "900.00", "900.00", "1800.00")
    assert member.post(CONFIRM, {}).json()["total_amount"] == "1800.00"


def test_price_that_rose_while_a_guest_logged_in_is_told(phone):
    guest, customer = client_for(None), client_for(UserFactory())
    token = add(guest, phone, 5).headers["X-Cart-Token"]
    PriceList.objects.filter(name="Public").update(is_active=False)

    merged = customer.get(CART, headers={"X-Cart-Token": token}).json()

    assert shown(merged) == (5, "1000.00", "950.00", "5000.00")
    assert customer.post(CONFIRM, {}).status_code == 409


def test_price_sent_by_a_client_is_ignored(reseller, phone):
    body = {"items": [{"product_id": str(phone.pk), "quantity": 1, "price": "1.00"}]}

    assert client_for(reseller).post(ORDERS, body).json()["total_amount"] == "900.00"


@pytest.mark.parametrize("lines", [1, 10, 100])
def test_price_lists_cost_no_statement_whatever_there_is(reseller, lines, django_assert_num_queries):
    products = ProductFactory.create_batch(lines, stock=5)
    items = [ItemInput(quantity=1, product_id=product.pk) for product in products]
    client = client_for(reseller)
    for product in products:
        add(client, product)

    def statements():
        with CaptureQueriesContext(connection) as captured:
            place_order(user=reseller, items=items)
        return len(captured)

    before = statements()
    price_list(*((product, "900") for product in products), group=group_of(reseller))

    assert statements() == before
    with django_assert_num_queries(3):  # user, cart, lines
        assert client.get(CART).json()["subtotal"] == f"{lines * 900}.00"
