"""Blocked dates over HTTP, for the host of a listing and for staff."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.blocked import services
from bookings.blocked.serializers import BlockSerializer, WriteBlockSerializer
from bookings.listings.views import OfListings
from bookings.models import BlockedDates
from ecommerce.http import checked
from ecommerce.schema import ErrorSerializer

LISTING_ID = OpenApiParameter(
    "listing_id",
    location=OpenApiParameter.PATH,
    description="The listing.",
    type={"format": "uuid", "type": "string"},
)
_WRITTEN = {"start_date": "2026-12-24", "end_date": "2026-12-27", "units": None, "note": "The family comes."}
_SHOWN = _WRITTEN | {
    "id": "0198c0de-0000-7000-8000-000000000042",
    "source": "manual",
    "created_at": "2026-11-22T07:45:00Z",
}
_EXAMPLES = [
    OpenApiExample("Over Christmas", value=_WRITTEN, request_only=True),
    OpenApiExample("Blocked", value=_SHOWN, response_only=True, status_codes=["200", "201"]),
]
_REFUSALS = "`dates_taken` where somebody has booked, or the dates are blocked already; nothing is changed then."


@extend_schema_view(
    list=extend_schema(
        summary="List blocked dates",
        description="Those of one's own listing, the first ones first; past ones are left out after a while.",
        parameters=[LISTING_ID],
    ),
    retrieve=extend_schema(summary="Show blocked dates", parameters=[LISTING_ID], examples=_EXAMPLES[1:]),
)
class BlockedDatesViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OfListings):
    queryset = BlockedDates.objects.none()
    serializer_class = BlockSerializer
    permission_classes = (IsAuthenticated,)
    orderings = {"start_date": ("dates", "pk"), "-start_date": ("-dates", "-pk")}
    schema_tag = "bookings"
    api_key_area = "catalogue"

    def get_queryset(self) -> QuerySet[BlockedDates]:
        if getattr(self, "swagger_fake_view", False):
            return BlockedDates.objects.none()
        _, listing = self.changeable(self.request, self.kwargs["listing_id"])
        return BlockedDates.objects.filter(listing=listing)

    @extend_schema(
        summary="Block dates",
        description=f"Nothing is let, or so many `units` fewer. A 409 {_REFUSALS}",
        parameters=[LISTING_ID],
        request=WriteBlockSerializer,
        responses={201: BlockSerializer, 403: ErrorSerializer},
        examples=_EXAMPLES,
    )
    def create(self, request: Request, listing_id: Any) -> Response:
        _, listing = self.changeable(request, listing_id)
        data = checked(WriteBlockSerializer, request)
        made = self.run(
            lambda: services.block_dates(
                listing.pk,
                start=data["start_date"],
                end=data["end_date"],
                units=data["units"],
                note=data["note"],
            )
        )
        return Response(BlockSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="Replace blocked dates",
        description=f"Others in their place. A 409 {_REFUSALS}",
        parameters=[LISTING_ID],
        request=WriteBlockSerializer,
        responses={200: BlockSerializer, 403: ErrorSerializer},
        examples=_EXAMPLES,
    )
    def update(self, request: Request, listing_id: Any, pk: Any) -> Response:
        _, listing = self.changeable(request, listing_id)
        data = checked(WriteBlockSerializer, request)
        return self._change(listing.pk, pk, data)

    @extend_schema(
        summary="Change blocked dates",
        description=f"What is left out stays. A 409 {_REFUSALS}",
        parameters=[LISTING_ID],
        request=WriteBlockSerializer,
        responses={200: BlockSerializer, 403: ErrorSerializer},
        examples=[OpenApiExample("A day longer", value={"end_date": "2026-12-28"}, request_only=True), _EXAMPLES[1]],
    )
    def partial_update(self, request: Request, listing_id: Any, pk: Any) -> Response:
        _, listing = self.changeable(request, listing_id)
        form = WriteBlockSerializer(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        block = self.get_object()
        present = {
            "start_date": block.dates.lower,
            "end_date": block.dates.upper,
            "units": block.units,
            "note": block.note,
        }
        return self._change(listing.pk, pk, present | form.validated_data)

    @extend_schema(
        summary="Let blocked dates again",
        description="A repeat answers 204 again.",
        parameters=[LISTING_ID],
        responses={204: None, 403: ErrorSerializer},
    )
    def destroy(self, request: Request, listing_id: Any, pk: Any) -> Response:
        _, listing = self.changeable(request, listing_id)
        self.run(lambda: services.unblock(pk, listing_id=listing.pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, listing_id: Any, pk: Any, data: dict[str, Any]) -> Response:
        try:
            block = self.run(
                lambda: services.change_block(
                    pk,
                    listing_id=listing_id,
                    start=data["start_date"],
                    end=data["end_date"],
                    units=data["units"],
                    note=data["note"],
                )
            )
        except BlockedDates.DoesNotExist:
            raise Http404 from None
        return Response(BlockSerializer(block).data)
