"""What a worker does with an upload: draw it anew in all sizes."""

import logging
from uuid import UUID

from django.db import transaction

from catalog.images import files
from catalog.images.models import ProductImage
from catalog.images.services import lock_product, owe_removal, refresh_pictures
from ecommerce.pictures import storage
from ecommerce.pictures.drawing import render
from ecommerce.pictures.exceptions import ImageRefused
from ecommerce.transactions import retry_on_conflict

logger = logging.getLogger(__name__)


def process_image(image_id: UUID) -> None:
    """Draw a picture's sizes and make it ready, or failed when it cannot be drawn.

    Safe to repeat, also by two workers at once: the files' names follow from the picture's id and their bytes from
    what was uploaded, so a second run writes the same again.
    """
    image = ProductImage.objects.filter(pk=image_id, state=ProductImage.State.PROCESSING).first()
    if image is None:
        return
    thumbnails = {}
    original = (image.width, image.height)
    try:
        for drawn in render(storage.load(image.upload)):
            name = files.picture_name(image.pk, drawn.size)
            storage.store(name, drawn.data, content_type="image/webp")
            original = drawn.original
            thumbnails[str(drawn.size)] = {"file": name, "width": drawn.width, "height": drawn.height}
    except ImageRefused as refusal:
        code = refusal.code
        retry_on_conflict(lambda: fail_image(image_id, code))
        return
    retry_on_conflict(lambda: _finish(image_id, original, thumbnails))


@transaction.atomic
def _finish(image_id: UUID, original: tuple[int, int], thumbnails: dict[str, dict[str, object]]) -> None:
    drawn = [str(row["file"]) for row in thumbnails.values()]
    if not _lock_product_of(image_id):
        owe_removal(drawn)
        return
    row = ProductImage.objects.select_for_update(no_key=True).get(pk=image_id)
    if row.state == ProductImage.State.FAILED:
        owe_removal(drawn)
    if row.state != ProductImage.State.PROCESSING:
        return
    owe_removal([row.upload])
    row.state, row.thumbnails, row.upload = ProductImage.State.READY, thumbnails, ""
    row.width, row.height = original
    row.save(update_fields=["state", "thumbnails", "upload", "width", "height", "updated_at"])
    refresh_pictures(row.product_id)


@transaction.atomic
def fail_image(image_id: UUID, code: str) -> None:
    """Say of a picture that waits for its thumbnails that there will be none; its files go after the commit."""
    if not _lock_product_of(image_id):
        return
    row = ProductImage.objects.select_for_update(no_key=True).get(pk=image_id)
    if row.state != ProductImage.State.PROCESSING:
        return
    owe_removal(row.files)
    row.state, row.failure, row.upload = ProductImage.State.FAILED, code, ""
    row.save(update_fields=["state", "failure", "upload", "updated_at"])
    logger.warning("image_failed", extra={"image_id": str(image_id), "code": code})


def _lock_product_of(image_id: UUID) -> bool:
    """Lock the product of a picture, the way everybody does, before the picture; tell whether it is there still."""
    images = ProductImage.objects.filter(pk=image_id)
    product_id = images.values_list("product_id", flat=True).first()
    if product_id is None:
        return False
    lock_product(product_id)
    return images.exists()
