"""PayPal's webhooks as they go out to the merchant, faults included."""

import json
import time
import uuid
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from simulator.deliveries import Callback
from simulator.documents import Document
from simulator.faults import Fault
from simulator.outbox import EventFaults
from simulator.paypal.certificates import Certificates, signed_text
from simulator.paypal.identifiers import new_resource_id, timestamp
from simulator.paypal.money import money, smallest_unit

CERTIFICATES_PATH = "/v1/notifications/certs"
# Up to 25 tries over 3 days.
RETRY_SECONDS = (60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, *(14_400.0,) * 17)
_MONEY = {"currency_code", "value"}


@dataclass(frozen=True)
class Webhook:
    """An address of the merchant's, and the id that its signatures are for."""

    id: str
    url: str
    event_types: tuple[str, ...]

    def wants(self, event_type: str) -> bool:
        return "*" in self.event_types or event_type in self.event_types


def callback(event: Document, webhook: Webhook, faults: EventFaults) -> Callback:
    told = {**event, "resource": twisted(event["resource"], faults)}
    if "empty_objects" in faults:
        told["resource"] = _hard_to_parse(told["resource"])
    body = json.dumps(told, separators=(",", ":"))
    seal = _seal(webhook, faults, _base(event))
    if "tampered" in faults:
        changed = {**told, "resource": with_amounts(told["resource"], faults["tampered"])}
        seal["over"], body = body, json.dumps(changed, separators=(",", ":"))
    return Callback(
        url=webhook.url,
        headers={"Content-Type": "application/json", "User-Agent": "PayPal/AUHD-1.0-1"},
        body=body,
        note=", ".join([event["event_type"], *faults]),
        lost="lost" in faults,
        retries=RETRY_SECONDS,
        seal="" if "unsigned" in faults else json.dumps(seal),
    )


def _seal(webhook: Webhook, faults: EventFaults, base: str) -> Document:
    """Say how a webhook is to be signed when it is sent."""
    offset = 0.0
    if old := faults.get("old_time"):
        offset = -old.parameters["seconds"]
    elif future := faults.get("future_time"):
        offset = future.parameters["seconds"]
    foreign = faults.get("foreign_cert_url")
    return {
        "webhook_id": new_resource_id() if "other_webhook_id" in faults else webhook.id,
        "offset": offset,
        "base": f"https://{foreign.parameters['host']}" if foreign else base,
        "forged": foreign is not None or "forged" in faults,
    }


class Sealer:
    """Signs each try to deliver a webhook, with its own transmission id and the time of its sending."""

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates

    def headers(self, seal: str, body: str) -> dict[str, str]:
        wanted = json.loads(seal)
        transmission_id, moment = str(uuid.uuid4()), timestamp(time.time() + wanted["offset"])
        signed = signed_text(transmission_id, moment, wanted["webhook_id"], wanted.get("over", body).encode())
        sign = self._certificates.sign_with_another_key if wanted["forged"] else self._certificates.sign
        return {
            "Paypal-Transmission-Id": transmission_id,
            "Paypal-Transmission-Time": moment,
            "Paypal-Transmission-Sig": sign(signed),
            "Paypal-Cert-Url": f"{wanted['base']}{CERTIFICATES_PATH}/{self._certificates.current_id()}",
            "Paypal-Auth-Algo": "SHA256withRSA",
            "Paypal-Auth-Version": "v2",
        }


def _base(event: Document) -> str:
    """Return where the merchant reaches the simulator, and so the certificate."""
    link: str = event["links"][0]["href"]
    return link.partition("/v1/notifications/")[0]


def twisted(document: Document, faults: EventFaults) -> Document:
    """Return a document as the faults of these names tell it: wrong_amount, wrong_currency."""
    told = deepcopy(document)
    if wrong := faults.get("wrong_amount"):
        told = with_amounts(told, wrong)
    if wrong := faults.get("wrong_currency"):
        told = _with_currency(told, wrong.parameters["currency"])
    return told


def with_amounts(document: Any, wrong: Fault) -> Any:
    """Return a document in which every amount of money is wrong."""
    if isinstance(document, list):
        return [with_amounts(item, wrong) for item in document]
    if not isinstance(document, dict):
        return document
    if set(document) >= _MONEY:
        currency = document["currency_code"]
        unit = smallest_unit(currency)
        given: int | None = wrong.parameters.get("amount")
        value = Decimal(document["value"])
        other = given * unit if given else (value - unit if value > unit else value + unit)
        return {**document, **money(other, currency)}
    return {name: with_amounts(value, wrong) for name, value in document.items()}


def _with_currency(document: Any, currency: str) -> Any:
    if isinstance(document, list):
        return [_with_currency(item, currency) for item in document]
    if not isinstance(document, dict):
        return document
    changed = {name: _with_currency(value, currency) for name, value in document.items()}
    return {**changed, "currency_code": currency} if "currency_code" in changed else changed


def _hard_to_parse(resource: Document) -> Document:
    """Add what many a JSON library writes in another way than it has read it."""
    more = {"breakdown": {}, "supplementary_items": [], "exchange_rate": 1.0, "note": "caf\u00e9 <a href='/'>"}
    return {**more, **resource}
