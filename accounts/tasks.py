"""Mail and text messages to people about their accounts, and deleting what has served its time."""

from celery import shared_task

from ecommerce.outbox import owed_task


@owed_task("accounts.send_verification_mail", network=True)
def send_verification_mail(user_id: str | None) -> None:
    from accounts.services import send_verification_mail as send

    send(user_id)


@owed_task("accounts.send_already_registered_mail", network=True)
def send_already_registered_mail(user_id: str) -> None:
    from accounts.services import send_already_registered_mail as send

    send(user_id)


@owed_task("accounts.send_code", network=True)
def send_code(code_id: str) -> None:
    from accounts.otp.codes import send_code as send

    send(code_id)


@owed_task("accounts.send_reset_mail", network=True)
def send_reset_mail(user_id: str | None) -> None:
    from accounts.passwords.services import send_reset_mail as send

    send(user_id)


@owed_task("accounts.send_password_changed_mail", network=True)
def send_password_changed_mail(user_id: str) -> None:
    from accounts.services import send_notice

    send_notice(user_id, "password_changed")


@owed_task("accounts.send_email_change_mail", network=True)
def send_email_change_mail(change_id: str) -> None:
    from accounts.emails.services import send_email_change_mail as send

    send(change_id)


@owed_task("accounts.send_email_changed_mail", network=True)
def send_email_changed_mail(change_id: str) -> None:
    from accounts.emails.services import send_email_changed_mail as send

    send(change_id)


@owed_task("accounts.send_phone_changed_mail", network=True)
def send_phone_changed_mail(user_id: str) -> None:
    from accounts.services import send_notice

    send_notice(user_id, "phone_changed")


@owed_task("accounts.send_account_news", network=True)
def send_account_news(user_id: str, news: str, facts: dict[str, str], happened_at: str) -> None:
    from accounts.notifications import send_account_news as send

    send(user_id, news, facts, happened_at)


@owed_task("accounts.draw_avatar", network=True)
def draw_avatar(user_id: str, upload: str) -> None:
    from accounts.profiles.avatars import draw_avatar as draw

    draw(user_id, upload)


@owed_task("accounts.remove_files", network=True)
def remove_files(names: list[str]) -> None:
    from ecommerce.pictures.storage import remove

    remove(names)


@owed_task("accounts.erase_user")
def erase_user(erasure_id: str) -> None:
    from accounts.privacy.services import erase_user as erase

    erase(erasure_id)


@shared_task(name="accounts.owe_late_erasures")
def owe_late_erasures() -> None:
    from accounts.privacy.services import owe_unfinished

    owe_unfinished()


# Each rule has its share of time; the whole must end before the broker thinks that it was lost.
@shared_task(name="accounts.clean_up", soft_time_limit=270, time_limit=280)
def clean_up() -> None:
    """Delete whatever of accounts has served its time."""
    from accounts.retention import RULES
    from ecommerce.retention import clean_up as apply

    apply(RULES)
