"""What every call to Stripe goes through: the key, the form, idempotency, faults, expansion."""

import asyncio
import base64
import binascii
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from simulator.deliveries import Deliveries
from simulator.documents import Document
from simulator.forms import BadForm, parse_form
from simulator.outbox import Outgoing
from simulator.settings import StripeSettings
from simulator.store import Store
from simulator.stripe.errors import StripeError, invalid, no_such, server_error, unauthorized
from simulator.stripe.events import Events
from simulator.stripe.expanding import Expander
from simulator.stripe.fields import Fields
from simulator.stripe.idempotency import IdempotencyKeys
from simulator.stripe.identifiers import new_request_id
from simulator.stripe.payments import Payment, Payments
from simulator.stripe.webhooks import twisted
from simulator.stripe.wire import API_VERSION, Answer, Caller, Struck, strike_after, strike_before

Handler = Callable[[Request], Awaitable[Response]]
_VERSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(\.[a-z_]+)?")
_FORM_TYPES = ("", "application/x-www-form-urlencoded")


@dataclass(frozen=True)
class Call:
    """One request. ``path`` has the ids of its address."""

    caller: Caller
    fields: Fields
    form: dict[str, Any]
    path: dict[str, str]
    url: str
    origin: str
    expand: list[str]


@dataclass(frozen=True)
class Job:
    """A request that can be carried out. ``run`` does it in one transaction, without waiting.

    The payment is the one whose kept faults strike; ``reference`` is the merchant's own, where there is none yet.
    """

    run: Callable[[Struck], Answer]
    payment: Payment | None = None
    reference: str | None = None
    then: Callable[[Answer], None] | None = None  # once the merchant has the answer


@dataclass(frozen=True)
class Reading:
    """What a request asks for, and the payment that it belongs to."""

    document: Document
    payment: Payment | None = None
    kind: str = field(default="object")


