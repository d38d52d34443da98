"""Writing zones, methods and pick-up points."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from ecommerce.exceptions import ErrorRow
from ecommerce.geography.counties import KENYA, County, counties_with, find_county, find_sub_county
from ecommerce.geography.countries import COUNTRIES
from orders.shipping.exceptions import InvalidShipping, MethodKindFixed
from orders.shipping.models import PickupPoint, ShippingMethod, ShippingZone, WeightBand
from orders.shipping.rates import Band, faults_of

MAX_BANDS = 50  # of a method


@transaction.atomic
def save_zone(zone: ShippingZone | None = None, **fields: Any) -> ShippingZone:
    """Create a zone, or change the named fields of one. Counties and sub-counties get their official names.

    Raises:
        InvalidShipping: with one row for each place that is unknown or in another country.
        ShippingZone.DoesNotExist: somebody has deleted it.
    """
    zone = ShippingZone() if zone is None else ShippingZone.objects.select_for_update(no_key=True).get(pk=zone.pk)
    for name, value in fields.items():
        setattr(zone, name, value)
    faults: list[ErrorRow] = []
    if zone.country and zone.country not in COUNTRIES:
        faults.append(_unknown_country())
    if zone.country != KENYA and (zone.counties or zone.sub_counties):
        faults.append(ErrorRow("counties_elsewhere", "Only a zone in Kenya (KE) has counties.", "country"))
    zone.counties = _official(zone.counties, faults)
    zone.sub_counties = _official_sub_counties(zone.sub_counties, faults)
    if faults:
        raise InvalidShipping(faults)
    zone.save()
    return zone


@transaction.atomic
def save_method(
    method: ShippingMethod | None = None, *, bands: Sequence[Band] | None = None, **fields: Any
) -> ShippingMethod:
    """Create a method, or change the named fields of one; ``bands`` replaces all its weight bands.

    Raises:
        InvalidShipping: with one row for each thing that is wrong; nothing is changed.
        MethodKindFixed: its pick-up points, or their absence, would no longer make sense.
        ShippingMethod.DoesNotExist: somebody has deleted it.
    """
    if method is not None:
        method = ShippingMethod.objects.select_for_update(no_key=True).get(pk=method.pk)
        if fields.get("kind", method.kind) != method.kind:
            raise MethodKindFixed([ErrorRow(MethodKindFixed.code, MethodKindFixed.message, "kind")])
    method = method or ShippingMethod()
    for name, value in fields.items():
        setattr(method, name, value)
    faults = faults_of(bands or ())
    if method.days_min > method.days_max:
        faults.append(ErrorRow("days_backwards", "The most days are not fewer than the least.", "days_max"))
    if faults:
        raise InvalidShipping(faults)
    method.save()
    if bands is not None:
        _write_bands(method, {band.up_to_grams: band.price for band in bands})
    return method


@transaction.atomic
def save_pickup_point(
    point: PickupPoint | None = None, *, methods: Sequence[UUID] | None = None, **fields: Any
) -> PickupPoint:
    """Create a pick-up point, or change the named fields of one; ``methods`` (ids) replaces those that serve it.

    Raises:
        InvalidShipping: an unknown county or sub-county, half a position, or a method that is none of pick-up.
        PickupPoint.DoesNotExist: somebody has deleted it.
    """
    point = PickupPoint() if point is None else PickupPoint.objects.select_for_update(no_key=True).get(pk=point.pk)
    for name, value in fields.items():
        setattr(point, name, value)
    faults: list[ErrorRow] = []
    county = find_county(point.county)
    if county is None:
        faults.append(_unknown_county("county"))
    else:
        point.county = county.name
        if point.sub_county:
            point.sub_county = _sub_county_of(county, point.sub_county, faults)
    if (point.latitude is None) != (point.longitude is None):
        faults.append(ErrorRow("half_a_position", "Give both the latitude and the longitude, or none.", "longitude"))
    serving = ShippingMethod.objects.filter(kind=ShippingMethod.Kind.PICKUP).in_bulk(methods or [])
    faults += [
        ErrorRow("not_a_pickup_method", "There is no such method of pick-up.", f"methods.{index}")
        for index, method_id in enumerate(methods or [])
        if method_id not in serving
    ]
    if faults:
        raise InvalidShipping(faults)
    point.save()
    if methods is not None:
        point.methods.set(serving.values())
    return point


def _write_bands(method: ShippingMethod, prices: Mapping[int, Decimal]) -> None:
    """Give a method these bands, prices by grams. What stays is not written: its history tells what was changed."""
    had = {band.up_to_grams: band for band in method.bands.all()}
    method.bands.exclude(up_to_grams__in=prices).delete()
    changed = [band for grams, band in had.items() if band.price != prices.get(grams, band.price)]
    for band in changed:
        band.price = prices[band.up_to_grams]
    WeightBand.objects.bulk_update(changed, ["price"])
    WeightBand.objects.bulk_create(
        WeightBand(method=method, up_to_grams=grams, price=price) for grams, price in prices.items() if grams not in had
    )


# --- Names of places ------------------------------------------------------------------------------------------


def _official(names: Sequence[str], faults: list[ErrorRow]) -> list[str]:
    """Return the official names of counties, each once, and note those that are none."""
    found: dict[str, None] = {}
    for index, name in enumerate(names):
        county = find_county(name)
        if county:
            found[county.name] = None
        else:
            faults.append(_unknown_county(f"counties.{index}"))
    return list(found)


def _official_sub_counties(names: Sequence[str], faults: list[ErrorRow]) -> list[str]:
    """Return the official names of sub-counties, each once, and note those that are none. No two counties share one."""
    found: dict[str, None] = {}
    for index, name in enumerate(names):
        counties = counties_with(name)
        if counties:
            found[find_sub_county(counties[0], name) or name] = None
        else:
            faults.append(
                ErrorRow("unknown_sub_county", f"{name} is none of the sub-counties.", f"sub_counties.{index}")
            )
    return list(found)


def _sub_county_of(county: County, name: str, faults: list[ErrorRow]) -> str:
    official = find_sub_county(county, name)
    if official is None:
        faults.append(ErrorRow("unknown_sub_county", f"{name} is no sub-county of {county.name}.", "sub_county"))
    return official or name


def _unknown_county(attr: str) -> ErrorRow:
    return ErrorRow("unknown_county", "This is none of Kenya's 47 counties.", attr)


def _unknown_country() -> ErrorRow:
    return ErrorRow("unknown_country", "Give an ISO 3166-1 code, such as KE.", "country")
