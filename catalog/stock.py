"""Stock: the only place that writes ``Stock`` and ``StockMovement``.

Rows are locked in one order everywhere, by product and then variant, in one statement: two orders with the same
things in opposite order must not deadlock. The trigger that keeps ``Product.in_stock`` locks products in that same
order. Balances of warehouses follow the movements by a trigger, and are safe under the same locks.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from accounts.models import User
from catalog.exceptions import InsufficientStock, ProductUnavailable
from catalog.inventory.availability import AvailabilityPolicy, Selling
from catalog.inventory.picking import Pick, pick
from catalog.models import Stock, StockMovement, Variant
from ecommerce.exceptions import ErrorRow
from ecommerce.prepared import Statement


@dataclass(frozen=True)
class Change:
    """What one movement does to one variant; ``order_item_id`` makes it happen at most once per kind and part.

    Goods that name no warehouse are the default one's.
    """

    variant_id: UUID
    kind: StockMovement.Kind
    available: int = 0
    on_hand: int = 0
    order_item_id: UUID | None = None
    reason: str = ""
    warehouse_id: UUID | None = None
    part: int = 0
    document_id: UUID | None = None


@dataclass(frozen=True)
class Sale:
    """Units of an order's line that leave the shelf.

    One that left in part before goes on with the ``first_part`` after those; what was sold is not sold again.
    """

    order_item_id: UUID
    variant_id: UUID
    units: int
    first_part: int = 0


# Movements and counters in one round trip: the rows are locked while it lasts.
_APPLY = Statement(
    """
WITH movements AS (
    INSERT INTO catalog_stockmovement (
        variant_id, kind, available_change, on_hand_change, warehouse_id, order_item_id, part, document_id, reason,
        actor_id, created_at
    )
    SELECT m.*, %(actor)s, statement_timestamp()
    FROM unnest(
        %(variants)s, %(kinds)s, %(available)s, %(on_hand)s, %(warehouses)s,
        %(items)s, %(parts)s, %(documents)s, %(reasons)s
    ) AS m
)
UPDATE catalog_stock AS s SET available = s.available + c.available, on_hand = s.on_hand + c.on_hand
FROM unnest(%(totals)s, %(totals_available)s, %(totals_on_hand)s)
    AS c (variant_id, available, on_hand)
WHERE s.variant_id = c.variant_id
""",
    variants="uuid[]",
    kinds="text[]",
    available="int[]",
    on_hand="int[]",
    warehouses="uuid[]",
    items="uuid[]",
    parts="int[]",
    documents="uuid[]",
    reasons="text[]",
    actor="uuid",
    totals="uuid[]",
    totals_available="int[]",
    totals_on_hand="int[]",
)


# Steps of a statement that places an order: they take the units that ``taking`` tells them, of rows that are locked.
TAKING = """
wanted AS (
    SELECT * FROM unnest(%(variants)s, %(units)s, %(lines)s) AS w (variant_id, units, order_item_id)
), moved AS (
    INSERT INTO catalog_stockmovement (
        variant_id, kind, available_change, on_hand_change, order_item_id, part, reason, actor_id, created_at
    )
    SELECT variant_id, 'reserve', -units, 0, order_item_id, 0, '', %(actor)s, statement_timestamp() FROM wanted
), taken AS (
    UPDATE catalog_stock AS s SET available = s.available - w.units
    FROM wanted AS w WHERE s.variant_id = w.variant_id
)"""
TAKING_TYPES = {"variants": "uuid[]", "units": "int[]", "lines": "uuid[]", "actor": "uuid"}


class Taking(NamedTuple):
    """Units that an order's line takes of what can be sold."""

    variant_id: UUID
    units: int
    order_item_id: UUID


def taking(lines: Sequence[Taking], *, actor_id: UUID | None) -> dict[str, Any]:
    """Return the values that ``TAKING`` takes."""
    columns = [[line[place] for line in lines] for place in range(len(Taking._fields))]
    return dict(zip(TAKING_TYPES, [*columns, actor_id], strict=True))


def lock_stock(variant_ids: Iterable[UUID]) -> dict[UUID, Stock]:
    """Lock the stock rows of these variants, in the one order, and return them by variant."""
    rows = (
        Stock.objects.select_for_update(of=("self",), no_key=True)
        .filter(variant_id__in=set(variant_ids))
        .order_by("product_id", "variant_id")
    )
    return {row.variant_id: row for row in rows}


def apply_changes(changes: Iterable[Change], *, actor: User | None = None) -> None:
    """Write movements and the counters they change, in one statement. The rows must be locked already.

    Raises:
        IntegrityError: a counter or a balance would become negative, or an order item's movement exists already.
    """
    changes = list(changes)
    if not changes:
        return
    totals: dict[UUID, list[int]] = {}
    for change in changes:
        total = totals.setdefault(change.variant_id, [0, 0])
        total[0] += change.available
        total[1] += change.on_hand
    _APPLY.run(
        variants=[change.variant_id for change in changes],
        kinds=[str(change.kind) for change in changes],
        available=[change.available for change in changes],
        on_hand=[change.on_hand for change in changes],
        warehouses=[change.warehouse_id for change in changes],
        items=[change.order_item_id for change in changes],
        parts=[change.part for change in changes],
        documents=[change.document_id for change in changes],
        reasons=[change.reason for change in changes],
        actor=actor.pk if actor else None,
        totals=list(totals),
        totals_available=[available for available, _ in totals.values()],
        totals_on_hand=[on_hand for _, on_hand in totals.values()],
    )


