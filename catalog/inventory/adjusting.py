"""Goods that come, go and move between warehouses, as staff say it: all of a request or nothing of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from accounts.models import User
from catalog import stock
from catalog.exceptions import InsufficientStock, ProductUnavailable
from catalog.inventory.exceptions import InsufficientInWarehouse, WarehouseClosed
from catalog.inventory.models import Warehouse
from catalog.inventory.picking import balances_of
from catalog.models import Stock, StockMovement
from ecommerce.exceptions import ErrorRow
from ecommerce.models import new_id

Kind = StockMovement.Kind


@dataclass(frozen=True)
class Adjustment:
    """Units that came into a warehouse (or left it, negative). ``attr`` is where it stood in the request."""

    variant_id: UUID
    warehouse: Warehouse
    change: int
    kind: Kind = Kind.ADJUST
    reason: str = ""
    attr: str = ""


@dataclass(frozen=True)
class Moved:
    """Units that go from one warehouse to another."""

    variant_id: UUID
    units: int
    attr: str = ""


@transaction.atomic
def adjust(adjustments: Sequence[Adjustment], *, actor: User | None = None) -> None:
    """Write what came and what went, each with its reason. Locks the stock rows.

    Raises:
        ProductUnavailable: a variant has no stock (any more).
        WarehouseClosed: goods would come into a warehouse that is closed.
        InsufficientStock: more would be taken than is not promised to orders.
        InsufficientInWarehouse: more would be taken than lies there. Each names every line; nothing is changed.
    """
    rows = stock.lock_stock(line.variant_id for line in adjustments)
    _refuse_unknown(adjustments, rows)
    closed = [line for line in adjustments if line.change > 0 and not line.warehouse.is_active]
    if closed:
        raise WarehouseClosed(_rows(WarehouseClosed.code, WarehouseClosed.message, closed, "warehouse"))
    total: Counter[UUID] = Counter()
    there: Counter[tuple[UUID, UUID]] = Counter()
    for line in adjustments:
        total[line.variant_id] += line.change
        there[line.variant_id, line.warehouse.pk] += line.change
    short = [
        line
        for line in adjustments
        if line.change < 0
        and total[line.variant_id] < 0
        and rows[line.variant_id].available + total[line.variant_id] < 0
    ]
    if short:
        raise InsufficientStock(
            [
                ErrorRow(
                    InsufficientStock.code,
                    f"Only {rows[line.variant_id].units_here} of this variant can be taken; "
                    "the others are promised to orders.",
                    f"{line.attr}.change",
                )
                for line in short
            ]
        )
    balances = balances_of(total)
    missing = [
        (line, balances.get(line.variant_id, {}).get(line.warehouse.pk, 0))
        for line in adjustments
        if line.change < 0
        and balances.get(line.variant_id, {}).get(line.warehouse.pk, 0) + there[line.variant_id, line.warehouse.pk] < 0
    ]
    if missing:
        raise InsufficientInWarehouse(
            [
                ErrorRow(InsufficientInWarehouse.code, f"Only {units} lie in {line.warehouse}.", f"{line.attr}.change")
                for line, units in missing
            ]
        )
    stock.apply_changes(
        [
            stock.Change(
                variant_id=line.variant_id,
                kind=line.kind,
                available=line.change,
                on_hand=line.change,
                reason=line.reason,
                warehouse_id=line.warehouse.pk,
            )
            for line in adjustments
        ],
        actor=actor,
    )


@transaction.atomic
def transfer(
    moved: Sequence[Moved], *, source: Warehouse, target: Warehouse, reason: str = "", actor: User | None = None
) -> UUID:
    """Move goods between two warehouses, promised ones too: what can be sold stays the same. Return the transfer's id.

    Each line is two movements that name the transfer and add up to nothing.

    Raises:
        ProductUnavailable, WarehouseClosed
        InsufficientInWarehouse: there is not so much to be moved; names every line. Nothing is changed.
    """
    if not target.is_active:
        raise WarehouseClosed([ErrorRow(WarehouseClosed.code, WarehouseClosed.message, "to_warehouse")])
    rows = stock.lock_stock(line.variant_id for line in moved)
    _refuse_unknown(moved, rows)
    wanted: Counter[UUID] = Counter()
    for line in moved:
        wanted[line.variant_id] += line.units
    balances = balances_of(wanted, warehouse_id=source.pk)
    missing = [
        (line, balances.get(line.variant_id, {}).get(source.pk, 0))
        for line in moved
        if balances.get(line.variant_id, {}).get(source.pk, 0) < wanted[line.variant_id]
    ]
    if missing:
        raise InsufficientInWarehouse(
            [
                ErrorRow(InsufficientInWarehouse.code, f"Only {units} lie in {source}.", f"{line.attr}.units")
                for line, units in missing
            ]
        )
    document_id = new_id()
    stock.apply_changes(
        [
            stock.Change(
                variant_id=variant_id,
                kind=Kind.TRANSFER,
                on_hand=change,
                reason=reason,
                warehouse_id=place.pk,
                document_id=document_id,
            )
            for variant_id, units in wanted.items()
            for place, change in ((source, -units), (target, units))
        ],
        actor=actor,
    )
    return document_id


def _refuse_unknown(lines: Iterable[Adjustment | Moved], rows: dict[UUID, Stock]) -> None:
    unknown = [line for line in lines if line.variant_id not in rows]
    if unknown:
        raise ProductUnavailable(_rows(ProductUnavailable.code, ProductUnavailable.message, unknown, "variant_id"))


def _rows(code: str, detail: str, lines: Iterable[Adjustment | Moved], field: str) -> list[ErrorRow]:
    return [ErrorRow(code, detail, f"{line.attr}.{field}") for line in lines]
