"""The stream on an event loop, without a server; tests/payments/test_stream_serving.py has one."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from inspect import iscoroutinefunction
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission
from django.db import OperationalError
from django.test import AsyncClient
from django.urls import resolve, reverse
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import User
from accounts.tokens import end_all_sessions, start_session
from ecommerce import slots
from orders.models import Order
from payments import stream
from payments.models import Payment, PaymentAttempt
from tests.clients import client_for
from tests.factories import UserFactory
from tests.live import elsewhere, listeners, own_readers, terminate
from tests.payments.events import change, changing, parse, path_of, payment_of

pytestmark = pytest.mark.django_db(transaction=True)

LONG = 10.0  # seconds; what is expected comes within milliseconds
RETRY = {"retry": "3000"}
HEARTBEAT = {"": ""}


@pytest.fixture(autouse=True)
def readers(monkeypatch) -> Iterator[None]:
    with own_readers(monkeypatch):
        yield


def scenario(play: Callable[[], Awaitable[None]]) -> None:
    async_to_sync(play)()


def bearer(user: User, **changes: Any) -> dict[str, str]:
    token = AccessToken(start_session(user).access)
    token.payload.update(changes)
    return {"authorization": f"Bearer {token}"}


class Watching:
    """An open stream. ``say`` returns the next message that is not a heartbeat."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.parts: AsyncIterator[bytes] = response.events

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(LONG):
            return parse(await anext(self.parts))

    async def event(self) -> dict[str, Any]:
        while (said := await self.next()) in (HEARTBEAT, RETRY):
            pass
        return said

    async def rest(self) -> list[dict[str, Any]]:
        async with asyncio.timeout(LONG):
            return [parse(part) async for part in self.parts]

    async def close(self) -> None:
        await self.response.events.aclose()


async def watch(payment: Payment, headers: dict[str, str]) -> Watching:
    response = await AsyncClient().get(path_of(payment), headers=headers)
    assert response.status_code == 200, response.content
    return Watching(response)


# --- What is told -------------------------------------------------------------------------------------------------


def test_view_is_asynchronous():
    view = resolve(reverse("payment-stream", args=["0198c0de-0000-7000-8000-000000000002"])).func

    assert iscoroutinefunction(view)


def test_first_event_is_the_payment_as_the_api_shows_it():
    payment = payment_of()
    shown = client_for(payment.user).get(f"/api/payments/{payment.pk}/").json()
    headers = bearer(payment.user)

    async def play() -> None:
        watching = await watch(payment, headers)
        assert await watching.next() == RETRY
        first = await watching.next()
        await watching.close()
        assert (first["event"], first["data"], len(first["id"])) == ("payment", shown, 32)
        answer = watching.response
        names = ("Content-Type", "Cache-Control", "X-Accel-Buffering")
        assert [answer[name] for name in names] == ["text/event-stream", "no-store", "no"]
        assert "X-Request-Id" in answer

    scenario(play)


def test_each_change_is_told_and_the_end_after_the_last():
    payment = payment_of()
    headers = bearer(payment.user)

    async def play() -> None:
        watching = await watch(payment, headers)
        said = [await watching.event()]
        await elsewhere(changing(payment, method="card"))
        said.append(await watching.event())
        await elsewhere(changing(payment, status="failed"))
        said += await watching.rest()

        assert [(one["event"], one["data"].get("method"), one["data"].get("status")) for one in said] == [
            ("payment", "mpesa", "pending"),
            ("payment", "card", "pending"),
            ("payment", "card", "failed"),
            ("end", None, None),
        ]
        assert said[-1] == {"event": "end", "data": {"reason": "final"}}
        assert len({one["id"] for one in said[:3]}) == 3

    scenario(play)


def test_failed_payment_with_a_live_attempt_is_not_the_end(monkeypatch):
    monkeypatch.setattr(stream, "LIFETIME", 0.3)
    payment = payment_of(status="failed")
    PaymentAttempt.objects.create(
        payment=payment,
        provider="mpesa",
        method="mpesa",
        reference="live-one",
        status="pending",
        amount=payment.amount,
        currency=payment.currency,
    )
    headers = bearer(payment.user)

    async def play() -> None:
        said = await (await watch(payment, headers)).rest()
        assert said[-1] == {"event": "end", "data": {"reason": "time_limit"}}

    scenario(play)


def test_change_of_another_payment_is_not_told(monkeypatch):
    monkeypatch.setattr(stream, "HEARTBEAT", 0.3)
    payment = payment_of()
    other = payment_of(payment.user)
    headers = bearer(payment.user)

    async def play() -> None:
        watching = await watch(payment, headers)
        await watching.event()
        await elsewhere(changing(other, status="failed"))
        assert await watching.next() == HEARTBEAT
        await watching.close()

    scenario(play)


