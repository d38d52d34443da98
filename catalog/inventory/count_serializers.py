"""The form of requests and answers about counts."""

from typing import Any

from rest_framework import serializers

from catalog.inventory.models import StockCount, StockCountLine


class UploadCountSerializer(serializers.Serializer[Any]):
    warehouse = serializers.CharField(max_length=36, help_text="Its code or id.")
    counted_at = serializers.DateTimeField(required=False, help_text="When the shelves were counted; without it, now.")
    file = serializers.FileField()


class CountLineSerializer(serializers.ModelSerializer[StockCountLine]):
    """``expected`` is what the ledger says of the moment of counting; ``number`` is the line of the file."""

    variant_id = serializers.UUIDField()
    sku = serializers.CharField(source="variant.sku")
    product_name = serializers.CharField(source="variant.product.product_name")
    difference = serializers.SerializerMethodField()
    moved = serializers.SerializerMethodField(help_text="The sheet had expected something else: goods have moved.")

    class Meta:
        model = StockCountLine
        fields = (
            "number",
            "variant_id",
            "sku",
            "product_name",
            "expected",
            "counted",
            "difference",
            "short",
            "moved",
            "state",
        )
        read_only_fields = fields

    def get_difference(self, line: StockCountLine) -> int:
        return line.counted - line.expected

    def get_moved(self, line: StockCountLine) -> bool:
        return line.sheet_expected is not None and line.sheet_expected != line.expected


class CountSerializer(serializers.ModelSerializer[StockCount]):
    """``done_count`` of ``line_count`` lines are in the ledger; ``short_count`` of them wait for a person."""

    warehouse = serializers.CharField(source="warehouse.code")
    done_count = serializers.IntegerField()
    difference_count = serializers.IntegerField()
    units_more = serializers.IntegerField()
    units_fewer = serializers.IntegerField()
    short_count = serializers.IntegerField()

    class Meta:
        model = StockCount
        fields: tuple[str, ...] = (
            "id",
            "warehouse",
            "state",
            "counted_at",
            "name",
            "line_count",
            "done_count",
            "difference_count",
            "units_more",
            "units_fewer",
            "short_count",
            "created_by",
            "created_at",
            "applied_by",
            "applied_at",
        )
        read_only_fields = fields


class CountDetailSerializer(CountSerializer):
    """With its largest differences; all lines are at ``/lines/``."""

    differences = CountLineSerializer(many=True)

    class Meta(CountSerializer.Meta):
        fields = (*CountSerializer.Meta.fields, "differences")
        read_only_fields = fields
