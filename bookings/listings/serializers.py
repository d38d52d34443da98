"""The form of listings: as hosts write them, and as everybody sees them."""

from datetime import time, timedelta
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from bookings.listings.services import Season
from bookings.models import Amenity, CancellationPolicy, Listing, SeasonalPrice
from bookings.rules import MAX_NIGHTS, local_today
from catalog.editing.serializers import LOWEST_PRICE, StrictSerializer
from catalog.fields import KeyField, LineField, PlainTextField
from catalog.models import Category
from catalog.serializers import CategoryInProductSerializer
from ecommerce.fields import StrictIntegerField
from ecommerce.geography.counties import find_county

MAX_SEASONS = 100
SHOWN, MAX_SHOWN = 60, 366  # nights of one calendar's answer
MAX_CAPACITY = 500
MOST_IN_A_UNIT = 100
_READ_ONLY = frozenset(
    {"id", "price", "currency", "seller", "rating", "review_count", "image_url", "created_at", "updated_at", "kind"}
)
# Which fields of a body are the product's; the rest are terms of the listing.
_OF_THE_PRODUCT = ("product_name", "url_key", "description", "category", "is_active", "seller")


def _price(**kwargs: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=12, decimal_places=2, min_value=LOWEST_PRICE, **kwargs)


class CountyField(LineField):
    """One of Kenya's 47 counties, in any usual spelling or by its code; it becomes its official name."""

    default_error_messages = {"unknown_county": "This is no county of Kenya."}

    def run_validation(self, data: Any = serializers.empty) -> Any:
        text = super().run_validation(data)
        county = find_county(text) if isinstance(text, str) else None
        if county is None:
            self.fail("unknown_county")
        return county.name


class LocationSerializer(StrictSerializer):
    county = CountyField(max_length=60, help_text="One of the 47, in any usual spelling.")
    town = LineField(max_length=80)
    lat = serializers.FloatField(min_value=-90, max_value=90, help_text="Degrees. What you give here, everybody sees.")
    lng = serializers.FloatField(min_value=-180, max_value=180)


