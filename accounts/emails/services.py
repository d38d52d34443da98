"""Changing the address that one logs in with: asked for here, confirmed there, told to the former one."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.emails.models import EmailChange
from accounts.exceptions import InvalidEmailToken
from accounts.links import hash_token
from accounts.mail import mail_to
from accounts.models import EmailToken, User
from accounts.quotas.services import network_of, spend
from accounts.tasks import send_email_change_mail as email_change_task
from accounts.tasks import send_email_changed_mail as email_changed_task
from ecommerce.client import client_address

LIFETIME = timedelta(hours=24)


@transaction.atomic
def ask_to_change_email(*, request: HttpRequest, user: User, email: str) -> None:
    """Owe a link to the new address; a former wish ends. Whether the address has an account is not told.

    Raises:
        Throttled: this address or this network has had its share of mails.
    """
    spend("email_change", email, settings.RESET_PER_ADDRESS)
    spend("email_change_network", network_of(client_address(request)), settings.RESET_PER_NETWORK)
    # Locked, so that two wishes of one user come one after the other.
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    EmailChange.objects.open().filter(user=user).update(ended_at=Now())
    change = EmailChange.objects.create(user=user, new_email=email, expires_at=timezone.now() + LIFETIME)
    email_change_task.owe(f"email-change:{change.pk}", change_id=str(change.pk))


def send_email_change_mail(change_id: str) -> None:
    """Make the link and mail it, or tell the owner of an address that is taken. A repeat sends another link."""
    change = EmailChange.objects.live().filter(pk=change_id).select_related("user").first()
    if change is None:
        return
    owner = User.objects.filter(email=change.new_email).first()
    if owner is not None:
        if owner.pk != change.user_id:
            mail_to(owner, "already_registered")
        return
    token = secrets.token_urlsafe(32)
    change.token_hash = hash_token(token)
    change.save(update_fields=["token_hash", "updated_at"])
    # In the fragment: it never reaches a log or a Referer header.
    link = f"{settings.FRONTEND_URL}/change-email#{token}"
    hours = LIFETIME.total_seconds() // 3600
    mail_to(change.user, "email_change", to=change.new_email, link=link, token=token, hours=hours)


def change_email(*, request: HttpRequest, token: str) -> None:
    """Make the confirmed address the one of its account, and owe a mail to the former one.

    Links that were sent to the former address end.

    Raises:
        InvalidEmailToken: unknown, expired or used, or another account has the address by now.
    """
    try:
        with transaction.atomic():
            live = EmailChange.objects.live().filter(token_hash=hash_token(token))
            change = live.first()
            if change is None or not live.filter(pk=change.pk).update(used_at=Now(), updated_at=Now()):
                raise InvalidEmailToken()
            user = User.objects.select_for_update(no_key=True).get(pk=change.user_id)
            if not user.is_active:
                raise InvalidEmailToken()
            former, user.email, user.email_verified_at = user.email, change.new_email, timezone.now()
            user.save(update_fields=["email", "email_verified_at", "updated_at"])
            EmailToken.objects.filter(user=user, used_at__isnull=True).update(used_at=Now())
            EmailChange.objects.filter(pk=change.pk).update(old_email=former)
            record(SecurityEvent.Kind.EMAIL_CHANGED, user=user, request=request)
            email_changed_task.owe(f"email-changed:{change.pk}", change_id=str(change.pk))
    except IntegrityError:  # the address was taken while the link was on its way
        raise InvalidEmailToken() from None


def send_email_changed_mail(change_id: str) -> None:
    change = EmailChange.objects.filter(pk=change_id).select_related("user").first()
    if change is not None and change.old_email:
        mail_to(change.user, "email_changed", to=change.old_email)
