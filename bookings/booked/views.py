"""Bookings over HTTP: those who stay, and those who let, see theirs."""

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.permissions import IsAuthenticated

from accounts.authentication import signed_in
from bookings.booked import serializers
from bookings.booked.selectors import bookings_visible_to
from bookings.models import Booking

_IN_LIST = {
    "id": "0198c0de-0000-7000-8000-000000000051",
    "listing": "0198c0de-0000-7000-8000-000000000041",
    "listing_name": "Cottage by the lake",
    "county": "Nakuru",
    "town": "Naivasha",
    "guest_name": "Amina Otieno",
    "start_date": "2026-12-01",
    "end_date": "2026-12-03",
    "guests": 2,
    "units": 1,
    "status": "confirmed",
    "expires_at": None,
    "total": "13000.00",
    "currency": "KES",
    "created_at": "2026-11-22T07:45:00Z",
}
_SHOWN = _IN_LIST | {
    "nights": [{"date": "2026-12-01", "price": "6500.00"}, {"date": "2026-12-02", "price": "6500.00"}],
    "cancellation_policy": "moderate",
    "check_in": "14:00:00",
    "check_out": "10:00:00",
    "confirmed_at": "2026-11-22T07:46:10Z",
    "ended_at": None,
    "ended_by": "",
    "refund_amount": None,
    "updated_at": "2026-11-22T07:46:10Z",
}


class BookingFilter(filters.FilterSet):
    role = filters.ChoiceFilter(
        choices=[("guest", "guest"), ("host", "host")], method="as_role", label="where one is the guest, or the host"
    )
    status = filters.ChoiceFilter(choices=Booking.Status.choices)
    listing = filters.UUIDFilter(field_name="listing_id")
    leaving_after = filters.DateFilter(field_name="dates__endswith", lookup_expr="gt")
    coming_before = filters.DateFilter(field_name="dates__startswith", lookup_expr="lt")

    class Meta:
        model = Booking
        fields = ()

    def as_role(self, rows: QuerySet[Booking], name: str, role: str) -> QuerySet[Booking]:
        user: Any = getattr(self.request, "user", None)
        return rows.filter(user=user) if role == "guest" else rows.filter(listing__product__seller=user)


@extend_schema_view(
    list=extend_schema(
        summary="List bookings",
        description=(
            "One's own stays and those in one's own listings, for staff with the right all; newest first. Dates are "
            "held (`pending`) until `expires_at`, `confirmed` by the payment, `completed` after the last day."
        ),
        examples=[OpenApiExample("A stay", value=_IN_LIST, response_only=True, status_codes=["200"])],
    ),
    retrieve=extend_schema(
        summary="Show a booking",
        description="With the price of each night and the terms that it was booked at.",
        examples=[OpenApiExample("A stay", value=_SHOWN, response_only=True, status_codes=["200"])],
    ),
)
class BookingViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Booking]):
    queryset = Booking.objects.none()
    permission_classes = (IsAuthenticated,)
    filterset_class: Any = BookingFilter
    orderings = {
        "-created_at": ("-created_at", "-id"),
        "created_at": ("created_at", "id"),
        "start_date": ("dates", "id"),
        "-start_date": ("-dates", "-id"),
    }
    schema_tag = "bookings"
    api_key_area = "orders"

    def get_queryset(self) -> QuerySet[Booking]:
        if getattr(self, "swagger_fake_view", False):
            return Booking.objects.none()
        return bookings_visible_to(signed_in(self.request))

    def get_serializer_class(self) -> Any:
        return serializers.BookingInListSerializer if self.action == "list" else serializers.BookingSerializer
