"""Finding rows by what people have at hand: an order's number, a phone number, a receipt, a provider's reference.

Each way is a look-up of its own, so that each can use its index; the keys that were found are fetched first, because
PostgreSQL plans badly for a sorted list of rows whose keys stand in a union.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from ecommerce.admin_base import ReadOnlyAdmin, as_phone
from payments.models import LedgerTransaction, Payment, PaymentAttempt, Payout, ProviderEvent, ReceivedMoney, Refund

# More than anybody reads; a busy phone's or a till's rows are cut off here.
AT_MOST = 1000

SEARCHED = "Order number, phone number, M-PESA receipt or CheckoutRequestID"

Keys = list[Any]


class SearchedAdmin(ReadOnlyAdmin):
    """Rows that ``find`` looks up; it is given the whole text, without the space around it."""

    search_fields = ("pk",)  # makes the box appear
    search_help_text = SEARCHED

    @staticmethod
    def find(text: str) -> Keys:
        raise NotImplementedError

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        return (queryset.filter(pk__in=type(self).find(text)) if text else queryset), False


def attempts_matching(text: str) -> Keys:
    upper = text.upper()
    ways = [
        Q(provider_reference=text),
        Q(merchant_reference=text),
        Q(reference=upper),
        Q(receipt_number=upper),
        Q(payment__transaction_id=upper),
        Q(payment__order__number=text),
    ]
    if phone := as_phone(text):
        ways += [Q(phone_number=phone), Q(payment__order__phone_number=phone)]
    return _keys(PaymentAttempt, ways)


def payments_matching(text: str) -> Keys:
    ways = [
        Q(attempts__in=attempts_matching(text)),
        Q(order__number=text),
        Q(transaction_id=text.upper()),
        Q(received__receipt_number=text.upper()),
    ]
    if phone := as_phone(text):
        ways.append(Q(order__phone_number=phone))
    return _keys(Payment, ways)


def received_matching(text: str) -> Keys:
    """A phone that the provider masked (``2547 ***** 126``) is found by its ends."""
    ways = [Q(receipt_number=text.upper()), Q(account_reference__iexact=text), Q(payment__order__number=text)]
    if phone := as_phone(text):
        digits = phone.removeprefix("+")
        ways += [
            Q(payer_phone__in=[phone, digits]),
            Q(payer_phone__startswith=digits[:4], payer_phone__contains="*", payer_phone__endswith=digits[-3:]),
            Q(attempt__phone_number=phone),
            Q(payment__order__phone_number=phone),
        ]
    return _keys(ReceivedMoney, ways)


def refunds_matching(text: str) -> Keys:
    upper = text.upper()
    ways = [
        Q(payment__order__number=text),
        Q(received__receipt_number=upper),
        Q(receipt_number=upper),
        Q(provider_reference=text),
        Q(reference=text.lower()),
    ]
    if phone := as_phone(text):
        ways += [Q(payment__order__phone_number=phone), Q(received__attempt__phone_number=phone)]
    return _keys(Refund, ways)


def payouts_matching(text: str) -> Keys:
    ways = [
        Q(reference=text.lower()),
        Q(receipt_number=text.upper()),
        Q(provider_reference=text),
        Q(recipient_name__istartswith=text),
    ]
    if phone := as_phone(text):
        ways.append(Q(phone_number=phone))
    return _keys(Payout, ways)


def events_matching(text: str) -> Keys:
    ways = [
        Q(attempt__in=attempts_matching(text)),
        Q(received__receipt_number=text.upper()),
        Q(refund__payment__order__number=text),
        Q(event_id=text),
    ]
    return _keys(ProviderEvent, ways)


def bookings_matching(text: str) -> Keys:
    upper = text.upper()
    ways = [
        Q(source=text.lower()),
        Q(payment__in=_keys(Payment, [Q(order__number=text)])),
        Q(received__in=_keys(ReceivedMoney, [Q(receipt_number=upper), Q(payment__order__number=text)])),
        Q(refund__in=_keys(Refund, [Q(receipt_number=upper)])),
        Q(payout__in=_keys(Payout, [Q(receipt_number=upper)])),
    ]
    return _keys(LedgerTransaction, ways)


def _keys(model: type[Model], ways: Sequence[Q]) -> Keys:
    first, *rest = (model._default_manager.filter(way).order_by().values_list("pk", flat=True) for way in ways)
    return list(first.union(*rest)[:AT_MOST])
