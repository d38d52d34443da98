"""Promotions and coupons over HTTP: for staff, and the codes that customers enter for their baskets."""

from dataclasses import replace
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import signed_in
from catalog.exchange.views import download
from catalog.kept_by_staff import KeptByStaff
from ecommerce import idempotency
from ecommerce.http import IDEMPOTENCY_HEADER, checked
from ecommerce.schema import ErrorSerializer
from ecommerce.throttling import RequestThrottle
from ecommerce.transactions import retry_on_conflict
from orders.cart_serializers import CartSerializer
from orders.cart_views import CART_TOKEN_HEADER, CartMixin
from orders.exceptions import CartEmpty
from orders.promotions import entered, examples, selectors, services
from orders.promotions.exporting import as_csv
from orders.promotions.filters import CouponFilter, PromotionFilter
from orders.promotions.models import Coupon, Promotion
from orders.promotions.serializers import (
    CouponSerializer,
    EnteredCodeSerializer,
    GenerateCouponsSerializer,
    GeneratedCouponsSerializer,
    PromotionSerializer,
)

_FORBIDDEN = {403: ErrorSerializer}


@extend_schema_view(
    list=extend_schema(
        summary="List promotions",
        description="Staff only. With how many orders have each, and what it takes off them.",
        examples=[examples.PROMOTION],
    ),
    retrieve=extend_schema(summary="Show a promotion", examples=[examples.PROMOTION]),
    create=extend_schema(
        summary="Make a promotion",
        description=(
            "`kind` says which numbers it has: `percent`: `percent`; `amount`: `amount`; `buy_get`: `buy_quantity`, "
            "`get_quantity`, `percent` (100), `most_times`; `free_shipping`: `amount` or nothing. Without "
            "`is_automatic` it needs a coupon. Collections by rule are refused: `collection_by_rule`."
        ),
        responses={201: PromotionSerializer, **_FORBIDDEN},
        examples=[examples.ASKED, examples.BUY_GET, examples.PROMOTION],
    ),
    update=extend_schema(
        summary="Replace a promotion",
        responses={200: PromotionSerializer, **_FORBIDDEN},
        examples=[examples.ASKED, examples.PROMOTION],
    ),
    partial_update=extend_schema(
        summary="Change a promotion",
        description=(
            "A limit counts the orders that have it already; less than these is a 409 `limit_below_uses`. Numbers of "
            "another `kind` are dropped with it."
        ),
        responses={200: PromotionSerializer, **_FORBIDDEN},
        examples=[OpenApiExample("Off", value={"is_active": False}, request_only=True), examples.PROMOTION],
    ),
    destroy=extend_schema(
        summary="Delete a promotion",
        description="With its coupons. 409 `promotion_in_use` once an order has had it.",
        responses={204: None, **_FORBIDDEN},
    ),
)
class PromotionViewSet(KeptByStaff):
    queryset = Promotion.objects.none()
    serializer_class = PromotionSerializer
    filterset_class = PromotionFilter
    orderings = {
        "-priority": ("-priority", "name", "id"),
        "name": ("name", "id"),
        "-created_at": ("-created_at", "-id"),
        "-uses": ("-live_uses", "name", "id"),
    }
    schema_tag = "promotions"

    def every(self) -> QuerySet[Promotion]:
        return selectors.promotions()

    def save(self, row: Promotion | None, data: dict[str, Any]) -> Promotion:
        return services.save_promotion(row, **data)

    def perform_destroy(self, instance: Promotion) -> None:
        retry_on_conflict(lambda: services.delete_promotion(instance.pk))


