"""Writing tags, and putting them on products."""

from collections.abc import Collection, Mapping, Sequence
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
    cleaned = clean_names(names)
    found = meant_by(cleaned, create=create)
    rows = [
        ErrorRow("does_not_exist", "There is no such tag.", f"tags.{n}")
        for n, name in enumerate(cleaned)
        if name not in found
    ]
    if rows:
        raise TagsRefused(rows)
    return sorted({found[name] for name in cleaned})


def clean_names(names: Sequence[str]) -> list[str]:
    """Return the names of a product's tags, or their url_keys, as tags can be called.

    Raises:
        TagsRefused: names each that is no name, as ``tags.<n>``.
    """
    if len(names) > MAX_TAGS:
        raise TagsRefused([ErrorRow("too_many", f"Give at most {MAX_TAGS} tags.", "tags")])
    cleaned = [clean_line(name) if len(name) <= MAX_NAME else "" for name in names]
    rows = [
        ErrorRow("invalid", f"A tag has 1 to {MAX_NAME} characters, letters or digits.", f"tags.{n}")
        for n, name in enumerate(cleaned)
        if not slugify(name) or len(name) > MAX_NAME
    ]
    if rows:
        raise TagsRefused(rows)
    return cleaned


def meant_by(names: Collection[str], *, create: bool = False) -> dict[str, str]:
    """Return the url_keys of the tags that clean names mean; however many they are, in four statements at most.

    A name is looked for as a url_key, by the url_key that it would get, and then as a name. With ``create``, unknown
    ones are made. Inside a transaction the tags stay as they are until it ends.
    """
    if not names:
        return {}
    keys = {name: slugify(name) for name in names}
    _keep([*keys, *keys.values()], list(keys))
    found = _found(keys)
    if create and (unknown := [name for name in keys if name not in found]):
        new = {keys[name]: Tag(name=name, url_key=keys[name]) for name in reversed(unknown)}
        Tag.objects.bulk_create([new[key] for key in sorted(new)], ignore_conflicts=True)
        found = _found(keys)
    return found


def _found(keys: Mapping[str, str]) -> dict[str, str]:
    tags = find_tags({*keys, *keys.values()}, keys)
    found: dict[str, str] = {}
    for name, key in keys.items():
        exact = tags.get(name)
        is_key = exact is not None and name in (exact.url_key, *exact.former)
        if tag := exact if is_key else tags.get(key, exact):
            found[name] = tag.url_key
    return found


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
