"""Stock: the only place that writes ``Stock`` and ``StockMovement``.

Rows are locked in one order everywhere, by product and then variant, in one statement: two orders with the same
things in opposite order must not deadlock. The trigger that keeps ``Product.in_stock`` locks products in that same
order.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from accounts.models import User
from catalog.exceptions import InsufficientStock, ProductUnavailable
from catalog.models import Stock, StockMovement, Variant
from ecommerce.exceptions import ErrorRow


@dataclass(frozen=True)
class Change:
    """What one movement does to one variant; ``order_item_id`` makes it happen at most once per kind."""

    variant_id: UUID
    kind: StockMovement.Kind
    available: int = 0
    on_hand: int = 0
    order_item_id: UUID | None = None
    reason: str = ""


def lock_stock(variant_ids: Iterable[UUID]) -> dict[UUID, Stock]:
    """Lock the stock rows of these variants, in the one order, and return them by variant."""
    rows = (
        Stock.objects.select_for_update(of=("self",), no_key=True)
        .filter(variant_id__in=set(variant_ids))
        .order_by("product_id", "variant_id")
    )
    return {row.variant_id: row for row in rows}


def apply_changes(changes: Iterable[Change], *, actor: User | None = None) -> None:
    """Write movements and the counters they change, in two statements. The rows must be locked already.

    Raises:
        IntegrityError: a counter would become negative, or an order item's movement exists already.
    """
    changes = list(changes)
    if not changes:
        return
    totals: dict[UUID, list[int]] = {}
    for change in changes:
        total = totals.setdefault(change.variant_id, [0, 0])
        total[0] += change.available
        total[1] += change.on_hand
    StockMovement.objects.bulk_create(
        StockMovement(
            variant_id=change.variant_id,
            kind=change.kind,
            available_change=change.available,
            on_hand_change=change.on_hand,
            order_item_id=change.order_item_id,
            reason=change.reason,
            actor=actor,
        )
        for change in changes
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE catalog_stock AS s SET available = s.available + c.available, on_hand = s.on_hand + c.on_hand "
            "FROM unnest(%s::uuid[], %s::int[], %s::int[]) AS c (variant_id, available, on_hand) "
            "WHERE s.variant_id = c.variant_id",
            [
                [str(variant_id) for variant_id in totals],
                [available for available, _ in totals.values()],
                [on_hand for _, on_hand in totals.values()],
            ],
        )


@transaction.atomic
def adjust_stock(
    changes: Mapping[UUID, int],
    *,
    kind: StockMovement.Kind = StockMovement.Kind.ADJUST,
    reason: str = "",
    actor: User | None = None,
) -> None:
    """Add units to (or take them from) the shelf of each variant; all or nothing.

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
        ErrorRow(InsufficientStock.code, f"Only {rows[pk].available} of this variant can be taken.", str(pk))
        for pk, units in changes.items()
        if rows[pk].available + units < 0
    ]
    if short:
        raise InsufficientStock(short)
    apply_changes(
        (
            Change(variant_id=pk, kind=kind, available=units, on_hand=units, reason=reason)
            for pk, units in changes.items()
            if units
        ),
        actor=actor,
    )


def open_stock(variants: Iterable[Variant]) -> None:
    """Give new variants their (empty) stock rows; existing ones are left alone."""
    Stock.objects.bulk_create(
        [Stock(variant=variant, product_id=variant.product_id) for variant in variants], ignore_conflicts=True
    )
