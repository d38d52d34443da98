"""Telling owners what happened to their accounts, so that a stranger's hand is noticed."""

import uuid
from datetime import datetime

from django.utils import timezone

from accounts.models import User
from accounts.tasks import send_account_news as news_task
from ecommerce.mail import send_template


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
    if user.email is not None:
        happened = timezone.localtime(datetime.fromisoformat(happened_at))
        send_template(f"accounts/news/{news}", to=user.email, context={"user": user, "happened_at": happened, **facts})
