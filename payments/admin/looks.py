"""Words, colours and small questions that the pages of payments share."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from accounts.models import User
from ecommerce.admin_base import EMPTY, badge, may
from ecommerce.phone import mask_phone
from orders.admin import PAYMENT_LOOKS
from payments import outcomes
from payments.credit.models import CREDIT_PROVIDERS
from payments.models import LedgerTransaction, MoneyOut, Payment, PaymentAttempt, ReceivedMoney
from payments.providers import provider_names

ATTEMPT_LOOKS = {
    PaymentAttempt.Status.CREATED: "info",
    PaymentAttempt.Status.SENDING: "info",
    PaymentAttempt.Status.PENDING: "info",
    PaymentAttempt.Status.UNKNOWN: "warning",
    PaymentAttempt.Status.SUCCEEDED: "success",
    PaymentAttempt.Status.FAILED: "danger",
    PaymentAttempt.Status.REVIEW: "warning",
}
RECEIVED_LOOKS = {
    ReceivedMoney.Status.UNVERIFIED: "warning",
    ReceivedMoney.Status.UNMATCHED: "danger",
    ReceivedMoney.Status.APPLIED: "success",
    ReceivedMoney.Status.SURPLUS: "info",
    ReceivedMoney.Status.RETURNED: "",
    ReceivedMoney.Status.DISMISSED: "",
}
OUT_LOOKS = {
    MoneyOut.Status.CREATED: "info",
    MoneyOut.Status.SENDING: "info",
    MoneyOut.Status.PENDING: "info",
    MoneyOut.Status.UNKNOWN: "warning",
    MoneyOut.Status.REVIEW: "danger",
    MoneyOut.Status.SUCCEEDED: "success",
    MoneyOut.Status.FAILED: "danger",
}
BOOKING_LOOKS = {
    LedgerTransaction.Kind.RECEIVED: "success",
    LedgerTransaction.Kind.APPLIED: "success",
    LedgerTransaction.Kind.REFUND_DROPPED: "warning",
    LedgerTransaction.Kind.PAYOUT_DROPPED: "warning",
    LedgerTransaction.Kind.REVERSED: "danger",
}


def payment_badge(payment: Payment) -> str:
    return badge(payment.get_status_display(), PAYMENT_LOOKS.get(payment.status, ""))


def attempt_badge(attempt: PaymentAttempt) -> str:
    return badge(attempt.get_status_display(), ATTEMPT_LOOKS[PaymentAttempt.Status(attempt.status)])


def received_badge(received: ReceivedMoney) -> str:
    return badge(received.get_status_display(), RECEIVED_LOOKS[ReceivedMoney.Status(received.status)])


def out_badge(row: MoneyOut) -> str:
    return badge(row.get_status_display(), OUT_LOOKS[MoneyOut.Status(row.status)])


def booking_badge(booked: LedgerTransaction) -> str:
    kind = LedgerTransaction.Kind(booked.kind)
    return badge(kind.label, BOOKING_LOOKS.get(kind, ""))


def words(name: str) -> str:
    """Return a stored name to read: ``unknown_reference`` is "Unknown reference"."""
    return name.replace("_", " ").capitalize() or EMPTY


def advice_of(attempt: PaymentAttempt) -> str:
    return outcomes.BY_NAME.get(attempt.outcome, outcomes.UNKNOWN).advice


def masked(phone: str) -> str:
    """Return a payer's phone number as the API shows it: what came masked or hashed stays as it is."""
    return (mask_phone(phone) if phone.lstrip("+").isdigit() else phone) or EMPTY


def sees(request: HttpRequest, model: type[Model]) -> bool:
    """Tell whether this person may see such rows at all."""
    return may(request, "view", model) or may(request, "change", model)


def actor_of(request: HttpRequest) -> User:
    """Return who acts; the admin lets nobody in who is not somebody."""
    assert isinstance(request.user, User)  # noqa: S101 - for the type
    return request.user


class ProviderFilter(admin.SimpleListFilter):
    """By name, from the settings: finding the names in the rows would read them all."""

    title = "provider"
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in (*provider_names(), *CREDIT_PROVIDERS)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(provider=self.value()) if self.value() else queryset