def test_known_state_is_not_repeated(monkeypatch):
    monkeypatch.setattr(stream, "HEARTBEAT", 0.2)
    payment = payment_of()
    headers = bearer(payment.user)

    async def play() -> None:
        first = await watch(payment, headers)
        known = (await first.event())["id"]
        await first.close()

        again = await watch(payment, headers | {"last-event-id": known})
        assert [await again.next(), await again.next()] == [RETRY, HEARTBEAT]
        await elsewhere(changing(payment, status="failed"))
        assert (await again.event())["data"]["status"] == "failed"
        await again.close()

    scenario(play)


def test_final_state_that_is_known_ends_the_stream_at_once():
    payment = payment_of(status="failed")
    headers = bearer(payment.user)

    async def play() -> None:
        known = (await (await watch(payment, headers)).event())["id"]
        again = await watch(payment, headers | {"last-event-id": known})
        assert await again.rest() == [RETRY, {"event": "end", "data": {"reason": "final"}}]

    scenario(play)


def test_change_that_nobody_told_of_is_found_at_the_heartbeat(monkeypatch):
    monkeypatch.setattr(stream, "HEARTBEAT", 0.3)
    payment = payment_of()
    headers = bearer(payment.user)

    async def play() -> None:
        watching = await watch(payment, headers)
        await watching.event()
        assert await watching.next() == HEARTBEAT  # the listener's own first notice is over
        await elsewhere(changing(payment, silently=True, status="failed"))
        assert (await watching.next())["data"]["status"] == "failed"
        await watching.close()

    scenario(play)


def test_change_while_the_listener_was_away_is_told_when_it_is_back():
    payment = payment_of()
    headers = bearer(payment.user)

    async def play() -> None:
        watching = await watch(payment, headers)
        await watching.event()
        upcoming = asyncio.ensure_future(watching.event())
        while not (backends := await elsewhere(listeners)):
            await asyncio.sleep(0.02)
        await elsewhere(partial(terminate, backends))
        await elsewhere(changing(payment, silently=True, method="card"))
        assert (await upcoming)["data"]["method"] == "card"
        await watching.close()

    scenario(play)


def test_stream_outlives_a_database_that_cannot_be_read(monkeypatch, caplog):
    monkeypatch.setattr(stream, "HEARTBEAT", 0.1)
    payment = payment_of()
    headers = bearer(payment.user)
    real, failures = stream._read, iter([True, True])

    def read(asked: stream.Watch) -> Any:
        if next(failures, False):
            raise OperationalError("the database is shutting down")
        return real(asked)

    monkeypatch.setattr(stream, "_read", read)

    async def play() -> None:
        watching = await watch(payment, headers)
        assert (await watching.event())["data"]["status"] == "pending"
        await watching.close()

    scenario(play)

    assert [record.message for record in caplog.records].count("stream_database_unavailable") == 2


# --- How long -----------------------------------------------------------------------------------------------------


def test_stream_ends_at_its_time_limit(monkeypatch):
    monkeypatch.setattr(stream, "LIFETIME", 0.3)
    payment = payment_of()
    headers = bearer(payment.user)

    async def play() -> None:
        said = await (await watch(payment, headers)).rest()
        assert said[1]["event"] == "payment"
        assert said[-1] == {"event": "end", "data": {"reason": "time_limit"}}

    scenario(play)


def test_stream_ends_with_the_access_token():
    payment = payment_of()
    headers = bearer(payment.user, exp=int(time.time()) + 1)

    async def play() -> None:
        said = await (await watch(payment, headers)).rest()
        assert said[1]["event"] == "payment"
        assert said[-1] == {"event": "end", "data": {"reason": "token_expired"}}

    scenario(play)


@pytest.mark.parametrize("blow", ["logged_out_everywhere", "blocked", "payment_of_somebody_else"])
def test_stream_ends_when_its_watcher_may_not_see_it_any_more(blow):
    payment = payment_of()
    headers = bearer(payment.user)
    stranger = UserFactory()

    def strike() -> None:
        if blow == "logged_out_everywhere":
            end_all_sessions(payment.user)
        elif blow == "blocked":
            User.objects.filter(pk=payment.user_id).update(is_active=False)
        else:
            Order.objects.filter(pk=payment.order_id).update(user=stranger)
        change(payment, method="card")

    async def play() -> None:
        watching = await watch(payment, headers)
        await watching.event()
        await elsewhere(strike)
        assert await watching.rest() == [{"event": "end", "data": {"reason": "gone"}}]

    scenario(play)


# --- For whom -----------------------------------------------------------------------------------------------------


