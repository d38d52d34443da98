"""The form of requests and answers about second factors."""

from typing import Any

from rest_framework import serializers

CODE_HELP = "Six digits of the app, or a recovery code; spaces and hyphens do not matter."


class PasswordField(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, max_length=4096, write_only=True, **kwargs)


class SecondFactorStateSerializer(serializers.Serializer[Any]):
    enabled = serializers.BooleanField()
    enabled_at = serializers.DateTimeField(allow_null=True)
    demanded = serializers.BooleanField(help_text="The shop demands one of you: without it, nothing else works.")
    recovery_codes_left = serializers.IntegerField()


class SecondFactorBeginSerializer(serializers.Serializer[Any]):
    password = PasswordField(required=False, help_text="Needed when the log-in is older than 15 minutes.")


class SecondFactorBeginningSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="For typing, where no camera is at hand. Shown once.")
    otpauth_uri = serializers.CharField()
    qr_svg = serializers.CharField(help_text="The URI as a QR code: an SVG picture.")


class SecondFactorCodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=64, help_text=CODE_HELP)


class SecondFactorProofSerializer(serializers.Serializer[Any]):
    """``code`` or ``password``."""

    code = serializers.CharField(required=False, max_length=64, help_text=CODE_HELP)
    password = PasswordField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError({"code": ["Give a code or your password."]}, code="required")
        return attrs


class RecoveryCodesSerializer(serializers.Serializer[Any]):
    recovery_codes = serializers.ListField(
        child=serializers.CharField(), help_text="Each works once. Shown now and never again."
    )


class VerifySerializer(SecondFactorCodeSerializer):
    challenge = serializers.CharField(max_length=200)
