"""No row is locked, and no transaction open, while a provider is asked."""

import json
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from catalog.models import Stock
from orders.models import Order
from payments import inbox, queries, sending, services
from payments.models import Payment, PaymentAttempt, ProviderEvent, ReceivedMoney
from tests.payments.daraja import PAID, PUSH, QUERY, TOKEN, stk_callback
from tests.racing import at_once

pytestmark = pytest.mark.django_db(transaction=True)

TABLES = (Payment, PaymentAttempt, ReceivedMoney, Order, Stock, ProviderEvent)


def lock_everything():
    """Lock all rows, or fail at once where somebody holds one."""
    with transaction.atomic():
        for table in TABLES:
            list(table.objects.select_for_update(nowait=True).values_list("pk", flat=True))


@pytest.fixture
def asked(daraja, monkeypatch):
    """What was asked of Daraja while every row could be locked by somebody else."""
    paths = []
    answer = daraja.request

    def request(method, url, **kwargs):
        assert not connection.in_atomic_block
        at_once([lock_everything])
        paths.append(url.removeprefix("https://daraja.test"))
        return answer(method, url, **kwargs)

    monkeypatch.setattr("ecommerce.outgoing.requests.request", request)
    return paths


def test_push_is_sent_without_a_lock(order, asked):
    started = services.start_payment(user=order.user, order_id=order.pk, method="mpesa", phone_number="+254712345678")
    attempt = started.payment.attempts.get()

    sending.send_attempt(attempt.pk)

    assert asked == [TOKEN, PUSH]
    attempt.refresh_from_db()
    assert attempt.status == "pending"


def test_query_asks_without_a_lock(order, attempt, daraja, asked):
    PaymentAttempt.objects.update(sent_at=timezone.now() - timedelta(minutes=2))
    daraja.script(QUERY, PAID)

    queries.query_attempt(attempt.pk)

    assert asked == [QUERY]
    order.refresh_from_db()
    assert order.status == "paid"


def test_callback_is_confirmed_without_a_lock(order, attempt, callback_token, daraja, asked):
    daraja.script(QUERY, PAID)
    body = json.dumps(stk_callback()).encode()
    inbox.receive_callback(provider="mpesa", token=callback_token, body=body, address="127.0.0.1")
    assert asked == []  # storing it asks nobody

    inbox.handle_event(ProviderEvent.objects.get().pk)

    assert asked == [QUERY]
    order.refresh_from_db()
    assert order.status == "paid"
