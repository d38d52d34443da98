"""The form of bulk actions."""

from typing import Any

from rest_framework import serializers

from orders.bulk.services import MOST, Action, Outcome


class BulkSerializer(serializers.Serializer[Any]):
    action = serializers.ChoiceField(choices=[each.value for each in Action])
    order_ids = serializers.ListField(child=serializers.UUIDField(), allow_empty=False, max_length=MOST)
    note = serializers.CharField(required=False, allow_blank=True, max_length=150, help_text="For each timeline.")


class OutcomeReasonSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()
    attr = serializers.CharField(allow_null=True)


class OutcomeSerializer(serializers.Serializer[Outcome]):
    """`status` is the order's after it was done; `reasons` say why it was not."""

    order_id = serializers.UUIDField()
    number = serializers.CharField()
    is_done = serializers.BooleanField()
    status = serializers.CharField()
    reasons = OutcomeReasonSerializer(many=True, source="errors")


class BulkAnswerSerializer(serializers.Serializer[Any]):
    done = serializers.IntegerField()
    refused = serializers.IntegerField()
    results = OutcomeSerializer(many=True)
