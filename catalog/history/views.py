"""The history of products and price lists over HTTP, for staff."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from pghistory.models import Event
from rest_framework import viewsets
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.history.selectors import changes_of, read_changes
from accounts.history.serializers import ChangeSerializer
from catalog.below_product import PRODUCT_KEY, named_product
from catalog.history.models import PriceListEvent, ProductEvent
from catalog.models import Product
from catalog.permissions import StaffByPermission
from catalog.prices.models import PriceList
from ecommerce.schema import ErrorSerializer

_PRICE: dict[str, Any] = {
    "at": "2026-11-21T07:45:00Z",
    "kind": "variant",
    "id": "0198c0de-0000-7000-8000-000000000002",
    "name": "ANK-313-BLK",
    "action": "changed",
    "changes": {"price": {"before": "2499.00", "after": "2299.00"}},
    "note": "",
    "actor": {"id": "0198c0de-0000-7000-8000-000000000009", "name": "Wanjiku Kamau"},
    "via": "api",
    "request_id": "0198c0de00007000800000000000000a",
}
_LISTED = _PRICE | {
    "kind": "price",
    "name": "ANK-20W",
    "changes": {"price": {"before": "1450.00", "after": "1400.00"}},
}
_LIST_ID = OpenApiParameter(
    "id", location=OpenApiParameter.PATH, description="The price list.", type={"format": "uuid", "type": "string"}
)


class HistoryViewSet(viewsets.GenericViewSet[Any]):
    """Changes, newest first, for staff who may read history."""

    serializer_class = ChangeSerializer
    permission_classes = (StaffByPermission,)
    permission_model: type[Event] = ProductEvent
    schema_tag = "catalog"
    api_key_area = "catalogue"

    def page_of(self, keys: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(keys))
        changes = read_changes(page or [])
        return self.get_paginated_response(self.get_serializer(changes, many=True).data)


class ProductHistoryViewSet(HistoryViewSet):
    queryset = Product.objects.none()

    @extend_schema(
        summary="Show a product's history",
        description=(
            "Every change of the product, its variants and pictures, of the moderation of its reviews, of what is sold "
            "beyond its stock, and of its stock by hand, newest first: over the API, in the admin, by imports, or past "
            "all of them. For staff with the right `view_productevent`; also of removed products and of variants that "
            "are gone."
        ),
        parameters=[PRODUCT_KEY],
        responses={200: ChangeSerializer(many=True), 403: ErrorSerializer},
        examples=[OpenApiExample("A lower price", value=_PRICE, response_only=True, status_codes=["200"])],
    )
    def list(self, request: Request, key: str) -> Response:
        product = named_product(key, Product.objects.all())
        return self.page_of(changes_of(Product, product.pk))


class PriceListHistoryViewSet(HistoryViewSet):
    queryset = PriceList.objects.none()
    permission_model = PriceListEvent

    @extend_schema(
        summary="Show a price list's history",
        description=(
            "Every change of the list and of its prices, newest first: over the API, in the admin, by files. For staff "
            "with the right `view_pricelistevent`."
        ),
        parameters=[_LIST_ID],
        responses={200: ChangeSerializer(many=True), 403: ErrorSerializer},
        examples=[OpenApiExample("A lower price", value=_LISTED, response_only=True, status_codes=["200"])],
    )
    def list(self, request: Request, pk: UUID) -> Response:
        price_list = get_object_or_404(PriceList, pk=pk)
        return self.page_of(changes_of(PriceList, price_list.pk))
