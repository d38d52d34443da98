"""Claims: paybill payments that somebody reported who may not be Safaricom. Safaricom itself is asked about each.

The question goes by receipt; the answer comes to an address with a secret of the claim. Where there is no initiator to
ask as, Safaricom's list and statements decide. What nobody confirms stays on the work list.
"""

import hashlib
import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import salted_hmac

from payments.attempts import token_hash
from payments.event_store import is_listed, mark_handled, store_event
from payments.exceptions import ProviderUnavailable, UnknownCallback, UnreadableEvent
from payments.models import ProviderEvent, ReceivedMoney
from payments.providers.base import Verdict
from payments.providers.mpesa import MpesaProvider
from payments.received import Arrival, record

logger = logging.getLogger(__name__)

# When to ask, in seconds after the claim came. A list may settle it before, and a payment may be young.
QUERY_DELAYS = (0, 120, 900, 3600, 21_600, 86_400)
# Claims come from strangers: so many questions a run, and no more, go out for them.
LIMIT = 10


def ask_about_claims(limit: int = LIMIT) -> int:
    """Ask about the claims that are due, and set their next turn first; return how many were asked about.

    No lock is held while Safaricom is asked. A lost question or answer comes again with the next turn.
    """
    never_asked = Q(next_query_at__isnull=True, callback_token_hash__isnull=True)
    with transaction.atomic():
        due = list(
            ReceivedMoney.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
            .filter(
                never_asked | Q(next_query_at__lte=Now()),
                provider="mpesa",
                status=ReceivedMoney.Status.UNVERIFIED,
                receipt_number__isnull=False,
            )
            .order_by(F("next_query_at").asc(nulls_last=True), "created_at")[:limit]
        )
        for claim in due:
            claim.next_query_at = _next_turn(claim)
            claim.callback_token_hash = token_hash(_token(claim.pk))
        ReceivedMoney.objects.bulk_update(due, ["next_query_at", "callback_token_hash"])
    asked = 0
    for claim in due:
        url = f"{settings.PUBLIC_BASE_URL}/api/payments/claims/{_token(claim.pk)}/"
        try:
            asked += MpesaProvider().ask_receipt(claim.receipt_number or "", url)
        except ProviderUnavailable:
            logger.warning("claim_not_asked", extra={"received_id": str(claim.pk)})
    return asked


def _token(received_id: UUID) -> str:
    """Return the secret in the address that is answered to: always the same, so that a late answer is understood."""
    return salted_hmac("payments.claim", str(received_id), algorithm="sha256").hexdigest()


def _next_turn(claim: ReceivedMoney) -> datetime | None:
    """Return when to ask next: the ladder's first rung after now; None when the ladder has ended."""
    age = (timezone.now() - claim.created_at).total_seconds()
    return next((claim.created_at + timedelta(seconds=delay) for delay in QUERY_DELAYS if delay > age), None)


@transaction.atomic
def receive_answer(*, token: str, body: bytes, address: str) -> None:
    """Store an answer, once, and owe its handling.

    Raises:
        UnknownCallback: the secret in the URL is none of ours; nothing is stored.
    """
    claim = ReceivedMoney.objects.filter(callback_token_hash=token_hash(token)).first()
    if claim is None:
        raise UnknownCallback()
    kind = ProviderEvent.Kind.TRANSFER_RESULT
    digest = hashlib.sha256(claim.pk.bytes + kind.encode() + body).hexdigest()
    event = ProviderEvent(
        provider=claim.provider,
        event_id=digest,
        kind=kind,
        received=claim,
        body=body,
        is_trusted=is_listed(address),
    )
    store_event(event)


def handle_answer(event: ProviderEvent) -> None:
    """Book a claim that Safaricom confirms; a repeat changes nothing. An unlisted machine confirms nothing.

    Raises:
        UnreadableEvent: it has no known shape.
    """
    claim = event.received
    if claim is None:
        raise UnreadableEvent("belongs to no claim")
    outcome = "not_trusted"
    if event.is_trusted:
        outcome = _settle(claim, bytes(event.body))
    mark_handled(event, outcome)


def _settle(claim: ReceivedMoney, body: bytes) -> str:
    told = MpesaProvider().read_status_result(body)
    if told.verdict not in (Verdict.SUCCEEDED, Verdict.FAILED) or told.receipt_number not in ("", claim.receipt_number):
        return "no_answer"
    if told.verdict == Verdict.FAILED or not told.paid_to_us or not told.amount:
        # It stays on the work list, for a person to put away.
        ReceivedMoney.objects.filter(pk=claim.pk, status=ReceivedMoney.Status.UNVERIFIED).update(
            reason="denied", next_query_at=None
        )
        logger.warning("claim_denied", extra={"received_id": str(claim.pk)})
        return "denied"
    phone, _, name = told.debit_party.partition(" - ")
    received = record(
        Arrival(
            provider=claim.provider,
            receipt_number=claim.receipt_number or "",
            amount=told.amount,
            currency=told.currency,
            received_at=told.at or claim.received_at,
            # Safaricom does not say what the payer typed. What the claim says of it is not believed: see ``verify``.
            payer_phone=phone,
            payer_name=name,
            source=claim.source,
            is_verified=True,
        )
    )
    return received.status
