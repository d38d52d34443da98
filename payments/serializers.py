"""The form of requests and answers about payments."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.serializers import PhoneNumberField
from ecommerce.phone import mask_phone
from payments import outcomes
from payments.models import Payment, PaymentAttempt, ReceivedMoney, Refund, RefundLine


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
            "reference",
            "provider",
            "method",
            "status",
            "amount",
            "currency",
            "phone_number",
            "authorization_url",
            "instructions",
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


class ReceivedMoneySerializer(serializers.ModelSerializer[ReceivedMoney]):
    order_number = serializers.CharField(source="payment.order.number", read_only=True, default=None)
    payer_phone = serializers.SerializerMethodField()

    class Meta:
        model = ReceivedMoney
        fields = (
            "id",
            "provider",
            "receipt_number",
            "amount",
            "currency",
            "fee",
            "status",
            "reason",
            "source",
            "received_at",
            "account_reference",
            "payer_phone",
            "payer_name",
            "payment",
            "order_number",
            "applied_amount",
            "note",
            "decided_by",
            "created_at",
        )
        read_only_fields = fields

    def get_payer_phone(self, received: ReceivedMoney) -> str:
        phone = received.payer_phone
        return mask_phone(phone) if phone.lstrip("+").isdigit() else phone


class AttachSerializer(serializers.Serializer[Any]):
    order_number = serializers.CharField(max_length=12)


class ReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=200)


class RefundLineSerializer(serializers.ModelSerializer[RefundLine]):
    class Meta:
        model = RefundLine
        fields = ("order_item", "quantity", "amount")
        read_only_fields = fields


class RefundSerializer(serializers.ModelSerializer[Refund]):
    order_number = serializers.CharField(source="payment.order.number", read_only=True, default=None)
    lines = RefundLineSerializer(many=True, read_only=True)

    class Meta:
        model = Refund
        fields = (
            "id",
            "reference",
            "payment",
            "order_number",
            "received",
            "provider",
            "amount",
            "currency",
            "payment_amount",
            "status",
            "cause",
            "reason",
            "route",
            "receipt_number",
            "result_code",
            "result_detail",
            "lines",
            "created_at",
            "ended_at",
        )
        read_only_fields = fields


class StartRefundSerializer(serializers.Serializer[Any]):
    payment_id = serializers.UUIDField()
    amount = serializers.DecimalField(max_digits=12, decimal_places=2, min_value=Decimal("0.01"), required=False)
    reason = serializers.CharField(max_length=200)


class CompleteRefundSerializer(serializers.Serializer[Any]):
    receipt_number = serializers.CharField(max_length=64)


class CallbackAnswerSerializer(serializers.Serializer[Any]):
    ResultCode = serializers.IntegerField()
    ResultDesc = serializers.CharField()


class ValidationAnswerSerializer(serializers.Serializer[Any]):
    ResultCode = serializers.CharField()
    ResultDesc = serializers.CharField()
