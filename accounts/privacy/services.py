"""Erasing somebody: at once they cannot log in any more, and a moment later nothing tells who they were."""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.models import User
from accounts.privacy.exceptions import ErasureRefused
from accounts.privacy.identity import identity_of
from accounts.privacy.models import Erasure
from accounts.privacy.registry import parts
from accounts.tasks import erase_user as erase_task
from accounts.tokens import end_all_sessions
from ecommerce.exceptions import ErrorRow

logger = logging.getLogger(__name__)

PATIENCE = timedelta(hours=1)  # for owed work that should take seconds


@transaction.atomic
def ask_for_erasure(user: User, *, request: HttpRequest) -> Erasure:
    """End the account at once and owe its erasure. Asked again, it is the same erasure.

    Holds the user's row against everything that refers to it: an order that is being placed comes before, and is seen,
    or after, and is refused like every request of an account that is not active.

    Raises:
        ErasureRefused: names what is still open; nothing is changed.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    if known := Erasure.objects.filter(user=user).first():
        return known
    rows = _powers(user) + [row for part in parts() for row in part.open_matters(user)]
    if rows:
        raise ErasureRefused(rows)
    erasure = Erasure.objects.create(user=user, pseudonym=identity_of(user).pseudonym)
    record(SecurityEvent.Kind.ERASURE_ASKED, user=user, request=request)
    user.is_active = False
    user.set_unusable_password()
    user.save(update_fields=["is_active", "password", "updated_at"])
    end_all_sessions(user)
    _owe(erasure)
    return erasure


def erase_user(erasure_id: str) -> None:
    """Do an erasure that was asked for, all of it or nothing. Called by a worker, in its transaction; repeatable."""
    erasure = Erasure.objects.select_for_update(no_key=True).get(pk=erasure_id)
    if erasure.done_at is not None:
        return
    user = User.objects.select_for_update().get(pk=erasure.user_id)
    identity = identity_of(user)
    # What stands on others goes first: payments, orders, catalogue, accounts, and the user's own row last.
    for part in reversed(parts()):
        part.eraser(identity)
    User.objects.filter(pk=user.pk).update(
        username=f"erased-{user.pk.hex}",
        email=None,
        first_name="",
        last_name="",
        phone_number="",
        phone_verified_at=None,
        email_verified_at=None,
        last_login=None,
        role=User.Role.CUSTOMER,
        is_active=False,
        updated_at=Now(),
    )
    Erasure.objects.filter(pk=erasure.pk).update(done_at=Now(), updated_at=Now())
    record(SecurityEvent.Kind.ERASED, user=user, pseudonym=erasure.pseudonym)
    logger.info("user_erased", extra={"user_id": str(user.pk)})


@transaction.atomic
def owe_unfinished() -> int:
    """Owe once more, each day, what should have been done long ago; return how many there are."""
    late = Erasure.objects.filter(done_at__isnull=True, created_at__lt=Now() - PATIENCE)
    for erasure in (found := list(late)):
        logger.error("erasure_late", extra={"erasure_id": str(erasure.pk)})
        _owe(erasure, again=timezone.now().strftime("%Y%m%d"))
    return len(found)


def _owe(erasure: Erasure, *, again: str = "") -> None:
    erase_task.owe(f"erase:{erasure.pk}:{again}", erasure_id=str(erasure.pk))


def _powers(user: User) -> list[ErrorRow]:
    """Return why an account that can do more than buy is not erased by its own wish alone."""
    if user.is_staff or user.is_admin:
        return [ErrorRow("staff_account", "Accounts of staff are ended by an administrator first.")]
    return []
