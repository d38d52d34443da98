"""Pictures of people: what was uploaded is drawn anew by a worker, and nothing but its pixels is kept."""

import logging
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID, uuid4

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from accounts.profiles.models import Profile
from accounts.profiles.services import locked_profile
from accounts.tasks import draw_avatar as draw_task
from accounts.tasks import remove_files as removal_task
from ecommerce.models import new_id
from ecommerce.pictures import storage
from ecommerce.pictures.drawing import inspect, render
from ecommerce.pictures.exceptions import ImageRefused
from ecommerce.transactions import retry_on_conflict

logger = logging.getLogger(__name__)

SIDE = 512  # pixels of the longer side
# Only AVATARS is served. Names are made at random: whoever knows a user's id does not know their picture's address.
UPLOADS, AVATARS = "incoming-avatars", "avatars"
FOLDERS = (UPLOADS, *(f"{AVATARS}/{number:02x}" for number in range(256)))
ORPHAN_AGE = timedelta(days=1)  # younger files may belong to a row that is only being written


def take_avatar(user: User, data: bytes) -> None:
    """Keep an upload and owe its drawing; the picture before it stays until the new one is ready.

    The file is written before the row: one without a row is swept away, a row without its file could not be helped.

    Raises:
        ImageRefused: it is no picture that the shop takes; nothing was stored.
        Busy: the storage is full or cannot be reached.
    """
    inspect(data)
    name = f"{UPLOADS}/{uuid4().hex}"
    storage.store(name, data)
    retry_on_conflict(lambda: _keep_upload(user, name))


@transaction.atomic
def _keep_upload(user: User, name: str) -> None:
    profile = locked_profile(user)
    owe_removal([profile.avatar_upload])
    profile.avatar_upload, profile.avatar_failure = name, ""
    profile.save(update_fields=["avatar_upload", "avatar_failure", "updated_at"])
    draw_task.owe(f"draw-avatar:{name}", user_id=str(user.pk), upload=name)


@transaction.atomic
def drop_avatar(user: User) -> None:
    """Let go of the picture, and of an upload; the files go after the commit."""
    profile = locked_profile(user)
    owe_removal([profile.avatar, profile.avatar_upload])
    profile.avatar = profile.avatar_upload = profile.avatar_failure = ""
    profile.save(update_fields=["avatar", "avatar_upload", "avatar_failure", "updated_at"])


def draw_avatar(user_id: str, upload: str) -> None:
    """Draw an upload anew. Called by a worker; a repeat, or an upload that another one has followed, does nothing."""
    if not Profile.objects.filter(user=UUID(user_id), avatar_upload=upload).exists():
        return
    name, failure = "", ""
    try:
        drawn = next(render(storage.load(upload), (SIDE,)))
    except ImageRefused as refusal:
        failure = refusal.code
    else:
        random = uuid4().hex
        name = f"{AVATARS}/{random[:2]}/{random}.webp"
        storage.store(name, drawn.data, content_type="image/webp")
    retry_on_conflict(lambda: _finish(UUID(user_id), upload, name, failure))


@transaction.atomic
def _finish(user_id: UUID, upload: str, name: str, failure: str) -> None:
    profile = Profile.objects.select_for_update(no_key=True).filter(user=user_id, avatar_upload=upload).first()
    if profile is None:
        owe_removal([name])
        return
    owe_removal([upload, *([profile.avatar] if name else [])])
    if failure:
        logger.warning("avatar_failed", extra={"user_id": str(user_id), "code": failure})
    profile.avatar, profile.avatar_upload, profile.avatar_failure = name or profile.avatar, "", failure
    profile.save(update_fields=["avatar", "avatar_upload", "avatar_failure", "updated_at"])


def owe_removal(names: Iterable[str]) -> None:
    """Owe the deleting of files, in the transaction that lets go of them."""
    if there := [name for name in names if name]:
        removal_task.owe(f"remove-avatar:{new_id()}", names=there)


def sweep_avatars(hour: int) -> int:
    """Delete files that no profile names and that are older than a day, of a 24th of the folders; return how many."""
    removed = 0
    for folder in FOLDERS[hour::24]:
        try:
            names = [f"{folder}/{name}" for name in default_storage.listdir(folder)[1]]
        except FileNotFoundError:  # nothing has been stored there yet
            continue
        named = Profile.objects.filter(Q(avatar__in=names) | Q(avatar_upload__in=names))
        known = {name for pair in named.values_list("avatar", "avatar_upload") for name in pair}
        limit = timezone.now() - ORPHAN_AGE
        for name in set(names) - known:
            try:
                if default_storage.get_modified_time(name) < limit:
                    storage.remove([name])
                    removed += 1
            except FileNotFoundError:  # somebody was faster
                continue
    return removed
