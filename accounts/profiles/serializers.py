"""The form of profiles."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from accounts.profiles.consent_texts import CURRENT, current_text
from accounts.profiles.models import ConsentRecord, Profile, Purpose
from accounts.serializers import PhoneNumberField, UserSerializer
from ecommerce.currencies import ISO_4217
from ecommerce.pictures.storage import address_of

AVATAR_STATES = ("", "processing", "ready", "failed")


class CurrencyField(serializers.CharField):
    """A currency that the shop shows prices in; small letters are raised."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=3, max_length=3, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        code = super().to_internal_value(data).upper()
        if code not in ISO_4217 or (settings.CURRENCIES and code not in {settings.BASE_CURRENCY, *settings.CURRENCIES}):
            raise serializers.ValidationError("Prices are not shown in this currency.", code="unknown_currency")
        return code


class ChangeProfileSerializer(serializers.Serializer[Any]):
    """What users may change about themselves; whatever else is sent is ignored. What is not sent stays."""

    first_name = serializers.CharField(required=False, allow_blank=True, max_length=150)
    last_name = serializers.CharField(required=False, allow_blank=True, max_length=150)
    phone_number = PhoneNumberField(required=False, allow_blank=True)
    language = serializers.ChoiceField(choices=Profile.Language.choices, required=False)
    currency = CurrencyField(required=False)
    parcel_mails = serializers.BooleanField(required=False, help_text="News of parcels by mail.")


class ProfileSerializer(UserSerializer):
    """A user with their wishes. ``avatar`` is empty without a picture."""

    avatar = serializers.SerializerMethodField()
    avatar_state = serializers.ChoiceField(source="profile.avatar_state", choices=AVATAR_STATES, read_only=True)
    avatar_failure = serializers.CharField(source="profile.avatar_failure", read_only=True)
    language = serializers.ChoiceField(source="profile.language", choices=Profile.Language.choices, read_only=True)
    currency = serializers.CharField(source="profile.currency", read_only=True)
    parcel_mails = serializers.BooleanField(source="profile.parcel_mails", read_only=True)
    marketing_mail = serializers.BooleanField(source="profile.marketing_mail", read_only=True)
    marketing_sms = serializers.BooleanField(source="profile.marketing_sms", read_only=True)

    class Meta(UserSerializer.Meta):
        fields = (  # type: ignore[assignment]  # more of them than of a user
            *UserSerializer.Meta.fields,
            "avatar",
            "avatar_state",
            "avatar_failure",
            "language",
            "currency",
            "parcel_mails",
            "marketing_mail",
            "marketing_sms",
        )
        read_only_fields = fields  # type: ignore[assignment]

    @extend_schema_field(serializers.URLField())
    def get_avatar(self, user: User) -> str:
        return address_of(user.profile.avatar)


class AvatarSerializer(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="A JPEG, PNG, WebP or GIF of at most 5 MB and 25 million pixels.")


class ChangeConsentsSerializer(serializers.Serializer[Any]):
    marketing_mail = serializers.BooleanField(required=False)
    marketing_sms = serializers.BooleanField(required=False)
    text_version = serializers.CharField(
        required=False, max_length=20, help_text="Of the texts that were shown. Needed to grant, not to withdraw."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if any(attrs.get(purpose) for purpose in Purpose.values) and "text_version" not in attrs:
            raise serializers.ValidationError({"text_version": ["Name the texts that were shown."]}, code="required")
        return attrs


class ConsentSerializer(serializers.Serializer[Any]):
    purpose = serializers.ChoiceField(choices=Purpose.choices)
    is_granted = serializers.BooleanField()
    text = serializers.CharField(help_text="In the user's language.")


class ConsentRecordSerializer(serializers.ModelSerializer[ConsentRecord]):
    class Meta:
        model = ConsentRecord
        fields = ("purpose", "is_granted", "text_version", "created_at")
        read_only_fields = fields


class ConsentsSerializer(serializers.Serializer[Any]):
    text_version = serializers.CharField()
    consents = ConsentSerializer(many=True)
    history = ConsentRecordSerializer(many=True)


def shown_consents(profile: Profile, records: list[ConsentRecord]) -> dict[str, Any]:
    """Return the body of ``ConsentsSerializer``."""
    consents = [
        {
            "purpose": purpose,
            "is_granted": getattr(profile, purpose),
            "text": current_text(purpose, profile.language),
        }
        for purpose in Purpose.values
    ]
    return dict(ConsentsSerializer({"text_version": CURRENT, "consents": consents, "history": records}).data)
