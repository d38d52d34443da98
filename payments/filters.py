"""Filters of payments."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters

from payments.models import Payment, Payout, ReceivedMoney, Refund
from payments.selectors import money_for_a_person


class PaymentFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=Payment.Status.choices)
    method = filters.ChoiceFilter(choices=Payment.Method.choices)
    order = filters.UUIDFilter(field_name="order_id")

    class Meta:
        model = Payment
        fields = ()


class ReceivedMoneyFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=ReceivedMoney.Status.choices)
    provider = filters.CharFilter(max_length=20)
    receipt_number = filters.CharFilter(max_length=64)
    source = filters.ChoiceFilter(choices=ReceivedMoney.Source.choices)
    collected_by = filters.UUIDFilter(field_name="collected_by_id")
    waiting = filters.BooleanFilter(method="filter_waiting", label="On the work list: it waits for a person")

    class Meta:
        model = ReceivedMoney
        fields = ()

    def filter_waiting(self, rows: QuerySet[ReceivedMoney], _name: str, value: bool) -> QuerySet[ReceivedMoney]:
        waiting = money_for_a_person().values("pk")
        return rows.filter(pk__in=waiting) if value else rows.exclude(pk__in=waiting)


class RefundFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=Refund.Status.choices)
    payment = filters.UUIDFilter(field_name="payment_id")

    class Meta:
        model = Refund
        fields = ()


class PayoutFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=Payout.Status.choices)
    provider = filters.CharFilter(max_length=20)

    class Meta:
        model = Payout
        fields = ()
