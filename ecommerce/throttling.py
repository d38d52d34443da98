"""Request limits: one atomic counter per window in Redis, shared by all processes, exact under concurrency.

Every answer of a view with limits says how much of them is left. ``RateLimit-Policy: "login";q=10;w=60`` is ten
requests in a minute, ``RateLimit: "login";r=9;t=30`` that nine are left and the minute ends in thirty seconds; a 429
has ``Retry-After`` besides. Source: draft-ietf-httpapi-ratelimit-headers-11.
"""

import hashlib
import logging
import math
import time
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from django.db import connection
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from ecommerce.client import client_address, client_network
from ecommerce.redis_client import RedisAway, call, call_script

if TYPE_CHECKING:  # rest_framework.views imports this module through the settings
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)

_COUNTED = "_shop_counted"  # of a view, which lives for one request

# Several counters in one step; the window's length comes with each.
_COUNT_TOGETHER = """
local counts = {}
for i, key in ipairs(KEYS) do
    counts[i] = redis.call('INCR', key)
    if counts[i] == 1 then redis.call('EXPIRE', key, ARGV[i]) end
end
return counts
"""

_COUNT_IN_DATABASE = """
INSERT INTO ecommerce_requestcount AS kept (key, count, expires_at)
VALUES (%s, 1, statement_timestamp() + %s * interval '1 second')
ON CONFLICT (key) DO UPDATE SET count = kept.count + 1 RETURNING count
"""


class Limit(NamedTuple):
    """One counter of a request: what is limited, and whose requests are counted.

    ``durable`` limits are counted in PostgreSQL while Redis is away; the others are open then. A shop that sells
    without limits is better than one that is shut, but guessing passwords and mailing strangers stay bounded.
    """

    scope: str
    identity: str
    durable: bool = False


class Count(NamedTuple):
    """Where a counter stands after a request. ``wait``, in seconds, if the request is one too many."""

    wait: float | None
    policy: str  # for RateLimit-Policy
    left: str  # for RateLimit


class _Rate(NamedTuple):
    allowed: int
    window: int
    policy: str


def hit(scope: str, identity: str, *, durable: bool = False) -> float | None:
    """Count one request; return None when it is allowed, else the seconds until the window ends."""
    count = _count(Limit(scope, identity, durable))
    return count.wait if count else None


def count_together(limits: Sequence[Limit]) -> list[Count | None]:
    """Count one request against several limits in one step; None stands for a limit that is open without Redis."""
    now = time.time()
    rates = [_rate(limit.scope, settings.THROTTLE_RATES[limit.scope]) for limit in limits]
    keys = [_key(limit, rate, now) for limit, rate in zip(limits, rates, strict=True)]
    used: Sequence[int | None]
    try:
        used = call_script(_COUNT_TOGETHER, keys, *(rate.window + 1 for rate in rates))
    except RedisAway:
        used = [_without_redis(limit, key, rate) for limit, key, rate in zip(limits, keys, rates, strict=True)]
    return [
        None if count is None else _standing(limit.scope, rate, count, now)
        for limit, rate, count in zip(limits, rates, used, strict=True)
    ]


def _count(limit: Limit) -> Count | None:
    """As ``count_together``, for the one limit of most reads."""
    rate = _rate(limit.scope, settings.THROTTLE_RATES[limit.scope])
    now = time.time()
    key = _key(limit, rate, now)
    used: int | None
    try:
        used = call("INCR", key)  # atomic, so that n parallel requests see n different counts
        if used == 1:
            call("EXPIRE", key, rate.window + 1)
    except RedisAway:
        used = _without_redis(limit, key, rate)
    return None if used is None else _standing(limit.scope, rate, used, now)


def _standing(scope: str, rate: _Rate, used: int, now: float) -> Count:
    reset = rate.window - now % rate.window
    left = rate.allowed - used
    return Count(
        None if left >= 0 else reset, rate.policy, f'"{scope}";r={left if left > 0 else 0};t={math.ceil(reset)}'
    )


def _without_redis(limit: Limit, key: str, rate: _Rate) -> int | None:
    logger.warning("throttle_unavailable", extra={"scope": limit.scope})
    if not limit.durable:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_IN_DATABASE, (key, rate.window + 1))
        return int(cursor.fetchone()[0])


