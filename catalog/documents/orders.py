"""In which orders products can be listed."""

from collections.abc import Mapping

from catalog.documents.sql import Fragment

RELEVANCE = "relevance"
NEWEST = "-created_at"

_PRICE, _NAME, _CREATED, _RATING = (
    f"catalog_product.{column}" for column in ("price", "product_name", "created_at", "rating")
)
_ID = "catalog_product.id"
ORDERINGS: Mapping[str, Fragment] = {
    NEWEST: Fragment(f"{_CREATED} DESC, {_ID}"),
    "created_at": Fragment(f"{_CREATED}, {_ID}"),
    "newest": Fragment(f"{_CREATED} DESC, {_ID}"),
    "price": Fragment(f"{_PRICE}, {_ID}"),
    "price_asc": Fragment(f"{_PRICE}, {_ID}"),
    "-price": Fragment(f"{_PRICE} DESC, {_ID}"),
    "price_desc": Fragment(f"{_PRICE} DESC, {_ID}"),
    "product_name": Fragment(f"{_NAME}, {_ID}"),
    "-product_name": Fragment(f"{_NAME} DESC, {_ID}"),
    "rating": Fragment(f"{_RATING}, {_ID}"),
    "-rating": Fragment(f"{_RATING} DESC NULLS LAST, {_ID}"),  # the unrated are not the best
}

PRODUCT_ORDERINGS = tuple(ORDERINGS)  # the first is the default
SEARCH_ORDERINGS = (RELEVANCE, *PRODUCT_ORDERINGS)
