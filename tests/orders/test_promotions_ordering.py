"""Promotions and coupons from the cart to the order."""

from collections import Counter
from decimal import Decimal

import pytest

from catalog.models import Stock
from orders import services
from orders.models import Order
from orders.pricing.promotions import PercentOff
from orders.promotions.models import CartCoupon, Redemption
from orders.promotions.services import save_promotion
from tests.clients import client_for
from tests.factories import CategoryFactory, ProductFactory, UserFactory
from tests.invariants import assert_stock_holds
from tests.orders.promoting import automatic, coupon, promotion, uses_of
from tests.orders.shipping import method, zone
from tests.racing import at_once

pytestmark = pytest.mark.django_db

CART, ITEMS, COUPON, ORDERS = "/api/cart/", "/api/cart/items/", "/api/cart/coupon/", "/api/orders/"
SHIPPING, CONFIRM = "/api/cart/checkout/shipping/", "/api/cart/checkout/confirm/"


@pytest.fixture
def phone():
    return ProductFactory(product_name="Phone", price=Decimal("1000.00"), category=CategoryFactory())


def shopper(*products, user=None):
    client = client_for(user or UserFactory())
    for product in products:
        assert client.post(ITEMS, {"product_id": str(product.pk), "quantity": 1}).status_code == 201
    return client


def test_automatic_promotion_is_taken_off_the_cart_and_off_the_order(phone):
    cable = ProductFactory(price=Decimal("333.33"))
    tenth = automatic(name="Ten off phones", categories=[phone.category])
    client = shopper(phone, cable)

    cart = client.get(CART).json()
    order = client.post(CONFIRM, {}).json()

    assert (cart["subtotal"], cart["discount"], cart["total_amount"]) == ("1333.33", "100.00", "1233.33")
    assert cart["promotions"] == [{"id": str(tenth.pk), "name": "Ten off phones", "code": "", "amount": "100.00"}]
    assert (order["subtotal"], order["discount"], order["total_amount"]) == ("1333.33", "100.00", "1233.33")
    placed = Order.objects.get(pk=order["id"])
    assert {line.product_id: line.discount for line in placed.items.all()} == {
        phone.pk: Decimal("100.00"),
        cable.pk: Decimal("0.00"),
    }
    assert sum(line.tax for line in placed.items.all()) == placed.tax
    assert Redemption.objects.get(order=placed).amount == Decimal("100.00")


def test_direct_order_has_automatic_promotions_too(phone):
    automatic(percent=Decimal(50))

    order = client_for(UserFactory()).post(ORDERS, {"items": [{"product_id": str(phone.pk), "quantity": 2}]}).json()

    assert (order["discount"], order["total_amount"]) == ("1000.00", "1000.00")


def test_code_is_used_up_by_the_order_and_given_back_when_it_is_cancelled(phone):
    once = coupon("KARIBU", limit_total=1)
    client, late = shopper(phone), shopper(phone)
    for each in (client, late):
        assert each.post(COUPON, {"code": "karibu "}).json()["total_amount"] == "900.00"

    order = client.post(CONFIRM, {}).json()
    assert order["total_amount"] == "900.00"
    assert CartCoupon.objects.count() == 1  # the other's
    refused = late.post(CONFIRM, {})

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "coupon_exhausted")
    assert Order.objects.count() == 1
    assert Stock.objects.get(product=phone).available == 9
    services.cancel_order(order["id"])
    assert uses_of(once) == [0]
    assert late.post(CONFIRM, {}).status_code == 201
    assert_stock_holds()


def test_code_goes_with_the_guests_cart_into_the_account(phone):
    coupon("GUEST")
    guest = client_for(None)
    token = guest.post(ITEMS, {"product_id": str(phone.pk), "quantity": 1})["X-Cart-Token"]
    guest.post(COUPON, {"code": "GUEST"}, headers={"X-Cart-Token": token})

    cart = client_for(UserFactory()).get(CART, headers={"X-Cart-Token": token}).json()

    assert (cart["codes"], cart["total_amount"]) == (["GUEST"], "900.00")


