"""Returns over HTTP."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from ecommerce import idempotency
from ecommerce.http import IDEMPOTENCY_HEADER, REQUIRED_IDEMPOTENCY_HEADER, checked
from ecommerce.schema import ErrorSerializer
from orders.models import Order
from orders.returns import receiving, selectors, serializers, services, settling
from orders.returns.filters import ReturnFilter
from orders.returns.models import Return
from orders.returns.permissions import ORDER_TOKEN_HEADER, CustomerGuestOrStaff, token_order, user_of

_ANSWER = {200: serializers.ReturnSerializer, 403: ErrorSerializer}


@extend_schema_view(
    list=extend_schema(
        summary="List returns",
        description=(
            "A customer's own, a guest's of one order, for staff with the right all; newest first. Goods that should "
            "have come are at `?overdue=true`."
        ),
        parameters=[ORDER_TOKEN_HEADER],
    ),
    retrieve=extend_schema(summary="Show a return", parameters=[ORDER_TOKEN_HEADER]),
)
class ReturnViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Return]):
    queryset = Return.objects.none()
    serializer_class = serializers.ReturnSerializer
    permission_classes = (CustomerGuestOrStaff,)
    staff_actions = ("approve", "reject", "receive", "exchange")
    filterset_class = ReturnFilter
    orderings = {"-created_at": ("-created_at", "-id"), "created_at": ("created_at", "id")}
    schema_tag = "returns"
    api_key_area = "returns"

    def get_queryset(self) -> QuerySet[Return]:
        if getattr(self, "swagger_fake_view", False):
            return Return.objects.none()
        return selectors.returns_visible_to(user_of(self.request), token_order(self.request))

    @extend_schema(
        summary="Ask to return goods",
        description=(
            "Units that were shipped, paid, and are in no other return: `units_not_returnable` names each that is not. "
            "In the time after the delivery that the shop gives (`return_window_over`), which is longer where the shop "
            "is at fault; staff with the right may be late. With `resolution: exchange` other goods are sent for "
            "those that come back; for a guest, of the same price."
        ),
        parameters=[IDEMPOTENCY_HEADER, ORDER_TOKEN_HEADER],
        request=serializers.RequestReturnSerializer,
        responses={201: serializers.ReturnSerializer, 404: ErrorSerializer},
        examples=[
            OpenApiExample(
                "A cracked phone",
                value={
                    "order_id": "0198c0de-0000-7000-8000-000000000002",
                    "items": [{"item_id": "0198c0de-0000-7000-8000-000000000004", "quantity": 1}],
                    "reason": "damaged",
                    "note": "The glass is cracked.",
                },
                request_only=True,
            )
        ],
    )
    def create(self, request: Request) -> Response:
        data = checked(serializers.RequestReturnSerializer, request)
        user = user_of(request)
        is_staff = selectors.handles_returns(user)
        orders = Order.objects.all() if is_staff else selectors.orders_of(user, token_order(request))
        order = get_object_or_404(orders, pk=data["order_id"])
        lines = [services.ReturnLine(**item, attr=f"items.{index}") for index, item in enumerate(data["items"])]

        def effect() -> Response:
            made = services.request_return(
                order_id=order.pk,
                lines=lines,
                reason=data["reason"],
                resolution=data["resolution"],
                note=data.get("note", ""),
                actor=user,
                is_late_allowed=is_staff,
            )
            return self._answer(made, status.HTTP_201_CREATED)

        return idempotency.run_once(request, owner=self._owner(), operation="returns.request", effect=effect)

    @extend_schema(
        summary="Let the goods of a return be sent",
        description="The customer is told by mail, and until when they are expected (`send_by`).",
        parameters=[IDEMPOTENCY_HEADER],
        request=serializers.DecisionSerializer,
        responses=_ANSWER,
    )
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        data = checked(serializers.DecisionSerializer, request)
        return self._change(services.approve_return, note=data.get("note", ""))

    @extend_schema(
        summary="Refuse a return",
        description="The customer is told why by mail. The units can be asked for again.",
        parameters=[IDEMPOTENCY_HEADER],
        request=serializers.RejectSerializer,
        responses=_ANSWER,
    )
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        data = checked(serializers.RejectSerializer, request)
        return self._change(services.reject_return, note=data["note"])

    @extend_schema(
        summary="Take returned goods in",
        description=(
            "Of an approved return, all that has come, at once; what is not named has not. Restocked units lie in the "
            "named warehouse and are for sale again, others are written off."
        ),
        parameters=[IDEMPOTENCY_HEADER],
        request=serializers.ReceiveReturnSerializer,
        responses=_ANSWER,
        examples=[
            OpenApiExample(
                "Back on the shelf",
                value={
                    "items": [
                        {
                            "item_id": "0198c0de-0000-7000-8000-000000000005",
                            "quantity": 1,
                            "condition": "unopened",
                            "warehouse": "NBO-1",
                        }
                    ]
                },
                request_only=True,
            )
        ],
    )
    @action(detail=True, methods=["post"])
    def receive(self, request: Request, pk: str) -> Response:
        data = checked(serializers.ReceiveReturnSerializer, request)
        arrivals = [receiving.Arrival(**item, attr=f"items.{index}") for index, item in enumerate(data["items"])]
        return self._change(receiving.receive_return, arrivals, note=data.get("note", ""))

    @extend_schema(
        summary="Give money back for returned goods",
        description=(
            "What was paid for the units that came, less `restocking_fee`, by the way it was paid, or as credit if "
            "that was wanted; never more than was paid and has not gone back: `refund_amount` says how much. While an "
            "earlier refund is under way the answer is 409 `refund_in_progress`, and nothing is changed. For staff who "
            "may give money back, such as finance."
        ),
        parameters=[REQUIRED_IDEMPOTENCY_HEADER],
        request=serializers.RefundReturnSerializer,
        responses=_ANSWER,
        examples=[OpenApiExample("With a fee", value={"restocking_fee": "200.00"}, request_only=True)],
    )
    @action(detail=True, methods=["post"])
    def refund(self, request: Request, pk: str) -> Response:
        data = checked(serializers.RefundReturnSerializer, request)
        return self._change(settling.refund_return, required=True, **data)

    @extend_schema(
        summary="Send other goods for returned ones",
        description=(
            "Makes an order of the wanted goods (`replacement_id`) that costs nothing, for the units that came. "
            "Where one is of another price it is an order like any other (`exchange_order_id`), paid with what these "
            "units were worth: of cheaper goods the rest goes back the way it was paid, of dearer ones the customer "
            "pays the difference within three days. The return is `refunded` then. It takes an account: for a guest "
            "it is `exchange_unavailable`."
        ),
        parameters=[IDEMPOTENCY_HEADER],
        request=serializers.DecisionSerializer,
        responses=_ANSWER,
    )
    @action(detail=True, methods=["post"])
    def exchange(self, request: Request, pk: str) -> Response:
        data = checked(serializers.DecisionSerializer, request)
        return self._change(settling.exchange_return, note=data.get("note", ""))

    @extend_schema(
        summary="Give a return up",
        description="By its customer, or by staff: before any goods have arrived.",
        parameters=[IDEMPOTENCY_HEADER, ORDER_TOKEN_HEADER],
        request=serializers.DecisionSerializer,
        responses=_ANSWER,
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        data = checked(serializers.DecisionSerializer, request)
        user = user_of(request)
        own = selectors.orders_of(user, token_order(request))
        if not selectors.handles_returns(user) and not own.filter(pk=self.get_object().order_id).exists():
            raise PermissionDenied()
        return self._change(services.cancel_return, note=data.get("note", ""))

    def _change(self, service: Callable[..., Return], *args: Any, required: bool = False, **fields: Any) -> Response:
        """Let a service change the return of the address, at most once per key, and answer with what it has become."""
        goods_return = self.get_object()
        actor = user_of(self.request)

        def effect() -> Response:
            return self._answer(service(goods_return.pk, *args, actor=actor, **fields), status.HTTP_200_OK)

        return idempotency.run_once(
            self.request, owner=self._owner(), operation=f"returns.{self.action}", effect=effect, required=required
        )

    def _owner(self) -> str:
        user = user_of(self.request)
        return f"user:{user.pk}" if user else f"order:{token_order(self.request)}"

    def _answer(self, goods_return: Return, status_code: int) -> Response:
        fresh = self.get_queryset().get(pk=goods_return.pk)
        return Response(self.get_serializer(fresh).data, status=status_code)
