"""The form of requests and answers about stock and warehouses."""

from datetime import date
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalog.inventory.availability import Availability, AvailabilityPolicy
from catalog.inventory.models import LowStockAlert, Warehouse, WarehouseStock
from catalog.models import Stock, StockMovement
from ecommerce.fields import StrictIntegerField

MOST_UNITS = 1_000_000  # of one line; more is a slip of the finger
MOST_LINES = 200
_KINDS = [StockMovement.Kind.RECEIVE, StockMovement.Kind.RETURN, StockMovement.Kind.ADJUST]
_COMING = (StockMovement.Kind.RECEIVE, StockMovement.Kind.RETURN)


class CodeField(serializers.CharField):
    """A warehouse's code: capital letters, digits and dashes; small letters are raised."""

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(data).strip().upper()


class WarehouseSerializer(serializers.ModelSerializer[Warehouse]):
    units = serializers.IntegerField(read_only=True, help_text="How many units lie there, of everything.")

    class Meta:
        model = Warehouse
        fields = (
            "id",
            "name",
            "code",
            "county",
            "address",
            "position",
            "is_active",
            "is_default",
            "units",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class WriteWarehouseSerializer(serializers.ModelSerializer[Warehouse]):
    # The model's own look-up for a twin; a code in small letters is the same one.
    code = CodeField(max_length=20)
    position = StrictIntegerField(
        min_value=0, max_value=32_767, required=False, help_text="Orders are picked from the lowest first."
    )

    class Meta:
        model = Warehouse
        fields = ("name", "code", "county", "address", "position", "is_active", "is_default")

    def validate_code(self, code: str) -> str:
        plain = code.replace("-", "")
        if not (plain.isascii() and plain.isalnum()) or code.startswith("-") or code.endswith("-"):
            raise serializers.ValidationError("Use letters and digits, with dashes between them: NBO-1.")
        others = Warehouse.objects.exclude(pk=self.instance.pk) if self.instance else Warehouse.objects.all()
        if others.filter(code=code).exists():
            raise serializers.ValidationError("Another warehouse has this code.", code="unique")
        return code


class BalanceSerializer(serializers.ModelSerializer[WarehouseStock]):
    id = serializers.UUIDField(source="warehouse_id")
    code = serializers.CharField(source="warehouse.code")

    class Meta:
        model = WarehouseStock
        fields = ("id", "code", "on_hand")
        read_only_fields = fields


class StockSerializer(serializers.ModelSerializer[Stock]):
    """Units of a variant: ``on_hand`` lie in the warehouses, ``promised`` of them to orders, the others can be sold.

    More may be promised than is there, as far as ``backorder_limit`` lets them: ``available`` is below zero then.
    """

    variant_id = serializers.UUIDField()
    product_id = serializers.UUIDField()
    sku = serializers.CharField(source="variant.sku")
    product_name = serializers.CharField(source="product.product_name")
    options = serializers.DictField(source="variant.options", child=serializers.CharField())
    is_active = serializers.BooleanField(source="variant.is_active")
    promised = serializers.SerializerMethodField()
    threshold = serializers.IntegerField(help_text="It is low at so many available, or fewer: its own, or the shop's.")
    low = serializers.SerializerMethodField()
    availability = serializers.ChoiceField(choices=Availability.choices)
    warehouses = BalanceSerializer(source="variant.balances", many=True)

    class Meta:
        model = Stock
        fields = (
            "variant_id",
            "sku",
            "product_id",
            "product_name",
            "options",
            "is_active",
            "available",
            "promised",
            "on_hand",
            "low_stock_threshold",
            "threshold",
            "low",
            "availability",
            "availability_policy",
            "backorder_limit",
            "available_from",
            "warehouses",
        )
        read_only_fields = fields

    def get_promised(self, level: Stock) -> int:
        return level.on_hand - level.available

    def get_low(self, level: Stock) -> bool:
        return level.available <= level.threshold  # type: ignore[attr-defined,no-any-return]


class StockSettingsSerializer(serializers.Serializer[Any]):
    """The three of availability go together: with one of them, the others are what a form left empty says."""

    low_stock_threshold = StrictIntegerField(
        required=False, min_value=0, max_value=MOST_UNITS, allow_null=True, help_text="null: the shop's own."
    )
    availability_policy = serializers.ChoiceField(choices=AvailabilityPolicy.choices, required=False)
    backorder_limit = StrictIntegerField(
        required=False, min_value=0, max_value=MOST_UNITS, help_text="Units that are sold beyond those that are here."
    )
    available_from = serializers.DateField(
        required=False, allow_null=True, help_text="When more are expected; a pre-order needs it."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError({"low_stock_threshold": ["Say what to change."]}, code="required")
        told = {"backorder_limit", "available_from"} & attrs.keys()
        if told and "availability_policy" not in attrs:
            raise serializers.ValidationError({"availability_policy": ["Say which policy."]}, code="required")
        return attrs

    def validate_available_from(self, day: date | None) -> date | None:
        if day is not None and day < timezone.localdate():
            raise serializers.ValidationError("This day is over.", code="day_is_over")
        return day


class MovementSerializer(serializers.ModelSerializer[StockMovement]):
    """A line of the ledger. ``warehouse`` is a code; promises to orders have none."""

    variant_id = serializers.UUIDField()
    sku = serializers.CharField(source="variant.sku")
    product_id = serializers.UUIDField(source="variant.product_id")
    product_name = serializers.CharField(source="variant.product.product_name")
    warehouse = serializers.SerializerMethodField()

    class Meta:
        model = StockMovement
        fields = (
            "id",
            "created_at",
            "kind",
            "variant_id",
            "sku",
            "product_id",
            "product_name",
            "warehouse",
            "available_change",
            "on_hand_change",
            "order_item_id",
            "document_id",
            "reason",
            "actor",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_warehouse(self, movement: StockMovement) -> str | None:
        return movement.warehouse.code if movement.warehouse else None


class GoodsSerializer(serializers.Serializer[Any]):
    """A variant, by its id or by its SKU."""

    variant_id = serializers.UUIDField(required=False)
    sku = serializers.CharField(required=False, max_length=64)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("variant_id" in attrs) == ("sku" in attrs):
            raise serializers.ValidationError({"sku": ["Name either a sku or a variant_id."]}, code="required")
        return attrs


class AdjustmentSerializer(GoodsSerializer):
    warehouse = serializers.CharField(max_length=36, help_text="Its code or id.")
    change = StrictIntegerField(
        min_value=-MOST_UNITS, max_value=MOST_UNITS, help_text="How many more (5) or fewer (-2); not the new total."
    )
    kind = serializers.ChoiceField(
        choices=[(kind.value, kind.label) for kind in _KINDS], default=StockMovement.Kind.ADJUST.value
    )
    reason = serializers.CharField(max_length=200, help_text="Kept in the ledger: a delivery note, “broken”.")

    def validate_change(self, change: int) -> int:
        if change == 0:
            raise serializers.ValidationError("Nothing would change.")
        return change

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["kind"] in _COMING and attrs["change"] < 0:
            raise serializers.ValidationError({"change": ["What comes in is counted with a positive number."]})
        return super().validate(attrs)


class AdjustSerializer(serializers.Serializer[Any]):
    items = AdjustmentSerializer(many=True, allow_empty=False, max_length=MOST_LINES)  # type: ignore[call-arg]


class MovedSerializer(GoodsSerializer):
    units = StrictIntegerField(min_value=1, max_value=MOST_UNITS)


class TransferSerializer(serializers.Serializer[Any]):
    from_warehouse = serializers.CharField(max_length=36, help_text="Its code or id.")
    to_warehouse = serializers.CharField(max_length=36, help_text="Its code or id.")
    reason = serializers.CharField(required=False, allow_blank=True, max_length=200, default="")
    items = MovedSerializer(many=True, allow_empty=False, max_length=MOST_LINES)  # type: ignore[call-arg]


class AdjustedSerializer(serializers.Serializer[Any]):
    """How much there is now of what was named."""

    items = StockSerializer(many=True)


class TransferredSerializer(AdjustedSerializer):
    id = serializers.UUIDField(help_text="The transfer's; its movements have it as `document_id`.")


class AlertSerializer(serializers.ModelSerializer[LowStockAlert]):
    """``available`` and ``threshold`` are those of ``raised_at``; ``left`` is what there is now."""

    variant_id = serializers.UUIDField()
    sku = serializers.CharField(source="variant.sku")
    product_id = serializers.UUIDField(source="variant.product_id")
    product_name = serializers.CharField(source="variant.product.product_name")
    left = serializers.IntegerField()
    raised_at = serializers.DateTimeField(source="created_at")

    class Meta:
        model = LowStockAlert
        fields = (
            "id",
            "variant_id",
            "sku",
            "product_id",
            "product_name",
            "available",
            "threshold",
            "left",
            "raised_at",
            "told_at",
            "cleared_at",
        )
        read_only_fields = fields