def test_a_code_that_takes_nothing_off_now_is_still_shown(phone):
    coupon("TENTH", of=promotion(percent=Decimal(10), combines=False))
    automatic(percent=Decimal(20), combines=False)
    client = shopper(phone)
    client.post(COUPON, {"code": "TENTH"})

    cart = client.get(CART).json()

    assert cart["codes"] == ["TENTH"]
    assert [one["amount"] for one in cart["promotions"]] == ["200.00"]


def test_free_shipping_and_free_from_are_by_what_the_goods_cost_in_the_end(phone):
    rider = method(zone(), (5000, "300"), free_from=Decimal("950.00"))
    coupon("TENTH", of=promotion(percent=Decimal(10)))
    coupon("BRING", of=promotion(kind="free_shipping"))
    client = shopper(phone)
    where = {"shipping_address": {"county": "Nairobi"}, "phone_number": "0712345678", "method_id": str(rider.pk)}

    client.post(SHIPPING, where)
    sums = [client.get(CART).json()]
    for code in ("TENTH", "BRING"):
        client.post(COUPON, {"code": code})
        sums.append(client.get(CART).json())
    order = client.post(CONFIRM, {})

    assert [(cart["shipping"], cart["discount"], cart["total_amount"]) for cart in sums] == [
        ("0.00", "0.00", "1000.00"),
        ("300.00", "100.00", "1200.00"),  # 900 is not enough for free shipping
        ("300.00", "400.00", "900.00"),
    ]
    assert order.status_code == 201, order.json()
    assert (order.json()["discount"], order.json()["total_amount"]) == ("400.00", "900.00")
    placed = Order.objects.get()
    assert (placed.shipping_discount, placed.shipping_tax) == (Decimal("300.00"), Decimal("0.00"))


def test_everything_off_is_paid_at_once(phone):
    coupon("GIFT", of=promotion(percent=Decimal(100)))
    client = shopper(phone)
    client.post(COUPON, {"code": "GIFT"})

    order = client.post(CONFIRM, {}).json()

    assert (order["total_amount"], order["status"]) == ("0.00", "paid")


def test_ended_promotion_is_in_no_cart_and_no_order(phone):
    ended = automatic()
    client = shopper(phone)
    assert client.get(CART).json()["discount"] == "100.00"
    save_promotion(ended, is_active=False)

    assert client.get(CART).json()["discount"] == "0.00"
    assert client.post(CONFIRM, {}).json()["total_amount"] == "1000.00"
    assert not Redemption.objects.exists()


@pytest.mark.parametrize("lines", [1, 10])
def test_promotions_cost_a_cart_no_statement(lines, django_assert_num_queries):
    automatic()
    coupon("MORE", of=promotion(percent=Decimal(5)))
    client = shopper(*(ProductFactory() for _ in range(lines)))
    client.post(COUPON, {"code": "MORE"})

    with django_assert_num_queries(3):  # user, cart, lines
        cart = client.get(CART).json()

    assert len(cart["promotions"]) == 2


@pytest.mark.django_db(transaction=True)
def test_twelve_carts_with_one_code_of_five_uses_make_five_orders():
    product = ProductFactory(stock=100)
    five = coupon("FIVE", limit_total=5)
    clients = [shopper(product) for _ in range(12)]
    for client in clients:
        client.post(COUPON, {"code": "FIVE"})

    answers = at_once([lambda client=client: client.post(CONFIRM, {}).status_code for client in clients])

    assert Counter(answers) == {201: 5, 409: 7}
    assert uses_of(five) == [5]
    assert Redemption.objects.filter(released_at__isnull=True).count() == 5
    assert_stock_holds()


def test_percent_of_the_pure_rule_is_the_one_that_is_charged(phone):
    automatic(percent=Decimal("12.5"))
    cart = shopper(phone).get(CART).json()

    assert Decimal(cart["discount"]) == Decimal(1000) * PercentOff(Decimal("12.5")).percent / 100
