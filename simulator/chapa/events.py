"""Chapa's webhooks and the call of ``callback_url``: signing them, and the plans by which they go out."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from simulator.chapa.models import Payment
from simulator.chapa.wire import Fields
from simulator.deliveries import Callback, Deliveries, Plan, Step
from simulator.faults import Fault
from simulator.webhooks import Outgoing

PROVIDER = "chapa"
CONSTANT, PAYLOAD = "chapa-signature", "x-chapa-signature"
# Every 10 minutes, 10 tries in all. Source: Chapa documentation, Webhooks.
RETRIES = (600.0,) * 9
_PREFIX = "chapa_webhook"


def sign(secret: str, message: str) -> str:
    """Return the HMAC-SHA256 under the secret hash, in lower-case hex."""
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


def compact(data: Fields) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def php(data: Fields) -> str:
    """Return JSON as PHP writes it: slashes and all but ASCII escaped."""
    return json.dumps(data, separators=(",", ":")).replace("/", r"\/")


@dataclass(frozen=True)
class Signed:
    """Which signatures a webhook bears, and over what."""

    constant: str | None
    payload: str | None


class Events:
    """``address`` says where webhooks go at the moment; empty: nowhere, and none is recorded."""

    def __init__(self, secret: str, deliveries: Deliveries, address: Callable[[], str]) -> None:
        self._secret = secret
        self._deliveries = deliveries
        self._address = address

    def finished(
        self, payment: Payment, data: Fields, contrary: Fields, *, status: str, calls_back: bool = True
    ) -> None:
        """Tell the merchant how a payment ended. ``contrary`` is what faults say beside it."""
        struck = {fault.name: fault for fault in payment.faults}
        steps: tuple[Step, ...] = ()
        overtake: float | None = None
        if self._address():
            other = (self._webhook(contrary, struck, note="not what happened"),)
            plan = Outgoing(
                PROVIDER,
                payment.reference,
                _PREFIX,
                self._webhook(data, struck),
                struck,
                before=other if f"{_PREFIX}_success_after_failure" in struck and status == "success" else (),
                after=other if f"{_PREFIX}_failure_after_success" in struck and status == "success" else (),
            ).plan()
            steps, overtake = plan.steps, plan.overtake_seconds
        if calls_back and payment.callback_url:
            steps = _with_callback(steps, _call(payment, status, struck), struck)
        if steps:
            self._start(Plan(PROVIDER, payment.reference, steps, overtake))

    def send(self, payment_id: str, data: Fields, *, prefix: str, faults: Iterable[Fault] = ()) -> None:
        """Send an event about a refund or a transfer, with the faults whose names have this prefix."""
        if not self._address():
            return
        struck = {fault.name: fault for fault in faults}
        secret = "another-secret" if f"{prefix}_bad_signature" in struck else self._secret
        body = compact(data)
        callback = self._callback(body, Signed(sign(secret, secret), sign(secret, body)), RETRIES)
        self._start(Outgoing(PROVIDER, payment_id, prefix, callback, struck).plan())

    def send_forged(self, payment: Payment, data: Fields) -> None:
        """Send what somebody can who has seen one delivery: its constant is right, no payload's signature is."""
        for name, payload in (
            (f"{_PREFIX}_forged", sign("guessed", compact(data))),
            (f"{_PREFIX}_forged_constant", None),
        ):
            if payment.fault(name) and self._address():
                signed = Signed(sign(self._secret, self._secret), payload)
                forged = replace(self._callback(compact(data), signed, ()), note=name)
                self._start(Plan(PROVIDER, payment.reference, (Step((forged,)),)))

    async def wait_for_first(self, payment_id: str, seconds: float) -> None:
        """Wait until a payment's first webhook is through."""
        if self._address():
            await self._deliveries.wait_for_first(payment_id, seconds)

    def _webhook(self, data: Fields, struck: dict[str, Fault], note: str = "") -> Callback:
        secret = "another-secret" if f"{_PREFIX}_bad_signature" in struck else self._secret
        of_compact = f"{_PREFIX}_signed_compact" in struck
        body = php(data) if of_compact or f"{_PREFIX}_escaped" in struck else compact(data)
        signed = Signed(sign(secret, secret), sign(secret, compact(data) if of_compact else body))
        if f"{_PREFIX}_only_constant" in struck:
            signed = replace(signed, payload=None)
        elif f"{_PREFIX}_only_payload" in struck:
            signed = replace(signed, constant=None)
        elif f"{_PREFIX}_payload_in_constant" in struck:
            signed = Signed(constant=signed.payload, payload=None)
        return replace(self._callback(body, signed, RETRIES), note=note)

    def _callback(self, body: str, signed: Signed, retries: tuple[float, ...]) -> Callback:
        headers = {"Content-Type": "application/json"}
        for name, signature in ((CONSTANT, signed.constant), (PAYLOAD, signed.payload)):
            if signature is not None:
                headers[name] = signature
        return Callback(self._address(), headers, body, retries=retries)

    def _start(self, plan: Plan) -> None:
        self._deliveries.start(plan, self._deliveries.record(plan))


def _call(payment: Payment, status: str, struck: dict[str, Fault]) -> Callback:
    """Return the call of ``callback_url``: a GET that nobody signs."""
    name = "tx_ref" if "chapa_callback_tx_ref" in struck else "trx_ref"
    about = {name: payment.tx_ref, "ref_id": payment.reference, "status": status}
    note = ", ".join(fault for fault in struck if fault.startswith("chapa_callback_")) or "callback_url"
    lost = "chapa_callback_lost" in struck
    if "chapa_callback_json" in struck:
        headers = {"Content-Type": "application/json"}
        return Callback(payment.callback_url, headers, compact(about), note, lost, method="GET")
    mark = "&" if "?" in payment.callback_url else "?"
    return Callback(f"{payment.callback_url}{mark}{urlencode(about)}", {}, "", note, lost, method="GET")


def _with_callback(steps: tuple[Step, ...], call: Callback, struck: dict[str, Fault]) -> tuple[Step, ...]:
    """Put the call beside the webhook, or where a fault wants it."""
    if "chapa_callback_last" in struck:
        return (*steps, Step((call,)))
    if not steps or "chapa_callback_first" in struck or steps[0].delay:
        return (Step((call,)), *steps)
    return (Step((*steps[0].callbacks, call)), *steps[1:])
