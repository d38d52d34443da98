"""Filters of orders."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KT
from django_filters import rest_framework as filters
from rest_framework.exceptions import ValidationError

from ecommerce.filters import YesOrNoFilter
from ecommerce.geography.counties import find_county
from orders.documents.numbering import NAIROBI
from orders.finding.matching import (
    LONGEST,
    SHORTEST_NAME,
    by_email,
    by_name,
    by_number,
    by_phone,
    by_receipt,
    found,
    orders_matching,
)
from orders.models import Order

_WAYS: dict[str, tuple[Callable[[str], Sequence[Q]], str]] = {
    "number": (by_number, "This can be no order's number."),
    "phone": (by_phone, "This is not a phone number. Write it like 0712 345 678 or +254712345678."),
    "email": (by_email, ""),
    "name": (by_name, f"Give at least {SHORTEST_NAME} characters of a name."),
    "receipt": (by_receipt, ""),
}
_LARGEST = Decimal("9999999999.99")


def _by(name: str) -> dict[str, Any]:
    return {"method": "by_way", "max_length": LONGEST, "label": name}


class OrderFilter(filters.FilterSet):
    """Narrows what somebody may see; none of them widens it."""

    search = filters.CharFilter(method="matching", max_length=LONGEST, label="whatever is at hand")
    q = filters.CharFilter(method="matching", max_length=LONGEST, label="the same as search")
    status = filters.ChoiceFilter(choices=Order.Status.choices)
    number = filters.CharFilter(**_by("an order's number, with or without dashes and its last digit; or a parcel's"))
    phone = filters.CharFilter(**_by("a phone number in any writing"))
    email = filters.CharFilter(**_by("an e-mail address, or its beginning"))
    name = filters.CharFilter(**_by("a part of the recipient's or the customer's name"))
    receipt = filters.CharFilter(**_by("the receipt of a payment, such as M-Pesa's code"))
    county = filters.CharFilter(method="in_county", max_length=60, label="a county's name in any spelling, or its code")
    total_min = filters.NumberFilter(
        field_name="total_amount", lookup_expr="gte", min_value=0, max_value=_LARGEST, label="the least total"
    )
    total_max = filters.NumberFilter(
        field_name="total_amount", lookup_expr="lte", min_value=0, max_value=_LARGEST, label="the highest total"
    )
    placed_from = filters.DateFilter(method="since", label="the first day, in Nairobi")
    placed_until = filters.DateFilter(method="until", label="the last day, in Nairobi")
    created_after = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    pay_on_delivery = YesOrNoFilter()

    class Meta:
        model = Order
        fields = ()

    def matching(self, orders: QuerySet[Order], name: str, text: str) -> QuerySet[Order]:
        return orders.filter(pk__in=orders_matching(text).values("pk"))

    def by_way(self, orders: QuerySet[Order], name: str, text: str) -> QuerySet[Order]:
        find, refusal = _WAYS[name]
        ways = find(text)
        if not ways:
            raise ValidationError({name: [refusal]})
        return orders.filter(pk__in=found(ways).values("pk"))

    def in_county(self, orders: QuerySet[Order], name: str, text: str) -> QuerySet[Order]:
        county = find_county(text)
        if county is None:
            raise ValidationError({name: ["This is none of Kenya's 47 counties."]}, code="unknown_county")
        return orders.alias(county=KT("shipping_address__county")).filter(county=county.name)

    def since(self, orders: QuerySet[Order], name: str, day: date) -> QuerySet[Order]:
        return orders.filter(created_at__gte=_midnight(name, day))

    def until(self, orders: QuerySet[Order], name: str, day: date) -> QuerySet[Order]:
        return orders.filter(created_at__lt=_midnight(name, day, days=1))


def _midnight(name: str, day: date, *, days: int = 0) -> datetime:
    if not 1970 <= day.year <= 9000:
        raise ValidationError({name: ["Give a day between 1970 and 9000."]})
    return datetime.combine(day + timedelta(days=days), time.min, tzinfo=NAIROBI)
