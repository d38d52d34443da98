"""Collecting at the door and at the bank, over HTTP."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from ecommerce import idempotency
from ecommerce.http import REQUIRED_IDEMPOTENCY_HEADER, checked
from ecommerce.money import ZERO
from payments import collecting, serializers
from payments.models import Payment, ReceivedMoney
from payments.received import due_of
from payments.selectors import payments_with_attempts


class MayCollect(BasePermission):
    """Staff who may add received money: riders, the till, the accounts department."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        return bool(user.is_authenticated and user.is_staff and user.has_perm("payments.add_receivedmoney"))


class CollectView(APIView):
    permission_classes = (MayCollect,)
    schema_tag = "payments"

    @extend_schema(
        summary="Collect an order's money",
        description=(
            "For riders and staff: writes down cash or a bank transfer, which pays the order like any other money; "
            "less leaves it open (`due`), more is given back by staff. With `method: mpesa` the `phone_number` is "
            "prompted for what the order lacks, and `received` is null until the PIN is entered."
        ),
        parameters=[REQUIRED_IDEMPOTENCY_HEADER],
        request=serializers.CollectSerializer,
        responses={201: serializers.CollectedSerializer, 200: serializers.CollectedSerializer},
        examples=[
            OpenApiExample("Cash", value={"method": "cash_on_delivery", "amount": "1500.00"}, request_only=True),
            OpenApiExample(
                "Bank transfer",
                value={
                    "method": "bank_transfer",
                    "amount": "1500.00",
                    "receipt_number": "FT26325ABC12",
                    "collected_at": "2026-11-21T09:30:00Z",
                },
                request_only=True,
            ),
            OpenApiExample(
                "M-Pesa at the door", value={"method": "mpesa", "phone_number": "0712345678"}, request_only=True
            ),
        ],
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        data = checked(serializers.CollectSerializer, request)
        actor = signed_in(request)

        def effect() -> Response:
            if data["method"] == Payment.Method.MPESA:
                started = collecting.ask_phone(
                    order_id=order_id, phone_number=data["phone_number"], amount=data.get("amount")
                )
                code = status.HTTP_201_CREATED if started.is_new else status.HTTP_200_OK
                return Response(_answer(started.payment, None), status=code)
            made = collecting.collect(
                order_id=order_id,
                amount=data["amount"],
                method=data["method"],
                collector=data.get("collected_by", actor),
                actor=actor,
                receipt_number=data.get("receipt_number", ""),
                collected_at=data.get("collected_at"),
            )
            return Response(_answer(made.payment, made.received), status=status.HTTP_201_CREATED)

        return idempotency.run_once(
            request, owner=f"user:{actor.pk}", operation="orders.collect", effect=effect, required=True
        )


def _answer(payment: Payment, received: ReceivedMoney | None) -> Any:
    fresh = payments_with_attempts().get(pk=payment.pk)
    return serializers.CollectedSerializer(
        {
            "order": fresh.order_id,
            "order_number": fresh.order.number,
            "order_status": fresh.order.status,
            "due": max(due_of(fresh), ZERO),
            "payment": fresh,
            "received": received,
        }
    ).data
