"""What sellers earn, and what their statement and the books say of it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum
from django.utils import timezone

from catalog.models import Product
from catalog.services import save_category
from ecommerce.invariants import violations
from orders import services
from orders.models import Order
from payments import refunds
from payments.checks import CHECKS
from payments.models import CommissionRate, LedgerEntry, SellerSale
from payments.providers.base import TransferResult, Verdict
from payments.sellers.selectors import balances_of, commission_of
from payments.sellers.services import book_due_sales, book_sales
from tests.accounts.sellers.selling import seller
from tests.clients import client_for
from tests.factories import PASSWORD, CategoryFactory, ProductFactory, UserFactory, place_order
from tests.payments.admin_rows import paid

pytestmark = pytest.mark.django_db
URL = "/api/sellers/me/statement/"


@pytest.fixture(autouse=True)
def ten_per_cent(settings):
    settings.SELLER_COMMISSION_BASIS_POINTS = 1000
    settings.SELLER_PAYOUT_AFTER = timedelta(days=7)


@pytest.fixture
def njeri(db):
    return seller()


def delivered(product, *, quantity=2, receipt="UKL4AB12CD", customer=None):
    order = place_order(customer or UserFactory(), product, quantity=quantity)
    payment = paid(order, receipt)
    services.ship_order(order.pk)
    services.deliver_order(order.pk)
    return order, payment


def broken():
    return [check.name for check in CHECKS for _ in violations(check)]


def in_the_books(code):
    return LedgerEntry.objects.filter(account__code=code).aggregate(sum=Sum("amount"))["sum"]


def owed(user, **at):
    return [(each.currency, str(each.balance), str(each.due)) for each in balances_of(user, **at)]


def test_delivered_line_is_booked_less_commission_and_due_after_a_while(njeri):
    delivered(ProductFactory(seller=njeri))
    assert (book_due_sales(), book_due_sales()) == (1, 0)
    assert owed(njeri) == [("KES", "2700.00", "0.00")]
    assert owed(njeri, at=timezone.now() + timedelta(days=7, minutes=1)) == [("KES", "2700.00", "2700.00")]
    assert [in_the_books(code) for code in (f"seller:{njeri.pk.hex}", "commission", "customers")] == [
        -270000,
        -30000,
        0,
    ]
    assert not broken()


def test_statement_adds_up_to_the_ledger_and_is_nobody_elses(njeri):
    delivered(ProductFactory(seller=njeri))
    book_due_sales()
    CommissionRate.objects.create(seller=njeri, basis_points=333)
    delivered(ProductFactory(seller=njeri, price=Decimal("1005.00")), quantity=1, receipt="UKL4AB12CE")
    other = seller("Otieno Spares", phone="+254700000009")
    book_due_sales()
    body = client_for(njeri).get(URL).json()
    amounts = [Decimal(row["amount"]) for row in body["results"]]
    assert sorted(amounts) == [Decimal("971.53"), Decimal("2700.00")]  # 33.4665 is 33.47: half up
    assert body["balances"] == [{"currency": "KES", "balance": "3671.53", "due": "0.00"}]
    assert sum(amounts) * -100 == in_the_books(f"seller:{njeri.pk.hex}")
    assert {row["commission"] for row in body["results"]} == {"300.00", "33.47"}
    assert client_for(other).get(URL).json() == {
        "count": 0,
        "next": None,
        "previous": None,
        "results": [],
        "balances": [],
    }
    assert client_for(UserFactory()).get(URL).status_code == 403


def test_nothing_is_earned_before_it_is_delivered_and_paid_nor_of_the_shops_own_goods(njeri):
    product = ProductFactory(seller=njeri)
    place_order(UserFactory(), product)
    paid(order := place_order(UserFactory(), product))
    services.ship_order(order.pk)
    delivered(ProductFactory(), receipt="UKL4AB12CE")
    assert book_due_sales() == 0
    book_sales(order.pk)
    assert not SellerSale.objects.exists()


def test_rate_is_the_sellers_then_the_nearest_categorys_then_the_shops(njeri):
    above = CategoryFactory()
    middle = save_category(category_name="Phones", parent=above)
    product = ProductFactory(seller=njeri, category=save_category(category_name="Smart", parent=middle))
    assert commission_of(product) == 1000
    CommissionRate.objects.create(category=above, basis_points=800)
    assert commission_of(product) == 800
    CommissionRate.objects.create(category=middle, basis_points=0)
    assert commission_of(product) == 0
    CommissionRate.objects.create(category=CategoryFactory(), basis_points=5000)
    CommissionRate.objects.create(seller=seller("Otieno", phone="+254700000009"), basis_points=4000)
    assert commission_of(product) == 0
    CommissionRate.objects.create(seller=njeri, basis_points=250)
    assert commission_of(product) == 250


def test_rate_and_seller_are_frozen_with_the_first_booking(njeri):
    product = ProductFactory(seller=njeri)
    order, _ = delivered(product)
    book_due_sales()
    CommissionRate.objects.create(seller=njeri, basis_points=5000)
    Product.objects.filter(pk=product.pk).update(seller=seller("Otieno", phone="+254700000009"))
    book_sales(order.pk)
    assert owed(njeri) == [("KES", "2700.00", "0.00")]
    assert SellerSale.objects.get().basis_points == 1000


def test_goods_that_came_back_are_taken_off_once_with_their_commission(njeri):
    order, _ = delivered(ProductFactory(seller=njeri))
    book_due_sales()
    order.items.update(returned_quantity=1)
    for _ in range(2):
        book_sales(order.pk)
    assert owed(njeri) == [("KES", "1350.00", "0.00")]
    assert in_the_books("commission") == -15000
    assert [row["amount"] for row in client_for(njeri).get(URL).json()["results"]] == ["-1350.00", "2700.00"]
    assert not broken()


def test_order_that_is_wholly_paid_back_earns_nothing(njeri):
    order, payment = delivered(ProductFactory(seller=njeri))
    book_due_sales()
    (refund,) = refunds.refund_payment(payment_id=payment.pk, amount=None, reason="broken", actor=None)
    by_hand = TransferResult(verdict=Verdict.IN_FLIGHT, needs_person=True)
    refunds.settle_refund(refund.pk, by_hand, source="answer")
    refunds.complete_by_hand(refund.pk, actor=UserFactory(), receipt_number="UKL4BACK01")
    order.refresh_from_db()
    assert order.status == Order.Status.REFUNDED
    assert owed(njeri) == [("KES", "0.00", "0.00")]
    assert in_the_books("commission") == 0
    assert not broken()


def test_sweeps_at_once_book_once(together):
    njeri = seller()
    order, _ = delivered(ProductFactory(seller=njeri))
    outcomes = together(*[lambda: book_sales(order.pk)] * 4)
    assert outcomes == [None] * 4
    assert owed(njeri) == [("KES", "2700.00", "0.00")]
    assert LedgerEntry.objects.filter(account__code=f"seller:{njeri.pk.hex}").count() == 1


def test_who_is_owed_money_is_not_erased(njeri):
    delivered(ProductFactory(seller=njeri))
    book_due_sales()
    njeri.products.update(deleted_at=timezone.now())
    response = client_for(njeri).post("/api/users/erase/", {"password": PASSWORD}, format="json")
    assert (response.status_code, response.json()["errors"][0]["code"]) == (409, "sales_open")
