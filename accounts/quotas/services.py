"""Spending from a quota: exact under concurrency, counted in PostgreSQL."""

import time
from datetime import UTC, datetime
from ipaddress import IPv4Address, ip_address

from django.db import connection, transaction
from django.utils.crypto import salted_hmac
from rest_framework.exceptions import Throttled

_COUNT = """
INSERT INTO accounts_quota (scope, identity, ends_at, used) VALUES (%s, %s, %s, 1)
ON CONFLICT (scope, identity, ends_at) DO UPDATE SET used = accounts_quota.used + 1 RETURNING used
"""


@transaction.atomic
def spend(scope: str, identity: str, limit: str) -> None:
    """Count one use of ``limit``, a ``count/seconds``; one that is refused is not counted.

    Inside a transaction the counter stays locked until its end. Who spends several takes them in one order: by phone,
    by network, by country.

    Raises:
        Throttled: the window is used up; it says when the next one begins.
    """
    allowed, seconds = (int(part) for part in limit.split("/"))
    now = time.time()
    end = (int(now // seconds) + 1) * seconds
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, (scope, _keyed(identity), datetime.fromtimestamp(end, UTC)))
        [used] = cursor.fetchone()
    if used > allowed:
        raise Throttled(wait=end - now)


def network_of(address: str) -> str:
    """Return what one customer may be expected to hold: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or (int(parsed) >> 64))


def _keyed(identity: str) -> str:
    return salted_hmac("accounts.quotas", identity, algorithm="sha256").hexdigest()