def _key(limit: Limit, rate: _Rate, now: float) -> str:
    digest = hashlib.sha256(limit.identity.encode()).hexdigest()[:32]
    return f"throttle:{limit.scope}:{digest}:{int(now // rate.window)}"


@cache
def _rate(scope: str, rate: str) -> _Rate:
    allowed, window = rate.split("/")
    return _Rate(int(allowed), int(window), f'"{scope}";q={allowed};w={window}')


def requester(request: Request) -> str:
    """Return who is counted where nobody is signed in: the network, as one home has a /64 of IPv6 to itself."""
    return client_network(client_address(request))


class RequestThrottle(BaseThrottle):
    """The general limit: per user when signed in, else per address.

    The limits of a view are counted together, by the first that is asked. A subclass says with ``applies`` which
    requests it counts.
    """

    durable = False
    wait_seconds: float | None = None

    def applies(self, request: Request) -> bool:
        return True

    def scope_and_identity(self, request: Request) -> tuple[str, str]:
        if own := getattr(request.auth, "counted_as", None):  # a credential with a limit to itself
            scope, identity = own
            return scope, identity
        if request.user and request.user.is_authenticated:
            return "user", str(request.user.pk)
        return "anonymous", requester(request)

    def allow_request(self, request: Request, view: "APIView") -> bool:
        if not self.applies(request):
            return True
        counted: dict[type, Count | None] | None = view.__dict__.get(_COUNTED)
        if counted is None:
            counted = view.__dict__[_COUNTED] = self._count_all(request, view)
        if type(self) in counted:
            count = counted.pop(type(self))
        else:  # a view may ask a limit by itself, besides those that it names
            count = _count(self._limit(request))
            _tell(view, [count])
        self.wait_seconds = count.wait if count else None
        return self.wait_seconds is None

    def wait(self) -> float | None:
        return self.wait_seconds

    def _limit(self, request: Request) -> Limit:
        return Limit(*self.scope_and_identity(request), self.durable)

    def _count_all(self, request: Request, view: "APIView") -> dict[type, Count | None]:
        throttles = view.get_throttles()
        if len(throttles) < 2:
            return {}
        together = [
            throttle
            for throttle in throttles
            if isinstance(throttle, RequestThrottle)
            and type(throttle).allow_request is RequestThrottle.allow_request
            and throttle.applies(request)
        ]
        if not together:
            return {}
        counts = count_together([throttle._limit(request) for throttle in together])
        _tell(view, counts)
        return {type(throttle): count for throttle, count in zip(together, counts, strict=True)}


def _tell(view: "APIView", counts: Sequence[Count | None]) -> None:
    """Put what is left into the headers that the view sends with its answer, whatever that will be."""
    headers = view.headers
    for count in counts:
        if count is None:
            continue
        if "RateLimit" in headers:
            headers["RateLimit-Policy"] += f", {count.policy}"
            headers["RateLimit"] += f", {count.left}"
        else:
            headers["RateLimit-Policy"], headers["RateLimit"] = count.policy, count.left


class NetworkThrottle(RequestThrottle):
    """Counted by network, whoever is signed in, and without Redis too. A subclass names its ``scope``."""

    durable = True
    scope = ""

    def scope_and_identity(self, request: Request) -> tuple[str, str]:
        return self.scope, requester(request)


class LoginThrottle(NetworkThrottle):
    scope = "login"


class RegisterThrottle(NetworkThrottle):
    scope = "register"


class GiftCardThrottle(RequestThrottle):
    """Asking about codes is counted more strictly than reading: whoever asks often is guessing."""

    def scope_and_identity(self, request: Request) -> tuple[str, str]:
        return "gift-card", super().scope_and_identity(request)[1]


class PaymentThrottle(RequestThrottle):
    """Starting payments is counted by user; looking at them is not."""

    def applies(self, request: Request) -> bool:
        return request.method == "POST"

    def scope_and_identity(self, request: Request) -> tuple[str, str]:
        return "payment", str(request.user.pk) if request.user.is_authenticated else requester(request)


class GuestOrderThrottle(RequestThrottle):
    """Orders of people without an account are counted by address."""

    def applies(self, request: Request) -> bool:
        return request.method == "POST" and not (request.user and request.user.is_authenticated)

    def scope_and_identity(self, request: Request) -> tuple[str, str]:
        return "guest_order", requester(request)
