"""Stock and its ledger, as shop staff keep them."""

from typing import Any

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponseBase

from accounts.history.admin import WithHistory
from catalog import stock
from catalog.forms import AdjustStockForm, AvailabilityForm
from catalog.inventory.availability import AvailabilityPolicy
from catalog.models import Stock, StockMovement
from ecommerce.admin_base import (
    EMPTY,
    WAITING,
    ReadOnlyAdmin,
    Table,
    Waiting,
    badge,
    column,
    detail_action,
    link_to,
    table,
    when,
)

LOW = 5  # units; below or at this a variant should be ordered again
MOVEMENTS_SHOWN = 20
LOW_STOCK = Q(available__lte=LOW, variant__is_active=True, product__deleted_at__isnull=True)

WAITING.append(Waiting("Sold out or low", "inventory_2", Stock.objects.filter(LOW_STOCK), "level=low"))


def overdue() -> Q:
    """Return the condition of a row of which units are sold that should have come."""
    return Q(available__lt=0, available_from__lt=Now())


WAITING.append(Waiting("Sold, expected and not here", "event_busy", Stock.objects.filter(overdue()), "level=overdue"))


class LevelFilter(admin.SimpleListFilter):
    title = "level"
    parameter_name = "level"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("low", f"{LOW} or fewer"),
            ("out", "Sold out"),
            ("promised", "Promised to orders"),
            ("owed", "Sold and not here"),
            ("overdue", "Sold, expected and not here"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Stock]) -> QuerySet[Stock]:
        conditions = {
            "out": Q(available__lte=0),
            "low": LOW_STOCK,
            "promised": Q(on_hand__gt=F("available")),
            "owed": Q(available__lt=0),
            "overdue": overdue(),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


class StockAdmin(WithHistory, ReadOnlyAdmin):
    """How much there is of each variant. Counters follow the ledger; a correction is a line in it."""

    list_display = ("sku", "product_name", "options", "level", "on_hand", "promised")
    list_filter = (LevelFilter, "variant__is_active")
    search_fields = ("variant__sku", "variant__mpn", "product__product_name")
    search_help_text = "SKU, part number (MPN) or product"
    ordering = ("variant__sku",)
    actions_detail = ("adjust", "set_availability")
    actions_row = ("adjust",)
    fields = (
        "product_link",
        ("sku", "options"),
        ("available", "on_hand", "promised"),
        ("availability_policy", "backorder_limit", "available_from"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Stock]:
        shown = ("available", "on_hand", "availability_policy", "backorder_limit", "available_from")
        named = ("variant__sku", "variant__options", "product__product_name")
        levels: QuerySet[Stock] = super().get_queryset(request).select_related("variant", "product")
        levels = levels.only(*shown, *named)
        return levels.annotate(promised=F("on_hand") - F("available"))

    @detail_action("Adjust stock", icon="edit")
    def adjust(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(level: Stock, data: dict[str, Any]) -> str:
            stock.adjust_stock(
                {level.variant_id: data["units"]},
                kind=StockMovement.Kind(data["kind"]),
                reason=data["reason"],
                actor=request.user,  # type: ignore[arg-type]
            )
            return f"Adjusted by {data['units']:+d}: {data['reason']}"

        level = self.get_object(request, object_id)
        question = f"{level.variant.sku}, {level.product}: {level}." if level else ""
        return self.confirmed(
            request, object_id, do, title="Adjust stock", question=question, form_class=AdjustStockForm
        )

    @detail_action("Back-orders", icon="event_upcoming")
    def set_availability(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(level: Stock, data: dict[str, Any]) -> str:
            stock.set_availability(
                level.variant_id,
                policy=AvailabilityPolicy(data["availability_policy"]),
                limit=data["backorder_limit"] or 0,
                available_from=data["available_from"],
            )
            return f"{level.variant.sku}: {data['availability_policy']}, {data['backorder_limit'] or 0} at most"

        level = self.get_object(request, object_id)
        question = f"{level.variant.sku}, {level.product}: {level}." if level else ""
        return self.confirmed(
            request, object_id, do, title="Back-orders and pre-orders", question=question, form_class=AvailabilityForm
        )

    def tables(self, request: HttpRequest, obj: Stock) -> list[Table]:
        movements = StockMovement.objects.filter(variant=obj.variant_id).select_related("actor").order_by("-id")
        rows = [
            (
                when(movement.created_at),
                movement.get_kind_display(),
                f"{movement.available_change:+d}",
                f"{movement.on_hand_change:+d}",
                movement.reason or EMPTY,
                str(movement.actor or EMPTY),
            )
            for movement in movements[:MOVEMENTS_SHOWN]
        ]
        headers = ("Time", "What", "Available", "On hand", "Reason", "Who")
        return [table(f"The last {MOVEMENTS_SHOWN} movements", headers, rows), *super().tables(request, obj)]

    @column("SKU", ordering="variant__sku")
    def sku(self, level: Stock) -> str:
        return level.variant.sku

    @column("Product", ordering="product__product_name")
    def product_name(self, level: Stock) -> str:
        return level.product.product_name

    @column("Product")
    def product_link(self, level: Stock) -> str:
        return link_to(level.product)

    @column("Options")
    def options(self, level: Stock) -> str:
        return ", ".join(str(option) for option in level.variant.options.values())

    @column("Available", ordering="available")
    def level(self, level: Stock) -> str:
        if level.available > LOW:
            return str(level.available)
        return badge(str(level.available), "warning" if level.available > 0 else "danger")

    @column("Promised", ordering="promised")
    def promised(self, level: Stock) -> int:
        return level.on_hand - level.available


class StockMovementAdmin(ReadOnlyAdmin):
    """The ledger, newest first."""

    list_display = ("created_at", "sku", "kind", "available", "on_hand", "reason", "actor")
    list_filter = ("kind", "created_at")
    list_select_related = ("variant", "actor")
    search_fields = ("variant__sku", "reason")
    search_help_text = "SKU or reason"
    ordering = ("-id",)
    fields = (
        "created_at",
        ("sku", "kind"),
        ("available_change", "on_hand_change"),
        "reason",
        ("actor", "order_item_id"),
    )

    @column("SKU", ordering="variant__sku")
    def sku(self, movement: StockMovement) -> str:
        return movement.variant.sku

    @column("Available", ordering="available_change")
    def available(self, movement: StockMovement) -> str:
        return f"{movement.available_change:+d}"

    @column("On hand", ordering="on_hand_change")
    def on_hand(self, movement: StockMovement) -> str:
        return f"{movement.on_hand_change:+d}"
