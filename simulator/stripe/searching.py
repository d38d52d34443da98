"""Search: ``metadata['order']:'1001' AND status:'succeeded'``. Source: Stripe documentation, Search."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from simulator.documents import Document
from simulator.stripe.errors import StripeError, invalid
from simulator.stripe.fields import Fields
from simulator.stripe.listing import read_limit

_CLAUSE = re.compile(
    r"""\s*(?P<not>-)?(?P<field>[a-z_]+)(?:\[(?P<quote>['"])(?P<key>.+?)(?P=quote)\])?\s*"""
    r"""(?P<operator>:|~|>=|<=|>|<)\s*(?P<value>null|-?[0-9]+|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
)
_LINK = re.compile(r"\s+(AND|OR)(?=\s)|\s*\Z", re.IGNORECASE)
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    ":": lambda kept, wanted: kept == wanted,
    ">": lambda kept, wanted: kept > wanted,
    ">=": lambda kept, wanted: kept >= wanted,
    "<": lambda kept, wanted: kept < wanted,
    "<=": lambda kept, wanted: kept <= wanted,
}
_NUMBERS = ("amount", "created")
_Test = Callable[[Document], bool]


def search(documents: Iterable[Document], fields: Fields, url: str, searchable: tuple[str, ...]) -> Document:
    """Return a page of the documents, given oldest first, that fit the ``query``; newest first.

    Raises:
        StripeError: the query cannot be read, or names what cannot be searched.
    """
    fits = _read(fields.required_text("query"), searchable)
    limit = read_limit(fields)
    after = fields.text("page")
    found = [document for document in documents if fits(document)]
    found.reverse()
    if after:
        ids = [document["id"] for document in found]
        found = found[ids.index(after) + 1 :] if after in ids else []
    more = len(found) > limit
    found = found[:limit]
    return {
        "object": "search_result",
        "data": found,
        "has_more": more,
        "next_page": found[-1]["id"] if more else None,
        "url": url,
    }


def _read(query: str, searchable: tuple[str, ...]) -> _Test:
    tests: list[_Test] = []
    links: set[str] = set()
    position = 0
    while True:
        clause = _CLAUSE.match(query, position)
        link = _LINK.match(query, clause.end()) if clause else None
        if clause is None or link is None:
            raise _unreadable(query)
        tests.append(_test(clause, query, searchable))
        if link[1] is None:
            break
        links.add(link[1].upper())
        position = link.end()
    if len(links) > 1:
        raise invalid("You may not mix AND and OR in one search query.", param="query")
    together = any if "OR" in links else all
    return lambda document: together(test(document) for test in tests)


def _test(clause: re.Match[str], query: str, searchable: tuple[str, ...]) -> _Test:
    name, key, operator, negated = clause["field"], clause["key"], clause["operator"], bool(clause["not"])
    if name not in searchable or (name == "metadata") != (key is not None):
        raise invalid(f"Field `{name}` is an unsupported search field for resource `payment_intents`.", param="query")
    wanted = _literal(clause["value"])

    def value_of(document: Document) -> Any:
        return document["metadata"].get(key) if key is not None else document.get(name)

    if name in _NUMBERS:
        if not re.fullmatch(r"-?[0-9]+", wanted or "") or operator not in _COMPARISONS:
            raise _unreadable(query)
        number, compare = int(wanted or 0), _COMPARISONS[operator]
        return lambda document: compare(value_of(document), number) != negated
    if operator == "~":
        part = wanted or ""
        return lambda document: (part.lower() in (value_of(document) or "").lower()) != negated
    if operator != ":":
        raise _unreadable(query)
    return lambda document: (value_of(document) == wanted) != negated


def _literal(text: str) -> str | None:
    if text == "null":
        return None
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[0] in "'\"" else text


def _unreadable(query: str) -> StripeError:
    return invalid(
        f"We were unable to parse your search query: {query[:100]}. Try using the format `metadata['key']:'value'` to"
        " query for metadata or key:'value' to query for other fields.",
        param="query",
    )
