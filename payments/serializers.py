"""The form of requests and answers about payments."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.serializers import PhoneNumberField
from ecommerce.phone import mask_phone
from payments import outcomes
from payments.models import Payment, PaymentAttempt


class StartPaymentSerializer(serializers.Serializer[Any]):
    order_id = serializers.UUIDField()
    method = serializers.ChoiceField(choices=Payment.Method.choices)
    phone_number = PhoneNumberField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["method"] == Payment.Method.MPESA and not attrs.get("phone_number"):
            raise serializers.ValidationError(
                {"phone_number": ["Which phone shall be asked for the PIN?"]}, code="required"
            )
        return attrs


class PaymentAttemptSerializer(serializers.ModelSerializer[PaymentAttempt]):
    """One try. ``advice`` is for the customer; ``retry`` says whether a new attempt makes sense."""

    phone_number = serializers.SerializerMethodField()
    advice = serializers.SerializerMethodField()
    retry = serializers.SerializerMethodField()

    class Meta:
        model = PaymentAttempt
        fields = (
            "id",
            "status",
            "amount",
            "currency",
            "phone_number",
            "outcome",
            "advice",
            "retry",
            "receipt_number",
            "created_at",
            "ended_at",
        )
        read_only_fields = fields

    def get_phone_number(self, attempt: PaymentAttempt) -> str:
        return mask_phone(attempt.phone_number)

    def get_advice(self, attempt: PaymentAttempt) -> str:
        return outcomes.BY_NAME.get(attempt.outcome, outcomes.UNKNOWN).advice

    @extend_schema_field(serializers.ChoiceField(choices=[retry.value for retry in outcomes.Retry]))
    def get_retry(self, attempt: PaymentAttempt) -> str:
        return outcomes.BY_NAME.get(attempt.outcome, outcomes.UNKNOWN).retry.value


class PaymentSerializer(serializers.ModelSerializer[Payment]):
    order_number = serializers.CharField(source="order.number", read_only=True)
    attempts = PaymentAttemptSerializer(many=True, read_only=True)

    class Meta:
        model = Payment
        fields = (
            "id",
            "user",
            "order",
            "order_number",
            "amount",
            "currency",
            "method",
            "provider",
            "status",
            "transaction_id",
            "paid_at",
            "attempts",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class CallbackAnswerSerializer(serializers.Serializer[Any]):
    ResultCode = serializers.IntegerField()
    ResultDesc = serializers.CharField()
