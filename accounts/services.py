"""What people do with their accounts."""

import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate, password_validation
from django.contrib.auth.models import update_last_login
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from accounts import tokens
from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.exceptions import InvalidCredentials, InvalidEmailToken, UsernameTaken
from accounts.links import hash_token
from accounts.models import EmailToken, User, normalise_email
from accounts.names import username_is_taken
from accounts.second_factor import challenges
from accounts.tasks import send_already_registered_mail as already_registered_task
from accounts.tasks import send_verification_mail as verification_task
from ecommerce.client import client_address
from ecommerce.events import emit
from ecommerce.exceptions import ErrorRow
from ecommerce.mail import send_template

VERIFICATION_LIFETIME = timedelta(hours=24)

LogInOutcome = tokens.TokenPair | challenges.Challenge


def register(
    *,
    email: str,
    password: str,
    username: str = "",
    first_name: str = "",
    last_name: str = "",
    phone_number: str = "",
) -> None:
    """Create a customer and owe the verification mail.

    Says nothing about whether the address was known: its owner gets a mail that tells. Costs one password hash
    either way, so that time tells nothing either.

    Raises:
        UsernameTaken: the wished username exists; usernames are public, addresses are not.
        ValidationError: the password is too weak, with one row for each reason.
    """
    candidate = User(email=normalise_email(email), username=username, first_name=first_name, last_name=last_name)
    password_validation.validate_password(password, user=candidate)
    if username and username_is_taken(username):
        raise UsernameTaken([ErrorRow(UsernameTaken.code, UsernameTaken.message, "username")])
    known = User.objects.filter(email=candidate.email).first()
    if known is None:
        try:
            with transaction.atomic():
                user = User.objects.create_user(
                    email=email,
                    password=password,
                    username=username,
                    first_name=first_name,
                    last_name=last_name,
                    phone_number=phone_number,
                )
                emit("user.registered", user.pk, by="password")
                verification_task.owe(f"verify:{user.pk}:0", user_id=str(user.pk))
            return
        except IntegrityError:
            # Somebody registered the same address or username in this very moment.
            if username and username_is_taken(username):
                raise UsernameTaken([ErrorRow(UsernameTaken.code, UsernameTaken.message, "username")]) from None
            known = User.objects.get(email=candidate.email)
    else:
        User().set_password(password)
    with transaction.atomic():
        # At most one such mail an hour, however often a stranger tries.
        hour = timezone.now().strftime("%Y%m%d%H")
        already_registered_task.owe(f"already-registered:{known.pk}:{hour}", user_id=str(known.pk))


def log_in(*, request: HttpRequest, name: str, password: str) -> tuple[User, LogInOutcome]:
    """Check the credentials and begin a session, or ask for the second factor.

    Raises:
        InvalidCredentials: unknown, wrong or inactive, told alike.
    """
    user = authenticate(request, username=name, password=password)
    if not isinstance(user, User):
        record(SecurityEvent.Kind.LOGIN_FAILED, request=request, by="password")
        raise InvalidCredentials()
    return user, finish_log_in(request, user, by="password")


def finish_log_in(request: HttpRequest, user: User, *, by: str) -> LogInOutcome:
    """Begin a session for somebody who has proved who they are; ``by`` names the way in for the trail.

    Where the user has a second factor, the log-in waits for it: there are no tokens yet, but a challenge. Views answer
    with ``serializers.log_in_answer``, which knows both.
    """
    if user.second_factor_at is not None:
        return challenges.start(user, by=by)
    return begin_session(request, user, by=by)


def begin_session(request: HttpRequest, user: User, *, by: str, second_factor: str = "") -> tokens.TokenPair:
    """Give tokens to somebody who has proved all that is asked of them; how they did is for the trail."""
    how: dict[str, Any] = {"by": by} | ({"second_factor": second_factor} if second_factor else {})
    with transaction.atomic():
        update_last_login(User, user)
        record(SecurityEvent.Kind.LOGIN, user=user, request=request, **how)
        return tokens.start_session(
            user, user_agent=request.headers.get("User-Agent", ""), ip_address=client_address(request) or None
        )


def verify_email(*, token: str) -> None:
    """Mark the address verified.

    Raises:
        InvalidEmailToken: unknown, expired or used.
    """
    with transaction.atomic():
        # Used up by its own columns alone: a condition on another table is not asked again after waiting for a twin.
        unused = EmailToken.objects.filter(
            token_hash=hash_token(token),
            purpose=EmailToken.Purpose.VERIFY,
            used_at__isnull=True,
            expires_at__gt=Now(),
        )
        user_id = unused.filter(email=F("user__email")).values_list("user_id", flat=True).first()
        if user_id is None or not unused.update(used_at=Now()):
            raise InvalidEmailToken()
        User.objects.filter(pk=user_id, email_verified_at__isnull=True).update(email_verified_at=Now())


def resend_verification(*, email: str) -> None:
    """Owe another verification mail if the address is known and not verified; say nothing either way."""
    user = User.objects.filter(email=normalise_email(email), email_verified_at__isnull=True, is_active=True).first()
    if user is None:
        return
    with transaction.atomic():
        # At most one in twenty minutes: three an hour, as the limits say.
        slot = int(timezone.now().timestamp() // 1200)
        verification_task.owe(f"verify:{user.pk}:{slot}", user_id=str(user.pk))


def send_verification_mail(user_id: str) -> None:
    """Make a fresh link and mail it. Called by a worker; a repeat sends another valid link."""
    user = User.objects.get(pk=user_id)
    if user.email is None or user.email_verified_at is not None:
        return
    token = secrets.token_urlsafe(32)
    EmailToken.objects.create(
        user=user,
        purpose=EmailToken.Purpose.VERIFY,
        email=user.email,
        token_hash=hash_token(token),
        expires_at=timezone.now() + VERIFICATION_LIFETIME,
    )
    # In the fragment: it never reaches a log or a Referer header.
    link = f"{settings.FRONTEND_URL}/verify-email#{token}"
    context = {"user": user, "link": link, "token": token, "hours": VERIFICATION_LIFETIME.total_seconds() // 3600}
    send_template("accounts/verification", to=user.email, context=context)


def send_already_registered_mail(user_id: str) -> None:
    user = User.objects.get(pk=user_id)
    if user.email is not None:
        send_template("accounts/already_registered", to=user.email, context={"user": user})


def send_notice(user_id: str, name: str) -> None:
    """Tell somebody by mail what was changed in their account; one without an e-mail is told nothing."""
    user = User.objects.filter(pk=user_id).first()
    if user is not None and user.email is not None:
        send_template(f"accounts/{name}", to=user.email, context={"user": user})
