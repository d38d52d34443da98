"""The form of requests and answers about files of prices."""

from typing import Any

from rest_framework import serializers

_AMOUNT: dict[str, Any] = {"max_digits": 12, "decimal_places": 2}


class UploadPricesSerializer(serializers.Serializer[Any]):
    file = serializers.FileField()
    dry_run = serializers.BooleanField(default=False, help_text="Say what would happen, and do nothing.")
    skip_bad = serializers.BooleanField(default=False, help_text="Leave wrong lines out; else they refuse the file.")
    replace = serializers.BooleanField(default=False, help_text="Remove the prices that the file does not name.")


class PriceProblemSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField(help_text="Of the file; the header is line 1.")
    column = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class PriceDifferenceSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField(allow_null=True)
    sku = serializers.CharField()
    min_quantity = serializers.IntegerField()
    before = serializers.DecimalField(**_AMOUNT, allow_null=True, help_text="Null: the price is new.")
    after = serializers.DecimalField(**_AMOUNT, allow_null=True, help_text="Null: it is removed.")


class UploadReportSerializer(serializers.Serializer[Any]):
    """What a file did to a price list or, of a dry run, would do; the first hundred `problems` and `differences`."""

    dry_run = serializers.BooleanField()
    lines = serializers.IntegerField(help_text="That are not empty, without the header.")
    created = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    removed = serializers.IntegerField()
    bad = serializers.IntegerField(help_text="Lines that are wrong; with `skip_bad` they were left out.")
    problems = PriceProblemSerializer(many=True)
    differences = PriceDifferenceSerializer(many=True)
