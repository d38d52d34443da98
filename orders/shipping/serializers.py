"""The form of requests and answers about shipping."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.serializers import PhoneNumberField
from ecommerce.currencies import ISO_4217
from ecommerce.fields import StrictIntegerField
from ecommerce.geography.addresses import CountryField, checked_kenyan_place
from ecommerce.geography.counties import COUNTIES, KENYA
from orders.shipping.models import PickupPoint, ShippingMethod, ShippingZone, WeightBand
from orders.shipping.services import MAX_BANDS

MAX_GRAMS = 100_000_000  # a hundred tonnes; more is a slip of the finger
MAX_METHODS = 100  # of a pick-up point
_MONEY: dict[str, Any] = {"max_digits": 12, "decimal_places": 2, "min_value": Decimal(0)}
_DAYS: dict[str, Any] = {"min_value": 0, "max_value": 365}
_SUB_COUNTIES = sum(len(county.sub_counties) for county in COUNTIES)


class ShippingZoneSerializer(serializers.ModelSerializer[ShippingZone]):
    country = serializers.CharField(
        max_length=2, allow_blank=True, default=KENYA, help_text="ISO 3166-1; blank: everywhere."
    )
    counties = serializers.ListField(
        child=serializers.CharField(max_length=60),
        max_length=len(COUNTIES),
        required=False,
        help_text="Of Kenya; in any usual spelling. Without these and sub-counties: the whole country.",
    )
    sub_counties = serializers.ListField(
        child=serializers.CharField(max_length=60), max_length=_SUB_COUNTIES, required=False
    )
    priority = StrictIntegerField(
        min_value=-1000, max_value=1000, default=0, help_text="Of equally specific zones the highest wins."
    )

    class Meta:
        model = ShippingZone
        fields = (
            "id",
            "name",
            "country",
            "counties",
            "sub_counties",
            "priority",
            "is_active",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("id", "created_at", "updated_at")


class WeightBandSerializer(serializers.ModelSerializer[WeightBand]):
    up_to_grams = StrictIntegerField(min_value=1, max_value=MAX_GRAMS)
    price = serializers.DecimalField(**_MONEY)

    class Meta:
        model = WeightBand
        fields = ("up_to_grams", "price")


class ShippingMethodSerializer(serializers.ModelSerializer[ShippingMethod]):
    zone_name = serializers.CharField(source="zone.name", read_only=True)
    days_min = StrictIntegerField(**_DAYS, required=False, help_text="0: the same day.")
    days_max = StrictIntegerField(**_DAYS, required=False)
    bands = WeightBandSerializer(  # type: ignore[call-arg]
        many=True,
        max_length=MAX_BANDS,
        required=False,
        help_text="All of them: what is not named goes. A heavier parcel never costs less.",
    )
    price_per_further_kg = serializers.DecimalField(
        **_MONEY, allow_null=True, required=False, help_text="Above the last band; null: not offered there."
    )
    free_from = serializers.DecimalField(
        **_MONEY, allow_null=True, required=False, help_text="Worth of the goods from which it is free; null: never."
    )
    max_weight_grams = StrictIntegerField(min_value=1, max_value=MAX_GRAMS, allow_null=True, required=False)
    pay_at_door_limit = serializers.DecimalField(
        **_MONEY,
        allow_null=True,
        required=False,
        help_text="Up to which total one may pay at the door; null: whatever it is, 0: not at all.",
    )
    position = StrictIntegerField(min_value=0, max_value=32_767, required=False)

    class Meta:
        model = ShippingMethod
        fields = (
            "id",
            "zone",
            "zone_name",
            "name",
            "kind",
            "currency",
            "days_min",
            "days_max",
            "bands",
            "price_per_further_kg",
            "free_from",
            "max_weight_grams",
            "pay_at_door_limit",
            "tax_kind",
            "position",
            "is_active",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("id", "zone_name", "created_at", "updated_at")

    def validate_currency(self, code: str) -> str:
        return checked_currency(code)


@extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
class MethodIdsField(serializers.ListField):
    """The ids of methods; looked up together by the service."""

    child = serializers.UUIDField()

    def to_representation(self, data: Any) -> list[str]:
        return [str(method.pk) for method in data.all()]


class PickupPointSerializer(serializers.ModelSerializer[PickupPoint]):
    phone_number = PhoneNumberField(required=False, allow_blank=True)
    latitude = serializers.DecimalField(
        max_digits=8, decimal_places=6, min_value=Decimal(-90), max_value=Decimal(90), allow_null=True, required=False
    )
    longitude = serializers.DecimalField(
        max_digits=9, decimal_places=6, min_value=Decimal(-180), max_value=Decimal(180), allow_null=True, required=False
    )
    methods = MethodIdsField(
        max_length=MAX_METHODS, required=False, help_text="Of pick-up. All of them: what is not named goes."
    )

    class Meta:
        model = PickupPoint
        fields = (
            "id",
            "name",
            "county",
            "sub_county",
            "town",
            "landmark",
            "line1",
            "phone_number",
            "opening_hours",
            "latitude",
            "longitude",
            "methods",
            "is_active",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("id", "created_at", "updated_at")


class CountySerializer(serializers.Serializer[Any]):
    code = serializers.IntegerField(help_text="Official, 1 to 47.")
    name = serializers.CharField()
    sub_counties = serializers.ListField(child=serializers.CharField())


class QuotesAskedSerializer(serializers.Serializer[Any]):
    country = CountryField(default=KENYA)
    county = serializers.CharField(required=False, max_length=60, help_text="In Kenya; without it pick-up alone.")
    sub_county = serializers.CharField(required=False, max_length=60)
    weight_grams = serializers.IntegerField(min_value=0, max_value=MAX_GRAMS)
    worth = serializers.DecimalField(**_MONEY, default=Decimal(0), help_text="Of the goods, after discount.")
    currency = serializers.CharField(default=settings.DEFAULT_CURRENCY, max_length=3)

    def validate_currency(self, code: str) -> str:
        return checked_currency(code)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return checked_kenyan_place(attrs) if attrs["country"] == KENYA else attrs


class QuoteSerializer(serializers.Serializer[Any]):
    """What a method asks; also for the steps of checking out."""

    method_id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(ShippingMethod.Kind.choices)
    zone_id = serializers.UUIDField()
    zone_name = serializers.CharField()
    amount = serializers.DecimalField(max_digits=None, decimal_places=2)
    currency = serializers.CharField()
    days_min = serializers.IntegerField()
    days_max = serializers.IntegerField()
    pay_at_door_limit = serializers.DecimalField(
        max_digits=12, decimal_places=2, allow_null=True, help_text="Null: whatever the total is; 0: not at all."
    )
    tax_kind = serializers.CharField()


class QuotesSerializer(serializers.Serializer[Any]):
    is_set_up = serializers.BooleanField(help_text="False: the shop has no zones and ships without a charge.")
    quotes = QuoteSerializer(many=True)


def checked_currency(code: str) -> str:
    if code not in ISO_4217:
        raise ValidationError("Give an ISO 4217 code, such as KES.")
    return code
