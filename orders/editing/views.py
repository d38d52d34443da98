"""Edits over HTTP."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from ecommerce import idempotency
from ecommerce.http import IDEMPOTENCY_HEADER, checked
from ecommerce.transactions import retry_on_conflict
from orders.editing import services
from orders.editing.exceptions import VersionRequired
from orders.editing.models import OrderEdit
from orders.editing.serializers import EditSerializer, OrderEditSerializer, edit_from
from orders.editing.versions import etag_of
from orders.fulfilment.permissions import MayHandleOrders
from orders.models import Order
from orders.selectors import orders_visible_to
from orders.serializers import OrderSerializer

IF_MATCH_HEADER = OpenApiParameter(
    "If-Match",
    location=OpenApiParameter.HEADER,
    description="The `ETag` of the order that you have read. One that was changed since is not edited: 412.",
)
_EXAMPLES = [
    OpenApiExample(
        "Two instead of three, and a cable",
        value={
            "items": [
                {"item_id": "0198c0de-0000-7000-8000-000000000004", "quantity": 2},
                {"product_id": "0198c0de-0000-7000-8000-000000000001", "quantity": 1},
            ],
            "reason": "agreed on the phone",
        },
        request_only=True,
    ),
    OpenApiExample(
        "Something off",
        value={"discount": {"percent": "10.00", "reason": "box was dented"}, "expected_total": "13500.00"},
        request_only=True,
    ),
    OpenApiExample("Look first", value={"coupons": ["KARIBU10"], "preview": True}, request_only=True),
]


class OrderEditsView(APIView):
    permission_classes = (MayHandleOrders,)
    schema_tag = "orders"

    @extend_schema(
        summary="List the edits of an order",
        description="For staff, the first one first.",
        responses={200: OrderEditSerializer(many=True)},
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        edits = OrderEdit.objects.filter(order=_order(request, order_id))
        return Response(OrderEditSerializer(edits, many=True).data)

    @extend_schema(
        summary="Edit an order that is not paid",
        description=(
            "Changes lines, delivery, coupons and a discount by hand, all in one step, and prices the order again by "
            "the function that prices every order. Lines keep their prices and the order its promotions, also those "
            "that have ended since; what is added costs what it costs today. Shipping is charged by today's tariff "
            "where the goods or the destination change. Refused while a payment is open (`order_being_paid`), and as "
            "a whole where anything of it is not possible. Say which order you have seen: `If-Match`, or "
            "`expected_total`; a `preview` needs neither. The customer is told by mail. A discount by hand needs the "
            "right `orders.add_manualdiscount`."
        ),
        parameters=[IF_MATCH_HEADER, IDEMPOTENCY_HEADER],
        request=EditSerializer,
        responses={200: OrderSerializer},
        examples=_EXAMPLES,
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        order = _order(request, order_id)
        data = checked(EditSerializer, request)
        etags = [tag.strip() for tag in request.headers.get("If-Match", "").split(",") if tag.strip()]
        expected: Decimal | None = data.get("expected_total")
        is_preview = data.get("preview", False)
        if not (etags or is_preview or expected is not None):
            raise VersionRequired()
        actor = signed_in(request)

        def effect() -> Response:
            services.edit_order(order.pk, edit_from(data), actor=actor, etags=etags, expected_total=expected)
            edited = _order(request, order.pk)
            return Response(OrderSerializer(edited).data, status=status.HTTP_200_OK, headers={"ETag": etag_of(edited)})

        if is_preview:
            return retry_on_conflict(lambda: _undone(effect))
        return idempotency.run_once(request, owner=f"user:{actor.pk}", operation="orders.edit", effect=effect)


def _undone(effect: Any) -> Response:
    with transaction.atomic():
        response: Response = effect()
        transaction.set_rollback(True)
    del response["ETag"]  # of an order that there is not
    return response


def _order(request: Request, order_id: UUID) -> Order:
    return get_object_or_404(orders_visible_to(signed_in(request)), pk=order_id)
