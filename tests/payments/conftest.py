from decimal import Decimal

import pytest
from django.core.cache import cache

from ecommerce import outgoing
from orders.models import Order
from payments import sending, services
from payments.models import PaymentAttempt
from tests.factories import ProductFactory, UserFactory, place_order
from tests.payments.daraja import Daraja
from tests.payments.pagepay import PagePay

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
    monkeypatch.setattr(outgoing.requests, "request", fake.request)
    outgoing.reset_breakers()
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
    sending.send_attempt(sent.pk)
    sent.refresh_from_db()
    return sent


@pytest.fixture
def callback_token(attempt, daraja) -> str:
    """The secret that Daraja was given for this attempt."""
    url: str = daraja.called("/mpesa/stkpush/v1/processrequest")[-1]["CallBackURL"]
    return url.rstrip("/").rsplit("/", 1)[1]


@pytest.fixture
def pagepay(settings) -> type[PagePay]:
    """Let the shop collect by a provider with a page, too."""
    settings.PAYMENT_PROVIDERS = ["mpesa", "pagepay", "manual"]
    settings.PAYMENT_PROVIDER_CLASSES = {"pagepay": "tests.payments.pagepay.PagePay"}
    PagePay.reset()
    return PagePay


def _on_a_page(order: Order) -> PaymentAttempt:
    assert order.user is not None
    started = services.start_payment(user=order.user, order_id=order.pk, method="card", phone_number="")
    sending.send_attempt(started.attempt.pk)
    return PaymentAttempt.objects.get(pk=started.attempt.pk)


@pytest.fixture
def page_attempt(order, pagepay) -> PaymentAttempt:
    """An attempt whose customer looks at the provider's page."""
    return _on_a_page(order)


@pytest.fixture
def second_page_attempt(db, pagepay) -> PaymentAttempt:
    """Another customer's."""
    return _on_a_page(place_order(UserFactory(), ProductFactory(price=Decimal("1500.00"))))
