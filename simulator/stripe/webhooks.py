"""Webhooks as they go out to the merchant's endpoints, faults included."""

import json
import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

from simulator.deliveries import Callback
from simulator.documents import Document
from simulator.faults import Fault
from simulator.outbox import EventFaults
from simulator.stripe.signatures import signature, signature_header

# Pauses in a sandbox: three more tries over a few hours.
RETRY_SECONDS = (600.0, 3600.0, 7200.0)
_OTHER_SECRET = "whsec_somebody_else"  # noqa: S105 - it signs what must not be believed
_AMOUNTS = ("amount", "amount_received", "amount_captured", "amount_total", "amount_subtotal")


@dataclass(frozen=True)
class Endpoint:
    url: str
    secret: str
    enabled_events: tuple[str, ...]

    def wants(self, event_type: str) -> bool:
        return "*" in self.enabled_events or event_type in self.enabled_events


def callbacks(event: Document, endpoints: Sequence[Endpoint], faults: EventFaults) -> list[Callback]:
    return [_callback(event, endpoint, faults) for endpoint in endpoints if endpoint.wants(event["type"])]


def _callback(event: Document, endpoint: Endpoint, faults: EventFaults) -> Callback:
    wrong = twisted(event["data"]["object"], faults)
    told = {**event, "livemode": wrong.get("livemode", event["livemode"]), "data": {**event["data"], "object": wrong}}
    body = json.dumps(told, indent=2)  # as Stripe sends it, over many lines
    seal = _seal(endpoint.secret, faults)
    if "tampered" in faults:
        changed = {**told, "data": {**told["data"], "object": _with_amounts(wrong, faults["tampered"])}}
        seal["over"], body = body, json.dumps(changed, indent=2)
    return Callback(
        url=endpoint.url,
        headers={
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        },
        body=body,
        note=", ".join([event["type"], *faults]),
        lost="lost" in faults,
        retries=RETRY_SECONDS,
        seal="" if "unsigned" in faults else json.dumps(seal),
    )


def _seal(secret: str, faults: EventFaults) -> Document:
    """Say how a webhook is to be signed when it is sent."""
    offset = 0
    if old := faults.get("old_t"):
        offset = -int(old.parameters["seconds"])
    elif future := faults.get("future_t"):
        offset = int(future.parameters["seconds"])
    form = next((name for name in ("forged", "v0_only", "two_signatures") if name in faults), "right")
    return {"secret": secret, "offset": offset, "form": form}


def sealed_headers(seal: str, body: str) -> dict[str, str]:
    """Return the signature of a try to deliver: each one is signed anew, with the time of its sending."""
    wanted = json.loads(seal)
    secret, moment, body = wanted["secret"], int(time.time()) + wanted["offset"], wanted.get("over", body)
    header = signature_header(_OTHER_SECRET if wanted["form"] == "forged" else secret, moment, body)
    if wanted["form"] == "v0_only":
        header = f"t={moment},v0={signature(secret, moment, body)}"
    elif wanted["form"] == "two_signatures":
        header = f"{signature_header(_OTHER_SECRET, moment, body)},v1={signature(secret, moment, body)}"
    return {"Stripe-Signature": header}


def twisted(document: Document, faults: EventFaults) -> Document:
    """Return a document as the faults of these names tell it: wrong_amount, wrong_currency, wrong_livemode."""
    told = deepcopy(document)
    if wrong := faults.get("wrong_amount"):
        told = _with_amounts(told, wrong)
    if (wrong := faults.get("wrong_currency")) and "currency" in told:
        told["currency"] = wrong.parameters["currency"]
    if "wrong_livemode" in faults and "livemode" in told:
        told["livemode"] = not told["livemode"]
    return told


def _with_amounts(document: Document, wrong: Fault) -> Document:
    given: int | None = wrong.parameters.get("amount")
    changed = {
        name: given or (document[name] - 1 if document[name] > 1 else 2) for name in _AMOUNTS if document.get(name)
    }
    return {**document, **changed}
