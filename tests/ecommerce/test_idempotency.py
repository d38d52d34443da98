import json
import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory

from accounts.models import User
from catalog.stock import adjust_stock
from ecommerce.exceptions import Busy, Conflict
from ecommerce.idempotency import (
    IdempotencyInProgress,
    IdempotencyKeyInvalid,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    run_once,
)
from ecommerce.models import IdempotencyKey, OutboxMessage
from ecommerce.parsers import StrictJSONParser
from orders.models import Order
from tests.factories import ProductFactory, UserFactory, variant_of

ORDERS = "/api/orders/"


def keyed_request(key: str | None = "k-1", body: object = None, path: str = "/api/things/") -> Request:
    headers = {} if key is None else {"Idempotency-Key": key}
    request: HttpRequest = APIRequestFactory().post(path, body or {"a": 1}, format="json", headers=headers)
    return Request(request, parsers=[StrictJSONParser()])


class Effect:
    """Add a user, and count the calls."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls = 0
        self.error = error

    def __call__(self) -> Response:
        self.calls += 1
        user = UserFactory()
        if self.error is not None:
            raise self.error
        return Response({"id": str(user.pk), "amount": "1500.00", "text": "Müller ×2 😀"}, status=201)


def once(request: Request, effect: Effect, *, owner: str = "user:1", operation: str = "things.add", **more) -> Response:
    return run_once(request, owner=owner, operation=operation, effect=effect, **more)


def tables() -> tuple[int, int]:
    return User.objects.count(), IdempotencyKey.objects.count()


# --- The function -------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_first_call_acts_and_keeps_its_answer():
    before = timezone.now()

    answer = once(keyed_request(), Effect())

    row = IdempotencyKey.objects.get()
    assert (row.owner, row.operation, row.key, row.status_code) == ("user:1", "things.add", "k-1", 201)
    assert json.loads(bytes(row.body)) == answer.data
    assert timedelta(hours=71) < row.expires_at - before < timedelta(hours=73)
    assert "Idempotent-Replayed" not in answer.headers


@pytest.mark.django_db
def test_repeat_answers_the_same_and_does_nothing():
    effect = Effect()
    once(keyed_request(), effect)

    answer = once(keyed_request(), effect)

    assert (effect.calls, *tables()) == (1, 1, 1)
    assert answer.status_code == 201
    assert answer.data == json.loads(bytes(IdempotencyKey.objects.get().body))
    assert answer["Idempotent-Replayed"] == "true"


@pytest.mark.django_db
def test_order_of_keys_in_the_body_makes_no_other_request():
    effect = Effect()

    for body in ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}):
        once(keyed_request(body=body), effect)

    assert effect.calls == 1


@pytest.mark.parametrize("other", [{"body": {"a": 2}}, {"path": "/api/things/7/"}])
@pytest.mark.django_db
def test_key_of_another_request_is_refused(other):
    effect = Effect()
    once(keyed_request(), effect)

    with pytest.raises(IdempotencyKeyReused):
        once(keyed_request(**other), effect)

    assert (effect.calls, *tables()) == (1, 1, 1)


@pytest.mark.parametrize("other", [{"owner": "user:2"}, {"operation": "things.remove"}])
@pytest.mark.django_db
def test_same_key_of_another_owner_or_operation_is_independent(other):
    effect = Effect()
    once(keyed_request(), effect)

    once(keyed_request(), effect, **other)

    assert (effect.calls, *tables()) == (2, 2, 2)


@pytest.mark.parametrize("key", ["", "k" * 256, "ä", "tab\there", "nul\x00", "line\nbreak", "\x7f"])
@pytest.mark.django_db
def test_malformed_key_is_refused_before_anything_happens(key):
    effect = Effect()

    with pytest.raises(IdempotencyKeyInvalid) as refusal:
        once(keyed_request(key), effect)

    assert [row.attr for row in refusal.value.rows] == ["Idempotency-Key"]
    assert (effect.calls, *tables()) == (0, 0, 0)


@pytest.mark.parametrize("key", ["k", "k" * 255, "with space ~!"])
@pytest.mark.django_db
def test_any_printable_ascii_is_a_key(key):
    once(keyed_request(key), Effect())

    assert IdempotencyKey.objects.get().key == key


@pytest.mark.django_db
def test_required_key_that_is_missing_is_refused():
    effect = Effect()

    with pytest.raises(IdempotencyKeyRequired):
        once(keyed_request(None), effect, required=True)

    assert (effect.calls, *tables()) == (0, 0, 0)


@pytest.mark.django_db
def test_without_a_key_the_effect_runs_each_time():
    effect = Effect()

    for _ in range(2):
        once(keyed_request(None), effect)

    assert (effect.calls, *tables()) == (2, 2, 0)


@pytest.mark.django_db
def test_default_key_stands_in_for_a_missing_one():
    effect = Effect()

    for _ in range(2):
        answer = once(keyed_request(None), effect, default_key="cart-7-3")

    assert (effect.calls, answer["Idempotent-Replayed"]) == (1, "true")
    assert IdempotencyKey.objects.get().key == "cart-7-3"


@pytest.mark.parametrize("error", [Conflict(), ValidationError("no"), Busy(), RuntimeError("crash"), SystemExit(1)])
@pytest.mark.django_db
def test_refusal_or_crash_keeps_neither_effect_nor_key_and_a_retry_may_succeed(error):
    with pytest.raises(type(error)):
        once(keyed_request(), Effect(error))
    after_failure = tables()

    answer = once(keyed_request(), Effect())

    assert after_failure == (0, 0)
    assert (answer.status_code, "Idempotent-Replayed" in answer.headers, *tables()) == (201, False, 1, 1)


@pytest.mark.django_db
def test_answer_that_cannot_be_stored_takes_the_effect_back(monkeypatch):
    def die(*args: object, **kwargs: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr("ecommerce.idempotency.JSONRenderer.render", die)

    with pytest.raises(MemoryError):
        once(keyed_request(), Effect())

    assert tables() == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_key_that_the_first_request_holds_too_long_is_in_progress(monkeypatch):
    effect = Effect()
    holding, release = threading.Event(), threading.Event()

    def slow_effect() -> Response:
        holding.set()
        release.wait(10)
        return Effect()()

    def first() -> None:
        try:
            once(keyed_request(), slow_effect)
        finally:
            connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert holding.wait(10)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")

    try:
        with pytest.raises(IdempotencyInProgress) as refusal:
            once(keyed_request(), effect)
    finally:
        release.set()
        thread.join(10)
        connection.close()

    assert (refusal.value.status_code, refusal.value.wait, effect.calls) == (409, 1, 0)
    assert tables() == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_effect_that_lost_a_deadlock_is_run_again_with_its_key():
    effect = Effect()

    def unlucky_once() -> Response:
        answer = effect()
        if effect.calls == 1:
            connection.cursor().execute("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$")
        return answer

    answer = once(keyed_request(), unlucky_once)

    assert (effect.calls, answer.status_code, *tables()) == (2, 201, 1, 1)


@pytest.mark.django_db(transaction=True)
def test_process_that_dies_before_its_commit_leaves_nothing():
    def die() -> Response:
        Effect()()
        connection.connection.close()  # what the kernel does with a killed process's socket
        raise SystemExit(137)

    with pytest.raises(SystemExit):
        once(keyed_request(), die)
    connection.close()

    assert tables() == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_twenty_parallel_calls_with_one_key_have_one_effect(together):
    effect = Effect()

    answers = together(*[lambda: once(keyed_request(), effect)] * 20)

    assert {type(answer) for answer in answers} == {Response}
    assert tables() == (1, 1)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data["id"] for answer in answers}) == 1
    assert [("Idempotent-Replayed" in answer.headers) for answer in answers].count(False) == 1


@pytest.mark.django_db
def test_effect_runs_in_a_transaction_with_and_without_a_key():
    depths = []

    def effect() -> Response:
        depths.append(len(connection.savepoint_ids))
        return Response({})

    with transaction.atomic():
        outside = len(connection.savepoint_ids)
        once(keyed_request(), effect)
        once(keyed_request(None), effect)

    assert depths == [outside + 1, outside + 1]


# --- Over HTTP ----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_order_sent_twice_is_placed_once_and_answered_byte_for_byte(signed_in_client, customer):
    product = ProductFactory(stock=5)
    client = signed_in_client(customer)
    body = {"items": [{"product_id": str(product.pk), "quantity": 2}]}

    first, second = (client.post(ORDERS, body, headers={"Idempotency-Key": "k-1"}) for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert "Idempotent-Replayed" not in first.headers
    assert second["Idempotent-Replayed"] == "true"
    assert Order.objects.count() == 1
    assert variant_of(product).stock_level.available == 3


@pytest.mark.django_db
def test_order_with_a_used_key_and_another_body_is_a_422(signed_in_client, customer):
    product = ProductFactory(stock=5)
    client = signed_in_client(customer)
    answers = [
        client.post(
            ORDERS,
            {"items": [{"product_id": str(product.pk), "quantity": quantity}]},
            headers={"Idempotency-Key": "k-1"},
        )
        for quantity in (1, 2)
    ]

    assert answers[1].status_code == 422
    assert answers[1].json() == {
        "type": "client_error",
        "errors": [
            {
                "code": "idempotency_key_reused",
                "detail": "This Idempotency-Key was already used for another request.",
                "attr": None,
            }
        ],
    }
    assert variant_of(product).stock_level.available == 4


@pytest.mark.django_db
def test_refused_order_may_be_sent_again_with_its_key(signed_in_client, customer):
    product = ProductFactory(stock=0)
    client = signed_in_client(customer)
    body = {"items": [{"product_id": str(product.pk), "quantity": 1}]}

    refused = client.post(ORDERS, body, headers={"Idempotency-Key": "k-1"})
    with transaction.atomic():
        adjust_stock({variant_of(product).pk: 1})
    healed = client.post(ORDERS, body, headers={"Idempotency-Key": "k-1"})

    assert (refused.status_code, healed.status_code) == (409, 201)
    assert "Idempotent-Replayed" not in healed.headers


@pytest.mark.django_db
def test_replay_survives_a_new_access_token_and_is_nobody_elses(signed_in_client, customer):
    product = ProductFactory(stock=5)
    body = {"items": [{"product_id": str(product.pk), "quantity": 1}]}

    mine = [signed_in_client(customer).post(ORDERS, body, headers={"Idempotency-Key": "k"}).json() for _ in range(2)]
    theirs = signed_in_client(UserFactory()).post(ORDERS, body, headers={"Idempotency-Key": "k"})

    assert mine[0] == mine[1]
    assert theirs.status_code == 201
    assert theirs.json()["id"] != mine[0]["id"]


@pytest.mark.django_db(transaction=True)
def test_twenty_parallel_orders_with_one_key_are_one_order(together, signed_in_client, customer):
    product = ProductFactory(stock=50)
    authorization = signed_in_client(customer)._credentials
    body = {"items": [{"product_id": str(product.pk), "quantity": 1}]}

    def post() -> int:
        client = APIClient(raise_request_exception=False)
        client.credentials(**authorization)
        return client.post(ORDERS, body, headers={"Idempotency-Key": "k"}).status_code

    codes = Counter(together(*[post] * 20))

    assert codes == {201: 20}
    assert Order.objects.count() == 1
    assert variant_of(product).stock_level.available == 49
    assert OutboxMessage.objects.values("dedupe_key").distinct().count() == OutboxMessage.objects.count()
