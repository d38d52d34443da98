"""Warehouses, what lies in them, counts and alerts, as shop staff see them."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from catalog.forms import AdjustStockForm
from catalog.inventory import adjusting, alerts, counting, selectors, warehouses
from catalog.inventory.count_files import sheet_rows, write_sheet
from catalog.inventory.exceptions import SameWarehouse
from catalog.inventory.forms import TransferForm, UploadCountForm, WarehouseForm
from catalog.inventory.models import LowStockAlert, StockCount, StockCountLine, Warehouse, WarehouseStock
from catalog.models import Stock, StockMovement
from ecommerce.admin_base import (
    WAITING,
    ReadOnlyAdmin,
    ShopAdmin,
    Table,
    Waiting,
    badge,
    column,
    detail_action,
    link_to,
    may,
    table,
    when,
)

DIFFERENCES_SHOWN = 100
_LOOKS = {
    StockCount.State.READY: "warning",
    StockCount.State.APPLYING: "info",
    StockCount.State.APPLIED: "success",
}

_SHORT = StockCountLine.objects.filter(count=OuterRef("pk"), state=StockCountLine.State.SHORT)
WAITING += [
    Waiting("Low-stock alerts", "notification_important", alerts.open_alerts(), "open=yes"),
    Waiting("Counts to be applied", "checklist", StockCount.objects.filter(state="ready"), "state__exact=ready"),
    Waiting(
        "Counts with something short",
        "production_quantity_limits",
        StockCount.objects.filter(Exists(_SHORT)),
        "short=yes",
    ),
]


@admin.register(Warehouse)
class WarehouseAdmin(ShopAdmin):
    """Warehouses in the order in which orders are picked. Counting begins and ends here."""

    form = WarehouseForm
    list_display = ("name", "code", "county", "position", "units", "is_active", "is_default")
    list_filter = ("is_active",)
    search_fields = ("name", "code")
    ordering = ("position", "code")
    actions_detail = ("sheet", "upload_count")
    fields = (("name", "code"), ("county", "address"), "position", ("is_active", "is_default"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Warehouse]:
        return selectors.warehouses_with_units()

    def has_view_counts_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "view", StockCount)

    def has_add_counts_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "add", StockCount)

    def offers(self, name: str, obj: Warehouse) -> bool:
        return obj.is_active

    def save_model(self, request: HttpRequest, obj: Warehouse, form: Any, change: bool) -> None:
        if change:
            warehouses.save_warehouse(obj, **{name: form.cleaned_data[name] for name in form.changed_data})
        else:
            warehouses.save_warehouse(id=obj.pk, **form.cleaned_data)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        names = [str(obj) for obj in objs]
        return names, {"warehouses": len(names)}, set(), []  # the service refuses one that anything hangs on

    def delete_model(self, request: HttpRequest, obj: Warehouse) -> None:
        warehouses.delete_warehouse(obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Warehouse]) -> None:
        for warehouse in queryset:
            warehouses.delete_warehouse(warehouse.pk)

    @detail_action("Counting sheet", icon="download", permission="view_counts")
    def sheet(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        warehouse = self.get_object(request, object_id)
        if warehouse is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return StreamingHttpResponse(
            write_sheet(sheet_rows(warehouse).iterator(chunk_size=2000)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="count-{warehouse.code}.csv"'},
        )

    @detail_action("Upload a count", icon="checklist", permission="add_counts")
    def upload_count(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(warehouse: Warehouse, data: dict[str, Any]) -> str:
            file = data["file"]
            file.seek(0)  # a try before this one may have read it
            count = counting.upload_count(
                warehouse=warehouse,
                name=file.name,
                raw=file.read(),
                counted_at=data["counted_at"],
                actor=request.user,  # type: ignore[arg-type]
            )
            different = count.lines.exclude(counted=F("expected")).count()
            return f"{count.line_count} lines, {different} with a difference. Look at them under Counts, and apply."

        return self.confirmed(
            request,
            object_id,
            do,
            title="Upload a count",
            button="Compare",
            question="Nothing is written to the ledger yet.",
            form_class=UploadCountForm,
            permission="add_counts",
        )

    @column("Units", ordering="units")
    def units(self, warehouse: Warehouse) -> int:
        return warehouse.units  # type: ignore[attr-defined,no-any-return]


@admin.register(WarehouseStock)
class WarehouseStockAdmin(ReadOnlyAdmin):
    """What lies where. Balances follow the ledger; a correction is a line in it."""

    list_display = ("sku", "product_name", "place", "on_hand")
    list_filter = ("warehouse",)
    search_fields = ("variant__sku", "variant__product__product_name")
    search_help_text = "SKU or product"
    ordering = ("variant__sku", "warehouse__position")
    actions_detail = ("adjust", "transfer")
    actions_row = ("adjust", "transfer")
    fields = (("sku", "product_name"), ("place", "on_hand"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[WarehouseStock]:
        shown = ("on_hand", "variant__sku", "variant__product__product_name", "warehouse__name", "warehouse__is_active")
        rows: QuerySet[WarehouseStock] = super().get_queryset(request)
        return rows.select_related("variant__product", "warehouse").only(*shown)

    def has_act_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "change", Stock)

    @detail_action("Adjust", icon="edit")
    def adjust(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(balance: WarehouseStock, data: dict[str, Any]) -> str:
            line = adjusting.Adjustment(
                variant_id=balance.variant_id,
                warehouse=balance.warehouse,
                change=data["units"],
                kind=StockMovement.Kind(data["kind"]),
                reason=data["reason"],
            )
            adjusting.adjust([line], actor=request.user)  # type: ignore[arg-type]
            return f"Adjusted by {data['units']:+d}: {data['reason']}"

        return self.confirmed(request, object_id, do, title="Adjust", form_class=AdjustStockForm)

    @detail_action("Transfer", icon="move_down")
    def transfer(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(balance: WarehouseStock, data: dict[str, Any]) -> str:
            target = data["target"]
            if target == balance.warehouse:
                raise SameWarehouse()
            moved = [adjusting.Moved(variant_id=balance.variant_id, units=data["units"])]
            adjusting.transfer(
                moved,
                source=balance.warehouse,
                target=target,
                reason=data["reason"],
                actor=request.user,  # type: ignore[arg-type]
            )
            return f"{data['units']} transferred to {target}."

        return self.confirmed(request, object_id, do, title="Transfer", form_class=TransferForm)

    @column("SKU", ordering="variant__sku")
    def sku(self, balance: WarehouseStock) -> str:
        return balance.variant.sku

    @column("Product", ordering="variant__product__product_name")
    def product_name(self, balance: WarehouseStock) -> str:
        return balance.variant.product.product_name

    @column("Warehouse", ordering="warehouse__position")
    def place(self, balance: WarehouseStock) -> str:
        return str(balance.warehouse)


class ShortFilter(admin.SimpleListFilter):
    title = "promises"
    parameter_name = "short"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Something is short")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[StockCount]) -> QuerySet[StockCount]:
        return queryset.filter(Exists(_SHORT)) if self.value() == "yes" else queryset


@admin.register(StockCount)
class StockCountAdmin(ReadOnlyAdmin):
    """Counts with their differences; they are uploaded on the warehouse's page."""

    list_display = (
        "created_at",
        "warehouse",
        "name",
        "shown_state",
        "line_count",
        "differences",
        "short",
        "created_by",
    )
    list_filter = ("state", ShortFilter, "warehouse")
    ordering = ("-created_at", "-id")
    actions_detail = ("apply",)
    fields = (
        ("warehouse", "name"),
        ("shown_state", "counted_at"),
        ("line_count", "differences", "short"),
        ("created_by", "created_at"),
        ("applied_by", "applied_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[StockCount]:
        return selectors.counts().select_related("warehouse", "created_by")

    def offers(self, name: str, obj: StockCount) -> bool:
        return obj.state != StockCount.State.APPLIED or self.short(obj) > 0

    @detail_action("Apply", icon="done_all")
    def apply(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(count: StockCount, _: dict[str, Any]) -> str:
            done = counting.apply_count(count.pk, actor=request.user)  # type: ignore[arg-type]
            if done.state == StockCount.State.APPLYING:
                return "A worker writes the differences into the ledger."
            return "The differences are in the ledger."

        question = (
            "The differences are written into the ledger. What is promised to orders stays promised: what is missing "
            "of it is shown as short."
        )
        return self.confirmed(request, object_id, do, title="Apply", question=question)

    def tables(self, request: HttpRequest, obj: StockCount) -> list[Table]:
        lines = selectors.lines_of(obj).filter(~Q(counted=F("expected")))
        rows = [
            (
                line.variant.sku,
                line.variant.product.product_name,
                str(line.expected),
                str(line.counted),
                f"{line.counted - line.expected:+d}",
                badge(str(line.short), "danger") if line.short else "0",
                line.get_state_display(),
            )
            for line in lines[:DIFFERENCES_SHOWN]
        ]
        headers = ("SKU", "Product", "Expected", "Counted", "Difference", "Short", "State")
        return [table(f"The largest differences, at most {DIFFERENCES_SHOWN}", headers, rows)]

    @column("State", ordering="state")
    def shown_state(self, count: StockCount) -> str:
        return badge(count.get_state_display(), _LOOKS[StockCount.State(count.state)])

    @column("Differences")
    def differences(self, count: StockCount) -> int:
        return count.difference_count  # type: ignore[attr-defined,no-any-return]

    @column("Short")
    def short(self, count: StockCount) -> int:
        return count.short_count  # type: ignore[attr-defined,no-any-return]


class OpenFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Still low"), ("no", "Cleared")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LowStockAlert]) -> QuerySet[LowStockAlert]:
        if self.value() == "yes":
            return queryset.filter(pk__in=alerts.open_alerts().values("pk"))
        return queryset.filter(cleared_at__isnull=False) if self.value() == "no" else queryset


@admin.register(LowStockAlert)
class LowStockAlertAdmin(ReadOnlyAdmin):
    """Each time that a variant fell to its threshold, newest first."""

    list_display = ("created_at", "sku", "product_name", "left", "threshold", "told", "cleared")
    list_filter = (OpenFilter, "created_at")
    search_fields = ("variant__sku", "variant__product__product_name")
    search_help_text = "SKU or product"
    ordering = ("-created_at", "-id")
    fields = ("stock_link", ("available", "threshold", "left"), ("created_at", "told", "cleared"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[LowStockAlert]:
        rows = selectors.alerts().select_related("variant__stock_level")
        return rows.defer("variant__product__search_vector", "variant__product__description")

    @column("SKU", ordering="variant__sku")
    def sku(self, alert: LowStockAlert) -> str:
        return alert.variant.sku

    @column("Product", ordering="variant__product__product_name")
    def product_name(self, alert: LowStockAlert) -> str:
        return alert.variant.product.product_name

    @column("Stock")
    def stock_link(self, alert: LowStockAlert) -> str:
        return link_to(alert.variant.stock_level, f"{alert.variant.sku}, {alert.variant.product.product_name}")

    @column("Left", ordering="left")
    def left(self, alert: LowStockAlert) -> str:
        left: int = alert.left  # type: ignore[attr-defined]
        return badge(str(left), "warning" if left else "danger") if alert.cleared_at is None else str(left)

    @column("Told", ordering="told_at")
    def told(self, alert: LowStockAlert) -> str:
        return when(alert.told_at)

    @column("Cleared", ordering="cleared_at")
    def cleared(self, alert: LowStockAlert) -> str:
        return when(alert.cleared_at)
