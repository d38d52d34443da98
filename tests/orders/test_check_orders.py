"""``check_orders`` finds what does not belong together."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from ecommerce.invariants import violations
from orders import cancelling, services
from orders.models import Order
from orders.returns.checks import CHECKS
from orders.returns.models import Return
from tests.orders.part_orders import phones_and_cables, units
from tests.orders.returned import delivered, received

pytestmark = pytest.mark.django_db


@pytest.fixture
def busy():
    """Orders of which something was cancelled, unpaid and paid, something returned, and one cancelled as a whole."""
    order = phones_and_cables()
    cancelling.cancel_units(order.pk, units(order, PHONE=1))
    services.mark_paid(order.pk)
    cancelling.cancel_units(order.pk, units(order, CABLE=1))
    services.ship_order(order.pk)
    received(order, PHONE=1)
    return order


def wrong():
    return [check.name for check in CHECKS if list(violations(check))]


@pytest.mark.django_db(transaction=True)  # the command takes one snapshot for all
def test_command_says_what_is_wrong(busy, capsys):
    call_command("check_orders")
    assert [line for line in capsys.readouterr().out.splitlines() if CHECKS[6].name in line] == [
        f"ok     {CHECKS[6].name}"
    ]
    Return.objects.update(restocking_fee=99_999)

    with pytest.raises(CommandError) as refusal:
        call_command("check_orders")

    assert refusal.value.returncode == 1
    assert f"WRONG  {CHECKS[6].name}" in capsys.readouterr().out


def test_what_the_services_do_is_right(busy):
    assert wrong() == []


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        ("UPDATE orders_orderitem SET cancelled_quantity = 0, uncharged_quantity = 0 WHERE sku = 'CABLE'", (0,)),
        ("UPDATE orders_order SET status = 'cancelled'", (1,)),
        ("UPDATE orders_orderitem SET discount = discount + 1 WHERE sku = 'PHONE'", (2,)),
        ("UPDATE orders_orderitem SET uncharged_quantity = 0", (2,)),
        ("UPDATE orders_orderitem SET returned_quantity = 2 WHERE sku = 'PHONE'", (3,)),
        ("UPDATE orders_returnitem SET received_quantity = 3, quantity = 3", (3, 4, 5)),
        ("UPDATE orders_returnitem SET restock = false", (5,)),
        ("UPDATE orders_return SET status = 'refunded', refund_amount = 99999", (6,)),
        ("UPDATE orders_return SET restocking_fee = 99999", (6,)),
    ],
)
def test_what_is_wrong_is_found(busy, spoil, found):
    with connection.cursor() as cursor:
        cursor.execute(spoil)

    assert wrong() == [CHECKS[index].name for index in found]


def test_refunded_order_that_keeps_goods_is_found():
    phones_and_cables()
    Order.objects.update(status="refunded")

    assert wrong() == ["a refunded order keeps nothing that has not left"]


def test_whole_order_that_came_back_is_right():
    received(delivered(), PHONE=3, CABLE=2)

    assert wrong() == []
