"""Setting a second factor up, and taking it away."""

import secrets
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.http import HttpRequest

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.exceptions import FreshLogInRequired
from accounts.models import User
from accounts.notifications import tell
from accounts.second_factor import sealing, totp
from accounts.second_factor.exceptions import (
    CodeRequired,
    InvalidCode,
    NoSecondFactor,
    SecondFactorExists,
)
from accounts.second_factor.gate import must_have_factor
from accounts.second_factor.models import RecoveryCode, SecondFactor
from accounts.second_factor.proof import Proof, locked, with_proof

CODES = 10
# Without 0 and o, 1, i and l. Twelve of them are 59 bits: with the key of their hash nobody guesses them.
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_GROUPS, _GROUP_LENGTH = 3, 4


@dataclass(frozen=True)
class Beginning:
    """What is shown once, when a second factor is set up."""

    secret: str
    otpauth_uri: str
    qr_svg: str


def begin(user: User, *, request: HttpRequest, is_fresh: bool, password: str = "") -> Beginning:
    """Make a secret; it holds nothing until ``confirm``. Beginning again makes another one.

    ``is_fresh`` tells that the log-in was a moment ago, else the password is asked for: a stolen token must not lock
    the owner out.

    Raises:
        SecondFactorExists: one is confirmed.
        FreshLogInRequired: neither a fresh log-in nor a password.
        InvalidPassword, TooManyTries: see ``with_proof``.
    """

    def make(factor: SecondFactor, _: Proof | None) -> Beginning:
        _refuse_if_confirmed(user)
        secret = totp.new_secret()
        factor.sealed_secret, factor.last_step = sealing.seal(secret, user_id=user.pk), 0
        factor.save(update_fields=["sealed_secret", "last_step", "updated_at"])
        account = user.email or user.phone_number or user.username
        uri = totp.uri(secret, account=account, issuer=settings.SHOP_NAME)
        return Beginning(secret=totp.as_text(secret), otpauth_uri=uri, qr_svg=totp.qr_svg(uri))

    _refuse_if_confirmed(user)
    if password:
        return with_proof(user, make, request=request, password=password)
    if not is_fresh:
        raise FreshLogInRequired()
    with transaction.atomic():
        return make(locked(user), None)


def confirm(user: User, *, request: HttpRequest, code: str) -> list[str]:
    """Let the factor hold, proved by its first code; return the recovery codes, which are never shown again.

    Raises:
        SecondFactorExists: one is confirmed.
        NoSecondFactor: none was begun.
        InvalidCode, TooManyTries: see ``with_proof``.
    """

    def hold(factor: SecondFactor, proof: Proof) -> list[str]:
        unconfirmed = User.objects.filter(pk=user.pk, second_factor_at=None)
        if not unconfirmed.update(second_factor_at=Now(), updated_at=Now()):
            raise SecondFactorExists()
        record(SecurityEvent.Kind.SECOND_FACTOR_ADDED, user=user, request=request)
        tell(user, "second_factor_added")
        return _new_codes(factor)

    _refuse_if_confirmed(user)
    if not SecondFactor.objects.filter(user=user).exclude(sealed_secret="").exists():
        raise NoSecondFactor()
    if not code:
        raise InvalidCode()
    return with_proof(user, hold, request=request, code=code)


def remove(user: User, *, request: HttpRequest, code: str = "", password: str = "") -> None:
    """Take the factor away, for whoever proves to be its owner.

    Raises:
        NoSecondFactor: there is none.
        CodeRequired: of somebody who must have one, the password alone is not enough.
        InvalidCode, InvalidPassword, TooManyTries: see ``with_proof``.
    """

    def take(factor: SecondFactor, proof: Proof) -> None:
        _delete(user)
        record(SecurityEvent.Kind.SECOND_FACTOR_REMOVED, user=user, request=request, by=str(proof))

    _refuse_without_factor(user)
    if must_have_factor(user) and not code:
        raise CodeRequired()
    with_proof(user, take, request=request, code=code, password="" if must_have_factor(user) else password)


@transaction.atomic
def remove_for(user: User, *, actor: User, request: HttpRequest) -> None:
    """Take the factor of somebody away who has lost phone and codes; ``actor`` has made sure who asks.

    Raises:
        NoSecondFactor: there is none.
    """
    _refuse_without_factor(user)
    _delete(user)
    record(SecurityEvent.Kind.SECOND_FACTOR_REMOVED, user=user, actor=actor, request=request, by="staff")


def renew_codes(user: User, *, request: HttpRequest, code: str = "", password: str = "") -> list[str]:
    """Make new recovery codes, which are never shown again; the old ones are void.

    Raises:
        NoSecondFactor: there is none.
        InvalidCode, InvalidPassword, TooManyTries: see ``with_proof``.
    """

    def renew(factor: SecondFactor, proof: Proof) -> list[str]:
        record(SecurityEvent.Kind.RECOVERY_CODES_RENEWED, user=user, request=request, by=str(proof))
        return _new_codes(factor)

    _refuse_without_factor(user)
    return with_proof(user, renew, request=request, code=code, password=password)


def codes_left(user: User) -> int:
    return RecoveryCode.objects.filter(factor__user=user, used_at=None).count()


def _refuse_if_confirmed(user: User) -> None:
    user.refresh_from_db(fields=["second_factor_at"])
    if user.second_factor_at is not None:
        raise SecondFactorExists()


def _refuse_without_factor(user: User) -> None:
    user.refresh_from_db(fields=["second_factor_at"])
    if user.second_factor_at is None:
        raise NoSecondFactor()


def _delete(user: User) -> None:
    SecondFactor.objects.filter(user=user).delete()
    User.objects.filter(pk=user.pk).update(second_factor_at=None, updated_at=Now())
    user.second_factor_at = None
    tell(user, "second_factor_removed")


def _new_codes(factor: SecondFactor) -> list[str]:
    factor.recovery_codes.all().delete()
    codes: set[str] = set()
    while len(codes) < CODES:
        codes.add("".join(secrets.choice(_ALPHABET) for _ in range(_GROUPS * _GROUP_LENGTH)))
    RecoveryCode.objects.bulk_create(
        RecoveryCode(factor=factor, code_hash=sealing.code_hash(code, user_id=factor.user_id)) for code in codes
    )
    return ["-".join(code[at : at + _GROUP_LENGTH] for at in range(0, len(code), _GROUP_LENGTH)) for code in codes]
