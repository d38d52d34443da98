"""Filters of returns."""

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters

from ecommerce.filters import YesOrNoFilter
from orders.returns.models import Return


class ReturnFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=Return.Status.choices)
    reason = filters.ChoiceFilter(choices=Return.Reason.choices)
    resolution = filters.ChoiceFilter(choices=Return.Resolution.choices)
    number = filters.CharFilter(max_length=20)
    order = filters.UUIDFilter(field_name="order_id")
    order_number = filters.CharFilter(field_name="order__number", max_length=12)
    overdue = YesOrNoFilter(method="that_are_overdue", label="approved, and the goods should have come")
    created_after = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Return
        fields = ()

    def that_are_overdue(self, rows: QuerySet[Return], name: str, wanted: bool) -> QuerySet[Return]:
        late = {"status": Return.Status.APPROVED, "send_by__lt": timezone.now()}
        return rows.filter(**late) if wanted else rows.exclude(**late)
