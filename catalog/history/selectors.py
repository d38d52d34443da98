"""What the history of a product tells of its stock."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.history.selectors import LEDGERS, Facts, Key, Ledger, as_keys
from catalog.models import StockMovement

STOCK = "stock"


def register() -> None:
    """Tell movements of stock among the changes of their product. Called when the app starts."""
    LEDGERS[STOCK] = Ledger("product", keys_of_movements, read_movements)


def keys_of_movements(product_id: UUID) -> QuerySet[Any, Key]:
    """Return the keys of those that people made: what orders do to the stock, the orders tell."""
    movements = StockMovement.objects.filter(variant__product=product_id, order_item_id__isnull=True)
    return as_keys(movements, STOCK, at="created_at", ref="pk")


def read_movements(refs: Sequence[int]) -> dict[int, Facts]:
    return {
        movement.pk: {
            "at": movement.created_at,
            "id": movement.variant_id,
            "name": movement.variant.sku,
            "action": movement.kind,
            "changes": {
                "available": {"by": movement.available_change},
                "on_hand": {"by": movement.on_hand_change},
            },
            "note": movement.reason,
            "actor_id": str(movement.actor_id or ""),
            "via": "",
            "request_id": "",
        }
        for movement in StockMovement.objects.filter(pk__in=refs).select_related("variant")
    }
