"""One GET to Google or Facebook, by the shop's rules for what leaves it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.social.exceptions import ProviderSilent
from ecommerce import outgoing

LARGEST_ANSWER = 256 * 1024


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
    try:
        answer = outgoing.send("GET", url, params=params, headers=headers, largest=LARGEST_ANSWER)
    except outgoing.NoAnswer:
        raise ProviderSilent() from None
    return Answer(answer.status, answer.value, answer.headers.get("cache-control", ""))
