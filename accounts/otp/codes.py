"""Making, sending and redeeming one-time codes: single use, few tries, a keyed hash and nothing else."""

import secrets
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.models import User
from accounts.otp.exceptions import InvalidCode
from accounts.otp.models import OneTimeCode, OneTimeCodeQuerySet
from accounts.otp.selectors import account_of_phone, phone_may_come_in
from accounts.otp.texts import text_of
from accounts.profiles.selectors import language_of
from accounts.quotas.services import network_of, spend
from accounts.sms import services as sms
from accounts.sms.exceptions import SmsNotReceived
from accounts.tasks import send_code as send_code_task
from ecommerce.outbox import Postpone

Purpose = OneTimeCode.Purpose

_AGAIN = timedelta(seconds=10)
_NO_CODE = UUID(int=0)


@transaction.atomic
def ask_for_code(*, purpose: str, phone_number: str, address: str, user: User | None = None) -> None:
    """Owe a code to a phone; a former one of the same purpose ends. The work is the same for every number.

    ``address`` is the network address of who asks.

    Raises:
        Throttled: the phone or the network has had its share.
        SmsUnavailable: the shop sends none there.
    """
    # First: its counter of the phone stays locked, so two of one number come one after the other.
    sms.spend_message(to=phone_number, address=address)
    former = OneTimeCode.objects.filter(
        purpose=purpose, phone_number=phone_number, user=user, used_at__isnull=True, ended_at__isnull=True
    )
    former.update(ended_at=Now())
    code = OneTimeCode.objects.create(
        purpose=purpose, phone_number=phone_number, user=user, expires_at=timezone.now() + settings.CODE_LIFETIME
    )
    send_code_task.owe(f"code:{code.pk}", code_id=str(code.pk))


def send_code(code_id: str) -> None:
    """Make the digits and send them. Called by a worker; a repeat sends no second message.

    Raises:
        Postpone: the service did not take the message; it comes again as long as the code would be good.
    """
    code = OneTimeCode.objects.live().filter(pk=code_id).first()
    if code is None:
        return
    if code.purpose == Purpose.RESET and not phone_may_come_in(code.phone_number):
        return  # nobody's money is spent on telling a stranger that there is nothing to reset
    message = sms.begin(reference=f"code:{code.pk}", purpose=code.purpose, to=code.phone_number)
    if message is None:
        return
    digits = _digits()
    OneTimeCode.objects.filter(pk=code.pk).update(code_hash=_keyed(code.pk, digits), updated_at=Now())
    # Whose number it is knows their language; a stranger's is not known yet.
    reader = code.user or account_of_phone(code.phone_number)
    text = text_of(code.purpose, digits, language=language_of(reader.pk if reader else None))
    try:
        sms.hand_over(message, to=code.phone_number, text=text)
    except SmsNotReceived as error:
        raise Postpone(_AGAIN, "the message was not received") from error


def check_code(*, purpose: str, phone_number: str, code: str, address: str, user: User | None = None) -> OneTimeCode:
    """Return the live code that these digits are, after counting the try. Must not run in a transaction.

    The try is committed before the digits are compared: parallel guesses have no more of them.

    Raises:
        InvalidCode: wrong, unknown, expired, used or tried too often, told alike.
        Throttled: too many codes were typed from this network.
    """
    spend("code_tries", network_of(address), settings.CODE_TRIES_PER_NETWORK)
    return _checked(OneTimeCode.objects.live().filter(purpose=purpose, phone_number=phone_number, user=user), code)


def make_email_code(user: User, email: str, *, lifetime: timedelta) -> str:
    """Return the digits of a new code for a mail; former ones of this user or address end. In the caller's transaction.

    ``user`` must be locked.
    """
    former = OneTimeCode.objects.filter(Q(user=user) | Q(email=email), purpose=Purpose.EMAIL)
    former.filter(used_at__isnull=True, ended_at__isnull=True).update(ended_at=Now())
    code = OneTimeCode(purpose=Purpose.EMAIL, email=email, user=user, expires_at=timezone.now() + lifetime)
    digits = _digits()
    code.code_hash = _keyed(code.pk, digits)
    code.save(force_insert=True)
    return digits


def check_email_code(*, email: str, code: str, address: str) -> OneTimeCode:
    """Do for a code that was mailed what ``check_code`` does, and count all tries at an address besides.

    A mail can be asked for again and again, and each brings five tries: the address has its own share of them.

    Raises:
        InvalidCode: as of ``check_code``.
        Throttled: too many codes were typed from this network, or for this address, known or not.
    """
    spend("email_code_tries", email, settings.CODE_TRIES_PER_EMAIL)
    spend("code_tries", network_of(address), settings.CODE_TRIES_PER_NETWORK)
    return _checked(OneTimeCode.objects.live().filter(purpose=Purpose.EMAIL, email=email), code)


def _checked(live: OneTimeCodeQuerySet, code: str) -> OneTimeCode:
    found = live.first()
    counted = live.filter(pk=found.pk if found else _NO_CODE, tries__lt=OneTimeCode.MAX_TRIES).update(
        tries=F("tries") + 1
    )
    # Compared in any case, so that time does not tell which of the reasons it was.
    expected = found.code_hash if found else ""
    is_right = constant_time_compare(_keyed(found.pk if found else _NO_CODE, code), expected)
    if found is None or not counted or not is_right:
        raise InvalidCode()
    return found


def use_code(code: OneTimeCode) -> None:
    """Use a checked code up: of many at once, one wins.

    Raises:
        InvalidCode: somebody else was faster, or a later code has ended it.
    """
    if not OneTimeCode.objects.live().filter(pk=code.pk).update(used_at=Now(), updated_at=Now()):
        raise InvalidCode()


def _digits() -> str:
    return f"{secrets.randbelow(1_000_000):06d}"


def _keyed(code_id: UUID, digits: str) -> str:
    # A plain hash of six digits is undone in a second; the key is not in the database.
    return salted_hmac("accounts.otp.codes", f"{code_id}:{digits}", algorithm="sha256").hexdigest()
