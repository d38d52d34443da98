"""Filters of payments."""

from django_filters import rest_framework as filters

from payments.models import Payment


class PaymentFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=Payment.Status.choices)
    method = filters.ChoiceFilter(choices=Payment.Method.choices)
    order = filters.UUIDFilter(field_name="order_id")

    class Meta:
        model = Payment
        fields = ()
