"""Orders of what is not here yet: how many, who gets those that come, what leaves, and what is given back."""

from collections import Counter
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from catalog import stock
from catalog.inventory.availability import AvailabilityPolicy
from catalog.models import Product, Stock
from ecommerce.invariants import violations
from ecommerce.models import OutboxMessage
from orders import placing, services
from orders.backorders.checks import CHECKS
from orders.backorders.services import allocate
from orders.cancelling import UnitsInput, cancel_units
from orders.fulfilment.exceptions import GoodsAwaited
from orders.fulfilment.services import ShipLine, ship
from orders.lines import ItemInput
from orders.models import Order
from tests.admin_pages import member_of_staff
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order, variant_of
from tests.invariants import assert_orders_hold, assert_stock_holds
from tests.racing import at_once

pytestmark = pytest.mark.django_db

ORDERS, CART = "/api/orders/", "/api/cart/items/"
DAY = date(2027, 3, 1)


def sold_later(here: int = 0, limit: int = 5, day: date | None = DAY, **fields: Any) -> Product:
    """Make a product with so many units here that is sold beyond them."""
    product = ProductFactory(stock=here, **fields)
    policy = AvailabilityPolicy.PREORDER if day else AvailabilityPolicy.BACKORDER
    stock.set_availability(variant_of(product).pk, policy=policy, limit=limit, available_from=day)
    return product


def paid(product: Product, quantity: int = 1, user: User | None = None) -> Order:
    order = place_order(user or UserFactory(), product, quantity=quantity)
    services.mark_paid(order.pk)
    return Order.objects.get(pk=order.pk)


def bring(product: Product, units: int) -> None:
    stock.adjust_stock({variant_of(product).pk: units}, kind="receive")


def awaited(*orders: Order) -> list[int]:
    return [order.items.values_list("awaited_quantity", flat=True).get() for order in orders]


def available(product: Product) -> int:
    return Stock.objects.values_list("available", flat=True).get(product=product)


def everything_holds() -> None:
    assert_stock_holds()
    assert_orders_hold()


# --- Ordering


def test_units_beyond_those_here_are_ordered_up_to_the_limit():
    product = sold_later(here=3, limit=5)
    client = client_for(UserFactory())

    def order(quantity: int) -> Any:
        return client.post(ORDERS, {"items": [{"product_id": str(product.pk), "quantity": quantity}]})

    first, second, third, too_many, last = order(2), order(3), order(1), order(3), order(2)

    lines = [answer.json()["items"][0] for answer in (first, second, third, last)]
    assert [(line["awaited_quantity"], line["available_from"]) for line in lines] == [
        (0, None),
        (2, "2027-03-01"),
        (1, "2027-03-01"),
        (2, "2027-03-01"),
    ]
    assert too_many.status_code == 409
    error = too_many.json()["errors"][0]
    assert (error["code"], error["attr"], error["detail"][:11]) == (
        "insufficient_stock",
        "items.0.quantity",
        "Only 2 left",
    )
    assert (available(product), Order.objects.count()) == (-5, 4)
    everything_holds()


def test_order_of_what_comes_later_takes_no_more_statements():
    user, here, later = UserFactory(), ProductFactory(), sold_later()

    def count(product: Product) -> int:
        with CaptureQueriesContext(connection) as made:
            placing.place_order(user=user, items=[ItemInput(quantity=1, product_id=product.pk, attr="items.0")])
        return len(made)

    count(ProductFactory())  # warms up
    assert count(later) == count(here)


def test_product_without_the_setting_is_never_sold_beyond_what_is_here():
    product = ProductFactory(stock=1)

    answer = client_for(UserFactory()).post(ORDERS, {"items": [{"product_id": str(product.pk), "quantity": 2}]})

    assert (answer.status_code, available(product), Order.objects.count()) == (409, 1, 0)


def test_cart_says_what_comes_later():
    product = sold_later(here=1, limit=3)
    client = client_for(UserFactory())

    cart = client.post(CART, {"product_id": str(product.pk), "quantity": 3}).json()
    too_many = client.post(CART, {"product_id": str(product.pk), "quantity": 2})
    stock.set_availability(variant_of(product).pk, policy=AvailabilityPolicy.DENY)
    after = client.get("/api/cart/").json()

    (line,) = cart["items"]
    assert (line["available"], line["awaited_quantity"], line["available_from"]) == (1, 2, "2027-03-01")
    assert cart["changes"] == []
    assert (too_many.status_code, too_many.json()["errors"][0]["code"]) == (409, "insufficient_stock")
    assert [(one["code"], one["from"], one["to"]) for one in after["changes"]] == [("insufficient_stock", "3", "1")]
    assert (after["items"][0]["awaited_quantity"], after["items"][0]["available_from"]) == (0, None)


