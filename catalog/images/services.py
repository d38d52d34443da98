"""Writing the pictures of products. Whoever changes a product's list holds its row."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from rest_framework.exceptions import APIException, NotFound

from catalog.images import files
from catalog.images.exceptions import ImagesChanged, PositionOutOfRange, TooManyImages, UnknownVariant
from catalog.images.models import ProductImage
from catalog.models import Product, Variant
from catalog.tasks import process_image, remove_files
from ecommerce.exceptions import ErrorRow
from ecommerce.models import new_id
from ecommerce.pictures import storage
from ecommerce.pictures.drawing import inspect
from ecommerce.transactions import retry_on_conflict

MAX_IMAGES = 24  # of one product
SHOWN_SIZE = "1080"  # of a picture that stands for its product


def add_image(
    product_id: UUID, *, data: bytes, alt: str = "", variant_id: UUID | None = None
) -> tuple[ProductImage, bool]:
    """Take an upload as a product's last picture, and owe its thumbnails; tell whether it is new.

    The same bytes again are the picture that is there already, whatever is said of them now; only one that failed is
    tried anew. The file is written before the row: a row without its file would be a promise that nobody can keep,
    a file without its row is swept away.

    Raises:
        ImageRefused: it is no picture that the shop takes; nothing was stored.
        UnknownVariant: the product has no such variant.
        TooManyImages: the product has ``MAX_IMAGES`` already.
        Busy: the storage is full or cannot be reached.
    """
    header = inspect(data)
    sha256 = hashlib.sha256(data).hexdigest()
    twin = ProductImage.objects.filter(product=product_id, sha256=sha256)
    if known := twin.exclude(state=ProductImage.State.FAILED).first():
        return known, False
    image = ProductImage(
        product_id=product_id,
        variant_id=variant_id,
        alt=alt,
        sha256=sha256,
        width=header.width,
        height=header.height,
    )
    image.upload = files.upload_name(image.pk)
    storage.store(image.upload, data)
    try:
        kept = retry_on_conflict(lambda: _insert(image))
    except APIException:  # not any: of a connection that broke nobody knows whether the row is there
        _remove_now(image.upload)
        raise
    if kept != image:
        _remove_now(image.upload)
    return kept, kept == image


@transaction.atomic
def _insert(image: ProductImage) -> ProductImage:
    """Return the picture, or the one that was faster."""
    present = _images(image.product_id)
    twin = next((other for other in present if other.sha256 == image.sha256), None)
    if twin and twin.state != ProductImage.State.FAILED:
        return twin
    if not twin and len(present) >= MAX_IMAGES:
        raise TooManyImages()
    if image.variant_id and not Variant.objects.filter(pk=image.variant_id, product=image.product_id).exists():
        raise UnknownVariant([ErrorRow(UnknownVariant.code, UnknownVariant.message, "variant")])
    image.position = twin.position if twin else len(present)
    if twin:
        twin.delete()
    image.save(force_insert=True)
    process_image.owe(f"process-image:{image.pk}", image_id=str(image.pk))
    return image


@transaction.atomic
def update_image(image: ProductImage, *, alt: str | None = None, position: int | None = None) -> ProductImage:
    """Change what a picture is called, or move it; the others close up.

    Raises:
        PositionOutOfRange: the product has fewer pictures than that.
    """
    present = _images(image.product_id)
    row = _find(present, image.pk)
    if alt is not None and alt != row.alt:
        row.alt = alt
        row.save(update_fields=["alt", "updated_at"])
    if position is not None:
        if position >= len(present):
            raise PositionOutOfRange([ErrorRow(PositionOutOfRange.code, PositionOutOfRange.message, "position")])
        present.remove(row)
        present.insert(position, row)
        _put_in_order(row.product_id, present)
    return row


@transaction.atomic
def reorder_images(product_id: UUID, ids: Sequence[UUID]) -> list[ProductImage]:
    """Put a product's pictures in the order of ``ids``, which names each of them once.

    Raises:
        ImagesChanged: it does not; nothing was moved.
    """
    present = _images(product_id)
    by_id = {image.pk: image for image in present}
    if len(ids) != len(present) or set(ids) != by_id.keys():
        row = ErrorRow(ImagesChanged.code, ImagesChanged.message, "ids")
        raise ImagesChanged([row], images=[str(image.pk) for image in present])
    ordered = [by_id[pk] for pk in ids]
    _put_in_order(product_id, ordered)
    return ordered


@transaction.atomic
def delete_image(image: ProductImage) -> None:
    """Delete a picture; its files go after the commit."""
    present = _images(image.product_id)
    row = _find(present, image.pk)
    owe_removal(row.files)
    present.remove(row)
    row.delete()
    _put_in_order(image.product_id, present)


def owe_removal(names: Sequence[str]) -> None:
    """Owe the deleting of files, in the transaction that lets go of them."""
    if names:
        remove_files.owe(f"remove-files:{new_id()}", names=list(names))


def refresh_pictures(product_id: UUID) -> None:
    """Let a product, and each of its variants, show its first picture that is ready. Needs the product's row."""
    ready = ProductImage.objects.filter(product=product_id, state=ProductImage.State.READY).order_by("position")
    first_of: dict[UUID, str] = {}
    for image in ready:
        name = image.thumbnails[SHOWN_SIZE]["file"]
        first_of.setdefault(product_id, name)
        if image.variant_id:
            first_of.setdefault(image.variant_id, name)
    shown = first_of.get(product_id, "")
    Product.objects.filter(pk=product_id).exclude(picture=shown).update(picture=shown, updated_at=Now())
    for variant_id, picture in Variant.objects.filter(product=product_id).values_list("pk", "picture"):
        if picture != first_of.get(variant_id, ""):
            Variant.objects.filter(pk=variant_id).update(picture=first_of.get(variant_id, ""), updated_at=Now())


def lock_product(product_id: UUID) -> None:
    """Make sure that nobody else changes the product's pictures until the transaction ends.

    Raises:
        NotFound: the product is gone.
    """
    if not Product.objects.select_for_update(no_key=True).filter(pk=product_id).values_list("pk").first():
        raise NotFound()


def _images(product_id: UUID) -> list[ProductImage]:
    lock_product(product_id)
    return list(ProductImage.objects.filter(product=product_id).order_by("position"))


def _find(present: list[ProductImage], image_id: UUID) -> ProductImage:
    row = next((image for image in present if image.pk == image_id), None)
    if row is None:  # deleted since it was looked up
        raise NotFound()
    return row


def _put_in_order(product_id: UUID, images: list[ProductImage]) -> None:
    moved = []
    for position, image in enumerate(images):
        if image.position != position:
            image.position = position
            moved.append(image)
    ProductImage.objects.bulk_update(moved, ["position"])
    refresh_pictures(product_id)


def _remove_now(name: str) -> None:
    with suppress(Exception):  # it is swept away later
        storage.remove([name])
