"""Looking at people, which leaves a trace."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from accounts.addresses.models import Address
from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.models import RefreshSession, User
from accounts.people.facts import facts
from accounts.people.selectors import last_log_ins
from accounts.privacy.models import Erasure
from accounts.profiles.selectors import profile_of


def look_at(user: User, *, actor: User, request: HttpRequest) -> dict[str, Any]:
    """Return what support sees of somebody, and note who looked."""
    record(SecurityEvent.Kind.PERSON_SEEN, user=user, actor=actor, request=request)
    erasure = Erasure.objects.filter(user=user).first()
    living = RefreshSession.objects.filter(
        user=user,
        used_at__isnull=True,
        revoked_at__isnull=True,
        expires_at__gt=timezone.now(),
        session_epoch=user.session_epoch,
    )
    return {
        "user": user,
        "has_password": user.has_usable_password(),
        "wishes": profile_of(user),
        "address_count": Address.objects.filter(user=user).count(),
        "session_count": living.count(),
        "last_log_ins": last_log_ins(user),
        "facts": {name: tell(user) for name, tell in facts.items()},
        "erasure_asked_at": erasure.created_at if erasure else None,
        "erased_at": erasure.done_at if erasure else None,
    }


def note_search(*, actor: User, request: HttpRequest, filters: list[str]) -> None:
    """Note that somebody went through the list of people: by which filters, not by which words."""
    record(SecurityEvent.Kind.PEOPLE_LISTED, actor=actor, request=request, filters=filters)
