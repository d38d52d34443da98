"""Type-ahead: products, brands and categories for a text that is still being typed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from catalog.searching.spelling import corrections
from catalog.searching.synonyms import query_of
from catalog.searching.words import TextQuery, pieces_of, search_words
from ecommerce.pictures.storage import address_of
from ecommerce.prepared import Statement, run

MOST_PRODUCTS = 8
MOST_BRANDS = 4
MOST_CATEGORIES = 4

# So many of the matches are ranked, whatever few letters were typed: a longer text leaves fewer.
_RANKED = 400

_PRODUCTS = """
SELECT id::text, product_name, url_key, price::text, currency, in_stock, image_url, picture
FROM (
    SELECT id, product_name, url_key, price, currency, in_stock, image_url, picture, search_vector
    FROM catalog_product
    WHERE is_active AND deleted_at IS NULL AND search_vector @@ %s::tsquery
    LIMIT %s
) AS few
ORDER BY (ts_rank('{0, 0.1, 0.4, 1}', search_vector, %s::tsquery)
    + ts_rank('{0, 0.1, 0.4, 1}', search_vector, %s::tsquery)) * (CASE WHEN in_stock THEN 1 ELSE 0.8 END)
    / (1 + length(product_name) / 60.0) DESC, id
LIMIT %s
"""

# A name fits when each word begins one of its words, and something of it is for sale; the one that begins with the most
# frequent word is the likeliest.
_NAMES = Statement(
    """
(
    SELECT 'brand', b.id::text, b.url_key, b.name FROM catalog_brand AS b
    WHERE (' ' || lower(b.name) LIKE ALL(%(begun)s) OR replace(lower(b.name), ' ', '') LIKE %(joined)s)
        AND EXISTS (SELECT 1 FROM catalog_product WHERE brand_id = b.id AND is_active AND deleted_at IS NULL)
    ORDER BY (
        SELECT frequency FROM catalog_searchword WHERE word = split_part(lower(b.name), ' ', 1)
    ) DESC NULLS LAST, length(b.name), b.name LIMIT %(brands)s
)
UNION ALL (
    SELECT 'category', c.id::text, c.url_key, c.category_name FROM catalog_category AS c
    WHERE (
            ' ' || lower(c.category_name) LIKE ALL(%(begun)s)
            OR replace(lower(c.category_name), ' ', '') LIKE %(joined)s
        )
        AND EXISTS (
            SELECT 1 FROM catalog_category AS below JOIN catalog_product AS p ON p.category_id = below.id
            WHERE below.path <@ c.path AND p.is_active AND p.deleted_at IS NULL
        )
    ORDER BY (
        SELECT frequency FROM catalog_searchword WHERE word = split_part(lower(c.category_name), ' ', 1)
    ) DESC NULLS LAST, length(c.category_name), c.category_name LIMIT %(categories)s
)
""",
    begun="text[]",
    joined="text",
    brands="int",
    categories="int",
)


@dataclass(frozen=True)
class Suggestions:
    did_you_mean: str | None
    products: list[dict[str, Any]]
    brands: list[dict[str, Any]]
    categories: list[dict[str, Any]]


def suggest(text: str) -> Suggestions:
    """Return what a text may become: three statements, and three more when it is misspelt.

    Raises:
        SearchTooLong: the text is longer than a search may be.
    """
    words = search_words(text, attr="q")
    if not words:
        return Suggestions(None, [], [], [])
    query = query_of(words)
    products = _products(query.matching, query)
    brands, categories = _names(pieces_of(words))
    if products or brands or categories:
        return Suggestions(None, products, brands, categories)
    for meant in corrections(words, last_is_begun=True):
        query = TextQuery(meant.words)
        products = _products(meant.query, query)
        brands, categories = _names(meant.words)
        if products or brands or categories:
            return Suggestions(meant.text, products, brands, categories)
    return Suggestions(None, [], [], [])


def _products(matching: str, query: TextQuery) -> list[dict[str, Any]]:
    rows = run(_PRODUCTS, [matching, _RANKED, query.ranking, query.exact, MOST_PRODUCTS])
    names = ("id", "product_name", "url_key", "price", "currency", "in_stock")
    return [
        {**dict(zip(names, row, strict=True)), "image_url": address_of(picture) or image_url}
        for *row, image_url, picture in rows
    ]


def _names(words: Sequence[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rows = _NAMES.run(
        begun=[f"% {word}%" for word in words],
        joined=f"{''.join(words)}%",
        brands=MOST_BRANDS,
        categories=MOST_CATEGORIES,
    )
    brands = [{"id": pk, "url_key": key, "name": name} for kind, pk, key, name in rows if kind == "brand"]
    categories = [
        {"id": pk, "url_key": key, "category_name": name} for kind, pk, key, name in rows if kind == "category"
    ]
    return brands, categories
