"""Catalogue files for tests, and what an import made of them."""

from typing import Any

from django.db.models import Sum

from catalog.models import Brand, Category, Product, Stock, StockMovement, Variant


def row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """One line of a catalogue file, with all its keys."""
    return {
        "id": f"feed:{number}",
        "source": "feed",
        "source_id": str(number),
        "name": f"Solar Lantern {number}",
        "brand": "d.light",
        "mpn": None,
        "gtin": None,
        "sku": None,
        "description": None,
        "category_path": ["Power", "Lanterns"],
        "price": "10.00",
        "compare_at_price": None,
        "currency": "USD",
        "images": [],
        "weight": None,
        "dimensions": None,
        "attributes": {},
    } | changes


def imported(number: int = 1) -> Product:
    return Product.objects.get(source_id=f"feed:{number}")


def snapshot() -> dict[str, list[Any]]:
    """Everything that an import may write, with its times."""
    return {
        model.__name__: list(model.objects.order_by("pk").values())
        for model in (Category, Brand, Product, Variant, Stock, StockMovement)
    }


def stock_that_differs_from_its_ledger() -> list[Stock]:
    ledger = {
        entry["variant_id"]: (entry["available"], entry["on_hand"])
        for entry in StockMovement.objects.values("variant_id").annotate(
            available=Sum("available_change"), on_hand=Sum("on_hand_change")
        )
    }
    return [level for level in Stock.objects.all() if (level.available, level.on_hand) != ledger.get(level.pk, (0, 0))]
