"""When staff change how somebody is reached: what it was before and what it is now, until that person is erased.

An address that was set to a stranger's is a way into the account, and whoever undoes it must know the former one. These
are the only entries whose details are personal; erasing takes them out.
"""

import pgtrigger
from django.db.models import Q
from django.http import HttpRequest

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.models import User
from accounts.privacy.identity import REMOVED, Identity

Kind = SecurityEvent.Kind
_KINDS = {"email": Kind.EMAIL_CHANGED, "phone_number": Kind.PHONE_CHANGED}


def contacts_of(user: User) -> dict[str, str]:
    return {name: getattr(user, name) or "" for name in _KINDS}


def note_changed_contacts(user: User, before: dict[str, str], *, actor: User, request: HttpRequest) -> None:
    """Add an entry for each of e-mail and phone number that is not the one of ``before``."""
    for name, value in contacts_of(user).items():
        if value != before[name]:
            record(_KINDS[name], user=user, actor=actor, request=request, before=before[name], after=value)


def forget_contacts(identity: Identity) -> None:
    """Take somebody's addresses and numbers out of the trail, also where they stood in another's account by mistake.

    What their own account was before goes too: it may be a former address that nothing else knows any more.
    """
    entries = SecurityEvent.objects.filter(kind__in=_KINDS.values(), details__has_any_keys=["before", "after"])
    reached_by = [text for text in (identity.email, identity.phone_number) if text]
    theirs = Q(user=identity.user_id) | Q(details__before__in=reached_by) | Q(details__after__in=reached_by)
    with pgtrigger.ignore(f"{SecurityEvent._meta.label}:append_only"):
        for entry in entries.filter(theirs):
            whole = entry.user_id == identity.user_id
            details = {
                name: REMOVED if value and (whole or value in reached_by) else value
                for name, value in entry.details.items()
            }
            SecurityEvent.objects.filter(pk=entry.pk).update(details=details)