class SeasonSerializer(StrictSerializer):
    start_date = serializers.DateField()
    end_date = serializers.DateField(help_text="The night before it is the last one.")
    price = _price(help_text="Of a night, in the listing's currency.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["end_date"] <= attrs["start_date"]:
            raise serializers.ValidationError({"end_date": ["The last day comes after the first."]})
        return attrs


class WriteListingSerializer(StrictSerializer):
    """A listing as its host writes it."""

    read_only_names = _READ_ONLY

    product_name = LineField(max_length=255)
    url_key = serializers.SlugField(required=False, max_length=140, help_text="Made from the name if left out.")
    description = PlainTextField(max_length=50_000, allow_blank=True, default="", help_text="Markup is removed.")
    category = KeyField(Category.objects.all(), help_text="An id or a url_key.")
    price_per_night = _price(help_text="Of one unit, in the shop's currency.")
    location = LocationSerializer()
    max_guests = StrictIntegerField(min_value=1, max_value=MOST_IN_A_UNIT, help_text="In one unit.")
    amenities = serializers.ListField(
        child=serializers.ChoiceField(choices=Amenity.choices), default=list, max_length=len(Amenity)
    )
    house_rules = PlainTextField(max_length=5000, allow_blank=True, default="")
    check_in = serializers.TimeField(default=time(14), help_text="From when on guests may come, in Nairobi's time.")
    check_out = serializers.TimeField(default=time(10))
    cancellation_policy = serializers.ChoiceField(
        choices=CancellationPolicy.choices, default=CancellationPolicy.MODERATE
    )
    minimum_stay = StrictIntegerField(min_value=1, max_value=MAX_NIGHTS, default=1, help_text="Nights.")
    capacity = StrictIntegerField(
        min_value=1, max_value=MAX_CAPACITY, default=1, help_text="Units alike that are let side by side."
    )
    seasonal_prices = SeasonSerializer(many=True, default=list, max_length=MAX_SEASONS)  # type: ignore[call-arg]
    is_active = serializers.BooleanField(required=False, help_text="Whether it is in the shop; `true` if left out.")

    def validate_amenities(self, amenities: list[str]) -> list[str]:
        return sorted(set(amenities))


class StaffWriteListingSerializer(WriteListingSerializer):
    """A listing as staff write it, who may say whose it is."""

    read_only_names = _READ_ONLY - {"seller"}

    seller = serializers.PrimaryKeyRelatedField(
        queryset=User.objects.filter(role=User.Role.SELLER, is_active=True),
        required=False,
        allow_null=True,
        help_text="A user with the role `seller`; null is the shop. Staff only.",
    )


def parts_of(data: dict[str, Any]) -> dict[str, Any]:
    """Return checked data as the services take it."""
    terms = dict(data)
    product = {name: terms.pop(name) for name in _OF_THE_PRODUCT if name in terms}
    parts: dict[str, Any] = {"product": product, "terms": terms}
    if "price_per_night" in terms:
        parts["price"] = terms.pop("price_per_night")
    if "seasonal_prices" in terms:
        parts["seasons"] = [
            Season(season["start_date"], season["end_date"], season["price"]) for season in terms.pop("seasonal_prices")
        ]
    for name, column in (("lat", "latitude"), ("lng", "longitude"), ("county", "county"), ("town", "town")):
        if name in terms.get("location", {}):
            terms[column] = terms["location"][name]
    terms.pop("location", None)
    return parts


class ShownLocationSerializer(serializers.Serializer[Listing]):
    county = serializers.CharField(read_only=True)
    town = serializers.CharField(read_only=True)
    lat = serializers.FloatField(source="latitude", read_only=True)
    lng = serializers.FloatField(source="longitude", read_only=True)


class ShownSeasonSerializer(serializers.Serializer[SeasonalPrice]):
    start_date = serializers.DateField(source="dates.lower", read_only=True)
    end_date = serializers.DateField(source="dates.upper", read_only=True)
    price = serializers.DecimalField(max_digits=12, decimal_places=2, read_only=True)


class ListingInListSerializer(serializers.ModelSerializer[Listing]):
    id = serializers.UUIDField(source="product_id", read_only=True, help_text="Its product has the same.")
    product_name = serializers.CharField(source="product.product_name", read_only=True)
    url_key = serializers.CharField(source="product.url_key", read_only=True)
    image_url = serializers.URLField(source="product.shown_image_url", read_only=True)
    price_per_night = serializers.DecimalField(source="price", max_digits=12, decimal_places=2, read_only=True)
    currency = serializers.CharField(source="product.currency", read_only=True)
    location = ShownLocationSerializer(source="*", read_only=True)
    seller = serializers.UUIDField(source="product.seller_id", read_only=True, allow_null=True)
    rating = serializers.DecimalField(
        source="product.rating", max_digits=3, decimal_places=2, read_only=True, allow_null=True
    )
    review_count = serializers.IntegerField(source="product.review_count", read_only=True)
    distance_km = serializers.SerializerMethodField(help_text="With `near`: as the crow flies.")
    stay_total = serializers.SerializerMethodField(help_text="With `start_date` and `end_date`: of the whole stay.")

    class Meta:
        model = Listing
        fields: tuple[str, ...] = (
            "id",
            "product_name",
            "url_key",
            "image_url",
            "price_per_night",
            "currency",
            "location",
            "max_guests",
            "capacity",
            "minimum_stay",
            "amenities",
            "cancellation_policy",
            "seller",
            "rating",
            "review_count",
            "distance_km",
            "stay_total",
        )
        read_only_fields = fields

    def get_distance_km(self, listing: Listing) -> float | None:
        distance = getattr(listing, "distance_km", None)
        return None if distance is None else round(distance, 2)

    @extend_schema_field(serializers.DecimalField(max_digits=14, decimal_places=2, allow_null=True))
    def get_stay_total(self, listing: Listing) -> str | None:
        totals: dict[Any, Decimal] = self.context.get("totals", {})
        return str(totals[listing.pk]) if listing.pk in totals else None


class ListingSerializer(ListingInListSerializer):
    """A listing with everything that its page shows; ``distance_km`` and ``stay_total`` are those of lists."""

    description = serializers.CharField(source="product.description", read_only=True)
    category = CategoryInProductSerializer(source="product.category", read_only=True)
    seasonal_prices = ShownSeasonSerializer(many=True, read_only=True)
    is_active = serializers.BooleanField(source="product.is_active", read_only=True)
    created_at = serializers.DateTimeField(read_only=True)

    class Meta:
        model = Listing
        fields = (
            *(name for name in ListingInListSerializer.Meta.fields if name not in ("distance_km", "stay_total")),
            "description",
            "category",
            "house_rules",
            "check_in",
            "check_out",
            "seasonal_prices",
            "is_active",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields

    distance_km = None  # type: ignore[assignment]
    stay_total = None  # type: ignore[assignment]


class NightSerializer(serializers.Serializer[Any]):
    date = serializers.DateField(help_text="Of the evening.")
    units_free = serializers.IntegerField()
    price = serializers.DecimalField(max_digits=12, decimal_places=2, help_text="Of one unit.")


class RefusalSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()


class AvailabilitySerializer(serializers.Serializer[Any]):
    start_date = serializers.DateField()
    end_date = serializers.DateField()
    units = serializers.IntegerField()
    is_available = serializers.BooleanField(help_text="Whether these nights can be booked as one stay, as asked.")
    refusals = RefusalSerializer(many=True, help_text="Why not: `dates_taken`, `minimum_stay`, `too_many_guests`, …")
    total = serializers.DecimalField(max_digits=14, decimal_places=2, help_text="Of all nights and units.")
    currency = serializers.CharField()
    nights = NightSerializer(many=True)


class AskAvailabilitySerializer(StrictSerializer):
    """The parameters of a question about a calendar."""

    start_date = serializers.DateField(required=False)
    end_date = serializers.DateField(required=False)
    guests = serializers.IntegerField(min_value=1, max_value=1000, default=1)
    units = serializers.IntegerField(min_value=1, max_value=MAX_CAPACITY, default=1)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        start = attrs.setdefault("start_date", local_today())
        end = attrs.setdefault("end_date", start + timedelta(days=SHOWN))
        if not 1 <= (end - start).days <= MAX_SHOWN:
            raise serializers.ValidationError({"end_date": [f"It comes 1 to {MAX_SHOWN} days after `start_date`."]})
        return attrs
