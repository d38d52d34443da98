"""Filters of listings; every name of the API is here."""

import math
import re
from datetime import date
from typing import Any

from django.db.models import FloatField, QuerySet, Value
from django.http import QueryDict
from django_filters import rest_framework as filters
from rest_framework.exceptions import ValidationError

from bookings.listings import searching
from bookings.models import Amenity, CancellationPolicy, Listing
from bookings.rules import refusals
from catalog.models import Product
from catalog.searching.matching import search_products
from catalog.selectors import branch_ids
from ecommerce.filters import ORDERING_PARAMETERS
from ecommerce.geography.counties import find_county

_PRICE: dict[str, Any] = {"field_name": "price", "min_value": 0, "max_value": 10**10, "decimal_places": 2}
_SPOT = re.compile(r"\s*(-?\d{1,2}(?:\.\d{1,10})?)\s*,\s*(-?\d{1,3}(?:\.\d{1,10})?)\s*")
DEFAULT_RADIUS_KM, MAX_RADIUS_KM = 25.0, 500.0
MOST_GUESTS = 1000


class ListingFilter(filters.FilterSet):
    """What listings can be searched by. Some parameters mean something together: ``filter_queryset`` takes them."""

    county = filters.CharFilter(method="in_county", max_length=60, label="one of the 47, in any usual spelling")
    town = filters.CharFilter(lookup_expr="iexact", max_length=80, label="in any case")
    near = filters.CharFilter(method="later", max_length=60, label="a spot: latitude,longitude in degrees")
    radius_km = filters.NumberFilter(
        method="later",
        min_value=0.1,
        max_value=MAX_RADIUS_KM,
        label="around `near`; 25 if left out, 500 at most",
    )
    start_date = filters.DateFilter(method="later", label="the day of coming; with `end_date`, what is free")
    end_date = filters.DateFilter(method="later", label="the day of leaving")
    guests = filters.NumberFilter(method="later", min_value=1, max_value=MOST_GUESTS, decimal_places=0)
    units = filters.NumberFilter(
        method="later", min_value=1, max_value=MOST_GUESTS, decimal_places=0, label="units side by side; 1 if left out"
    )
    price_min = filters.NumberFilter(lookup_expr="gte", **_PRICE, label="of an ordinary night")
    price_max = filters.NumberFilter(lookup_expr="lte", **_PRICE)
    min_price = filters.NumberFilter(lookup_expr="gte", **_PRICE)
    max_price = filters.NumberFilter(lookup_expr="lte", **_PRICE)
    amenities = filters.CharFilter(method="with_amenities", label="such as wifi; repeated, all of them")
    cancellation_policy = filters.ChoiceFilter(choices=CancellationPolicy.choices)
    category = filters.CharFilter(method="in_category", max_length=140, label="id or url_key; branches below count")
    seller = filters.UUIDFilter(field_name="product__seller_id", label="whose it is")
    search = filters.CharFilter(method="matching", label="words of the name and the description")

    class Meta:
        model = Listing
        fields = ()

    def later(self, rows: QuerySet[Listing], name: str, value: Any) -> QuerySet[Listing]:
        return rows

    def in_county(self, rows: QuerySet[Listing], name: str, text: str) -> QuerySet[Listing]:
        county = find_county(text)
        if county is None:
            raise ValidationError({name: ["This is no county of Kenya."]})
        return rows.filter(county=county.name)

    def in_category(self, rows: QuerySet[Listing], name: str, key: str) -> QuerySet[Listing]:
        return rows.filter(product__category__in=branch_ids(key))

    def with_amenities(self, rows: QuerySet[Listing], name: str, last: str) -> QuerySet[Listing]:
        wanted = self.data.getlist(name) if isinstance(self.data, QueryDict) else [last]
        if unknown := [each for each in wanted if each not in Amenity.values]:
            raise ValidationError({name: [f"{unknown[0][:20]} is none of: {', '.join(Amenity.values)}."]})
        return rows.filter(amenities__contains=sorted(set(wanted)))

    def matching(self, rows: QuerySet[Listing], name: str, text: str) -> QuerySet[Listing]:
        found = search_products(Product.objects.for_sale().filter(kind=Product.Kind.RENTAL), text, attr=name)
        return rows.filter(product__in=found.order_by().values("pk"))

    def filter_queryset(self, queryset: QuerySet[Listing]) -> QuerySet[Listing]:
        rows = self._near(super().filter_queryset(queryset))
        units = int(self.form.cleaned_data.get("units") or 1)
        if guests := self.form.cleaned_data.get("guests"):
            rows = rows.filter(max_guests__gte=math.ceil(int(guests) / units))
        if stay := stay_of(self.form.cleaned_data):
            return searching.free(rows, *stay, units=units)
        return rows.filter(capacity__gte=units) if units > 1 else rows

    def _near(self, rows: QuerySet[Listing]) -> QuerySet[Listing]:
        spot, radius = self.form.cleaned_data.get("near"), self.form.cleaned_data.get("radius_km")
        if not spot:
            if radius:
                raise ValidationError({"near": ["Around which spot? Give latitude,longitude."]})
            for name in ORDERING_PARAMETERS:
                if dict(self.data or {}).get(name) in ("distance", ["distance"]):
                    raise ValidationError({name: ["Order by the distance from where? Give near=latitude,longitude."]})
            return rows.annotate(distance_km=Value(None, output_field=FloatField()))
        match = _SPOT.fullmatch(spot)
        latitude, longitude = (float(match[1]), float(match[2])) if match else (999.0, 999.0)
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
            raise ValidationError({"near": ["Give latitude,longitude in degrees, such as -1.2921,36.8219."]})
        return searching.near(rows, latitude, longitude, float(radius or DEFAULT_RADIUS_KM))


def stay_of(values: dict[str, Any]) -> tuple[date, date] | None:
    """Return the days that a search names, from coming to leaving; None if it names none.

    Raises:
        ValidationError: only one of them is given, or nobody could book so.
    """
    start, end = values.get("start_date"), values.get("end_date")
    if not start and not end:
        return None
    if not start or not end:
        raise ValidationError({"end_date" if start else "start_date": ["Give both days."]})
    anywhere = Listing(max_guests=1, minimum_stay=1, capacity=1)
    for row in refusals(anywhere, start, end, guests=1):
        raise ValidationError({"end_date": [row.detail]}, code=row.code)
    return start, end
