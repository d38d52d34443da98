"""Applying, deciding, and saying where the money goes.

The user's row is locked before the profile: of an application and a decision at once, one comes first and is seen.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest
from django.utils import timezone

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.models import User
from accounts.notifications import tell
from accounts.quotas.services import spend
from accounts.roles.selectors import rights_of
from accounts.roles.services import note_changed_rights
from accounts.sellers import hooks
from accounts.sellers.exceptions import (
    AlreadyApplied,
    ContactUnconfirmed,
    InvalidSellerDecision,
    SellerNameTaken,
    SellerRefused,
)
from accounts.sellers.models import PayoutDestination, SellerProfile
from accounts.sellers.names import free_url_key

Kind = SecurityEvent.Kind
Status = SellerProfile.Status

APPLICATIONS = "5/86400"  # of one user: who was rejected may come again, not all day long
DESTINATION = ("method", "phone_number", "bank_code", "account_number", "account_name")
_DECISIONS = {
    (Status.APPLIED, Status.APPROVED): (Kind.SELLER_APPROVED, "seller_approved"),
    (Status.APPLIED, Status.REJECTED): (Kind.SELLER_REJECTED, "seller_rejected"),
    (Status.APPROVED, Status.SUSPENDED): (Kind.SELLER_SUSPENDED, "seller_suspended"),
    (Status.SUSPENDED, Status.APPROVED): (Kind.SELLER_REINSTATED, "seller_reinstated"),
}


def apply_to_sell(
    user: User, *, told: Mapping[str, Any], payout: Mapping[str, str] | None = None, request: HttpRequest
) -> SellerProfile:
    """Ask to become a seller. Who was rejected may ask again, with what they say now.

    ``told`` are fields of the profile, ``payout`` those of ``DESTINATION``.

    Raises:
        AlreadyApplied: an application waits, or was granted.
        ContactUnconfirmed: neither e-mail nor phone number is known to be theirs.
        SellerNameTaken: another seller is called that.
        SellerRefused: an admin is no seller.
        Throttled: too many applications in a day.
    """
    spend("seller_application", str(user.pk), APPLICATIONS)
    with _one_name(), transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if user.is_admin:
            raise SellerRefused("An admin is no seller.")
        if user.email_verified_at is None and user.phone_verified_at is None:
            raise ContactUnconfirmed()
        profile = SellerProfile.objects.filter(user=user).first()
        if profile is not None and Status.APPLIED not in SellerProfile.TRANSITIONS[Status(profile.status)]:
            raise AlreadyApplied()
        profile = profile or SellerProfile(user=user, url_key=free_url_key(told["display_name"]))
        for name, value in told.items():
            setattr(profile, name, value)
        profile.status, profile.applied_at = Status.APPLIED, timezone.now()
        profile.reason, profile.decided_by, profile.decided_at = "", None, None
        profile.save()
        if payout is not None:
            _set_destination(user, payout, held=False)
        record(Kind.SELLER_APPLIED, user=user, request=request)
    return profile


def change_profile(
    user: User, *, told: Mapping[str, Any], payout: Mapping[str, str] | None = None, request: HttpRequest
) -> SellerProfile:
    """Change what is told of one's own profile. With another ``payout`` the owner gets a mail, and payouts wait.

    The caller has made sure that it is still them, where ``payout`` is given.

    Raises:
        Http404: they have never applied.
        SellerNameTaken: another seller is called that.
    """
    with _one_name(), transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        profile = SellerProfile.objects.filter(user=user).first()
        if profile is None:
            raise Http404
        for name, value in told.items():
            setattr(profile, name, value)
        if told:
            profile.save(update_fields=[*told, "updated_at"])
        if payout is not None and _set_destination(user, payout, held=True):
            record(Kind.SELLER_PAYOUT_CHANGED, user=user, request=request)
            tell(user, "seller_payout_changed", hours=str(settings.SELLER_PAYOUT_HOLD // timedelta(hours=1)))
    return profile


@transaction.atomic
def decide(
    seller_id: UUID, target: SellerProfile.Status, *, actor: User, reason: str = "", request: HttpRequest
) -> SellerProfile:
    """Approve, reject, suspend or reinstate a seller, who is told by mail. The role follows; what they had open ends.

    What apps above do about it (products leave the shop window) is done when this returns. ``seller_id`` is the user's.

    Raises:
        Http404: they have never applied.
        InvalidSellerDecision: not from the present status; the allowed ones are named.
        SellerRefused: one's own application, an admin's, or that of an account which is shut.
    """
    # Against new products too: whoever inserts one refers to this row.
    user = User.objects.select_for_update().filter(pk=seller_id).first()
    profile = SellerProfile.objects.filter(user=seller_id).first()
    if user is None or profile is None:
        raise Http404
    if user.pk == actor.pk:
        raise SellerRefused("Nobody decides about themselves.")
    before = Status(profile.status)
    if target not in SellerProfile.TRANSITIONS[before] or (before, target) not in _DECISIONS:
        allowed = {after for status, after in _DECISIONS if status == before}
        raise InvalidSellerDecision(before, allowed)
    is_approved = target == Status.APPROVED
    if user.is_admin or (is_approved and not user.is_active):
        raise SellerRefused("An admin is no seller." if user.is_admin else "This account is shut.")
    rights = rights_of(user)
    user.role = User.Role.SELLER if is_approved else User.Role.CUSTOMER
    user.save(update_fields=["role", "updated_at"])
    profile.status, profile.reason = target, reason
    profile.decided_by, profile.decided_at = actor, timezone.now()
    profile.save(update_fields=["status", "reason", "decided_by", "decided_at", "updated_at"])
    note_changed_rights(user, rights, actor=actor, request=request)
    kind, news = _DECISIONS[before, target]
    record(kind, user=user, actor=actor, request=request, before=before.value)
    tell(user, news, reason=reason, name=profile.display_name)
    for follow in hooks.standing_changed:
        follow(user)
    return profile


def _set_destination(user: User, told: Mapping[str, str], *, held: bool) -> bool:
    """Put the seller's money somewhere else; return whether it is somewhere else."""
    wanted: dict[str, Any] = {name: told.get(name, "") for name in DESTINATION}
    present = PayoutDestination.objects.filter(user=user).first()
    if present is not None and {name: getattr(present, name) for name in DESTINATION} == wanted:
        return False
    wait = held or present is not None
    held_until = timezone.now() + settings.SELLER_PAYOUT_HOLD if wait else None
    PayoutDestination.objects.update_or_create(user=user, defaults=wanted | {"held_until": held_until})
    return True


@contextmanager
def _one_name() -> Iterator[None]:
    """Turn the database's refusal of a second seller by a name into one that says so; around the transaction."""
    try:
        yield
    except IntegrityError as error:
        if "seller_name_once_in_any_case" in str(error):
            raise SellerNameTaken() from None
        raise
