"""Calls to PayPal: one token that all processes share, an idempotency key for each POST, and answers with issues."""

import base64
import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

from payments.exceptions import ProviderUnavailable, ProviderUnreachable
from payments.providers.http import Answer, ProviderHttp
from payments.providers.values import mapping, text

logger = logging.getLogger(__name__)

# All in seconds. A token lives for about nine hours; it is renewed so long before, while the former is still good.
RENEW_BEFORE = 600
TOKEN_READ_TIMEOUT = 5.0
# Longer than a token request can take; a process that died with the lock stops the others for no longer.
LOCK_LIFETIME = 20
LOCK_WAIT = 10.0
_LOCK_PAUSE = 0.1

# Refused before anything was done, and a repeat would be refused as well.
_REFUSALS = {400, 403, 404, 405, 406, 415, 422}


class KeysRefused(ProviderUnreachable):
    """PayPal does not know this client id and secret, or its own token."""


class PayPalAnswer(Answer):
    @property
    def name(self) -> str:
        """The error's name; token errors have a form of their own."""
        return text(self.body.get("name") or self.body.get("error"), 60)

    @property
    def issues(self) -> tuple[str, ...]:
        details = self.body.get("details")
        found = [text(mapping(detail).get("issue"), 60) for detail in details] if isinstance(details, list) else []
        return tuple(issue for issue in found if issue)

    @property
    def issue(self) -> str:
        """What went wrong, in one word: the first issue, or the error's name."""
        return next(iter(self.issues), self.name)

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_refusal(self) -> bool:
        """PayPal itself says that it did nothing; a page of something between us and it is no refusal."""
        return self.status in _REFUSALS and isinstance(self.body.get("name"), str) and self.name != ""

    @property
    def detail(self) -> str:
        return f"{self.status} {self.name} {' '.join(self.issues)}".strip()[:300]


@dataclass(frozen=True)
class _Token:
    value: str
    renew_at: float


class PayPalClient:
    def __init__(self) -> None:
        self.http = ProviderHttp("paypal", settings.PAYPAL["BASE_URL"])
        self._id: str = settings.PAYPAL["CLIENT_ID"]
        self._secret: str = settings.PAYPAL["CLIENT_SECRET"]
        self._cache_key = f"paypal-token:{self.http.base_url}:{self._id}"

    def call(
        self,
        method: str,
        path: str,
        *,
        request_id: str = "",
        json: Mapping[str, Any] | None = None,
        raw_json: bytes | None = None,
        read_timeout: float | None = None,
    ) -> PayPalAnswer:
        """Send one call and return its answer, whatever its status.

        ``request_id`` makes a repeat harmless: PayPal keeps it for 6 hours (orders) or 45 days (refunds), and answers
        a repeat with the latest state. A refused token is renewed and the call sent once more.

        Raises:
            KeysRefused: refused for its token twice, or there is no token for our id and secret.
            ProviderUnreachable: the call was certainly not received.
            ProviderUnavailable: it was sent, and no answer came; or PayPal has a fault, a limit or a call in progress.
        """
        headers = {"Content-Type": "application/json", "Prefer": "return=representation"}
        if request_id:
            headers["PayPal-Request-Id"] = request_id
        arguments: dict[str, Any] = {"json": json} if raw_json is None else {"data": raw_json}

        def send(token: str) -> PayPalAnswer:
            authorized = headers | {"Authorization": f"Bearer {token}"}
            found = self.http.send(method, path, headers=authorized, read_timeout=read_timeout, **arguments)
            return PayPalAnswer(found.status, found.value, found.headers)

        token = self._token()
        answer = send(token)
        if answer.status == 401:
            answer = send(self._token(refused=token))
        if answer.status >= 400:
            debug_id = text(answer.headers.get("paypal-debug-id"), 60)
            logger.warning("paypal_error", extra={"path": path, "detail": answer.detail, "debug_id": debug_id})
        if answer.status == 401 and answer.name:
            raise KeysRefused(f"{path}: answered {answer.detail}")
        if not (answer.is_success or answer.is_refusal or answer.status == 409):
            raise ProviderUnavailable(f"{path}: answered {answer.detail}")
        return answer

    # --- the token

    def _token(self, refused: str = "") -> str:
        """Return a token other than ``refused``. One process renews it; the others go on with it, or wait."""
        known = self._cached_token(refused)
        if known and time.time() < known.renew_at:
            return known.value
        mine = secrets.token_hex(8)
        deadline = time.monotonic() + LOCK_WAIT
        while not self._lock(mine):
            if known := self._cached_token(refused):
                return known.value
            if time.monotonic() > deadline:
                raise ProviderUnreachable("no token: another process has been fetching one for too long")
            time.sleep(_LOCK_PAUSE)
        try:
            known = self._cached_token(refused)
            if known and time.time() < known.renew_at:
                return known.value  # fetched before we had the lock
            return self._fetch_token()
        except ProviderUnreachable:
            if known:
                return known.value  # it is renewed early, so it still is good
            raise
        finally:
            self._unlock(mine)

    def _fetch_token(self) -> str:
        basic = base64.b64encode(f"{self._id}:{self._secret}".encode()).decode()
        try:
            found = self.http.send(
                "POST",
                "/v1/oauth2/token",
                data={"grant_type": "client_credentials"},
                headers={"Authorization": f"Basic {basic}"},
                read_timeout=TOKEN_READ_TIMEOUT,
            )
        except ProviderUnavailable as error:
            raise ProviderUnreachable(str(error)) from error  # without a token nothing else was sent
        answer = PayPalAnswer(found.status, found.value)
        token, lifetime = answer.body.get("access_token"), answer.body.get("expires_in")
        if answer.status == 401 and answer.name:
            logger.error("paypal_keys_refused", extra={"detail": answer.detail})
            raise KeysRefused(f"token request answered {answer.detail}")
        if answer.status != 200 or not isinstance(token, str) or not token:
            raise ProviderUnreachable(f"token request answered {answer.detail}")
        if isinstance(lifetime, int) and lifetime > 1:
            self._store_token(token, lifetime)
        return token

    # --- the cache; without it each call fetches its own token

    @property
    def _lock_key(self) -> str:
        return f"{self._cache_key}:lock"

    def _cached_token(self, refused: str) -> _Token | None:
        try:
            value, renew_at = cache.get(self._cache_key) or ("", 0.0)
        except RedisError:
            return None
        return _Token(value, renew_at) if value not in ("", refused) else None

    def _store_token(self, token: str, lifetime: int) -> None:
        renew_at = time.time() + lifetime - min(RENEW_BEFORE, lifetime / 2)
        try:
            cache.set(self._cache_key, (token, renew_at), timeout=lifetime - min(60, lifetime // 2))
        except RedisError:
            logger.warning("token_cache_unavailable")

    def _lock(self, mine: str) -> bool:
        try:
            return cache.add(self._lock_key, mine, timeout=LOCK_LIFETIME)
        except RedisError:
            return True

    def _unlock(self, mine: str) -> None:
        try:
            if cache.get(self._lock_key) == mine:
                cache.delete(self._lock_key)
        except RedisError:
            logger.warning("token_cache_unavailable")