@pytest.fixture
def refused() -> Callable[..., dict[str, Any]]:
    """Ask for a stream that is not given; return the only error, without its text for people."""

    def ask(path: str, user: User | None, expected: int) -> dict[str, Any]:
        headers = bearer(user) if user else {}

        async def play() -> Any:
            return await AsyncClient().get(path, headers=headers | {"accept": "text/event-stream"})

        answer = async_to_sync(play)()
        assert (answer.status_code, answer["Content-Type"]) == (expected, "application/json")
        body = answer.json()
        assert body["type"] == "client_error"
        (error,) = body["errors"]
        return {"code": error["code"], "retry": answer.headers.get("Retry-After")}

    return ask


def test_stream_of_somebody_else_is_not_found(refused):
    payment, stranger = payment_of(), UserFactory()

    assert refused(path_of(payment), stranger, 404) == {"code": "not_found", "retry": None}
    nobodys = "/api/payments/0198c0de-0000-7000-8000-000000000002/stream/"
    assert refused(nobodys, stranger, 404) == {"code": "not_found", "retry": None}
    assert slots._client().keys(f"*payment-streams:{stranger.pk}") == []


def test_stream_needs_somebody(refused):
    assert refused(path_of(payment_of()), None, 401)["code"] == "not_authenticated"


def test_session_of_the_shop_is_enough():
    payment = payment_of()
    client = AsyncClient()

    async def play() -> None:
        await client.aforce_login(payment.user)
        watching = Watching(await client.get(path_of(payment)))
        assert (await watching.event())["data"]["id"] == str(payment.pk)
        await watching.close()

    scenario(play)


def test_staff_with_the_right_watch_every_payment(refused):
    payment, helper = payment_of(), UserFactory(is_staff=True)
    assert refused(path_of(payment), helper, 404)["code"] == "not_found"
    helper.user_permissions.add(Permission.objects.get(codename="view_payment"))
    headers = bearer(helper)

    async def play() -> None:
        watching = await watch(payment, headers)
        assert (await watching.event())["data"]["id"] == str(payment.pk)
        await watching.close()

    scenario(play)


def test_fourth_stream_of_a_user_is_refused_until_one_is_closed(refused):
    payment = payment_of()
    others = payment_of()
    headers, other_headers = bearer(payment.user), bearer(others.user)

    async def play() -> None:
        three = [await watch(payment, headers) for _ in range(3)]
        for watching in three:
            await watching.event()
        fourth = await AsyncClient().get(path_of(payment), headers=headers)
        assert (fourth.status_code, fourth["Retry-After"]) == (429, "15")
        assert [error["code"] for error in fourth.json()["errors"]] == ["too_many_streams"]
        somebody_else = await watch(others, other_headers)

        await three[0].close()

        again = await watch(payment, headers)
        for watching in (*three, again, somebody_else):
            await watching.event() if watching is again else None
            await watching.close()

    scenario(play)


# --- Other methods, other servers ---------------------------------------------------------------------------------


def test_other_methods_answer_at_once():
    payment = payment_of()
    client = client_for(payment.user)

    head, options = client.head(path_of(payment)), client.options(path_of(payment))

    assert (head.status_code, head.content, head["Content-Type"]) == (200, b"", "text/event-stream")
    assert (options.status_code, options["Allow"]) == (200, "GET, HEAD, OPTIONS")
    assert client.post(path_of(payment), {}).status_code == 405
    assert client_for(UserFactory()).head(path_of(payment)).status_code == 404
    assert slots._client().keys(f"*payment-streams:{payment.user_id}") == []


def test_server_without_an_event_loop_tells_the_state_and_ends():
    payment = payment_of()
    client = client_for(payment.user)
    shown = client.get(f"/api/payments/{payment.pk}/").json()

    answer = client.get(path_of(payment))
    retry, event = (parse(text) for text in answer.content.split(b"\n\n")[:-1])
    again = client.get(path_of(payment), headers={"Last-Event-ID": event["id"]})
    change(payment, status="failed")
    after = client.get(path_of(payment), headers={"Last-Event-ID": event["id"]})

    assert (answer["Content-Type"], retry) == ("text/event-stream", RETRY)
    assert (event["event"], event["data"]) == ("payment", shown)
    assert again.content == b"retry: 3000\n\n"
    assert [parse(text).get("event") for text in after.content.split(b"\n\n")[:-1]] == [None, "payment", "end"]


def test_reading_takes_the_same_statements_for_any_number_of_attempts(django_assert_num_queries):
    payment = payment_of()
    asked = stream.Watch(payment.user_id, payment.user.session_epoch, payment.pk, "", 1.0, "time_limit")
    for number in range(3):
        PaymentAttempt.objects.create(
            payment=payment,
            provider="mpesa",
            method="mpesa",
            reference=f"try-{number}",
            status="failed",
            amount=payment.amount,
            currency=payment.currency,
        )

    with django_assert_num_queries(3):
        state = stream._read(asked)

    assert state is not None
