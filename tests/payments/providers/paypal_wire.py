"""PayPal's objects as its API sends them, made-up values throughout, and a certificate to sign with."""

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.x509.oid import NameOID

from payments.providers.paypal_webhooks import signed_text
from payments.testing.network import Reply

CLIENT_ID = "client-id-of-nobody"
CLIENT_SECRET = "client-secret-of-nobody"
TOKEN = "A21AAexampleTokenOfNobody"
WEBHOOK_ID = "5EX13806WE220947H"
REFERENCE = "BM-1001-K7QW2MZA"
ORDER = "7EX41820KA556731M"
CAPTURE = "8EX20417PB334265C"
REFUND = "4EX77310RD902846R"
REFUND_REFERENCE = "refund-0197a1b2c3d4e5f6"
API = "https://api-m.sandbox.paypal.com"
PAGE = f"https://www.sandbox.paypal.com/checkoutnow?token={ORDER}"
CERTIFICATE_URL = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-0a1b2c3d"
TRANSMISSION_ID = "0f3a9b52-6c1e-11f0-9d47-2b8e6a51c3d4"

CREATE = "POST /v2/checkout/orders"
SHOW = f"GET /v2/checkout/orders/{ORDER}"
TAKE = f"POST /v2/checkout/orders/{ORDER}/capture"
REFUNDS = f"POST /v2/payments/captures/{CAPTURE}/refund"
CERTIFICATE = "GET /v1/notifications/certs/*"
VERIFY = "POST /v1/notifications/verify-webhook-signature"


def configure(settings: Any, **changes: Any) -> None:
    settings.PAYPAL = {
        "BASE_URL": API,
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
        "WEBHOOK_ID": WEBHOOK_ID,
        "CURRENCY": "USD",
        "CERTIFICATE_HOSTS": [],
    } | changes


def token(**changes: Any) -> Reply:
    return Reply(200, {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 32400} | changes)


def order(status: str = "PAYER_ACTION_REQUIRED", *captures: dict[str, Any], **changes: Any) -> dict[str, Any]:
    unit: dict[str, Any] = {
        "reference_id": "default",
        "custom_id": REFERENCE,
        "invoice_id": REFERENCE,
        "amount": {"currency_code": "USD", "value": "11.63"},
        "payee": {"merchant_id": "SHQP234567ABC"},
    }
    if captures:
        unit["payments"] = {"captures": list(captures)}
    return {
        "id": ORDER,
        "intent": "CAPTURE",
        "status": status,
        "payment_source": {"paypal": {}},
        "purchase_units": [unit],
        "create_time": "2026-11-21T08:00:00Z",
        "links": [
            {"href": f"{API}/v2/checkout/orders/{ORDER}", "rel": "self", "method": "GET"},
            {"href": PAGE, "rel": "payer-action", "method": "GET"},
        ],
    } | changes


def capture(status: str = "COMPLETED", **changes: Any) -> dict[str, Any]:
    return {
        "id": CAPTURE,
        "status": status,
        "amount": {"currency_code": "USD", "value": "11.63"},
        "final_capture": True,
        "invoice_id": REFERENCE,
        "custom_id": REFERENCE,
        "seller_receivable_breakdown": {
            "gross_amount": {"currency_code": "USD", "value": "11.63"},
            "paypal_fee": {"currency_code": "USD", "value": "0.89"},
            "net_amount": {"currency_code": "USD", "value": "10.74"},
        },
        "create_time": "2026-11-21T08:05:41Z",
        "update_time": "2026-11-21T08:05:41Z",
        "links": [
            {"href": f"{API}/v2/payments/captures/{CAPTURE}", "rel": "self", "method": "GET"},
            {"href": f"{API}/v2/payments/captures/{CAPTURE}/refund", "rel": "refund", "method": "POST"},
            {"href": f"{API}/v2/checkout/orders/{ORDER}", "rel": "up", "method": "GET"},
        ],
    } | changes


def captured(*captures: dict[str, Any], status: str = "COMPLETED") -> dict[str, Any]:
    """Return the answer to a capture: our reference stands on the capture alone."""
    return {
        "id": ORDER,
        "status": status,
        "purchase_units": [{"reference_id": "default", "payments": {"captures": list(captures or (capture(),))}}],
        "payer": {"payer_id": "BUYER23456789"},
    }


def refund(status: str = "COMPLETED", **changes: Any) -> dict[str, Any]:
    return {
        "id": REFUND,
        "status": status,
        "amount": {"currency_code": "USD", "value": "3.00"},
        "custom_id": REFUND_REFERENCE,
        "invoice_id": REFUND_REFERENCE,
        "create_time": "2026-11-21T09:00:00Z",
        "links": [
            {"href": f"{API}/v2/payments/refunds/{REFUND}", "rel": "self", "method": "GET"},
            {"href": f"{API}/v2/payments/captures/{CAPTURE}", "rel": "up", "method": "GET"},
        ],
    } | changes


def issue(issue: str, status: int = 422, name: str = "UNPROCESSABLE_ENTITY") -> Reply:
    body = {
        "name": name,
        "message": "The requested action could not be performed.",
        "details": [{"issue": issue, "description": "…"}],
        "debug_id": "f1e2d3c4b5a69",
    }
    return Reply(status, body, {"Paypal-Debug-Id": "f1e2d3c4b5a69"})


GONE = issue("INVALID_RESOURCE_ID", 404, "RESOURCE_NOT_FOUND")


def event(kind: str, resource: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "id": "WH-1EX48213AB667905K-3EX91204CD558712L",
        "event_version": "1.0",
        "resource_version": "2.0",
        "create_time": "2026-11-21T08:05:45.123Z",
        "resource_type": "capture",
        "event_type": kind,
        "resource": resource,
    } | changes


def body_of(kind: str, resource: dict[str, Any]) -> bytes:
    return json.dumps(event(kind, resource)).encode()


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(
    *, key: Any = None, starts: timedelta = timedelta(days=-1), ends: timedelta = timedelta(days=30)
) -> bytes:
    """Return a certificate in PEM, by default of ``rsa_key`` and valid now."""
    key = key or rsa_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "messageverificationcerts.paypal.com")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now + starts)
        .not_valid_after(now + ends)
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


def elliptic_certificate() -> bytes:
    return certificate(key=ec.generate_private_key(ec.SECP256R1()))


def sign(
    body: bytes, *, at: datetime | None = None, webhook_id: str = WEBHOOK_ID, url: str = CERTIFICATE_URL
) -> dict[str, str]:
    """Return the headers of a delivery, in lower case."""
    moment = (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    signature = rsa_key().sign(signed_text(TRANSMISSION_ID, moment, webhook_id, body), PKCS1v15(), hashes.SHA256())
    return {
        "paypal-transmission-id": TRANSMISSION_ID,
        "paypal-transmission-time": moment,
        "paypal-transmission-sig": base64.b64encode(signature).decode(),
        "paypal-cert-url": url,
        "paypal-auth-algo": "SHA256withRSA",
    }
