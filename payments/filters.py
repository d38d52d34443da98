"""Filters of payments."""

from django_filters import rest_framework as filters

from payments.models import Payment, ReceivedMoney, Refund


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

    class Meta:
        model = ReceivedMoney
        fields = ()


class RefundFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=Refund.Status.choices)
    payment = filters.UUIDFilter(field_name="payment_id")

    class Meta:
        model = Refund
        fields = ()