def sell(sales: Iterable[Sale], *, warehouse_id: UUID | None = None, actor: User | None = None) -> set[UUID]:
    """Take sold goods off the shelf, from the warehouses that ``pick`` says, or all from one, and return these.

    Locks the stock rows. The goods were promised before, so there are enough of them, but perhaps not in the warehouse
    that is named.

    Raises:
        InsufficientInWarehouse: not all lies there; nothing is taken.
    """
    sales = sorted(sales, key=lambda sale: sale.order_item_id)
    lock_stock(sale.variant_id for sale in sales)
    wanted: Counter[UUID] = Counter()
    for sale in sales:
        wanted[sale.variant_id] += sale.units
    picked: dict[UUID, list[Pick]] = {}
    places = set()
    for part in pick(wanted, warehouse_id=warehouse_id):
        picked.setdefault(part.variant_id, []).append(part)
        places.add(part.warehouse_id)
    apply_changes(
        [
            Change(
                variant_id=sale.variant_id,
                kind=StockMovement.Kind.SELL,
                on_hand=-units,
                order_item_id=sale.order_item_id,
                warehouse_id=place,
                part=number,
            )
            for sale in sales
            for number, (place, units) in enumerate(_take(picked[sale.variant_id], sale.units), sale.first_part)
        ],
        actor=actor,
    )
    return places


@transaction.atomic
def adjust_stock(
    changes: Mapping[UUID, int],
    *,
    kind: StockMovement.Kind = StockMovement.Kind.ADJUST,
    reason: str = "",
    actor: User | None = None,
) -> None:
    """Add units to (or take them from) the shelf of each variant; all or nothing.

    What comes is put into the default warehouse, what goes is taken from where an order would take it;
    ``catalog.inventory.adjusting`` does the same where somebody says which one.

    Raises:
        ProductUnavailable: a variant is unknown or has no stock row; names each.
        InsufficientStock: more would be taken than is available; names every variant. Nothing is changed.
    """
    rows = lock_stock(changes)
    if unknown := [pk for pk in changes if pk not in rows]:
        raise ProductUnavailable(
            [ErrorRow(ProductUnavailable.code, ProductUnavailable.message, str(pk)) for pk in unknown]
        )
    short = [
        ErrorRow(InsufficientStock.code, f"Only {rows[pk].units_here} of this variant can be taken.", str(pk))
        for pk, units in changes.items()
        if units < 0 and rows[pk].available + units < 0
    ]
    if short:
        raise InsufficientStock(short)
    coming: list[tuple[UUID, int, UUID | None]] = [(pk, units, None) for pk, units in changes.items() if units > 0]
    going = [
        (part.variant_id, -part.units, part.warehouse_id)
        for part in pick({pk: -units for pk, units in changes.items() if units < 0})
    ]
    apply_changes(
        (
            Change(variant_id=pk, kind=kind, available=units, on_hand=units, reason=reason, warehouse_id=place)
            for pk, units, place in coming + going
        ),
        actor=actor,
    )


@transaction.atomic
def set_threshold(variant_id: UUID, threshold: int | None) -> None:
    """Say at how many available units a variant is low; None is the shop's own number."""
    lock_stock([variant_id])
    Stock.objects.filter(pk=variant_id).update(low_stock_threshold=threshold)


@transaction.atomic
def set_availability(
    variant_id: UUID, *, policy: AvailabilityPolicy, limit: int = 0, available_from: date | None = None
) -> None:
    """Say whether a variant is sold beyond what is here: by ``limit`` units at most, expected from a day on.

    What has been sold beyond a lower limit stays sold; nothing more is until enough has come.

    Raises:
        AvailabilityNotWhole: see ``Selling.check``.
    """
    set_selling({variant_id: Selling(policy, limit, available_from)})


@transaction.atomic
def set_selling(wanted: Mapping[UUID, Selling]) -> None:
    """Say of several variants whether they are sold beyond what is here: one statement for each way.

    Raises:
        AvailabilityNotWhole: see ``Selling.check``; nothing is changed.
    """
    for selling in set(wanted.values()):
        selling.check()
    lock_stock(wanted)
    for selling in set(wanted.values()):
        rows = Stock.objects.filter(pk__in=[pk for pk, own in wanted.items() if own == selling])
        rows.update(**selling.columns())


def open_stock(variants: Iterable[Variant]) -> None:
    """Give new variants their (empty) stock rows; existing ones are left alone."""
    Stock.objects.bulk_create(
        [Stock(variant=variant, product_id=variant.product_id) for variant in variants], ignore_conflicts=True
    )


def _take(picked: list[Pick], units: int) -> list[tuple[UUID, int]]:
    """Take one line's units off what was picked of its variant; return how many come from where."""
    parts = []
    while units:
        first = picked[0]
        taken = min(first.units, units)
        parts.append((first.warehouse_id, taken))
        picked[:1] = [Pick(first.variant_id, first.warehouse_id, first.units - taken)] if first.units > taken else []
        units -= taken
    return parts
