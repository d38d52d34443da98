"""``Idempotency-Key``: a write that is sent twice happens once and answers twice.

The key row is inserted in the transaction of the effect, with the answer; a rollback removes both. A parallel
twin waits on the unique index and then finds the winner's answer. Refusals that changed nothing are not kept: a
retry may heal them.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone
from psycopg2 import Binary
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from ecommerce.exceptions import DomainError, ErrorRow, sqlstate
from ecommerce.models import IdempotencyKey
from ecommerce.prepared import Statement
from ecommerce.transactions import retry_on_conflict

RETENTION: timedelta = settings.IDEMPOTENCY_RETENTION
HEADER = "Idempotency-Key"
_BEGIN = Statement(
    """
INSERT INTO ecommerce_idempotencykey (owner, operation, key, fingerprint, created_at, expires_at)
VALUES (%(owner)s, %(operation)s, %(key)s, %(fingerprint)s, statement_timestamp(), %(expires_at)s)
""",
    owner="text",
    operation="text",
    key="text",
    fingerprint="text",
    expires_at="timestamptz",
)
_ANSWER = Statement(
    """
UPDATE ecommerce_idempotencykey SET status_code = %(status)s, body = %(body)s
WHERE owner = %(owner)s AND operation = %(operation)s AND key = %(key)s
""",
    status="int",
    body="bytea",
    owner="text",
    operation="text",
    key="text",
)


class _Step(NamedTuple):
    """What is to be done once."""

    owner: str
    operation: str
    key: str
    fingerprint: str


class IdempotencyKeyInvalid(DomainError):
    status_code = 400
    code = "idempotency_key_invalid"
    message = "Idempotency-Key must be 1 to 255 printable ASCII characters."


class IdempotencyKeyRequired(DomainError):
    status_code = 400
    code = "idempotency_key_required"
    message = "Send an Idempotency-Key header with this request."


class IdempotencyKeyReused(DomainError):
    status_code = 422
    code = "idempotency_key_reused"
    message = "This Idempotency-Key was already used for another request."


class IdempotencyInProgress(DomainError):
    code = "idempotency_in_progress"
    message = "The first request with this Idempotency-Key is still running."
    wait = 1


def run_once(
    request: Request,
    *,
    owner: str,
    operation: str,
    effect: Callable[[], Response],
    required: bool = False,
    default_key: str = "",
    content: str = "",
) -> Response:
    """Run ``effect`` in one transaction, at most once per key, and return its answer or the stored one.

    ``content`` is the checksum of an uploaded file, of which the body itself tells only the name.

    Without a key, and without ``default_key``, the effect simply runs. The effect must not touch the network.

    Raises:
        IdempotencyKeyRequired: ``required``, and none came.
        IdempotencyKeyInvalid: it is empty, too long or not printable ASCII.
        IdempotencyKeyReused: the key stands for a request with another body or path.
        IdempotencyInProgress: the first one has not finished within the lock time-out.
    """
    key = key_of(request, required=required) or default_key
    if not key:
        return retry_on_conflict(lambda: _in_transaction(effect))
    return once(owner=owner, operation=operation, key=key, fingerprint=_fingerprint(request, content), effect=effect)


def key_of(request: Request, *, required: bool = False) -> str:
    """Return the key that a request brings; empty: none.

    Raises:
        IdempotencyKeyRequired, IdempotencyKeyInvalid
    """
    key = request.headers.get(HEADER)
    if key is None:
        if required:
            raise IdempotencyKeyRequired()
        return ""
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise IdempotencyKeyInvalid([ErrorRow(IdempotencyKeyInvalid.code, IdempotencyKeyInvalid.message, HEADER)])
    return key


def once(*, owner: str, operation: str, key: str, fingerprint: str, effect: Callable[[], Response]) -> Response:
    """Do what ``run_once`` does for one step of a request, by a key and a ``fingerprint`` (64 characters) of its own.

    Raises:
        IdempotencyKeyReused, IdempotencyInProgress
    """
    step = _Step(owner, operation, key, fingerprint)
    # The IntegrityError is caught outside the atomic block: inside, the transaction is broken already.
    try:
        return retry_on_conflict(lambda: _first_time(step, effect))
    except IntegrityError as error:
        if "idempotency_key_once" not in str(error):
            raise
    return _replay(step)


def _in_transaction(effect: Callable[[], Response]) -> Response:
    with transaction.atomic():
        return effect()


def _first_time(step: _Step, effect: Callable[[], Response]) -> Response:
    with transaction.atomic():
        try:
            _BEGIN.run(**step._asdict(), expires_at=timezone.now() + RETENTION)
        except OperationalError as error:
            if sqlstate(error) == "55P03":  # the first one holds the key for longer than the lock time-out
                raise IdempotencyInProgress() from None
            raise
        response = effect()
        body = JSONRenderer().render(response.data)
        _ANSWER.run(
            status=response.status_code, body=Binary(body), owner=step.owner, operation=step.operation, key=step.key
        )
        return response


def _replay(step: _Step) -> Response:
    stored = IdempotencyKey.objects.filter(owner=step.owner, operation=step.operation, key=step.key).first()
    if stored is None or stored.status_code is None or stored.body is None:
        raise IdempotencyInProgress()
    if stored.fingerprint != step.fingerprint:
        raise IdempotencyKeyReused()
    data: Any = json.loads(bytes(stored.body))
    return Response(data, status=stored.status_code, headers={"Idempotent-Replayed": "true"})


def _fingerprint(request: Request, content: str) -> str:
    canonical = json.dumps(request.data, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(f"{request.path}\n{canonical}{content}".encode()).hexdigest()
