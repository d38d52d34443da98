"""How sellers look: to themselves and to staff. What customers see is the catalogue's."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import RegexValidator
from rest_framework import serializers

from accounts.models import User
from accounts.sellers.models import PayoutDestination, SellerProfile
from accounts.sellers.names import cleaned_name
from accounts.serializers import EmailField, PhoneNumberField
from ecommerce.geography.counties import find_county

_ABOUT_LENGTH = 2000
Method = PayoutDestination.Method


class SellerNameField(serializers.CharField):
    def to_internal_value(self, data: Any) -> str:
        try:
            return cleaned_name(super().to_internal_value(data))
        except DjangoValidationError as error:
            raise serializers.ValidationError(error.message, code=error.code) from None


class CountyField(serializers.CharField):
    """One of the 47 in any usual spelling; the value is the official name."""

    def to_internal_value(self, data: Any) -> str:
        county = find_county(super().to_internal_value(data))
        if county is None:
            raise serializers.ValidationError("This is none of Kenya's 47 counties.", code="unknown_county")
        return county.name


class SavePayoutDestinationSerializer(serializers.Serializer[Any]):
    """An M-Pesa number, or an account at a bank; the other's fields are left out."""

    method = serializers.ChoiceField(choices=Method.choices)
    phone_number = PhoneNumberField(required=False, allow_blank=True)
    bank_code = serializers.CharField(
        required=False, allow_blank=True, max_length=12, validators=[RegexValidator(r"^[A-Z0-9]+\Z")]
    )
    account_number = serializers.CharField(
        required=False, allow_blank=True, max_length=34, validators=[RegexValidator(r"^[A-Z0-9]+\Z")]
    )
    account_name = serializers.CharField(required=False, allow_blank=True, max_length=120)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        needed = {Method.MPESA: ("phone_number",), Method.BANK: ("bank_code", "account_number", "account_name")}
        faults = {name: ["This is needed."] for name in needed[attrs["method"]] if not attrs.get(name)}
        alien = {"phone_number", "bank_code", "account_number", "account_name"} - set(needed[attrs["method"]])
        faults |= {name: ["This belongs to the other method."] for name in alien if attrs.get(name)}
        if faults:
            raise serializers.ValidationError(faults)
        return attrs


class ChangeSellerSerializer(serializers.Serializer[Any]):
    """What a seller may change; what is not sent stays."""

    display_name = SellerNameField(required=False, min_length=3, max_length=80)
    about = serializers.CharField(required=False, allow_blank=True, max_length=_ABOUT_LENGTH)
    county = CountyField(required=False, max_length=60)
    contact_email = EmailField(required=False, allow_blank=True)
    contact_phone = PhoneNumberField(required=False, allow_blank=True)
    payout = SavePayoutDestinationSerializer(required=False)


class ApplyToSellSerializer(ChangeSellerSerializer):
    display_name = SellerNameField(min_length=3, max_length=80)
    county = CountyField(max_length=60)


class RefuseSellerSerializer(serializers.Serializer[Any]):
    """Why: the seller reads it."""

    reason = serializers.CharField(max_length=300)


class ApproveSellerSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(required=False, allow_blank=True, max_length=300)


class PayoutDestinationSerializer(serializers.ModelSerializer[PayoutDestination]):
    """Where the money goes, by its last digits: who reads over a shoulder learns no more."""

    ends_with = serializers.CharField()

    class Meta:
        model = PayoutDestination
        fields = ("method", "ends_with", "bank_code", "held_until", "updated_at")
        read_only_fields = fields


class OwnSellerSerializer(serializers.ModelSerializer[SellerProfile]):
    payout = PayoutDestinationSerializer(source="user.payout_destination", allow_null=True, default=None)

    class Meta:
        model = SellerProfile
        fields: tuple[str, ...] = (
            "display_name",
            "url_key",
            "about",
            "county",
            "contact_email",
            "contact_phone",
            "status",
            "reason",
            "applied_at",
            "decided_at",
            "payout",
        )
        read_only_fields = fields


class _UserSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ("id", "email", "first_name", "last_name", "phone_number")
        read_only_fields = fields


class SellerSerializer(serializers.ModelSerializer[SellerProfile]):
    """A seller as staff see them."""

    user = _UserSerializer()

    class Meta:
        model = SellerProfile
        fields = (
            "user",
            *(name for name in OwnSellerSerializer.Meta.fields if name != "payout"),
            "decided_by",
        )
        read_only_fields = fields
