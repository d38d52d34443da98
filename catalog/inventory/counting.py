"""Counting the shelves by file.

What was counted is compared with what the ledger says of the moment of counting: the balance now, without what came
and went in that warehouse since. So goods may be sold, received and transferred between counting and applying, and the
difference stays what it was. A correction by a count is true from the moment of *its* counting on, so two counts of the
same shelf do not correct it twice, in whichever order they are applied; an older one has nothing more to say.

What is promised to orders stays promised: of missing goods only those are taken off that nobody was promised. The rest
is ``short`` and waits for a person, who cancels orders, or finds or transfers goods, and applies the count again.

Locks: the count, then stock rows in their one order.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from catalog import stock
from catalog.inventory.count_files import SHOWN_BAD_LINES, Counted, read_count
from catalog.inventory.exceptions import CountLinesUnreadable, CountStarted, CountUnreadable, WarehouseClosed
from catalog.inventory.models import StockCount, StockCountLine, Warehouse
from catalog.models import Product, StockMovement, Variant
from catalog.tasks import apply_count as apply_count_task
from ecommerce.exceptions import ErrorRow
from ecommerce.models import OutboxMessage, new_id
from ecommerce.outbox import Postpone

State = StockCount.State
LineState = StockCountLine.State

AT_ONCE = 1000  # lines; more are applied by a worker
CHUNK = 500  # lines that a worker applies in one transaction
# A worker goes on for this long, in seconds, and then lets others have their turn. Owed work is cut off at 40.
TURN = 20.0
OLDEST = timedelta(days=31)
CLOCKS_DIFFER = timedelta(minutes=5)

_OPEN = (LineState.OPEN, LineState.SHORT)

# What came since, and what was counted later, are gathered once and not looked up for each line: a new table of lines
# has no statistics yet. Movements of counts are found by their creation, which is after their counting, and then looked
# at by that.
_COMPARE = """
WITH since AS MATERIALIZED (
    SELECT m.variant_id, sum(m.on_hand_change) AS units
    FROM catalog_stockmovement AS m
    LEFT JOIN catalog_stockcount AS c ON m.kind = 'count' AND c.id = m.document_id
    WHERE m.warehouse_id = %(warehouse)s AND m.created_at > %(counted_at)s
        AND coalesce(c.counted_at, m.created_at) > %(counted_at)s
    GROUP BY m.variant_id
), later AS MATERIALIZED (
    SELECT l.variant_id
    FROM catalog_stockcountline AS l JOIN catalog_stockcount AS c ON c.id = l.count_id
    WHERE c.warehouse_id = %(warehouse)s AND c.counted_at > %(counted_at)s AND l.state IN ('applied', 'short')
)
SELECT l.id, l.variant_id, l.counted, coalesce(b.on_hand, 0), coalesce(s.units, 0), k.available,
    l.variant_id IN (SELECT variant_id FROM later)
