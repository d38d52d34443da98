"""The history of a product over HTTP, for staff."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.history.selectors import changes_of, read_changes
from accounts.history.serializers import ChangeSerializer
from catalog.below_product import PRODUCT_KEY, named_product
from catalog.history.models import ProductEvent
from catalog.models import Product
from catalog.permissions import StaffByPermission
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


class ProductHistoryViewSet(viewsets.GenericViewSet[Any]):
    queryset = Product.objects.none()
    serializer_class = ChangeSerializer
    permission_classes = (StaffByPermission,)
    permission_model = ProductEvent
    schema_tag = "catalog"
    api_key_area = "catalogue"

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
        keys: Any = self.filter_queryset(changes_of(Product, product.pk))
        page = self.paginate_queryset(keys)
        changes = read_changes(page or [])
        return self.get_paginated_response(self.get_serializer(changes, many=True).data)