def test_confirmation_mail_says_what_comes_later(run_owed_work):
    product = sold_later(here=1, limit=3)

    paid(product, quantity=3)
    run_owed_work()

    (message,) = mail.outbox
    assert "2 of these come later, expected from 1 March 2027" in message.body
    assert "We tell you when all of it is here" in message.body


# --- Goods come


def test_what_comes_goes_to_who_ordered_first(run_owed_work):
    product = sold_later(limit=9)
    first, second, third = paid(product, 3), paid(product, 2), paid(product, 1)

    bring(product, 4)
    run_owed_work()

    assert (awaited(first, second, third), available(product)) == ([0, 1, 1], -2)
    assert [order.events.last().note for order in (first, second)] == [
        f"3 × {first.items.get().sku} came for it",
        f"1 × {first.items.get().sku} came for it",
    ]
    everything_holds()


def test_nobody_gets_units_twice_when_the_work_comes_twice(run_owed_work):
    product = sold_later(limit=9)
    first, second = paid(product, 3), paid(product, 2)
    bring(product, 3)
    run_owed_work()

    with transaction.atomic():
        assert allocate(variant_of(product).pk) == 0

    assert awaited(first, second) == [0, 2]
    everything_holds()


def test_many_who_wait_are_served_in_batches(run_owed_work, monkeypatch):
    monkeypatch.setattr("orders.backorders.services.BATCH", 2)
    product = sold_later(limit=9)
    orders = [paid(product) for _ in range(5)]

    bring(product, 4)
    run_owed_work()

    assert awaited(*orders) == [0, 0, 0, 0, 1]
    everything_holds()


def test_who_orders_while_goods_are_given_out_takes_only_what_nobody_waits_for(run_owed_work):
    product = sold_later(limit=9)
    early = paid(product, 3)
    bring(product, 4)  # and the worker has not come to it yet

    late = place_order(UserFactory(), product, quantity=2)
    run_owed_work()

    assert (awaited(early, late), available(product)) == ([0, 1], -1)
    everything_holds()


def test_customer_is_told_once_when_all_of_the_order_is_here(run_owed_work):
    product, other = sold_later(limit=9), sold_later(limit=9)
    user = UserFactory()
    order = placing.place_order(
        user=user, items=[ItemInput(quantity=2, product_id=one.pk, attr="items.0") for one in (product, other)]
    )
    services.mark_paid(order.pk)
    unpaid = place_order(UserFactory(), product)
    run_owed_work()
    mail.outbox.clear()

    bring(product, 5)
    run_owed_work()
    told_early = list(mail.outbox)
    bring(other, 2)
    run_owed_work()
    bring(other, 2)
    run_owed_work()

    assert told_early == []  # something is missing still, and the other one is not paid
    assert [(message.to, message.subject) for message in mail.outbox] == [
        ([user.email], f"All of your order {order.number} is here")
    ]
    assert "2 × " in mail.outbox[0].body
    assert awaited(unpaid) == [0]


# --- Shipping


def test_what_has_not_come_is_not_shipped(run_owed_work):
    product = sold_later(here=1, limit=5)
    order = paid(product, 3)
    line = order.items.get()

    with pytest.raises(GoodsAwaited) as named:
        ship(order.pk, lines=[ShipLine(line.pk, 2, "items.0")])
    parcel = ship(order.pk)
    with pytest.raises(GoodsAwaited):
        ship(order.pk)
    order.refresh_from_db()

    assert [(row.attr, row.code) for row in named.value.rows] == [("items.0.quantity", "goods_awaited")]
    assert (parcel.items.get().quantity, order.status, order.shipments.count()) == (1, "paid", 1)

    bring(product, 2)
    run_owed_work()
    ship(order.pk)
    order.refresh_from_db()

    assert (order.status, available(product)) == ("shipped", 0)
    everything_holds()


