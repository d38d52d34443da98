"""The history of shipping, promotions and coupons over HTTP, for staff."""

from typing import Any
from uuid import UUID

from django.db.models import Model
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.history.selectors import changes_of, read_changes
from accounts.history.serializers import ChangeSerializer
from catalog.permissions import StaffByPermission
from ecommerce.schema import ErrorSerializer
from orders.history import models
from orders.promotions.models import Coupon, Promotion
from orders.shipping.models import PickupPoint, ShippingMethod, ShippingZone


def _changed(kind: str, name: str, field: str, before: str, after: str) -> OpenApiExample:
    facts: dict[str, Any] = {
        "at": "2026-11-22T07:45:00Z",
        "kind": kind,
        "id": "0198c0de-0000-7000-8000-000000000002",
        "name": name,
        "action": "changed",
        "changes": {field: {"before": before, "after": after}},
        "note": "",
        "actor": {"id": "0198c0de-0000-7000-8000-000000000009", "name": "Wanjiku Kamau"},
        "via": "admin",
        "request_id": "0198c0de00007000800000000000000a",
    }
    return OpenApiExample("A change", value=facts, response_only=True, status_codes=["200"])


def _documented(what: str, with_it: str, example: OpenApiExample) -> Any:
    return extend_schema(
        summary=f"Show the history of a {what}",
        description=(
            f"Every change of the {what}{with_it}, newest first: over the API, in the admin, or past both; also of one "
            "that is gone. For staff who may see its changes."
        ),
        responses={200: ChangeSerializer(many=True), 403: ErrorSerializer},
        examples=[example],
    )


class RowHistoryViewSet(viewsets.GenericViewSet[Any]):
    """The changes of one row of ``tracked``."""

    tracked: type[Model]
    serializer_class = ChangeSerializer
    permission_classes = (StaffByPermission,)

    def list(self, request: Request, pk: UUID) -> Response:
        keys: Any = changes_of(self.tracked, pk)
        if not (self.tracked._default_manager.filter(pk=pk).exists() or keys.exists()):
            raise Http404
        page = self.paginate_queryset(self.filter_queryset(keys))
        return self.get_paginated_response(self.get_serializer(read_changes(page or []), many=True).data)


@extend_schema_view(
    list=_documented(
        "shipping zone", " and its methods", _changed("shipping_zone", "Nairobi", "name", "Town", "Nairobi")
    )
)
class ZoneHistoryViewSet(RowHistoryViewSet):
    tracked = ShippingZone
    queryset = ShippingZone.objects.none()
    permission_model = models.ShippingZoneEvent
    schema_tag = "shipping"
    api_key_area = "orders"


@extend_schema_view(
    list=_documented(
        "shipping method", " and its weight bands", _changed("weight_band", "Rider", "price", "300.00", "350.00")
    )
)
class MethodHistoryViewSet(RowHistoryViewSet):
    tracked = ShippingMethod
    queryset = ShippingMethod.objects.none()
    permission_model = models.ShippingMethodEvent
    schema_tag = "shipping"
    api_key_area = "orders"


@extend_schema_view(
    list=_documented(
        "pick-up point",
        " and of which methods come to it",
        _changed("pickup_point", "Moi Avenue", "opening_hours", "8 to 17", "8 to 19"),
    )
)
class PointHistoryViewSet(RowHistoryViewSet):
    tracked = PickupPoint
    queryset = PickupPoint.objects.none()
    permission_model = models.PickupPointEvent
    schema_tag = "shipping"
    api_key_area = "orders"


@extend_schema_view(
    list=_documented(
        "promotion",
        " and of what it is for (its coupons have their own)",
        _changed("promotion", "Jamhuri", "percent", "10.00", "15.00"),
    )
)
class PromotionHistoryViewSet(RowHistoryViewSet):
    tracked = Promotion
    queryset = Promotion.objects.none()
    permission_model = models.PromotionEvent
    schema_tag = "promotions"


@extend_schema_view(list=_documented("coupon", "", _changed("coupon", "JAMHURI10", "code", "JAMHURI", "JAMHURI10")))
class CouponHistoryViewSet(RowHistoryViewSet):
    tracked = Coupon
    queryset = Coupon.objects.none()
    permission_model = models.CouponEvent
    schema_tag = "promotions"
