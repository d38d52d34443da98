"""The form of requests about passwords."""

from typing import Any

from rest_framework import serializers

from accounts.serializers import CodeField, EmailField, PhoneNumberField


def password_field(**kwargs: Any) -> serializers.CharField:
    """Return a field for a password; how long one may be is for the validators to say, of one that is no book."""
    return serializers.CharField(trim_whitespace=False, max_length=4096, write_only=True, **kwargs)


class AskForResetSerializer(serializers.Serializer[Any]):
    """``email`` or ``phone_number``."""

    email = EmailField(required=False)
    phone_number = PhoneNumberField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError({"email": ["Give an email or a phone_number."]}, code="required")
        return attrs


class ResetSerializer(serializers.Serializer[Any]):
    """``token`` of a mail, or ``phone_number`` and ``code`` of a text message."""

    token = serializers.CharField(required=False, max_length=200)
    phone_number = PhoneNumberField(required=False)
    code = CodeField(required=False)
    password = password_field()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if set(attrs) not in ({"token", "password"}, {"phone_number", "code", "password"}):
            raise serializers.ValidationError(
                {"token": ["Give the token of a mail, or a phone_number and its code."]}, code="required"
            )
        return attrs


class ChangePasswordSerializer(serializers.Serializer[Any]):
    old_password = password_field(
        required=False, help_text="Of an account that has one. Others must have logged in within ten minutes."
    )
    new_password = password_field()
