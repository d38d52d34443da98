"""Calls to Daraja: one token that all processes share, and answers in Daraja's envelope."""

import base64
import logging
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError

from payments.exceptions import ProviderUnavailable, ProviderUnreachable
from payments.providers.http import Answer, ProviderHttp
from payments.providers.values import mapping, text

logger = logging.getLogger(__name__)

# A refused token has several names. 404 is not a slip: Daraja answers so on product calls.
_TOKEN_REFUSED = {"404.001.03", "401.002.01", "400.003.01", "401.001", "401.003.01"}

_RESPONSE_CODE = re.compile(r"[0-9][A-Za-z0-9.]{0,19}")

# All in seconds. A token is renewed so long before it ends.
TOKEN_MARGIN = 120
TOKEN_READ_TIMEOUT = 5.0
# Longer than a token request can take; a process that died with the lock stops the others for no longer.
LOCK_LIFETIME = 20
LOCK_WAIT = 10.0
_LOCK_PAUSE = 0.1


class KeysRefused(ProviderUnreachable):
    """Daraja gives no token for this consumer key and secret."""


class DarajaAnswer(Answer):
    """An answer in Daraja's envelope, or in the ``fault`` shape of the gateway before it."""

    @property
    def error_code(self) -> str:
        return text(self.body.get("errorCode"), 40)

    @property
    def error_message(self) -> str:
        return text(self.body.get("errorMessage")) or text(mapping(self.body.get("fault")).get("faultstring"))

    @property
    def detail(self) -> str:
        return f"{self.error_code} {self.error_message}".strip()[:300]

    @property
    def response_code(self) -> str:
        """What a successful exchange says of the request: ``0`` accepts it. Empty for anything else."""
        code = text(self.body.get("ResponseCode"))
        return code if self.status == 200 and _RESPONSE_CODE.fullmatch(code) else ""

    @property
    def accepted(self) -> bool:
        return self.response_code == "0"

    @property
    def rate_limited(self) -> bool:
        """Refused before any processing."""
        if self.status == 429 or self.error_code in ("500.003.02", "500.003.03"):
            return True
        return "fault" in self.body and "violation" in self.error_message.lower()

    @property
    def product_missing(self) -> bool:
        """The Daraja app may not use this API. It is no matter of the token, although it is a 401."""
        return self.status == 401 and "no apiproduct match" in self.error_message.lower()

    @property
    def token_refused(self) -> bool:
        return self.error_code in _TOKEN_REFUSED and not self.product_missing


class DarajaClient:
    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.http = ProviderHttp("mpesa", settings["BASE_URL"])
        self._key: str = settings["CONSUMER_KEY"]
        self._secret: str = settings["CONSUMER_SECRET"]
        self._cache_key = f"daraja-token:{self.http.base_url}:{self._key}"

    def post(self, path: str, body: Mapping[str, Any]) -> DarajaAnswer:
        """Send one product call and return its answer, whatever its status.

        A refused token is renewed and the call sent once more: it was refused before any processing.

        Raises:
            ProviderUnreachable: the call was certainly not received (no token, no connection), or refused for its
                token twice.
            ProviderUnavailable: it was sent, and no answer came.
        """
        token = self._cached_token() or self._renew_token("")
        answer = self._post(path, body, token)
        if answer.token_refused:
            answer = self._post(path, body, self._renew_token(token))
        if answer.token_refused:
            logger.error("daraja_token_refused_twice", extra={"path": path})
            raise ProviderUnreachable(f"{path}: the token was refused twice")
        if answer.product_missing:
            logger.error("daraja_product_missing", extra={"path": path})
        return answer

    def renew_token(self) -> None:
        """Fetch a new token, whatever is known.

        Raises:
            KeysRefused: key and secret are wrong.
            ProviderUnreachable: no token came.
        """
        self._renew_token(self._cached_token())

    def _post(self, path: str, body: Mapping[str, Any], token: str) -> DarajaAnswer:
        found = self.http.send("POST", path, json=body, headers={"Authorization": f"Bearer {token}"})
        return DarajaAnswer(found.status, found.value)

    def _renew_token(self, refused: str) -> str:
        """Return a token other than ``refused``. One process fetches it, the others wait for it.

        Each new token may end the one before, so two that fetch at once would take each other's away.
        """
        mine = secrets.token_hex(8)
        deadline = time.monotonic() + LOCK_WAIT
        while not self._lock(mine):
            if (token := self._cached_token()) not in ("", refused):
                return token
            if time.monotonic() > deadline:
                raise ProviderUnreachable("no token: another process has been fetching one for too long")
            time.sleep(_LOCK_PAUSE)
        try:
            if (token := self._cached_token()) not in ("", refused):
                return token  # fetched before we had the lock
            self._forget(self._cache_key, refused)
            return self._fetch_token()
        finally:
            self._forget(self._lock_key, mine)

    def _fetch_token(self) -> str:
        basic = base64.b64encode(f"{self._key}:{self._secret}".encode()).decode()
        try:
            found = self.http.send(
                "GET",
                "/oauth/v1/generate",
                params={"grant_type": "client_credentials"},
                headers={"Authorization": f"Basic {basic}"},
                read_timeout=TOKEN_READ_TIMEOUT,
            )
        except ProviderUnavailable as error:
            raise ProviderUnreachable(str(error)) from error  # without a token nothing else was sent
        answer = DarajaAnswer(found.status, found.value)
        token = answer.body.get("access_token")
        if answer.status != 200 or not isinstance(token, str) or not token:
            failure = f"token request answered {answer.status} {answer.error_code}".strip()
            if answer.status in (400, 401) and not answer.rate_limited:
                logger.error("daraja_keys_refused", extra={"error_code": answer.error_code})
                raise KeysRefused(failure)
            raise ProviderUnreachable(failure)
        try:
            lifetime = int(answer.body.get("expires_in", 0))  # text in older answers, a number in newer ones
        except (TypeError, ValueError):
            lifetime = 0
        if lifetime > 0:
            self._store_token(token, max(lifetime - TOKEN_MARGIN, lifetime // 2))
        return token

    # --- the cache; without it each process fetches its own tokens

    @property
    def _lock_key(self) -> str:
        return f"{self._cache_key}:lock"

    def _cached_token(self) -> str:
        try:
            return str(cache.get(self._cache_key) or "")
        except RedisError:
            return ""

    def _store_token(self, token: str, seconds: int) -> None:
        try:
            cache.set(self._cache_key, token, timeout=seconds)
        except RedisError:
            logger.warning("token_cache_unavailable")

    def _lock(self, mine: str) -> bool:
        try:
            return cache.add(self._lock_key, mine, timeout=LOCK_LIFETIME)
        except RedisError:
            return True

    def _forget(self, key: str, value: str) -> None:
        """Delete a key that still holds ``value``; what another process has put there meanwhile stays."""
        try:
            if value and cache.get(key) == value:
                cache.delete(key)
        except RedisError:
            logger.warning("token_cache_unavailable")
