"""The form of requests and answers about payments."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from accounts.serializers import PhoneNumberField
from ecommerce.phone import mask_phone
from orders.models import Order
from payments import outcomes
from payments.credit.codes import LONGEST_TYPED
from payments.credit.models import CREDIT_PROVIDERS
from payments.models import Payment, PaymentAttempt, Payout, ReceivedMoney, Refund, RefundLine
from payments.providers import provider_names
from payments.providers.mpesa.reading import wire_msisdn

COLLECT_METHODS = [
    (method.value, method.label)
    for method in (Payment.Method.CASH_ON_DELIVERY, Payment.Method.BANK_TRANSFER, Payment.Method.MPESA)
]
REFUND_TO = [("payer", "the way it came"), ("store_credit", "store credit")]
# How far the clock of a rider's phone may be ahead of ours.
CLOCKS_DIFFER = timedelta(minutes=5)


class PayOrderSerializer(serializers.Serializer[Any]):
    order_id = serializers.UUIDField()
    method = serializers.ChoiceField(choices=Payment.Method.choices)
    phone_number = PhoneNumberField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["method"] == Payment.Method.MPESA and not attrs.get("phone_number"):
            raise serializers.ValidationError(
                {"phone_number": ["Which phone shall be asked for the PIN?"]}, code="required"
            )
        if attrs["method"] == Payment.Method.MPESA and not wire_msisdn(attrs["phone_number"]):
            raise serializers.ValidationError({"phone_number": ["M-PESA takes Kenyan mobile numbers."]}, code="invalid")
        return attrs


class StartPaymentSerializer(PayOrderSerializer):
    """``code`` is that of a gift card; ``amount`` is how much of it, or of store credit, is to be spent."""

    code = serializers.CharField(required=False, max_length=LONGEST_TYPED)
    amount = serializers.DecimalField(max_digits=12, decimal_places=2, min_value=Decimal("0.01"), required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["method"] == Payment.Method.GIFT_CARD and not attrs.get("code"):
            raise serializers.ValidationError({"code": ["Which gift card?"]}, code="required")
        if "amount" in attrs and attrs["method"] not in CREDIT_PROVIDERS:
            raise serializers.ValidationError({"amount": ["This way of paying takes all that is lacking."]})
        return super().validate(attrs)


class InitializePaymentSerializer(PayOrderSerializer):
    """``provider`` chooses one where several of the shop's collect by the method."""

    provider = serializers.ChoiceField(choices=[(name, name) for name in provider_names()], required=False)

    def validate_method(self, method: str) -> str:
        if method == Payment.Method.MPESA:
            raise serializers.ValidationError("It is paid on a phone: POST /api/payments/.", code="invalid_choice")
        if method in CREDIT_PROVIDERS:
            raise serializers.ValidationError("It is paid at once: POST /api/payments/.", code="invalid_choice")
        return method


class PaymentAttemptSerializer(serializers.ModelSerializer[PaymentAttempt]):
    """One try. ``outcome`` says where it is or how it ended, for programs; ``advice`` says it to the customer.

    ``retry`` says whether a new attempt makes sense: ``now``, ``later`` (after a pause), ``no`` (it would fail the same
    way, or nothing is left to pay), ``hold`` (not before this one is settled). ``amount`` is what the provider is asked
    for, in its ``currency``: less than the payment's when a part has come already.
    """

    phone_number = serializers.SerializerMethodField()
    outcome = serializers.ChoiceField(choices=["", *outcomes.BY_NAME], read_only=True)
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
    paid_amount = serializers.DecimalField(
        max_digits=12, decimal_places=2, read_only=True, help_text="What has arrived for it, in its currency."
    )
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
            "paid_amount",
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


class InitializedPaymentSerializer(serializers.Serializer[Any]):
    """Where the customer pays. ``authorization_url`` is empty until the page is ready."""

    reference = serializers.CharField()
    authorization_url = serializers.URLField()
    instructions = serializers.CharField()
    provider = serializers.CharField()
    payment = PaymentSerializer()


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
            "collected_by",
            "created_at",
        )
        read_only_fields = fields

    def get_payer_phone(self, received: ReceivedMoney) -> str:
        phone = received.payer_phone
        return mask_phone(phone) if phone.lstrip("+").isdigit() else phone


class CollectSerializer(serializers.Serializer[Any]):
    """Money taken by hand, or with ``mpesa`` a prompt on the customer's phone for what is lacking."""

    method = serializers.ChoiceField(choices=COLLECT_METHODS)
    amount = serializers.DecimalField(max_digits=12, decimal_places=2, min_value=Decimal("0.01"), required=False)
    phone_number = PhoneNumberField(required=False)
    receipt_number = serializers.CharField(max_length=64, required=False, allow_blank=True)
    collected_by = serializers.PrimaryKeyRelatedField(
        queryset=User.objects.filter(is_staff=True, is_active=True), required=False
    )
    collected_at = serializers.DateTimeField(required=False)

    def validate_collected_at(self, collected_at: datetime) -> datetime:
        if collected_at > timezone.now() + CLOCKS_DIFFER:
            raise serializers.ValidationError("This time is in the future.")
        return collected_at

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        needed = "phone_number" if attrs["method"] == Payment.Method.MPESA else "amount"
        if needed not in attrs:
            raise serializers.ValidationError({needed: ["This field is required."]}, code="required")
        return attrs


class CollectedSerializer(serializers.Serializer[Any]):
    """What became of the order. ``received`` is null while the customer still has to enter a PIN."""

    order = serializers.UUIDField()
    order_number = serializers.CharField()
    order_status = serializers.ChoiceField(choices=Order.Status.choices)
    due = serializers.DecimalField(max_digits=12, decimal_places=2, help_text="What the order still lacks.")
    payment = PaymentSerializer()
    received = ReceivedMoneySerializer(allow_null=True)


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
    to = serializers.ChoiceField(choices=REFUND_TO, default="payer")


class CompleteRefundSerializer(serializers.Serializer[Any]):
    receipt_number = serializers.CharField(max_length=64)


class PayoutSerializer(serializers.ModelSerializer[Payout]):
    phone_number = serializers.SerializerMethodField()

    class Meta:
        model = Payout
        fields = (
            "id",
            "reference",
            "provider",
            "amount",
            "currency",
            "recipient_name",
            "phone_number",
            "status",
            "reason",
            "route",
            "receipt_number",
            "result_code",
            "result_detail",
            "created_at",
            "ended_at",
        )
        read_only_fields = fields

    def get_phone_number(self, payout: Payout) -> str:
        return mask_phone(payout.phone_number)


class CompletePayoutSerializer(CompleteRefundSerializer):
    """The receipt of the transfer that a person made."""


class WebhookAnswerSerializer(serializers.Serializer[Any]):
    received = serializers.BooleanField()


class CallbackAnswerSerializer(serializers.Serializer[Any]):
    ResultCode = serializers.IntegerField()
    ResultDesc = serializers.CharField()


class ValidationAnswerSerializer(serializers.Serializer[Any]):
    ResultCode = serializers.CharField()
    ResultDesc = serializers.CharField()
