from decimal import Decimal

import pytest
from django.core.cache import cache

from orders.models import Order
from payments import services
from payments.models import PaymentAttempt
from payments.providers import http
from tests.factories import ProductFactory, UserFactory, place_order
from tests.payments.daraja import Daraja

SHORTCODE = "174379"


@pytest.fixture(autouse=True)
def daraja(settings, monkeypatch) -> Daraja:
    """Every payment test talks to this Daraja and to no other."""
    settings.MPESA = settings.MPESA | {
        "BASE_URL": "https://daraja.test",
        "CONSUMER_KEY": "key",
        "CONSUMER_SECRET": "secret",
        "SHORTCODE": SHORTCODE,
        "PASSKEY": "passkey",
        "CALLBACK_ADDRESSES": ["196.201.214.200"],
    }
    fake = Daraja()
    monkeypatch.setattr(http.requests, "request", fake.request)
    http.reset_breakers()
    cache.delete("daraja-token:https://daraja.test:key")
    return fake


@pytest.fixture
def order(db) -> Order:
    """A pending order of KES 1,500 for one unit of ten."""
    return place_order(UserFactory(), ProductFactory(price=Decimal("1500.00")))


@pytest.fixture
def attempt(order) -> PaymentAttempt:
    """An attempt that Daraja has accepted; the customer's phone shows the prompt."""
    started = services.start_payment(user=order.user, order_id=order.pk, method="mpesa", phone_number="+254712345678")
    sent = started.payment.attempts.get()
    services.send_attempt(sent.pk)
    sent.refresh_from_db()
    return sent


@pytest.fixture
def callback_token(attempt, daraja) -> str:
    """The secret that Daraja was given for this attempt."""
    url: str = daraja.called("/mpesa/stkpush/v1/processrequest")[-1]["CallBackURL"]
    return url.rstrip("/").rsplit("/", 1)[1]
