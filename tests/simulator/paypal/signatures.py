"""How a merchant checks a PayPal webhook by himself, from the reference alone."""

import base64
import zlib

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.simulator.checkout.inbox import Message
from tests.simulator.paypal.shop import WEBHOOK_ID, PayPalShop


def certificates_of(shop: PayPalShop, message: Message) -> list[x509.Certificate]:
    """Fetch what the certificate's address gives: the certificate and its authority's."""
    response = shop.http.get(message.headers["paypal-cert-url"])
    assert response.status_code == 200, response.text
    return x509.load_pem_x509_certificates(response.content)


def is_genuine(shop: PayPalShop, message: Message, webhook_id: str = WEBHOOK_ID) -> bool:
    headers = message.headers
    checksum = zlib.crc32(message.body.encode()) & 0xFFFFFFFF
    signed = "|".join(
        (headers["paypal-transmission-id"], headers["paypal-transmission-time"], webhook_id, str(checksum))
    )
    key = certificates_of(shop, message)[0].public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    try:
        key.verify(
            base64.b64decode(headers["paypal-transmission-sig"]), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
    except InvalidSignature:
        return False
    return True


def verified_by_paypal(shop: PayPalShop, message: Message, webhook_id: str = WEBHOOK_ID, event: str = "") -> str:
    """Ask PayPal about a webhook, with the event's text spliced in as it came; return its verdict."""
    names = ("auth_algo", "cert_url", "transmission_id", "transmission_sig", "transmission_time")
    given = {name: message.headers[f"paypal-{name.replace('_', '-')}"] for name in names}
    fields = [f'"{name}": "{value}"' for name, value in {**given, "webhook_id": webhook_id}.items()]
    text = "{" + ", ".join(fields) + ', "webhook_event": ' + (event or message.body) + "}"
    response = shop.http.post(
        "/v1/notifications/verify-webhook-signature",
        content=text,
        headers={**shop.headers, "Content-Type": "application/json"},
    )
    assert response.status_code == 200, response.text
    verdict: str = response.json()["verification_status"]
    return verdict
