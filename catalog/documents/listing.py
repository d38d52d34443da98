"""The list of products: its parameters, and its page of finished JSON."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.core.exceptions import ValidationError as FormValidationError
from django.db.models import QuerySet
from rest_framework.exceptions import ErrorDetail, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.utils.urls import remove_query_param, replace_query_param

from catalog.documents.conditions import (
    COLLECTION,
    among,
    in_category,
    in_collection,
    of_brand,
    tagged,
    with_attributes,
)
from catalog.documents.keeping import Facts
from catalog.documents.orders import ORDERINGS, PRODUCT_ORDERINGS, RELEVANCE, SEARCH_ORDERINGS
from catalog.documents.reading import Documents, count_up_to, read_behind, read_found_page, read_page
from catalog.documents.shaping import Shape
from catalog.documents.sql import Fragment
from catalog.documents.walking import Walk, walk_asked
from catalog.filters import ProductFilter
from catalog.models import Product
from catalog.searching.matching import FEW, best_first, found_by, meant_by
from catalog.searching.spelling import Correction
from catalog.searching.synonyms import query_of
from catalog.searching.words import search_words
from ecommerce.filters import ORDERING_PARAMETERS, PAGING_PARAMETERS, refuse_unknown_parameters
from ecommerce.pagination import MAX_PAGE, PageNumberPagination, bounded

SEARCHES = ("search", "q")
CURSOR = "cursor"


@dataclass(frozen=True)
class Listing:
    """A list that was asked for. ``texts`` are searched for under the names of their parameters.

    With ``walk`` its pages go by place: ``page`` and ``order`` mean nothing then. ``by_the_clock``: what belongs to it
    may change though nobody writes, as with a collection of what is new.
    """

    conditions: tuple[Fragment, ...]
    texts: tuple[tuple[str, str], ...]
    order: str
    page: int
    size: int
    walk: Walk | None = None
    by_the_clock: bool = False
    orders: Mapping[str, Fragment] = field(default_factory=lambda: ORDERINGS)  # but for relevance, which needs the text

    @property
    def start(self) -> int:
        return (self.page - 1) * self.size


def listing_asked(
    request: Request, *, also: frozenset[str], within: Fragment | None = None, own: Mapping[str, Fragment] | None = None
) -> Listing:
    """Read a list's parameters; ``also`` are those that somebody else reads.

    A list ``within`` some products has no cursor. Its ``own`` orders come before those of all products.

    Raises:
        ValidationError: names each parameter that is unknown or wrong.
        InvalidCursor: the cursor is none of this list.
    """
    parameters = request.query_params
    refuse_unknown_parameters(
        request,
        {
            *ProductFilter.base_filters,
            *ORDERING_PARAMETERS,
            *PAGING_PARAMETERS,
            *({CURSOR} if within is None else ()),
            *also,
        },
    )
    values = _cleaned({name: parameters[name] for name in ProductFilter.base_filters if name in parameters})
    conditions = (*([within] if within else ()), *_conditions(request, values))
    texts = tuple((name, values[name]) for name in SEARCHES if name in values)
    order = _order(request, (*(own or ()), *(SEARCH_ORDERINGS if texts else PRODUCT_ORDERINGS)))
    if CURSOR in parameters:
        if "page" in parameters:
            told = f"Page by cursor or by number, not both ({parameters['page'][:20]})."
            raise ValidationError({"page": [told]})
        walk = walk_asked(request, parameters[CURSOR])
        return Listing(conditions, texts, order, 1, _SIZES.get_page_size(request), walk)
    page = bounded("page", parameters["page"], MAX_PAGE) if "page" in parameters else 1
    size = _SIZES.get_page_size(request)
    return Listing(
        conditions,
        texts,
        order,
        page,
        size,
        by_the_clock=within is not None or COLLECTION in values,
        orders={**(own or {}), **ORDERINGS},
    )


_SIZES = PageNumberPagination()


def _cleaned(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of filters, as their form fields understand them; an empty one filters nothing."""
    values: dict[str, Any] = {}
    wrong: dict[str, list[ErrorDetail]] = {}
    for name, text in given.items():
        try:
            value = _field(name).clean(text)
        except FormValidationError as error:
            wrong[name] = [ErrorDetail(each.message % (each.params or ()), each.code) for each in error.error_list]
            continue
        if value not in forms.Field.empty_values:
            values[name] = value
    if wrong:
        raise ValidationError(wrong)
    return values


def _field(name: str) -> forms.Field:
    field: forms.Field = ProductFilter.base_filters[name].field
    return field


def _conditions(request: Request, values: Mapping[str, Any]) -> Iterator[Fragment]:
    for name, value in values.items():
        if name == "attributes":  # repeated
            yield from with_attributes(request.query_params.getlist(name))
        elif name == "tags":
            yield tagged(name, request.query_params.getlist(name))
        elif name == COLLECTION:
            yield in_collection(name, value, request.user)
        elif name not in SEARCHES:
            yield _condition(name, value)


def _condition(name: str, value: Any) -> Fragment:
    make = _CONDITIONS.get(name)
    if make is not None:
        return make(name, value)
    # A filter without SQL of its own here, in the ORM's.
    own = ProductFilter(queryset=Product.objects.none()).filters[name]
    products: QuerySet[Product] = own.filter(Product.objects.all(), value)
    return among(products)


