"""Shipping over HTTP: anyone may read and ask for prices, staff write."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.kept_by_staff import KeptByStaff
from ecommerce.filters import refuse_unknown_parameters
from ecommerce.geography.counties import COUNTIES
from ecommerce.schema import ErrorSerializer
from orders.shipping import examples, selectors, services
from orders.shipping.filters import PickupPointFilter, ShippingMethodFilter, ShippingZoneFilter
from orders.shipping.models import PickupPoint, ShippingMethod, ShippingZone
from orders.shipping.quotes import Parcel, quotes_for
from orders.shipping.rates import Band
from orders.shipping.serializers import (
    CountySerializer,
    PickupPointSerializer,
    QuotesAskedSerializer,
    QuotesSerializer,
    ShippingMethodSerializer,
    ShippingZoneSerializer,
)

_FORBIDDEN = {403: ErrorSerializer}


@extend_schema_view(
    list=extend_schema(
        summary="List shipping zones",
        description="Those in use; staff with the right see all. `?country=` narrows.",
        examples=examples.ZONE,
    ),
    retrieve=extend_schema(summary="Show a shipping zone", examples=examples.ZONE),
    create=extend_schema(
        summary="Make a shipping zone",
        description=(
            "Counties and sub-counties are kept by their official names: `unknown_county` and `unknown_sub_county` "
            "name each that is none. Without any it is the whole `country`, without that everywhere."
        ),
        responses={201: ShippingZoneSerializer, **_FORBIDDEN},
        examples=examples.ZONE,
    ),
    update=extend_schema(
        summary="Replace a shipping zone",
        responses={200: ShippingZoneSerializer, **_FORBIDDEN},
        examples=examples.ZONE,
    ),
    partial_update=extend_schema(
        summary="Change a shipping zone",
        responses={200: ShippingZoneSerializer, **_FORBIDDEN},
        examples=examples.ZONE,
    ),
    destroy=extend_schema(
        summary="Delete a shipping zone",
        description="With its methods. Orders keep what they were placed with.",
        responses={204: None, **_FORBIDDEN},
    ),
)
class ShippingZoneViewSet(KeptByStaff):
    public_reads = True
    schema_tag = "shipping"
    queryset = ShippingZone.objects.none()
    serializer_class = ShippingZoneSerializer
    filterset_class = ShippingZoneFilter
    orderings = {"priority": ("-priority", "name"), "name": ("name",), "-created_at": ("-created_at", "id")}
    api_key_area = "orders"

    def shown(self) -> QuerySet[ShippingZone]:
        return selectors.zones_visible_to(self.request.user)

    def every(self) -> QuerySet[ShippingZone]:
        return ShippingZone.objects.all()

    def save(self, row: ShippingZone | None, data: dict[str, Any]) -> ShippingZone:
        return services.save_zone(row, **data)


@extend_schema_view(
    list=extend_schema(
        summary="List shipping methods",
        description="Those in use; staff with the right see all. Narrow with `?zone=`, `?kind=`, `?currency=`.",
        examples=examples.METHOD,
    ),
    retrieve=extend_schema(summary="Show a shipping method", examples=examples.METHOD),
    create=extend_schema(
        summary="Make a shipping method",
        description=(
            "With its weight bands. A heavier parcel never costs less: `band_falls` and `band_twice` name each band "
            "that is wrong, and nothing is stored. A method without bands carries nothing."
        ),
        responses={201: ShippingMethodSerializer, **_FORBIDDEN},
        examples=examples.METHOD,
    ),
    update=extend_schema(
        summary="Replace a shipping method",
        description="Its bands stay unless `bands` is there. Its `kind` stays: 409 `method_kind_fixed`.",
        responses={200: ShippingMethodSerializer, **_FORBIDDEN},
        examples=examples.METHOD,
    ),
    partial_update=extend_schema(
        summary="Change a shipping method",
        description="`bands` replaces all of them. Its `kind` stays: 409 `method_kind_fixed`.",
        responses={200: ShippingMethodSerializer, **_FORBIDDEN},
        examples=examples.METHOD,
    ),
    destroy=extend_schema(
        summary="Delete a shipping method",
        description="With its bands. Orders keep what they were placed with.",
        responses={204: None, **_FORBIDDEN},
    ),
)
class ShippingMethodViewSet(KeptByStaff):
    public_reads = True
    schema_tag = "shipping"
    queryset = ShippingMethod.objects.none()
    serializer_class = ShippingMethodSerializer
    filterset_class = ShippingMethodFilter
    orderings = {"position": ("position", "name", "id"), "name": ("name", "id"), "-created_at": ("-created_at", "id")}
    api_key_area = "orders"

    def shown(self) -> QuerySet[ShippingMethod]:
        return selectors.methods_visible_to(self.request.user)

    def every(self) -> QuerySet[ShippingMethod]:
        return selectors.with_bands()

    def save(self, row: ShippingMethod | None, data: dict[str, Any]) -> ShippingMethod:
        if "bands" in data:
            data = {**data, "bands": [Band(**band) for band in data["bands"]]}
        return services.save_method(row, **data)


@extend_schema_view(
    list=extend_schema(
        summary="List pick-up points",
        description="Those in use; staff with the right see all. Narrow with `?county=`, `?town=`, `?method=`.",
        examples=examples.POINT,
    ),
    retrieve=extend_schema(summary="Show a pick-up point", examples=examples.POINT),
    create=extend_schema(
        summary="Make a pick-up point",
        description="`methods` are those of pick-up that bring parcels there; without any nobody can choose it.",
        responses={201: PickupPointSerializer, **_FORBIDDEN},
        examples=examples.POINT,
    ),
    update=extend_schema(
        summary="Replace a pick-up point",
        description="Its methods stay unless `methods` is there.",
        responses={200: PickupPointSerializer, **_FORBIDDEN},
        examples=examples.POINT,
    ),
    partial_update=extend_schema(
        summary="Change a pick-up point",
        responses={200: PickupPointSerializer, **_FORBIDDEN},
        examples=examples.POINT,
    ),
    destroy=extend_schema(
        summary="Delete a pick-up point",
        description="Orders keep what they were placed with.",
        responses={204: None, **_FORBIDDEN},
    ),
)
class PickupPointViewSet(KeptByStaff):
    public_reads = True
    schema_tag = "shipping"
    queryset = PickupPoint.objects.none()
    serializer_class = PickupPointSerializer
    filterset_class = PickupPointFilter
    orderings = {"county": ("county", "town", "name"), "name": ("name",), "-created_at": ("-created_at", "id")}
    api_key_area = "orders"

    def shown(self) -> QuerySet[PickupPoint]:
        return selectors.pickup_points_visible_to(self.request.user)

    def every(self) -> QuerySet[PickupPoint]:
        return selectors.with_methods()

    def save(self, row: PickupPoint | None, data: dict[str, Any]) -> PickupPoint:
        return services.save_pickup_point(row, **data)


class CountiesView(APIView):
    permission_classes = (AllowAny,)
    schema_tag = "shipping"
    api_key_area = "orders"

    @extend_schema(
        operation_id="shipping_counties",
        summary="List Kenya's counties",
        description="All 47 by their official codes, each with its sub-counties, for forms. It may be kept for a day.",
        responses=CountySerializer(many=True),
        examples=examples.COUNTY,
    )
    def get(self, request: Request) -> Response:
        refuse_unknown_parameters(request)
        return Response(CountySerializer(COUNTIES, many=True).data, headers={"Cache-Control": "public, max-age=86400"})


class QuotesView(APIView):
    permission_classes = (AllowAny,)
    schema_tag = "shipping"
    api_key_area = "orders"

    @extend_schema(
        operation_id="shipping_quotes",
        summary="Ask what shipping costs",
        description=(
            "The methods that bring a parcel of this weight and worth to this place, in the shop's order. Without a "
            "`county` in Kenya those of pick-up; their places are `GET /pickup-points/?method=`."
        ),
        parameters=[QuotesAskedSerializer],
        responses={200: QuotesSerializer, 400: ErrorSerializer},
        examples=examples.QUOTES,
    )
    def get(self, request: Request) -> Response:
        form = QuotesAskedSerializer(data=request.query_params)
        refuse_unknown_parameters(request, form.fields)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        parcel = Parcel(asked["weight_grams"], asked["worth"], asked["currency"])
        quotes = quotes_for(asked, parcel)
        answer = {"is_set_up": bool(quotes) or selectors.shipping_is_set_up(), "quotes": quotes}
        return Response(QuotesSerializer(answer).data)
