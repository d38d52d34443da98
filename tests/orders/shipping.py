"""Zones, methods and pick-up points for tests, made the way staff make them."""

from decimal import Decimal
from typing import Any

from orders.shipping import services
from orders.shipping.models import PickupPoint, ShippingMethod, ShippingZone
from orders.shipping.rates import Band

Kind = ShippingMethod.Kind


def zone(name: str = "Kenya", **fields: Any) -> ShippingZone:
    return services.save_zone(name=name, **fields)


def method(in_zone: ShippingZone | None = None, *bands: tuple[int, str], **fields: Any) -> ShippingMethod:
    """Make a method, in a zone of all Kenya if none is given; without bands it takes 300 for up to 5 kg."""
    return services.save_method(
        zone=in_zone or zone(),
        bands=[Band(grams, Decimal(price)) for grams, price in bands or [(5000, "300")]],
        **{"name": f"Method {ShippingMethod.objects.count()}", **fields},
    )


def pickup(in_zone: ShippingZone | None = None, *bands: tuple[int, str], **fields: Any) -> ShippingMethod:
    return method(in_zone, *bands, kind=Kind.PICKUP, **fields)


def point(*methods: ShippingMethod, **fields: Any) -> PickupPoint:
    return services.save_pickup_point(
        methods=[each.pk for each in methods],
        **{"name": f"Point {PickupPoint.objects.count()}", "county": "Nairobi", "town": "Nairobi", **fields},
    )
