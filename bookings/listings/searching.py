"""Finding places: near a spot, and free from one day to another. Plain SQL, without PostGIS."""

import math
from datetime import date

from django.db.models import Exists, F, FloatField, OuterRef, QuerySet, Value
from django.db.models.functions import ASin, Cos, Least, Power, Radians, Sin, Sqrt

from bookings.models import Listing, Night, Occupancy

_EARTH_KM = 6371.0088  # mean radius. Source: IUGG
_KM_PER_DEGREE = _EARTH_KM * math.pi / 180


def near(listings: QuerySet[Listing], latitude: float, longitude: float, radius_km: float) -> QuerySet[Listing]:
    """Narrow to listings within ``radius_km`` of a spot; annotate ``distance_km``, as the crow flies.

    A box is looked up in an index first; the distance (haversine) is computed for what lies in it.
    """
    up = radius_km / _KM_PER_DEGREE
    boxed = listings.filter(latitude__range=(latitude - up, latitude + up))
    if abs(latitude) + up < 90:
        # The circle is widest beside its middle, towards the pole: not where its middle is.
        ratio = math.sin(radius_km / _EARTH_KM) / math.cos(math.radians(latitude))
        aside = math.degrees(math.asin(min(ratio, 1.0)))
        if longitude - aside >= -180 and longitude + aside <= 180:
            boxed = boxed.filter(longitude__range=(longitude - aside, longitude + aside))
    return boxed.annotate(distance_km=_distance(latitude, longitude)).filter(distance_km__lte=radius_km)


def _distance(latitude: float, longitude: float) -> ASin:
    north = Power(Sin(Radians(F("latitude") - Value(latitude)) / 2), 2)
    east = Power(Sin(Radians(F("longitude") - Value(longitude)) / 2), 2)
    along = Value(math.cos(math.radians(latitude))) * Cos(Radians(F("latitude")))
    share = Least(Sqrt(north + along * east), Value(1.0))
    distance = ASin(share, output_field=FloatField()) * Value(2 * _EARTH_KM)
    distance.output_field = FloatField()
    return distance  # type: ignore[return-value]  # arithmetic of expressions


def free(listings: QuerySet[Listing], start: date, end: date, *, units: int = 1) -> QuerySet[Listing]:
    """Narrow to listings that have so many units free in every night, and take so short a stay."""
    taken = Occupancy.objects.filter(listing=OuterRef("pk"), is_exclusive=True, dates__overlap=(start, end))
    full = Night.objects.filter(
        listing=OuterRef("pk"), date__gte=start, date__lt=end, taken__gt=F("capacity") - Value(units)
    )
    return listings.filter(~Exists(taken), ~Exists(full), minimum_stay__lte=(end - start).days, capacity__gte=units)
