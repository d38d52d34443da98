"""Proving who one is: a code or a password, counted when it is wrong.

Everything happens under the lock of the factor's row: of many parallel uses of one code one wins, and parallel guesses
are counted one after the other. Nobody is locked out for good, and only who has got past the first step can make the
owner wait.
"""

import logging
import re
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from time import time
from typing import TypeVar

from django.db import transaction
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.models import User
from accounts.notifications import tell
from accounts.second_factor import sealing, totp
from accounts.second_factor.exceptions import InvalidCode, InvalidPassword, TooManyTries
from accounts.second_factor.models import RecoveryCode, SecondFactor

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

# At the longest pause, somebody who has the password guesses 72 of a million codes in a day.
FREE_TRIES = 3
FIRST_PAUSE = timedelta(seconds=15)  # after the third wrong try in a row; then twice as long each time
LONGEST_PAUSE = timedelta(hours=1)
WARN_AFTER = 5  # wrong tries in a row; whoever makes them has the password


class Proof(StrEnum):
    APP = "app"
    RECOVERY_CODE = "recovery_code"
    PASSWORD = "password"  # noqa: S105 - the word for the trail


def with_proof(
    user: User,
    effect: Callable[[SecondFactor, Proof], Result],
    *,
    request: HttpRequest,
    code: str = "",
    password: str = "",
) -> Result:
    """Do ``effect`` in one transaction with the proof that allows it, and return what it returns.

    ``code`` is one of the app or a recovery code and is spent, unless the effect fails.

    Raises:
        InvalidCode, InvalidPassword: it is wrong; the try is counted.
        TooManyTries: too many were wrong lately; this one was not looked at.
    """
    # Before the lock: a hash takes a tenth of a second. Whether it was right is not told while tries are blocked.
    password_is_right = bool(password) and user.check_password(password)
    with transaction.atomic():
        factor = locked(user)
        _refuse_while_blocked(factor)
        proof = Proof.PASSWORD if password_is_right else _spend(factor, code)
        if proof is not None:
            factor.failures, factor.blocked_until = 0, None
            factor.save(update_fields=["last_step", "failures", "blocked_until", "updated_at"])
            if proof == Proof.RECOVERY_CODE:
                record(SecurityEvent.Kind.RECOVERY_CODE_USED, user=user, request=request)
                tell(user, "recovery_code_used", left=str(factor.recovery_codes.filter(used_at=None).count()))
            return effect(factor, proof)
        _count_failure(factor, user, request, of="code" if code else "password")
    # Outside of the block above: the refusal must not roll the count back.
    raise InvalidCode() if code else InvalidPassword()


def locked(user: User) -> SecondFactor:
    """Return the row of ``user``, made if there is none, and locked until the transaction ends."""
    SecondFactor.objects.get_or_create(user=user)
    return SecondFactor.objects.select_for_update().get(user=user)


def _refuse_while_blocked(factor: SecondFactor) -> None:
    if factor.blocked_until is not None and (left := factor.blocked_until - timezone.now()) > timedelta(0):
        raise TooManyTries(wait=int(left.total_seconds()) + 1)


def _count_failure(factor: SecondFactor, user: User, request: HttpRequest, *, of: str) -> None:
    factor.failures += 1
    if factor.failures >= FREE_TRIES:
        doublings = min(factor.failures - FREE_TRIES, 10)  # enough to reach the longest pause
        factor.blocked_until = timezone.now() + min(FIRST_PAUSE * 2**doublings, LONGEST_PAUSE)
    factor.save(update_fields=["failures", "blocked_until", "updated_at"])
    record(SecurityEvent.Kind.SECOND_FACTOR_FAILED, user=user, request=request, of=of, failures=factor.failures)
    if factor.failures == WARN_AFTER and user.second_factor_at is not None:
        tell(user, "codes_guessed", once=timezone.now().strftime("%Y%m%d"))  # a mail a day is enough


def _spend(factor: SecondFactor, code: str) -> Proof | None:
    """Use a code up; return what it was, None when it is none."""
    text = re.sub(r"[\s-]", "", code)
    if len(text) == totp.DIGITS and text.isascii() and text.isdigit():
        return _spend_app_code(factor, text)
    hashes = sealing.possible_hashes(text.lower(), user_id=factor.user_id) if text else []
    unused = RecoveryCode.objects.filter(factor=factor, code_hash__in=hashes, used_at=None)
    return Proof.RECOVERY_CODE if unused.update(used_at=Now(), updated_at=Now()) else None


def _spend_app_code(factor: SecondFactor, code: str) -> Proof | None:
    if not factor.sealed_secret:
        return None
    try:
        secret = sealing.unseal(factor.sealed_secret, user_id=factor.user_id)
    except sealing.KeyLost:
        logger.error("second_factor_key_lost", extra={"factor_id": str(factor.pk)})
        return None
    step = totp.matching_step(secret, code, now=time(), after=factor.last_step)
    if step is None:
        return None
    factor.last_step = step
    return Proof.APP
