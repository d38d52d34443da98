"""The ``Stripe-Signature`` header. Source: Stripe documentation, Verify webhook signatures manually."""

import hashlib
import hmac


def signature(secret: str, moment: int, body: str) -> str:
    """Return the hexadecimal HMAC that a ``v1`` element carries; the key is the whole secret, ``whsec_`` included."""
    return hmac.new(secret.encode(), f"{moment}.{body}".encode(), hashlib.sha256).hexdigest()


def signature_header(secret: str, moment: int, body: str) -> str:
    return f"t={moment},v1={signature(secret, moment, body)}"
