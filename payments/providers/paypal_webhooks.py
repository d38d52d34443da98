"""What PayPal sends: who signed it, and what it is about.

The signature covers a CRC32 of the body, which is no cryptographic hash: whoever holds one signed delivery can make
another body that fits. So an event only ever makes us ask. Source: PayPal documentation, Webhooks, verification.
"""

import base64
import hashlib
import json
import logging
import re
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

from payments.exceptions import ForgedEvent, ProviderUnavailable, UnreadableEvent
from payments.providers.base import About, Notice
from payments.providers.events import event_object
from payments.providers.http import ProviderHttp
from payments.providers.paypal_client import PayPalClient
from payments.providers.paypal_reading import id_in_link, read_money
from payments.providers.values import iso_time, mapping, text

logger = logging.getLogger(__name__)

# PayPal sends an event again for three days, with a new time and signature each.
OLDEST = timedelta(days=4)
NEWEST = timedelta(minutes=10)

MAX_CERTIFICATE = 64 * 1024
CERTIFICATE_READ_TIMEOUT = 5.0
CERTIFICATE_KEPT = 24 * 3600  # seconds

_HEADERS = ("transmission-id", "transmission-time", "transmission-sig", "cert-url", "auth-algo")
# Narrow on purpose: an address that two parsers read differently is refused by none of them alone.
_CERTIFICATE_URL = re.compile(r"(https?)://([a-z0-9.-]+)(?::([0-9]{1,5}))?/[A-Za-z0-9/._-]{1,300}")

_EVENT_ID = re.compile(r"[A-Za-z0-9-]{1,100}")
_KIND = re.compile(r"[A-Z0-9._-]{1,100}")
_CAPTURE_EVENTS = {f"PAYMENT.CAPTURE.{what}" for what in ("COMPLETED", "PENDING", "DENIED", "DECLINED")}
_REFUND_EVENTS = {"PAYMENT.CAPTURE.REFUNDED", "PAYMENT.REFUND.PENDING", "PAYMENT.REFUND.FAILED"}


class CertificateNotFetched(ProviderUnavailable):
    """Nothing came from the certificate's address: no fault of the event's."""


# --- who sent it


def check_webhook(client: PayPalClient, headers: Mapping[str, str], body: bytes) -> bool:
    """Return True for what PayPal has signed within the last days.

    The certificate is fetched from PayPal and kept. When it cannot be fetched, PayPal's API is asked instead.

    Raises:
        ForgedEvent: it was not.
        ProviderUnavailable: neither way of checking works at the moment.
    """
    told = {name: headers.get(f"paypal-{name}", "") for name in _HEADERS}
    if not all(told.values()) or not settings.PAYPAL["WEBHOOK_ID"]:
        raise ForgedEvent("a header is missing")
    if told["auth-algo"] != "SHA256withRSA":
        raise ForgedEvent("signed in another way")
    _check_time(told["transmission-time"])
    _check_address(told["cert-url"])
    try:
        certificate = _certificate(told["cert-url"])
    except CertificateNotFetched:
        logger.warning("paypal_certificate_not_fetched")
        return _check_by_api(client, told, body)
    _check_signature(certificate, told, body)
    return True


def signed_text(transmission_id: str, transmission_time: str, webhook_id: str, body: bytes) -> bytes:
    return f"{transmission_id}|{transmission_time}|{webhook_id}|{zlib.crc32(body) & 0xFFFFFFFF}".encode()


def _check_time(told: str) -> None:
    at, now = iso_time(told), datetime.now(UTC)
    if at is None or not now - OLDEST <= at <= now + NEWEST:
        raise ForgedEvent("sent at another time")


