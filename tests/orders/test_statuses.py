"""Moving orders on: one by its status, many at once; and what is still to be paid."""

from collections import Counter
from decimal import Decimal
from uuid import uuid4

import pytest

from catalog.models import Stock
from orders import services
from orders.bulk.services import MOST
from orders.editing import statuses
from orders.fulfilment.models import Shipment
from orders.models import Cart, Order, OrderEvent
from orders.promotions.models import Promotion
from tests.admin_pages import address, logged_in, member_of_staff, told
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order
from tests.invariants import assert_orders_hold, assert_stock_holds
from tests.orders.promoting import automatic
from tests.payments.gift_cards import code_of, gift_card
from tests.racing import at_once

pytestmark = pytest.mark.django_db
BULK = "/api/orders/bulk/"


@pytest.fixture
def clerk():
    return member_of_staff("orders.view_order", "orders.change_order")


def paid_order(product=None):
    order = place_order(UserFactory(), product)
    return services.mark_paid(order.pk)


def errors(response):
    return [(row["code"], row["attr"]) for row in response.json()["errors"]]


def everything():
    return [list(model.objects.order_by("pk").values()) for model in (Order, OrderEvent, Stock, Shipment)]


# --- One order ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["patch", "put"])
def test_clerk_moves_an_order_on_by_its_status(clerk, method):
    order = paid_order()
    client = client_for(clerk)
    page = f"/api/orders/{order.pk}/"

    shipped = getattr(client, method)(page, {"status": "shipped", "note": "G4S 123"}, format="json")
    delivered = getattr(client, method)(page, {"status": "delivered"}, format="json")

    assert [each.json()["status"] for each in (shipped, delivered)] == ["shipped", "delivered"]
    assert [event.actor for event in order.events.filter(to_status__in=["shipped", "delivered"])] == [clerk, clerk]
    assert_orders_hold()


@pytest.mark.parametrize(
    ("status", "target", "code"),
    [
        ("pending", "shipped", "invalid_order_transition"),
        ("pending", "paid", "status_follows_money"),
        ("paid", "refunded", "status_follows_money"),
        ("paid", "pending", "invalid_order_transition"),
        ("delivered", "cancelled", "invalid_order_transition"),
        ("cancelled", "paid", "invalid_order_transition"),
    ],
)
def test_status_that_may_not_follow_is_refused_by_name(clerk, status, target, code):
    order = place_order(UserFactory())
    Order.objects.filter(pk=order.pk).update(status=status)
    before = everything()

    refused = client_for(clerk).patch(f"/api/orders/{order.pk}/", {"status": target}, format="json")

    assert (refused.status_code, errors(refused)) == (409, [(code, None)])
    assert everything() == before


def test_other_fields_of_an_order_are_not_written(clerk):
    order = paid_order()
    before = everything()

    refused = client_for(clerk).patch(
        f"/api/orders/{order.pk}/", {"total_amount": "1.00", "user": str(clerk.pk)}, format="json"
    )

    assert (refused.status_code, errors(refused)) == (400, [("required", "status")])
    assert everything() == before


def test_customers_may_only_cancel_and_strangers_see_nothing(clerk):
    order = paid_order()
    page = f"/api/orders/{order.pk}/"
    before = everything()

    answers = [
        client_for(person).patch(page, {"status": status}, format="json").status_code
        for person, status in [
            (order.user, "shipped"),
            (order.user, "delivered"),
            (UserFactory(), "cancelled"),
            (member_of_staff("orders.view_order"), "shipped"),
            (member_of_staff("orders.view_order"), "cancelled"),
            (member_of_staff("orders.change_order"), "shipped"),
        ]
    ]

    assert answers == [403, 403, 404, 403, 403, 404]
    assert everything() == before
    assert client_for(order.user).patch(page, {"status": "cancelled"}, format="json").json()["status"] == "cancelled"


# --- Many orders -------------------------------------------------------------------------------------------------


