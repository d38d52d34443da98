"""Writing collections."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.text import slugify

from catalog.curation.exceptions import CollectionByRule, InvalidProducts, InvalidRule, KindFixed, PeriodBackwards
from catalog.curation.models import Collection, CollectionProduct
from catalog.curation.rules import checked_rule
from catalog.models import Product
from ecommerce.exceptions import ErrorRow

MAX_PRODUCTS = 1000


@transaction.atomic
def save_collection(collection: Collection | None = None, **fields: Any) -> Collection:
    """Create a collection, or change the named fields of one.

    Raises:
        InvalidRule: a condition is wrong, or one by hand was given a rule.
        KindFixed: it is of the other kind.
        PeriodBackwards: it would be taken back before it is published.
        Collection.DoesNotExist: somebody has deleted it.
    """
    if collection is None:
        collection = Collection(kind=fields.get("kind", Collection.Kind.BY_HAND))
        fields.setdefault("rule", {})
    else:
        collection = lock_collection(collection.pk)
    if fields.get("kind", collection.kind) != collection.kind:
        raise KindFixed([ErrorRow(KindFixed.code, KindFixed.message, "kind")])
    if "rule" in fields:
        fields["rule"] = _rule_for(collection, fields["rule"])
    for name, value in fields.items():
        setattr(collection, name, value)
    collection.url_key = collection.url_key or slugify(collection.name)[:140] or collection.pk.hex
    begins, ends = collection.published_from, collection.published_until
    if begins is not None and ends is not None and begins >= ends:
        raise PeriodBackwards([ErrorRow(PeriodBackwards.code, PeriodBackwards.message, "published_until")])
    collection.save()
    return collection


def lock_collection(collection_id: UUID) -> Collection:
    return Collection.objects.select_for_update(no_key=True).get(pk=collection_id)


@transaction.atomic
def set_products(collection_id: UUID, product_ids: Sequence[UUID]) -> None:
    """Make these, in this order, the products of a collection by hand; all of them or, when one is wrong, none.

    Raises:
        CollectionByRule: its rule says what is in it.
        InvalidProducts: with one row for each that is unknown, removed or named twice.
        Collection.DoesNotExist: somebody has deleted it.
    """
    collection = lock_collection(collection_id)
    if collection.kind != Collection.Kind.BY_HAND:
        raise CollectionByRule()
    known = set(Product.objects.filter(pk__in=product_ids, deleted_at__isnull=True).values_list("pk", flat=True))
    wrong: list[ErrorRow] = []
    seen: set[UUID] = set()
    for index, product_id in enumerate(product_ids):
        if product_id not in known:
            wrong.append(ErrorRow("unknown_product", "There is no such product.", f"products.{index}"))
        elif product_id in seen:
            wrong.append(ErrorRow("product_twice", "It is named before already.", f"products.{index}"))
        seen.add(product_id)
    if wrong:
        raise InvalidProducts(wrong)
    collection.places.exclude(product__in=product_ids).delete()
    CollectionProduct.objects.bulk_create(
        [
            CollectionProduct(collection=collection, product_id=product_id, position=position)
            for position, product_id in enumerate(product_ids)
        ],
        update_conflicts=True,
        unique_fields=["collection", "product"],
        update_fields=["position"],
    )
    collection.save(update_fields=["updated_at"])


def _rule_for(collection: Collection, rule: Any) -> dict[str, Any]:
    if collection.kind == Collection.Kind.BY_RULE:
        return checked_rule(rule)
    if rule:
        raise InvalidRule([ErrorRow("rule_of_a_collection_by_hand", "A collection by hand has no rule.", "rule")])
    return {}
