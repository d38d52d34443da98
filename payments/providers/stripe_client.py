"""Stripe's own library over our HTTP: time-outs, breaker, limits and the meaning of a failure are those of the shop.

The library gives the form encoding, the version header, the idempotency keys and typed errors.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from typing import Any

import stripe
from django.conf import settings
from requests.structures import CaseInsensitiveDict

from payments.exceptions import ProviderUnavailable
from payments.providers.http import ProviderHttp
from payments.providers.values import text

logger = logging.getLogger(__name__)

# It would leave a file in the home directory and tell Stripe about this machine.
stripe.enable_telemetry = False
# Its lower levels write whole answers, with names and the client's secret.
logging.getLogger("stripe").setLevel(logging.WARNING)

PAGE = 100  # the longest that Stripe gives

_REFUSALS = (
    stripe.InvalidRequestError,
    stripe.CardError,
    stripe.AuthenticationError,
    stripe.PermissionError,
)


class StripeRefused(Exception):
    """Stripe understood a request and did nothing."""

    def __init__(self, error: stripe.StripeError) -> None:
        self.code = text(error.code or getattr(error.error, "type", None) or f"http_{error.http_status}", 40)
        self.detail = text(error.user_message)
        # The key is wrong or may not do this: no fault of the request, and for a person to mend.
        self.is_misconfigured = isinstance(error, stripe.AuthenticationError | stripe.PermissionError)
        super().__init__(f"{self.code}: {self.detail}")


class KeyTaken(ProviderUnavailable):
    """Something under this idempotency key is known already, with other parameters: what, nobody says."""


class StripeFault(ProviderUnavailable):
    """Stripe answered with a fault of its own, and gives the same answer again for a day, also when it did the work."""


class _Transport(stripe.HTTPClient):
    name = "requests"

    def __init__(self) -> None:
        super().__init__()
        self._http = ProviderHttp("stripe", "")

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: Any
    ) -> tuple[str, int, Mapping[str, str]]:
        answer = self._http.send(method.upper(), url, headers=headers or {}, data=post_data)
        return answer.raw.decode(), answer.status, CaseInsensitiveDict(answer.headers)


class StripeApi:
    @property
    def is_live(self) -> bool:
        return str(settings.STRIPE["SECRET_KEY"]).startswith(("sk_live_", "rk_live_"))

    @cached_property
    def v1(self) -> stripe.V1Services:
        client = stripe.StripeClient(
            settings.STRIPE["SECRET_KEY"],
            base_addresses={"api": settings.STRIPE["API_BASE"]},
            max_network_retries=0,  # whoever calls us repeats, with the same key, and nobody waits meanwhile
            http_client=_Transport(),
        )
        return client.v1

    def ask(self, call: Callable[[], stripe.StripeObject]) -> dict[str, Any]:
        """Return Stripe's answer as plain data.

        Raises:
            StripeRefused: it certainly did nothing.
            KeyTaken: it has done something under this key, for other parameters.
            ProviderUnreachable, ProviderUnavailable: as ``ProviderHttp`` says; the latter also for a conflict, a limit
                or a fault of Stripe's, and for an answer of no known shape.
        """
        try:
            return call().to_dict()
        except _REFUSALS as error:
            refused = StripeRefused(error)
            logger.warning("stripe_refused", extra={"code": refused.code, "request": error.request_id})
            raise refused from error
        except stripe.IdempotencyError as error:
            raise KeyTaken("the idempotency key is taken") from error
        except stripe.StripeError as error:
            logger.warning("stripe_failed", extra={"status": error.http_status, "request": error.request_id})
            failure = StripeFault if (error.http_status or 0) >= 500 else ProviderUnavailable
            raise failure(f"answered {error.http_status} {type(error).__name__}") from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ProviderUnavailable(f"an answer of no known shape: {type(error).__name__}") from error

    def ask_all(self, call: Callable[[str], stripe.StripeObject], pages: int) -> Iterator[dict[str, Any]]:
        """Go through a list. ``call`` gets the id after which the next page starts, empty for the first.

        Raises:
            StripeRefused, ProviderUnavailable: as for ``ask``, and when there are more than ``pages`` pages.
        """
        last = ""
        for _ in range(pages):
            found = self.ask(partial(call, last))
            entries = found.get("data")
            if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                raise ProviderUnavailable("a list of no known shape")
            yield from entries
            if found.get("has_more") is not True:
                return
            last = text(entries[-1].get("id")) if entries else ""
            if not last:
                raise ProviderUnavailable("a page without an end")
        raise ProviderUnavailable("more pages than expected")


def page(parameters: dict[str, Any], after: str) -> Any:
    """Return the parameters of one page of a list."""
    return parameters | {"limit": PAGE} | ({"starting_after": after} if after else {})