def _column(sql: str) -> Callable[[str, Any], Fragment]:
    return lambda name, value: Fragment(sql, (value,))


_CONDITIONS: Mapping[str, Callable[[str, Any], Fragment]] = {
    "category": in_category,
    "brand": of_brand,
    "seller": lambda name, value: Fragment("catalog_product.seller_id = %s::uuid", (str(value),)),
    "kind": _column("catalog_product.kind = %s"),
    "in_stock": _column("catalog_product.in_stock = %s"),
    **dict.fromkeys(("price_min", "min_price"), _column("catalog_product.price >= %s")),
    **dict.fromkeys(("price_max", "max_price"), _column("catalog_product.price <= %s")),
}


def _order(request: Request, offered: Sequence[str]) -> str:
    name = next((name for name in ORDERING_PARAMETERS if name in request.query_params), None)
    if name is None:
        return offered[0]
    chosen: str = request.query_params[name]
    if chosen not in offered:
        raise ValidationError({name: [f"Order by one of: {', '.join(offered)}."]})
    return chosen


# --- The page -------------------------------------------------------------------------------------------------


def list_page(listing: Listing, shape: Shape, address: str) -> bytes:
    """Return the body of a list's answer; ``address`` is the one that was asked, for the links to other pages.

    Raises:
        NotFound: there are not so many pages.
        SearchTooLong: a text is longer than a search may be.
    """
    if listing.walk is not None:
        return _walked_page(listing, listing.walk, shape, address)
    found = _search(listing, shape) if listing.texts else _read(listing, shape)
    if listing.page > 1 and listing.start >= found.count:
        raise NotFound("Invalid page.")
    return page_body(found.count, shape.shaped(found.items), *_links(listing, found.count, address))


def page_body(count: int, items: bytes, next_link: str | None, previous_link: str | None, more: bytes = b"") -> bytes:
    """Put a page together; ``more`` is finished JSON to stand behind the results."""
    links = json.dumps(next_link, ensure_ascii=False), json.dumps(previous_link, ensure_ascii=False)
    head = f'{{"count":{count},"next":{links[0]},"previous":{links[1]},"results":['
    return b"".join((head.encode(), items, b"]", more, b"}"))


def _walked_page(listing: Listing, walk: Walk, shape: Shape, address: str) -> bytes:
    conditions = _meant(listing)
    if conditions is None:
        items, last = b"", None
    else:
        items, last = read_behind(
            [*conditions, *walk.behind], walk.order, walk.columns, size=listing.size, whole=shape.needs_parts
        )
    cursor = None if last is None else walk.cursor_behind(last)
    link = None if cursor is None else replace_query_param(address, CURSOR, cursor)
    head = f'{{"next":{json.dumps(link, ensure_ascii=False)},"next_cursor":{json.dumps(cursor)},"results":['
    return b"".join((head.encode(), shape.shaped(items), b"]}"))


def _links(listing: Listing, count: int, address: str) -> tuple[str | None, str | None]:
    following = replace_query_param(address, "page", listing.page + 1) if listing.start + listing.size < count else None
    if listing.page == 1:
        return following, None
    if listing.page == 2:
        return following, remove_query_param(address, "page")
    return following, replace_query_param(address, "page", listing.page - 1)


def _read(listing: Listing, shape: Shape) -> Documents:
    facts = Facts()
    key = ("count", repr(listing.conditions))
    known: int | None = None if listing.by_the_clock else facts.recall(key)
    found = read_page(
        listing.conditions,
        listing.orders[listing.order],
        start=listing.start,
        size=listing.size,
        whole=shape.needs_parts,
        count=known,
    )
    if known is None and not listing.by_the_clock:
        facts.note(key, found.count)
    return found


def _typed(listing: Listing) -> tuple[list[Fragment], list[str]] | None:
    """Return the conditions and the words of the text that decides; None when there is nothing to look for."""
    conditions = list(listing.conditions)
    *first, (name, text) = listing.texts
    for first_name, first_text in first:  # both names were given: what has one, and then the other
        words = search_words(first_text, attr=first_name)
        if not words:
            return None
        conditions.append(found_by(query_of(words)))
    words = search_words(text, attr=name)
    return (conditions, words) if words else None


def _search(listing: Listing, shape: Shape) -> Documents:
    """Read what was typed; where next to nothing has it, what may have been meant, in two statements more."""
    typed = _typed(listing)
    if typed is None:
        return Documents(b"", 0)
    conditions, words = typed
    query = query_of(words)

    def read(*meant: Correction) -> Documents:
        order = best_first(query, meant) if listing.order == RELEVANCE else listing.orders[listing.order]
        return read_found_page(
            [*conditions, found_by(query, meant)],
            order,
            start=listing.start,
            size=listing.size,
            whole=shape.needs_parts,
        )

    found = read()
    meant = meant_by(words, found=found.count)
    return read(*meant) if meant else found


def _meant(listing: Listing) -> list[Fragment] | None:
    """Return all conditions, for what was typed or may have been meant; None when nothing can fit them."""
    if not listing.texts:
        return list(listing.conditions)
    typed = _typed(listing)
    if typed is None:
        return None
    conditions, words = typed
    query = query_of(words)
    found = count_up_to(FEW + 1, [*conditions, found_by(query)])
    return [*conditions, found_by(query, meant_by(words, found=found))]
