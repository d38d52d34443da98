"""Products following a change of an attribute's definition: their values, and what the search knows of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from catalog.attributes.models import Attribute
from catalog.attributes.values import ValueRefused, clean_value_of, fold_name, is_absent
from catalog.models import Product
from catalog.searching.indexing import index_products
from catalog.tasks import conform_products as conform_later
from ecommerce.models import new_id

BATCH = 500

# The few names that products have are folded, not every product's.
_NAMES = """
SELECT DISTINCT key FROM catalog_product, jsonb_object_keys(attributes) AS key WHERE jsonb_typeof(attributes) = 'object'
UNION SELECT DISTINCT key FROM catalog_variant, jsonb_object_keys(options) AS key WHERE jsonb_typeof(options) = 'object'
"""
_HAVING = """
SELECT p.id FROM catalog_product AS p
WHERE p.updated_at >= coalesce(%(since)s, '-infinity'::timestamptz)
    AND p.updated_at <= coalesce(%(until)s, 'infinity'::timestamptz)
    AND p.id IN (
        SELECT id FROM catalog_product WHERE attributes ?| %(names)s
        UNION SELECT product_id FROM catalog_variant WHERE options ?| %(names)s
        UNION SELECT product_id FROM catalog_productnumber AS n JOIN catalog_attribute AS a ON a.id = n.attribute_id
            WHERE a.code = %(code)s
    )
ORDER BY p.id
"""
# A product that missed a change was written in a transaction that began before its commit.
BEFORE, AFTER = timedelta(minutes=2), timedelta(seconds=10)


@transaction.atomic
def follow_attribute(code: str, *, changed_at: datetime | None = None) -> None:
    """Owe the bringing up to date of all products that have the attribute, or a variant that has, in batches.

    With ``changed_at``, of those alone that were being written then.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '35s'")  # it reads every product
        cursor.execute(_NAMES)
        names = [name for (name,) in cursor.fetchall() if fold_name(name) == code]
        window = {"since": changed_at and changed_at - BEFORE, "until": changed_at and changed_at + AFTER}
        cursor.execute(_HAVING, {"names": names, "code": code, **window})
        ids = [str(row[0]) for row in cursor.fetchall()]
    for start in range(0, len(ids), BATCH):
        conform_later.owe(f"conform:{new_id()}", code=code, product_ids=ids[start : start + BATCH])


@transaction.atomic
def conform_products(code: str, product_ids: Sequence[UUID]) -> None:
    """Write the values of these products as the attribute has them now, and index them.

    A value that does not fit stays as it is: the search leaves it out, and whoever edits the product is told.
    """
    attribute = Attribute.objects.filter(code=code).first()
    rows = Product.objects.select_for_update(no_key=True).filter(pk__in=product_ids).order_by("pk")
    products = list(rows.only("attributes"))
    for product in products:
        conformed = _conformed(attribute, product.attributes) if attribute else product.attributes
        if conformed != product.attributes:
            product.attributes = conformed
            product.save(update_fields=["attributes", "updated_at"])
    index_products(product.pk for product in products)


def _conformed(attribute: Attribute, attributes: Any) -> Any:
    if not isinstance(attributes, dict):
        return attributes
    names = [name for name in attributes if fold_name(name) == attribute.code]
    if len(names) != 1 or is_absent(attributes[names[0]]):
        return attributes
    try:
        value = clean_value_of(attribute, attributes[names[0]])
    except ValueRefused:
        return attributes
    return {name: kept for name, kept in attributes.items() if name != names[0]} | {attribute.code: value}
