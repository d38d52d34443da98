"""Warehouses and goods for tests."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from catalog.inventory import adjusting, warehouses
from catalog.inventory.adjusting import Adjustment, Moved
from catalog.inventory.models import Warehouse, WarehouseStock
from catalog.models import Stock, StockMovement, Variant
from catalog.services import VariantInput
from tests.factories import ProductFactory

Kind = StockMovement.Kind


def warehouse(code: str, **fields: Any) -> Warehouse:
    """Make a warehouse beside the main one."""
    main()
    return warehouses.save_warehouse(name=fields.pop("name", f"Warehouse {code}"), code=code, **fields)


def main() -> Warehouse:
    """Return the default warehouse; the database makes one where there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT catalog_default_warehouse()")
        (pk,) = cursor.fetchone()
    return Warehouse.objects.get(pk=pk)


def goods(*skus: str, **fields: Any) -> list[UUID]:
    """Make a product with a variant for each SKU, without stock, and return the variants' ids."""
    inputs = [
        VariantInput(sku=sku, price=Decimal(1000), options={"n": str(n)})
        for n, sku in enumerate(skus or (f"S-{uuid4()}",))
    ]
    product = ProductFactory(variants=inputs, **fields)
    ids = dict(Variant.objects.filter(product=product).values_list("sku", "pk"))
    return [ids[row.sku] for row in inputs]


def put(variant_id: UUID, **units: int) -> None:
    """Receive units: ``put(variant, NBO=5, MSA=2)``."""
    main()
    places = {row.code: row for row in Warehouse.objects.all()}
    adjusting.adjust([Adjustment(variant_id, places[code], count, Kind.RECEIVE) for code, count in units.items()])


def move(variant_id: UUID, units: int, source: Warehouse, target: Warehouse) -> UUID:
    return adjusting.transfer([Moved(variant_id, units, "items.0")], source=source, target=target)


def lying(variant_id: UUID) -> dict[str, int]:
    """Return how much of a variant lies where, by the warehouses' codes."""
    rows = WarehouseStock.objects.filter(variant=variant_id, on_hand__gt=0)
    return dict(rows.values_list("warehouse__code", "on_hand"))


def level(variant_id: UUID) -> tuple[int, int]:
    """Return what is available and what is on hand."""
    return Stock.objects.values_list("available", "on_hand").get(pk=variant_id)


def every_row() -> tuple[list[Any], ...]:
    """Return all that a refusal must leave as it was."""
    return (
        list(Stock.objects.order_by("pk").values()),
        list(WarehouseStock.objects.order_by("pk").values()),
        list(StockMovement.objects.order_by("pk").values()),
        list(Warehouse.objects.order_by("pk").values()),
    )
