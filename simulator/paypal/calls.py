"""What every call to PayPal goes through: the token, the JSON, request ids, faults, ``Prefer``."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from simulator.deliveries import Deliveries
from simulator.documents import Document
from simulator.outbox import Outbox, Outgoing, without_prefix
from simulator.paypal.errors import PayPalError, TokenError, issue, unknown_token
from simulator.paypal.identifiers import new_debug_id
from simulator.paypal.models import Order, minimal
from simulator.paypal.orders import Orders
from simulator.paypal.request_ids import Outcome, RequestIds
from simulator.paypal.tokens import Tokens
from simulator.paypal.webhooks import twisted
from simulator.paypal.wire import answer, refuse, struck_by
from simulator.store import Store
from simulator.transport import Struck, prefix_of

Handler = Callable[[Request], Awaitable[Response]]
Views = dict[str, Callable[[str], Document]]
_HOUR = 3600.0


@dataclass(frozen=True)
class Call:
    """One request. ``path`` has the ids of its address."""

    body: dict[str, Any]
    raw: bytes
    path: dict[str, str]
    request_id: str
    base: str
    origin: str
    page: dict[str, str]  # the query
    debug_id: str


@dataclass(frozen=True)
class Done:
    """What a request did: a resource, which its view shows."""

    kind: str
    id: str
    status: int = 201


@dataclass(frozen=True)
class Job:
    """A request that can be carried out. ``run`` does it in one transaction, without waiting.

    It returns what it did, or an error where it did something and refuses all the same.
    """

    run: Callable[[Struck], Done | PayPalError]
    order: Order | None = None
    reference: str | None = None
    opens: bool = False  # then a payer waits


@dataclass(frozen=True)
class Reading:
    """What a request asks for, and the order that it belongs to."""

    document: Document
    order: Order | None = None


@dataclass(frozen=True)
class Rules:
    """How requests of one kind are treated."""

    stage: str
    kept_seconds: float = 0.0  # how long a PayPal-Request-Id is kept
    prefers: bool = True  # whether it knows the header Prefer
    busy_issue: str = ""  # of a request that comes while another one to the same address is at work


CREATE = Rules("paypal.create", 6 * _HOUR)
CAPTURE = Rules("paypal.capture", 6 * _HOUR, busy_issue="ORDER_COMPLETION_IN_PROGRESS")
REFUND = Rules("paypal.refund", 45 * 24 * _HOUR)
PAYOUT = Rules("paypal.payout", 30 * 24 * _HOUR, prefers=False)


class Calls:
    def __init__(
        self, store: Store, deliveries: Deliveries, outbox: Outbox, tokens: Tokens, orders: Orders, *, views: Views
    ) -> None:
        self._store = store
        self._deliveries = deliveries
        self._outbox = outbox
        self._tokens = tokens
        self._orders = orders
        self._views = views
        self._request_ids = RequestIds(store)
        self._busy: set[str] = set()

    # --- reading

    def get(self, read: Callable[[Call], Reading], stage: str = "paypal.get") -> Handler:
        """Make the endpoint of a request that changes nothing, or nothing that needs care."""

        async def endpoint(request: Request) -> Response:
            debug_id = new_debug_id()
            try:
                call = await self._read(request, debug_id)
                reading = read(call)
                faults = self._orders.draw(stage, reading.order, None)
                struck = struck_by(stage, faults, debug_id)
                self._strike_token(stage, struck)
                if instead := await struck.instead():
                    return instead
                if struck.get("paypal_get_missing"):
                    raise issue("INVALID_RESOURCE_ID")
                document = read(call).document  # a wait may be over
            except (PayPalError, TokenError) as error:
                return refuse(error, debug_id)
            if struck.get("paypal_get_stale") and document.get("status") == "COMPLETED":
                document = _before_capture(document)
            document = twisted(document, without_prefix(faults, "paypal_get"))
            return await struck.answer(answer(document, debug_id))

        return endpoint

    def write(self, work: Callable[[Call], tuple[Document | None, int]]) -> Handler:
        """Make the endpoint of a request that changes something of little weight: no faults but those of notify."""
        stage = "paypal.notify"

        async def endpoint(request: Request) -> Response:
            debug_id = new_debug_id()
            try:
                call = await self._read(request, debug_id)
                struck = struck_by(stage, self._orders.draw(stage, None, None), debug_id)
                self._strike_token(stage, struck)
                if instead := await struck.instead():
                    return instead
                with self._outbox.sent_at_once():
                    body, status = work(call)
            except (PayPalError, TokenError) as error:
                return refuse(error, debug_id)
            return await struck.answer(answer(body, debug_id, status))

        return endpoint

    # --- writing

    def post(self, prepare: Callable[[Call], Job], rules: Rules) -> Handler:
        """Make the endpoint of a request that moves money or an order."""

        async def endpoint(request: Request) -> Response:
            debug_id = new_debug_id()
            shown = partial(self._shown, full=not rules.prefers or "return=representation" in _preference(request))
            operation = f"{rules.stage}:{request.url.path}"
            request_id = ""
            try:
                call = await self._read(request, debug_id)
                if call.request_id and (known := self._request_ids.begin(operation, call.request_id)):
                    return self._repeated(known, shown, debug_id)
                request_id = call.request_id  # taken from here on
                _strike_mock(request)
                return await self._carry_out(call, prepare(call), rules, operation, shown)
            except (PayPalError, TokenError) as error:  # refused before anything was done, so nothing is kept
                return refuse(error, debug_id)
            finally:
                self._request_ids.end(operation, request_id)

        return endpoint

    async def _carry_out(
        self, call: Call, job: Job, rules: Rules, operation: str, shown: Callable[[str, str], Document]
    ) -> Response:
        if rules.busy_issue and operation in self._busy:
            raise issue(rules.busy_issue)
        stage, prefix = rules.stage, prefix_of(rules.stage)
        faults = self._orders.draw(stage, job.order, job.reference)
        struck = struck_by(stage, faults, call.debug_id)
        if job.order:
            self._orders.attach(job.order, tuple(fault for fault in faults if not fault.name.startswith(prefix)))
        self._busy.add(operation)
        try:
            self._strike_token(stage, struck)
            if instead := await struck.instead():
                return instead
            if struck.get(f"{prefix}409"):
                raise issue("PREVIOUS_REQUEST_IN_PROGRESS")
            if refused := struck.get(f"{prefix}issue"):
                raise issue(refused.parameters["issue"])
            with self._outbox.transaction():
                done = job.run(struck)
                outgoing = self._outbox.take()
                outcome = _outcome(done, call.debug_id)
                if call.request_id:
                    self._request_ids.keep(operation, call.request_id, outcome, rules.kept_seconds)
        finally:
            self._busy.discard(operation)
        self._request_ids.end(operation, call.request_id)  # kept by now: what strikes from here is on the wire
        if isinstance(done, PayPalError):
            right = refuse(done, call.debug_id)
        else:
            body = twisted(shown(done.kind, done.id), without_prefix(faults, prefix.removesuffix("_")))
            right = answer(body, call.debug_id, done.status)
        return await self._answer(job, done, right, outgoing, struck)

    async def _answer(
        self, job: Job, done: Done | PayPalError, right: Response, outgoing: list[Outgoing], struck: Struck
    ) -> Response:
        opened = done.id if job.opens and isinstance(done, Done) else ""

        def go_on() -> None:
            self._outbox.send(outgoing)
            if opened:
                self._orders.on_opened(opened)

        waiting: Callable[[], Awaitable[None]] | None = None
        for entry in outgoing:
            if entry.early_seconds is not None:
                waiting = partial(self._deliveries.wait_for_first, entry.plan.payment_id, entry.early_seconds)
        return await struck.answer(right, go_on, waiting)

    # --- parts

    def _repeated(self, known: Outcome, shown: Callable[[str, str], Document], debug_id: str) -> Response:
        """Answer a repeat: with the latest state of what the first request did, or with its refusal."""
        if known.refusal:
            return answer({**known.refusal["body"], "debug_id": debug_id}, debug_id, known.refusal["status"])
        return answer(shown(known.kind, known.resource_id), debug_id, 200)

    def _shown(self, kind: str, resource_id: str, *, full: bool) -> Document:
        view = self._views[kind](resource_id)
        return view if full else minimal(view)

    def _strike_token(self, stage: str, struck: Struck) -> None:
        if struck.get(f"{prefix_of(stage)}token_expired"):
            self._tokens.expire_all()
            raise unknown_token()

    async def _read(self, request: Request, debug_id: str) -> Call:
        self._tokens.check(request)
        raw = await request.body()
        address = urlsplit(str(request.base_url))
        origin = f"{address.scheme}://{address.netloc}"
        return Call(
            body=_json_object(request, raw) if request.method == "POST" else {},
            raw=raw,
            path=dict(request.path_params),
            request_id=request.headers.get("paypal-request-id", ""),
            base=f"{origin}{request.scope['root_path']}",
            origin=origin,
            page=dict(request.query_params),
            debug_id=debug_id,
        )

    def clear(self) -> None:
        self._request_ids.clear()


def _outcome(done: Done | PayPalError, debug_id: str) -> Outcome:
    if isinstance(done, PayPalError):
        return Outcome("", "", {"status": done.status, "body": done.body(debug_id)})
    return Outcome(done.kind, done.id)


def _preference(request: Request) -> str:
    return request.headers.get("prefer", "").replace(" ", "").lower()


def _json_object(request: Request, raw: bytes) -> dict[str, Any]:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "multipart/form-data" and request.url.path.endswith("/provide-evidence"):
        return {}  # files, which nobody looks at
    if content_type != "application/json":
        raise PayPalError(415)
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise issue("MALFORMED_REQUEST_JSON") from error
    if not isinstance(body, dict):
        raise issue("MALFORMED_REQUEST_JSON")
    return body


def _strike_mock(request: Request) -> None:
    """Refuse with the issue that a merchant's negative test wants. Source: PayPal documentation, Negative testing."""
    header = request.headers.get("paypal-mock-response")
    if header is None:
        return
    try:
        wanted = json.loads(header)["mock_application_codes"]
    except (ValueError, KeyError, TypeError) as error:
        raise issue("INVALID_PARAMETER_SYNTAX", field="PayPal-Mock-Response", value=header) from error
    raise issue(str(wanted))


def _before_capture(order: Document) -> Document:
    units = [{name: value for name, value in unit.items() if name != "payments"} for unit in order["purchase_units"]]
    return {**order, "status": "APPROVED", "purchase_units": units}
