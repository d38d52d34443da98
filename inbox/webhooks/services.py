"""What staff do with webhooks. Each is in the trail; secrets are in no log and shown once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.audit.services import record
from accounts.models import User
from ecommerce.events import event_of
from ecommerce.exceptions import ErrorRow
from inbox.catalogue import PING
from inbox.payloads import bodies_of
from inbox.tasks import wake_sender
from inbox.webhooks import pausing, sealing
from inbox.webhooks.addresses import AddressRefused, target_of
from inbox.webhooks.exceptions import AddressNotTaken, DeliveryOpen, EndpointPaused, TooManyEndpoints
from inbox.webhooks.models import WebhookDelivery, WebhookEndpoint

MOST = 20  # every event is written once for each
_LOCK = 0x77686F6B  # a transaction-long advisory lock, for a thing that has no row: how many there are


def create_endpoint(
    *, url: str, events: Sequence[str], description: str = "", actor: User, request: HttpRequest | None = None
) -> tuple[WebhookEndpoint, str]:
    """Add an endpoint; return it and its secret, which nobody can show again. Looks the host up first.

    Raises:
        AddressNotTaken: webhooks cannot go there.
        TooManyEndpoints: there are as many as there may be.
    """
    check_address(url)
    secret = sealing.new_secret()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        if WebhookEndpoint.objects.count() >= MOST:
            raise TooManyEndpoints()
        endpoint = WebhookEndpoint(url=url, events=sorted(set(events)), description=description, created_by=actor)
        endpoint.secret = sealing.seal(secret, endpoint_id=endpoint.pk)
        endpoint.save()
        _record("webhook_created", endpoint, actor, request)
    return endpoint, secret


def change_endpoint(
    endpoint_id: UUID, *, actor: User, request: HttpRequest | None = None, **changes: Any
) -> WebhookEndpoint:
    """Change ``url``, ``events``, ``description`` or ``is_paused``. One that goes on is tried again at once.

    Raises:
        AddressNotTaken: webhooks cannot go there.
    """
    if "url" in changes:
        check_address(changes["url"])
    with transaction.atomic():
        endpoint = _locked(endpoint_id)
        is_paused = changes.pop("is_paused", None)
        for name, value in changes.items():
            setattr(endpoint, name, sorted(set(value)) if name == "events" else value)
        endpoint.save(update_fields=[*changes, "updated_at"])
        if is_paused:
            pausing.pause(endpoint, WebhookEndpoint.Pause.BY_HAND)
        elif is_paused is False and endpoint.is_paused:
            _resume(endpoint)
        paused = {} if is_paused is None else {"is_paused": is_paused}
        _record("webhook_changed", endpoint, actor, request, changed=sorted(changes), **paused)
    return endpoint


def delete_endpoint(endpoint_id: UUID, *, actor: User, request: HttpRequest | None = None) -> None:
    """Delete an endpoint with all that it was and is owed."""
    with transaction.atomic():
        endpoint = _locked(endpoint_id)
        _record("webhook_deleted", endpoint, actor, request)
        endpoint.delete()


def rotate_secret(
    endpoint_id: UUID, *, overlap: timedelta, actor: User, request: HttpRequest | None = None
) -> tuple[WebhookEndpoint, str]:
    """Give an endpoint a new secret and return it; the one before signs as well for ``overlap``.

    Of two rotations within an overlap only the newer former secret goes on: no more than two are ever valid.
    """
    secret = sealing.new_secret()
    with transaction.atomic():
        endpoint = _locked(endpoint_id)
        endpoint.former_secret = endpoint.secret if overlap else ""
        endpoint.former_until = timezone.now() + overlap if overlap else None
        endpoint.secret = sealing.seal(secret, endpoint_id=endpoint.pk)
        endpoint.save(update_fields=["secret", "former_secret", "former_until", "updated_at"])
        _record("webhook_secret_rotated", endpoint, actor, request, overlap_hours=overlap.total_seconds() / 3600)
    return endpoint, secret


@transaction.atomic
def ping(endpoint_id: UUID) -> WebhookDelivery:
    """Owe an endpoint a test event, whatever it has subscribed to.

    Raises:
        EndpointPaused: nothing is sent there.
    """
    endpoint = _locked(endpoint_id)
    if endpoint.is_paused:
        raise EndpointPaused()
    event = event_of(PING, endpoint.pk)
    event.published_at = timezone.now()  # to nobody else
    event.save()
    event.refresh_from_db(fields=["created_at"])
    delivery: WebhookDelivery = endpoint.deliveries.create(
        event_id=event.pk, kind=PING, object_id=endpoint.pk, body=bodies_of([event])[event.pk]
    )
    wake_sender(endpoint.pk)
    return delivery


@transaction.atomic
def replay(endpoint_id: UUID, delivery_id: UUID, *, actor: User, request: HttpRequest | None = None) -> WebhookDelivery:
    """Send a delivery again, the same bytes with the same id.

    Raises:
        EndpointPaused: nothing is sent there.
        DeliveryOpen: it is still to be sent.
    """
    endpoint = _locked(endpoint_id)
    delivery = endpoint.deliveries.select_for_update().get(pk=delivery_id)
    if endpoint.is_paused:
        raise EndpointPaused()
    if delivery.status == WebhookDelivery.Status.PENDING:
        raise DeliveryOpen()
    _send_again(endpoint, [delivery.pk])
    _record("webhook_replayed", endpoint, actor, request, delivery=str(delivery.pk))
    delivery.refresh_from_db()
    return delivery


@transaction.atomic
def replay_failed(endpoint_id: UUID, *, since: datetime, actor: User, request: HttpRequest | None = None) -> int:
    """Send again all that was given up since a moment; return how many.

    Raises:
        EndpointPaused: nothing is sent there.
    """
    endpoint = _locked(endpoint_id)
    if endpoint.is_paused:
        raise EndpointPaused()
    failed = endpoint.deliveries.filter(status=WebhookDelivery.Status.FAILED, created_at__gte=since)
    count = _send_again(endpoint, list(failed.values_list("pk", flat=True)))
    _record("webhook_replayed", endpoint, actor, request, since=since.isoformat(), count=count)
    return count


def check_address(url: str) -> None:
    """Raise AddressNotTaken if nothing may be sent there now; at each sending it is looked at again."""
    try:
        target_of(url)
    except AddressRefused as refused:
        raise AddressNotTaken([ErrorRow(refused.code, str(refused), "url")]) from None


def _send_again(endpoint: WebhookEndpoint, ids: Sequence[UUID]) -> int:
    now = timezone.now()
    count: int = endpoint.deliveries.filter(pk__in=ids).update(
        status=WebhookDelivery.Status.PENDING, attempts=0, next_attempt_at=now, leased_until=None, updated_at=now
    )
    if count:
        wake_sender(endpoint.pk)
    return count


def _resume(endpoint: WebhookEndpoint) -> None:
    endpoint.paused_at, endpoint.pause = None, ""
    endpoint.failing_since, endpoint.not_before, endpoint.failures = None, None, 0
    endpoint.save(update_fields=["paused_at", "pause", "failing_since", "not_before", "failures", "updated_at"])
    now = timezone.now()
    endpoint.deliveries.filter(status=WebhookDelivery.Status.PENDING).update(next_attempt_at=now, updated_at=now)
    wake_sender(endpoint.pk)


def _locked(endpoint_id: UUID) -> WebhookEndpoint:
    return WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint_id)


def _record(kind: str, endpoint: WebhookEndpoint, actor: User, request: HttpRequest | None, **details: Any) -> None:
    record(kind, user=actor, request=request, webhook=str(endpoint.pk), **details)