def test_later_order_does_not_take_the_goods_that_were_promised_to_an_earlier_one(run_owed_work):
    product = sold_later(limit=5)
    first, second = paid(product, 2), paid(product, 2)
    bring(product, 2)
    run_owed_work()

    with pytest.raises(GoodsAwaited):
        ship(second.pk)
    ship(first.pk)

    assert Stock.objects.values_list("available", "on_hand").get() == (-2, 0)
    assert second.shipments.count() == 0
    everything_holds()


def test_shipping_over_http_names_what_is_awaited():
    order = paid(sold_later(limit=5), 2)
    client = client_for(member_of_staff("orders.view_order", "orders.change_order"))

    answer = client.post(f"{ORDERS}{order.pk}/shipments/", {}, headers={"Idempotency-Key": "parcel"})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "goods_awaited")
    assert order.shipments.count() == 0


# --- Giving back


def test_cancelled_units_are_first_those_that_have_not_come(run_owed_work):
    product = sold_later(here=2, limit=5)
    order = paid(product, 5)
    line = order.items.get()

    cancel_units(order.pk, [UnitsInput(line.pk, 2)])
    after_two = (awaited(order), available(product))
    cancel_units(order.pk, [UnitsInput(line.pk, 2)])
    run_owed_work()

    assert after_two == ([1], -1)
    assert (awaited(order), available(product)) == ([0], 1)
    everything_holds()


def test_cancelled_order_gives_what_was_here_to_the_next_who_waits(run_owed_work):
    product = sold_later(here=2, limit=5)
    first, second = place_order(UserFactory(), product, quantity=3), paid(product, 2)

    services.cancel_order(first.pk)
    between = awaited(first, second)
    run_owed_work()

    assert between == [0, 2]  # owed, and done by the worker
    assert (awaited(second), available(product)) == ([0], 0)
    ship(second.pk)
    everything_holds()


def wrong() -> list[str]:
    return [check.name for check in CHECKS if list(violations(check))]


def test_checks_find_what_is_awaited_wrongly():
    product = sold_later(limit=5)
    order = paid(product, 2)
    assert wrong() == []

    order.items.update(awaited_quantity=1)
    assert wrong() == [CHECKS[0].name]  # one unit is owed to nobody
    order.items.update(awaited_quantity=2)
    Stock.objects.update(available=-1)  # one has come, and somebody owes to give it out
    assert wrong() == []
    OutboxMessage.objects.filter(topic="orders.allocate_stock").delete()
    assert wrong() == [CHECKS[0].name]
    Order.objects.update(status="delivered")
    assert wrong() == [check.name for check in CHECKS]


# --- At the same time


@pytest.mark.django_db(transaction=True)
def test_fifty_buyers_of_three_units_here_and_five_that_come_make_eight_orders(run_owed_work):
    product = sold_later(here=3, limit=5)
    body = {"items": [{"product_id": str(product.pk), "quantity": 1}]}
    clients = [client_for(UserFactory()) for _ in range(50)]

    statuses = at_once([lambda client=client: client.post(ORDERS, body).status_code for client in clients])

    assert Counter(statuses) == {201: 8, 409: 42}
    assert available(product) == -5
    found = Counter(order.items.get().awaited_quantity for order in Order.objects.all())
    assert found == {0: 3, 1: 5}
    everything_holds()


@pytest.mark.django_db(transaction=True)
def test_goods_come_while_orders_are_placed_and_cancelled(run_owed_work):
    product = sold_later(here=2, limit=6)
    variant = variant_of(product).pk
    standing = [place_order(UserFactory(), product) for _ in range(6)]
    buyers = [UserFactory() for _ in range(8)]

    def place(user: User) -> str:
        answer = client_for(user).post(ORDERS, {"items": [{"product_id": str(product.pk), "quantity": 1}]})
        return str(answer.status_code)

    def cancel(order_id: UUID) -> str:
        return services.cancel_order(order_id).status

    def give() -> str:
        return f"{min(allocate(variant), 0)}"

    actions = [
        *(lambda user=user: place(user) for user in buyers),
        *(lambda order=order: cancel(order.pk) for order in standing[::2]),
        *(lambda: str(bring(product, 1)) for _ in range(3)),
        *(give for _ in range(3)),
    ]
    results = Counter(at_once(actions))
    run_owed_work()

    assert results["cancelled"] == 3
    sold = Order.objects.filter(status="pending").count()
    level = Stock.objects.get()
    assert (level.available, level.on_hand) == (5 - sold, 5)
    assert sold <= 11
    everything_holds()
