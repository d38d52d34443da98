"""Which products a text means, and which of them come first."""

from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import Case, F, FloatField, Value, When
from django.db.models.functions import Cast, Length

from catalog.models import ProductQuerySet
from catalog.searching.spelling import Correction, corrections
from catalog.searching.synonyms import query_of
from catalog.searching.words import TextQuery, search_words

_WEIGHTS = [0.05, 0.2, 0.4, 1.0]  # of D, C, B and A: see catalog.searching.indexing
_EXACT = 2.0  # for a whole word, beside 1 for any that begins like it
_PHRASE = 0.3  # for the words side by side
_LONG_NAME = 120.0  # a name of so many characters halves the rank: the words say less about it
_SOLD_OUT = 0.8

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
    if not meant:
        return matches.annotate(relevance=_relevance(query))
    likeliest = Case(
        When(search_vector=raw_query(query.matching), then=Value(_AS_TYPED)),
        *(When(search_vector=raw_query(each.query), then=Value(each.score)) for each in meant),
        default=Value(0.0),
        output_field=FloatField(),
    )
    words = TextQuery(tuple(dict.fromkeys(word for each in meant for word in each.words)))
    return matches.annotate(relevance=likeliest * _LIKELIER + _relevance(words))


def any_of(query: TextQuery, meant: Sequence[Correction]) -> str:
    return " | ".join([query.matching, *(f"({each.query})" for each in meant)])


def _relevance(query: TextQuery) -> Any:
    vector = F("search_vector")
    rank = SearchRank(vector, raw_query(query.ranking), weights=_WEIGHTS) + _EXACT * SearchRank(
        vector, raw_query(query.exact), weights=_WEIGHTS
    )
    if query.phrase:
        rank = rank + Case(
            When(search_vector=raw_query(query.phrase), then=Value(_PHRASE)),
            default=Value(0.0),
            output_field=FloatField(),
        )
    stock = Case(When(in_stock=True, then=Value(1.0)), default=Value(_SOLD_OUT), output_field=FloatField())
    length = Cast(Length("product_name"), FloatField())
    return rank * stock / (1.0 + length / _LONG_NAME)


def raw_query(query: str) -> SearchQuery:
    """Return a query in PostgreSQL's own syntax: never what a client typed."""
    return SearchQuery(query, config="simple", search_type="raw")
