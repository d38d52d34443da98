"""Background work of payments."""

from uuid import UUID

from celery import shared_task

from ecommerce.outbox import owed_task


@owed_task("payments.send_attempt", network=True)
def send_attempt(attempt_id: str) -> None:
    from payments.services import send_attempt as send

    send(UUID(attempt_id))


@owed_task("payments.send_refund", network=True)
def send_refund(refund_id: str) -> None:
    from payments.refunds import send_refund as send

    send(UUID(refund_id))


@owed_task("payments.handle_provider_event", network=True)
def handle_provider_event(event_id: str) -> None:
    from payments.inbox import handle_event

    handle_event(UUID(event_id))


@shared_task(name="payments.query_due_attempts")
def query_due_attempts() -> None:
    from payments.queries import query_due_attempts as query

    query()


@shared_task(name="payments.query_attempt")
def query_attempt(attempt_id: str) -> None:
    from payments.queries import query_attempt as query

    query(UUID(attempt_id))


@shared_task(name="payments.query_due_refunds")
def query_due_refunds() -> None:
    from payments.refunds import query_due_refunds as query

    query()


@shared_task(name="payments.query_refund")
def query_refund(refund_id: str) -> None:
    from payments.refunds import query_refund as query

    query(UUID(refund_id))
