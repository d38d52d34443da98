"""The history of a product over HTTP, for staff."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import viewsets
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import signed_in
from catalog.below_product import PRODUCT_KEY
from catalog.history import selectors
from catalog.history.serializers import ChangeSerializer
from catalog.models import Product
from catalog.selectors import by_id_or_url_key
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
    permission_classes = (IsAuthenticated,)
    schema_tag = "catalog"

    @extend_schema(
        summary="Show a product's history",
        description=(
            "Every change of the product, its variants and pictures, of the moderation of its reviews, and of its "
            "stock by hand, newest first: over the API, in the admin, by imports, or past all of them. For staff with "
            "the right `view_productevent`; also of removed products and of variants that are gone."
        ),
        parameters=[PRODUCT_KEY],
        responses={200: ChangeSerializer(many=True), 403: ErrorSerializer},
        examples=[OpenApiExample("A lower price", value=_PRICE, response_only=True, status_codes=["200"])],
    )
    def list(self, request: Request, key: str) -> Response:
        if not selectors.may_read_history(signed_in(request)):
            raise PermissionDenied()
        product_id = Product.objects.filter(by_id_or_url_key(key)).values_list("pk", flat=True).first()
        if product_id is None:
            raise Http404
        keys: Any = self.filter_queryset(selectors.changes_of_product(product_id))
        page = self.paginate_queryset(keys)
        changes = selectors.read_changes(page or [])
        return self.get_paginated_response(self.get_serializer(changes, many=True).data)
