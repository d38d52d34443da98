"""Callbacks: stored first, answered at once, worked on by a worker, and doubted before they are believed."""

import hashlib
import logging
from dataclasses import replace
from datetime import timedelta
from math import inf
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from ecommerce.outbox import Postpone
from payments import webhooks
from payments.attempts import facts_of, token_hash
from payments.c2b import handle_confirmation
from payments.claims import handle_answer
from payments.event_store import is_listed, leave_for_a_person, store_event
from payments.exceptions import EventForPerson, ProviderUnavailable, UnknownCallback, UnreadableEvent
from payments.models import PaymentAttempt, ProviderEvent
from payments.providers import get_provider
from payments.providers.base import ProviderResult, Verdict
from payments.providers.mpesa import MpesaProvider
from payments.settlement import settle
from payments.transfer_results import handle_result

logger = logging.getLogger(__name__)

# While the provider has not confirmed a callback from an unlisted address, ask again after this pause,
# and give up for a person when it has lasted this long.
ASK_AGAIN = timedelta(seconds=20)
ASK_FOR = timedelta(hours=24)


@transaction.atomic
def receive_callback(*, provider: str, token: str, body: bytes, address: str) -> None:
    """Store a callback as it came, once, and owe its handling. No provider is asked and no row is locked.

    Raises:
        UnknownCallback: the secret in the URL is none of ours; nothing is stored.
    """
    attempt_id = _attempt_of(provider, token)
    if attempt_id is None:
        raise UnknownCallback()
    digest = hashlib.sha256(attempt_id.bytes + body).hexdigest()  # STK callbacks carry no id of their own
    event = ProviderEvent(
        provider=provider,
        event_id=digest,
        kind=ProviderEvent.Kind.STK_CALLBACK,
        attempt_id=attempt_id,
        body=body,
        is_trusted=is_listed(address),
    )
    store_event(event)


def _attempt_of(provider: str, token: str) -> UUID | None:
    """Return whose callback address it is. In plain SQL, as ``insert_once`` is: building the query takes longest."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM payments_paymentattempt WHERE callback_token_hash = %s AND provider = %s",
            [token_hash(token), provider],
        )
        found = cursor.fetchone()
    return found[0] if found else None


def handle_event(event_id: UUID) -> None:
    """Work on one stored event; a repeat changes nothing.

    A success is confirmed by asking the provider, before any transaction opens. Only when the provider gives no
    final answer does the address it came from count; from an unlisted one it waits.

    Raises:
        Postpone: it is not confirmed yet.
    """
    event = ProviderEvent.objects.select_related("attempt", "refund__received", "received").get(pk=event_id)
    if event.handled_at is not None:
        return
    try:
        if event.kind == ProviderEvent.Kind.C2B_CONFIRMATION:
            handle_confirmation(event)
        elif event.kind == ProviderEvent.Kind.TRANSFER_RESULT and event.received is not None:
            handle_answer(event)
        elif event.kind in (ProviderEvent.Kind.TRANSFER_RESULT, ProviderEvent.Kind.TRANSFER_TIMEOUT):
            handle_result(event)
        elif event.kind == ProviderEvent.Kind.STK_CALLBACK:
            _handle_stk_callback(event)
        else:
            webhooks.handle(event)
    except UnreadableEvent as error:
        leave_for_a_person(event, f"unreadable: {error}")
    except EventForPerson as error:
        leave_for_a_person(event, str(error))


def _handle_stk_callback(event: ProviderEvent) -> None:
    result = MpesaProvider().parse_callback(bytes(event.body))
    attempt = event.attempt
    if attempt is None:
        raise UnreadableEvent("belongs to no attempt")
    if attempt.provider_reference and result.provider_reference != attempt.provider_reference:
        leave_for_a_person(event, "reference_mismatch")
        return
    if not event.is_trusted and attempt.receipt_number and result.receipt_number not in ("", attempt.receipt_number):
        leave_for_a_person(event, "receipt_mismatch")
        return
    verdict = _believe(event, attempt, result)
    if verdict is None:
        leave_for_a_person(event, "contradicted_by_query")
        return
    with transaction.atomic():
        locked = ProviderEvent.objects.select_for_update(no_key=True).get(pk=event.pk)
        if locked.handled_at is not None:
            return
        settled = settle(attempt.pk, verdict, source="callback")
        if verdict.verdict in (Verdict.IN_FLIGHT, Verdict.NO_ANSWER):
            _ask_soon(attempt.pk)
        locked.handled_at = timezone.now()
        locked.outcome = settled.outcome
        locked.last_error = ""
        locked.save(update_fields=["handled_at", "outcome", "last_error", "updated_at"])


def _believe(event: ProviderEvent, attempt: PaymentAttempt, told: ProviderResult) -> ProviderResult | None:
    """Return what to settle, or None when callback and provider contradict each other and a person must look.

    Raises:
        Postpone: neither the provider nor the address vouches for it yet.
    """
    if told.verdict == Verdict.FAILED and event.is_trusted:
        return told
    if told.verdict not in (Verdict.SUCCEEDED, Verdict.FAILED):
        return told
    asked = _ask(attempt, told)
    complete = told.verdict == Verdict.FAILED or (told.amount is not None and told.receipt_number)
    if asked is not None and asked.verdict == told.verdict:
        # Confirmed, and no more than that: what a callback from elsewhere says of receipt and time may be made up.
        # Another amount than ours is for a person.
        adds = event.is_trusted or told.verdict == Verdict.FAILED or told.amount != attempt.amount
        return told if complete and adds else asked
    if asked is not None and asked.verdict == Verdict.SUCCEEDED:
        return asked  # told failed, is paid: success beats, in any channel
    if event.is_trusted and complete:
        return told  # a success is never taken back because of a query
    if asked is not None and asked.verdict == Verdict.FAILED:
        return None
    if timezone.now() - event.created_at > ASK_FOR:
        return None
    raise Postpone(ASK_AGAIN, "not confirmed by the provider yet")


def _ask(attempt: PaymentAttempt, told: ProviderResult) -> ProviderResult | None:
    facts = facts_of(attempt)
    facts = replace(facts, provider_reference=facts.provider_reference or told.provider_reference)
    if not facts.provider_reference:
        return None
    if told.verdict == Verdict.FAILED:
        # A young failure is doubtful when a query alone tells it, not when it confirms a callback.
        facts = replace(facts, age_seconds=inf)
    try:
        return get_provider(attempt.provider).query(facts)
    except ProviderUnavailable:
        return None


def _ask_soon(attempt_id: UUID) -> None:
    PaymentAttempt.objects.filter(pk=attempt_id, status__in=PaymentAttempt.LIVE).update(
        next_query_at=Now() + timedelta(seconds=15)
    )