FROM catalog_stockcountline AS l
JOIN catalog_stock AS k ON k.variant_id = l.variant_id
LEFT JOIN catalog_warehousestock AS b ON b.variant_id = l.variant_id AND b.warehouse_id = %(warehouse)s
LEFT JOIN since AS s ON s.variant_id = l.variant_id
WHERE l.count_id = %(count)s AND (%(lines)s::bigint[] IS NULL OR l.id = ANY(%(lines)s::bigint[]))
"""


@dataclass(frozen=True)
class _Line:
    """A line beside what the ledger says now."""

    id: int
    variant_id: UUID
    counted: int
    lying: int  # in this warehouse, now
    since: int  # of that, what came (or went) after the counting
    available: int  # everywhere, now
    superseded: bool

    @property
    def expected(self) -> int:
        return self.lying - self.since

    @property
    def difference(self) -> int:
        return self.counted - self.expected

    @property
    def change(self) -> int:
        """What can be written: not more is taken off than lies there and is promised to nobody."""
        return max(self.difference, -min(max(self.available, 0), self.lying))

    @property
    def short(self) -> int:
        return self.change - self.difference


# --- uploading


def upload_count(
    *, warehouse: Warehouse, name: str, raw: bytes, counted_at: datetime | None = None, actor: User
) -> StockCount:
    """Keep what was counted in a warehouse, without writing anything to the ledger.

    ``counted_at`` is when; without it, now.

    Raises:
        WarehouseClosed: nothing lies there.
        CountTooLarge, CountUnreadable, CountLinesUnreadable: nothing of the file is kept.
    """
    if not warehouse.is_active:
        raise WarehouseClosed([ErrorRow(WarehouseClosed.code, WarehouseClosed.message, "warehouse")])
    now = timezone.now()
    if counted_at is not None and not now - OLDEST < counted_at < now + CLOCKS_DIFFER:
        raise CountUnreadable(
            f"Give a time of the last {OLDEST.days} days, not one to come.", code="counted_at_wrong", attr="counted_at"
        )
    lines = read_count(raw)
    variants = _variants(lines)
    count = StockCount(
        warehouse=warehouse,
        name="".join(character for character in name if character.isprintable())[:200],
        counted_at=min(counted_at or now, now),
        line_count=len(lines),
        created_by=actor,
    )
    return _keep(count, lines, variants)


@transaction.atomic
def _keep(count: StockCount, lines: Sequence[Counted], variants: dict[str, UUID]) -> StockCount:
    count.save(force_insert=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO catalog_stockcountline "
            "(count_id, number, variant_id, counted, expected, sheet_expected, short, state) "
            "SELECT %s, n, v, c, 0, e, 0, 'open' "
            "FROM unnest(%s::int[], %s::uuid[], %s::int[], %s::int[]) AS t (n, v, c, e)",
            [
                count.pk,
                [line.number for line in lines],
                [str(variants[line.sku]) for line in lines],
                [line.counted for line in lines],
                [line.expected for line in lines],
            ],
        )
    _note(_compared(count), state=False)
    return count


def _variants(lines: Sequence[Counted]) -> dict[str, UUID]:
    """Return the variants of all lines.

    Raises:
        CountLinesUnreadable: names those that the shop does not keep in stock.
    """
    kept = Variant.objects.filter(product__kind=Product.Kind.PHYSICAL, stock_level__isnull=False)
    known = dict(kept.filter(sku__in=[line.sku for line in lines]).values_list("sku", "pk"))
    unknown = [
        (line.number, "sku_unknown", f"{line.sku!r} is no SKU that is kept in stock.")
        for line in lines
        if line.sku not in known
    ]
    if unknown:
        raise CountLinesUnreadable(unknown[:SHOWN_BAD_LINES], bad_lines=len(unknown))
    return known


@transaction.atomic
def delete_count(count_id: UUID) -> None:
    """Throw a count away that was not applied.

    Raises:
        StockCount.DoesNotExist: it is gone.
        CountStarted: it was, in part at least.
    """
    if _locked(count_id).state != State.READY:
        raise CountStarted()
    StockCount.objects.filter(pk=count_id).delete()


# --- applying


@transaction.atomic
def apply_count(count_id: UUID, *, actor: User) -> StockCount:
    """Write the differences of a count into the ledger: at once, or by a worker when there are many lines.

    A repeat writes nothing, except what was short and is not any more.

    Raises:
        StockCount.DoesNotExist: it is gone.
        WarehouseClosed: the warehouse has been closed since.
    """
    count = _locked(count_id)
    open_lines = count.lines.filter(state__in=_OPEN).count()
    if not open_lines or (count.state == State.APPLYING and _is_owed(count)):
        return count
    if not count.warehouse.is_active:
        raise WarehouseClosed()
    count.applied_by = actor
    if open_lines > AT_ONCE:
        count.state, count.applied_at = State.APPLYING, None
        count.save(update_fields=["state", "applied_at", "applied_by", "updated_at"])
        apply_count_task.owe(f"apply-count:{count.pk}:{new_id()}", count_id=str(count.pk))
        return count
    _apply_lines(count, list(count.lines.filter(state__in=_OPEN).values_list("pk", flat=True)))
    _finish(count)
    return count


def work_on_count(count_id: UUID) -> None:
    """Apply the lines of a large count, chunk by chunk. Called by a worker, outside a transaction.

    Raises:
        Postpone: its turn is over.
    """
    until = time.monotonic() + TURN
    last = 0
    while True:
        with transaction.atomic():
            count = _locked(count_id)
            if count.state != State.APPLYING:
                return
            # Lines that were short before are tried once in each run.
            chunk = list(
                count.lines.filter(state__in=_OPEN, pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]
            )
            if not chunk:
                _finish(count)
                return
            _apply_lines(count, chunk)
            last = chunk[-1]
        if time.monotonic() > until:
            raise Postpone(timedelta(seconds=1), "more lines to apply")


def _apply_lines(count: StockCount, line_ids: list[int]) -> None:
    stock.lock_stock(count.lines.filter(pk__in=line_ids).values_list("variant_id", flat=True))
    lines = _compared(count, line_ids)
    stock.apply_changes(
        [
            stock.Change(
                variant_id=line.variant_id,
                kind=StockMovement.Kind.COUNT,
                available=line.change,
                on_hand=line.change,
                reason=count.name,
                warehouse_id=count.warehouse_id,
                document_id=count.pk,
            )
            for line in lines
            if line.change and not line.superseded
        ],
        actor=count.applied_by,
    )
    _note(lines, state=True)


def _compared(count: StockCount, line_ids: list[int] | None = None) -> list[_Line]:
    parameters: dict[str, Any] = {
        "count": count.pk,
        "warehouse": count.warehouse_id,
        "counted_at": count.counted_at,
        "lines": line_ids,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COMPARE, parameters)
        return [_Line(*row) for row in cursor.fetchall()]


def _note(lines: Sequence[_Line], *, state: bool) -> None:
    """Keep what was expected and what is short; with ``state`` also that the lines have been applied."""
    states = [_state_of(line) if state else LineState.OPEN for line in lines]
    # What a line that was short had expected once stays: it is the reader's difference.
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE catalog_stockcountline AS l SET short = t.short, state = t.state, "
            "expected = CASE WHEN l.state = 'short' THEN l.expected ELSE t.expected END "
            "FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::text[]) AS t (id, expected, short, state) "
            "WHERE l.id = t.id",
            [
                [line.id for line in lines],
                [line.expected for line in lines],
                [0 if line.superseded else line.short for line in lines],
                [str(name) for name in states],
            ],
        )


def _state_of(line: _Line) -> LineState:
    if line.superseded:
        return LineState.SUPERSEDED
    return LineState.SHORT if line.short else LineState.APPLIED


def _finish(count: StockCount) -> None:
    count.state, count.applied_at = State.APPLIED, timezone.now()
    count.save(update_fields=["state", "applied_at", "applied_by", "updated_at"])


def _locked(count_id: UUID) -> StockCount:
    return StockCount.objects.select_for_update(no_key=True).get(pk=count_id)


def _is_owed(count: StockCount) -> bool:
    """Tell whether a worker will go on with it: its message may have been given up."""
    messages = OutboxMessage.objects.filter(topic=apply_count_task.name, payload={"count_id": str(count.pk)})
    return messages.filter(done_at__isnull=True, dead_at__isnull=True).exists()
