"""Listings over HTTP; anyone may look."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import BasePermission, IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import signed_in
from accounts.models import User
from bookings.listings import documentation as docs
from bookings.listings import selectors, serializers, services
from bookings.listings.availability import availability_of
from bookings.listings.filters import ListingFilter, stay_of
from bookings.models import Listing
from bookings.pricing import price_stay, seasons_of
from catalog.models import Product
from ecommerce import idempotency
from ecommerce.filters import refuse_unknown_parameters
from ecommerce.http import IDEMPOTENCY_HEADER
from ecommerce.schema import ErrorSerializer
from ecommerce.transactions import retry_on_conflict

_SHOWN = serializers.ListingSerializer


class OfListings(viewsets.GenericViewSet[Any]):
    """What every view shares in which a host keeps a listing."""

    def changeable(self, request: Request, listing_id: str, what: str = "change") -> tuple[User, Listing]:
        """Return who asks, and the listing with this id.

        Raises:
            Http404: there is none that they may know of.
            PermissionDenied: they may see it, and no more.
        """
        user = signed_in(request)
        listing: Listing = get_object_or_404(selectors.listings_known_to(user), pk=listing_id)
        if not selectors.may(user, what, listing):
            raise PermissionDenied()
        return user, listing

    def run(self, change: Callable[[], Any]) -> Any:
        """Run a service in a transaction of its own, again if it lost against another one."""
        try:
            return retry_on_conflict(change)
        except (Product.DoesNotExist, Listing.DoesNotExist):
            raise Http404 from None


@extend_schema_view(
    list=extend_schema(
        summary="Search listings", description=docs.SEARCH, parameters=[docs.ORDERING], examples=docs.LIST_EXAMPLES
    ),
    retrieve=extend_schema(
        summary="Show a listing",
        description="For anyone while it is in the shop; for its host and staff always.",
        examples=docs.SHOWN_EXAMPLES,
    ),
)
class ListingViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OfListings):
    queryset = Listing.objects.none()
    permission_classes: tuple[type[BasePermission], ...] = (IsAuthenticatedOrReadOnly,)
    filterset_class = ListingFilter
    orderings = {
        "newest": ("-product_id",),  # ids are in the order of time
        "price": ("price", "product_id"),
        "-price": ("-price", "-product_id"),
        "distance": ("distance_km", "product_id"),
    }
    lookup_url_kwarg = "listing_id"
    lookup_value_regex = "[0-9a-fA-F-]{32,36}"
    schema_tag = "bookings"
    api_key_area = "catalogue"

    def get_queryset(self) -> QuerySet[Listing]:
        if getattr(self, "swagger_fake_view", False):
            return Listing.objects.none()
        if self.action == "list":
            return selectors.shown_listings()
        return selectors.listings_known_to(self.request.user)

    def filter_queryset(self, queryset: Any) -> Any:
        return super().filter_queryset(queryset) if self.action == "list" else queryset

    def get_serializer_class(self) -> Any:
        return serializers.ListingInListSerializer if self.action == "list" else _SHOWN

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page: Sequence[Listing] = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        context = {**self.get_serializer_context(), "totals": self._totals(page)}
        return self.get_paginated_response(self.get_serializer_class()(page, many=True, context=context).data)

    def _totals(self, page: Sequence[Listing]) -> dict[Any, Any]:
        """Return what the stay that was asked for costs in each listing of a page, in one statement."""
        form = ListingFilter(self.request.query_params, queryset=Listing.objects.none()).form
        stay = stay_of(form.cleaned_data) if form.is_valid() else None
        if stay is None:
            return {}
        units = int(form.cleaned_data.get("units") or 1)
        seasons = seasons_of([listing.pk for listing in page], *stay)
        return {
            listing.pk: price_stay(listing, *stay, units=units, seasons=seasons.get(listing.pk, [])).total
            for listing in page
        }

    @extend_schema(
        summary="Create a listing",
        description=docs.CREATE,
        parameters=[IDEMPOTENCY_HEADER],
        request=serializers.StaffWriteListingSerializer,
        responses={201: _SHOWN, 403: ErrorSerializer},
        examples=docs.CREATE_EXAMPLES,
    )
    def create(self, request: Request) -> Response:
        user = signed_in(request)
        if not selectors.may(user, "add"):
            raise PermissionDenied()
        parts = self._checked(request, user, "add")
        if not selectors.keeps_all(user, "add"):
            parts["product"]["seller"] = user

        def effect() -> Response:
            made = services.create_listing(actor=user, **parts)
            return self._answer(user, made.pk, status.HTTP_201_CREATED)

        return idempotency.run_once(request, owner=f"user:{user.pk}", operation="listings.create", effect=effect)

    @extend_schema(
        summary="Replace a listing",
        description=docs.REPLACE,
        request=serializers.StaffWriteListingSerializer,
        responses={200: _SHOWN, 403: ErrorSerializer},
        examples=docs.REPLACE_EXAMPLES,
    )
    def update(self, request: Request, listing_id: str) -> Response:
        return self._change(request, listing_id, partial=False)

    @extend_schema(
        summary="Change a listing",
        description=docs.CHANGE,
        request=serializers.StaffWriteListingSerializer,
        responses={200: _SHOWN, 403: ErrorSerializer},
        examples=docs.CHANGE_EXAMPLES,
    )
    def partial_update(self, request: Request, listing_id: str) -> Response:
        return self._change(request, listing_id, partial=True)

    @extend_schema(summary="Remove a listing", description=docs.REMOVE, responses={204: None, 403: ErrorSerializer})
    def destroy(self, request: Request, listing_id: str) -> Response:
        _, listing = self.changeable(request, listing_id, "delete")
        self.run(lambda: services.remove_listing(listing.pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Show what is free",
        description=docs.AVAILABILITY,
        parameters=docs.ASKED,
        responses={200: serializers.AvailabilitySerializer, 400: ErrorSerializer},
        examples=docs.AVAILABILITY_EXAMPLES,
        filters=False,
    )
    @action(detail=True, methods=["get"], filter_backends=[], pagination_class=None)
    def availability(self, request: Request, listing_id: str) -> Response:
        refuse_unknown_parameters(request, ("start_date", "end_date", "guests", "units"))
        asked = serializers.AskAvailabilitySerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        found = availability_of(
            self.get_object(), data["start_date"], data["end_date"], guests=data["guests"], units=data["units"]
        )
        return Response(serializers.AvailabilitySerializer(found).data)

    def _change(self, request: Request, listing_id: str, *, partial: bool) -> Response:
        user, listing = self.changeable(request, listing_id)
        parts = self._checked(request, user, "change", partial=partial)
        self.run(lambda: services.change_listing(listing.pk, actor=user, **parts))
        return self._answer(user, listing.pk, status.HTTP_200_OK)

    def _checked(self, request: Request, user: User, what: str, *, partial: bool = False) -> dict[str, Any]:
        staff = selectors.keeps_all(user, what)
        form_class = serializers.StaffWriteListingSerializer if staff else serializers.WriteListingSerializer
        form = form_class(data=request.data, partial=partial)
        form.is_valid(raise_exception=True)
        return serializers.parts_of(dict(form.validated_data))

    def _answer(self, user: User, pk: Any, status_code: int) -> Response:
        return Response(_SHOWN(selectors.listings_known_to(user).get(pk=pk)).data, status=status_code)
