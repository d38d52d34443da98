"""The form of requests about one-time codes."""

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers

from accounts.serializers import (
    CodeField,
    EmailField,
    LoginAnswerSerializer,
    PhoneNumberField,
    SecondFactorRequiredSerializer,
)


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


CODE_LOG_IN_ANSWER = PolymorphicProxySerializer(
    "CodeLogInAnswer", [CodeLoginAnswerSerializer, SecondFactorRequiredSerializer], resource_type_field_name=None
)


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
