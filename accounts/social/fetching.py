"""One GET to Google or Facebook: strict time limits, no redirects, no repeats, a small answer."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from django.conf import settings
from urllib3.exceptions import HTTPError

from accounts.social.exceptions import ProviderSilent

LARGEST_ANSWER = 256 * 1024
_CHUNK = 16 * 1024


@dataclass(frozen=True)
class Answer:
    """``value`` is the answer's JSON, None when it is none."""

    status: int
    value: Any
    cache_control: str


def fetch(url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Return the answer, whatever its status. The address comes from the settings alone.

    Raises:
        ProviderSilent: no whole answer came, or it was too large.
    """
    deadline = time.monotonic() + 2 * settings.PROVIDER_READ_TIMEOUT
    try:
        with requests.get(
            url,
            params=params,
            headers={"Accept": "application/json", "User-Agent": settings.PROVIDER_USER_AGENT} | dict(headers or {}),
            timeout=(settings.PROVIDER_CONNECT_TIMEOUT, settings.PROVIDER_READ_TIMEOUT),
            allow_redirects=False,
            stream=True,
        ) as response:
            raw = b""
            while chunk := response.raw.read1(_CHUNK, decode_content=True):
                raw += chunk
                if len(raw) > LARGEST_ANSWER or time.monotonic() > deadline:
                    raise ProviderSilent()
            return Answer(response.status_code, _json(raw), response.headers.get("Cache-Control", ""))
    except (requests.RequestException, HTTPError, OSError):
        # Not chained: its text may have a token, which stands in an address.
        raise ProviderSilent() from None


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None
