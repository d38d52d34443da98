"""What people do with their accounts."""

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import authenticate, password_validation
from django.contrib.auth.models import update_last_login
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import tokens
from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.exceptions import InvalidCredentials, InvalidEmailToken, UsernameTaken
from accounts.links import hash_token
from accounts.mail import mail_to
from accounts.models import EmailToken, User, normalise_email, username_for
from accounts.names import username_is_taken
from accounts.otp.codes import check_email_code, make_email_code, use_code
from accounts.otp.exceptions import InvalidCode
from accounts.second_factor import challenges
from accounts.tasks import send_already_registered_mail as already_registered_task
from accounts.tasks import send_verification_mail as verification_task
from ecommerce.client import client_address
from ecommerce.events import emit
from ecommerce.exceptions import ErrorRow
from ecommerce.insertion import insert_once

VERIFICATION_LIFETIME = timedelta(hours=24)
VERIFICATION_CODE_LIFETIME = timedelta(hours=1)  # six digits can be guessed, a link cannot

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

    Says nothing about whether the address was known: its owner gets a mail that tells. One hash and the same statements
    either way, so that time tells nothing either.

    Raises:
        TooManyLogIns: there is no place to hash the password.
        UsernameTaken: the wished username exists; usernames are public, addresses are not.
        ValidationError: the password is too weak, with one row for each reason.
    """
    candidate = User(
        email=normalise_email(email),
        username=username,
        first_name=first_name,
        last_name=last_name,
        phone_number=phone_number,
    )
    password_validation.validate_password(password, user=candidate)
    if username and username_is_taken(username):
        raise _username_taken()
    candidate.username = username or username_for(candidate)
    candidate.set_password(password)  # before the transaction: nobody waits for a hash with one open
    with transaction.atomic():
        is_new = insert_once(candidate)
        owner = User.objects.filter(email=candidate.email).values_list("pk", flat=True).first()
        if owner is None:  # somebody took the username in this very moment
            raise _username_taken()
        task = verification_task if is_new else already_registered_task
        # One mail an hour, however often a stranger tries, and one key for both: asking again must not tell either.
        task.owe(f"registration:{owner}:{timezone.now():%Y%m%d%H}", user_id=str(owner))


def _username_taken() -> UsernameTaken:
    return UsernameTaken([ErrorRow(UsernameTaken.code, UsernameTaken.message, "username")])


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
        _now_verified(user_id)


def _now_verified(user_id: UUID) -> None:
    # Only now is it told that somebody has signed up: before, it may have been a stranger with their address.
    if User.objects.filter(pk=user_id, email_verified_at__isnull=True).update(email_verified_at=Now()):
        emit("user.registered", user_id, by="password")


def verify_email_by_code(*, request: HttpRequest, email: str, code: str) -> None:
    """Mark the address verified, by the digits that were mailed to it.

    Raises:
        InvalidCode: wrong, expired, used or tried too often, or nobody waits for one; told alike.
        Throttled: too many codes were typed from this network, or for this address, known or not.
    """
    found = check_email_code(email=email, code=code, address=client_address(request))
    with transaction.atomic():
        use_code(found)
        if found.user_id is None or not User.objects.filter(pk=found.user_id, email=found.email).exists():
            raise InvalidCode()
        _now_verified(found.user_id)


@transaction.atomic
def resend_verification(*, email: str) -> None:
    """Owe another verification mail if the address waits for one. The work is the same if it does not."""
    email = normalise_email(email)
    waiting = User.objects.filter(email=email, email_verified_at__isnull=True, is_active=True)
    user_id = waiting.values_list("pk", flat=True).first()
    # At most one in twenty minutes: three an hour, as the limits say.
    slot = int(timezone.now().timestamp() // 1200)
    # A row for anybody, so that time tells nothing; without a user the worker does nothing.
    key = salted_hmac("accounts.resend_verification", email, algorithm="sha256").hexdigest()[:32]
    verification_task.owe(f"verify:{key}:{slot}", user_id=str(user_id) if user_id else None)


def send_verification_mail(user_id: str | None) -> None:
    """Make a fresh link and code and mail them. Called by a worker; a repeat sends another valid link and code."""
    if user_id is None:
        return
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(pk=user_id)
        if user.email is None or user.email_verified_at is not None:
            return
        EmailToken.objects.create(
            user=user,
            purpose=EmailToken.Purpose.VERIFY,
            email=user.email,
            token_hash=hash_token(token),
            expires_at=timezone.now() + VERIFICATION_LIFETIME,
        )
        code = make_email_code(user, user.email, lifetime=VERIFICATION_CODE_LIFETIME)
    mail_to(
        user,
        "verification",
        # In the fragment: it never reaches a log or a Referer header.
        link=f"{settings.FRONTEND_URL}/verify-email#{token}",
        hours=VERIFICATION_LIFETIME.total_seconds() // 3600,
        code=code,
        minutes=VERIFICATION_CODE_LIFETIME.total_seconds() // 60,
    )


def send_already_registered_mail(user_id: str) -> None:
    mail_to(User.objects.get(pk=user_id), "already_registered")


def send_notice(user_id: str, name: str) -> None:
    """Tell somebody by mail what was changed in their account; one without an e-mail is told nothing."""
    user = User.objects.filter(pk=user_id).first()
    if user is not None:
        mail_to(user, name)
