"""Telling owners what happened to their accounts, so that a stranger's hand is noticed."""

import uuid
from datetime import datetime

from django.utils import timezone

from accounts.mail import mail_to
from accounts.models import User
from accounts.tasks import send_account_news as news_task


def tell(user: User, news: str, *, once: str = "", **facts: str) -> None:
    """Owe a mail, in the transaction of what it tells of; the template is ``mail/accounts/news/<news>.txt``.

    With ``once``, no second mail is owed under the same words. An account without an address gets none.
    """
    if user.email is not None:
        key = f"news:{news}:{user.pk}:{once or uuid.uuid4()}"
        news_task.owe(key, user_id=str(user.pk), news=news, facts=facts, happened_at=timezone.now().isoformat())


def send_account_news(user_id: str, news: str, facts: dict[str, str], happened_at: str) -> None:
    """Send the mail. Called by a worker; a repeat sends it again."""
    user = User.objects.get(pk=user_id)
    mail_to(user, f"news/{news}", happened_at=timezone.localtime(datetime.fromisoformat(happened_at)), **facts)
