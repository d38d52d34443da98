"""What shipping costs: which methods bring a parcel to a place, and what each asks for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from catalog.models import Product, Variant
from catalog.tax_kinds import TaxKind
from orders.pricing.baskets import Delivery
from orders.shipping.exceptions import PickupPointRequired, PickupPointUnavailable, ShippingMethodUnavailable
from orders.shipping.models import PickupPoint, ShippingMethod
from orders.shipping.places import Place, place_of
from orders.shipping.rates import Band, price_of
from orders.shipping.selectors import with_bands, zones_of


@dataclass(frozen=True)
class Parcel:
    """What is to be carried. ``worth`` is that of its goods after discount, in ``currency``."""

    weight_grams: int
    worth: Decimal
    currency: str


@dataclass(frozen=True)
class Quote:
    """What a method asks for a parcel. Amounts are in ``currency``, with tax if the shop's prices are.

    ``pickup_point`` is told once a point has been chosen. Up to a total of ``pay_at_door_limit`` one may pay at the
    door; None: whatever the total is, 0: not at all.
    """

    method_id: UUID
    name: str
    kind: str
    zone_id: UUID
    zone_name: str
    amount: Decimal
    currency: str
    days_min: int
    days_max: int
    pay_at_door_limit: Decimal | None
    tax_kind: TaxKind
    pickup_point: Mapping[str, Any] | None = None

    def snapshot(self) -> dict[str, Any]:
        """Return what an order keeps of it as JSON: ids and amounts are texts. The amount is the order's own."""
        return {
            "method_id": str(self.method_id),
            "name": self.name,
            "kind": self.kind,
            "zone_id": str(self.zone_id),
            "zone_name": self.zone_name,
            "days_min": self.days_min,
            "days_max": self.days_max,
            "pay_at_door_limit": None if self.pay_at_door_limit is None else str(self.pay_at_door_limit),
            "tax_kind": str(self.tax_kind),
            "pickup_point": dict(self.pickup_point) if self.pickup_point else None,
        }

    def delivery(self) -> Delivery:
        """Return it as what placing and pricing an order take."""
        return Delivery(self.amount, self.tax_kind, self.snapshot())

    def may_be_paid_at_the_door(self, total: Decimal) -> bool:
        return self.pay_at_door_limit is None or 0 < total <= self.pay_at_door_limit


def parcel_of(lines: Iterable[tuple[Variant, int]], *, worth: Decimal, currency: str) -> Parcel | None:
    """Return the parcel that variants (with their products) in these quantities make; None: nothing is to be carried.

    Only physical goods are. What no weight is known of weighs ``SHIPPING_DEFAULT_WEIGHT`` grams a unit.
    """
    weights = [
        (settings.SHIPPING_DEFAULT_WEIGHT if variant.weight_grams is None else variant.weight_grams) * quantity
        for variant, quantity in lines
        if variant.product.kind == Product.Kind.PHYSICAL
    ]
    return Parcel(sum(weights), worth, currency) if weights else None


def quotes_for(destination: Mapping[str, Any], parcel: Parcel) -> list[Quote]:
    """Return what each method asks that brings a parcel to an address, in the shop's order. Two statements.

    The methods are those of the one zone that serves the place, and none where that zone has none. A destination that
    names no place (in Kenya: no county) is served by pick-up alone, and by all of it: who collects needs no address.
    """
    place = place_of(destination)
    quotes = (_quote(method, parcel) for method in _methods(Q(zone__in=_zone(place)) if place else _PICKUP))
    return [quote for quote in quotes if quote]


def quote_of(
    method_id: UUID, destination: Mapping[str, Any], parcel: Parcel, *, pickup_point_id: UUID | None = None
) -> Quote:
    """Return what a method asks for bringing a parcel to an address, or to one of its pick-up points.

    For a pick-up point the address does not matter: anybody may collect there. Two statements, three with a point.

    Raises:
        ShippingMethodUnavailable: it is unknown or not in use, or does not serve the place, the weight or the currency.
        PickupPointRequired: it is a method of pick-up, and no point was named.
        PickupPointUnavailable: the point is unknown or not in use, or the method does not serve it.
    """
    place = place_of(destination)
    served = _PICKUP | Q(zone__in=_zone(place)) if place else _PICKUP
    method = _methods(served).filter(pk=method_id).first()
    point = None
    if method and method.kind == ShippingMethod.Kind.PICKUP:
        if pickup_point_id is None:
            raise PickupPointRequired()
        point = PickupPoint.objects.filter(pk=pickup_point_id, is_active=True, methods=method).first()
    if method and pickup_point_id is not None and point is None:
        raise PickupPointUnavailable()
    quote = _quote(method, parcel, point) if method else None
    if quote is None:
        raise ShippingMethodUnavailable()
    return quote


_PICKUP = Q(kind=ShippingMethod.Kind.PICKUP)


def _zone(place: Place) -> QuerySet[Any]:
    return zones_of(place).values("pk")[:1]


def _methods(served: Q) -> QuerySet[ShippingMethod]:
    """The methods in use that serve somewhere; those of pick-up only while there is a point to collect at."""
    point = PickupPoint.objects.filter(methods=OuterRef("pk"), is_active=True)
    return (
        with_bands()
        .filter(served, is_active=True, zone__is_active=True)
        .filter(~_PICKUP | Exists(point))
        .order_by("position", "name", "id")
    )


def _quote(method: ShippingMethod, parcel: Parcel, point: PickupPoint | None = None) -> Quote | None:
    """Return what a method asks for a parcel, or None where it does not carry it."""
    if method.currency != parcel.currency:
        return None
    if method.max_weight_grams is not None and parcel.weight_grams > method.max_weight_grams:
        return None
    bands = [Band(band.up_to_grams, band.price) for band in method.bands.all()]
    amount = price_of(parcel.weight_grams, bands, method.price_per_further_kg)
    if amount is None:
        return None
    if method.free_from is not None and parcel.worth >= method.free_from:
        amount = Decimal("0.00")
    return Quote(
        method_id=method.pk,
        name=method.name,
        kind=method.kind,
        zone_id=method.zone_id,
        zone_name=method.zone.name,
        amount=amount,
        currency=method.currency,
        days_min=method.days_min,
        days_max=method.days_max,
        pay_at_door_limit=method.pay_at_door_limit,
        tax_kind=TaxKind(method.tax_kind),
        pickup_point=_snapshot(point) if point else None,
    )


def _snapshot(point: PickupPoint) -> dict[str, Any]:
    kept = ("name", "county", "sub_county", "town", "landmark", "line1", "phone_number", "opening_hours")
    return {"id": str(point.pk), **{name: getattr(point, name) for name in kept}}
