"""What finance staff do over HTTP: look at received money, say where it belongs, give money back."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from ecommerce import idempotency
from ecommerce.http import IDEMPOTENCY_HEADER, REQUIRED_IDEMPOTENCY_HEADER, checked
from ecommerce.schema import ErrorSerializer
from payments import decisions, refunds, serializers
from payments.credit.models import STORE_CREDIT
from payments.filters import ReceivedMoneyFilter, RefundFilter
from payments.models import Payment, ReceivedMoney, Refund


class MayHandle(BasePermission):
    """Staff with Django's permission on a table: to view it for reading, to change it for everything else."""

    model_name = ""

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        wanted = "view" if request.method in ("GET", "HEAD", "OPTIONS") else "change"
        return bool(user.is_authenticated and user.is_staff and user.has_perm(f"payments.{wanted}_{self.model_name}"))


class MayHandleReceivedMoney(MayHandle):
    model_name = "receivedmoney"


class MayHandleRefunds(MayHandle):
    model_name = "refund"


@extend_schema_view(
    list=extend_schema(
        summary="List received money",
        description="The work list is `?waiting=true`; newest first.",
    ),
    retrieve=extend_schema(summary="Show received money"),
)
class ReceivedMoneyViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[ReceivedMoney]):
    queryset = ReceivedMoney.objects.select_related("payment__order")
    serializer_class = serializers.ReceivedMoneySerializer
    permission_classes = (MayHandleReceivedMoney,)
    filterset_class = ReceivedMoneyFilter
    orderings = {"-received_at": ("-received_at", "-id"), "received_at": ("received_at", "id")}
    schema_tag = "payments"
    api_key_area = "payments"

    @extend_schema(
        summary="Say which order received money pays",
        description="What is less than the order costs leaves it open; more can be refunded.",
        parameters=[IDEMPOTENCY_HEADER],
        request=serializers.AttachSerializer,
        responses={200: serializers.ReceivedMoneySerializer},
        examples=[OpenApiExample("To an order", value={"order_number": "1000000017"}, request_only=True)],
    )
    @action(detail=True, methods=["post"])
    def attach(self, request: Request, pk: str) -> Response:
        data = checked(serializers.AttachSerializer, request)
        row = self.get_object()
        actor = signed_in(request)

        def effect() -> None:
            decisions.attach(row.pk, order_number=data["order_number"], actor=actor)

        return self._decide(request, row.pk, "attach", effect)

    @extend_schema(
        summary="Give received money back to its payer",
        parameters=[IDEMPOTENCY_HEADER],
        request=serializers.ReasonSerializer,
        responses={200: serializers.ReceivedMoneySerializer},
    )
    @action(detail=True, methods=["post"])
    def refund(self, request: Request, pk: str) -> Response:
        data = checked(serializers.ReasonSerializer, request)
        row = self.get_object()
        actor = signed_in(request)

        def effect() -> None:
            decisions.give_back(row.pk, actor=actor, reason=data["reason"])

        return self._decide(request, row.pk, "refund", effect)

    @extend_schema(
        summary="Put an unconfirmed claim away",
        parameters=[IDEMPOTENCY_HEADER],
        request=serializers.ReasonSerializer,
        responses={200: serializers.ReceivedMoneySerializer},
    )
    @action(detail=True, methods=["post"])
    def dismiss(self, request: Request, pk: str) -> Response:
        data = checked(serializers.ReasonSerializer, request)
        row = self.get_object()
        actor = signed_in(request)

        def effect() -> None:
            decisions.dismiss(row.pk, actor=actor, note=data["reason"])

        return self._decide(request, row.pk, "dismiss", effect)

    def _decide(self, request: Request, row_id: UUID, what: str, effect: Any) -> Response:
        def decide() -> Response:
            effect()
            return Response(self.get_serializer(self.get_queryset().get(pk=row_id)).data)

        return idempotency.run_once(
            request, owner=f"user:{signed_in(request).pk}", operation=f"received.{what}", effect=decide
        )


@extend_schema_view(
    list=extend_schema(summary="List refunds", description="Newest first. `?status=review` waits for a person."),
    retrieve=extend_schema(summary="Show a refund"),
)
class RefundViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Refund]):
    serializer_class = serializers.RefundSerializer
    permission_classes = (MayHandleRefunds,)
    filterset_class = RefundFilter
    orderings = {"-created_at": ("-created_at", "-id"), "created_at": ("created_at", "id")}
    schema_tag = "payments"
    api_key_area = "payments"

    def get_queryset(self) -> QuerySet[Refund]:
        return Refund.objects.select_related("payment__order").prefetch_related("lines")

    @extend_schema(
        summary="Say that a refund was paid by hand",
        description="For a refund in `review`: one that no provider can make.",
        request=serializers.CompleteRefundSerializer,
        responses={200: serializers.RefundSerializer},
    )
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, pk: str) -> Response:
        data = checked(serializers.CompleteRefundSerializer, request)
        refund = self.get_object()
        refunds.complete_by_hand(refund.pk, actor=signed_in(request), receipt_number=data["receipt_number"])
        return Response(self.get_serializer(self.get_queryset().get(pk=refund.pk)).data)


class StartRefundView(APIView):
    permission_classes = (MayHandleRefunds,)
    schema_tag = "payments"

    @extend_schema(
        summary="Refund a payment",
        description=(
            "In whole, or in part with `amount` (in the payment's currency). Never more than was paid less what went "
            "back. The provider is told by a worker; follow the refunds' `status`. What was paid with a gift card or "
            "with store credit goes back onto it, at once; with `to: store_credit` the rest becomes store credit, too. "
            "The newest receipt goes back first."
        ),
        parameters=[REQUIRED_IDEMPOTENCY_HEADER],
        request=serializers.StartRefundSerializer,
        responses={201: serializers.RefundSerializer(many=True), 404: ErrorSerializer},
        examples=[
            OpenApiExample(
                "A part",
                value={
                    "payment_id": "0198c0de-0000-7000-8000-000000000003",
                    "amount": "500.00",
                    "reason": "one item was out of stock",
                },
                request_only=True,
            ),
            OpenApiExample(
                "All of it, to be spent in the shop",
                value={
                    "payment_id": "0198c0de-0000-7000-8000-000000000003",
                    "reason": "returned",
                    "to": "store_credit",
                },
                request_only=True,
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        data = checked(serializers.StartRefundSerializer, request)
        actor = signed_in(request)
        payment = get_object_or_404(Payment, pk=data["payment_id"])

        def effect() -> Response:
            made = refunds.refund_payment(
                payment_id=payment.pk,
                amount=data.get("amount"),
                reason=data["reason"],
                actor=actor,
                to_store_credit=data["to"] == STORE_CREDIT,
            )
            rows = Refund.objects.select_related("payment__order").prefetch_related("lines")
            found = rows.filter(pk__in=[refund.pk for refund in made]).order_by("created_at")
            return Response(serializers.RefundSerializer(found, many=True).data, status=status.HTTP_201_CREATED)

        return idempotency.run_once(
            request, owner=f"user:{actor.pk}", operation="payments.refund", effect=effect, required=True
        )
