"""How imports look from outside."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalog.exchange.fields import ATTRIBUTE, FIELDS
from catalog.exchange.models import CatalogueImport, ImportProblem
from catalog.exchange.services import Options
from ecommerce.currencies import ISO_4217

_MAX_COLUMNS = 300
_FIELDS_HELP = f"Fields: {', '.join(FIELDS)}, or `{ATTRIBUTE}` and a name; an empty text ignores the column."


class ImportSerializer(serializers.ModelSerializer[CatalogueImport]):
    """An import. The counts are of products; `problem_count` is of rows and what is wrong in each."""

    progress = serializers.IntegerField(read_only=True, help_text="Percent of the file.")
    mapping = serializers.SerializerMethodField()
    columns = serializers.ListField(child=serializers.CharField(), read_only=True)
    currency = serializers.SerializerMethodField()
    update_stock = serializers.SerializerMethodField()
    differences = serializers.ListField(
        child=serializers.DictField(),
        read_only=True,
        help_text="The first hundred: `line`, `key`, `name`, `action`, `new_variants`, `changes` {field: [old, new]}.",
    )

    class Meta:
        model = CatalogueImport
        fields = (
            "id",
            "file_name",
            "file_size",
            "kind",
            "is_shopify",
            "dry_run",
            "state",
            "failure",
            "failure_detail",
            "progress",
            "lines_read",
            "created",
            "changed",
            "unchanged",
            "refused",
            "problem_count",
            "columns",
            "mapping",
            "currency",
            "update_stock",
            "differences",
            "undone_changes",
            "kept_changes",
            "created_by",
            "created_at",
            "started_at",
            "finished_at",
            "undone_at",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.DictField(child=serializers.CharField(allow_blank=True)))
    def get_mapping(self, job: CatalogueImport) -> dict[str, str]:
        return {column: job.mapping.get(column, "") for column in job.columns}  # in the file's order

    def get_currency(self, job: CatalogueImport) -> str:
        return str(job.options["currency"])

    def get_update_stock(self, job: CatalogueImport) -> bool:
        return bool(job.options.get("update_stock"))


class ImportListSerializer(ImportSerializer):
    """An import without what is long."""

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        return {name: field for name, field in fields.items() if name not in ("columns", "mapping", "differences")}


class ImportProblemSerializer(serializers.ModelSerializer[ImportProblem]):
    class Meta:
        model = ImportProblem
        fields = ("line", "column", "key", "code", "message")
        read_only_fields = fields


class MappingField(serializers.JSONField):
    """``{column: field}``, also as a text of JSON, as a multipart form sends it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(help_text=f"JSON: {{column: field}}, for what was not recognised. {_FIELDS_HELP}", **kwargs)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        value = super().to_internal_value(data)
        if isinstance(value, str):
            value = serializers.JSONField(binary=True).to_internal_value(value)
        fields = list(value.values()) if isinstance(value, dict) and len(value) <= _MAX_COLUMNS else [None]
        if not isinstance(value, dict) or not all(isinstance(name, str) and len(name) <= 100 for name in fields):
            raise serializers.ValidationError("Give an object of columns and fields.", code="invalid")
        return {str(column): str(name) for column, name in value.items()}


class UploadImportSerializer(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="CSV, NDJSON or XLSX in UTF-8; the text ones also packed by gzip.")
    dry_run = serializers.BooleanField(default=False, help_text="Say what would happen, and do nothing.")
    mapping = MappingField(required=False)
    currency = serializers.ChoiceField(
        choices=sorted(ISO_4217),
        default=settings.DEFAULT_CURRENCY,
        help_text="Of prices without a currency beside them.",
    )
    rate = serializers.DecimalField(
        max_digits=20,
        decimal_places=10,
        required=False,
        min_value=Decimal("0.0000000001"),
        help_text=f"{settings.DEFAULT_CURRENCY} for one unit of `currency`; the shop's own rate otherwise.",
    )
    stock = serializers.IntegerField(
        default=0, min_value=0, max_value=1_000_000, help_text="Units of a new variant where the file says nothing."
    )
    update_stock = serializers.BooleanField(
        default=False, help_text="Count the stock of existing variants, too, by the file's `stock`."
    )

    def options(self) -> Options:
        data = self.validated_data
        return Options(
            currency=data["currency"], rate=data.get("rate"), stock=data["stock"], update_stock=data["update_stock"]
        )


class StartImportSerializer(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField(default=False)
    mapping = MappingField(required=False)
    update_stock = serializers.BooleanField(required=False)
