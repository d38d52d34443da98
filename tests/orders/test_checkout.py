"""The steps of the checkout: where it goes, how it is paid, and the order."""

from collections import Counter
from decimal import Decimal
from uuid import uuid4

import pytest

from catalog.models import Product, Stock, Variant
from orders.checkout.models import Checkout, PaymentMethod
from orders.models import Order, ShippingMethod, WeightBand
from payments.models import Payment
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory
from tests.invariants import assert_stock_holds
from tests.orders.shipping import method, pickup, point, zone
from tests.racing import at_once

pytestmark = pytest.mark.django_db

CART, ITEMS, ORDERS = "/api/cart/", "/api/cart/items/", "/api/orders/"
SHIPPING, PAYMENT, CONFIRM = (f"/api/cart/checkout/{step}/" for step in ("shipping", "payment", "confirm"))
NAIROBI = {"county": "nairobi", "estate": "Kangemi", "landmark": "behind the Total station"}


def errors(response):
    return [(row["code"], row["attr"]) for row in response.json()["errors"]]


@pytest.fixture
def phone():
    """1,000 shillings, one kilogram."""
    product = ProductFactory(price=Decimal("1000.00"), stock=100)
    Variant.objects.filter(product=product).update(weight_grams=1000)
    return product


@pytest.fixture
def rider():
    """Up to two kilograms 300, up to five 450; no more. At the door up to 5,000."""
    return method(zone(), (2000, "300"), (5000, "450"), name="Rider", pay_at_door_limit=Decimal(5000))


@pytest.fixture
def guest(phone):
    client = client_for(None)
    add(client, phone)
    return client


def add(client, product, quantity=1):
    return client.post(ITEMS, {"product_id": str(product.pk), "quantity": quantity})


def tell(client, rider=None, **told):
    body = {"phone_number": "0712345678", "shipping_address": NAIROBI} | told
    return client.post(SHIPPING, body | ({"method_id": str(rider.pk)} if rider else {}))


def sums(cart):
    return cart["subtotal"], cart["shipping"], cart["total_amount"]


# --- The three steps ------------------------------------------------------------------------------------------


def test_guest_goes_through_the_steps(guest, rider, settings):
    settings.PAYMENT_PROVIDERS = ["manual"]
    listed = tell(guest, note="call first").json()
    chosen = guest.post(SHIPPING, {"method_id": str(rider.pk)}).json()["cart"]
    paying = guest.post(PAYMENT, {"payment_method": "cash_on_delivery"}).json()
    order = guest.post(CONFIRM, {"version": paying["version"]}).json()

    assert [(each["name"], each["amount"], each["pay_at_door_limit"]) for each in listed["methods"]] == [
        ("Rider", "300.00", "5000.00")
    ]
    assert sums(listed["cart"]) == ("1000.00", "0.00", "1000.00")
    assert sums(chosen) == sums(paying) == ("1000.00", "300.00", "1300.00")
    told = {"phone_number": "+254712345678", "email": "", "note": "call first", "buyer_pin": ""}
    assert {name: paying["checkout"][name] for name in told} == told
    assert paying["checkout"]["payment_method"] == "cash_on_delivery"
    assert paying["checkout"]["shipping_address"] == NAIROBI | {"county": "Nairobi", "country": "KE"}
    assert (paying["checkout"]["shipping_method"]["name"], paying["checkout"]["shipping_method"]["is_available"]) == (
        "Rider",
        True,
    )
    assert (order["subtotal"], order["shipping"], order["total_amount"]) == ("1000.00", "300.00", "1300.00")
    assert (order["phone_number"], order["note"]) == ("+254712345678", "call first")
    assert order["shipping_address"] == NAIROBI | {"county": "Nairobi", "country": "KE"}
    stored = Order.objects.get()
    assert (stored.delivery["name"], stored.delivery["method_id"]) == ("Rider", str(rider.pk))
    after = guest.get(CART).json()
    assert (after["items"], after["checkout"], Checkout.objects.count()) == ([], None, 0)


def test_what_is_told_at_last_goes_before_what_was_told_first(guest, rider):
    tell(guest, rider, note="first", email="first@example.com")

    order = guest.post(CONFIRM, {"note": "last"}).json()

    assert (order["note"], order["email"], order["phone_number"]) == ("last", "first@example.com", "+254712345678")


