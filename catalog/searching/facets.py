"""How many results each further choice would leave.

A group (category, brand, price, stock, each attribute) is counted as if nothing had been chosen in it, so that who has
chosen black sees how many white ones there are. All groups are counted in one statement: it notes for each product
that the text finds which of the chosen conditions it misses, and a group counts what misses none but its own.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from django.core.cache import cache
from django.db import connection
from redis.exceptions import RedisError

from catalog.attributes.units import shown
from catalog.documents.keeping import version_in_use
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
    SELECT id, category_id, brand_id, price, in_stock, facets, {missed} AS missed
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
    FROM of_attributes LEFT JOIN catalog_attribute AS d ON d.code = name
    WHERE d.id IS NULL OR (d.facetable AND d.steps = '{{}}')
), ranges AS (
    SELECT d.code AS name, width_bucket(n.value, d.steps) AS place, count(DISTINCT near.id) AS amount
    FROM catalog_attribute AS d JOIN catalog_productnumber AS n ON n.attribute_id = d.id
    JOIN near ON near.id = n.product_id
    WHERE d.facetable AND d.steps <> '{{}}' {range}
    GROUP BY 1, 2
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
UNION ALL (SELECT 'ranges', name, place::text, NULL, amount FROM ranges ORDER BY name, place)
UNION ALL SELECT 'defined', d.code, d.label, json_build_object(
        'type', d.type, 'unit', d.unit, 'steps', array_to_json(d.steps::text[])
    )::text, 0
    FROM catalog_attribute AS d
    WHERE d.code IN (SELECT name FROM ordered UNION ALL SELECT name FROM ranges)
UNION ALL SELECT 'choices', d.code, c.code, c.label, 0
    FROM catalog_attribute AS d JOIN catalog_attributechoice AS c ON c.attribute_id = d.id
    WHERE (d.code, c.code) IN (SELECT name, value FROM ordered WHERE place <= {most})
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
    products match is kept for ``KEPT`` seconds, or until something changes.
    """
    conditions = list(criteria.conditions())
    words = repr(conditions) + text_query
    # Answers are kept under the catalogue's version, so nothing older may be in them.
    key = f"facets:{version_in_use()}:{hashlib.sha256(words.encode()).hexdigest()}"
    try:
        counted: Counted | None = cache.get(key)
    except RedisError:
        counted = None
    if counted is None:
        counted = _count(conditions, [*criteria.attributes, *criteria.numbers], text_query)
        if counted.found > BROAD:
            with suppress(RedisError):
                cache.set(key, counted, KEPT)
    return counted


def _count(conditions: Sequence[Condition], attributes: Sequence[str], text_query: str) -> Counted:
    bits = {condition.group: 1 << n for n, condition in enumerate(conditions)}
    missed = [f"CASE WHEN {each.chosen.sql} THEN 0 ELSE {bits[each.group]} END" for each in conditions]
    cases = " ".join(f"WHEN %s THEN {bits[attribute_group(name)]}" for name in attributes)
    own = {group: str(bits.get(group, 0)) for group in (CATEGORY, BRAND, PRICE, IN_STOCK)}
    own["attribute"] = f"(CASE split_part(facet, '=', 1) {cases} ELSE 0 END)" if attributes else "0"
    of_range = f"AND missed & ~(CASE d.code {cases} ELSE 0 END) = 0" if attributes else "AND missed = 0"
    # Without a condition nothing is missed; said aloud, so that the planner does not expect few rows.
    statement = _FACETS.format(
        missed=" | ".join(missed) or "0",
        text="AND search_vector @@ %s::tsquery" if text_query else "",
        near="WHERE missed & (missed - 1) = 0" if conditions else "",
        most=MOST_VALUES,
        range=of_range if conditions else "",
        **{group: f"WHERE missed & ~{bit} = 0" if conditions else "" for group, bit in own.items()},
    )
    parameters = [parameter for each in conditions for parameter in each.chosen.parameters]
    parameters += [text_query] * bool(text_query) + list(attributes) * 2 + [PRICE_STEPS]
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
        "attributes": _attributes(of),
    }


def _attributes(of: dict[str, list[tuple[Any, ...]]]) -> list[dict[str, Any]]:
    """Return the values of each attribute, or its ranges; of one that is defined, also what it is called."""
    defined = {name: {"label": label} | json.loads(rest) for name, label, rest, _ in of.get("defined", [])}
    labels = {(name, code): label for name, code, label, _ in of.get("choices", [])}
    found: dict[str, dict[str, Any]] = {}
    totals: Counter[str] = Counter()
    for name, value, total, amount in of.get("attributes", []):
        label = {"label": labels[name, value]} if (name, value) in labels else {}
        found.setdefault(name, {"values": []})["values"].append({"value": value, **label, "count": amount})
        totals[name] = int(total)
    for name, place, _, amount in of.get("ranges", []):
        ends = [None, *(shown(Decimal(step)) for step in defined[name]["steps"]), None]
        low, high = ends[int(place)], ends[int(place) + 1]
        ranges = found.setdefault(name, {"values": [], "ranges": []})["ranges"]
        ranges.append({"min": low, "below": high, "count": amount})
        totals[name] += amount
    most_used = sorted(found, key=lambda name: (-totals[name], name))[:MOST_ATTRIBUTES]
    for name in most_used:
        if name in defined:
            about = {key: defined[name][key] for key in ("label", "type", "unit")}
            found[name] = about | found[name]
            if about["type"] == "number":
                # The index may still have a text of the time before it was a number.
                found[name]["values"].sort(key=lambda entry: (_as_number(entry["value"]), entry["value"]))
    return [{"name": name, **found[name]} for name in most_used]


def _as_number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("Infinity")


NOTHING = Counted(found=0, total=0, facets=_shown({}))