@extend_schema_view(
    list=extend_schema(summary="List coupons", description="Staff only.", examples=[examples.COUPON]),
    retrieve=extend_schema(summary="Show a coupon", examples=[examples.COUPON]),
    create=extend_schema(
        summary="Make a coupon",
        description="Of a promotion that is not automatic. Codes are kept in capitals without spaces.",
        responses={201: CouponSerializer, **_FORBIDDEN},
        examples=[examples.COUPON_ASKED, examples.COUPON],
    ),
    update=extend_schema(summary="Replace a coupon", responses={200: CouponSerializer, **_FORBIDDEN}),
    partial_update=extend_schema(
        summary="Change a coupon",
        responses={200: CouponSerializer, **_FORBIDDEN},
        examples=[OpenApiExample("Off", value={"is_active": False}, request_only=True), examples.COUPON],
    ),
    destroy=extend_schema(
        summary="Delete a coupon",
        description="409 `promotion_in_use` once an order has had it.",
        responses={204: None, **_FORBIDDEN},
    ),
)
class CouponViewSet(KeptByStaff):
    queryset = Coupon.objects.none()
    serializer_class = CouponSerializer
    filterset_class = CouponFilter
    action_permissions = {"generate": ("add",)}
    orderings = {"code": ("code",), "-created_at": ("-created_at", "-id"), "-uses": ("-live_uses", "code")}
    schema_tag = "promotions"

    def every(self) -> QuerySet[Coupon]:
        return selectors.coupons()

    def save(self, row: Coupon | None, data: dict[str, Any]) -> Coupon:
        if row is not None:
            data.pop("promotion", None)  # it stays that of its promotion
        return services.save_coupon(row, **data)

    def perform_destroy(self, instance: Coupon) -> None:
        services.delete_coupon(instance.pk)

    @extend_schema(
        summary="Make many coupons",
        description=(
            "Random codes behind a prefix, without characters that are mistaken for others; each good for one order "
            "unless `limit_total` says otherwise. Send an `Idempotency-Key`: a repeat makes no more of them."
        ),
        parameters=[IDEMPOTENCY_HEADER],
        request=GenerateCouponsSerializer,
        responses={201: GeneratedCouponsSerializer, **_FORBIDDEN},
        examples=[examples.GENERATE, examples.GENERATED],
    )
    @action(detail=False, methods=["post"], filter_backends=[], pagination_class=None)
    def generate(self, request: Request) -> Response:
        data = checked(GenerateCouponsSerializer, request)
        promotion: Promotion = data.pop("promotion")

        def effect() -> Response:
            made = services.generate_coupons(promotion.pk, **data)
            body = {"count": len(made), "codes": [coupon.code for coupon in made]}
            return Response(body, status=status.HTTP_201_CREATED)

        owner = f"user:{signed_in(request).pk}"
        return idempotency.run_once(request, owner=owner, operation="coupons.generate", effect=effect)

    @extend_schema(
        summary="Export coupons to a file",
        description="A CSV of those that fit the filters, by code. No cell is taken for a formula by a spreadsheet.",
        filters=True,
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR), **_FORBIDDEN},
    )
    @action(detail=False, methods=["get"], pagination_class=None, orderings={})
    def export(self, request: Request) -> StreamingHttpResponse:
        rows: Any = self.filter_queryset(self.get_queryset())
        return download(as_csv(rows), name=f"coupons-{timezone.now():%Y-%m-%d}.csv", content_type="text/csv")


class CouponThrottle(RequestThrottle):
    """Entering codes is counted, by user or address: nobody finds one by trying."""

    def applies(self, request: Request) -> bool:
        return request.method == "POST"

    def scope_and_identity(self, request: Request) -> tuple[str, str]:
        return "coupon", ":".join(super().scope_and_identity(request))


class CartCouponView(CartMixin):
    throttle_classes = (RequestThrottle, CouponThrottle)
    schema_tag = "cart"

    @extend_schema(
        summary="Enter a coupon code",
        description=(
            "For what is in the cart. A code that gives nothing for it is a 409 that says why: `coupon_unknown`, "
            "`coupon_not_yet`, `coupon_expired`, `coupon_exhausted`, `coupon_limit_per_customer`, "
            "`coupon_not_for_you`, `coupon_not_for_these`, `coupon_minimum_not_reached` (with the amount `missing`), "
            "`coupon_minimum_quantity_not_reached`, `too_many_codes`. Another code of the same promotion makes way."
        ),
        parameters=[CART_TOKEN_HEADER],
        request=EnteredCodeSerializer,
        responses={200: CartSerializer},
        examples=[OpenApiExample("A code", value={"code": "KARIBU10"}, request_only=True), examples.REFUSED],
    )
    def post(self, request: Request) -> Response:
        code = checked(EnteredCodeSerializer, request)["code"]
        found = self.found(request)
        cart = found.cart
        if cart is None:
            raise CartEmpty()
        return self.answer(replace(found, cart=retry_on_conflict(lambda: entered.enter_code(cart, code))))

    @extend_schema(
        summary="Take a coupon code out of the cart",
        description="That of `?code=`, or all.",
        parameters=[CART_TOKEN_HEADER, OpenApiParameter("code", str)],
        request=None,
        responses={200: CartSerializer},
    )
    def delete(self, request: Request) -> Response:
        code = request.query_params.get("code", "")
        if not code and isinstance(request.data, dict):
            code = request.data.get("code", "")
        if not isinstance(code, str):
            raise ValidationError({"code": ["Not a valid string."]})
        found = self.found(request)
        cart = found.cart
        if cart is None:
            return self.answer(found)
        return self.answer(replace(found, cart=retry_on_conflict(lambda: entered.remove_codes(cart, code))))