def test_pick_up_needs_a_point_and_no_address(guest):
    collect = pickup(zone())
    place = point(collect)
    body = {"email": "guest@example.com", "method_id": str(collect.pk)}

    pointless = guest.post(SHIPPING, body)
    foreign = guest.post(SHIPPING, body | {"pickup_point_id": str(uuid4())})
    chosen = guest.post(SHIPPING, body | {"pickup_point_id": str(place.pk)})
    order = guest.post(CONFIRM, {})

    assert [(r.status_code, errors(r)) for r in (pointless, foreign)] == [
        (400, [("pickup_point_required", "pickup_point_id")]),
        (409, [("pickup_point_unavailable", "pickup_point_id")]),
    ]
    assert chosen.json()["cart"]["checkout"]["shipping_method"]["pickup_point"]["name"] == place.name
    assert order.status_code == 201
    assert Order.objects.get().delivery["pickup_point"]["id"] == str(place.pk)


def test_steps_refuse_an_empty_cart_and_an_unreachable_guest(guest, rider):
    nobody = client_for(None)
    emptied = client_for(UserFactory())
    add(emptied, ProductFactory())
    emptied.delete(CART)

    refused = [
        nobody.post(SHIPPING, {"email": "a@example.com"}),
        emptied.post(SHIPPING, {}),
        emptied.post(PAYMENT, {"payment_method": "mpesa"}),
        guest.post(SHIPPING, {"shipping_address": NAIROBI}),
    ]

    assert [(r.status_code, errors(r)) for r in refused] == [
        *[(400, [("cart_empty", None)])] * 3,
        (400, [("contact_required", "email")]),
    ]
    assert not Checkout.objects.exists()


def test_bad_answers_are_named_and_nothing_is_kept(guest, rider):
    elsewhere = {"county": "Atlantis"}

    answers = [
        tell(guest, shipping_address=elsewhere),
        tell(guest, phone_number="12"),
        tell(guest, method_id="x"),
        tell(guest, method_id=str(uuid4())),
        guest.post(PAYMENT, {"payment_method": "gold"}),
    ]

    assert [(r.status_code, errors(r)[0][1]) for r in answers] == [
        (400, "shipping_address.county"),
        (400, "phone_number"),
        (400, "method_id"),
        (409, "method_id"),
        (400, "payment_method"),
    ]
    assert guest.get(CART).json()["checkout"] is None


def test_method_of_another_zone_is_refused(guest, rider):
    mombasa = method(zone("Coast", counties=["Mombasa"]), name="Coast rider")

    refused = tell(guest, mombasa)

    assert (refused.status_code, errors(refused)) == (409, [("shipping_method_unavailable", "method_id")])


def test_who_saw_another_shipping_does_not_order_this_one(guest, rider):
    seen = guest.get(CART).json()["version"]
    tell(guest, rider)

    refused = guest.post(CONFIRM, {"version": seen})

    assert (refused.status_code, errors(refused)) == (409, [("cart_changed", None)])
    assert not Order.objects.exists()


# --- What changes between the steps ---------------------------------------------------------------------------


def test_shipping_follows_the_cart(guest, phone, rider):
    tell(guest, rider)

    heavier = add(guest, phone, 2).json()
    too_heavy = add(guest, phone, 3).json()
    refused = guest.post(CONFIRM, {})
    item = too_heavy["items"][0]["id"]
    lighter = guest.patch(f"{ITEMS}{item}/", {"quantity": 1}).json()

    assert [sums(cart) for cart in (heavier, too_heavy, lighter)] == [
        ("3000.00", "450.00", "3450.00"),
        ("6000.00", "0.00", "6000.00"),
        ("1000.00", "300.00", "1300.00"),
    ]
    method_shown = too_heavy["checkout"]["shipping_method"]
    assert (method_shown["is_available"], method_shown["amount"]) == (False, None)
    assert (refused.status_code, errors(refused)) == (409, [("shipping_method_unavailable", "method_id")])
    assert guest.post(CONFIRM, {}).status_code == 201


