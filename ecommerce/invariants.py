"""What must be true of the shop's rows: one query each, and every row that a query gives is a culprit.

Apps register theirs by a group's name. ``manage.py check_invariants`` runs them, after fault tests for instance;
``check_catalogue``, ``check_orders`` and ``check_ledger`` run a group alone. At night a worker runs them, and tells
those who run the shop.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from ecommerce.checking import Check
from ecommerce.health import record_heartbeat
from ecommerce.mail import send_template
from ecommerce.models import Heartbeat
from ecommerce.tasks import mail_broken_invariants

logger = logging.getLogger(__name__)

LONGEST = "120s"  # of one query
ONCE_IN = timedelta(hours=12)
TOLD = 20  # broken invariants in a mail, and culprits of each that are named anywhere


@dataclass(frozen=True)
class Verdict:
    """What a check has found: nothing, if all is well."""

    group: str
    name: str
    culprits: list[str]


_groups: dict[str, tuple[Check, ...]] = {}


def register(group: str, checks: Sequence[Check]) -> None:
    _groups[group] = tuple(checks)


def violations(check: Check, limit: int = TOLD) -> Iterator[str]:
    """Return the first ``limit`` culprits of a check."""
    with connection.cursor() as cursor:
        cursor.execute(check.sql)
        for row in cursor.fetchmany(limit):
            yield str(row[0])


def verify(groups: Collection[str] = ()) -> list[Verdict]:
    """Run the checks of these groups, or all. Must not run inside a transaction."""
    # One snapshot for all: what is written meanwhile must not look like a difference.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [LONGEST])
        return [
            Verdict(group, check.name, list(violations(check)))
            for group, checks in sorted(_groups.items())
            if not groups or group in groups
            for check in checks
        ]


def verify_nightly() -> list[Verdict]:
    """Run every check, unless that was done a few hours ago; log what is broken and owe a mail about it."""
    if Heartbeat.objects.filter(name="invariants", seen_at__gt=Now() - ONCE_IN).exists():
        return []
    broken = [verdict for verdict in verify() if verdict.culprits]
    for verdict in broken:
        logger.error(
            "invariant_broken",
            extra={"group": verdict.group, "invariant": verdict.name, "culprits": len(verdict.culprits)},
        )
    with transaction.atomic():
        if broken:
            _owe_mails(broken)
        record_heartbeat("invariants")
    return broken


def mail_broken(rows: Sequence[Sequence[str]], count: int, *, user_id: str, address: str) -> None:
    """Tell one person what is broken. Called by a worker, outside a transaction."""
    if user_id:
        reader = _readers().filter(pk=user_id).first()
        if reader is None:  # runs the shop no more
            return
        address = reader.email
    context = {"rows": rows, "count": count, "more": count - len(rows)}
    send_template("ecommerce/invariants_broken", to=address, context=context)


def _owe_mails(broken: Sequence[Verdict]) -> None:
    rows = [[verdict.group, verdict.name, verdict.culprits[0]] for verdict in broken[:TOLD]]
    today = timezone.now().strftime("%Y-%m-%dT%H")
    told = [{"user_id": "", "address": address} for address in settings.ALERT_EMAILS]
    if not told:
        told = [{"user_id": str(pk), "address": ""} for pk in _readers().values_list("pk", flat=True)]
    for who in told:
        key = f"invariants:{today}:{who['user_id'] or who['address']}"[:200]
        mail_broken_invariants.owe(key, rows=rows, count=len(broken), **who)


def _readers() -> QuerySet[Any]:
    """Return those who are told where no address is set."""
    users = get_user_model()._default_manager
    return users.filter(~Q(email=""), is_active=True, is_superuser=True, email__isnull=False)
