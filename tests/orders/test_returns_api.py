"""Returns over HTTP: whose they are, who decides them, and how they are asked for."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from catalog.models import Stock
from orders.links import order_token
from orders.models import Order, OrderEvent
from orders.returns.models import Return
from orders.returns.services import approve_return
from tests.clients import client_for
from tests.factories import UserFactory
from tests.orders.part_orders import asked
from tests.orders.returned import assert_units_hold, delivered, received, requested, returns_clerk

pytestmark = pytest.mark.django_db

RETURNS = "/api/returns/"


@pytest.fixture
def order():
    return delivered()


@pytest.fixture
def guests_order(order):
    Order.objects.update(user=None, email="guest@example.com")
    order.refresh_from_db()
    return order


def body_of(order, fields=None, **wanted):
    return {"order_id": str(order.pk), "items": asked(order, **wanted), "reason": "damaged"} | (fields or {})


def ask(client, order, fields=None, *, headers=None, **wanted):
    return client.post(RETURNS, body_of(order, fields, **wanted), format="json", headers=headers or {})


def do(client, made, what, body=None, headers=None):
    return client.post(f"{RETURNS}{made.pk}/{what}/", body or {}, format="json", headers=headers or {})


def errors(answer):
    return answer.status_code, [(row["code"], row["attr"]) for row in answer.json()["errors"]]


def test_owner_asks_for_a_return(order):
    answer = ask(client_for(order.user), order, {"note": "cracked"}, PHONE=2)

    assert answer.status_code == 201
    body = answer.json()
    assert (body["number"], body["order_number"], body["status"]) == (f"{order.number}-R1", order.number, "requested")
    assert (body["reason"], body["resolution"], body["customer_note"]) == ("damaged", "refund", "cracked")
    assert (body["refund_amount"], body["replacement_id"], body["currency"]) == (None, None, "KES")
    assert [(i["sku"], i["quantity"], i["received_quantity"]) for i in body["items"]] == [("PHONE", 2, 0)]
    assert Return.objects.get().order.events.last().actor == order.user


def test_same_key_asks_once(order):
    client = client_for(order.user)

    answers = [ask(client, order, headers={"Idempotency-Key": "k"}, CABLE=1) for _ in range(2)]

    assert answers[0].content == answers[1].content
    assert Return.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"reason": "boredom"}, ("invalid_choice", "reason")),
        ({"resolution": "sorry"}, ("invalid_choice", "resolution")),
        ({"items": []}, ("empty", "items")),
        ({"items": [{"item_id": str(uuid4()), "quantity": 1}]}, ("unknown_order_item", "items.0.item_id")),
        ({"items": [{"item_id": "x", "quantity": 1}]}, ("invalid", "items.0.item_id")),
        ({"items": [{"item_id": str(uuid4()), "quantity": 1}] * 101}, ("max_length", "items")),
        ({"note": "x" * 501}, ("max_length", "note")),
        ({"order_id": "x"}, ("invalid", "order_id")),
    ],
)
def test_wrong_request_is_a_400_that_names_it(order, fields, expected):
    answer = ask(client_for(order.user), order, fields, PHONE=1)

    assert errors(answer) == (400, [expected])
    assert not Return.objects.exists()


def test_refusals_have_names(order):
    client = client_for(order.user)
    assert errors(ask(client, order, PHONE=4)) == (409, [("units_not_returnable", "items.0.quantity")])
    OrderEvent.objects.filter(to_status="delivered").update(created_at=timezone.now() - timedelta(days=40))

    late = ask(client, order, PHONE=1)

    assert errors(late) == (409, [("return_window_over", None)])
    assert "ended_at" in late.json()
    assert not Return.objects.exists()


def test_staff_may_be_late_for_a_customer(order):
    OrderEvent.objects.filter(to_status="delivered").update(created_at=timezone.now() - timedelta(days=40))

    assert ask(client_for(returns_clerk()), order, PHONE=1).status_code == 201


def test_strangers_order_is_not_returned(order):
    clerk = UserFactory(is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=("view_order", "view_return", "change_order")))

    codes = [ask(client_for(who), order, PHONE=1).status_code for who in (None, UserFactory(), clerk)]

    assert codes == [401, 404, 404]
    assert not Return.objects.exists()


# --- Guests ---------------------------------------------------------------------------------------------------


def test_guest_returns_by_the_link_of_their_order(guests_order):
    client, token = client_for(None), {"X-Order-Token": order_token(guests_order.pk)}

    made = ask(client, guests_order, headers=token, PHONE=1)

    assert made.status_code == 201
    address = f"{RETURNS}{made.json()['id']}/"
    assert client.get(address, headers=token).json()["status"] == "requested"
    assert client.get(RETURNS, headers=token).json()["count"] == 1
    assert client.post(f"{address}cancel/", headers=token).json()["status"] == "cancelled"


def test_token_opens_one_guests_order_and_no_other(guests_order):
    requested(guests_order, PHONE=1)
    client, other = client_for(None), order_token(uuid4())
    address = f"{RETURNS}{Return.objects.get().pk}/"

    codes = [
        client.get(address, headers={"X-Order-Token": token}).status_code
        for token in (other, "", "x", order_token(guests_order.pk) + "x")
    ]

    assert codes == [404, 401, 401, 401]
    assert ask(client, guests_order, headers={"X-Order-Token": other}, CABLE=1).status_code == 404
    assert client.post(f"{address}cancel/", headers={"X-Order-Token": other}).status_code == 404
    assert Return.objects.get().status == "requested"


def test_token_does_not_open_the_order_of_an_account(order):
    requested(order, PHONE=1)
    token = {"X-Order-Token": order_token(order.pk)}

    assert client_for(None).get(RETURNS, headers=token).json()["results"] == []
    assert ask(client_for(None), order, headers=token, PHONE=1).status_code == 404
    assert ask(client_for(UserFactory()), order, headers=token, PHONE=1).status_code == 404


def test_guest_decides_nothing(guests_order):
    made, token = requested(guests_order, PHONE=1), {"X-Order-Token": order_token(guests_order.pk)}

    codes = {do(client_for(None), made, what, {"note": "x"}, token).status_code for what in ("approve", "reject")}

    assert codes == {401}
    assert Return.objects.get().status == "requested"


# --- Staff ----------------------------------------------------------------------------------------------------


def test_staff_bring_a_return_to_the_shelf(order):
    made, client = requested(order, PHONE=2, CABLE=1), client_for(returns_clerk())
    assert do(client, made, "approve", {"note": "Use the old box."}).json()["staff_note"] == "Use the old box."
    phone, cable = made.items.all()

    answer = do(
        client,
        made,
        "receive",
        {
            "items": [
                {"item_id": str(phone.pk), "quantity": 1, "condition": "opened"},
                {"item_id": str(cable.pk), "quantity": 1, "restock": False},
            ]
        },
    )

    assert (answer.status_code, answer.json()["status"]) == (200, "received")
    assert [(i["received_quantity"], i["amount"], i["condition"]) for i in answer.json()["items"]] == [
        (1, "9966.67", "opened"),
        (1, "99.99", ""),
    ]
    assert dict(Stock.objects.values_list("variant__sku", "on_hand")) == {"PHONE": 8, "CABLE": 8}
    assert_units_hold()


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("warehouse", "NOWHERE", "unknown_warehouse"),
        ("condition", "eaten", "invalid_choice"),
        ("quantity", 0, "min_value"),
        ("restock", "perhaps", "invalid"),
    ],
)
def test_odd_arrival_is_a_400_that_names_it(order, field, value, code):
    made = requested(order, PHONE=1)
    approve_return(made.pk)
    item = {"item_id": str(made.items.get().pk), "quantity": 1, field: value}

    answer = do(client_for(returns_clerk()), made, "receive", {"items": [item]})

    assert errors(answer) == (400, [(code, f"items.0.{field}")])
    assert Return.objects.get().status == "approved"


def test_rejection_says_why(order):
    made, client = requested(order, PHONE=1), client_for(returns_clerk())
    assert errors(do(client, made, "reject")) == (400, [("required", "note")])

    answer = do(client, made, "reject", {"note": "It was opened."})

    assert (answer.json()["status"], answer.json()["staff_note"]) == ("rejected", "It was opened.")
    assert errors(do(client, made, "approve"))[0] == 409


def test_exchange_answers_with_the_new_order(order):
    made = received(order, {"resolution": "exchange"}, PHONE=1)

    answer = do(client_for(returns_clerk()), made, "exchange")

    replacement = Order.objects.exclude(pk=order.pk).get()
    assert (answer.json()["status"], answer.json()["replacement_id"]) == ("exchanged", str(replacement.pk))
    assert client_for(order.user).get(f"/api/orders/{replacement.pk}/").json()["total_amount"] == "0.00"


@pytest.mark.parametrize("rights", [(), ("view_return",), ("change_return",), ("view_order", "change_order")])
@pytest.mark.parametrize("what", ["approve", "reject", "receive", "refund", "exchange"])
def test_only_staff_with_both_rights_decide(order, rights, what):
    made = requested(order, PHONE=1)
    clerk = UserFactory(is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=rights))

    assert do(client_for(clerk), made, what, {"note": "x"}).status_code == 403
    assert Return.objects.get().status == "requested"


def test_owner_gives_up_until_the_goods_are_there(order):
    first, second = requested(order, PHONE=1), received(order, CABLE=1)
    client = client_for(order.user)

    assert do(client, first, "cancel").json()["status"] == "cancelled"
    assert errors(do(client, second, "cancel")) == (409, [("invalid_return_transition", None)])


def test_who_only_sees_returns_cancels_none(order):
    made = requested(order, PHONE=1)
    clerk = UserFactory(is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_return"))

    assert do(client_for(clerk), made, "cancel").status_code == 403
    assert Return.objects.get().status == "requested"


# --- Reading --------------------------------------------------------------------------------------------------


def test_everybody_sees_what_is_theirs(order):
    made = requested(order, PHONE=1)
    address = f"{RETURNS}{made.pk}/"

    seen = {
        name: (client_for(who).get(RETURNS).json().get("count"), client_for(who).get(address).status_code)
        for name, who in {
            "owner": order.user,
            "stranger": UserFactory(),
            "clerk": returns_clerk(),
            "nobody": None,
        }.items()
    }

    assert seen == {"owner": (1, 200), "stranger": (0, 404), "clerk": (1, 200), "nobody": (None, 401)}


def test_list_is_filtered_for_those_who_work_on_it(order):
    first, second = requested(order, PHONE=1), requested(order, {"reason": "damaged"}, CABLE=1)
    approve_return(second.pk)
    Return.objects.filter(pk=second.pk).update(send_by=timezone.now() - timedelta(days=1))
    client = client_for(returns_clerk())

    def listed(**query):
        return [row["number"][-2:] for row in client.get(RETURNS, query).json()["results"]]

    assert listed() == ["R2", "R1"]
    assert listed(ordering="created_at") == ["R1", "R2"]
    assert (listed(status="approved"), listed(reason="changed_mind")) == (["R2"], ["R1"])
    assert (listed(overdue="true"), listed(overdue="false")) == (["R2"], ["R1"])
    assert (listed(number=first.number), listed(order_number=order.number)) == (["R1"], ["R2", "R1"])
    assert (listed(order=str(uuid4())), listed(resolution="exchange")) == ([], [])
    assert client.get(RETURNS, {"status": "lost"}).status_code == 400


@pytest.mark.parametrize("rows", [1, 3])
def test_list_takes_the_same_statements_whatever_its_length(rows, order, django_assert_num_queries):
    for _ in range(rows):
        requested(order, {"resolution": "exchange"}, PHONE=1)
    client = client_for(order.user)
    client.get(RETURNS)

    with django_assert_num_queries(4):  # who it is, count, returns, items
        assert len(client.get(RETURNS).json()["results"]) == rows
