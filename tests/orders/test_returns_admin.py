"""Returns in the admin: every step by a button, for those who may."""

from decimal import Decimal

import pytest
from django.test import Client

from catalog.models import Stock, StockMovement
from orders.models import Order
from orders.returns.models import Return, ReturnItem
from tests.admin_pages import address, listed, logged_in, member_of_staff, offered, queries_of, statuses, told
from tests.catalog.inventory import warehouse
from tests.orders.returned import cashier, delivered, received, requested, returns_clerk

pytestmark = pytest.mark.django_db

RETURNS = address("orders_return_changelist")
STEPS = ("approve", "reject", "receive", "refund", "exchange", "cancel")


@pytest.fixture
def client(staff):
    return logged_in(staff)


@pytest.fixture
def order():
    return delivered()


def press(client, made, step, **form):
    return client.post(address(f"orders_return_{step}", made), {"note": "", **form})


def pages(made):
    return [RETURNS, *(address(f"orders_return_{name}", made) for name in ("change", *STEPS))]


def test_every_page_opens_for_a_superuser(client, order):
    made = requested(order, PHONE=1)

    assert statuses(client, pages(made)) == dict.fromkeys(pages(made), 200)


def test_every_page_is_closed_to_others(customer, order):
    made = requested(order, PHONE=1)

    assert statuses(Client(), pages(made)) == dict.fromkeys(pages(made), 302)
    assert statuses(logged_in(customer), pages(made)) == dict.fromkeys(pages(made), 302)
    assert statuses(logged_in(member_of_staff()), pages(made)) == dict.fromkeys(pages(made), 403)


def test_who_may_only_look_decides_nothing(order):
    made, looker = requested(order, PHONE=1), logged_in(member_of_staff("orders.view_return"))

    assert offered(looker, address("orders_return_change", made)) == []
    assert {press(looker, made, step, note="x").status_code for step in STEPS} == {403}
    assert Return.objects.get().status == "requested"


def test_page_offers_what_can_follow(client, order):
    made = requested(order, PHONE=1)
    page = address("orders_return_change", made)
    shown = {}
    for status in ("requested", "approved", "received", "rejected"):
        Return.objects.update(status=status)
        shown[status] = offered(client, page)
    Return.objects.update(status="received", resolution="exchange")

    assert shown == {
        "requested": ["Approve", "Reject", "Cancel return"],
        "approved": ["Goods are here", "Cancel return"],
        "received": ["Refund"],
        "rejected": [],
    }
    assert offered(client, page) == ["Refund", "Exchange"]


def test_goods_and_money_are_in_two_hands(order):
    made = received(order, {"resolution": "exchange"}, PHONE=1)
    clerk, payer = logged_in(returns_clerk()), logged_in(cashier())

    buttons = [offered(client, address("orders_return_change", made)) for client in (clerk, payer)]
    refused = [press(clerk, made, "refund", restocking_fee="0.00"), press(payer, made, "exchange")]

    assert buttons == [["Exchange"], ["Refund"]]
    assert [answer.status_code for answer in refused] == [403, 403]
    assert Return.objects.get().status == "received"
    assert told(press(payer, made, "refund", restocking_fee="0.00")) == ["Promised back."]
    assert Return.objects.get().status == "refunded"


def test_goods_are_approved_received_and_paid_back(client, staff, order):
    made, place = requested(order, PHONE=2), warehouse(code="MSA")

    press(client, made, "approve", note="Use the box.")
    press(client, made, "receive", restock="on", warehouse=str(place.pk))
    answer = press(client, made, "refund", restocking_fee="100.00")

    assert told(answer) == ["Approved.", "Received.", "Promised back."]
    made.refresh_from_db()
    assert (made.status, made.staff_note, made.restocking_fee) == ("refunded", "Use the box.", Decimal("100.00"))
    movement = StockMovement.objects.get(kind="return")
    assert (movement.warehouse, movement.on_hand_change, movement.actor) == (place, 2, staff)
    assert order.events.last().actor == staff


def test_goods_that_cannot_be_sold_are_written_off(client, order):
    made = requested(order, PHONE=1)
    press(client, made, "approve")

    press(client, made, "receive")

    assert ReturnItem.objects.get().restock is False
    assert Stock.objects.get(variant__sku="PHONE").on_hand == 7


def test_rejection_needs_a_reason(client, order):
    made = requested(order, PHONE=1)

    answer = press(client, made, "reject")

    assert list(answer.context["form"].errors) == ["note"]
    assert Return.objects.get().status == "requested"
    press(client, made, "reject", note="It was opened.")
    assert Return.objects.get().status == "rejected"


def test_refusal_is_a_message_and_changes_nothing(client, order):
    made = received(order, PHONE=1)

    assert told(press(client, made, "refund", restocking_fee="99999.00")) == ["At most 9966.67."]
    assert told(press(client, made, "approve")) == ["A return that is received cannot become approved."]
    assert Return.objects.get().status == "received"


def test_exchange_leads_to_its_order(client, order):
    made = received(order, {"resolution": "exchange"}, PHONE=1)

    assert told(press(client, made, "exchange")) == ["The goods are on order."]

    replacement = Order.objects.exclude(pk=order.pk).get()
    assert replacement.number in client.get(address("orders_return_change", made)).content.decode()


def test_order_shows_its_returns(client, order):
    page = address("orders_order_change", order)
    assert "Returns" not in [shown["title"] for shown in client.get(page).context["tables"]]
    made = requested(order, PHONE=1)

    assert made.number in client.get(page).content.decode()


def test_list_is_searched_and_its_statements_do_not_grow(client, order):
    first = requested(order, PHONE=1)
    once = queries_of(client, RETURNS)
    requested(order, PHONE=1)
    requested(order, CABLE=1)

    assert queries_of(client, RETURNS) == once
    assert listed(client.get(RETURNS, {"q": first.number})) == [first]
