"""Counting tries before they are made, exactly, however many come at once.

    attempt = lockouts.check("login", name, request=request)   # raises LockedOut; counts the try
    …                                                          # is the password, the code right?
    lockouts.succeeded(attempt)    or    lockouts.failed(attempt)    or    lockouts.given_up(attempt)

A try is counted when it begins and given back when it was right: twenty wrong ones at the same moment are twenty, of
which five are looked at. Each account, and each network, has a count. An account is also known by the networks from
which it was opened before: there it has a count of its own and no other is asked, so that strangers who keep failing
elsewhere, or a neighbour behind the same address, cannot keep its owner out. PostgreSQL is the memory: Redis may be
empty.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import DateTimeField, F
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.lockouts import limits
from accounts.lockouts.exceptions import LockedOut
from accounts.lockouts.limits import Limit
from accounts.lockouts.models import TryCount
from ecommerce.client import client_address, client_network
from ecommerce.prepared import AnyOf, Parameter, Prepared, ids
from ecommerce.transactions import retry_on_conflict

_LOCKS = Prepared(
    lambda: TryCount.objects.filter(
        AnyOf(F("pk"), ids("keys")), expires_at__gt=Parameter("now", DateTimeField())
    ).values_list("key", "locked_until")
)


LOGIN = "login"  # what is tried by whoever has a password

_COLUMNS = ["key", "failures", "counted_at", "locked_until", "expires_at"]
_ROWS = Prepared(
    lambda: TryCount.objects.filter(AnyOf(F("pk"), ids("keys"))).order_by("pk").values_list(*_COLUMNS), lock=TryCount
)
_SAVE = """
INSERT INTO accounts_trycount (key, failures, counted_at, locked_until, expires_at) VALUES {}
ON CONFLICT (key) DO UPDATE SET failures = excluded.failures, counted_at = excluded.counted_at,
    locked_until = excluded.locked_until, expires_at = excluded.expires_at
