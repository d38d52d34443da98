"""Tidying up behind crashes: files that no row names, pictures that no worker could draw."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.core.files.storage import default_storage
from django.db.models.functions import Now
from django.utils import timezone

from catalog.images import files
from catalog.images.models import ProductImage
from catalog.images.processing import fail_image
from ecommerce.models import OutboxMessage
from ecommerce.pictures import storage
from ecommerce.transactions import retry_on_conflict

GAVE_UP = "image_not_processed"  # the failure of a picture whose task was tried too often
PATIENCE = timedelta(minutes=10)
# Younger files may belong to a row that is only being written.
ORPHAN_AGE = timedelta(days=1)
_FOLDERS = [f"{number:02x}" for number in range(256)]  # of files.picture_name


def sweep() -> None:
    """Do an hour's part of the tidying: each folder of pictures has its turn once a day."""
    fail_abandoned()
    hour = timezone.now().hour
    remove_orphans(files.UPLOADS)
    for folder in _FOLDERS[hour::24]:
        remove_orphans(f"{files.PICTURES}/{folder}")


def fail_abandoned() -> int:
    """Fail pictures whose owed task is dead, so that staff see them; return how many."""
    waiting = ProductImage.objects.filter(state=ProductImage.State.PROCESSING, created_at__lt=Now() - PATIENCE)
    keys = {f"process-image:{pk}": pk for pk in waiting.values_list("pk", flat=True)}
    dead = OutboxMessage.objects.filter(dedupe_key__in=keys, dead_at__isnull=False).values_list("dedupe_key", flat=True)
    abandoned = [keys[key] for key in dead]
    for image_id in abandoned:
        _fail(image_id)
    return len(abandoned)


def _fail(image_id: UUID) -> None:
    retry_on_conflict(lambda: fail_image(image_id, GAVE_UP))


def remove_orphans(folder: str) -> int:
    """Delete the files of a folder that no picture names and that are older than a day; return how many.

    Only names that this app gives are touched.
    """
    try:
        names = [f"{folder}/{name}" for name in default_storage.listdir(folder)[1]]
    except FileNotFoundError:  # nothing has been stored there yet
        return 0
    owners = {name: owner for name in names if (owner := _owner(name))}
    known = _named_by(set(owners.values()))
    limit = timezone.now() - ORPHAN_AGE
    removed = 0
    for name in owners.keys() - known:
        try:
            if default_storage.get_modified_time(name) < limit:
                storage.remove([name])
                removed += 1
        except FileNotFoundError:  # somebody was faster
            continue
    return removed


def _owner(name: str) -> UUID | None:
    """Return the picture that a file of ours belongs to; None for any other file."""
    try:
        return UUID(hex=name.rpartition("/")[2].removesuffix(".webp").partition("-")[0])
    except ValueError:
        return None


def _named_by(image_ids: Iterable[UUID]) -> set[str]:
    return {name for image in ProductImage.objects.filter(pk__in=image_ids) for name in image.files}
