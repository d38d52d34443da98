"""What people do with their notifications."""

from collections.abc import Collection, Mapping
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from inbox.notifications.models import Notification, NotificationWish, Topic


def notifications_of(user: User) -> QuerySet[Notification]:
    return Notification.objects.filter(user=user)


def unread_count(user: User) -> int:
    return notifications_of(user).filter(read_at__isnull=True).count()


def mark_read(user: User, *, ids: Collection[UUID] = (), up_to: UUID | None = None) -> int:
    """Mark some of a user's notifications as read, or all up to one (ids are ordered by time); return how many.

    Other people's are passed over, as if they did not exist; those read before keep their time.
    """
    unread = notifications_of(user).filter(read_at__isnull=True)
    unread = unread.filter(pk__lte=up_to) if up_to is not None else unread.filter(pk__in=ids)
    now = timezone.now()
    return unread.update(read_at=now, updated_at=now)


def wishes_of(user: User) -> dict[str, bool]:
    """Return for each topic whether a user wants it."""
    said = dict(NotificationWish.objects.filter(user=user).values_list("topic", "is_wanted"))
    return {topic: said.get(topic, True) for topic in Topic.values}


@transaction.atomic
def set_wishes(user: User, wishes: Mapping[str, bool]) -> None:
    """Keep which topics a user wants; those not named stay."""
    now = timezone.now()
    NotificationWish.objects.bulk_create(
        [
            NotificationWish(user=user, topic=topic, is_wanted=wanted, updated_at=now)
            for topic, wanted in wishes.items()
        ],
        update_conflicts=True,
        unique_fields=["user", "topic"],
        update_fields=["is_wanted", "updated_at"],
    )
