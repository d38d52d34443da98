"""Price lists and groups of customers over HTTP."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from catalog.kept_by_staff import KeptByStaff
from catalog.permissions import StaffByPermission
from catalog.prices import selectors, services
from catalog.prices.filters import PriceListItemFilter
from catalog.prices.models import CustomerGroup, PriceList, PriceListItem
from catalog.prices.serializers import (
    AddMembersSerializer,
    CustomerGroupSerializer,
    MemberSerializer,
    PriceListItemSerializer,
    PriceListSerializer,
    SetItemsSerializer,
)
from ecommerce.http import checked
from ecommerce.schema import ErrorSerializer
from ecommerce.transactions import retry_on_conflict

_LIST = {
    "id": "0198c0de-0000-7000-8000-000000000041",
    "name": "Resellers",
    "currency": "KES",
    "group": "0198c0de-0000-7000-8000-000000000040",
    "group_name": "Resellers in Nairobi",
    "valid_from": None,
    "valid_until": "2027-01-01T00:00:00Z",
    "priority": 0,
    "is_active": True,
    "item_count": 2,
    "created_at": "2026-11-21T07:45:00Z",
    "updated_at": "2026-11-21T07:45:00Z",
}
_WRITTEN = ("name", "currency", "group", "valid_until")
_SHOWN = OpenApiExample("A list for resellers", value=_LIST, response_only=True, status_codes=["200", "201"])
_ASKED = OpenApiExample("For resellers", value={name: _LIST[name] for name in _WRITTEN}, request_only=True)
_GROUP = {
    "id": "0198c0de-0000-7000-8000-000000000040",
    "name": "Resellers in Nairobi",
    "description": "",
    "member_count": 12,
    "created_at": "2026-11-21T07:45:00Z",
    "updated_at": "2026-11-21T07:45:00Z",
}
_GROUP_SHOWN = OpenApiExample("A group", value=_GROUP, response_only=True, status_codes=["200", "201"])
_GROUP_ASKED = OpenApiExample("Resellers", value={"name": _GROUP["name"]}, request_only=True)

_ID = OpenApiParameter(
    "id", location=OpenApiParameter.PATH, description="The price list.", type={"format": "uuid", "type": "string"}
)


@extend_schema_view(
    list=extend_schema(
        summary="List price lists",
        description=(
            "Staff who may see price lists see all; everybody else those in force that are for everybody or for a "
            "group of theirs."
        ),
        examples=[_SHOWN],
    ),
    retrieve=extend_schema(summary="Show a price list", examples=[_SHOWN]),
    create=extend_schema(
        summary="Make a price list",
        description="Its prices come by `PUT /price-lists/{id}/items/`. Without a `group` it is for everybody.",
        responses={201: PriceListSerializer, 403: ErrorSerializer},
        examples=[_ASKED, _SHOWN],
    ),
    update=extend_schema(
        summary="Replace a price list",
        description="Its prices stay.",
        responses={200: PriceListSerializer, 403: ErrorSerializer},
        examples=[_ASKED, _SHOWN],
    ),
    partial_update=extend_schema(
        summary="Change a price list",
        responses={200: PriceListSerializer, 403: ErrorSerializer},
        examples=[OpenApiExample("Out of force", value={"is_active": False}, request_only=True), _SHOWN],
    ),
    destroy=extend_schema(
        summary="Delete a price list",
        description="With its prices. Orders keep what they were placed for.",
        responses={204: None, 403: ErrorSerializer},
    ),
)
class PriceListViewSet(KeptByStaff):
    queryset = PriceList.objects.none()
    serializer_class = PriceListSerializer
    public_reads = True
    orderings = {"name": ("name", "id"), "priority": ("-priority", "name", "id"), "-created_at": ("-created_at", "id")}
    schema_tag = "catalog"
    api_key_area = "catalogue"

    def shown(self) -> QuerySet[PriceList]:
        return selectors.price_lists_visible_to(self.request.user)

    def every(self) -> QuerySet[PriceList]:
        return selectors.price_lists()

    def save(self, row: PriceList | None, data: dict[str, Any]) -> PriceList:
        return services.save_price_list(row, **data)


@extend_schema_view(
    list=extend_schema(
        summary="List the prices of a price list",
        description="By SKU, then quantity. `?sku=` narrows to a variant, `?product=` to a product's id.",
        parameters=[_ID],
    )
)
class PriceListItemViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[PriceListItem]):
    queryset = PriceListItem.objects.none()
    serializer_class = PriceListItemSerializer
    filterset_class = PriceListItemFilter
    permission_classes = (StaffByPermission,)
    permission_model = PriceList
    public_reads = True
    schema_tag = "catalog"
    api_key_area = "catalogue"

    def get_queryset(self) -> QuerySet[PriceListItem]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return selectors.items_of(self._price_list())

    @extend_schema(
        summary="Set the prices of a price list",
        description=(
            "All of them in one call, at most 5,000: what is not named goes. Each is the price of one unit from "
            "`min_quantity` units on. One wrong row, and nothing is changed: `unknown_variant`, `wrong_currency` and "
            "`break_twice` name each."
        ),
        parameters=[_ID],
        request=SetItemsSerializer,
        responses={200: PriceListSerializer, 403: ErrorSerializer},
        examples=[
            OpenApiExample(
                "Two prices of one charger",
                value={
                    "items": [
                        {"sku": "ANK-20W", "price": "1400.00"},
                        {"sku": "ANK-20W", "min_quantity": 10, "price": "1250.00"},
                    ]
                },
                request_only=True,
            ),
            _SHOWN,
        ],
    )
    def set_all(self, request: Request, pk: UUID) -> Response:
        price_list = self._price_list()
        rows = checked(SetItemsSerializer, request)["items"]
        items = [services.ItemInput(variant_id=row.pop("variant", None), **row) for row in rows]
        try:
            retry_on_conflict(lambda: services.set_items(price_list.pk, items))
        except PriceList.DoesNotExist:
            raise Http404 from None
        return Response(PriceListSerializer(selectors.price_lists().get(pk=price_list.pk)).data)

    def _price_list(self) -> PriceList:
        return get_object_or_404(self._price_lists(), pk=self.kwargs["pk"])

    def _price_lists(self) -> QuerySet[PriceList]:
        reads = self.request.method in SAFE_METHODS
        return selectors.price_lists_visible_to(self.request.user) if reads else PriceList.objects.all()


@extend_schema_view(
    list=extend_schema(summary="List groups of customers", description="Staff only.", examples=[_GROUP_SHOWN]),
    retrieve=extend_schema(summary="Show a group of customers", examples=[_GROUP_SHOWN]),
    create=extend_schema(summary="Make a group of customers", examples=[_GROUP_ASKED, _GROUP_SHOWN]),
    update=extend_schema(summary="Replace a group of customers", examples=[_GROUP_ASKED, _GROUP_SHOWN]),
    partial_update=extend_schema(summary="Change a group of customers", examples=[_GROUP_ASKED, _GROUP_SHOWN]),
    destroy=extend_schema(
        summary="Delete a group of customers", description="409 `group_in_use` while a price list is for it."
    ),
)
class CustomerGroupViewSet(viewsets.ModelViewSet[CustomerGroup]):
    queryset = CustomerGroup.objects.none()
    serializer_class = CustomerGroupSerializer
    permission_classes = (StaffByPermission,)
    orderings = {"name": ("name", "id"), "-created_at": ("-created_at", "id")}
    schema_tag = "catalog"

    def get_queryset(self) -> QuerySet[CustomerGroup]:
        return selectors.customer_groups()

    def perform_create(self, serializer: BaseSerializer[CustomerGroup]) -> None:
        serializer.instance = self.get_queryset().get(pk=serializer.save().pk)

    def perform_destroy(self, instance: CustomerGroup) -> None:
        services.delete_customer_group(instance.pk)

    @extend_schema(summary="List the members of a group", responses={200: MemberSerializer(many=True)}, filters=False)
    @action(detail=True, methods=["get"], serializer_class=MemberSerializer, orderings={})
    def members(self, request: Request, pk: str) -> Response:
        people: Any = self.get_object().members.order_by("email", "id").only("email", "first_name", "last_name")
        return self.get_paginated_response(self.get_serializer(self.paginate_queryset(people), many=True).data)

    @extend_schema(
        summary="Take users into a group",
        description="Who belongs to it already stays. One unknown user, and nobody is taken in.",
        request=AddMembersSerializer,
        responses={200: CustomerGroupSerializer},
        examples=[
            OpenApiExample("One customer", value={"users": ["0198c0de-0000-7000-8000-000000000002"]}, request_only=True)
        ],
    )
    @members.mapping.post
    def add_members(self, request: Request, pk: str) -> Response:
        group = self.get_object()
        services.add_members(group, checked(AddMembersSerializer, request)["users"])
        return Response(CustomerGroupSerializer(self.get_queryset().get(pk=group.pk)).data)

    @extend_schema(summary="Take a user out of a group", responses={204: None})
    @action(detail=True, methods=["delete"], url_path="members/(?P<user_id>[0-9a-f-]{36})", url_name="member")
    def remove_member(self, request: Request, pk: str, user_id: str) -> Response:
        member = self.get_object().members.filter(pk=_uuid(user_id)).first()
        if member is None:
            raise Http404
        self.get_object().members.remove(member)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None
