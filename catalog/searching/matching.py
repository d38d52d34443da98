"""Which products a text means, and which of them come first."""

from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.search import SearchQuery
from django.db.models import FloatField, Value
from django.db.models.expressions import RawSQL

from catalog.documents.sql import Fragment
from catalog.models import ProductQuerySet
from catalog.searching.spelling import Correction, corrections
from catalog.searching.synonyms import query_of
from catalog.searching.words import TextQuery, search_words

_WEIGHTS = "{0.05,0.2,0.4,1}"  # of D, C, B and A: see catalog.searching.indexing
_EXACT = 2.0  # for a whole word, beside 1 for any that begins like it
_PHRASE = 0.3  # for the words side by side
_LONG_NAME = 120.0  # a name of so many characters halves the rank: the words say less about it
_SOLD_OUT = 0.8

_QUERY = "to_tsquery('simple', %s)"
_LIKELIER = 100.0  # a likelier spelling outweighs any rank
_AS_TYPED = 1.1  # beside less than 1 for a correction
FEW = 3  # a text that finds no more may be misspelt


def search_products(products: ProductQuerySet, text: str, *, attr: str = "search") -> ProductQuerySet:
    """Narrow to products that match every word or a synonym of it, or, when next to none does, what may be meant.

    Each word matches as a prefix; a part number matches with and without its separators. Annotates ``relevance``: the
    best come first, those in stock before those sold out.
    """
    words = search_words(text, attr=attr)
    if not words:
        return products.none().annotate(relevance=Value(0.0, output_field=FloatField()))
    query = query_of(words)
    found = len(products.filter(search_vector=raw_query(query.matching)).order_by().values_list("pk")[: FEW + 1])
    return ranked(products, query, meant_by(words, found=found))


def meant_by(words: Sequence[str], *, found: int) -> list[Correction]:
    """Return what may have been meant by words that ``found`` products have; empty when they are enough.

    A slip that somebody also made in the catalogue finds that product; it shall not hide all that is spelled well.
    """
    if found > FEW or (found and any(char.isdigit() for word in words for char in word)):
        return []
    return corrections(words)


def ranked(products: ProductQuerySet, query: TextQuery, meant: Sequence[Correction] = ()) -> ProductQuerySet:
    """Narrow to products that match what was typed, or what may have been meant, and annotate ``relevance``.

    What was typed comes before the likeliest correction, and that one before the others.
    """
    matches = products.filter(search_vector=raw_query(any_of(query, meant)))
    order = relevance(query, meant)
    return matches.annotate(
        relevance=RawSQL(order.sql, order.parameters, output_field=FloatField())  # noqa: S611 - our own words
    )


def any_of(query: TextQuery, meant: Sequence[Correction]) -> str:
    return " | ".join([query.matching, *(f"({each.query})" for each in meant)])


def found_by(query: TextQuery, meant: Sequence[Correction] = ()) -> Fragment:
    """Return the condition for what was typed or may have been meant."""
    return Fragment(f"catalog_product.search_vector @@ {_QUERY}", (any_of(query, meant),))


def relevance(query: TextQuery, meant: Sequence[Correction] = ()) -> Fragment:
    """Return what a match of ``found_by`` is ordered by, the best first."""
    if not meant:
        return _rank(query)
    cases = " ".join(["WHEN catalog_product.search_vector @@ " + _QUERY + " THEN %s::float8"] * (len(meant) + 1))
    parameters: list[Any] = [query.matching, _AS_TYPED]
    for each in meant:
        parameters += [each.query, each.score]
    words = _rank(TextQuery(tuple(dict.fromkeys(word for each in meant for word in each.words))))
    sql = f"(CASE {cases} ELSE 0 END) * {_LIKELIER} + {words.sql}"
    return Fragment(sql, (*parameters, *words.parameters))


def best_first(query: TextQuery, meant: Sequence[Correction] = ()) -> Fragment:
    """Return the order by relevance."""
    order = relevance(query, meant)
    return Fragment(f"{order.sql} DESC, catalog_product.id", order.parameters)


def _rank(query: TextQuery) -> Fragment:
    # In float8: PostgreSQL reads 0.8 as an exact decimal, and those cost more than the ranks.
    rank = f"ts_rank('{_WEIGHTS}', catalog_product.search_vector, {_QUERY})"
    phrase = f" + CASE WHEN catalog_product.search_vector @@ {_QUERY} THEN {_PHRASE}::float8 ELSE 0 END"
    several = bool(query.phrase)
    sql = (
        f"({rank} + {_EXACT} * {rank}{phrase if several else ''})"
        f" * (CASE WHEN catalog_product.in_stock THEN 1 ELSE {_SOLD_OUT}::float8 END)"
        f" / (1 + length(catalog_product.product_name) / {_LONG_NAME}::float8)"
    )
    return Fragment(sql, (query.ranking, query.exact, *([query.phrase] if several else [])))


def raw_query(query: str) -> SearchQuery:
    """Return a query in PostgreSQL's own syntax: never what a client typed."""
    return SearchQuery(query, config="simple", search_type="raw")
