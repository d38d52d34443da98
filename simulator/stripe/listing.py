"""Lists: newest first, in pages. Source: Stripe API reference, Pagination."""

from collections.abc import Callable, Iterable, Mapping

from simulator.documents import Document
from simulator.stripe.errors import invalid, no_such
from simulator.stripe.fields import Fields

LONGEST_PAGE = 100
USUAL_PAGE = 10
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda value, wanted: value > wanted,
    "gte": lambda value, wanted: value >= wanted,
    "lt": lambda value, wanted: value < wanted,
    "lte": lambda value, wanted: value <= wanted,
}


def page(
    documents: Iterable[Document], fields: Fields, url: str, filters: tuple[str, ...] = (), kind: str = "object"
) -> Document:
    """Return a page of documents, which are given oldest first, as the parameters of the request want it.

    Raises:
        StripeError: a parameter cannot be read, or a cursor is not in the list.
    """
    wanted = {name: fields.text(name) for name in filters}
    created = _created(fields)
    limit = read_limit(fields)
    after, before = fields.text("starting_after"), fields.text("ending_before")
    if after and before:
        raise invalid("You can only provide one of: starting_after, ending_before.")
    found = [document for document in documents if _fits(document, wanted) and created(document["created"])]
    found.reverse()
    more = False
    if before:
        earlier = found[: _position(found, before, kind, "ending_before")]
        more, found = len(earlier) > limit, earlier[-limit:]
    else:
        if after:
            found = found[_position(found, after, kind, "starting_after") + 1 :]
        more, found = len(found) > limit, found[:limit]
    return {"object": "list", "data": found, "has_more": more, "url": url}


def read_limit(fields: Fields) -> int:
    limit = fields.integer("limit") or USUAL_PAGE
    if limit > LONGEST_PAGE:
        raise invalid(
            f"This value must be less than or equal to {LONGEST_PAGE}.", code="parameter_invalid_integer", param="limit"
        )
    return limit


def _fits(document: Document, wanted: Mapping[str, str | None]) -> bool:
    return all(value is None or document.get(name) == value for name, value in wanted.items())


def _created(fields: Fields) -> Callable[[int], bool]:
    if isinstance(fields.raw("created"), str):
        exact = fields.integer("created", smallest=0)
        return lambda moment: exact is None or moment == exact
    inner = fields.inner("created")
    if inner is None:
        return lambda _: True
    bounds = {name: inner.integer(name, smallest=0) for name in _COMPARISONS}
    inner.refuse_rest()
    return lambda moment: all(bound is None or _COMPARISONS[name](moment, bound) for name, bound in bounds.items())


def _position(documents: list[Document], wanted: str, kind: str, param: str) -> int:
    for number, document in enumerate(documents):
        if document["id"] == wanted:
            return number
    raise no_such(kind, wanted, param, status=400)
