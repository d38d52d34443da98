"""What M-Pesa reports later about a refund or payout: stored as it came, answered at once, settled by a worker.

Each of them has an address of its own with a secret in it. A report from an unlisted machine settles nothing: it only
brings the next question forward.
"""

import hashlib
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from payments import payouts, refunds
from payments.attempts import token_hash
from payments.event_store import is_listed, mark_handled, store_event
from payments.exceptions import EventForPerson, UnknownCallback, UnreadableEvent
from payments.models import MoneyOut, Payout, ProviderEvent, Refund
from payments.money_out import ASKABLE, QUERY_DELAYS
from payments.providers.base import Verdict
from payments.providers.mpesa import MpesaProvider
from payments.providers.mpesa.transfers import BY_HAND


@transaction.atomic
def receive_result(*, token: str, body: bytes, address: str, timed_out: bool) -> None:
    """Store a report, once, and owe its handling.

    Raises:
        UnknownCallback: the secret in the URL is none of ours; nothing is stored.
    """
    row = _row_of(token_hash(token))
    if row is None:
        raise UnknownCallback()
    kind = ProviderEvent.Kind.TRANSFER_TIMEOUT if timed_out else ProviderEvent.Kind.TRANSFER_RESULT
    digest = hashlib.sha256(row.pk.bytes + kind.encode() + body).hexdigest()
    event = ProviderEvent(
        provider=row.provider,
        event_id=digest,
        kind=kind,
        refund=row if isinstance(row, Refund) else None,
        payout=row if isinstance(row, Payout) else None,
        body=body,
        is_trusted=is_listed(address),
    )
    store_event(event)


@transaction.atomic
def handle_result(event: ProviderEvent) -> None:
    """Settle a refund or payout by a report about it; a repeat changes nothing.

    Raises:
        UnreadableEvent: it has no known shape.
        EventForPerson: it tells of money that has left beside what the books know.
    """
    row = event.refund or event.payout
    if row is None:
        raise UnreadableEvent("belongs to no refund and no payout")
    if event.kind == ProviderEvent.Kind.TRANSFER_RESULT and event.is_trusted:
        outcome = _settle(row, bytes(event.body)).status
    else:
        # A time-out in M-Pesa's queue means unknown, not failed. The answer to a question comes here too: without the
        # limit, answers that nobody vouches for would have us ask for ever.
        soon = Now() + timedelta(seconds=15)
        type(row)._default_manager.filter(
            pk=row.pk, status__in=ASKABLE, next_query_at__gt=soon, query_count__lt=len(QUERY_DELAYS)
        ).update(next_query_at=soon)
        outcome = "asked_again"
    mark_handled(event, outcome)


def _row_of(secret_hash: str) -> Refund | Payout | None:
    return (
        Refund.objects.filter(callback_token_hash=secret_hash).first()
        or Payout.objects.filter(callback_token_hash=secret_hash).first()
    )


def _settle(row: Refund | Payout, body: bytes) -> Refund | Payout:
    settled: Refund | Payout
    if isinstance(row, Refund):
        told = MpesaProvider().parse_result(body, refunds.request_of(row))
        settled = refunds.settle_refund(row.pk, told, source="callback")
    else:
        told = MpesaProvider().parse_result(body, payouts.request_of(row))
        settled = payouts.settle_payout(row.pk, told, source="callback")
    if told.verdict == Verdict.SUCCEEDED:
        if settled.status == MoneyOut.Status.FAILED:
            raise EventForPerson("it was paid, and the books have it as failed")
        if settled.status == MoneyOut.Status.SUCCEEDED and settled.route == BY_HAND:
            raise EventForPerson("it was paid, and by hand too")
    return settled
