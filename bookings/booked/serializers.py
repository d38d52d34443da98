"""How bookings look from outside."""

from typing import Any

from rest_framework import serializers

from bookings.models import Booking


class BookedNightSerializer(serializers.Serializer[Any]):
    date = serializers.DateField()
    price = serializers.DecimalField(max_digits=12, decimal_places=2, help_text="Of one unit.")


class BookingInListSerializer(serializers.ModelSerializer[Booking]):
    listing = serializers.UUIDField(source="listing_id", read_only=True)
    listing_name = serializers.CharField(source="listing.product.product_name", read_only=True)
    county = serializers.CharField(source="listing.county", read_only=True)
    town = serializers.CharField(source="listing.town", read_only=True)
    guest_name = serializers.SerializerMethodField(help_text="Who comes; empty without an account.")
    start_date = serializers.DateField(read_only=True)
    end_date = serializers.DateField(read_only=True, help_text="The day of leaving.")
    total = serializers.DecimalField(max_digits=12, decimal_places=2, read_only=True)

    class Meta:
        model = Booking
        fields: tuple[str, ...] = (
            "id",
            "listing",
            "listing_name",
            "county",
            "town",
            "guest_name",
            "start_date",
            "end_date",
            "guests",
            "units",
            "status",
            "expires_at",
            "total",
            "currency",
            "created_at",
        )
        read_only_fields = fields

    def get_guest_name(self, booking: Booking) -> str:
        return booking.user.get_full_name() if booking.user else ""


class BookingSerializer(BookingInListSerializer):
    nights = BookedNightSerializer(many=True, read_only=True)

    class Meta:
        model = Booking
        fields = (
            *BookingInListSerializer.Meta.fields,
            "nights",
            "cancellation_policy",
            "check_in",
            "check_out",
            "confirmed_at",
            "ended_at",
            "ended_by",
            "refund_amount",
            "updated_at",
        )
        read_only_fields = fields
