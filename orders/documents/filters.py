"""Filters of documents. Days are those of the shop."""

from datetime import date, datetime, time, timedelta

from django.db.models import QuerySet
from django_filters import rest_framework as filters

from orders.documents.models import TaxDocument
from orders.documents.numbering import NAIROBI


class DocumentFilter(filters.FilterSet):
    kind = filters.ChoiceFilter(choices=TaxDocument.Kind.choices)
    number = filters.CharFilter(max_length=32)
    order_number = filters.CharFilter(field_name="order__number", max_length=12)
    since = filters.DateFilter(method="filter_since", label="The first day, in Nairobi.")
    until = filters.DateFilter(method="filter_until", label="The last day, in Nairobi.")

    class Meta:
        model = TaxDocument
        fields = ()

    def filter_since(self, rows: QuerySet[TaxDocument], _name: str, day: date) -> QuerySet[TaxDocument]:
        return rows.filter(issued_at__gte=datetime.combine(day, time(), NAIROBI))

    def filter_until(self, rows: QuerySet[TaxDocument], _name: str, day: date) -> QuerySet[TaxDocument]:
        return rows.filter(issued_at__lt=datetime.combine(day + timedelta(days=1), time(), NAIROBI))
