"""Wishlists and notices over HTTP, for their owners alone."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from catalog.below_product import PRODUCT_KEY, named_product
from catalog.currencies.serializers import SHOWN_IN
from catalog.currencies.views import DISPLAY_CURRENCY, shown_in
from catalog.exceptions import ProductUnavailable
from catalog.models import Product
from catalog.wishlist import selectors, serializers, services
from catalog.wishlist.models import WishlistItem
from ecommerce.exceptions import ErrorRow
from ecommerce.http import checked
from ecommerce.transactions import retry_on_conflict

_PRODUCT_ID = {"product_id": "0198c0de-0000-7000-8000-000000000001"}
_NOTICE = {
    "product": "0198c0de-0000-7000-8000-000000000001",
    "variant": None,
    "created_at": "2026-11-21T07:45:00Z",
}
_STORED = [
    OpenApiExample("Waiting", value=_NOTICE, response_only=True, status_codes=["201"]),
    OpenApiExample("Waited already", value=_NOTICE, response_only=True, status_codes=["200"]),
]


@extend_schema_view(
    list=extend_schema(
        summary="Show one's wishlist",
        description="What of it is for sale, newest first.",
        parameters=[DISPLAY_CURRENCY],
    )
)
class WishlistViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[WishlistItem]):
    queryset = WishlistItem.objects.none()
    permission_classes = (IsAuthenticated,)
    serializer_class = serializers.WishlistItemSerializer
    extra_query_parameters = (DISPLAY_CURRENCY.name,)
    schema_tag = "catalog"

    def get_queryset(self) -> QuerySet[WishlistItem]:
        if getattr(self, "swagger_fake_view", False):
            return WishlistItem.objects.none()
        return selectors.wishlist_of(signed_in(self.request))

    def get_serializer_context(self) -> dict[str, Any]:
        faked = getattr(self, "swagger_fake_view", False)
        return {**super().get_serializer_context(), SHOWN_IN: None if faked else shown_in(self.request)}

    @extend_schema(
        summary="Wish for a product",
        description="201 when it is new on the list, 200 when it was there already.",
        parameters=[DISPLAY_CURRENCY],
        request=serializers.WishSerializer,
        responses={201: serializers.WishlistItemSerializer, 200: serializers.WishlistItemSerializer},
        examples=[OpenApiExample("A charger", value=_PRODUCT_ID, request_only=True)],
    )
    def create(self, request: Request) -> Response:
        product_id = checked(serializers.WishSerializer, request)["product_id"]
        user = signed_in(request)
        product = Product.objects.for_sale().only("product_name").filter(pk=product_id).first()
        if product is None:
            raise ProductUnavailable([ErrorRow(ProductUnavailable.code, ProductUnavailable.message, "product_id")])
        added = retry_on_conflict(lambda: services.add_to_wishlist(user=user, product=product))
        item = get_object_or_404(self.get_queryset(), product_id=product_id)
        return Response(self.get_serializer(item).data, status=_created_or_ok(added))

    @extend_schema(summary="Take a product off one's wishlist", responses={204: None})
    def destroy(self, request: Request, product_id: UUID) -> Response:
        if not services.remove_from_wishlist(user=signed_in(request), product_id=product_id):
            raise Http404
        return Response(status=status.HTTP_204_NO_CONTENT)


class StockNoticeView(APIView):
    permission_classes = (IsAuthenticated,)
    schema_tag = "catalog"

    @extend_schema(
        summary="Ask to be told when a product is back",
        description=(
            "One mail when it, or the variant, can be ordered again. 201 when that is new, 200 when you waited "
            "already, 409 `already_in_stock` when there is nothing to wait for."
        ),
        parameters=[PRODUCT_KEY],
        request=serializers.AskForNoticeSerializer,
        responses={201: serializers.StockNoticeSerializer, 200: serializers.StockNoticeSerializer},
        examples=[
            OpenApiExample("Any variant", value={}, request_only=True),
            OpenApiExample(
                "One variant", value={"variant_id": "0198c0de-0000-7000-8000-000000000011"}, request_only=True
            ),
            *_STORED,
        ],
    )
    def post(self, request: Request, key: str) -> Response:
        variant_id = checked(serializers.AskForNoticeSerializer, request).get("variant_id")
        user = signed_in(request)
        product_id = named_product(key).pk
        try:
            notice, created = retry_on_conflict(
                lambda: services.ask_for_notice(user=user, product_id=product_id, variant_id=variant_id)
            )
        except Product.DoesNotExist:  # taken out of the shop this moment
            raise Http404 from None
        return Response(serializers.StockNoticeSerializer(notice).data, status=_created_or_ok(created))

    @extend_schema(
        summary="Wait no longer for a product",
        description="Or any variant of it.",
        parameters=[PRODUCT_KEY],
        responses={204: None},
    )
    def delete(self, request: Request, key: str) -> Response:
        if not services.withdraw_notices(user=signed_in(request), product_id=named_product(key).pk):
            raise Http404
        return Response(status=status.HTTP_204_NO_CONTENT)


def _created_or_ok(created: bool) -> int:
    return status.HTTP_201_CREATED if created else status.HTTP_200_OK
