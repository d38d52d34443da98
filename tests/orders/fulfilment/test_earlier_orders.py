"""What the migration makes of orders that were shipped before there were parcels."""

from importlib import import_module

import pytest
from django.db import connection
from django.db.models import F

from orders import services
from orders.models import Order
from tests.invariants import assert_orders_hold
from tests.orders.fulfilment.parcels import contents, order_of, timeline

pytestmark = pytest.mark.django_db


def forget_parcels():
    """Leave what such a database held: statuses, the ledger, and no word of parcels."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else the table has pending checks, and cannot be altered
        cursor.execute("ALTER TABLE orders_shipmentevent DISABLE TRIGGER shipment_event_append_only")
        cursor.execute("DELETE FROM orders_shipmentevent; DELETE FROM orders_shipmentitem; DELETE FROM orders_shipment")
        cursor.execute("ALTER TABLE orders_shipmentevent ENABLE TRIGGER shipment_event_append_only")
        cursor.execute("UPDATE orders_orderitem SET shipped_quantity = 0")


def migrate():
    with connection.cursor() as cursor:
        cursor.execute(import_module("orders.migrations.0007_shipments_of_earlier_orders").FORWARD)
        cursor.execute("DROP TABLE digital_orders; DROP TABLE earlier_parcels")


def test_earlier_orders_get_their_parcel():
    paid, shipped, delivered, digital = (
        order_of(2, 1, sku=f"{name}-", digital=count) for name, count in (("A", 0), ("B", 1), ("C", 0), ("D", 2))
    )
    for order in (shipped, delivered):
        services.ship_order(order.pk)
    services.deliver_order(delivered.pk)
    services.cancel_order(order_of(1, sku="E-").pk)
    forget_parcels()
    digital.events.filter(to_status__in=("shipped", "delivered")).delete()
    Order.objects.filter(pk=digital.pk).update(status="paid")

    for _ in range(2):  # a second time there is nothing to do
        migrate()

    assert_orders_hold()
    parcels = [(order.shipments.get().status, contents(order.shipments.get())) for order in (shipped, delivered)]
    assert parcels == [("shipped", {"B-0": 2}), ("delivered", {"C-0": 2, "C-1": 1})]
    assert [order.shipments.count() for order in (paid, digital)] == [0, 0]
    assert not shipped.items.exclude(shipped_quantity=F("quantity")).exists()
    assert timeline(digital)[-2:] == [("paid", "shipped", "handed over"), ("shipped", "delivered", "handed over")]
