"""What a client named, looked up and as conditions; for the list, and for whoever else narrows products as it does."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError

from catalog import selectors
from catalog.attributes.asking import attributes_from_pairs
from catalog.curation.selectors import find_collection, within
from catalog.documents.keeping import remembered
from catalog.documents.sql import Fragment
from catalog.models import Product
from catalog.searching.finding import criteria_of
from catalog.tagging.selectors import find_tags

MAX_TAGS = 50  # in one address
COLLECTION = "collection"


def in_category(name: str, key: str) -> Fragment:
    """Return the condition for a branch of the tree; ``name`` is the parameter's.

    Raises:
        ValidationError: there is no such category.
    """
    branch = remembered(("branch", key), lambda: selectors.branch_ids(key))
    if not branch:
        raise ValidationError({name: ["There is no such category."]})
    if len(branch) == 1:  # read in order, from the index
        return Fragment("catalog_product.category_id = %s::uuid", (branch[0],))
    return Fragment("catalog_product.category_id = ANY(%s::uuid[])", (branch,))


def of_brand(name: str, key: str) -> Fragment:
    """Return the condition for a brand, also by a former name of it.

    Raises:
        ValidationError: there is no such brand.
    """
    brand = remembered(("brand", key), lambda: selectors.find_brand(key))
    if brand is None:
        raise ValidationError({name: ["There is no such brand."]})
    return Fragment("catalog_product.brand_id = %s::uuid", (str(brand.pk),))


def with_attributes(pairs: Iterable[str]) -> list[Fragment]:
    """Return the conditions for ``color:black`` and ``storage:64..256``, one for each attribute.

    Raises:
        ValidationError: names what is no pair, and each attribute that is unknown or has not such values.
    """
    criteria = criteria_of(attributes=attributes_from_pairs(pairs))
    return [condition.chosen for condition in criteria.conditions()]


def tagged(name: str, keys: Sequence[str]) -> Fragment:
    """Return the condition for products that carry any of these tags; ``name`` is the parameter's.

    Raises:
        ValidationError: there are too many, or one is no tag.
    """
    if len(keys) > MAX_TAGS or any("\0" in key for key in keys):
        raise ValidationError({name: [f"Give at most {MAX_TAGS} url_keys of tags."]})
    found = find_tags(keys)
    if any(key not in found for key in keys):
        raise ValidationError({name: ["There is no such tag."]})
    return Fragment("catalog_product.tags && %s::varchar[]", (sorted({tag.url_key for tag in found.values()}),))


def in_collection(name: str, key: str, user: Any) -> Fragment:
    """Return the condition for a collection that ``user`` may see; ``name`` is the parameter's.

    Raises:
        ValidationError: there is none.
    """
    collection = find_collection(user, key)
    if collection is None:
        raise ValidationError({name: ["There is no such collection."]})
    return among(within(collection, Product.objects.all()))


def among(products: QuerySet[Product]) -> Fragment:
    """Return the condition for being one of these products."""
    try:
        sql, parameters = products.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:  # Django knows that there are none
        return Fragment("FALSE")
    return Fragment(f"catalog_product.id IN ({sql})", parameters)
