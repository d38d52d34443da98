"""The form of requests about one-time codes."""

from typing import Any

from rest_framework import serializers

from accounts.serializers import EmailField, LoginAnswerSerializer, PhoneNumberField


class CodeField(serializers.RegexField):
    """Six digits; blanks between them do not count."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(r"\A[0-9]{6}\Z", max_length=20, error_messages={"invalid": "A code has six digits."}, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(data).replace(" ", "")

    def run_validators(self, value: Any) -> None:
        super().run_validators(value.replace(" ", ""))


class AskForCodeSerializer(serializers.Serializer[Any]):
    phone_number = PhoneNumberField()


class CodeLoginSerializer(AskForCodeSerializer):
    """Names and e-mail are those of a new account; the e-mail gets a link that confirms it."""

    code = CodeField()
    first_name = serializers.CharField(required=False, max_length=150)
    last_name = serializers.CharField(required=False, max_length=150)
    email = EmailField(required=False)


class CodeLoginAnswerSerializer(LoginAnswerSerializer):
    created = serializers.BooleanField(help_text="Whether this code made the account.")


class AskToConfirmPhoneSerializer(AskForCodeSerializer):
    password = serializers.CharField(
        required=False,
        trim_whitespace=False,
        max_length=4096,
        write_only=True,
        help_text="Of an account that has one. Others must have logged in within ten minutes.",
    )


class ConfirmPhoneSerializer(AskForCodeSerializer):
    code = CodeField()
