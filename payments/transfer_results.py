"""What M-Pesa reports later about a refund: stored as it came, answered at once, settled by a worker.

Each refund has an address of its own with a secret in it. A report from an unlisted machine settles nothing: it only
brings the next question forward.
"""

import hashlib
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from payments.attempts import token_hash
from payments.exceptions import UnknownCallback, UnreadableEvent
from payments.models import ProviderEvent, Refund
from payments.providers.mpesa import MpesaProvider
from payments.refunds import request_of, settle_refund
from payments.tasks import handle_provider_event


@transaction.atomic
def receive_result(*, token: str, body: bytes, address: str, timed_out: bool) -> None:
    """Store a report, once, and owe its handling.

    Raises:
        UnknownCallback: the secret in the URL is none of ours; nothing is stored.
    """
    refund = Refund.objects.filter(callback_token_hash=token_hash(token)).first()
    if refund is None:
        raise UnknownCallback()
    kind = ProviderEvent.Kind.TRANSFER_TIMEOUT if timed_out else ProviderEvent.Kind.TRANSFER_RESULT
    digest = hashlib.sha256(refund.pk.bytes + kind.encode() + body).hexdigest()
    event = ProviderEvent(
        provider=refund.provider,
        event_id=digest,
        kind=kind,
        refund=refund,
        body=body,
        is_trusted=address in settings.MPESA["CALLBACK_ADDRESSES"],
    )
    ProviderEvent.objects.bulk_create([event], ignore_conflicts=True)
    stored_id = ProviderEvent.objects.values_list("pk", flat=True).get(provider=refund.provider, event_id=digest)
    handle_provider_event.owe(f"provider-event:{stored_id}", event_id=str(stored_id))


@transaction.atomic
def handle_result(event: ProviderEvent) -> None:
    """Settle a refund by a report about it; a repeat changes nothing.

    Raises:
        UnreadableEvent: it has no known shape.
    """
    refund = event.refund
    if refund is None:
        raise UnreadableEvent("belongs to no refund")
    if event.kind == ProviderEvent.Kind.TRANSFER_RESULT and event.is_trusted:
        result = MpesaProvider().parse_result(bytes(event.body), request_of(refund))
        outcome = settle_refund(refund.pk, result, source="callback").status
    else:
        # A time-out in M-Pesa's queue means unknown, not failed.
        Refund.objects.filter(pk=refund.pk, next_query_at__isnull=False).update(
            next_query_at=Now() + timedelta(seconds=15)
        )
        outcome = "asked_again"
    ProviderEvent.objects.filter(pk=event.pk).update(handled_at=timezone.now(), outcome=outcome, last_error="")
