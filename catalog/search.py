"""Full-text search inside PostgreSQL: weighted words, prefixes, part numbers, and typos by trigram."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchRank, TrigramWordSimilarity
from django.db import connection
from django.db.models import Case, F, FloatField, Value, When

from catalog.models import ProductQuerySet
from ecommerce.exceptions import DomainError, ErrorRow

MAX_LENGTH = 100
MAX_WORDS = 8

_WORD = re.compile(r"[a-z0-9]+(?:[-_./][a-z0-9]+)*")
_LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "þ": "th"})

# Words of the name weigh most (A), then brand and numbers (B), category (C), description (D). Part numbers are
# indexed as written and without separators, so that SM-A155F and sma155f both find it. Separators become spaces
# first: PostgreSQL's parser would read 8 in Tab-8 as minus eight and HDMI/DP as one path. All is 'simple', as the
# query is: a prefix query for "charging" does not match the English stem "charg".
_INDEX = """
UPDATE catalog_product AS p
SET search_vector =
        setweight(to_tsvector('simple', regexp_replace(unaccent(p.product_name), '[^[:alnum:]]+', ' ', 'g')), 'A')
     || setweight(to_tsvector('simple', regexp_replace(unaccent(coalesce(b.name, '')), '[^[:alnum:]]+', ' ', 'g')), 'B')
     || setweight(to_tsvector('simple', regexp_replace(unaccent(
            v.numbers || ' ' || regexp_replace(v.numbers, '[-_./]', '', 'g')), '[^[:alnum:]]+', ' ', 'g')), 'B')
     || setweight(to_tsvector('simple', regexp_replace(unaccent(c.category_name), '[^[:alnum:]]+', ' ', 'g')), 'C')
     || setweight(to_tsvector('simple', regexp_replace(
            unaccent(left(p.description, 5000)), '[^[:alnum:]]+', ' ', 'g')), 'D'),
    search_text = replace(replace(lower(unaccent(
        left(p.product_name || ' ' || coalesce(b.name, ''), 400))), 'ph', 'f'), 'ck', 'k')
FROM catalog_product AS q
JOIN catalog_category AS c ON c.id = q.category_id
LEFT JOIN catalog_brand AS b ON b.id = q.brand_id
CROSS JOIN LATERAL (
    SELECT coalesce(string_agg(lower(sku || ' ' || mpn), ' '), '') AS numbers
    FROM catalog_variant WHERE product_id = q.id
) AS v
WHERE p.id = q.id AND q.id = ANY(%s::uuid[])
"""


class SearchTooLong(DomainError):
    status_code = 400
    code = "search_too_long"
    message = f"Search for at most {MAX_LENGTH} characters and {MAX_WORDS} words."


def index_products(product_ids: Iterable[UUID]) -> None:
    """Rebuild the search columns of these products, in the writing transaction, with one statement."""
    ids = [str(pk) for pk in product_ids]
    if ids:
        with connection.cursor() as cursor:
            cursor.execute(_INDEX, [ids])


def search_words(text: str, *, attr: str = "search") -> list[str]:
    """Return the words of a query, folded as the index folds them.

    Raises:
        SearchTooLong: more than ``MAX_LENGTH`` characters or ``MAX_WORDS`` words.
    """
    # As unaccent() does; what is left of other scripts and signs separates words.
    folded = unicodedata.normalize("NFKD", text).casefold().translate(_LETTERS)
    folded = "".join(letter for letter in folded if not unicodedata.combining(letter))
    words = _WORD.findall(folded)
    if len(text) > MAX_LENGTH or len(words) > MAX_WORDS:
        raise SearchTooLong([ErrorRow(SearchTooLong.code, SearchTooLong.message, attr)])
    return words


def search_products(products: ProductQuerySet, text: str, *, attr: str = "search") -> ProductQuerySet:
    """Narrow to products that match every word, or, when none does, that look alike; annotate ``relevance``.

    Each word matches as a prefix; a part number matches with and without its separators. The best come first,
    those in stock before those sold out.
    """
    words = search_words(text, attr=attr)
    if not words:
        return products.none().annotate(relevance=Value(0.0, output_field=FloatField()))
    query = _prefix_query(words)
    matches = products.filter(search_vector=query)
    if matches.exists():
        rank: Any = SearchRank(F("search_vector"), query)
    else:
        # Each word must look like some word of the product; how alike, says word_similarity_threshold.
        matches = products
        rank = Value(0.0, output_field=FloatField())
        for word in map(_by_sound, words):
            matches = matches.filter(search_text__trigram_word_similar=word)
            rank = rank + TrigramWordSimilarity(word, "search_text") / len(words)
    stock_bonus = Case(When(in_stock=True, then=Value(0.05)), default=Value(0.0), output_field=FloatField())
    return matches.annotate(relevance=rank + stock_bonus)


def _by_sound(word: str) -> str:
    """Fold spellings that sound alike, as ``search_text`` is folded: ifone and iphone become one."""
    return word.replace("ph", "f").replace("ck", "k")


def _prefix_query(words: list[str]) -> SearchQuery:
    terms = []
    for word in words:
        pieces = re.split(r"[-_./]", word)
        spelled = " & ".join(f"{piece}:*" for piece in pieces)
        terms.append(f"({spelled} | {''.join(pieces)}:*)" if len(pieces) > 1 else spelled)
    # Only [a-z0-9] and our own operators reach the raw query.
    return SearchQuery(" & ".join(terms), config="simple", search_type="raw")