class Calls:
    def __init__(
        self,
        settings: StripeSettings,
        store: Store,
        deliveries: Deliveries,
        *,
        events: Events,
        payments: Payments,
        expander: Expander,
    ) -> None:
        self._key = settings.secret_key
        self._store = store
        self._deliveries = deliveries
        self._events = events
        self._outbox = events.outbox
        self._payments = payments
        self._expander = expander
        self._keys = IdempotencyKeys(store)

    # --- reading

    def get(self, read: Callable[[Call], Reading], stage: str = "retrieve") -> Handler:
        """Make the endpoint of a request that changes nothing."""

        async def endpoint(request: Request) -> Response:
            caller = Caller(new_request_id())
            try:
                caller = self._authenticate(request)
                call = await self._read(request, caller, request.url.query)
                reading = read(call)
                struck = Struck(stage, self._payments.draw(stage, reading.payment, None))
                if reading.payment:
                    self._payments.attach(reading.payment, struck.rest)
                if instead := strike_before(caller, struck):
                    return instead
                if hang := struck.get("hang"):
                    await asyncio.sleep(hang.parameters["seconds"])
                    reading = read(call)
                if struck.get("missing"):
                    raise no_such(reading.kind, reading.document["id"])
                document = self._expander.expand(_as_told(reading.document, struck), call.expand)
            except StripeError as error:
                return caller.refuse(error)
            return strike_after(caller, struck) or caller.answer(document)

        return endpoint

    # --- writing

    def post(self, prepare: Callable[[Call], Job], stage: str | None = None) -> Handler:
        """Make the endpoint of a request that changes something. Without a stage no faults strike it."""

        async def endpoint(request: Request) -> Response:
            caller = Caller(new_request_id())
            try:
                caller = self._authenticate(request)
                call = await self._read(request, caller, await _form_text(request))
                if key := caller.idempotency_key:
                    kept = self._keys.begin(key, call.url, call.form)
                    if kept:
                        replayed = {"Idempotent_Replayed": "true", "Original_Request": kept.request_id}
                        return caller.answer(kept.body, kept.status, **replayed)
            except StripeError as error:
                return caller.refuse(error)
            try:
                return await self._carry_out(call, prepare, stage)
            except StripeError as error:  # refused before anything was done, so nothing is kept
                return caller.refuse(error)
            finally:
                self._keys.end(caller.idempotency_key)

        return endpoint

    async def _carry_out(self, call: Call, prepare: Callable[[Call], Job], stage: str | None) -> Response:
        job = prepare(call)
        faults = self._payments.draw(stage, job.payment, job.reference) if stage else ()
        struck = Struck(stage or "", faults)
        if job.payment:
            self._payments.attach(job.payment, struck.rest)
        if instead := strike_before(call.caller, struck):
            return instead
        if hang := struck.get("hang_before"):
            await asyncio.sleep(hang.parameters["seconds"])
        answer, outgoing = self._run(call, job, struck)
        self._keys.end(call.caller.idempotency_key)  # kept by now: what strikes from here is on the wire
        return await self._answer(call, job, answer, outgoing, struck)

    def _run(self, call: Call, job: Job, struck: Struck) -> tuple[Answer, list[Outgoing]]:
        """Do the job and keep its answer, both or neither. A refusal is kept as well: the work had begun."""
        caller = call.caller
        outgoing: list[Outgoing] = []
        self._events.caller = caller
        try:
            with self._outbox.transaction():
                answer = job.run(struck)
                if answer.status == 200:
                    answer = Answer(self._expander.expand(answer.body, call.expand), opened=answer.opened)
                outgoing = self._outbox.take()
                self._keep(caller, answer, struck)
        except StripeError as error:
            answer = Answer(error.body(caller.request_id), error.status)
            self._keep(caller, answer, struck)
        finally:
            self._events.caller = None
        return answer, outgoing

    def _keep(self, caller: Caller, answer: Answer, struck: Struck) -> None:
        if not caller.idempotency_key:
            return
        broken = struck.get("500_after")
        if broken and broken.parameters["kept"]:
            answer = Answer(server_error().body(caller.request_id), 500)
        self._keys.keep(caller.idempotency_key, caller.request_id, answer.status, answer.body)

    async def _answer(self, call: Call, job: Job, answer: Answer, outgoing: list[Outgoing], struck: Struck) -> Response:
        right = call.caller.answer(answer.body, answer.status)
        early, hang, instead = (
            self._early(answer, outgoing),
            struck.get("hang_after"),
            strike_after(call.caller, struck),
        )

        def go_on() -> None:
            self._outbox.send(outgoing)
            if job.then:
                job.then(answer)

        if not (early or hang or instead):
            # Without a fault the merchant has the answer before anything else happens to the payment.
            right.background = BackgroundTask(_do, go_on)
            return right
        go_on()
        if early:
            payment_id, seconds = early
            await self._deliveries.wait_for_first(payment_id, seconds)
        if hang:
            await asyncio.sleep(hang.parameters["seconds"])
        return instead or right

    def _early(self, answer: Answer, outgoing: list[Outgoing]) -> tuple[str, float] | None:
        """Return the payment whose webhook is to be out before the answer, and how long to wait for it."""
        for entry in outgoing:
            if entry.early_seconds is not None:
                return entry.plan.payment_id, entry.early_seconds
        if answer.opened and (early := self._payments.get(answer.opened).fault("stripe_webhook_early")):
            return answer.opened, early.parameters["seconds"]
        return None

    # --- parts

    def _authenticate(self, request: Request) -> Caller:
        version = request.headers.get("stripe-version", API_VERSION)
        caller = Caller(new_request_id(), version, request.headers.get("idempotency-key", ""))
        if request.method == "GET":
            caller = Caller(caller.request_id, version)
        given = _given_key(request.headers.get("authorization", ""))
        if not given:
            raise unauthorized(
                "You did not provide an API key. You need to provide your API key in the Authorization header, using"
                " Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://docs.stripe.com/api#authenti"
                "cation for details, or we can help at https://support.stripe.com/."
            )
        if given != self._key:
            raise unauthorized(f"Invalid API Key provided: {given[:8]}{'*' * max(0, len(given) - 12)}{given[-4:]}")
        if not _VERSION.fullmatch(version):
            raise invalid(f"Invalid Stripe API version: {version}")
        return caller

    async def _read(self, request: Request, caller: Caller, text: str) -> Call:
        try:
            form = parse_form(text)
        except BadForm as error:
            raise invalid(f"Invalid request: {error}.") from error
        fields = Fields(form)
        address = urlsplit(str(request.base_url))
        return Call(
            caller=caller,
            fields=fields,
            form=form,
            path=dict(request.path_params),
            url=request.url.path,
            origin=f"{address.scheme}://{address.netloc}",
            expand=fields.texts("expand"),
        )

    def clear(self) -> None:
        self._keys.clear()


def _given_key(header: str) -> str:
    scheme, _, given = header.partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(given.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


async def _form_text(request: Request) -> str:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        text = (await request.body()).decode()
    except UnicodeDecodeError as error:
        raise invalid("Invalid request: the body is not UTF-8.") from error
    if content_type not in _FORM_TYPES and text:
        raise invalid(
            "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have any"
            " questions, we can help at https://support.stripe.com/."
        )
    return text


def _as_told(document: Document, struck: Struck) -> Document:
    """Return a document as the faults want it told: twisted, or found by a search too early."""
    lags = struck.get("search_lags")
    if lags and document["object"] == "search_result":
        known = time.time() - lags.parameters["seconds"]
        document = {**document, "data": [found for found in document["data"] if found["created"] < known]}
    return twisted(document, struck.faults)


async def _do(work: Callable[[], None]) -> None:
    work()  # on the event loop: a plain function would be run in a thread
