"""Reading stock and warehouses, by audience."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, F, IntegerField, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Abs, Coalesce, Greatest

from accounts.models import User
from catalog.inventory.exceptions import UnknownInRequest
from catalog.inventory.models import LowStockAlert, StockCount, StockCountLine, Warehouse, WarehouseStock
from catalog.models import Product, Stock, StockMovement, Variant
from catalog.permissions import staff_may
from ecommerce.exceptions import ErrorRow

UNKNOWN_VARIANT = "There is no such variant, or it is not kept in stock."
UNKNOWN_WAREHOUSE = "There is no such warehouse."


def may_see_stock(user: Any) -> bool:
    return staff_may(user, "view_stock") or (user.is_authenticated and user.role == User.Role.SELLER)


def stock_visible_to(user: Any) -> QuerySet[Stock]:
    """All goods for staff who may see stock, a seller's own for a seller."""
    levels = stock_with_places()
    if staff_may(user, "view_stock"):
        return levels
    return levels.filter(product__seller=user, product__deleted_at__isnull=True)


def stock_with_places() -> QuerySet[Stock]:
    """Return how much there is of each variant, and where it lies, in two statements."""
    lying = WarehouseStock.objects.filter(on_hand__gt=0).select_related("warehouse")
    shown = ("available", "on_hand", "low_stock_threshold", "availability_policy", "backorder_limit", "available_from")
    named = ("variant__sku", "variant__options", "variant__is_active", "product__product_name")
    return (
        Stock.objects.filter(product__kind=Product.Kind.PHYSICAL)
        .annotate(threshold=threshold())
        .select_related("variant", "product")
        .only(*shown, *named)
        .prefetch_related(
            Prefetch("variant__balances", queryset=lying.order_by("warehouse__position", "warehouse__code"))
        )
    )


def threshold() -> Coalesce:
    """Return what a variant is low at: its own number, or the shop's."""
    return Coalesce(F("low_stock_threshold"), Value(settings.LOW_STOCK_THRESHOLD), output_field=IntegerField())


def low_stock() -> Q:
    """Return the condition of a ``Stock`` row that is low."""
    return Q(low_stock_threshold__isnull=True, available__lte=settings.LOW_STOCK_THRESHOLD) | Q(
        available__lte=F("low_stock_threshold")
    )


def movements() -> QuerySet[StockMovement]:
    """Return the ledger, newest first; for staff."""
    return StockMovement.objects.select_related("variant__product", "warehouse").order_by("-id")


def warehouses_with_units() -> QuerySet[Warehouse]:
    """Return all warehouses, each with how many units lie in it."""
    lying = WarehouseStock.objects.filter(warehouse=OuterRef("pk")).order_by().values("warehouse")
    units = Subquery(lying.annotate(units=Sum("on_hand")).values("units"))
    return Warehouse.objects.annotate(units=Coalesce(units, 0)).order_by("position", "code")


def by_id_or_code(key: str) -> Q:
    """Return the condition for a warehouse named by its UUID or by its code, in any case."""
    try:
        return Q(pk=UUID(key))
    except ValueError:
        return Q(code=key.upper())


def named_warehouses(names: Mapping[str, str]) -> dict[str, Warehouse]:
    """Return the warehouses of a request by where they stand in it; ``names`` are ids or codes.

    Raises:
        UnknownInRequest: names every one that is not there.
    """
    known = {key: row for row in Warehouse.objects.all() for key in (str(row.pk), row.code)}
    found = {attr: known.get(_uuid(name) or name.upper()) for attr, name in names.items()}
    unknown = [ErrorRow("warehouse_unknown", UNKNOWN_WAREHOUSE, attr) for attr, row in found.items() if row is None]
    if unknown:
        raise UnknownInRequest(unknown)
    return {attr: row for attr, row in found.items() if row is not None}


def named_variants(lines: Iterable[Mapping[str, Any]]) -> list[UUID]:
    """Return the variants that the lines of a request name, each by ``variant_id`` or by ``sku``, in one statement.

    Raises:
        UnknownInRequest: names every one that is not there, or is not of the kind that lies on shelves.
    """
    lines = list(lines)
    ids = [line["variant_id"] for line in lines if "variant_id" in line]
    skus = [line["sku"] for line in lines if "variant_id" not in line]
    pairs = Variant.objects.filter(Q(pk__in=ids) | Q(sku__in=skus), product__kind=Product.Kind.PHYSICAL)
    by_sku: dict[str, UUID] = {sku: pk for pk, sku in pairs.values_list("pk", "sku")}
    present = set(by_sku.values())
    found = [
        (line["variant_id"] if line["variant_id"] in present else None)
        if "variant_id" in line
        else by_sku.get(line["sku"])
        for line in lines
    ]
    unknown = [
        ErrorRow("variant_unknown", UNKNOWN_VARIANT, f"items.{n}.{'variant_id' if 'variant_id' in line else 'sku'}")
        for n, (line, pk) in enumerate(zip(lines, found, strict=True))
        if pk is None
    ]
    if unknown:
        raise UnknownInRequest(unknown)
    return [pk for pk in found if pk is not None]


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None


def counts() -> QuerySet[StockCount]:
    """Return all counts, newest first, each with the figures of its lines; for staff."""
    figures = StockCountLine.objects.filter(count=OuterRef("pk")).order_by().values("count")
    difference = F("counted") - F("expected")

    def of(expression: Any) -> Coalesce:
        return Coalesce(Subquery(figures.annotate(figure=expression).values("figure")), 0)

    return (
        StockCount.objects.select_related("warehouse")
        .annotate(
            done_count=of(Count("pk", filter=~Q(state=StockCountLine.State.OPEN))),
            difference_count=of(Count("pk", filter=~Q(counted=F("expected")))),
            units_more=of(Sum(Greatest(difference, 0))),
            units_fewer=of(Sum(Greatest(-difference, 0))),
            short_count=of(Count("pk", filter=Q(short__gt=0))),
        )
        .order_by("-created_at", "-id")
    )


def lines_of(count: StockCount) -> QuerySet[StockCountLine]:
    """Return a count's lines, those with the largest differences first."""
    return (
        StockCountLine.objects.filter(count=count)
        .select_related("variant__product")
        .annotate(size=Abs(F("counted") - F("expected")))
        .order_by("-size", "number")
    )


def alerts() -> QuerySet[LowStockAlert]:
    """Return all alerts, newest first, each with what is left now; for staff."""
    left = F("variant__stock_level__available")
    return LowStockAlert.objects.select_related("variant__product").annotate(left=left).order_by("-created_at", "-id")
