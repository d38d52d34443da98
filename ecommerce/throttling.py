"""Request limits: one atomic counter per window in Redis, shared by all processes, exact under concurrency."""

import hashlib
import logging
import time
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from ecommerce.client import client_address
from ecommerce.redis_client import RedisAway, call

if TYPE_CHECKING:  # rest_framework.views imports this module through the settings
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)


def hit(scope: str, identity: str) -> float | None:
    """Count one request; return None when it is allowed, else the seconds until the window ends.

    Without Redis the answer is None: a shop that sells without limits is better than one that is shut. What must
    hold even then (prompts on one phone) is counted in PostgreSQL by its own service.
    """
    allowed, window = _limits(settings.THROTTLE_RATES[scope])
    now = time.time()
    digest = hashlib.sha256(identity.encode()).hexdigest()[:32]
    key = f"throttle:{scope}:{digest}:{int(now // window)}"
    try:
        count: int = call("INCR", key)  # atomic, so that n parallel requests see n different counts
        if count == 1:
            call("EXPIRE", key, window + 1)
    except RedisAway:
        logger.warning("throttle_unavailable", extra={"scope": scope})
        return None
    return None if count <= allowed else window - now % window


@cache
def _limits(rate: str) -> tuple[int, int]:
    allowed, window = rate.split("/")
    return int(allowed), int(window)


class RequestThrottle(BaseThrottle):
    """The general limit: per user when signed in, else per address."""

    wait_seconds: float | None = None

    def scope_and_identity(self, request: Request) -> tuple[str, str]:
        if own := getattr(request.auth, "counted_as", None):  # a credential with a limit to itself
            scope, identity = own
            return scope, identity
        if request.user and request.user.is_authenticated:
            return "user", str(request.user.pk)
        return "anonymous", client_address(request)

    def allow_request(self, request: Request, view: "APIView") -> bool:
        self.wait_seconds = hit(*self.scope_and_identity(request))
        return self.wait_seconds is None

    def wait(self) -> float | None:
        return self.wait_seconds


class LoginThrottle(RequestThrottle):
    def scope_and_identity(self, request: Request) -> tuple[str, str]:
        return "login", client_address(request)


class RegisterThrottle(RequestThrottle):
    def scope_and_identity(self, request: Request) -> tuple[str, str]:
        return "register", client_address(request)


class GiftCardThrottle(RequestThrottle):
    """Asking about codes is counted more strictly than reading: whoever asks often is guessing."""

    def scope_and_identity(self, request: Request) -> tuple[str, str]:
        return "gift-card", super().scope_and_identity(request)[1]


class PaymentThrottle(RequestThrottle):
    """Starting payments is counted by user; looking at them is not."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        return request.method != "POST" or super().allow_request(request, view)

    def scope_and_identity(self, request: Request) -> tuple[str, str]:
        return "payment", str(request.user.pk) if request.user.is_authenticated else client_address(request)


class GuestOrderThrottle(RequestThrottle):
    """Orders of people without an account are counted by address."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        if request.method != "POST" or (request.user and request.user.is_authenticated):
            return True
        return super().allow_request(request, view)

    def scope_and_identity(self, request: Request) -> tuple[str, str]:
        return "guest_order", client_address(request)
