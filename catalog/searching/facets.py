"""How many results each further choice would leave.

A group (category, brand, price, stock, each attribute) is counted as if nothing had been chosen in it, so that who has
chosen black sees how many white ones there are. All groups are counted in one statement, which also reads the page: it
notes for each product that the text finds which of the chosen conditions it misses, and a group counts what misses none
but its own.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from catalog.attributes.units import shown
from catalog.documents.keeping import Facts
from catalog.documents.reading import with_addresses
from catalog.documents.sql import Fragment
from catalog.searching.criteria import BRAND, CATEGORY, IN_STOCK, PRICE, Condition, Criteria, attribute_group
from ecommerce.prepared import run

MOST_VALUES = 20  # of a group
MOST_ATTRIBUTES = 12
BROAD = 5000

# In the shop's currency; each range ends a cent below the next.
PRICE_STEPS = [Decimal(step) for step in (0, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000)]
_CENT = Decimal("0.01")

# Each product that the text finds is read once, and ranked if a page of them is wanted too. The groups are counted in
# one pass; what a group is called is looked up for those that are told.
_FACETS = """
WITH found AS MATERIALIZED (
    SELECT id, category_id, brand_id, price, in_stock, facets, {missed} AS missed, {place} AS place
    FROM catalog_product
    WHERE is_active AND deleted_at IS NULL {text}
), near AS MATERIALIZED (
    SELECT *, width_bucket(price, %s::numeric[]) AS bucket FROM found {near}
), grouped AS MATERIALIZED (
    SELECT GROUPING(category_id, brand_id, bucket, in_stock) AS others, category_id, brand_id, bucket, in_stock,
        count(*) {category} AS of_category, count(*) {brand} AS of_brand, count(*) {price} AS of_price,
        count(*) {in_stock} AS of_in_stock
    FROM near GROUP BY GROUPING SETS ((category_id), (brand_id), (bucket), (in_stock))
), in_categories AS (
    SELECT label::uuid AS id, sum(of_category)::bigint AS amount
    FROM grouped JOIN catalog_category AS c ON c.id = grouped.category_id,
        unnest(string_to_array(ltree2text(c.path), '.')) AS label
    WHERE others = 7 AND of_category > 0
    GROUP BY 1
), of_attributes AS (
    SELECT split_part(facet, '=', 1) AS name, facet, count(*) AS amount
    FROM (SELECT unnest(facets) AS facet, missed FROM near) AS each
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
UNION ALL SELECT 'total', {page}, NULL, NULL, count(*) FROM near WHERE missed = 0
UNION ALL (
    SELECT 'category', c.id::text, c.url_key, c.category_name, i.amount
    FROM in_categories AS i JOIN catalog_category AS c ON c.id = i.id
    ORDER BY i.amount DESC, c.category_name LIMIT {most}
)
UNION ALL (
    SELECT 'brand', b.id::text, b.url_key, b.name, of_brand
    FROM grouped JOIN catalog_brand AS b ON b.id = grouped.brand_id
    WHERE others = 11 AND of_brand > 0
    ORDER BY of_brand DESC, b.name LIMIT {most}
)
UNION ALL SELECT 'price', bucket::text, NULL, NULL, of_price FROM grouped WHERE others = 13 AND of_price > 0
UNION ALL SELECT 'in_stock', in_stock::text, NULL, NULL, of_in_stock FROM grouped
    WHERE others = 14 AND of_in_stock > 0
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
_DOCUMENTS = "catalog_documents(ARRAY(SELECT id FROM found WHERE missed = 0 ORDER BY place LIMIT %s OFFSET %s), %s)"


@dataclass(frozen=True)
class PageWanted:
    """Which of the results are wanted with the counts; ``whole`` with all that a product's own page shows."""

    order: Fragment
    start: int
    size: int
    whole: bool = False


@dataclass(frozen=True)
class Counted:
    """``found`` products have the text, ``total`` of them also fit all choices.

    ``items`` are the products of the page that was wanted, as the inside of a JSON array; None when they are still to
    be read.
    """

    found: int
    total: int
    facets: dict[str, Any]
    items: bytes | None = None


def count_facets(criteria: Criteria, text_query: str, page: PageWanted | None = None) -> Counted:
    """Count the choices among the products for sale that match ``text_query`` (all of them, when it is empty).

    With a text, the page is read in the same statement. Counting the better part of a large catalogue takes a tenth of
    a second and more, so what more than ``BROAD`` products match is kept by this process until something changes.
    """
    conditions = list(criteria.conditions())
    key = f"facets:{conditions!r}{text_query}"
    facts = Facts()
    counted: Counted | None = facts.recall(key)
    if counted is None:
        counted = _count(conditions, [*criteria.attributes, *criteria.numbers], text_query, page)
        if counted.found > BROAD:
            facts.note(key, replace(counted, items=None))
    return counted


def _count(
    conditions: Sequence[Condition], attributes: Sequence[str], text_query: str, page: PageWanted | None
) -> Counted:
    if not text_query:
        page = None  # of all products it is found sooner in an index of its order
    bits = {condition.group: 1 << n for n, condition in enumerate(conditions)}
    missed = [f"CASE WHEN {each.chosen.sql} THEN 0 ELSE {bits[each.group]} END" for each in conditions]
    cases = " ".join(f"WHEN %s THEN {bits[attribute_group(name)]}" for name in attributes)
    own = {group: bits.get(group, 0) for group in (CATEGORY, BRAND, PRICE, IN_STOCK)}
    of_attribute = f"(CASE split_part(facet, '=', 1) {cases} ELSE 0 END)" if attributes else "0"
    of_range = f"AND missed & ~(CASE d.code {cases} ELSE 0 END) = 0" if attributes else "AND missed = 0"
    # Without a condition nothing is missed; said aloud, so that the planner does not expect few rows.
    statement = _FACETS.format(
        missed=" | ".join(missed) or "0",
        place=f"row_number() OVER (ORDER BY {page.order.sql})" if page else "0",
        text="AND search_vector @@ %s::tsquery" if text_query else "",
        near="WHERE missed & (missed - 1) = 0" if conditions else "",
        most=MOST_VALUES,
        attribute=f"WHERE missed & ~{of_attribute} = 0" if conditions else "",
        range=of_range if conditions else "",
        page=_DOCUMENTS if page else "NULL",
        **{group: f"FILTER (WHERE missed & ~{bit} = 0)" if conditions else "" for group, bit in own.items()},
    )
    parameters = [parameter for each in conditions for parameter in each.chosen.parameters]
    parameters += [*page.order.parameters] if page else []
    parameters += [text_query] * bool(text_query) + [PRICE_STEPS] + list(attributes) * 2
    parameters += [page.size, page.start, page.whole] if page else []
    of: dict[str, list[tuple[Any, ...]]] = {}
    for group, *row in run(statement, parameters):
        of.setdefault(group, []).append(tuple(row))
    items, _, _, total = of["total"][0]
    return Counted(
        found=of["found"][0][3],
        total=total,
        facets=_shown(of),
        items=with_addresses((items or "").encode()) if page else None,
    )


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
