"""The address book over HTTP. Everybody has their own; somebody else's addresses are not there."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.addresses import selectors, services
from accounts.addresses.models import Address
from accounts.addresses.serializers import SaveAddressSerializer, SavedAddressSerializer
from accounts.authentication import signed_in
from ecommerce.http import checked
from ecommerce.transactions import retry_on_conflict

_EXAMPLES = [
    OpenApiExample(
        "At home",
        value={
            "label": "Home",
            "recipient": "Wanjiku Mwangi",
            "phone_number": "0712 345 678",
            "county": "Nairobi",
            "sub_county": "Westlands",
            "estate": "Kangemi",
            "landmark": "behind the Total station",
            "rider_note": "blue gate",
            "is_default_shipping": True,
        },
        request_only=True,
    ),
    OpenApiExample(
        "Abroad",
        value={"label": "Sister", "country": "GB", "line1": "1 High St", "town": "Leeds", "postal_code": "LS1 4AP"},
        request_only=True,
    ),
]


@extend_schema_view(
    list=extend_schema(summary="List your addresses", description="The default for shipping first, then newest first."),
    retrieve=extend_schema(summary="Show one of your addresses"),
)
class AddressViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Address]):
    queryset = Address.objects.none()
    permission_classes = (IsAuthenticated,)
    serializer_class = SavedAddressSerializer
    lookup_value_converter = "uuid"
    schema_tag = "accounts"

    def get_queryset(self) -> QuerySet[Address]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return selectors.addresses_of(signed_in(self.request))

    @extend_schema(
        summary="Add an address",
        description=(
            "In Kenya a county is needed and no postal code; county and sub-county get their official names. Elsewhere "
            "a town, a street, and a postal code where every address has one. Your first address becomes the default "
            "for shipping and billing unless it says otherwise. At most 50."
        ),
        request=SaveAddressSerializer,
        responses={201: SavedAddressSerializer},
        examples=_EXAMPLES,
    )
    def create(self, request: Request) -> Response:
        told, user = checked(SaveAddressSerializer, request), signed_in(request)
        address = retry_on_conflict(lambda: services.add_address(user, told=told))
        return Response(SavedAddressSerializer(address).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="Replace an address",
        description="What is not sent is emptied, being a default included.",
        request=SaveAddressSerializer,
        responses={200: SavedAddressSerializer},
        examples=_EXAMPLES,
    )
    def update(self, request: Request, pk: UUID) -> Response:
        return self._change(request, pk, is_whole=True)

    @extend_schema(
        summary="Change an address",
        description="What is not sent stays. The address is checked as it is then.",
        request=SaveAddressSerializer,
        responses={200: SavedAddressSerializer},
        examples=[OpenApiExample("The new default", value={"is_default_shipping": True}, request_only=True)],
    )
    def partial_update(self, request: Request, pk: UUID) -> Response:
        return self._change(request, pk, is_whole=False)

    @extend_schema(
        summary="Delete an address",
        description="Orders keep their copy of it. If it was a default, there is none until you choose one.",
        responses={204: None},
    )
    def destroy(self, request: Request, pk: UUID) -> Response:
        address, user = self.get_object(), signed_in(request)
        retry_on_conflict(lambda: services.delete_address(user, address.pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, request: Request, pk: UUID, *, is_whole: bool) -> Response:
        told: dict[str, Any] = checked(SaveAddressSerializer, request)
        user = signed_in(request)
        try:
            address = retry_on_conflict(lambda: services.change_address(user, pk, told=told, is_whole=is_whole))
        except Address.DoesNotExist:
            raise Http404 from None
        return Response(SavedAddressSerializer(address).data)
