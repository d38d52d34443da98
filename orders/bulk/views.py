"""Bulk actions over HTTP."""

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from ecommerce import idempotency
from ecommerce.http import checked
from orders.bulk.serializers import BulkAnswerSerializer, BulkSerializer
from orders.bulk.services import Action, run_bulk
from orders.fulfilment.permissions import MayHandleOrders

_REQUIRED_KEY = OpenApiParameter(
    "Idempotency-Key",
    location=OpenApiParameter.HEADER,
    required=True,
    description="Any text of yours, 1 to 255 printable ASCII characters. Under one key no order is moved twice.",
)


class BulkView(APIView):
    permission_classes = (MayHandleOrders,)
    schema_tag = "orders"

    @extend_schema(
        summary="Ship, deliver or cancel many orders",
        description=(
            "Up to 100 orders, each in a transaction of its own: what can be done is done, and for each of the others "
            "`reasons` say why not. Sent again with the same `Idempotency-Key`, it leaves alone what was done, also "
            "when the first request died half way, and tries again what was refused."
        ),
        parameters=[_REQUIRED_KEY],
        request=BulkSerializer,
        responses={200: BulkAnswerSerializer},
        examples=[
            OpenApiExample(
                "Two orders have left",
                value={
                    "action": "ship",
                    "order_ids": ["0198c0de-0000-7000-8000-000000000031", "0198c0de-0000-7000-8000-000000000032"],
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        data = checked(BulkSerializer, request)
        key = idempotency.key_of(request, required=True)
        action = Action(data["action"])
        outcomes = list(
            run_bulk(data["order_ids"], action, actor=signed_in(request), note=data.get("note", ""), key=key)
        )
        done = sum(one.is_done for one in outcomes)
        answer = {"done": done, "refused": len(outcomes) - done, "results": outcomes}
        return Response(BulkAnswerSerializer(answer).data)
