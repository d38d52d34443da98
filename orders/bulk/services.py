"""Moving many orders on, one by one: what goes well stays, and what does not is told."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import DatabaseError, InterfaceError
from rest_framework.exceptions import APIException
from rest_framework.response import Response

from accounts.models import User
from ecommerce import idempotency
from ecommerce.exceptions import DomainError, ErrorRow, translate_database_error
from orders.editing.statuses import change_status
from orders.exceptions import OrderNotFound
from orders.models import Order
from orders.selectors import orders_visible_to

MOST = 100
_OPERATION = "orders.bulk"


class Action(StrEnum):
    SHIP = "ship"
    DELIVER = "deliver"
    CANCEL = "cancel"


TARGETS = {
    Action.SHIP: Order.Status.SHIPPED,
    Action.DELIVER: Order.Status.DELIVERED,
    Action.CANCEL: Order.Status.CANCELLED,
}


@dataclass(frozen=True)
class Outcome:
    """What became of one order; ``errors`` say why it stayed as it was."""

    order_id: UUID
    number: str = ""
    status: str = ""
    errors: list[ErrorRow] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        return not self.errors


def run_bulk(order_ids: Iterable[UUID], action: Action, *, actor: User, key: str, note: str = "") -> Iterator[Outcome]:
    """Do one thing with each order, in the order given, and yield what became of it.

    Each has a transaction of its own. An order that was done under ``key`` before is not done again, though the request
    may have died half way; one that was refused is tried again. Must not run inside a transaction.

    Raises:
        IdempotencyKeyReused: the key stands for something else.
    """
    ids = list(dict.fromkeys(order_ids))
    _claim(ids, action, actor=actor, note=note, key=key)
    known = dict(orders_visible_to(actor).filter(pk__in=ids).order_by().values_list("pk", "number"))
    for order_id in ids:
        if order_id not in known:
            yield Outcome(order_id, errors=OrderNotFound().rows)
        else:
            yield _run(order_id, known[order_id], action, actor=actor, note=note, key=key)


def _claim(ids: Iterable[UUID], action: Action, *, actor: User, note: str, key: str) -> None:
    """Let a key stand for this and no other request."""
    text = "\n".join([action, note, *sorted(map(str, ids))])
    idempotency.once(
        owner=f"user:{actor.pk}",
        operation=_OPERATION,
        key=key,
        fingerprint=_digest(text),
        effect=lambda: Response({}),
    )


def _run(order_id: UUID, number: str, action: Action, *, actor: User, note: str, key: str) -> Outcome:
    def effect() -> Response:
        order = change_status(order_id, TARGETS[action], actor=actor, note=note)
        return Response({"status": order.status})

    try:
        answer: Any = idempotency.once(
            owner=f"user:{actor.pk}",
            operation=f"{_OPERATION}.order",
            key=_digest(f"{key}\n{order_id}"),
            fingerprint=_digest(f"{action}\n{note}"),
            effect=effect,
        )
    except (APIException, DatabaseError, InterfaceError) as error:
        return Outcome(order_id, number, errors=_rows_of(error))
    return Outcome(order_id, number, status=answer.data["status"])


def _rows_of(error: Exception) -> list[ErrorRow]:
    """Return a refusal as rows.

    Raises:
        DatabaseError: it is a fault of ours.
    """
    refusal = error if isinstance(error, APIException) else None
    if isinstance(error, DatabaseError | InterfaceError):
        refusal = translate_database_error(error)
    if refusal is None:
        raise error
    if isinstance(refusal, DomainError):
        return refusal.rows
    return [ErrorRow(str(refusal.get_codes()), str(refusal.detail))]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