def _check_address(url: str) -> None:
    """Refuse an address that is not PayPal's: anyone could have us fetch and trust a certificate of his own."""
    parts = _CERTIFICATE_URL.fullmatch(url)
    if parts is None:
        raise ForgedEvent("the certificate's address is none")
    scheme, host, port = parts.groups()
    if host in settings.PAYPAL["CERTIFICATE_HOSTS"] or f"{host}:{port}" in settings.PAYPAL["CERTIFICATE_HOSTS"]:
        return  # a simulator's, which has neither PayPal's name nor https
    is_paypal = host == "paypal.com" or host.endswith(".paypal.com")
    if scheme != "https" or not is_paypal or port not in (None, "443"):
        raise ForgedEvent("the certificate's address is not PayPal's")


def _check_signature(certificate: x509.Certificate, told: Mapping[str, str], body: bytes) -> None:
    now = datetime.now(UTC)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise ForgedEvent("the certificate is not valid now")
    try:
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            raise ForgedEvent("the certificate holds another kind of key")
        signature = base64.b64decode(told["transmission-sig"], validate=True)
        signed = signed_text(told["transmission-id"], told["transmission-time"], settings.PAYPAL["WEBHOOK_ID"], body)
        key.verify(signature, signed, PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, UnsupportedAlgorithm, ValueError) as error:
        raise ForgedEvent("the signature is wrong") from error


def _certificate(url: str) -> x509.Certificate:
    """Return the certificate at an address of PayPal's; what is there never changes.

    Raises:
        CertificateNotFetched: it is not known yet, and nothing came.
        ForgedEvent: something else is there.
    """
    key = f"paypal-certificate:{hashlib.sha256(url.encode()).hexdigest()}"
    pem = _cached(key)
    if pem is not None:
        return x509.load_pem_x509_certificates(pem)[0]
    pem = _fetch(url)
    try:
        certificate = x509.load_pem_x509_certificates(pem)[0]  # the others are those that vouch for it
    except (ValueError, IndexError) as error:
        raise ForgedEvent("the certificate is none") from error
    try:
        cache.set(key, pem, timeout=CERTIFICATE_KEPT)
    except RedisError:
        logger.warning("certificate_cache_unavailable")
    return certificate


def _cached(key: str) -> bytes | None:
    try:
        pem: bytes | None = cache.get(key)
    except RedisError:
        return None
    return pem


def _fetch(url: str) -> bytes:
    # A name of its own: whoever sends us bad addresses must not stop our calls to PayPal, breaker and all.
    http = ProviderHttp("paypal-certificates", "")
    try:
        answer = http.send("GET", url, headers={"Accept": "*/*"}, read_timeout=CERTIFICATE_READ_TIMEOUT)
    except ProviderUnavailable as error:
        raise CertificateNotFetched(str(error)) from error
    if answer.status == 429 or answer.status >= 500:
        raise CertificateNotFetched(f"answered {answer.status}")
    if answer.status != 200 or len(answer.raw) > MAX_CERTIFICATE:
        raise ForgedEvent("there is no certificate at its address")
    return answer.raw


def _check_by_api(client: PayPalClient, told: Mapping[str, str], body: bytes) -> bool:
    _read_json(body)  # else its bytes could close the object that they stand in, and add to it
    question = {
        "auth_algo": told["auth-algo"],
        "cert_url": told["cert-url"],
        "transmission_id": told["transmission-id"],
        "transmission_sig": told["transmission-sig"],
        "transmission_time": told["transmission-time"],
        "webhook_id": settings.PAYPAL["WEBHOOK_ID"],
    }
    # As it came, byte for byte: written anew it would not be what was signed.
    raw = json.dumps(question).encode()[:-1] + b', "webhook_event": ' + body + b"}"
    answer = client.call("POST", "/v1/notifications/verify-webhook-signature", raw_json=raw)
    verdict = answer.body.get("verification_status") if answer.status == 200 else None
    if verdict == "SUCCESS":
        return True
    if verdict == "FAILURE" or answer.status == 400:
        raise ForgedEvent("PayPal says that it is not signed")
    raise ProviderUnavailable(f"verification answered {answer.detail}")


