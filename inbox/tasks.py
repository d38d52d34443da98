"""Background work of the inbox."""

from typing import Any
from uuid import UUID

from celery import shared_task

from ecommerce.outbox import owed_task


@shared_task(name="inbox.send_webhooks")
def send_webhooks(endpoint_id: str) -> None:
    """Send what one endpoint is owed. A wake-up: the rows say what is due."""
    from inbox.webhooks.sending import drain

    drain(UUID(endpoint_id))


def wake_sender(endpoint_id: UUID) -> None:
    """Have a worker look after the commit what an endpoint is owed, sooner than the next sweep would."""
    task: Any = send_webhooks
    task.delay_on_commit(str(endpoint_id))


@shared_task(name="inbox.send_due_webhooks")
def send_due_webhooks() -> None:
    from inbox.webhooks.sending import send_due

    send_due()


@shared_task(name="inbox.follow_products")
def follow_products() -> None:
    from inbox.webhooks.products import follow_products as follow

    follow()


@shared_task(name="inbox.purge_served")
def purge_served() -> None:
    from inbox.retention import purge_served as purge

    purge()


@owed_task("inbox.mail_webhook_paused", network=True)
def mail_webhook_paused(endpoint_id: str, user_id: str, address: str) -> None:
    from inbox.webhooks.pausing import mail_paused

    mail_paused(endpoint_id, user_id=user_id, address=address)
