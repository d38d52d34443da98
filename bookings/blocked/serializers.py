"""The form of blocked dates."""

from typing import Any

from rest_framework import serializers

from bookings.models import BlockedDates
from catalog.editing.serializers import StrictSerializer
from catalog.fields import LineField
from ecommerce.fields import StrictIntegerField


class WriteBlockSerializer(StrictSerializer):
    read_only_names = frozenset({"id", "source", "created_at"})

    start_date = serializers.DateField()
    end_date = serializers.DateField(help_text="The night before it is the last one.")
    units = StrictIntegerField(
        min_value=1, max_value=500, allow_null=True, default=None, help_text="So many fewer; null: nothing is let."
    )
    note = LineField(max_length=200, allow_blank=True, default="", help_text="Yours; guests do not see it.")


class BlockSerializer(serializers.ModelSerializer[BlockedDates]):
    start_date = serializers.DateField(source="dates.lower", read_only=True)
    end_date = serializers.DateField(source="dates.upper", read_only=True)

    class Meta:
        model = BlockedDates
        fields = ("id", "start_date", "end_date", "units", "source", "note", "created_at")
        read_only_fields: Any = fields
