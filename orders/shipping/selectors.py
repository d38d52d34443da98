"""Reading zones, methods and pick-up points, by audience and by place."""

from typing import Any

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from catalog.permissions import staff_may
from orders.shipping.models import PickupPoint, ShippingMethod, ShippingZone
from orders.shipping.places import Place

APP = "orders"  # whose permissions are asked for


def zones_of(place: Place) -> QuerySet[ShippingZone]:
    """The active zones that hold a place. The first one wins: by sub-county, county, country, and everywhere.

    Of equals the one of the highest priority, then the first by name, so that it is always one and the same.
    """
    below_country = ~Q(counties=[]) | ~Q(sub_counties=[])
    ways = [Q(country=place.country) & ~below_country, Q(country="")]
    if place.county:
        ways.insert(0, Q(country=place.country, counties__contains=[place.county]))
    if place.sub_county:
        ways.insert(0, Q(country=place.country, sub_counties__contains=[place.sub_county]))
    levels = [When(way, then=Value(level)) for level, way in enumerate(ways)]
    return (
        ShippingZone.objects.filter(is_active=True)
        .annotate(level=Case(*levels, default=None, output_field=IntegerField()))
        .filter(level__isnull=False)
        .order_by("level", "-priority", "name")
    )


def zone_of(place: Place) -> ShippingZone | None:
    """Return the one zone that serves a place."""
    return zones_of(place).first()


def shipping_is_set_up() -> bool:
    """Tell whether the shop has any zone in use. Until then it ships for nothing, and nobody chooses a method."""
    return ShippingZone.objects.filter(is_active=True).exists()


# --- By audience ----------------------------------------------------------------------------------------------


def zones_visible_to(user: Any) -> QuerySet[ShippingZone]:
    """Every zone for staff who may see them; for others those in use."""
    zones = ShippingZone.objects.all()
    return zones if staff_may(user, "view_shippingzone", app=APP) else zones.filter(is_active=True)


def methods_visible_to(user: Any) -> QuerySet[ShippingMethod]:
    """Methods with their bands: every one for staff who may see them; for others those in use, of zones in use."""
    methods = with_bands()
    if staff_may(user, "view_shippingmethod", app=APP):
        return methods
    return methods.filter(is_active=True, zone__is_active=True)


def with_bands() -> QuerySet[ShippingMethod]:
    return ShippingMethod.objects.select_related("zone").prefetch_related("bands")


def pickup_points_visible_to(user: Any) -> QuerySet[PickupPoint]:
    """Pick-up points with their methods: every one for staff who may see them; for others those in use."""
    points = with_methods()
    return points if staff_may(user, "view_pickuppoint", app=APP) else points.filter(is_active=True)


def with_methods() -> QuerySet[PickupPoint]:
    return PickupPoint.objects.prefetch_related("methods")
