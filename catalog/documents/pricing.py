"""What price lists make of finished JSON: it depends on the moment and on who asks, so it stands in no document."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

from catalog.documents.keeping import remembered
from catalog.documents.rows import with_after
from catalog.models import Product, Variant
from catalog.prices.rules import Offer, price_breaks, unit_price
from catalog.prices.selectors import (
    everybody_has_a_list,
    lowest_price,
    offers_of,
    with_offers,
    with_product_offers,
)


def lists_offer(member: UUID | None) -> bool:
    """Tell whether a price list may change what is shown to this member of a group, or to anybody (None)."""
    return member is not None or remembered("everybody has a price list", everybody_has_a_list)


def with_own_prices(rows: list[dict[str, Any]], member: UUID) -> list[dict[str, Any]]:
    """Add to products what one unit costs this member, the lowest of the variants' prices; one statement."""
    products = with_product_offers(Product.objects.filter(pk__in=_ids(rows)).only("pk"), to=member)
    offers = {str(product.pk): product.offers for product in products}  # type: ignore[attr-defined]
    return [
        with_after(row, "currency", {"your_price": str(lowest_price(Decimal(row["price"]), offers.get(row["id"], [])))})
        for row in rows
    ]


def with_price_breaks(rows: list[dict[str, Any]], member: UUID | None) -> list[dict[str, Any]]:
    """Add to the variants of products what lists for everybody, or also this member's, offer; one statement."""
    variants = Variant.objects.filter(product__in=_ids(rows), is_active=True).only("pk").order_by()
    offers = {str(variant.pk): offers_of(variant) for variant in with_offers(variants, to=member)}
    return [
        row | {"variants": [_priced(each, offers.get(each["id"], []), member) for each in row["variants"]]}
        for row in rows
    ]


def _ids(rows: Iterable[dict[str, Any]]) -> list[UUID]:
    return [UUID(row["id"]) for row in rows]


def _priced(variant: dict[str, Any], offers: list[Offer], member: UUID | None) -> dict[str, Any]:
    own = Decimal(variant["price"])
    breaks = [{"min_quantity": each.min_quantity, "price": str(each.price)} for each in price_breaks(own, offers)]
    if member is None:
        return variant | {"price_breaks": breaks}
    return with_after(variant, "compare_at_price", {"your_price": str(unit_price(own, offers, 1))}) | {
        "price_breaks": breaks
    }
