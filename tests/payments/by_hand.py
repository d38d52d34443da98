"""Orders that are paid by hand, for several test modules."""

from typing import Any

from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from accounts.models import User
from orders.models import Order
from payments import sending, services
from payments.models import PaymentAttempt
from tests.clients import client_for
from tests.factories import UserFactory

CASH, BANK = "cash_on_delivery", "bank_transfer"


def start_by_hand(order: Order, method: str = CASH) -> PaymentAttempt:
    """Choose to pay by hand; a worker has done its part."""
    assert order.user is not None
    started = services.start_payment(user=order.user, order_id=order.pk, method=method, phone_number="")
    sending.send_attempt(started.attempt.pk)
    attempt = started.attempt
    attempt.refresh_from_db()
    return attempt


def rider_user() -> User:
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="add_receivedmoney"))
    return user


def collect(client: APIClient, order: Order, *, key: str = "k-1", **body: Any) -> Any:
    """Post to the order's collect address: by default all of its price, in cash."""
    url = f"/api/orders/{order.pk}/collect/"
    facts = {"method": CASH, "amount": "1500.00"} | body
    sent = {name: value for name, value in facts.items() if value is not None}
    return client.post(url, sent, format="json", headers={"Idempotency-Key": key})


def rider_client() -> APIClient:
    return client_for(rider_user())