"""


@dataclass(frozen=True)
class Attempt:
    """A try that was counted. ``locks``: if it fails, the account or network waits from now on."""

    what: str
    account: UUID
    network: UUID | None
    familiar: UUID | None
    from_familiar: bool
    locks: bool
    request: HttpRequest | None


def check(what: str, who: str, *, request: HttpRequest | None) -> Attempt:
    """Count a try by ``who`` to do ``what``, before anything is compared.

    ``who`` is the name in its normal form as it was given, known or not, or an id. The same statements run either way.

    Raises:
        LockedOut: too many have failed; nothing is counted, and the wait does not grow.
    """
    account, network, familiar = _keys(what, who, client_address(request) if request is not None else "")
    keys = [key for key in (account, network, familiar) if key]
    now = timezone.now()
    # Most tries of somebody who guesses end here, for one statement and no lock.
    known: dict[UUID, datetime | None] = dict(map(tuple, _LOCKS.rows(keys=keys, now=now)))
    _refuse_locked(known, account, network, familiar, now)

    def count() -> Attempt:
        with transaction.atomic():
            rows = _locked_rows(keys)
            if missing := sorted({account, network or account} - set(rows)):
                fresh = [TryCount(key=key, counted_at=now, expires_at=now) for key in missing]
                TryCount.objects.bulk_create(fresh, ignore_conflicts=True)  # a twin that is being made is waited for
                rows = _locked_rows(keys)
            knows = familiar is not None and familiar in rows and rows[familiar].expires_at > now
            locks = {key: row.locked_until for key, row in rows.items()}
            _refuse_locked(locks, account, network, familiar if knows else None, now)
            counted = [(familiar if knows else account, limits.of_account()), (network, limits.of_network())]
            waits = [_add(rows[key], limit, now) for key, limit in counted if key is not None]
            _save(rows[key] for key, _ in counted if key is not None)
        # A network that knows the account is counted and not asked.
        return Attempt(what, account, network, familiar, knows, waits[0] if knows else any(waits), request)

    return retry_on_conflict(count)


def failed(attempt: Attempt) -> None:
    """Leave the try counted; a lock that it began goes onto the trail."""
    if attempt.locks:
        record(SecurityEvent.Kind.LOCKED_OUT, request=attempt.request, what=attempt.what)


def succeeded(attempt: Attempt) -> None:
    """Begin the count anew, and know the network from now on.

    What strangers have failed elsewhere stays counted when the owner came from a network that the account knows. The
    network's own count gets this one try back and no more: whoever has an account could clear it otherwise.
    """

    def settle() -> None:
        with transaction.atomic():
            now = timezone.now()
            rows = _locked_rows([key for key in (attempt.account, attempt.network, attempt.familiar) if key])
            if attempt.network in rows:
                _take_back(rows[attempt.network], limits.of_network())
            if attempt.familiar is not None:
                row = rows.setdefault(attempt.familiar, TryCount(key=attempt.familiar, counted_at=now))
                row.failures, row.locked_until, row.expires_at = 0, None, now + limits.FAMILIAR
            if attempt.account in rows and not attempt.from_familiar:
                row = rows[attempt.account]
                row.failures, row.locked_until = 0, None
            _save(rows.values())

    retry_on_conflict(settle)


def given_up(attempt: Attempt) -> None:
    """Take the try back: nothing was compared, so that it was neither right nor wrong."""
    counted = {attempt.familiar if attempt.from_familiar else attempt.account: limits.of_account()}
    if attempt.network is not None:
        counted[attempt.network] = limits.of_network()

    def take_back() -> None:
        with transaction.atomic():
            rows = _locked_rows([key for key in counted if key])
            for key, row in rows.items():
                _take_back(row, counted[key])
            _save(rows.values())

    retry_on_conflict(take_back)


def forgive(what: str, *names: str) -> None:
    """End the waits of these names: their owner has proved to be who they are by another way, such as a reset."""
    TryCount.objects.filter(pk__in=[_key("account", what, name) for name in names]).delete()


def _keys(what: str, who: str, address: str) -> tuple[UUID, UUID | None, UUID | None]:
    """Return the keys of the account, of the network, and of the account in this network."""
    if not address:  # a Unix socket without a proxy; one count for everybody would lock everybody
        return _key("account", what, who), None, None
    network = client_network(address)
    return _key("account", what, who), _key("network", what, network), _key("familiar", what, network, who)


def _key(*parts: str) -> UUID:
    return UUID(bytes=salted_hmac("accounts.lockouts", "\x00".join(parts), algorithm="sha256").digest()[:16])


def _refuse_locked(
    locks: dict[UUID, datetime | None], account: UUID, network: UUID | None, familiar: UUID | None, now: datetime
) -> None:
    asked = [familiar] if familiar in locks else [account, network]
    ends = [locks[key] or now for key in asked if key in locks]
    if (wait := (max(ends, default=now) - now).total_seconds()) > 0:
        raise LockedOut(wait)


def _add(row: TryCount, limit: Limit, now: datetime) -> bool:
    """Count one more failure; tell whether a wait begins with it."""
    row.failures, row.counted_at = limit.drained(row.failures, row.counted_at, now)
    row.failures += 1
    wait = limit.wait_after(row.failures)
    row.locked_until = now + wait if wait is not None else None
    row.expires_at = max(row.expires_at, now + limit.lifetime)
    return wait is not None


def _take_back(row: TryCount, limit: Limit) -> None:
    row.failures = max(0, row.failures - 1)
    row.locked_until = None if limit.wait_after(row.failures) is None else row.locked_until


def _locked_rows(keys: Sequence[UUID]) -> dict[UUID, TryCount]:
    rows = [TryCount.from_db(connection.alias, _COLUMNS, values) for values in _ROWS.rows(keys=keys)]
    return {row.key: row for row in rows}


def _save(rows: Iterable[TryCount]) -> None:
    """Write locked rows, and new ones, in one statement and in the order of all locks."""
    if not (ordered := sorted(rows, key=lambda row: row.key)):
        return
    values = [getattr(row, name) for row in ordered for name in _COLUMNS]
    with connection.cursor() as cursor:
        cursor.execute(_SAVE.format(", ".join(["(%s, %s, %s, %s, %s)"] * len(ordered))), values)