def test_shipping_that_costs_more_now_stops_the_order_and_tells_the_total(guest, phone, rider):
    tell(guest, rider)
    WeightBand.objects.filter(method=rider).update(price=Decimal("350.00"))

    refused = guest.post(CONFIRM, {})
    again = guest.post(CONFIRM, {})
    tell(guest, rider)
    accepted = guest.post(CONFIRM, {})

    assert (refused.status_code, errors(refused)) == (409, [("price_changed", "shipping")])
    assert (refused.json()["shipping"], refused.json()["total_amount"]) == ("350.00", "1350.00")
    assert again.status_code == 409
    assert (accepted.status_code, accepted.json()["total_amount"]) == (201, "1350.00")
    assert Order.objects.count() == 1
    assert Stock.objects.get(product=phone).available == 99


def test_method_that_is_gone_stops_the_order(guest, rider):
    tell(guest, rider)
    other = method(rider.zone, name="Slow")
    ShippingMethod.objects.filter(pk=rider.pk).delete()

    refused = guest.post(CONFIRM, {})
    tell(guest, other)

    assert (refused.status_code, errors(refused)) == (409, [("shipping_method_unavailable", "method_id")])
    assert guest.post(CONFIRM, {}).status_code == 201


def test_address_at_the_last_moment_is_priced_too(guest, rider):
    method(zone("Coast", counties=["Mombasa"]), name="Coast rider")
    tell(guest, rider)

    refused = guest.post(CONFIRM, {"shipping_address": {"county": "Mombasa"}})

    assert (refused.status_code, errors(refused)) == (409, [("shipping_method_unavailable", "method_id")])
    assert not Order.objects.exists()


@pytest.mark.parametrize("step", ["confirm", "orders"])
def test_shop_with_shipping_methods_ships_nothing_without_one(guest, phone, rider, step, settings):
    settings.SHIPPING_REQUIRED = step == "orders"  # the checkout asks for one in any case
    bodies = {"confirm": {}, "orders": {"items": [{"product_id": str(phone.pk), "quantity": 1}]}}
    path = {"confirm": CONFIRM, "orders": ORDERS}[step]

    refused = guest.post(path, bodies[step] | {"email": "a@example.com", "shipping_address": NAIROBI})

    attr = {"confirm": "method_id", "orders": "shipping_method_id"}[step]
    assert (refused.status_code, errors(refused)) == (400, [("shipping_method_required", attr)])
    assert not Order.objects.exists()


def test_what_is_not_carried_needs_no_method(rider):
    licence = ProductFactory(kind=Product.Kind.DIGITAL)
    client = client_for(UserFactory())
    add(client, licence)

    step = client.post(SHIPPING, {}).json()
    order = client.post(CONFIRM, {})

    assert (step["methods"], order.status_code, order.json()["shipping"]) == ([], 201, "0.00")


def test_worth_after_which_shipping_is_free_is_that_of_the_goods(guest, phone, rider):
    ShippingMethod.objects.update(free_from=Decimal(2000))

    first = tell(guest, rider).json()["cart"]
    second = add(guest, phone).json()

    assert (sums(first), sums(second)) == (("1000.00", "300.00", "1300.00"), ("2000.00", "0.00", "2000.00"))


# --- Directly -------------------------------------------------------------------------------------------------


def test_direct_order_names_its_method(phone, rider):
    body = {"items": [{"product_id": str(phone.pk), "quantity": 3}], "shipping_address": NAIROBI}
    client = client_for(UserFactory())

    order = client.post(ORDERS, body | {"shipping_method_id": str(rider.pk)})
    unknown = client.post(ORDERS, body | {"shipping_method_id": str(uuid4())})

    assert (order.status_code, order.json()["shipping"], order.json()["total_amount"]) == (201, "450.00", "3450.00")
    assert (unknown.status_code, errors(unknown)) == (409, [("shipping_method_unavailable", "shipping_method_id")])
    assert (Order.objects.count(), Order.objects.get().delivery["name"]) == (1, "Rider")


def test_direct_order_without_a_method_is_agreed_upon_later(phone, rider):
    body = {"items": [{"product_id": str(phone.pk), "quantity": 3}], "shipping_address": NAIROBI}

    order = client_for(UserFactory()).post(ORDERS, body)

    assert (order.status_code, order.json()["shipping"], Order.objects.get().delivery) == (201, "0.00", {})


