"""One search with everything that it answers: results, counts of further choices, and what may have been meant."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import OrderBy
from rest_framework.exceptions import ValidationError

from catalog import selectors
from catalog.attributes.asking import Asked, chosen_attributes
from catalog.models import Product
from catalog.searching.criteria import Criteria
from catalog.searching.facets import NOTHING, Counted, count_facets
from catalog.searching.matching import any_of, meant_by, ranked, raw_query
from catalog.searching.synonyms import query_of
from catalog.searching.words import search_words


@dataclass(frozen=True)
class Found:
    counted: Counted
    did_you_mean: str | None
    page: list[Product]


def criteria_of(
    *,
    category: Iterable[str] | None = None,
    brand: Iterable[str] | None = None,
    min_price: Decimal | None = None,
    max_price: Decimal | None = None,
    in_stock: bool | None = None,
    attributes: Asked | None = None,
) -> Criteria:
    """Look up what a client named.

    Raises:
        ValidationError: names each category, brand or attribute that does not exist, or has not such values.
    """
    chosen = chosen_attributes(attributes or {})
    return Criteria(
        categories=None if category is None else _categories(category),
        brands=None if brand is None else _brands(brand),
        min_price=min_price,
        max_price=max_price,
        in_stock=in_stock,
        attributes=chosen.values,
        numbers=chosen.numbers,
    )


def _categories(keys: Iterable[str]) -> list[UUID]:
    ids: list[UUID] = []
    for key in keys:
        branch = selectors.branch_ids(key)
        if not branch:
            raise ValidationError({"category": ["There is no such category."]})
        ids += branch
    return ids


def _brands(keys: Iterable[str]) -> list[UUID]:
    brands = [selectors.find_brand(key) for key in keys]
    if None in brands:
        raise ValidationError({"brand": ["There is no such brand."]})
    return [brand.pk for brand in brands if brand is not None]


def find(
    text: str,
    criteria: Criteria,
    *,
    order: Sequence[str | OrderBy] | None,
    start: int,
    size: int,
    member: UUID | None = None,
) -> Found:
    """Return a page of what fits the text and the criteria, from ``start`` on.

    Three statements when all is spelled well. A text that next to no product has is taken for a misspelt one, and what
    it may have meant is among the results.

    Raises:
        SearchTooLong: the text is longer than a search may be.
    """
    words = search_words(text, attr="q")
    if text.strip() and not words:
        return Found(NOTHING, None, [])
    query = query_of(words)
    counted = count_facets(criteria, query.matching)
    products = selectors.products_for_sale(member=member)
    meant = meant_by(words, found=counted.found) if words else []
    did_you_mean = None
    if meant:
        counted = count_facets(criteria, any_of(query, meant))
        did_you_mean = next((each.text for each in meant if counted.found and _is_for_sale(each.query)), None)
    if words:
        products = ranked(products, query, meant)
    order = order or (("-relevance", "id") if words else ("-created_at", "id"))
    page = list(criteria.narrow(products).order_by(*order)[start : start + size]) if start < counted.total else []
    return Found(counted, did_you_mean, page)


def _is_for_sale(query: str) -> bool:
    return Product.objects.for_sale().filter(search_vector=raw_query(query)).exists()
