"""Writing tags, and putting them on products."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.text import slugify
from rest_framework.exceptions import NotFound, ValidationError

from catalog.images.services import lock_product
from catalog.importing.cleaning import clean_line
from catalog.models import Product
from catalog.tagging.exceptions import TagIntoItself, TagsRefused
from catalog.tagging.models import Tag
from catalog.tagging.selectors import find_tags
from catalog.tasks import retag_products as retag_later
from ecommerce.exceptions import ErrorRow
from ecommerce.models import new_id

MAX_TAGS = 50  # of one product
MAX_NAME: int = Tag._meta.get_field("name").max_length or 0
BATCH = 1000

_LOCK = """
SELECT 1 FROM catalog_tag WHERE url_key = ANY(%(keys)s) OR name = ANY(%(names)s) OR former && %(keys)s::varchar[]
ORDER BY id FOR SHARE
"""
_RETAG = """
WITH few AS (
    SELECT id FROM catalog_product WHERE tags @> ARRAY[%(old)s]::varchar[] ORDER BY id LIMIT %(batch)s FOR NO KEY UPDATE
)
UPDATE catalog_product AS p
SET tags = ARRAY(
        SELECT DISTINCT CASE tag WHEN %(old)s THEN %(new)s ELSE tag END FROM unnest(p.tags) AS tag
        WHERE tag <> %(old)s OR %(new)s <> '' ORDER BY 1
    )::varchar[],
    updated_at = now()
FROM few WHERE p.id = few.id
"""


# --- Products -------------------------------------------------------------------------------------------------


@transaction.atomic
def set_tags(product_id: UUID, names: Sequence[str], *, create: bool = False) -> list[str]:
    """Let a product carry exactly these tags, by name or url_key; return their url_keys.

    Raises:
        NotFound: the product is gone.
        TagsRefused: as ``clean_tags`` says.
    """
    lock_product(product_id)
    keys = clean_tags(names, create=create)
    product = Product.objects.only("tags").get(pk=product_id)
    if product.tags != keys:
        product.tags = keys
        product.save(update_fields=["tags", "updated_at"])
    return keys


def clean_tags(names: Sequence[str], *, create: bool = False) -> list[str]:
    """Return what ``Product.tags`` shall be: the url_keys of these tags, once each and sorted.

    With ``create``, unknown ones are made. Belongs inside the transaction that writes the product: the tags stay as
    they are until it ends.

    Raises:
        TagsRefused: names each that is unknown or no name, as ``tags.<n>``.
    """
    if len(names) > MAX_TAGS:
        raise TagsRefused([ErrorRow("too_many", f"Give at most {MAX_TAGS} tags.", "tags")])
    rows: list[ErrorRow] = []
    names = [clean_line(name) if len(name) <= MAX_NAME else "" for name in names]
    keys = [slugify(name) for name in names]
    for n, key in enumerate(keys):
        if not key:
            rows.append(ErrorRow("invalid", f"A tag has 1 to {MAX_NAME} characters, letters or digits.", f"tags.{n}"))
    if rows:
        raise TagsRefused(rows)
    _keep(keys, names)
    found = find_tags(keys, names)
    for n, (key, name) in enumerate(zip(keys, names, strict=True)):
        if key not in found and name in found:
            found[key] = found[name]  # it was given another url_key
        elif key not in found and create:
            found[key], _ = Tag.objects.get_or_create(url_key=key, defaults={"name": name})
        elif key not in found:
            rows.append(ErrorRow("does_not_exist", "There is no such tag.", f"tags.{n}"))
    if rows:
        raise TagsRefused(rows)
    return sorted({found[key].url_key for key in keys})


def _keep(keys: Sequence[str], names: Sequence[str]) -> None:
    """Wait for a change of these tags that is under way, and let none begin before the transaction ends."""
    if keys and connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute(_LOCK, {"keys": list(keys), "names": list(names)})


# --- Tags -----------------------------------------------------------------------------------------------------


@transaction.atomic
def save_tag(*, tag_id: UUID | None = None, **fields: Any) -> Tag:
    """Create a tag or rename it; with a new url_key, its products follow and the old one still means it.

    Raises:
        NotFound: it is gone.
    """
    tag = Tag() if tag_id is None else _locked(tag_id)[tag_id]
    old = tag.url_key
    for name, value in fields.items():
        setattr(tag, name, value)
    tag.url_key = tag.url_key or slugify(tag.name)[:MAX_NAME] or tag.pk.hex
    others = Tag.objects.select_for_update().filter(former__contains=[tag.url_key]).exclude(pk=tag.pk).order_by("pk")
    for other in others:  # what is a tag of its own means itself
        other.former.remove(tag.url_key)
        other.save(update_fields=["former", "updated_at"])
    tag.former = [key for key in dict.fromkeys([*tag.former, old]) if key and key != tag.url_key]
    tag.save()
    if old and old != tag.url_key:
        retag_products(old, tag.url_key)
    return tag


@transaction.atomic
def delete_tag(tag_id: UUID) -> None:
    """Delete a tag; products carry it no longer.

    Raises:
        NotFound: it is gone.
    """
    tag = _locked(tag_id)[tag_id]
    tag.delete()
    retag_products(tag.url_key, "")


@transaction.atomic
def merge_tags(source_id: UUID, *, into: UUID) -> Tag:
    """Make one tag part of another, and return that one; the url_key of the first means the second from now on.

    Raises:
        NotFound: the tag that shall go is gone.
        ValidationError: the other one is gone.
        TagIntoItself: both are one.
    """
    if source_id == into:
        raise TagIntoItself([ErrorRow(TagIntoItself.code, TagIntoItself.message, "into")])
    tags = _locked(source_id, into)
    if into not in tags:
        raise ValidationError({"into": ["There is no such tag."]}, code="does_not_exist")
    source, target = tags[source_id], tags[into]
    source.delete()
    target.former = list(dict.fromkeys([*target.former, source.url_key, *source.former]))
    target.save(update_fields=["former", "updated_at"])
    retag_products(source.url_key, target.url_key)
    return target


@transaction.atomic
def retag_products(old: str, new: str) -> None:
    """Put ``new``, or nothing, in the place of a tag that is no more: ``BATCH`` products now, others by owed work."""
    if Tag.objects.filter(url_key=old).exists():
        return  # it was made anew meanwhile: what carries it now, carries the new one
    meant = find_tags([new]).get(new) if new else None  # it may have moved on
    with connection.cursor() as cursor:
        cursor.execute(_RETAG, {"old": old, "new": meant.url_key if meant else "", "batch": BATCH})
        if cursor.rowcount == BATCH:
            retag_later.owe(f"retag:{new_id()}", old=old, new=new)


def _locked(first: UUID, *others: UUID) -> dict[UUID, Tag]:
    """Lock tags in key order; the first must exist."""
    tags = {tag.pk: tag for tag in Tag.objects.select_for_update().filter(pk__in=[first, *others]).order_by("pk")}
    if first not in tags:
        raise NotFound()
    return tags
