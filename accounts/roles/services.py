"""Giving roles and taking them, shutting people out and letting them in again."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models.functions import Now
from django.http import Http404, HttpRequest
from rest_framework.exceptions import PermissionDenied

from accounts.api_keys.services import end_keys_of
from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.models import User
from accounts.roles.definitions import StaffRole
from accounts.roles.exceptions import RolesRefused
from accounts.roles.selectors import SELLER, may_grant, own_groups_of, rights_of
from accounts.sellers.models import SellerProfile
from accounts.tokens import end_all_sessions
from ecommerce.exceptions import ErrorRow


def set_roles(user_id: UUID, roles: Collection[str], *, actor: User, request: HttpRequest) -> User:
    """Give somebody exactly these roles. What they had open ends at once, and the trail has an entry.

    The same roles again change nothing. Groups of the shop's own stay.

    Raises:
        Http404: there is no such user.
        PermissionDenied: the actor is no admin (any more).
        RolesRefused: their own rights, a superuser's, or two roles that do not go together.
    """
    with transaction.atomic():
        # Both are locked, in one order: who loses the role in this moment does not give it on.
        locked = {
            user.pk: user for user in User.objects.select_for_update().filter(pk__in=(user_id, actor.pk)).order_by("pk")
        }
        if not may_grant(locked.get(actor.pk)):
            raise PermissionDenied()
        user = locked.get(user_id)
        if user is None:
            raise Http404
        _refuse_wrong(user, set(roles), actor=actor)
        before = rights_of(user)
        wanted = {role.label for role in StaffRole if role.value in roles}
        user.role = _role_column(set(roles))
        user.is_staff = bool(wanted) or user.is_superuser or bool(own_groups_of(user))
        user.save(update_fields=["role", "is_staff", "updated_at"])
        user.groups.remove(*Group.objects.filter(name__in=set(StaffRole.labels) - wanted))
        user.groups.add(*Group.objects.filter(name__in=wanted))
        note_changed_rights(user, before, actor=actor, request=request)
    return user


def note_changed_rights(user: User, before: dict[str, Any], *, actor: User, request: HttpRequest) -> bool:
    """End everything that somebody has open whose rights are not those of ``before``; return whether they changed."""
    after = rights_of(user)
    if after == before:
        return False
    with transaction.atomic():
        end_all_sessions(user)
        record(SecurityEvent.Kind.ROLES_CHANGED, user=user, actor=actor, request=request, before=before, after=after)
    return True


def deactivate(user: User, *, actor: User, request: HttpRequest) -> None:
    """Shut somebody out at once: sessions, tokens, and keys for good. Their orders stay."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_active=False, updated_at=Now())
        end_all_sessions(user)
        ended = end_keys_of(user)
        record(SecurityEvent.Kind.DEACTIVATED, user=user, actor=actor, request=request, keys_ended=ended)


def activate(user: User, *, actor: User, request: HttpRequest) -> None:
    """Let somebody log in again. What ended stays ended."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_active=True, updated_at=Now())
        record(SecurityEvent.Kind.ACTIVATED, user=user, actor=actor, request=request)


def _refuse_wrong(user: User, roles: set[str], *, actor: User) -> None:
    if user.pk == actor.pk:
        _refuse("Nobody changes their own rights.")
    if user.is_superuser and not actor.is_superuser:
        _refuse("Only a superuser changes a superuser's rights.")
    if {SELLER, StaffRole.ADMIN} <= roles:
        _refuse("An admin is no seller: choose one.")
    if SELLER in roles and SellerProfile.objects.filter(user=user).exclude(status="approved").exists():
        _refuse("Decide about their application as a seller instead.")


def _refuse(message: str) -> None:
    raise RolesRefused([ErrorRow(RolesRefused.code, message, "roles")])


def _role_column(roles: set[str]) -> str:
    if StaffRole.ADMIN in roles:
        return User.Role.ADMIN
    return User.Role.SELLER if SELLER in roles else User.Role.CUSTOMER
