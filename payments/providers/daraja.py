"""HTTP to Daraja: one shared token, strict time-outs, no automatic repeats of anything that may have had an effect."""

import base64
import json
import logging
from dataclasses import dataclass, field
from typing import Any

import requests
from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError
from urllib3.exceptions import HTTPError, NewConnectionError

from payments.exceptions import ProviderUnavailable, ProviderUnreachable

logger = logging.getLogger(__name__)

MAX_BODY = 256 * 1024
# A refused token has several names. 404 is not a slip: Daraja answers so on product calls.
TOKEN_REFUSED = {"404.001.03", "401.002.01", "400.003.01", "401.001", "401.003.01"}
# Renewed this long before it ends, in seconds.
TOKEN_MARGIN = 120


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: ``body`` is empty when it was no JSON object."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def error_code(self) -> str:
        return str(self.body.get("errorCode") or "")

    @property
    def error_message(self) -> str:
        return str(self.body.get("errorMessage") or "")

    @property
    def rate_limited(self) -> bool:
        """Refused before any processing: by status, by code, or in the gateway's own ``fault`` shape."""
        if self.status == 429 or self.error_code in ("500.003.02", "500.003.03"):
            return True
        fault = self.body.get("fault")
        return isinstance(fault, dict) and "violation" in str(fault.get("faultstring", "")).lower()


class DarajaClient:
    def __init__(self) -> None:
        self.base_url: str = settings.MPESA["BASE_URL"]
        self.key: str = settings.MPESA["CONSUMER_KEY"]
        self.secret: str = settings.MPESA["CONSUMER_SECRET"]
        self.timeout = (settings.PROVIDER_CONNECT_TIMEOUT, settings.PROVIDER_READ_TIMEOUT)

    def post(self, path: str, body: dict[str, Any]) -> Answer:
        """Send one product call and return its answer, whatever its status.

        A refused token is renewed and the call sent once more: it was refused before any processing.

        Raises:
            ProviderUnreachable: the call was certainly not received (no token, no connection).
            ProviderUnavailable: it was sent, and no answer came.
        """
        answer = self._post(path, body, self._token())
        if answer.error_code in TOKEN_REFUSED:
            self._forget_token()
            answer = self._post(path, body, self._token())
        return answer

    def _post(self, path: str, body: dict[str, Any], token: str) -> Answer:
        return self._send("POST", path, json=body, headers={"Authorization": f"Bearer {token}"})

    def _token(self) -> str:
        """Return the shared token. One for all processes: a new one may end the others."""
        cached = self._cached_token()
        if cached:
            return cached
        basic = base64.b64encode(f"{self.key}:{self.secret}".encode()).decode()
        try:
            answer = self._send(
                "GET",
                "/oauth/v1/generate",
                params={"grant_type": "client_credentials"},
                headers={"Authorization": f"Basic {basic}"},
            )
        except ProviderUnavailable as error:
            raise ProviderUnreachable(str(error)) from error  # without a token nothing else was sent
        token = answer.body.get("access_token")
        if answer.status != 200 or not isinstance(token, str) or not token:
            raise ProviderUnreachable(f"token request answered {answer.status} {answer.error_code}")
        try:
            lifetime = int(answer.body.get("expires_in", 0))  # text in older answers, a number in newer ones
        except (TypeError, ValueError):
            lifetime = 0
        if lifetime > TOKEN_MARGIN:
            try:
                cache.set(self._cache_key, token, timeout=lifetime - TOKEN_MARGIN)
            except RedisError:
                logger.warning("token_cache_unavailable")
        return token

    def _cached_token(self) -> str:
        try:
            return str(cache.get(self._cache_key) or "")
        except RedisError:
            return ""

    def _forget_token(self) -> None:
        try:
            cache.delete(self._cache_key)
        except RedisError:
            logger.warning("token_cache_unavailable")

    @property
    def _cache_key(self) -> str:
        return f"daraja-token:{self.base_url}:{self.key}"

    def _send(self, method: str, path: str, *, headers: dict[str, str], **kwargs: Any) -> Answer:
        # A plain session without retries: an HTTP library that repeats a POST is a double-charge bug.
        headers |= {"User-Agent": settings.PROVIDER_USER_AGENT, "Accept": "application/json"}
        try:
            with requests.request(
                method,
                f"{self.base_url}{path}",
                headers=headers,
                timeout=self.timeout,
                allow_redirects=False,
                stream=True,
                **kwargs,
            ) as response:
                raw = response.raw.read(MAX_BODY, decode_content=True)
                return Answer(response.status_code, _json_object(raw))
        except requests.ConnectTimeout as error:
            raise ProviderUnreachable(f"{path}: no connection") from error
        except requests.ConnectionError as error:
            reason = getattr(error.args[0], "reason", None) if error.args else None
            if isinstance(reason, NewConnectionError):
                raise ProviderUnreachable(f"{path}: no connection") from error
            raise ProviderUnavailable(f"{path}: connection lost") from error
        except (requests.RequestException, HTTPError, OSError) as error:
            raise ProviderUnavailable(f"{path}: {type(error).__name__}") from error


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
