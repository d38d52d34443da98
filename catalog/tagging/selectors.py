"""Reading tags."""

from collections.abc import Collection

from django.db.models import IntegerField, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.text import slugify

from catalog.tagging.models import Tag

# For each row of a page by the index, instead of all products at once.
_COUNT = (
    "(SELECT count(*) FROM catalog_product AS p WHERE p.is_active AND p.deleted_at IS NULL "
    "AND p.tags @> ARRAY[catalog_tag.url_key]::varchar[])"
)


def tags() -> QuerySet[Tag]:
    """All tags, each with the number of products for sale that carry it."""
    return Tag.objects.annotate(product_count=RawSQL(_COUNT, (), output_field=IntegerField()))  # noqa: S611 - our own


def find_tags(keys: Collection[str], names: Collection[str] = ()) -> dict[str, Tag]:
    """Return the tags that url_keys mean, former ones too, or that have these names; one statement."""
    if not keys:
        return {}
    rows = list(Tag.objects.filter(Q(url_key__in=keys) | Q(former__overlap=list(keys)) | Q(name__in=list(names))))
    found = {tag.name: tag for tag in rows if tag.name in names}
    found |= {key: tag for tag in rows for key in tag.former if key in keys}
    return found | {tag.url_key: tag for tag in rows if tag.url_key in keys}


def shown_names(keys: Collection[str]) -> list[str]:
    """Return what tags are called where it leads back to them among others with commas between, else their url_keys."""
    names = dict(Tag.objects.filter(url_key__in=keys).values_list("url_key", "name"))
    named = [(key, names.get(key, key)) for key in keys]
    return [name if slugify(name) == key and "," not in name else key for key, name in named]
