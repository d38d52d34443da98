"""What the search knows of a product and of the words in the shop; kept in the writing transaction."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from catalog.tasks import index_products_later
from ecommerce.models import new_id

BATCH = 1000

# What describes a record, not the thing: never offered as a choice.
NO_FACETS = ("dimensions", "external_ids", "images", "part_numbers", "popularity", "price_from", "variant")

# Weights: A for the words of the name, B for the brand and for spellings of the name, C for the category and for what
# the thing is made *for* (a case for a Galaxy is no Galaxy), D for numbers and the description. Numbers (SKU, MPN and
# attributes.part_numbers) stand as written and without separators, so that SM-A155F and sma155f both find them; so do
# compounds of the name (Wi-Fi, WH-1000XM5), and its first two words and the brand in one (coolermaster). Separators
# become spaces first: PostgreSQL's parser would read 8 in Tab-8 as minus eight and HDMI/DP as one path. All is
# 'simple', as the query is: a prefix query for "charging" does not match the English stem "charg".
#
# Values of a defined attribute are read as it says: "128GB" is 128 in GB, "Yes" is true, a label is its choice's code;
# what it does not understand is left out. Its numbers also stand in catalog_productnumber, for ranges.
#
# New words enter the vocabulary in alphabetical order: two writers with the same new words must not deadlock.
_INDEX = """
WITH indexed AS (
    UPDATE catalog_product AS p
    SET search_vector =
            setweight(catalog_words(n.head), 'A')
         || setweight(catalog_words(n.tail), 'C')
         || setweight(catalog_words(coalesce(b.name, '') || ' ' || regexp_replace(
                coalesce(b.name, ''), '[^[:alnum:]]+', '', 'g') || ' ' || n.compounds), 'B')
         || setweight(catalog_words(c.category_name), 'C')
         || setweight(catalog_words(v.numbers || ' ' || regexp_replace(v.numbers, '[-_./]', '', 'g')), 'D')
         || setweight(catalog_words(left(p.description, 5000)), 'D'),
        facets = f.facets
    FROM catalog_product AS q
    JOIN catalog_category AS c ON c.id = q.category_id
    LEFT JOIN catalog_brand AS b ON b.id = q.brand_id
    CROSS JOIN LATERAL (
        SELECT
            substring(q.product_name FROM '^(.*?)(?:\\m(?:for|fits)\\M|$)') AS head,
            coalesce(substring(q.product_name FROM '\\m(?:for|fits)\\M.*$'), '') AS tail,
            coalesce(regexp_replace(substring(
                q.product_name FROM '^[[:alnum:]]+[^[:alnum:]]+[[:alnum:]]+'), '[^[:alnum:]]+', '', 'g'), '')
            || ' ' || coalesce((
                SELECT string_agg(regexp_replace(m[1], '[-_./]', '', 'g'), ' ')
                FROM regexp_matches(q.product_name, '([[:alnum:]]+(?:[-_./][[:alnum:]]+)+)', 'g') AS m
            ), '') AS compounds
    ) AS n
    CROSS JOIN LATERAL (
        SELECT coalesce((
            SELECT string_agg(lower(sku || ' ' || mpn), ' ') FROM catalog_variant WHERE product_id = q.id
        ), '') || ' ' || coalesce((
            SELECT string_agg(lower(number #>> '{}'), ' ')
            FROM jsonb_path_query(q.attributes, 'strict $.part_numbers[*] ? (@.type() == "string")', '{}', true)
                AS number
        ), '') AS numbers
    ) AS v
    CROSS JOIN LATERAL (
        SELECT coalesce(array_remove(array_agg(DISTINCT CASE
            WHEN d.id IS NULL THEN said.facet
            ELSE said.name || '=' || catalog_typed(d.type, d.meaning, substr(said.facet, length(said.name) + 2))
        END), NULL), '{}') AS facets
        FROM (
            SELECT key, value FROM jsonb_each(q.attributes)
            WHERE jsonb_typeof(q.attributes) = 'object'
            UNION ALL
            SELECT o.key, o.value FROM catalog_variant AS r, jsonb_each(r.options) AS o
            WHERE r.product_id = q.id AND r.is_active AND jsonb_typeof(r.options) = 'object'
        ) AS attribute
        CROSS JOIN LATERAL jsonb_path_query(attribute.value, 'lax $[*]') AS item
        CROSS JOIN LATERAL catalog_facet(attribute.key, item #>> '{}') AS folded
        CROSS JOIN LATERAL (SELECT folded AS facet, split_part(folded, '=', 1) AS name) AS said
        LEFT JOIN catalog_attribute AS d ON d.code = said.name
        WHERE jsonb_typeof(item) IN ('string', 'number', 'boolean')
            AND length(item #>> '{}') BETWEEN 1 AND 60 AND attribute.key <> ALL(%s)
            AND folded IS NOT NULL
    ) AS f
    WHERE p.id = q.id AND q.id = ANY(%s::uuid[])
    RETURNING p.id, p.search_vector, p.facets
), numbers AS (
    SELECT i.id AS product_id, d.id AS attribute_id, substr(facet, length(d.code) + 2)::numeric AS value
    FROM indexed AS i, unnest(i.facets) AS facet JOIN catalog_attribute AS d ON d.code = split_part(facet, '=', 1)
    WHERE d.type = 'number'
), other_numbers AS (
    DELETE FROM catalog_productnumber AS k USING indexed AS i
    WHERE k.product_id = i.id AND NOT EXISTS (
        SELECT 1 FROM numbers AS n
        WHERE n.product_id = k.product_id AND n.attribute_id = k.attribute_id AND n.value = k.value
    )
), new_numbers AS (
    INSERT INTO catalog_productnumber (product_id, attribute_id, value)
    SELECT product_id, attribute_id, value FROM numbers
    ON CONFLICT DO NOTHING
), attributes AS (
    INSERT INTO catalog_searchattribute (name)
    SELECT DISTINCT split_part(facet, '=', 1) AS name FROM indexed, unnest(indexed.facets) AS facet
    WHERE NOT EXISTS (SELECT 1 FROM catalog_searchattribute AS k WHERE k.name = split_part(facet, '=', 1))
    ORDER BY name
    ON CONFLICT DO NOTHING
)
INSERT INTO catalog_searchword (word, frequency)
SELECT DISTINCT w.lexeme COLLATE "C" AS word, 1
FROM indexed, unnest(ts_filter(indexed.search_vector, '{a,b,c}')) AS w
WHERE catalog_is_word(w.lexeme) AND NOT EXISTS (SELECT 1 FROM catalog_searchword AS k WHERE k.word = w.lexeme)
ORDER BY word
ON CONFLICT DO NOTHING
"""

_LOCK = "SELECT 1 FROM catalog_product WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE"

_COUNT_WORDS = """
WITH counted AS (
    SELECT word COLLATE "C" AS word, ndoc FROM ts_stat($$
        SELECT ts_filter(search_vector, '{a,b,c}') FROM catalog_product WHERE is_active AND deleted_at IS NULL
    $$) WHERE catalog_is_word(word)
), gone AS (
    DELETE FROM catalog_searchword AS k WHERE NOT EXISTS (SELECT 1 FROM counted WHERE counted.word = k.word)
)
INSERT INTO catalog_searchword AS k (word, frequency)
SELECT word, ndoc FROM counted ORDER BY word
ON CONFLICT (word) DO UPDATE SET frequency = excluded.frequency WHERE k.frequency <> excluded.frequency
"""

_COUNT_ATTRIBUTES = """
DELETE FROM catalog_searchattribute AS k WHERE NOT EXISTS (
    SELECT 1 FROM (
        SELECT DISTINCT split_part(facet, '=', 1) AS name FROM catalog_product, unnest(facets) AS facet
        WHERE is_active AND deleted_at IS NULL
    ) AS used WHERE used.name = k.name
)
"""


def index_products(product_ids: Iterable[UUID]) -> None:
    """Rebuild what the search knows of these products, in the writing transaction, with one statement."""
    ids = [str(pk) for pk in product_ids]
    if ids:
        with connection.cursor() as cursor:
            cursor.execute(_INDEX, [list(NO_FACETS), ids])


def index_all(products: QuerySet[Any]) -> None:
    """Index these products: up to ``BATCH`` of them in the writing transaction, the others by owed work soon after."""
    ids = list(products.order_by("pk").values_list("pk", flat=True))
    index_locked(ids[:BATCH])
    for start in range(BATCH, len(ids), BATCH):
        index_products_later.owe(f"index:{new_id()}", product_ids=[str(pk) for pk in ids[start : start + BATCH]])


def index_locked(product_ids: Sequence[UUID]) -> None:
    """Lock products in key order, as orders do, so that the two cannot deadlock; then index them."""
    if product_ids:
        with connection.cursor() as cursor:
            cursor.execute(_LOCK, [[str(pk) for pk in product_ids]])
        index_products(product_ids)


def count_having(name: str, value: str = "") -> int:
    """Count the products, removed ones too, that the search knows to have an attribute, or this value of it."""
    if value:
        condition, parameters = "facets @> ARRAY[%s]", [f"{name}={value}"]
    else:
        condition, parameters = "EXISTS (SELECT 1 FROM unnest(facets) AS f WHERE starts_with(f, %s))", [f"{name}="]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM catalog_product WHERE {condition}", parameters)  # noqa: S608 - our own
        count: int = cursor.fetchone()[0]
    return count


@transaction.atomic
def refresh_vocabulary() -> None:
    """Count in how many products each word is, and forget words and attributes that no product for sale has.

    Between two counts new words are known with a frequency of one.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '300s'")  # it reads every product
        cursor.execute(_COUNT_WORDS)
        cursor.execute(_COUNT_ATTRIBUTES)


def rebuild_search(*, everything: bool = True) -> int:
    """Index all products, or those that never were, ``BATCH`` in each transaction; return how many.

    The vocabulary is counted at the end.
    """
    with connection.cursor() as cursor:
        unindexed = "" if everything else "WHERE facets IS NULL"
        cursor.execute(f"SELECT id FROM catalog_product {unindexed} ORDER BY id")  # noqa: S608 - our own words
        ids = [row[0] for row in cursor.fetchall()]
    for start in range(0, len(ids), BATCH):
        with transaction.atomic():
            index_locked(ids[start : start + BATCH])
    refresh_vocabulary()
    return len(ids)
