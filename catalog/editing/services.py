"""Writing products as their editors want them: one call, one transaction, nothing half stored."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.models import User
from catalog.attributes.cleaning import clean_attributes
from catalog.editing.exceptions import (
    GiftCardIsTheShops,
    KindFixed,
    OptionsTaken,
    ProductRemoved,
    SkuTaken,
    UrlKeyTaken,
)
from catalog.editing.url_keys import free_url_key
from catalog.editing.variants import VariantEdit, VariantEditing
from catalog.editing.versions import Expected
from catalog.models import Product, Variant
from catalog.permissions import staff_may
from catalog.searching.indexing import index_products
from catalog.services import restore_product, soft_delete_product
from catalog.tagging.services import clean_tags
from catalog.tax_kinds import TaxKind
from ecommerce.exceptions import DomainError, ErrorRow

ANY = Expected()


def write_product(*, actor: User, fields: Mapping[str, Any], variants: Sequence[VariantEdit]) -> Product:
    """Create a product with its variants and their first stock, in the shop's currency.

    Without a url_key one is made from the name.

    Raises:
        UrlKeyTaken, SkuTaken, OptionsTaken, TooManyVariants, VariantsRefused, AttributesRefused, TagsRefused,
        GiftCardIsTheShops
    """
    with _named_conflicts(), transaction.atomic():
        if fields.get("kind") == Product.Kind.GIFT_CARD:
            fields = {"tax_kind": TaxKind.OUTSIDE, **fields}
        product = Product(currency=settings.DEFAULT_CURRENCY, **fields)
        _refuse_odd_gift_card(product)
        product.url_key = product.url_key or free_url_key(product.product_name)
        product.attributes = clean_attributes(product.category, product.attributes)
        product.tags = _tags(actor, product.tags)
        _refuse_taken_url_key(product)
        editing = VariantEditing(product, [], variants, whole=True)
        product.price = _lowest_price(editing, product)
        product.save(force_insert=True)
        editing.store(actor)
        index_products([product.pk])
        return product


def change_product(
    product_id: UUID,
    *,
    actor: User,
    fields: Mapping[str, Any],
    variants: Sequence[VariantEdit] | None = None,
    whole: bool = False,
    expected: Expected = ANY,
) -> None:
    """Change the ``fields`` of a product and the ``variants`` that are named.

    With ``whole`` the variants that are not named are removed: deleted if nothing points at them, else not sold any
    more. What stays as it was is not written.

    Raises:
        Product.DoesNotExist: it has gone.
        PreconditionFailed, ProductChanged: it is not what was ``expected``.
        ProductRemoved, KindFixed, UrlKeyTaken, SkuTaken, OptionsTaken, TooManyVariants, VariantsRefused,
        AttributesRefused, TagsRefused, GiftCardIsTheShops
    """
    with _named_conflicts(), transaction.atomic():
        product = _locked(product_id)
        present = list(Variant.objects.filter(product=product))
        expected.check(product, present)
        if product.deleted_at is not None:
            raise ProductRemoved()
        if fields.get("kind", product.kind) != product.kind:
            raise KindFixed([ErrorRow(KindFixed.code, KindFixed.message, "kind")])
        wanted = dict(fields)
        category = fields.get("category", product.category)
        if "attributes" in fields or category != product.category:  # which may ask for others
            wanted["attributes"] = clean_attributes(category, fields.get("attributes", product.attributes))
        if "tags" in fields:
            wanted["tags"] = _tags(actor, fields["tags"])
        changed = [name for name, value in wanted.items() if getattr(product, name) != value]
        for name in changed:
            setattr(product, name, wanted[name])
        _refuse_odd_gift_card(product)
        if "url_key" in changed:
            _refuse_taken_url_key(product)
        if variants is not None:
            editing = VariantEditing(product, present, variants, whole=whole)
            lowest = _lowest_price(editing, product)
            if not changed and not editing.changes_something and lowest == product.price:
                return
            editing.store(actor)
            product.price = lowest
            changed.append("price")
        if changed:
            product.save(update_fields=[*changed, "updated_at"])
            index_products([product.pk])


@transaction.atomic
def remove_product(product_id: UUID, *, expected: Expected = ANY) -> None:
    """Take a product out of the shop; a repeat changes nothing.

    Raises:
        Product.DoesNotExist: it has gone.
        PreconditionFailed, ProductChanged: it is not what was ``expected``.
    """
    product = _locked(product_id)
    expected.check(product, list(Variant.objects.filter(product=product)))
    soft_delete_product(product)


@transaction.atomic
def bring_back(product_id: UUID, *, expected: Expected = ANY) -> None:
    """Put a removed product back into the catalogue, with the address and the SKUs it had; a repeat changes nothing.

    Raises:
        Product.DoesNotExist: it has gone.
        PreconditionFailed, ProductChanged: it is not what was ``expected``.
    """
    product = _locked(product_id)
    expected.check(product, list(Variant.objects.filter(product=product)))
    restore_product(product)


def _refuse_odd_gift_card(product: Product) -> None:
    if product.kind != Product.Kind.GIFT_CARD:
        return
    for name, is_odd in (("kind", product.seller_id is not None), ("tax_kind", product.tax_kind != TaxKind.OUTSIDE)):
        if is_odd:
            raise GiftCardIsTheShops([ErrorRow(GiftCardIsTheShops.code, GiftCardIsTheShops.message, name)])


def _locked(product_id: UUID) -> Product:
    return Product.objects.select_for_update(no_key=True).defer("search_vector").get(pk=product_id)


def _tags(actor: User, names: Sequence[str]) -> list[str]:
    return clean_tags(names, create=staff_may(actor, "add_tag")) if names else []


def _lowest_price(editing: VariantEditing, product: Product) -> Any:
    return min((row.price for row in editing.rows if row.is_active), default=product.price)


def _refuse_taken_url_key(product: Product) -> None:
    if Product.objects.filter(url_key=product.url_key).exclude(pk=product.pk).exists():
        raise UrlKeyTaken([ErrorRow(UrlKeyTaken.code, UrlKeyTaken.message, "url_key")])


@contextmanager
def _named_conflicts() -> Iterator[None]:
    """Name what another writer has taken since we looked. Around the transaction: inside, it is broken already."""
    try:
        yield
    except IntegrityError as error:
        constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""
        taken: dict[str, tuple[type[DomainError], str]] = {
            "catalog_product_url_key": (UrlKeyTaken, "url_key"),
            "catalog_variant_sku": (SkuTaken, "variants"),
            "variant_options_once": (OptionsTaken, "variants"),
        }
        for prefix, (refusal, attr) in taken.items():
            if constraint.startswith(prefix):
                raise refusal([ErrorRow(refusal.code, refusal.message, attr)]) from error
        raise
