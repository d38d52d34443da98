"""Orders as a file over HTTP."""

from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.authentication import signed_in
from catalog.exchange.export_views import OneRenderer
from ecommerce.schema import ErrorSerializer
from orders.exporting.services import hand_out, may_export
from orders.filters import OrderFilter
from orders.models import Order


class MayExport(BasePermission):
    """Staff who may see orders and take them out of the shop."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return may_export(request.user)


class OrderExportView(GenericAPIView[Order]):
    permission_classes = (MayExport,)
    content_negotiation_class = OneRenderer
    filterset_class: Any = OrderFilter
    pagination_class = None
    schema_tag = "orders"

    def get_queryset(self) -> QuerySet[Order]:
        return Order.objects.all()

    @extend_schema(
        summary="Export orders to a file",
        description=(
            "A CSV of all orders, newest first, narrowed by the filters of the list. Made while it is sent, so its "
            "size is no limit. Times are Nairobi's; cells that a spreadsheet would run as a formula have an apostrophe "
            "in front. Needs the right `orders.export_order` beside that to see orders, and stands in the trail."
        ),
        filters=True,
        responses={
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, description="The file."),
            400: ErrorSerializer,
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        orders = self.filter_queryset(self.get_queryset())
        return hand_out(orders, user=signed_in(request), request=request._request, filters=request.query_params)