def bulk(client, action, *orders, key="k", **body):
    ids = [str(getattr(order, "pk", order)) for order in orders]
    return client.post(
        BULK, {"action": action, "order_ids": ids, **body}, format="json", headers={"Idempotency-Key": key}
    )


def test_what_can_be_shipped_is_and_of_the_others_it_is_told_why(clerk):
    good, unpaid, unknown = paid_order(), place_order(UserFactory()), uuid4()

    answer = bulk(client_for(clerk), "ship", good, unpaid, unknown, good, note="evening van")

    assert answer.status_code == 200
    assert {key: answer.json()[key] for key in ("done", "refused")} == {"done": 1, "refused": 2}
    results = answer.json()["results"]
    assert [(row["number"], row["is_done"], row["status"]) for row in results] == [
        (good.number, True, "shipped"),
        (unpaid.number, False, ""),
        ("", False, ""),
    ]
    assert [row["reasons"][0]["code"] for row in results[1:]] == ["invalid_order_transition", "not_found"]
    assert good.events.last().note == "evening van"
    unpaid.refresh_from_db()
    assert (unpaid.status, Shipment.objects.count()) == ("pending", 1)
    assert_stock_holds()


def test_bulk_sent_again_does_nothing_twice_and_tries_again_what_was_refused(clerk):
    good, late = paid_order(), place_order(UserFactory())
    first = bulk(client_for(clerk), "ship", good, late).json()
    services.mark_paid(late.pk)

    second = bulk(client_for(clerk), "ship", good, late).json()

    assert [first["done"], second["done"], Shipment.objects.count()] == [1, 2, 2]
    assert second["results"][0] == first["results"][0]


def test_bulk_that_died_half_way_is_finished_by_sending_it_again(clerk, monkeypatch):
    orders = [paid_order() for _ in range(3)]
    whole = services.ship_order
    calls = []

    def dies(order_id, **rest):
        calls.append(order_id)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(order_id, **rest)

    monkeypatch.setitem(statuses._BY_STATUS, "shipped", dies)
    with pytest.raises(KeyboardInterrupt):
        bulk(client_for(clerk), "ship", *orders)

    answer = bulk(client_for(clerk), "ship", *orders).json()

    assert (answer["done"], Shipment.objects.count(), len(calls)) == (3, 3, 4)


def test_one_key_for_something_else_is_refused(clerk):
    first, second = paid_order(), paid_order()
    bulk(client_for(clerk), "ship", first)
    before = everything()

    answers = [bulk(client_for(clerk), "cancel", first), bulk(client_for(clerk), "ship", first, second)]

    assert [(each.status_code, errors(each)[0][0]) for each in answers] == [(422, "idempotency_key_reused")] * 2
    assert everything() == before


def test_bulk_needs_a_key_the_right_and_no_more_than_a_hundred(clerk):
    order = paid_order()
    before = everything()
    body = {"action": "ship", "order_ids": [str(order.pk)]}

    no_key = client_for(clerk).post(BULK, body, format="json")
    too_many = bulk(client_for(clerk), "ship", *(uuid4() for _ in range(MOST + 1)))
    unknown = bulk(client_for(clerk), "burn", order)
    others = [
        bulk(client_for(person), "ship", order).status_code
        for person in (order.user, member_of_staff("orders.view_order"))
    ]

    assert errors(no_key) == [("idempotency_key_required", None)]
    assert errors(too_many) == [("max_length", "order_ids")]
    assert errors(unknown) == [("invalid_choice", "action")]
    assert others == [403, 403]
    assert everything() == before


@pytest.mark.django_db(transaction=True)
def test_bulk_sent_ten_times_at_once_ships_each_order_once(clerk):
    orders = [paid_order() for _ in range(4)]
    clients = [client_for(clerk) for _ in range(10)]

    answers = at_once([lambda c=c, n=n: bulk(c, "ship", *orders[:: 1 if n % 2 else -1]) for n, c in enumerate(clients)])

    # The same orders in another order are the same request.
    assert Counter(answer.status_code for answer in answers) == {200: 10}
    assert Shipment.objects.count() == 4
    assert_stock_holds()


