"""The form of requests and answers about accounts."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import OpenApiExample, PolymorphicProxySerializer
from rest_framework import serializers

from accounts.models import User, normalise_email
from accounts.names import check_email, check_username
from accounts.second_factor.challenges import Challenge
from accounts.services import LogInOutcome
from accounts.validators import MAXIMUM_LENGTH
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


class CodeField(serializers.RegexField):
    """Six digits; blanks between them do not count."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(r"\A[0-9]{6}\Z", max_length=20, error_messages={"invalid": "A code has six digits."}, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(data).replace(" ", "")

    def run_validators(self, value: Any) -> None:
        super().run_validators(value.replace(" ", ""))


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
    """``email``, ``username`` or ``phone_number`` with the password; each takes whichever of the three is at hand."""

    email = serializers.CharField(required=False, max_length=254)
    username = serializers.CharField(required=False, max_length=254)
    phone_number = serializers.CharField(
        required=False, max_length=254, help_text="In any usual spelling, if the account has confirmed it."
    )
    password = serializers.CharField(trim_whitespace=False, max_length=MAXIMUM_LENGTH, write_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs["name"] = attrs.get("email") or attrs.get("username") or attrs.get("phone_number")
        if not attrs["name"]:
            message = "Give an email, a username or a phone number."
            raise serializers.ValidationError({"email": [message]}, code="required")
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


class SecondFactorRequiredSerializer(serializers.Serializer[Any]):
    second_factor_required = serializers.BooleanField(help_text="Always true.")
    challenge = serializers.CharField(help_text="For `POST /api/auth/2fa/verify/`, with the code.")
    expires_in = serializers.IntegerField(help_text="Seconds in which the code must come.")


# What every way in answers.
LOG_IN_ANSWER = PolymorphicProxySerializer(
    "LogInAnswer", [LoginAnswerSerializer, SecondFactorRequiredSerializer], resource_type_field_name=None
)
SECOND_FACTOR_EXAMPLE = OpenApiExample(
    "With a second factor",
    value={
        "second_factor_required": True,
        "challenge": "pV0b3w0p7u2nHk1Xq5b8rJ6tWm4sZc9dEy3fGh7iLkA",
        "expires_in": 300,
    },
    response_only=True,
)


def log_in_answer(user: User, outcome: LogInOutcome) -> dict[str, Any]:
    """Return the body that answers a log-in: tokens and the user, or the challenge of the second step."""
    if isinstance(outcome, Challenge):
        return {"second_factor_required": True, "challenge": outcome.token, "expires_in": outcome.expires_in}
    return {"access": outcome.access, "refresh": outcome.refresh, "user": UserSerializer(user).data}


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


class VerifyEmailSerializer(serializers.Serializer[Any]):
    """The ``token`` of the link, or the ``email`` and the ``code``: the mail holds both."""

    token = serializers.CharField(required=False, max_length=200)
    email = EmailField(required=False)
    code = CodeField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if set(attrs) not in ({"token"}, {"email", "code"}):
            message = "Send the token of the link, or the email and the code."
            raise serializers.ValidationError({"token": [message]}, code="required")
        return attrs


class EmailSerializer(serializers.Serializer[Any]):
    email = EmailField()


def password_errors(error: DjangoValidationError, *, attr: str = "password") -> serializers.ValidationError:
    """Turn Django's refusal of a password into rows on its field."""
    details = [
        serializers.ErrorDetail(" ".join(item.messages), code=item.code or "invalid") for item in error.error_list
    ]
    return serializers.ValidationError({attr: details})
