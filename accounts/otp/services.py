"""Signing up, logging in and confirming a number by a one-time code."""

from contextlib import suppress
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.exceptions import Throttled

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.emails.services import ask_to_change_email
from accounts.models import User
from accounts.otp.codes import Purpose, ask_for_code, check_code, use_code
from accounts.otp.exceptions import InvalidCode, PhoneNumberTaken
from accounts.otp.selectors import account_of_phone, may_come_in_by_phone
from accounts.services import LogInOutcome, finish_log_in
from accounts.tasks import send_phone_changed_mail
from ecommerce.client import client_address
from ecommerce.events import emit


@dataclass(frozen=True)
class PhoneLogIn:
    user: User
    outcome: LogInOutcome
    created: bool  # this code made the account


def ask_to_log_in(*, request: HttpRequest, phone_number: str) -> None:
    """Owe a code to a number, whether or not it has an account. Raises what ``ask_for_code`` raises."""
    ask_for_code(purpose=Purpose.LOG_IN, phone_number=phone_number, address=client_address(request))


def log_in_by_code(
    *, request: HttpRequest, phone_number: str, code: str, first_name: str = "", last_name: str = "", email: str = ""
) -> PhoneLogIn:
    """Begin a session of the account that has confirmed this number, or make that account.

    Names and e-mail are those of a new account; one that exists keeps its own. The e-mail becomes its address when it
    is confirmed: whether somebody else has it is not told.

    Raises:
        InvalidCode: wrong, expired or used, or the account may not come in this way; told alike.
        Throttled: too many codes were typed from this network.
    """
    try:
        use_code(check_code(purpose=Purpose.LOG_IN, phone_number=phone_number, code=code, address=_address(request)))
        user, created = _account(request, phone_number, first_name, last_name)
        if not may_come_in_by_phone(user):
            raise InvalidCode()
    except InvalidCode:
        record(SecurityEvent.Kind.LOGIN_FAILED, request=request, by="sms_code")
        raise
    if created and email:
        # Too many mails to that address: it can be added later, signing up goes on.
        with suppress(Throttled):
            ask_to_change_email(request=request, user=user, email=email)
    return PhoneLogIn(user, finish_log_in(request, user, by="sms_code"), created)


def _account(request: HttpRequest, phone_number: str, first_name: str, last_name: str) -> tuple[User, bool]:
    user = account_of_phone(phone_number)
    if user is not None:
        return user, False
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                None,
                phone_number=phone_number,
                phone_verified_at=timezone.now(),
                first_name=first_name,
                last_name=last_name,
            )
            record(SecurityEvent.Kind.SIGNED_UP, user=user, request=request, by="sms_code")
            emit("user.registered", user.pk, by="sms_code")
    except IntegrityError:  # confirmed by another account in this very moment
        user = account_of_phone(phone_number)
        if user is None:
            raise
        return user, False
    return user, True


def ask_to_confirm_phone(*, request: HttpRequest, user: User, phone_number: str) -> None:
    """Owe a code that confirms a number of ``user``. Raises what ``ask_for_code`` raises."""
    ask_for_code(purpose=Purpose.PHONE, phone_number=phone_number, address=_address(request), user=user)


def confirm_phone(*, request: HttpRequest, user: User, phone_number: str, code: str) -> None:
    """Make a number the confirmed one of ``user``, and tell them by mail.

    Raises:
        InvalidCode: not a live code that ``user`` asked for.
        PhoneNumberTaken: another account has confirmed it; nothing is changed.
        Throttled: too many codes were typed from this network.
    """
    address = _address(request)
    found = check_code(purpose=Purpose.PHONE, phone_number=phone_number, code=code, address=address, user=user)
    use_code(found)
    try:
        with transaction.atomic():
            # The number that was sent to, not the one of this request.
            User.objects.filter(pk=user.pk).update(
                phone_number=found.phone_number, phone_verified_at=Now(), updated_at=Now()
            )
            record(SecurityEvent.Kind.PHONE_CONFIRMED, user=user, request=request)
            send_phone_changed_mail.owe(f"phone-changed:{found.pk}", user_id=str(user.pk))
    except IntegrityError:
        raise PhoneNumberTaken() from None


def _address(request: HttpRequest) -> str:
    return client_address(request)