def test_selected_orders_are_shipped_from_the_list_in_the_admin(clerk):
    good, unpaid = paid_order(), place_order(UserFactory())
    client, page = logged_in(clerk), address("orders_order_changelist")
    chosen = {"action": "ship_selected", "_selected_action": [str(good.pk), str(unpaid.pk)], "index": 0}

    asked = client.post(page, chosen)
    before = everything()
    form = asked.context["form"]
    sent = {**form.initial, "note": "evening van"}
    answer = client.post(page, sent)
    again = client.post(page, sent)

    assert asked.context["question"] == "All that is left of 2 orders leaves the shelf now, each in one parcel."
    assert everything() != before
    refusal = f"{unpaid.number}: An order that is pending cannot become shipped."
    assert told(answer) == ["1 shipped.", refusal]
    assert told(again)[-2:] == ["1 shipped.", refusal]
    assert Shipment.objects.count() == 1


def test_clerks_without_the_right_have_no_bulk_actions():
    order = paid_order()
    client, page = logged_in(member_of_staff("orders.view_order")), address("orders_order_changelist")
    before = everything()

    client.post(page, {"action": "ship_selected", "_selected_action": [str(order.pk)], "key": "k"})

    assert "ship_selected" not in client.get(page).content.decode()
    assert everything() == before


# --- The total that was shown, and what is due of it ------------------------------------------------------------


def test_promotion_that_ends_before_the_order_is_confirmed_stops_it_and_tells_the_total():
    user, product = UserFactory(), ProductFactory(price=Decimal("1000.00"))
    automatic()
    client = client_for(user)
    cart = client.post("/api/cart/items/", {"product_id": str(product.pk), "quantity": 1}, format="json").json()
    Promotion.objects.update(is_active=False)
    before = everything(), list(Cart.objects.values())

    refused = client.post("/api/cart/checkout/confirm/", {"expected_total": "900.00"}, format="json")

    assert (refused.status_code, errors(refused)) == (409, [("total_changed", "expected_total")])
    assert {name: refused.json()[name] for name in ("total_amount", "currency")} == {
        "total_amount": "1000.00",
        "currency": "KES",
    }
    assert (everything(), list(Cart.objects.values())) == before
    placed = client.post("/api/cart/checkout/confirm/", {"expected_total": "1000.00"}, format="json")
    assert (placed.status_code, placed.json()["total_amount"]) == (201, "1000.00")
    assert cart["total_amount"] == "900.00"


def test_direct_order_that_costs_something_else_is_not_made():
    product = ProductFactory(price=Decimal("1000.00"))
    client = client_for(UserFactory())
    body = {"items": [{"product_id": str(product.pk), "quantity": 1}]}
    before = everything()

    refused = client.post("/api/orders/", {**body, "expected_total": "999.99"}, format="json")

    assert (refused.status_code, refused.json()["total_amount"]) == (409, "1000.00")
    assert everything() == before
    assert client.post("/api/orders/", {**body, "expected_total": "1000"}, format="json").status_code == 201


def test_amount_due_is_what_nobody_has_paid_yet():
    user = UserFactory()
    order = place_order(user, price=Decimal("1000.00"))
    client = client_for(user)
    page = f"/api/orders/{order.pk}/"
    assert client.get(page).json()["amount_due"] == "1000.00"
    code = code_of(gift_card("400.00"))

    client.post("/api/payments/", {"order_id": str(order.pk), "method": "gift_card", "code": code}, format="json")

    assert client.get(page).json()["amount_due"] == "600.00"
    assert client.get("/api/orders/").json()["results"][0]["amount_due"] == "600.00"
    client.post(f"{page}cancel/")
    assert client.get(page).json()["amount_due"] == "0.00"


def test_paid_order_has_nothing_due():
    order = paid_order()

    assert client_for(order.user).get(f"/api/orders/{order.pk}/").json()["amount_due"] == "0.00"
