"""HTTP to a payment service: the shop's rules for what leaves it, in the words of payments."""

from collections.abc import Mapping
from typing import Any

from ecommerce import outgoing
from ecommerce.outgoing import Answer
from payments.exceptions import ProviderUnavailable, ProviderUnreachable

__all__ = ["Answer", "ProviderHttp"]


class ProviderHttp:
    """Requests to one service, each sent at most once; see ``ecommerce.outgoing``."""

    def __init__(self, name: str, base_url: str) -> None:
        self.name = name
        self.base_url = base_url

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        read_timeout: float | None = None,
        **kwargs: Any,
    ) -> Answer:
        """Send one request and return its answer, whatever its status.

        Raises:
            ProviderUnreachable: it was certainly not received.
            ProviderUnavailable: it was sent, and no whole answer came.
        """
        url = f"{self.base_url}{path}"
        try:
            return outgoing.send(method, url, breaker=self.name, headers=headers, read_timeout=read_timeout, **kwargs)
        except outgoing.NotReceived as error:
            raise ProviderUnreachable(f"{path}: {error}") from error
        except outgoing.NoAnswer as error:
            raise ProviderUnavailable(f"{path}: {error}") from error
