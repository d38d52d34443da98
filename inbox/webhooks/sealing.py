"""The secrets of webhooks: a copy of the database must not be enough to sign in the shop's name.

Each endpoint has keys of its own, derived from each of ``WEBHOOK_SECRET_KEYS``; new secrets are sealed with the first.
"""

import base64
import secrets
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PREFIX = "whsec_"  # Source: Standard Webhooks, "Signature scheme"


class KeyLost(Exception):
    """None of ``WEBHOOK_SECRET_KEYS`` opens it."""


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def seal(secret: str, *, endpoint_id: UUID) -> str:
    return _box(endpoint_id).encrypt(secret.encode()).decode()


def unseal(sealed: str, *, endpoint_id: UUID) -> str:
    """Return the secret.

    Raises:
        KeyLost: it was sealed with a key that is not there, or for another endpoint.
    """
    try:
        return _box(endpoint_id).decrypt(sealed).decode()
    except InvalidToken:
        raise KeyLost from None


def _box(endpoint_id: UUID) -> MultiFernet:
    info = f"webhook:{endpoint_id}".encode()
    return MultiFernet(
        [
            Fernet(base64.urlsafe_b64encode(HKDF(SHA256(), length=32, salt=None, info=info).derive(key.encode())))
            for key in settings.WEBHOOK_SECRET_KEYS
        ]
    )
