"""Paying an order without an account, by its link."""

from decimal import Decimal

import pytest

from orders.guests.services import claim_order
from orders.lines import ItemInput
from orders.links import order_token
from orders.placing import Contact, place_order
from payments.models import Payment, PaymentAttempt
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory
from tests.factories import place_order as place_order_for
from tests.payments.gift_cards import code_of, gift_card, left_on

pytestmark = pytest.mark.django_db

PAYMENTS, INITIALIZE = "/api/payments/", "/api/payments/initialize/"


@pytest.fixture
def order(db):
    return guest_order()


def guest_order(email="guest@example.com"):
    items = [ItemInput(quantity=1, product_id=ProductFactory().pk)]
    return place_order(user=None, items=items, contact=Contact(email=email))


def holding(order, user=None):
    client = client_for(user)
    client.credentials(**client._credentials, HTTP_X_ORDER_TOKEN=order_token(order.pk))
    return client


def body(order, **changes):
    return {"order_id": str(order.pk), "method": "mpesa", "phone_number": "0712345678"} | changes


def test_guest_pays_and_watches_by_the_link(order):
    guest = holding(order)

    started = guest.post(PAYMENTS, body(order))
    payment = started.json()
    seen = guest.get(f"{PAYMENTS}{payment['id']}/")
    reference = payment["attempts"][0]["reference"]
    asked = guest.get(f"{PAYMENTS}verify/{reference}/")
    watched = guest.get(f"{PAYMENTS}{payment['id']}/stream/")

    assert (started.status_code, payment["user"], payment["order"]) == (201, None, str(order.pk))
    assert (seen.status_code, asked.status_code, watched.status_code) == (200, 200, 200)
    assert b"event: payment" in watched.content
    assert guest.get(PAYMENTS).status_code == 401  # one order, no list


def test_guest_starts_on_a_page(order, pagepay):
    response = holding(order).post(INITIALIZE, {"order_id": str(order.pk), "method": "card"})

    assert response.status_code in (201, 202)
    assert PaymentAttempt.objects.get().payment.order == order


def test_same_key_of_a_guest_starts_once(order):
    headers = {"Idempotency-Key": "1"}

    first = holding(order).post(PAYMENTS, body(order), headers=headers)
    again = holding(order).post(PAYMENTS, body(order), headers=headers)
    other = guest_order()
    others = holding(other).post(PAYMENTS, body(other), headers=headers)

    assert (first.status_code, again.content, others.status_code) == (201, first.content, 201)
    assert PaymentAttempt.objects.count() == 2


def test_link_pays_for_no_other_order(order):
    guest = holding(order)
    customers, others = place_order_for(UserFactory()), guest_order()

    assert guest.post(PAYMENTS, body(customers)).status_code == 404
    assert guest.post(PAYMENTS, body(others)).status_code == 404
    assert not Payment.objects.exists()


def test_payment_of_a_guest_is_open_to_the_link_alone(order):
    payment = holding(order).post(PAYMENTS, body(order)).json()
    reference = payment["attempts"][0]["reference"]
    paths = [f"{PAYMENTS}{payment['id']}/", f"{PAYMENTS}{payment['id']}/stream/", f"{PAYMENTS}verify/{reference}/"]
    stranger, other = client_for(UserFactory()), holding(guest_order())

    assert [stranger.get(path).status_code for path in paths] == [404] * 3
    assert [other.get(path).status_code for path in paths] == [404] * 3
    assert [client_for(None).get(path).status_code for path in paths] == [401] * 3
    assert stranger.post(PAYMENTS, body(order)).status_code == 404


def test_link_to_an_order_with_an_owner_pays_nothing():
    order = place_order_for(UserFactory())

    assert holding(order).post(PAYMENTS, body(order)).status_code == 404
    assert not Payment.objects.exists()


def test_signed_in_holder_pays_both_their_own_and_the_links(order):
    user = UserFactory()
    client, own = holding(order, user), place_order_for(user)

    statuses = [client.post(PAYMENTS, body(each)).status_code for each in (order, own)]

    assert statuses == [201, 201]
    assert set(Payment.objects.values_list("order", "user")) == {(order.pk, None), (own.pk, user.pk)}
    assert client.get(PAYMENTS).json()["count"] == 1


def test_payment_goes_with_the_order_into_an_account(order):
    payment = holding(order).post(PAYMENTS, body(order)).json()
    user = UserFactory()

    claim_order(order.pk, user=user)

    path = f"{PAYMENTS}{payment['id']}/"
    assert client_for(user).get(path).json()["user"] == str(user.pk)
    assert holding(order).get(path).status_code == 404
    assert client_for(user).get(PAYMENTS).json()["count"] == 1


def test_promises_of_a_guest_are_limited(settings):
    settings.PAYMENT_PROVIDERS = ["manual"]
    settings.MANUAL = settings.MANUAL | {"MOST_OPEN": 1}
    first, second, other = guest_order(), guest_order(), guest_order("other@example.com")

    answers = [
        holding(each).post(PAYMENTS, {"order_id": str(each.pk), "method": "cash_on_delivery"})
        for each in (first, second, other)
    ]

    assert [answer.status_code for answer in answers] == [201, 409, 201]
    assert answers[1].json()["errors"][0]["code"] == "too_many_unpaid_orders"


def test_guest_pays_with_a_gift_card_and_has_no_store_credit(order):
    card = gift_card("1000.00")
    guest, other = holding(order), guest_order()
    by_card = {"method": "gift_card", "code": code_of(card), "amount": "400.00"}

    paid = guest.post(PAYMENTS, {"order_id": str(order.pk), **by_card})
    foreign = guest.post(PAYMENTS, {"order_id": str(other.pk), **by_card})
    credit = guest.post(PAYMENTS, {"order_id": str(order.pk), "method": "store_credit"})

    assert (paid.status_code, paid.json()["paid_amount"]) == (201, "400.00")
    assert (foreign.status_code, credit.status_code) == (404, 401)
    assert left_on(card) == Decimal("600.00")
