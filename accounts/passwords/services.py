"""Setting a password: by a link, by a code, or by somebody who knows the old one."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import password_validation
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from accounts import tokens
from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.exceptions import InvalidEmailToken
from accounts.links import hash_token
from accounts.lockouts.log_ins import forgive
from accounts.mail import mail_to
from accounts.models import EmailToken, User
from accounts.otp.codes import Purpose, ask_for_code, check_code, use_code
from accounts.otp.exceptions import InvalidCode
from accounts.otp.models import OneTimeCode
from accounts.otp.selectors import account_of_phone, may_come_in_by_phone
from accounts.passwords.exceptions import WrongPassword
from accounts.quotas.services import network_of, spend
from accounts.tasks import send_password_changed_mail
from accounts.tasks import send_reset_mail as reset_mail_task
from ecommerce.client import client_address

LINK_LIFETIME = timedelta(hours=1)


@transaction.atomic
def ask_for_link(*, request: HttpRequest, email: str) -> None:
    """Owe a link to an address, if somebody has it. The work is the same if nobody has.

    Raises:
        Throttled: this address or this network has had its share of mails.
    """
    spend("reset_address", email, settings.RESET_PER_ADDRESS)
    spend("reset_network", network_of(client_address(request)), settings.RESET_PER_NETWORK)
    user_id = User.objects.filter(email=email, is_active=True).values_list("pk", flat=True).first()
    # A row in either case, so that time tells nothing; without a user the worker does nothing.
    reset_mail_task.owe(f"reset:{secrets.token_hex(16)}", user_id=str(user_id) if user_id else None)


def ask_for_reset_code(*, request: HttpRequest, phone_number: str) -> None:
    """Owe a code to a number, if an account has confirmed it. Raises what ``ask_for_code`` raises."""
    ask_for_code(purpose=Purpose.RESET, phone_number=phone_number, address=client_address(request))


def send_reset_mail(user_id: str | None) -> None:
    """Make a link and mail it; former ones end. Called by a worker; a repeat sends another link."""
    if user_id is None:
        return
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).filter(pk=user_id, is_active=True).first()
        if user is None or user.email is None:
            return
        _end_links(user)
        EmailToken.objects.create(
            user=user,
            purpose=EmailToken.Purpose.RESET,
            email=user.email,
            token_hash=hash_token(token),
            expires_at=timezone.now() + LINK_LIFETIME,
        )
    # In the fragment: it never reaches a log or a Referer header.
    link = f"{settings.FRONTEND_URL}/reset-password#{token}"
    minutes = LINK_LIFETIME.total_seconds() // 60
    mail_to(user, "password_reset", link=link, token=token, minutes=minutes)


def reset_by_link(*, request: HttpRequest, token: str, password: str) -> None:
    """Set a password by the token of a mail. It shows that the address is theirs, too.

    Raises:
        InvalidEmailToken: unknown, expired, used, or the account is closed.
        ValidationError: the password is too weak; the link stays good.
    """
    # Used up by its own columns alone: a condition on another table is not asked again after waiting for a twin.
    live = EmailToken.objects.filter(
        token_hash=hash_token(token),
        purpose=EmailToken.Purpose.RESET,
        used_at__isnull=True,
        expires_at__gt=Now(),
    )
    found = live.filter(email=F("user__email")).select_related("user").first()
    if found is None or not found.user.is_active:
        raise InvalidEmailToken()
    password_validation.validate_password(password, user=found.user)
    hashed = make_password(password)
    with transaction.atomic():
        if not live.filter(pk=found.pk).update(used_at=Now()):
            raise InvalidEmailToken()
        User.objects.filter(pk=found.user_id, email_verified_at__isnull=True).update(email_verified_at=Now())
        _reset(request, found.user, hashed, by="email_link")


def reset_by_code(*, request: HttpRequest, phone_number: str, code: str, password: str) -> None:
    """Set a password by the code that was sent to a confirmed number.

    Raises:
        InvalidCode: wrong, expired or used, or no account may come in by this number; told alike.
        ValidationError: the password is too weak; the code stays good, one try poorer.
        Throttled: too many codes were typed from this network.
    """
    address = client_address(request)
    found = check_code(purpose=Purpose.RESET, phone_number=phone_number, code=code, address=address)
    user = account_of_phone(phone_number)
    if user is None or not may_come_in_by_phone(user):
        raise InvalidCode()
    password_validation.validate_password(password, user=user)
    hashed = make_password(password)
    with transaction.atomic():
        use_code(found)
        _reset(request, user, hashed, by="sms_code")


def change_password(*, request: HttpRequest, user: User, password: str) -> tokens.TokenPair:
    """Set a password for somebody who has just shown who they are, and end every other session.

    Returns the pair that goes on.

    Raises:
        ValidationError: the password is too weak.
        WrongPassword: it was changed in this very moment; the old one is no longer theirs.
    """
    password_validation.validate_password(password, user=user)
    by = "password" if user.has_usable_password() else "fresh_log_in"
    hashed = make_password(password)
    with transaction.atomic():
        # The one that was shown must still be the one: of many changes at once, one wins.
        unchanged = User.objects.filter(pk=user.pk, password=user.password, is_active=True)
        if not unchanged.update(password=hashed, updated_at=Now()):
            raise WrongPassword("old_password")
        user.password = hashed
        _after(request, user, SecurityEvent.Kind.PASSWORD_CHANGED, by=by)
        return tokens.start_session(
            user, user_agent=request.headers.get("User-Agent", ""), ip_address=client_address(request) or None
        )


def _reset(request: HttpRequest, user: User, hashed: str, *, by: str) -> None:
    if not User.objects.filter(pk=user.pk, is_active=True).update(password=hashed, updated_at=Now()):
        raise InvalidEmailToken()
    _after(request, user, SecurityEvent.Kind.PASSWORD_RESET, by=by)


def _after(request: HttpRequest, user: User, kind: SecurityEvent.Kind, *, by: str) -> None:
    """End whatever the old password opened, and tell the owner."""
    tokens.end_all_sessions(user)
    # Whoever has shown who they are need not wait for what others have tried.
    forgive(user)
    _end_links(user)
    open_codes = OneTimeCode.objects.live().filter(purpose=Purpose.RESET, phone_number=user.phone_number)
    open_codes.update(ended_at=Now())
    record(kind, user=user, request=request, by=by)
    send_password_changed_mail.owe(f"password-changed:{user.pk}:{user.session_epoch}", user_id=str(user.pk))


def _end_links(user: User) -> None:
    former = EmailToken.objects.filter(user=user, purpose=EmailToken.Purpose.RESET, used_at__isnull=True)
    former.update(used_at=Now())
