"""Mail to people about their accounts."""

from celery import shared_task

from ecommerce.outbox import owed_task


@owed_task("accounts.send_verification_mail", network=True)
def send_verification_mail(user_id: str) -> None:
    from accounts.services import send_verification_mail as send

    send(user_id)


@owed_task("accounts.send_already_registered_mail", network=True)
def send_already_registered_mail(user_id: str) -> None:
    from accounts.services import send_already_registered_mail as send

    send(user_id)


@shared_task(name="accounts.sweep_log_ins")
def sweep_log_ins() -> None:
    from accounts.sessions.services import sweep

    sweep()
