"""The form of requests and answers about accounts."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers

from accounts.models import User, normalise_email
from accounts.names import check_email, check_username
from ecommerce.phone import InvalidPhoneNumber, normalise_phone


class PhoneNumberField(serializers.CharField):
    """A phone number in any usual spelling; the value is E.164."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=32, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text:
            return ""
        try:
            return normalise_phone(text)
        except InvalidPhoneNumber as error:
            raise serializers.ValidationError(error.message, code=error.code) from None


class EmailField(serializers.EmailField):
    """A mail address; it is brought into its normal form first, and that form is what must be an address."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=254, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        email = normalise_email(super().to_internal_value(data))
        check_email(email)  # DRF turns Django's refusal into its own
        return email


class RegisterSerializer(serializers.Serializer[Any]):
    email = EmailField()
    password = serializers.CharField(trim_whitespace=False, max_length=4096, write_only=True)
    username = serializers.CharField(required=False, min_length=3, max_length=150, validators=[check_username])
    first_name = serializers.CharField(required=False, max_length=150)
    last_name = serializers.CharField(required=False, max_length=150)
    phone_number = PhoneNumberField(required=False)


class MessageSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField()


class LoginSerializer(serializers.Serializer[Any]):
    """``email`` or ``username`` with the password."""

    email = serializers.CharField(required=False, max_length=254)
    username = serializers.CharField(required=False, max_length=254)
    password = serializers.CharField(trim_whitespace=False, max_length=4096, write_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("email") and not attrs.get("username"):
            raise serializers.ValidationError({"email": ["Give an email or a username."]}, code="required")
        return attrs


class UserSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = (
            "id",
            "username",
            "email",
            "first_name",
            "last_name",
            "phone_number",
            "role",
            "is_admin",
            "is_staff",
            "is_active",
            "email_verified_at",
            "date_joined",
            "last_login",
        )
        read_only_fields = fields


class LoginAnswerSerializer(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()
    user = UserSerializer()


class RefreshSerializer(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=2000)


class TokenPairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()


class LogoutSerializer(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=2000, required=False)
    everywhere = serializers.BooleanField(default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["everywhere"] and not attrs.get("refresh"):
            raise serializers.ValidationError(
                {"refresh": ["Send the refresh token, or everywhere: true."]}, code="required"
            )
        return attrs


class EmailTokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=200)


class EmailSerializer(serializers.Serializer[Any]):
    email = EmailField()


def password_errors(error: DjangoValidationError, *, attr: str = "password") -> serializers.ValidationError:
    """Turn Django's refusal of a password into rows on its field."""
    details = [
        serializers.ErrorDetail(" ".join(item.messages), code=item.code or "invalid") for item in error.error_list
    ]
    return serializers.ValidationError({attr: details})
