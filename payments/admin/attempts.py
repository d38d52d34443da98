"""Tries to collect money: what the provider said, and what a person can still do."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase

from ecommerce.admin_base import (
    Table,
    column,
    detail_action,
    link_to,
    money,
)
from ecommerce.exceptions import DomainError
from payments import outcomes, queries, reviews
from payments.admin.finding import SearchedAdmin, attempts_matching
from payments.admin.forms import LostReferenceForm, ReasonForm
from payments.admin.looks import ProviderFilter, actor_of, advice_of, attempt_badge, words
from payments.admin.tables import events_table, received_table
from payments.exceptions import ProviderUnavailable
from payments.models import PaymentAttempt, ProviderEvent, ReceivedMoney


class NoProviderAnswer(DomainError):
    code = "provider_unavailable"
    message = "The provider does not answer. Try again in a minute."


class OutcomeFilter(admin.SimpleListFilter):
    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, words(name)) for name in sorted(outcomes.BY_NAME)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PaymentAttempt]) -> QuerySet[PaymentAttempt]:
        return queryset.filter(outcome=self.value()) if self.value() else queryset


@admin.register(PaymentAttempt)
class PaymentAttemptAdmin(SearchedAdmin):
    find = staticmethod(attempts_matching)
    list_display = ("created_at", "order_number", "state", "amount_text", "phone_number", "receipt_number", "result")
    list_filter = ("status", ProviderFilter, "created_at", OutcomeFilter)
    list_select_related = ("payment__order",)
    ordering = ("-id",)  # by time as well, and indexed
    actions_detail = ("ask_provider", "note_reference", "close_review")
    fieldsets = (
        (None, {"fields": (("order_link", "payment_link", "state"), "advice", ("result", "retry"))}),
        ("Money", {"fields": (("amount_text", "received_text", "receipt_number"), "phone_number")}),
        (
            "Provider",
            {
                "fields": (
                    ("provider", "reference"),
                    ("provider_reference", "merchant_reference"),
                    ("result_code", "result_detail"),
                    ("sent_at", "ended_at"),
                    ("next_query_at", "query_count"),
                )
            },
        ),
    )

    def offers(self, name: str, obj: PaymentAttempt) -> bool:
        return {
            "ask_provider": obj.is_live or reviews.can_be_asked_again(obj) or _may_have_been_paid(obj),
            "note_reference": reviews.lacks_reference(obj),
            "close_review": obj.status == PaymentAttempt.Status.REVIEW,
        }[name]

    # --- Actions -----------------------------------------------------------------------------------------------

    @detail_action("Ask the provider now", icon="contact_support")
    def ask_provider(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(attempt: PaymentAttempt, _: dict[str, Any]) -> str:
            if reviews.can_be_asked_again(attempt):
                reviews.reopen(attempt.pk, actor=actor_of(request))
            try:
                asked = queries.query_attempt(attempt.pk)
            except ProviderUnavailable:
                raise NoProviderAnswer() from None
            asked.refresh_from_db()
            if asked.is_live:
                return "Asked; there is no final answer yet."
            return f"The attempt is {asked.get_status_display().lower()}: {words(asked.outcome).lower()}."

        question = "The provider is asked what became of this attempt, and a final answer is settled at once."
        return self.confirmed(request, object_id, do, title="Ask the provider now", question=question, network=True)

    @detail_action("Enter what the portal shows", icon="manage_search")
    def note_reference(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(attempt: PaymentAttempt, data: dict[str, Any]) -> str:
            if data["checkout_request_id"]:
                reviews.note_reference(
                    attempt.pk, checkout_request_id=data["checkout_request_id"], actor=actor_of(request)
                )
                return "Noted. M-PESA is asked about it within seconds."
            reviews.claim_receipt(attempt.pk, receipt_number=data["receipt_number"], actor=actor_of(request))
            return f"{data['receipt_number']} is a claim among the received money until M-PESA confirms it."

        question = (
            "M-PESA's answer to this request was lost, so nobody knows whether the customer was asked. Look for the "
            "phone number and the time in the M-PESA organisation portal."
        )
        return self.confirmed(
            request,
            object_id,
            do,
            title="Enter what the portal shows",
            question=question,
            button="Keep it and ask M-PESA",
            form_class=LostReferenceForm,
        )

    @detail_action("Close without money", icon="block", danger=True)
    def close_review(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(attempt: PaymentAttempt, data: dict[str, Any]) -> str:
            reviews.close_review(attempt.pk, actor=actor_of(request), reason=data["reason"])
            return f"Closed: {data['reason']}"

        question = (
            "The attempt ends without money and the customer may pay again. Money that came all the same stays among "
            "the received money, to be attached or given back; a success that is told later still counts."
        )
        return self.confirmed(
            request, object_id, do, title="Close without money", question=question, danger=True, form_class=ReasonForm
        )

    # --- The page of one attempt -------------------------------------------------------------------------------

    def tables(self, request: HttpRequest, obj: PaymentAttempt) -> list[Table]:
        money_of_it = ReceivedMoney.objects.filter(attempt=obj)
        events = ProviderEvent.objects.filter(attempt=obj)
        return [*received_table(request, money_of_it), *events_table(request, events)]

    @column("Order", ordering="payment__order__number")
    def order_number(self, attempt: PaymentAttempt) -> str:
        return attempt.payment.order.number

    @column("Order")
    def order_link(self, attempt: PaymentAttempt) -> str:
        return link_to(attempt.payment.order)

    @column("Payment")
    def payment_link(self, attempt: PaymentAttempt) -> str:
        return link_to(attempt.payment)

    @column("Status", ordering="status")
    def state(self, attempt: PaymentAttempt) -> str:
        return attempt_badge(attempt)

    @column("Amount", ordering="amount")
    def amount_text(self, attempt: PaymentAttempt) -> str:
        return money(attempt.amount, attempt.currency)

    @column("Received")
    def received_text(self, attempt: PaymentAttempt) -> str:
        return money(attempt.received_amount, attempt.currency)

    @column("Outcome", ordering="outcome")
    def result(self, attempt: PaymentAttempt) -> str:
        return words(attempt.outcome)

    @column("What the customer is told")
    def advice(self, attempt: PaymentAttempt) -> str:
        return advice_of(attempt)

    @column("May they try again?")
    def retry(self, attempt: PaymentAttempt) -> str:
        answers = {
            outcomes.Retry.NOW: "Yes, now",
            outcomes.Retry.LATER: "After a pause",
            outcomes.Retry.NO: "No",
            outcomes.Retry.HOLD: "Not before this one is settled",
        }
        return answers[outcomes.BY_NAME.get(attempt.outcome, outcomes.UNKNOWN).retry]


def _may_have_been_paid(attempt: PaymentAttempt) -> bool:
    """Tell whether a failed attempt can be looked up for a customer who says that the money is gone."""
    return attempt.status == PaymentAttempt.Status.FAILED and bool(attempt.provider_reference)
