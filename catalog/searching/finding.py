"""One search with everything that it answers: results, counts of further choices, and what may have been meant."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from rest_framework.exceptions import ValidationError

from catalog import selectors
from catalog.attributes.asking import Asked, chosen_attributes
from catalog.documents.orders import NEWEST, ORDERINGS
from catalog.documents.reading import read_page
from catalog.documents.sql import Fragment
from catalog.models import Product
from catalog.searching.criteria import Criteria
from catalog.searching.facets import NOTHING, Counted, PageWanted, count_facets
from catalog.searching.matching import any_of, best_first, found_by, meant_by, raw_query
from catalog.searching.spelling import Correction
from catalog.searching.synonyms import query_of
from catalog.searching.words import search_words


@dataclass(frozen=True)
class Found:
    counted: Counted
    did_you_mean: str | None
    items: bytes  # JSON objects, the inside of an array

    @property
    def products(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(b"[" + self.items + b"]")
        return rows


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
    order: Fragment | None,
    start: int,
    size: int,
    whole: bool = False,
) -> Found:
    """Return a page of what fits the text and the criteria, from ``start`` on.

    Two statements when all is spelled well. A text that next to no product has is taken for a misspelt one, and what
    it may have meant is among the results.

    Raises:
        SearchTooLong: the text is longer than a search may be.
    """
    words = search_words(text, attr="q")
    if text.strip() and not words:
        return Found(NOTHING, None, b"")
    query = query_of(words)

    def count(*meant: Correction) -> tuple[Counted, PageWanted]:
        page = PageWanted(order or (best_first(query, meant) if words else ORDERINGS[NEWEST]), start, size, whole)
        return count_facets(criteria, any_of(query, meant) if words else "", page), page

    counted, page = count()
    meant = meant_by(words, found=counted.found) if words else []
    did_you_mean = None
    if meant:
        counted, page = count(*meant)
        did_you_mean = next((each.text for each in meant if counted.found and _is_for_sale(each.query)), None)
    items = counted.items
    if items is None and start < counted.total:
        conditions = [condition.chosen for condition in criteria.conditions()]
        if words:
            conditions.append(found_by(query, meant))
        items = read_page(conditions, page.order, start=start, size=size, whole=whole, count=counted.total).items
    return Found(counted, did_you_mean, items or b"")


def _is_for_sale(query: str) -> bool:
    return Product.objects.for_sale().filter(search_vector=raw_query(query)).exists()
