"""Orders that cost nothing are paid when they are placed."""

from decimal import Decimal

import pytest
from django.utils import timezone

from ecommerce.models import OutboxMessage
from orders import services as order_services
from orders.models import Order
from payments.credit import spending
from payments.exceptions import AlreadyPaid, AmountNotPayable
from payments.models import Payment
from payments.services import start_payment
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order
from tests.payments.gift_cards import code_of, gift_card, left_on
from tests.payments.test_ledger import check_books

pytestmark = pytest.mark.django_db


@pytest.fixture
def free() -> Order:
    return place_order(UserFactory(), ProductFactory(price=Decimal("0.00")))


def test_order_that_costs_nothing_is_paid_when_it_is_placed():
    user, product = UserFactory(), ProductFactory(price=Decimal("0.00"))
    body = {"items": [{"product_id": str(product.pk), "quantity": 1}]}

    answer = client_for(user).post("/api/orders/", body, format="json")

    assert (answer.status_code, answer.json()["status"], answer.json()["reserved_until"]) == (201, "paid", None)
    order = Order.objects.get()
    assert (order.status, order.paid_at is not None) == ("paid", True)
    assert list(order.events.values_list("to_status", "note")) == [("pending", ""), ("paid", "nothing to pay")]
    assert OutboxMessage.objects.filter(topic="orders.send_order_confirmation").count() == 1
    assert not Payment.objects.exists()
    check_books()


def test_order_that_costs_something_waits(order):
    assert (order.status, order.paid_at) == ("pending", None)


def test_nothing_is_asked_for_it(free):
    card = gift_card()

    with pytest.raises(AmountNotPayable):
        start_payment(user=free.user, order_id=free.pk, method="mpesa", phone_number="+254712345678")
    with pytest.raises(AlreadyPaid):
        spending.spend_gift_card(user=free.user, order_id=free.pk, code=code_of(card))

    assert left_on(card) == Decimal("500.00")
    assert not Payment.objects.exists()


def test_it_can_be_cancelled_and_gives_nothing_back(free):
    order_services.cancel_order(free.pk)

    free.refresh_from_db()
    assert free.status == "cancelled"
    check_books()


def test_time_does_not_cancel_it(free):
    assert order_services.cancel_unpaid_orders() == 0

    free.refresh_from_db()
    assert (free.status, free.paid_at <= timezone.now()) == ("paid", True)
