"""What customers are told of their parcels."""

import pytest
from django.core import mail

from ecommerce.models import OutboxMessage
from orders.fulfilment import services
from orders.links import order_of_token
from tests.factories import UserFactory
from tests.orders.fulfilment.parcels import lines, order_of

pytestmark = pytest.mark.django_db

TOPIC = "orders.send_shipment_mail"


def owed():
    return list(OutboxMessage.objects.filter(topic=TOPIC).order_by("id").values_list("payload", flat=True))


def sent(run_owed_work):
    run_owed_work()
    return [message for message in mail.outbox if "parcel" in message.subject.lower()]


def test_customer_is_told_when_a_parcel_leaves_and_arrives(run_owed_work):
    user = UserFactory(email="wanjiku@example.com")
    order = order_of(2, 1, user=user)
    shipment = services.ship(order.pk, lines=lines(order, L0=1), carrier="dhl", tracking_number="77")
    services.record_event(shipment.pk, status="in_transit")
    services.record_event(shipment.pk, status="delivered")

    left, arrived = sent(run_owed_work)

    product = order.items.first().product_name
    assert (left.to, left.subject) == (["wanjiku@example.com"], f"Your parcel {order.number}-1 is on its way")
    assert f"1 × {product}\n" in left.body
    assert "DHL, number 77\nhttps://www.dhl.com/ke-en/home/tracking.html?tracking-id=77\n" in left.body
    assert "/track/" not in left.body
    assert arrived.subject == f"Your parcel {order.number}-1 was delivered"


def test_customer_without_account_gets_the_link_of_their_order(run_owed_work):
    order = order_of(1, email="guest@example.com")
    shipment = services.ship(order.pk, is_packed=True)
    services.record_event(shipment.pk, status="ready_for_pickup")

    [message] = sent(run_owed_work)

    token = message.body.partition("/track/")[2].split()[0]
    assert message.subject == f"Your parcel {order.number}-1 is ready to be collected"
    assert (message.to, order_of_token(token)) == (["guest@example.com"], order.pk)


def test_packing_owes_no_mail_and_shipping_owes_one():
    order = order_of(1)
    shipment = services.ship(order.pk, is_packed=True)
    packed = owed()

    services.record_event(shipment.pk, status="shipped")

    assert (packed, owed()) == ([], [{"shipment_id": str(shipment.pk), "status": "shipped"}])


def test_customer_without_address_is_owed_nothing():
    order = order_of(1, phone_number="+254712345678")

    services.ship(order.pk)

    assert owed() == []


def test_names_of_products_are_not_markup(run_owed_work):
    order = order_of(1, email="guest@example.com")
    order.items.update(product_name="Cable <2 m> & plug")
    services.ship(order.pk)

    [message] = sent(run_owed_work)

    assert "1 × Cable <2 m> & plug" in message.body
