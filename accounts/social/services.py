"""Coming in from Google or Facebook, and linking such an account to the own one."""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.exceptions import InvalidCredentials
from accounts.models import User
from accounts.notifications import tell
from accounts.services import LogInOutcome, finish_log_in
from accounts.social.exceptions import (
    AccountExists,
    IdentityNotFound,
    IdentityTaken,
    InvalidProviderToken,
    LastWayIn,
)
from accounts.social.models import SocialIdentity, SpentToken
from accounts.social.providers import ProviderAccount
from ecommerce.events import emit
from ecommerce.insertion import insert_once

Result = TypeVar("Result")


def log_in(account: ProviderAccount, *, request: HttpRequest) -> tuple[User, LogInOutcome]:
    """Let in whom the provider vouches for, with an account made now if there is none.

    An account that has the same address is not entered, whether or not the address was confirmed here: its owner logs
    in to it and links the two.

    Raises:
        AccountExists: there is one with this address.
        InvalidCredentials: the account may not log in.
        InvalidProviderToken: the token was used before.
    """

    def come_in() -> tuple[User, LogInOutcome | None]:
        identity = _find(account)
        if identity is None:
            identity = _register(account, request)
        if not identity.user.is_active:
            record(SecurityEvent.Kind.LOGIN_FAILED, user=identity.user, request=request, by=account.provider)
            return identity.user, None  # refused below, after the commit
        _spend(account)
        SocialIdentity.objects.filter(pk=identity.pk).update(last_used_at=Now())
        return identity.user, finish_log_in(request, identity.user, by=account.provider)

    user, outcome = _twice(come_in)
    if outcome is None:
        raise InvalidCredentials()
    return user, outcome


def link(account: ProviderAccount, *, user: User, request: HttpRequest) -> SocialIdentity:
    """Let an account elsewhere open ``user``'s; they have just shown that both are theirs.

    Raises:
        IdentityTaken: it opens another one.
        InvalidProviderToken: the token was used before.
    """

    def join() -> SocialIdentity:
        identity = _find(account)
        if identity is not None and identity.user_id != user.pk:
            raise IdentityTaken()
        _spend(account)
        return identity or _create(account, user, request)

    return _twice(join)


@transaction.atomic
def unlink(identity_id: UUID, *, user: User, request: HttpRequest) -> None:
    """Take the link away.

    Raises:
        IdentityNotFound: ``user`` has no such link.
        LastWayIn: nothing else opens the account.
    """
    # Two links removed at once must not both count on the other.
    owner = User.objects.select_for_update().get(pk=user.pk)
    identity = SocialIdentity.objects.filter(pk=identity_id, user=owner).first()
    if identity is None:
        raise IdentityNotFound()
    others = owner.social_identities.exclude(pk=identity.pk).exists()
    if not (others or owner.has_usable_password() or owner.phone_verified_at):
        raise LastWayIn()
    identity.delete()
    record(SecurityEvent.Kind.IDENTITY_UNLINKED, user=owner, request=request, provider=identity.provider)
    tell(owner, "identity_unlinked", provider=identity.get_provider_display())


def _twice(work: Callable[[], Result]) -> Result:
    """Do ``work`` in a transaction; once more when somebody has done the same in this very moment."""
    try:
        with transaction.atomic():
            return work()
    except IntegrityError:
        with transaction.atomic():
            return work()


def _find(account: ProviderAccount) -> SocialIdentity | None:
    known = SocialIdentity.objects.select_related("user")
    return known.filter(issuer=account.issuer, subject=account.subject).first()


def _register(account: ProviderAccount, request: HttpRequest) -> SocialIdentity:
    if account.email and User.objects.filter(email=account.email).exists():
        if meanwhile := _find(account):  # the same person, by another request in this very moment
            return meanwhile
        raise AccountExists(account.provider)
    user = User.objects.create_user(
        account.email or None,
        None,
        first_name=account.first_name,
        last_name=account.last_name,
        email_verified_at=timezone.now() if account.email else None,
    )
    emit("user.registered", user.pk, by=account.provider)
    return _create(account, user, request)


def _create(account: ProviderAccount, user: User, request: HttpRequest) -> SocialIdentity:
    identity = SocialIdentity.objects.create(
        user=user,
        provider=account.provider,
        issuer=account.issuer,
        subject=account.subject,
        email=account.shown_email,
    )
    record(SecurityEvent.Kind.IDENTITY_LINKED, user=user, request=request, provider=account.provider)
    tell(user, "identity_linked", provider=SocialIdentity.Provider(account.provider).label)
    return identity


def _spend(account: ProviderAccount) -> None:
    """Take a token that is taken once, in the transaction of what it allows: a refusal leaves it unspent."""
    if not account.fingerprint or account.expires_at is None:
        return
    if not insert_once(SpentToken(token_hash=account.fingerprint, expires_at=account.expires_at)):
        raise InvalidProviderToken()