def _read_json(body: bytes) -> Mapping[str, Any]:
    """Raises: ForgedEvent: PayPal sends nothing but JSON objects."""
    try:
        event = json.loads(body.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ForgedEvent("no JSON") from error
    if not isinstance(event, dict):
        raise ForgedEvent("no JSON object")
    return event


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


# --- what it is about


def read_webhook(body: bytes) -> Notice:
    """Say what an event is about. Amounts are in major units.

    Raises:
        UnreadableEvent: it has no known shape.
    """
    event = event_object(body)
    event_id, kind = event.get("id"), event.get("event_type")
    if not (isinstance(event_id, str) and _EVENT_ID.fullmatch(event_id)):
        raise UnreadableEvent("no event of PayPal's")
    if not (isinstance(kind, str) and _KIND.fullmatch(kind)):
        raise UnreadableEvent("no event of PayPal's")
    thing = mapping(event.get("resource"))
    if kind.startswith("CHECKOUT."):
        return _about_order(event_id, kind, thing)
    if kind in _CAPTURE_EVENTS:
        return _about_capture(event_id, kind, thing)
    if kind in _REFUND_EVENTS:
        return _about_refund(event_id, kind, thing)
    if kind == "PAYMENT.CAPTURE.REVERSED" or kind.startswith("CUSTOMER.DISPUTE."):
        return _about_dispute(event_id, kind, thing)
    return Notice(event_id, kind[:40], About.OTHER)


def _about_order(event_id: str, kind: str, order: Mapping[str, Any]) -> Notice:
    units = order.get("purchase_units")
    unit = mapping(units[0]) if isinstance(units, list) and units else {}
    # An approval that lapsed is told with the order's id in another place.
    order_id = order.get("order_id") if kind.startswith("CHECKOUT.PAYMENT-APPROVAL.") else order.get("id")
    return Notice(
        event_id,
        kind[:40],
        About.PAYMENT,
        reference=text(unit.get("custom_id"), 100),
        provider_reference=text(order_id, 100),
        amount=read_money(unit.get("amount"))[0],
    )


def _about_capture(event_id: str, kind: str, capture: Mapping[str, Any]) -> Notice:
    related = mapping(mapping(capture.get("supplementary_data")).get("related_ids"))
    return Notice(
        event_id,
        kind[:40],
        About.PAYMENT,
        reference=text(capture.get("custom_id"), 100),
        provider_reference=text(related.get("order_id"), 100) or id_in_link(capture, "up", "orders"),
        receipt_number=text(capture.get("id"), 64),
        amount=read_money(capture.get("amount"))[0],
    )


def _about_refund(event_id: str, kind: str, refund: Mapping[str, Any]) -> Notice:
    """The resource is the refund; the capture that it belongs to stands in a link alone."""
    return Notice(
        event_id,
        kind[:40],
        About.REFUND,
        reference=text(refund.get("custom_id"), 100),
        provider_reference=text(refund.get("id"), 100),
        receipt_number=id_in_link(refund, "up", "captures")[:64],
        amount=read_money(refund.get("amount"))[0],
    )


def _about_dispute(event_id: str, kind: str, thing: Mapping[str, Any]) -> Notice:
    """Money that the buyer claims, or that PayPal has taken back. Disputes name the capture as the seller's."""
    disputed = thing.get("disputed_transactions")
    first = mapping(disputed[0]) if isinstance(disputed, list) and disputed else {}
    capture_id = text(first.get("seller_transaction_id"), 64) or id_in_link(thing, "up", "captures")[:64]
    return Notice(
        event_id,
        kind[:40],
        About.DISPUTE,
        provider_reference=text(thing.get("dispute_id") or thing.get("id"), 100),
        receipt_number=capture_id,
        amount=read_money(thing.get("dispute_amount") or thing.get("amount"))[0],
    )
