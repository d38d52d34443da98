"""How many results each further choice would leave.

A group (category, brand, price, stock, each attribute) is counted as if nothing had been chosen in it, so that who has
chosen black sees how many white ones there are. All groups are counted in one statement: it notes for each product
that the text finds which of the chosen conditions it misses, and a group counts what misses none but its own.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from django.core.cache import cache
from django.db import connection
from redis.exceptions import RedisError

from catalog.searching.criteria import BRAND, CATEGORY, IN_STOCK, PRICE, Condition, Criteria, attribute_group

MOST_VALUES = 20  # of a group
MOST_ATTRIBUTES = 12
BROAD = 5000
KEPT = 30  # seconds

# In the shop's currency; each range ends a cent below the next.
PRICE_STEPS = [Decimal(step) for step in (0, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000)]
_CENT = Decimal("0.01")

_FACETS = """
WITH found AS MATERIALIZED (
    SELECT category_id, brand_id, price, in_stock, facets, {missed} AS missed
    FROM catalog_product
    WHERE is_active AND deleted_at IS NULL {text}
), near AS MATERIALIZED (
    SELECT * FROM found {near}
), in_categories AS (
    SELECT label::uuid AS id, sum(direct.amount)::bigint AS amount
    FROM (SELECT category_id, count(*) AS amount FROM near {category} GROUP BY 1) AS direct
    JOIN catalog_category AS c ON c.id = direct.category_id, unnest(string_to_array(ltree2text(c.path), '.')) AS label
    GROUP BY 1
), of_attributes AS (
    SELECT split_part(facet, '=', 1) AS name, facet, count(*) AS amount
    FROM near, unnest(facets) AS facet
    {attribute}
    GROUP BY facet
), ordered AS (
    SELECT name, substr(facet, length(name) + 2) AS value, amount,
        row_number() OVER (PARTITION BY name ORDER BY amount DESC, facet) AS place,
        (sum(amount) OVER (PARTITION BY name))::bigint AS total
    FROM of_attributes
)
SELECT 'found', NULL, NULL, NULL, (SELECT count(*) FROM found)
UNION ALL SELECT 'total', NULL, NULL, NULL, count(*) FROM near WHERE missed = 0
UNION ALL (
    SELECT 'category', c.id::text, c.url_key, c.category_name, i.amount
    FROM in_categories AS i JOIN catalog_category AS c ON c.id = i.id
    ORDER BY i.amount DESC, c.category_name LIMIT {most}
)
UNION ALL (
    SELECT 'brand', b.id::text, b.url_key, b.name, direct.amount
    FROM (SELECT brand_id, count(*) AS amount FROM near {brand} GROUP BY 1) AS direct
    JOIN catalog_brand AS b ON b.id = direct.brand_id
    ORDER BY direct.amount DESC, b.name LIMIT {most}
)
UNION ALL SELECT 'price', width_bucket(price, %s::numeric[])::text, NULL, NULL, count(*)
    FROM near {price} GROUP BY 2
UNION ALL SELECT 'in_stock', in_stock::text, NULL, NULL, count(*) FROM near {in_stock} GROUP BY 2
UNION ALL (
    SELECT 'attributes', name, value, total::text, amount FROM ordered WHERE place <= {most} ORDER BY name, place
)
"""


@dataclass(frozen=True)
class Counted:
    """``found`` products have the text, ``total`` of them also fit all choices."""

    found: int
    total: int
    facets: dict[str, Any]


def count_facets(criteria: Criteria, text_query: str) -> Counted:
    """Count the choices among the products for sale that match ``text_query`` (all of them, when it is empty).

    Counting the better part of a large catalogue takes a tenth of a second and more, so what more than ``BROAD``
    products match is kept for ``KEPT`` seconds.
    """
    conditions = list(criteria.conditions())
    words = repr([(each.group, each.parameters) for each in conditions]) + text_query
    key = f"facets:{hashlib.sha256(words.encode()).hexdigest()}"
    try:
        counted: Counted | None = cache.get(key)
    except RedisError:
        counted = None
    if counted is None:
        counted = _count(conditions, list(criteria.attributes), text_query)
        if counted.found > BROAD:
            with suppress(RedisError):
                cache.set(key, counted, KEPT)
    return counted


def _count(conditions: Sequence[Condition], attributes: Sequence[str], text_query: str) -> Counted:
    bits = {condition.group: 1 << n for n, condition in enumerate(conditions)}
    missed = [f"CASE WHEN {each.sql} THEN 0 ELSE {bits[each.group]} END" for each in conditions]
    cases = " ".join(f"WHEN %s THEN {bits[attribute_group(name)]}" for name in attributes)
    own = {group: str(bits.get(group, 0)) for group in (CATEGORY, BRAND, PRICE, IN_STOCK)}
    own["attribute"] = f"(CASE split_part(facet, '=', 1) {cases} ELSE 0 END)" if attributes else "0"
    # Without a condition nothing is missed; said aloud, so that the planner does not expect few rows.
    statement = _FACETS.format(
        missed=" | ".join(missed) or "0",
        text="AND search_vector @@ %s::tsquery" if text_query else "",
        near="WHERE missed & (missed - 1) = 0" if conditions else "",
        most=MOST_VALUES,
        **{group: f"WHERE missed & ~{bit} = 0" if conditions else "" for group, bit in own.items()},
    )
    parameters = [parameter for condition in conditions for parameter in condition.parameters]
    parameters += [text_query] * bool(text_query) + list(attributes) + [PRICE_STEPS]
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows = cursor.fetchall()
    of: dict[str, list[tuple[Any, ...]]] = {}
    for group, *row in rows:
        of.setdefault(group, []).append(tuple(row))
    return Counted(found=of["found"][0][3], total=of["total"][0][3], facets=_shown(of))


def _shown(of: dict[str, list[tuple[Any, ...]]]) -> dict[str, Any]:
    prices = {int(place): amount for place, _, _, amount in of.get("price", [])}
    in_stock = {state: amount for state, _, _, amount in of.get("in_stock", [])}
    attributes: dict[str, list[dict[str, Any]]] = {}
    totals: dict[str, int] = {}
    for name, value, total, amount in of.get("attributes", []):
        attributes.setdefault(name, []).append({"value": value, "count": amount})
        totals[name] = int(total)
    most_used = sorted(attributes, key=lambda name: (-totals[name], name))[:MOST_ATTRIBUTES]
    return {
        "category": [
            {"id": pk, "url_key": url_key, "category_name": name, "count": amount}
            for pk, url_key, name, amount in of.get("category", [])
        ],
        "brand": [
            {"id": pk, "url_key": url_key, "name": name, "count": amount}
            for pk, url_key, name, amount in of.get("brand", [])
        ],
        "price": [
            {
                "min_price": f"{low:.2f}",
                "max_price": None if high is None else f"{high - _CENT:.2f}",
                "count": prices[n],
            }
            for n, (low, high) in enumerate(pairwise([*PRICE_STEPS, None]), 1)
            if n in prices
        ],
        "in_stock": [
            {"value": text == "true", "count": in_stock[text]} for text in ("true", "false") if text in in_stock
        ],
        "attributes": [{"name": name, "values": attributes[name]} for name in most_used],
    }


NOTHING = Counted(found=0, total=0, facets=_shown({}))
