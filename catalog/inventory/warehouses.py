"""Writing warehouses. One at a time: there must always be exactly one default, and it must be open."""

from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Sum

from catalog.inventory.exceptions import WarehouseInLedger, WarehouseIsDefault, WarehouseNotEmpty
from catalog.inventory.models import Warehouse, WarehouseStock
from catalog.models import StockMovement

# A transaction-long advisory lock, for a thing that has no row.
_WAREHOUSES_LOCK = 0x77617265


@transaction.atomic
def save_warehouse(warehouse: Warehouse | None = None, **fields: Any) -> Warehouse:
    """Make a warehouse, or change one; the first one is the default. A new default takes the place of the old one.

    Raises:
        Warehouse.DoesNotExist: it has been deleted.
        WarehouseIsDefault: the default would be closed, or there would be none.
        WarehouseNotEmpty: something lies in what shall be closed.
        IntegrityError: its name or code is another one's.
    """
    _one_at_a_time()
    if warehouse is None:
        row = Warehouse(**fields)
        row.is_default = row.is_default or not Warehouse.objects.filter(is_default=True).exists()
    else:
        # FOR UPDATE: goods that are on their way into it hold it FOR KEY SHARE, and are waited for.
        row = Warehouse.objects.select_for_update().get(pk=warehouse.pk)
        if row.is_default and not fields.get("is_default", True):
            raise WarehouseIsDefault()
        for name, value in fields.items():
            setattr(row, name, value)
    if not row.is_active:
        if row.is_default:
            raise WarehouseIsDefault()
        _refuse_goods(row.pk)
    if row.is_default:
        Warehouse.objects.filter(is_default=True).exclude(pk=row.pk).update(is_default=False)
    row.save()
    return row


@transaction.atomic
def delete_warehouse(warehouse_id: UUID) -> None:
    """Delete a warehouse in which nothing has ever been.

    Raises:
        Warehouse.DoesNotExist: it is gone.
        WarehouseIsDefault, WarehouseNotEmpty
        WarehouseInLedger: it is empty now, but was not always; or it has been counted.
    """
    _one_at_a_time()
    row = Warehouse.objects.select_for_update().get(pk=warehouse_id)
    if row.is_default:
        raise WarehouseIsDefault()
    _refuse_goods(row.pk)
    if StockMovement.objects.filter(warehouse=row).exists() or row.counts.exists():
        raise WarehouseInLedger()
    row.delete()


def _one_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_WAREHOUSES_LOCK])


def _refuse_goods(warehouse_id: UUID) -> None:
    units = WarehouseStock.objects.filter(warehouse=warehouse_id).aggregate(units=Sum("on_hand", default=0))["units"]
    if units:
        raise WarehouseNotEmpty(units)
