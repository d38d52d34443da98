"""Pages: ``?page=`` and ``?page_size=`` (alias ``limit``), 20 by default, 100 at most, 1,000 pages deep."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError as FieldValidationError
from django.db.models import Model, Q, QuerySet
from rest_framework import pagination
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from ecommerce.cursors import InvalidCursor, read_cursor, write_cursor
from ecommerce.filters import ORDERING_PARAMETERS

MAX_PAGE = 1000


class PageNumberPagination(pagination.PageNumberPagination):
    page_size = 20
    max_page_size = 100
    page_size_query_param = "page_size"
    aliases = ("page_size", "limit")

    def get_page_size(self, request: Request) -> int:
        for name in self.aliases:
            if (text := request.query_params.get(name)) is not None:
                return bounded(name, text, self.max_page_size)
        return self.page_size or 20

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: APIView | None = None
    ) -> Any:
        if (text := request.query_params.get(self.page_query_param)) is not None:
            bounded(self.page_query_param, text, MAX_PAGE)
        return super().paginate_queryset(queryset, request, view)


def bounded(name: str, text: str, most: int) -> int:
    """Return the whole number from 1 to ``most`` that a parameter spells.

    Raises:
        ValidationError: it spells none.
    """
    # Twenty digits are enough to say no; int() of a million digits is an attack.
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and 1 <= int(text) <= most):
        raise ValidationError({name: [f"Give a whole number from 1 to {most}."]})
    return int(text)


class CursorOrPagePagination(PageNumberPagination):
    """Pages by number, or, with ``?cursor=``, by place: for readers of the whole list, at the same cost on every page.

    By place, ``{next, next_cursor, results}``: there is no count, and nothing is skipped or repeated when rows are
    added or removed meanwhile. An empty ``cursor`` starts. The view names the orderings that it can be done in
    (``cursor_orderings``): from the public name to the columns, none of them nullable, the last one unique.
    """

    cursor_param = "cursor"

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: APIView | None = None
    ) -> Any:
        self.cursor_page: _CursorPage | None = None
        text = request.query_params.get(self.cursor_param)
        if text is None or not isinstance(queryset, QuerySet):
            return super().paginate_queryset(queryset, request, view)
        if (number := request.query_params.get(self.page_query_param)) is not None:
            raise ValidationError({self.page_query_param: [f"Page by cursor or by number, not both ({number[:20]})."]})
        orderings: dict[str, tuple[str, ...]] = getattr(view, "cursor_orderings", {})
        self.cursor_page = _CursorPage(queryset, orderings, request, text, self.get_page_size(request))
        return self.cursor_page.rows

    def get_paginated_response(self, data: Any) -> Response:
        if self.cursor_page is None:
            return super().get_paginated_response(data)
        after = self.cursor_page.after
        link = None
        if after is not None:
            link = replace_query_param(self.cursor_page.address, self.cursor_param, after)
        return Response({"next": link, "next_cursor": after, "results": data})


class _CursorPage:
    def __init__(
        self, rows: QuerySet[Any], orderings: dict[str, tuple[str, ...]], request: Request, cursor: str, size: int
    ) -> None:
        name = next((p for p in ORDERING_PARAMETERS if p in request.query_params), None)
        ordering = request.query_params[name] if name else next(iter(orderings))
        if ordering not in orderings:
            raise ValidationError({name or "cursor": [f"By cursor, order by one of: {', '.join(orderings)}."]})
        self.columns = orderings[ordering]
        self.address = request.build_absolute_uri()
        # A cursor belongs to its ordering and its list; another one has other places.
        self.kind = f"{request.path} {ordering}"
        if cursor:
            rows = rows.filter(self._behind(rows.model, cursor))
        found = list(rows.order_by(*self.columns)[: size + 1])
        self.rows = found[:size]
        self.after = self._place(self.rows[-1]) if len(found) > size else None

    def _behind(self, model: type[Model], cursor: str) -> Q:
        """Return the condition for the rows behind a cursor: further in the first column, or equal in it and so on."""
        texts = read_cursor(self.kind, cursor)
        if len(texts) != len(self.columns):
            raise InvalidCursor()
        bound, behind, equal = Q(), Q(), Q()
        for column, text in zip(self.columns, texts, strict=True):
            name, further = column.lstrip("-"), "lt" if column.startswith("-") else "gt"
            try:
                value = model._meta.get_field(name).clean(text, None)  # type: ignore[union-attr]
            except FieldValidationError:
                raise InvalidCursor() from None
            # Said apart as well: the first column alone bounds the scan of an index.
            bound = bound or Q(**{f"{name}__{further}e": value})
            behind |= equal & Q(**{f"{name}__{further}": value})
            equal &= Q(**{name: value})
        return bound & behind

    def _place(self, row: Model) -> str:
        names = (column.lstrip("-") for column in self.columns)
        return write_cursor(self.kind, *(_text(getattr(row, name)) for name in names))


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
