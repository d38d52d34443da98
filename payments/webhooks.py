"""Signed webhooks: checked over the raw bytes, stored once, answered at once, and never believed.

A webhook only makes us ask: the provider's answer to our own question is what settles. Locks: none, but those of
what it makes us do.
"""

import hashlib
import logging
from collections.abc import Mapping
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ecommerce.outbox import Postpone
from payments import payouts, refunds
from payments.attempts import facts_of
from payments.event_store import count_refused, mark_handled, store_event
from payments.exceptions import EventForPerson, ForgedEvent, ProviderUnavailable, UnknownCallback, UnreadableEvent
from payments.models import PaymentAttempt, Payout, ProviderEvent, Refund
from payments.providers import get_provider, provider_names
from payments.providers.base import About, Notice, PaymentProvider, Verdict
from payments.queries import ask_soon, learn_state
from payments.settlement import settle

logger = logging.getLogger(__name__)

ASK_AGAIN = timedelta(seconds=20)
# What an event is about is stored before the provider hears of it; this is for clocks and restores, no more.
WAIT_FOR_SUBJECT = timedelta(minutes=5)


def receive(*, provider_name: str, headers: Mapping[str, str], body: bytes) -> None:
    """Check and store a webhook, once, and owe its handling. ``headers`` have lower-case names.

    Raises:
        UnknownCallback: no such provider sends webhooks here.
        ForgedEvent: it is not the provider's; it is counted, and nothing else is kept.
        ProviderUnavailable: it cannot be checked now; the provider will send it again.
    """
    provider = _provider(provider_name)
    try:
        is_proven = provider.check_webhook(headers, body)
    except ForgedEvent:
        count_refused(provider_name, "bad_signature")
        raise
    except ProviderUnavailable:
        count_refused(provider_name, "not_checkable")
        raise
    try:
        notice = provider.read_webhook(body)
        event_id, kind, error = notice.event_id, notice.kind, ""
    except UnreadableEvent as unreadable:  # the provider's own, so a person should see what it is
        event_id, kind, error = (
            hashlib.sha256(body).hexdigest(),
            ProviderEvent.Kind.WEBHOOK,
            f"unreadable: {unreadable}",
        )
    with transaction.atomic():
        event = ProviderEvent(
            provider=provider_name,
            event_id=event_id,
            kind=kind,
            body=body,
            is_trusted=is_proven,
            last_error=error[:300],
        )
        store_event(event)


def handle(event: ProviderEvent) -> None:
    """Do what a stored webhook asks for; a repeat changes nothing.

    Raises:
        Postpone: the provider does not answer, or what it speaks of is not here yet.
        EventForPerson: a person must look at it.
    """
    provider = _provider(event.provider)
    notice = provider.read_webhook(bytes(event.body))
    try:
        if notice.about == About.PAYMENT:
            outcome = _about_payment(event, notice, provider)
        elif notice.about == About.REFUND:
            outcome = _about_refund(event, notice)
        elif notice.about == About.PAYOUT:
            outcome = _about_payout(event, notice)
        elif notice.about == About.DISPUTE:
            event.attempt = _attempt_of(event, notice)
            event.save(update_fields=["attempt", "updated_at"])
            raise EventForPerson("a dispute: answer it in the provider's dashboard")
        else:
            outcome = "ignored"
    except ProviderUnavailable as error:
        raise Postpone(ASK_AGAIN, f"not confirmed by the provider yet: {error}") from error
    mark_handled(event, outcome)


def _provider(name: str) -> PaymentProvider:
    if name not in provider_names() or not (provider := get_provider(name)).sends_webhooks:
        raise UnknownCallback()
    return provider


def _about_payment(event: ProviderEvent, notice: Notice, provider: PaymentProvider) -> str:
    attempt = _attempt_of(event, notice)
    if attempt is None:
        raise _missing(event, "payment")
    event.attempt = attempt
    event.save(update_fields=["attempt", "updated_at"])
    result = provider.query(facts_of(attempt))
    if result.verdict in (Verdict.SUCCEEDED, Verdict.FAILED, Verdict.REVERSED):
        settled = settle(attempt.pk, result, source="query")
        if notice.amount is not None and result.amount is not None and notice.amount != result.amount:
            raise EventForPerson(f"it says {notice.amount}, the provider itself says {result.amount}")
        return settled.outcome
    if result.verdict == Verdict.IN_FLIGHT:
        learn_state(attempt, result)
    ask_soon(attempt.pk, seconds=15)
    return "asked_again"


def _about_refund(event: ProviderEvent, notice: Notice) -> str:
    """Ask about the refund, or where the event does not name it, about each open one of the same payment."""
    own = Refund.objects.filter(provider=event.provider)
    named = Q(pk__isnull=True)
    if notice.reference:
        named |= Q(reference=notice.reference)
    if notice.provider_reference:
        named |= Q(provider_reference=notice.provider_reference)
    found = list(own.filter(named))
    if not found:
        of_payment = Q(pk__isnull=True)
        if notice.receipt_number:
            of_payment |= Q(received__receipt_number=notice.receipt_number)
        if notice.reference:
            of_payment |= Q(received__attempt__reference=notice.reference)
        found = list(own.filter(of_payment))
    if not found:
        raise _missing(event, "refund")
    event.refund = found[0]
    event.save(update_fields=["refund", "updated_at"])
    for refund in found:
        if refund.is_open:
            refunds.query_refund(refund.pk)
    return "asked"


def _about_payout(event: ProviderEvent, notice: Notice) -> str:
    named = Q(pk__isnull=True)
    if notice.reference:
        named |= Q(reference=notice.reference)
    if notice.provider_reference:
        named |= Q(provider_reference=notice.provider_reference)
    payout = Payout.objects.filter(named, provider=event.provider).first()
    if payout is None:
        raise _missing(event, "payout")
    event.payout = payout
    event.save(update_fields=["payout", "updated_at"])
    if payout.is_open:
        payouts.query_payout(payout.pk)
    return "asked"


def _attempt_of(event: ProviderEvent, notice: Notice) -> PaymentAttempt | None:
    own = PaymentAttempt.objects.filter(provider=event.provider)
    for name, value in (
        ("reference", notice.reference),
        ("provider_reference", notice.provider_reference),
        ("receipt_number", notice.receipt_number),
    ):
        if value and (attempt := own.filter(**{name: value}).first()):
            return attempt
    return None


def _missing(event: ProviderEvent, what: str) -> Exception:
    if timezone.now() - event.created_at < WAIT_FOR_SUBJECT:
        return Postpone(ASK_AGAIN, f"its {what} is not here")
    return EventForPerson(f"it speaks of a {what} that is none of ours")
