"""Filters of sellers for staff."""

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from accounts.sellers.models import SellerProfile


class SellerFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=SellerProfile.Status.choices)
    search = filters.CharFilter(method="by_text", max_length=100)
    q = filters.CharFilter(method="by_text", max_length=100)

    class Meta:
        model = SellerProfile
        fields = ()

    def by_text(self, rows: QuerySet[SellerProfile], name: str, text: str) -> QuerySet[SellerProfile]:
        return rows.filter(Q(display_name__icontains=text) | Q(user__email__icontains=text))
