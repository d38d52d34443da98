"""The public keys by which a provider's tokens are checked.

Kept in each process, never in Redis: whoever could write them there could log in as anybody.
"""

import logging
import re
import threading
from functools import cache
from time import monotonic
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from accounts.social.exceptions import InvalidProviderToken, ProviderSilent
from accounts.social.fetching import fetch

logger = logging.getLogger(__name__)

LEAST_SECONDS, MOST_SECONDS = 300, 24 * 3600  # for which keys are kept, whatever the provider says
STALE_SECONDS = 3600  # for which they are used beyond that while the provider does not answer
PAUSE_SECONDS = 30  # between two questions, whoever brings which unknown key id
MOST_KEYS = 20
LEAST_BITS = 2048


class KeySet:
    """The keys behind one address, fetched when they are old, or once when a token names one that is not known."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._lock = threading.Lock()
        self._keys: dict[str, RSAPublicKey] = {}
        self._fresh_until = self._asked_at = float("-inf")

    def key(self, key_id: str) -> RSAPublicKey:
        """Return the key of this id.

        Raises:
            InvalidProviderToken: the provider has no such key.
            ProviderSilent: the keys are not known, and the provider does not tell them.
        """
        if self._is_fresh() and (found := self._keys.get(key_id)):
            return found
        with self._lock:  # one asks, the others wait for the answer
            if not (self._is_fresh() and key_id in self._keys):
                self._ask()
            if monotonic() > self._fresh_until + STALE_SECONDS:
                raise ProviderSilent()
            if key_id not in self._keys:
                raise InvalidProviderToken()
            return self._keys[key_id]

    def _is_fresh(self) -> bool:
        return monotonic() < self._fresh_until

    def _ask(self) -> None:
        """Fetch the keys, unless that was tried a moment ago. What was known before stays when it fails."""
        now = monotonic()
        if now - self._asked_at < PAUSE_SECONDS:
            return
        self._asked_at = now
        try:
            answer = fetch(self.url)
        except ProviderSilent:
            logger.warning("jwks_unavailable", extra={"url": self.url})
            return
        keys = _usable(answer.value) if answer.status == 200 else {}
        if not keys:
            logger.error("jwks_unusable", extra={"url": self.url, "status": answer.status})
            return
        self._keys, self._fresh_until = keys, now + _lifetime(answer.cache_control)


@cache
def key_set(url: str) -> KeySet:
    return KeySet(url)


def _usable(value: Any) -> dict[str, RSAPublicKey]:
    """Return the RSA keys for signatures, by id; whatever else stands among them is left out."""
    entries = value.get("keys") if isinstance(value, dict) else None
    found: dict[str, RSAPublicKey] = {}
    for entry in entries[:MOST_KEYS] if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig":
            continue
        if entry.get("alg", "RS256") != "RS256" or not isinstance(entry.get("kid"), str):
            continue
        try:
            key = jwt.PyJWK(entry, algorithm="RS256").key
        except jwt.PyJWTError:
            continue
        if isinstance(key, RSAPublicKey) and key.key_size >= LEAST_BITS:
            found[entry["kid"]] = key
    return found


def _lifetime(cache_control: str) -> int:
    """Return the seconds for which an answer may be kept. Source: RFC 9111, 5.2.2."""
    age = re.search(r"\bmax-age=(\d{1,9})\b", cache_control)
    seconds = int(age[1]) if age and "no-store" not in cache_control else LEAST_SECONDS
    return min(max(seconds, LEAST_SECONDS), MOST_SECONDS)
