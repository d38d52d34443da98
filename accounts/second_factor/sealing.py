"""What a copy of the database must not give away: secrets are encrypted, recovery codes hashed with a key.

Each user has keys of their own, derived from each of ``SECOND_FACTOR_KEYS``, so that a sealed secret that is put into
another user's row opens nothing. New ones are made with the first key; the others still open what they sealed.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class KeyLost(Exception):
    """None of the keys opens it: ``SECOND_FACTOR_KEYS`` lacks the one that sealed it."""


def seal(secret: bytes, *, user_id: UUID) -> str:
    return _box(user_id).encrypt(secret).decode()


def unseal(sealed: str, *, user_id: UUID) -> bytes:
    """Return the secret.

    Raises:
        KeyLost: it was sealed with a key that is not there, or for somebody else.
    """
    try:
        return _box(user_id).decrypt(sealed)
    except InvalidToken:
        raise KeyLost from None


def code_hash(code: str, *, user_id: UUID) -> str:
    """Return the hash under which a new recovery code is kept."""
    return possible_hashes(code, user_id=user_id)[0]


def possible_hashes(code: str, *, user_id: UUID) -> list[str]:
    """Return the hashes under which a recovery code may lie, by each key."""
    keys = _derived("recovery", user_id)
    return [hmac.new(key, code.encode(), hashlib.sha256).hexdigest() for key in keys]


def _box(user_id: UUID) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in _derived("secret", user_id)])


def _derived(purpose: str, user_id: UUID) -> Iterator[bytes]:
    for key in settings.SECOND_FACTOR_KEYS:
        info = f"second-factor:{purpose}:{user_id}".encode()
        yield HKDF(SHA256(), length=32, salt=None, info=info).derive(key.encode())
