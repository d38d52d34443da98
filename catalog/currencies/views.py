"""Currencies and their rates over HTTP; anyone may read."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import signed_in
from catalog.currencies import rates
from catalog.currencies.conversion import ShownIn
from catalog.currencies.serializers import CurrencySerializer, ExchangeRateSerializer, SetRateSerializer
from catalog.models import ExchangeRate
from catalog.permissions import StaffByPermission
from ecommerce.currencies import ISO_4217
from ecommerce.http import checked
from ecommerce.schema import ErrorSerializer

DISPLAY_CURRENCY = OpenApiParameter(
    "currency",
    description="Show prices in this currency too, as `display_price` and `display_currency`: one of "
    "`GET /api/currencies/`. Filters and ordering stay with the true `price`.",
)
_CODE = OpenApiParameter("code", location=OpenApiParameter.PATH, description="ISO 4217, in capitals.")
_DOLLAR = {
    "code": "USD",
    "name": "US Dollar",
    "symbol": "US$",
    "exponent": 2,
    "rate": "129.5",
    "rate_from": "2026-11-21T06:00:00Z",
    "stale": False,
    "is_base": False,
}
_SHILLING = {
    "code": "KES",
    "name": "Kenyan Shilling",
    "symbol": "KSh",
    "exponent": 2,
    "rate": "1",
    "rate_from": None,
    "stale": False,
    "is_base": True,
}
_RATE = {
    "id": "0198c0de-0000-7000-8000-000000000009",
    "base": "KES",
    "currency": "USD",
    "rate": "129.5",
    "valid_from": "2026-11-21T06:00:00Z",
    "source": "Central Bank of Kenya, mean",
    "created_at": "2026-11-21T06:02:11Z",
}


class CurrencyViewSet(viewsets.GenericViewSet[Any]):
    queryset = ExchangeRate.objects.none()
    permission_classes = (AllowAny,)
    action_permissions = {"set_rate": ("add",)}
    serializer_class = CurrencySerializer
    lookup_field = "code"
    lookup_value_regex = "[^/.]+"
    schema_tag = "catalog"
    api_key_area = "catalogue"

    @extend_schema(
        summary="List currencies",
        description="The base currency first, then those that prices can be shown in, by code.",
        examples=[
            OpenApiExample("The base", value=_SHILLING, response_only=True),
            OpenApiExample("Another one", value=_DOLLAR, response_only=True),
        ],
    )
    def list(self, request: Request) -> Response:
        offered: Any = rates.offered_currencies()
        page = self.paginate_queryset(self.filter_queryset(offered))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        summary="Show a currency",
        parameters=[_CODE],
        examples=[OpenApiExample("The dollar", value=_DOLLAR, response_only=True)],
    )
    def retrieve(self, request: Request, code: str) -> Response:
        return Response(self.get_serializer(_offered(code)).data)

    @extend_schema(
        summary="List a currency's rates",
        description="Every rate that has been in force, newest first. A row is never changed or deleted.",
        parameters=[_CODE],
        responses=ExchangeRateSerializer(many=True),
        examples=[OpenApiExample("A rate", value=_RATE, response_only=True)],
    )
    @action(detail=True, methods=["get"], serializer_class=ExchangeRateSerializer)
    def history(self, request: Request, code: str) -> Response:
        page = self.paginate_queryset(self.filter_queryset(rates.rate_history(_offered(code).code)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        summary="Set a currency's rate",
        description="From now or from `valid_from` on. Rates are only added: a wrong one is put right by a newer one.",
        parameters=[_CODE],
        request=SetRateSerializer,
        responses={201: ExchangeRateSerializer, 403: ErrorSerializer},
        examples=[
            OpenApiExample(
                "One dollar costs 129.50 shillings",
                value={"rate": "129.50", "source": "Central Bank of Kenya, mean"},
                request_only=True,
            ),
            OpenApiExample("The new rate", value=_RATE, response_only=True, status_codes=["201"]),
        ],
    )
    @action(detail=True, methods=["post"], url_path="rates", permission_classes=[StaffByPermission])
    def set_rate(self, request: Request, code: str) -> Response:
        if code not in ISO_4217:
            raise Http404
        data = checked(SetRateSerializer, request)
        row = rates.set_rate(currency=code, actor=signed_in(request), **data)
        return Response(ExchangeRateSerializer(row).data, status=status.HTTP_201_CREATED)


def shown_in(request: Request) -> ShownIn | None:
    """Return what writes prices in the currency that the request asks for, or None; one statement.

    Raises:
        ValidationError: the shop shows no prices in it.
    """
    code = request.query_params.get(DISPLAY_CURRENCY.name)
    if code is None:
        return None
    table = rates.rate_table()
    offered = [currency.code for currency in rates.offered_currencies(table)]
    if code not in offered:
        raise ValidationError({DISPLAY_CURRENCY.name: [f"Prices are shown in: {', '.join(offered)}."]})
    return ShownIn(code, table)


def _offered(code: str) -> rates.OfferedCurrency:
    offered = rates.offered_currencies(rates.rate_table([code])) if code in ISO_4217 else []
    for currency in offered:
        if currency.code == code:
            return currency
    raise Http404
