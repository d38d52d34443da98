"""Signatures of the Standard Webhooks specification."""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from inbox.webhooks.sealing import PREFIX


def signature(secret: str, *, message_id: str, timestamp: int, body: bytes) -> str:
    """Return ``v1,`` and the base64 of the HMAC-SHA256 over ``id.timestamp.body``.

    Source: Standard Webhooks, "Signature scheme"; the key is what the base64 behind ``whsec_`` says.
    """
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def signed_headers(secrets: Sequence[str], *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of a message, signed with each of the secrets: during a rotation there are two."""
    signatures = (signature(secret, message_id=message_id, timestamp=timestamp, body=body) for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
