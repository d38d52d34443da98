"""Pages: ``?page=`` and ``?page_size=`` (alias ``limit``), 20 by default, 100 at most, 1,000 pages deep."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework import pagination
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

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
