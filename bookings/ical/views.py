"""Calendars over HTTP: a secret address for other sites, and the upload of theirs."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.blocked.views import LISTING_ID
from bookings.ical import services
from bookings.ical.reading import MAX_BYTES, read_calendar
from bookings.listings.services import change_calendar_address
from bookings.listings.views import OfListings
from bookings.models import Listing
from ecommerce.exceptions import PayloadTooLarge
from ecommerce.schema import ErrorSerializer

_AROUND_THE_FILE = 64 * 1024
_ADDRESS = OpenApiExample(
    "An address",
    value={"url": "https://shop.example/api/calendars/0198c0de000070008000000000000041-1.Zm9yIHRoZSBob3N0IG9ubHk/"},
    response_only=True,
    status_codes=["200"],
)
_TAKEN = OpenApiExample(
    "Taken in",
    value={"blocked": 14, "taken_before": 2, "skipped_events": 0},
    response_only=True,
    status_codes=["200"],
)


class CalendarAddressSerializer(serializers.Serializer[Any]):
    url = serializers.URLField(help_text="Whoever has it sees when the place is taken, and not by whom.")


class UploadCalendarSerializer(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="An iCalendar file (.ics) of at most 1 MB and 2,000 events.")


class TakenSerializer(serializers.Serializer[Any]):
    blocked = serializers.IntegerField(help_text="Nights that are blocked now.")
    taken_before = serializers.IntegerField(help_text="Nights that were booked or blocked here already.")
    skipped_events = serializers.IntegerField(help_text="Events that recur, or have no days.")


class CalendarViewSet(OfListings):
    """The address of a listing's calendar, for its host."""

    queryset = Listing.objects.none()
    serializer_class = CalendarAddressSerializer
    permission_classes = (IsAuthenticated,)
    schema_tag = "bookings"
    api_key_area = "catalogue"

    @extend_schema(
        summary="Show the secret address of a calendar",
        description="For other sites, which fetch the nights that are taken from it as iCalendar.",
        parameters=[LISTING_ID],
        responses={200: CalendarAddressSerializer, 403: ErrorSerializer},
        examples=[_ADDRESS],
    )
    def retrieve(self, request: Request, listing_id: Any) -> Response:
        _, listing = self.changeable(request, listing_id)
        return self._answer(listing)

    @extend_schema(
        summary="Make another secret address",
        description="The former one ends at once.",
        parameters=[LISTING_ID],
        request=None,
        responses={200: CalendarAddressSerializer, 403: ErrorSerializer},
        examples=[_ADDRESS],
    )
    def renew(self, request: Request, listing_id: Any) -> Response:
        _, listing = self.changeable(request, listing_id)
        return self._answer(self.run(lambda: change_calendar_address(listing.pk)))

    def _answer(self, listing: Listing) -> Response:
        return Response({"url": f"{settings.PUBLIC_BASE_URL}/api/calendars/{services.calendar_token(listing)}/"})


class ImportCalendarViewSet(OfListings):
    """Another site's calendar, uploaded by the host."""

    queryset = Listing.objects.none()
    serializer_class = TakenSerializer
    permission_classes = (IsAuthenticated,)
    parser_classes = (MultiPartParser,)
    schema_tag = "bookings"
    api_key_area = "catalogue"

    @extend_schema(
        summary="Block what another calendar says is taken",
        description=(
            "An iCalendar file, in the place of the one uploaded before: what it does not name any more is let again. "
            "Bookings and dates blocked by hand stay as they are."
        ),
        parameters=[LISTING_ID],
        request={"multipart/form-data": UploadCalendarSerializer},
        responses={200: OpenApiResponse(TakenSerializer), 403: ErrorSerializer, 413: ErrorSerializer},
        examples=[_TAKEN],
    )
    def create(self, request: Request, listing_id: Any) -> Response:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BYTES + _AROUND_THE_FILE:
            raise PayloadTooLarge()
        _, listing = self.changeable(request, listing_id)
        form = UploadCalendarSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        raw = form.validated_data["file"].read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise PayloadTooLarge()
        told = read_calendar(raw)
        return Response(TakenSerializer(self.run(lambda: services.import_calendar(listing.pk, told))).data)


class CalendarView(OfListings):
    """A listing's calendar, for whoever has its address."""

    queryset = Listing.objects.none()
    permission_classes = (AllowAny,)
    authentication_classes = ()
    schema_tag = "bookings"

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        return super().perform_content_negotiation(request, force=True)  # it has one form, whatever they ask for

    @extend_schema(
        summary="Fetch a calendar",
        description="The nights in which nothing is free, two years ahead, as iCalendar. The address is the secret.",
        responses={(200, "text/calendar"): OpenApiResponse(OpenApiTypes.STR)},
    )
    def retrieve(self, request: Request, token: str) -> HttpResponse:
        listing = services.listing_of_token(token)
        if listing is None:
            raise Http404
        headers = {
            "Cache-Control": "private, max-age=300",
            "Content-Disposition": 'attachment; filename="calendar.ics"',
        }
        content = services.export_calendar(listing)
        return HttpResponse(content, content_type="text/calendar; charset=utf-8", headers=headers)