# --- At the door ----------------------------------------------------------------------------------------------


def test_names_of_the_ways_to_pay_are_those_of_payments():
    assert {*PaymentMethod.values, "gift_card", "store_credit"} == set(Payment.Method.values)


def test_cash_at_the_door_is_taken_up_to_the_limit(guest, phone, rider, settings):
    settings.PAYMENT_PROVIDERS = ["mpesa", "manual"]
    ShippingMethod.objects.update(pay_at_door_limit=Decimal(1300))
    tell(guest, rider)
    cash = {"payment_method": "cash_on_delivery"}

    accepted = guest.post(PAYMENT, cash)
    add(guest, phone)
    too_much = guest.post(PAYMENT, cash)
    confirmed = guest.post(CONFIRM, {})
    by_phone = guest.post(PAYMENT, {"payment_method": "mpesa"})
    order = guest.post(CONFIRM, {}).json()
    holder = {"X-Order-Token": order["order_token"]}
    paying = guest.post("/api/payments/", {"order_id": order["id"], "method": "cash_on_delivery"}, headers=holder)

    assert (accepted.status_code, by_phone.status_code) == (200, 200)
    for refused in (too_much, confirmed, paying):
        assert (refused.status_code, errors(refused)) == (409, [("pay_at_door_refused", "payment_method")])
        assert refused.json()["limit"] == "1300.00"
    assert (Order.objects.count(), Payment.objects.count()) == (1, 0)


def test_way_of_paying_that_is_not_offered_is_refused(guest, settings):
    settings.PAYMENT_PROVIDERS = ["mpesa"]

    refused = guest.post(PAYMENT, {"payment_method": "card"})

    assert (refused.status_code, errors(refused)) == (400, [("payment_method_unavailable", None)])


# --- Whose it is ----------------------------------------------------------------------------------------------


def test_what_a_guest_told_goes_with_the_cart_into_the_account(guest, rider):
    token = tell(guest, rider).headers.get("X-Cart-Token") or guest.get(CART).headers["X-Cart-Token"]
    user = UserFactory()
    customer = client_for(user)

    merged = customer.get(CART, headers={"X-Cart-Token": token}).json()
    order = customer.post(CONFIRM, {"version": merged["version"]})

    assert sums(merged) == ("1000.00", "300.00", "1300.00")
    assert (order.status_code, order.json()["user"], order.json()["shipping"]) == (201, str(user.pk), "300.00")
    assert order.json()["phone_number"] == "+254712345678"


def test_what_was_told_is_shown_to_nobody_else(guest, rider):
    tell(guest, rider)
    stranger = client_for(UserFactory())
    add(stranger, ProductFactory())

    assert stranger.get(CART).json()["checkout"] is None
    assert client_for(None).get(CART).json()["checkout"] is None


@pytest.mark.parametrize("lines", [1, 10])
def test_cart_with_a_checkout_is_read_in_two_statements(guest, rider, lines, django_assert_num_queries):
    for _ in range(lines):
        add(guest, ProductFactory())
    tell(guest, rider)

    with django_assert_num_queries(2):
        guest.get(CART)


@pytest.mark.django_db(transaction=True)
def test_steps_and_confirm_at_once_make_one_order_at_a_price_that_was_shown(phone, rider):
    user = UserFactory()
    first = client_for(user)
    add(first, phone, 2)
    tell(first, rider)
    confirming, telling, adding = ([client_for(user) for _ in range(4)] for _ in range(3))

    responses = at_once(
        [
            *[lambda c=c: c.post(CONFIRM, {}) for c in confirming],
            *[lambda c=c: tell(c, rider) for c in telling],
            *[lambda c=c: add(c, phone) for c in adding],
        ]
    )

    codes = Counter(response.status_code for response in responses)
    assert set(codes) <= {200, 201, 400, 409}
    for order in Order.objects.prefetch_related("items"):
        units = sum(item.quantity for item in order.items.all())
        assert str(order.shipping) == ("300.00" if units <= 2 else "450.00")
    assert Order.objects.count() <= 4
    assert_stock_holds()
