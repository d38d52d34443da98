"""The form of requests and answers about gift cards and store credit."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework import serializers

from payments.credit.codes import LONGEST_TYPED
from payments.credit.issuing import LARGEST
from payments.credit.models import CreditMovement, GiftCard, StoreCredit


def amount_field(**kwargs: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=12, decimal_places=2, max_value=LARGEST, **kwargs)


class CurrencyField(serializers.RegexField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(r"^[A-Z]{3}$", required=False, default=settings.DEFAULT_CURRENCY, **kwargs)


class FutureField(serializers.DateTimeField):
    def to_internal_value(self, value: Any) -> datetime:
        moment = super().to_internal_value(value)
        if moment <= timezone.now():
            raise serializers.ValidationError("This time is over.")
        return moment


class CreditMovementSerializer(serializers.ModelSerializer[CreditMovement]):
    """What changed a balance; ``order_number`` is the order that it paid, or that it came back from."""

    order_number = serializers.SerializerMethodField()

    class Meta:
        model = CreditMovement
        fields: tuple[str, ...] = ("id", "kind", "amount", "balance_after", "order_number", "created_at")
        read_only_fields = fields

    def get_order_number(self, movement: CreditMovement) -> str | None:
        about = movement.received or movement.refund
        return about.payment.order.number if about is not None and about.payment is not None else None


class StaffMovementSerializer(CreditMovementSerializer):
    """With who did it, and why."""

    class Meta(CreditMovementSerializer.Meta):
        fields = (*CreditMovementSerializer.Meta.fields, "actor", "reason")
        read_only_fields = fields


class GiftCardSerializer(serializers.ModelSerializer[GiftCard]):
    """``last4`` are the last characters of the code, which nobody can read back."""

    order_number = serializers.CharField(source="order_item.order.number", read_only=True, default=None)

    class Meta:
        model = GiftCard
        fields: tuple[str, ...] = (
            "id",
            "last4",
            "currency",
            "initial_amount",
            "balance",
            "expires_at",
            "is_active",
            "issued_by",
            "bought_by",
            "order_number",
            "recipient_email",
            "message",
            "mailed_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class GiftCardDetailSerializer(GiftCardSerializer):
    movements = StaffMovementSerializer(source="newest_movements", many=True, read_only=True)

    class Meta(GiftCardSerializer.Meta):
        fields = (*GiftCardSerializer.Meta.fields, "movements")
        read_only_fields = fields


class IssuedGiftCardSerializer(GiftCardSerializer):
    """``code`` is shown here and nowhere else; it is null when it is mailed to the recipient instead."""

    code = serializers.CharField(allow_null=True, read_only=True)

    class Meta(GiftCardSerializer.Meta):
        fields = (*GiftCardSerializer.Meta.fields, "code")
        read_only_fields = fields


class IssueGiftCardSerializer(serializers.Serializer[Any]):
    amount = amount_field(min_value=Decimal("0.01"))
    currency = CurrencyField()
    recipient_email = serializers.EmailField(required=False, allow_blank=True, max_length=254)
    message = serializers.CharField(required=False, allow_blank=True, max_length=500)
    expires_at = FutureField(required=False, allow_null=True)


class ChangeGiftCardSerializer(serializers.Serializer[Any]):
    is_active = serializers.BooleanField(required=False)
    expires_at = FutureField(required=False, allow_null=True)


class AdjustGiftCardSerializer(serializers.Serializer[Any]):
    """``amount`` is put on the balance; a negative one is taken off."""

    amount = amount_field(min_value=-LARGEST)
    reason = serializers.CharField(max_length=200)


class AdjustCreditSerializer(AdjustGiftCardSerializer):
    currency = CurrencyField()


class CodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=LONGEST_TYPED)


class GiftCardBalanceSerializer(serializers.ModelSerializer[GiftCard]):
    class Meta:
        model = GiftCard
        fields = ("last4", "currency", "balance", "expires_at")
        read_only_fields = fields


class StoreCreditSerializer(serializers.ModelSerializer[StoreCredit]):
    """A balance with its newest movements."""

    movements = CreditMovementSerializer(source="newest_movements", many=True, read_only=True)

    class Meta:
        model = StoreCredit
        fields = ("currency", "balance", "movements")
        read_only_fields = fields


class StaffStoreCreditSerializer(StoreCreditSerializer):
    movements = StaffMovementSerializer(source="newest_movements", many=True, read_only=True)
