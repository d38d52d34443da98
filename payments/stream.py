"""A payment as server-sent events, so that a frontend learns of the result as soon as it is committed."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import User
from ecommerce import slots, sse
from ecommerce.exceptions import DomainError
from ecommerce.http import version_of
from ecommerce.live import hub, in_database
from orders.guests.access import ORDER_TOKEN_HEADER, SignedInOrHolder, buyer_of
from orders.selectors import Buyer
from payments.models import Payment
from payments.selectors import payments_open_to
from payments.serializers import PaymentSerializer

logger = logging.getLogger(__name__)

CHANNEL = "payment"  # a trigger notifies with the payment's id when it, or an attempt of it, changes
HEARTBEAT = 15.0  # seconds; then the row is read again, whether or not a notice came
LIFETIME = 300.0  # seconds
MOST_PER_USER = 3
RETRY = 3000  # milliseconds


class TooManyStreams(DomainError):
    status_code = 429
    code = "too_many_streams"
    message = (
        f"At most {MOST_PER_USER} payments can be watched at the same time. Close another page, or ask again later."
    )
    wait = 15


@dataclass(frozen=True)
class Watch:
    """Who watches which payment, and for how long."""

    user_id: UUID | None  # None: a guest, who holds the link of ``order_id``
    session_epoch: int
    payment_id: UUID
    last_event_id: str
    seconds: float
    last_word: str  # why it ends after ``seconds``
    order_id: UUID | None = None


@dataclass(frozen=True)
class State:
    """A payment as it was read."""

    body: bytes  # the JSON of GET /api/payments/{id}/
    is_final: bool

    def news_since(self, event_id: str) -> bytes:
        """Return the event that tells of this state, or nothing to whoever knows it already."""
        return b"" if self.version == event_id else sse.event("payment", self.body, event_id=self.version)

    @property
    def version(self) -> str:
        return version_of(self.body)


class JsonWhateverIsAccepted(DefaultContentNegotiation):
    """An ``EventSource`` accepts events and nothing else, but its refusals are JSON like all others."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return JSONRenderer(), JSONRenderer.media_type


class PaymentStreamView(APIView):
    content_negotiation_class = JsonWhateverIsAccepted
    permission_classes = (SignedInOrHolder,)
    schema_tag = "payments"

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Return an asynchronous view: the door is the framework's, with its log-in and limits; events come after."""
        door = super().as_view(**initkwargs)

        @csrf_exempt
        @wraps(door)
        async def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            response: HttpResponseBase = await sync_to_async(door)(request, *args, **kwargs)
            return response

        return view

    @extend_schema(
        summary="Watch a payment",
        description=(
            "Server-sent events. `payment` carries the JSON of `GET /api/payments/{id}/`: at once, and again after "
            "each change. `end` is the last one, with a `reason`: `final` (nothing more will happen), `time_limit` "
            "(five minutes), `token_expired`, `gone`. A stream that breaks off without `end` is meant to be opened "
            "again, as an `EventSource` does by itself; after `end`, close it. At most three at a time."
        ),
        parameters=[
            ORDER_TOKEN_HEADER,
            OpenApiParameter(
                "Last-Event-ID",
                location=OpenApiParameter.HEADER,
                description="The `id` of the last event received; that state is not sent again.",
            ),
        ],
        responses={(200, sse.CONTENT_TYPE): OpenApiTypes.STR},
    )
    def get(self, request: Request, id: UUID) -> HttpResponseBase:
        watch = _watch(request, id)
        if not sse.can_stream(request._request):
            return HttpResponse(_told_at_once(watch), content_type=sse.CONTENT_TYPE)
        slot = slots.take("payment-streams", str(watch.user_id or watch.order_id), most=MOST_PER_USER)
        if slot is None:
            raise TooManyStreams()
        return sse.EventStream(_events(watch, slot))

    def head(self, request: Request, id: UUID) -> HttpResponseBase:
        _watch(request, id)
        return HttpResponse(content_type=sse.CONTENT_TYPE)


def _watch(request: Request, payment_id: UUID) -> Watch:
    """Return what the request asks for.

    Raises:
        NotFound: there is no such payment for them.
    """
    buyer = buyer_of(request)
    if not payments_open_to(buyer).filter(pk=payment_id).exists():
        raise NotFound()
    seconds, last_word = LIFETIME, "time_limit"
    token: Any = request.auth
    if token is not None:  # a session has none, and outlives the stream
        left = max(token["exp"] - time.time(), 0.0)
        if left < seconds:
            seconds, last_word = left, "token_expired"
    return Watch(
        user_id=buyer.user.pk if buyer.user else None,
        session_epoch=buyer.user.session_epoch if buyer.user else 0,
        payment_id=payment_id,
        last_event_id=request.headers.get("Last-Event-ID", ""),
        seconds=seconds,
        last_word=last_word,
        order_id=buyer.order_id,
    )


def _read(watch: Watch) -> State | None:
    """Read the payment; None when it is gone, or its watcher may not see it any more."""
    user = None
    if watch.user_id is not None:
        user = User.objects.filter(pk=watch.user_id, is_active=True, session_epoch=watch.session_epoch).first()
        if user is None:
            return None
    payment = payments_open_to(Buyer(user, watch.order_id)).filter(pk=watch.payment_id).first()
    if payment is None:
        return None
    is_live = any(attempt.is_live for attempt in payment.attempts.all())
    is_final = payment.status != Payment.Status.PENDING and not is_live
    return State(JSONRenderer().render(PaymentSerializer(payment).data), is_final)


async def _events(watch: Watch, slot: slots.Slot) -> AsyncGenerator[bytes, None]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + watch.seconds
    known = watch.last_event_id
    async with slot.kept():
        yield sse.retry(RETRY)
        with hub().subscribe(CHANNEL, str(watch.payment_id)) as changes:
            while True:
                try:
                    state = await in_database(partial(_read, watch))
                except (OperationalError, InterfaceError):
                    logger.warning("stream_database_unavailable")  # read again when it is back, or at the heartbeat
                else:
                    if state is None:
                        yield _end("gone")
                        return
                    if news := state.news_since(known):
                        yield news
                        known = state.version
                    if state.is_final:
                        yield _end("final")
                        return
                left = deadline - loop.time()
                if left <= 0:
                    yield _end(watch.last_word)
                    return
                if not await changes.wait(min(HEARTBEAT, left)):
                    yield sse.HEARTBEAT


def _told_at_once(watch: Watch) -> bytes:
    """Return a stream that ends after the current state, for a server without an event loop: its client polls."""
    state = _read(watch)
    if state is None:
        return _end("gone")
    return sse.retry(RETRY) + state.news_since(watch.last_event_id) + (_end("final") if state.is_final else b"")


def _end(reason: str) -> bytes:
    return sse.event("end", json.dumps({"reason": reason}).encode())
