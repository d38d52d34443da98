"""Orders over HTTP."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import signed_in
from ecommerce import idempotency
from ecommerce.forms import shared
from ecommerce.http import IDEMPOTENCY_HEADER, checked
from ecommerce.throttling import GuestOrderThrottle
from orders import cancelling, selectors, serializers, services
from orders.checkout.saved_addresses import with_saved_address
from orders.checkout.serializers import PlacedOrderSerializer
from orders.checkout.services import submit_order
from orders.checkout.shipping import ShippingChoice
from orders.editing.serializers import StatusSerializer
from orders.editing.statuses import change_status
from orders.editing.versions import etag_of
from orders.filters import OrderFilter
from orders.guests.access import ORDER_TOKEN_HEADER, SignedInOrHolder, buyer_of, key_owner, key_owner_of
from orders.lines import ItemInput
from orders.models import Order

ORDER_ORDERINGS = {
    "-created_at": ("-created_at", "-id"),
    "newest": ("-created_at", "-id"),
    "created_at": ("created_at", "id"),
    "total_amount": ("total_amount", "id"),
    "-total_amount": ("-total_amount", "-id"),
}


@extend_schema_view(
    list=extend_schema(
        summary="List orders",
        description=(
            "A customer sees their own, staff with the right see all; newest first. `search` takes whatever is at "
            "hand: a number (with or without its last digit, with dashes), a phone number in any writing, an e-mail "
            "address or its beginning, a name, a SKU, the receipt of a payment."
        ),
    ),
    retrieve=extend_schema(summary="Show an order", parameters=[ORDER_TOKEN_HEADER]),
)
class OrderViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Order]):
    queryset = Order.objects.none()
    permission_classes = (SignedInOrHolder,)
    public_actions = ("create",)
    serializer_class = serializers.OrderSerializer
    filterset_class = OrderFilter
    orderings = ORDER_ORDERINGS
    schema_tag = "orders"
    api_key_area = "orders"

    def get_queryset(self) -> QuerySet[Order]:
        if getattr(self, "swagger_fake_view", False):
            return Order.objects.none()
        if self.action == "list":
            return selectors.orders_visible_to(signed_in(self.request))
        return selectors.orders_open_to(buyer_of(self.request))

    def get_permissions(self) -> Any:
        if self.action in self.public_actions:
            return [AllowAny()]
        # A link opens one order, not a list of them.
        return [IsAuthenticated()] if self.action == "list" else super().get_permissions()

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        order = self.get_object()
        return Response(self.get_serializer(order).data, headers={"ETag": etag_of(order)})

    def get_throttles(self) -> Any:
        return [*super().get_throttles(), *([GuestOrderThrottle()] if self.action == "create" else [])]

    @extend_schema(
        summary="Place an order",
        description=(
            "Creates a pending order and reserves its stock. The server computes every amount; prices sent by the "
            "client are ignored. Every short item has a row in the 409. By a `shipping_method_id` that serves the "
            "address the shipping is charged (`GET /api/shipping/quotes/` lists them); without one how it is brought "
            "is agreed upon later, unless the shop refuses that. An `address_id` of the customer's own book stands for "
            "a `shipping_address`. Who is not signed in gives an `email` or a "
            "`phone_number`, and keeps the `order_token` of the answer: as `X-Order-Token` it opens this order."
        ),
        parameters=[IDEMPOTENCY_HEADER],
        request=serializers.PlaceOrderSerializer,
        responses={201: PlacedOrderSerializer},
        examples=[
            OpenApiExample(
                "Two chargers",
                value={"items": [{"product_id": "0198c0de-0000-7000-8000-000000000001", "quantity": 2}]},
                request_only=True,
            ),
            OpenApiExample(
                "Without an account",
                value={
                    "items": [{"product_id": "0198c0de-0000-7000-8000-000000000001", "quantity": 1}],
                    "phone_number": "0712345678",
                },
                request_only=True,
            ),
        ],
    )
    def create(self, request: Request) -> Response:
        data = checked(serializers.PlaceOrderSerializer, request)
        user = buyer_of(request).user
        contact = serializers.contact_from(data)
        shipping = ShippingChoice(
            data.get("shipping_method_id"),
            data.get("pickup_point_id"),
            is_required=settings.SHIPPING_REQUIRED,
            attr="shipping_method_id",
        )
        items = [ItemInput(**item, attr=f"items.{index}") for index, item in enumerate(data["items"])]

        def effect() -> Response:
            order = submit_order(
                user=user,
                items=items,
                contact=serializers.contact_from(with_saved_address(data, user)),
                shipping=shipping,
                expected_total=data.get("expected_total"),
            )
            return Response(shared(PlacedOrderSerializer).to_representation(order), status=status.HTTP_201_CREATED)

        owner = f"user:{user.pk}" if user else key_owner(request, contact)
        return idempotency.run_once(request, owner=owner, operation="orders.place", effect=effect)

    @extend_schema(
        summary="Cancel an order, or some of it",
        description=(
            "Without `items` the whole order: only before any of it is shipped, and while no payment of it is open. "
            "With `items` these units, which are neither shipped nor cancelled (`units_not_open` names each that is); "
            "an unpaid order then costs so much less. The stock comes back, and what was paid for it goes back by "
            "itself: follow the payment's `status`. While an earlier refund is under way the answer is 409 "
            "`refund_in_progress`, and nothing is cancelled. The charge for shipping goes back with the last unit, if "
            "none was shipped."
        ),
        parameters=[IDEMPOTENCY_HEADER, ORDER_TOKEN_HEADER],
        request=serializers.CancelOrderSerializer,
        responses={200: serializers.OrderSerializer},
        examples=[
            OpenApiExample("All of it", value={"reason": "found it cheaper"}, request_only=True),
            OpenApiExample(
                "One unit",
                value={"items": [{"item_id": "0198c0de-0000-7000-8000-000000000004", "quantity": 1}]},
                request_only=True,
            ),
        ],
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        return self._cancel(request, checked(serializers.CancelOrderSerializer, request))

    @extend_schema(
        summary="Cancel an order",
        description="The same as `POST /orders/{id}/cancel/`; an order is never deleted.",
        parameters=[ORDER_TOKEN_HEADER],
        responses={200: serializers.OrderSerializer},
    )
    def destroy(self, request: Request, pk: str) -> Response:
        return self._cancel(request, {})

    @extend_schema(
        summary="Change an order's status",
        description=(
            "For staff: `shipped` sends all that is left in one parcel, `delivered` ends every parcel, `cancelled` is "
            "`POST /orders/{id}/cancel/`, and that much an order's customer may, too. What may not follow is a 409 "
            "with what is `allowed`; `paid` and `refunded` follow their money (`status_follows_money`). Nothing else "
            "of an order is changed here: `POST /orders/{id}/edits/` does."
        ),
        parameters=[IDEMPOTENCY_HEADER, ORDER_TOKEN_HEADER],
        request=StatusSerializer,
        responses={200: serializers.OrderSerializer},
        examples=[OpenApiExample("It has arrived", value={"status": "delivered"}, request_only=True)],
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        order = self.get_object()
        data = checked(StatusSerializer, request)
        target, note = Order.Status(data["status"]), data.get("note", "")
        if target == Order.Status.CANCELLED:
            return self._cancel(request, {"reason": note})
        actor = buyer_of(request).user
        if actor is None or not (actor.is_staff and actor.has_perm("orders.change_order")):
            raise PermissionDenied()

        def effect() -> Response:
            change_status(order.pk, target, actor=actor, note=note)
            return self._answer(order, status.HTTP_200_OK)

        return idempotency.run_once(request, owner=f"user:{actor.pk}", operation="orders.status", effect=effect)

    @extend_schema(
        summary="Change an order's status",
        description="The same as `PATCH`.",
        parameters=[IDEMPOTENCY_HEADER, ORDER_TOKEN_HEADER],
        request=StatusSerializer,
        responses={200: serializers.OrderSerializer},
    )
    def update(self, request: Request, pk: str) -> Response:
        return self.partial_update(request, pk)

    @extend_schema(
        summary="Show an order's timeline",
        filters=False,
        parameters=[ORDER_TOKEN_HEADER],
        responses=serializers.OrderEventSerializer(many=True),
    )
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def events(self, request: Request, pk: str) -> Response:
        order = self.get_object()
        return Response(serializers.OrderEventSerializer(order.events.all(), many=True).data)

    def _cancel(self, request: Request, data: dict[str, Any]) -> Response:
        order = self.get_object()
        buyer = buyer_of(request)
        may_change = buyer.user is not None and buyer.user.has_perm("orders.change_order")
        if not may_change and not Order.objects.filter(selectors.acts_for(buyer), pk=order.pk).exists():
            raise PermissionDenied()
        units = [
            cancelling.UnitsInput(**item, attr=f"items.{index}") for index, item in enumerate(data.get("items", []))
        ]
        reason = data.get("reason", "")

        def effect() -> Response:
            if units:
                cancelling.cancel_units(order.pk, units, actor=buyer.user, note=reason)
            else:
                services.cancel_order(order.pk, actor=buyer.user, note=reason or "cancelled by request")
            return self._answer(order, status.HTTP_200_OK)

        return idempotency.run_once(request, owner=key_owner_of(buyer), operation="orders.cancel", effect=effect)

    def _answer(self, order: Order, status_code: int) -> Response:
        fresh = self.get_queryset().get(pk=order.pk)
        return Response(self.get_serializer(fresh).data, status=status_code)
