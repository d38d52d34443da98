"""Pages of the trail: it only grows, so a page is found by where the last one ended, however deep."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from rest_framework import pagination
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from ecommerce.pagination import PageNumberPagination


class TrailPagination(pagination.CursorPagination):
    """``?cursor=`` of the answer's ``next`` and ``previous``; ``?page_size=`` (alias ``limit``) as everywhere."""

    ordering = ("-created_at", "-id")
    page_size = PageNumberPagination.page_size
    page_size_query_param = "page_size"

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: APIView | None = None
    ) -> Any:
        if "page" in request.query_params:
            raise ValidationError({"page": ["This list has no numbered pages; follow `next`."]})
        try:
            return super().paginate_queryset(queryset, request, view=view)
        except NotFound:
            raise ValidationError({"cursor": ["Take the cursor from `next` or `previous`."]}) from None

    def get_page_size(self, request: Request) -> int:
        return PageNumberPagination().get_page_size(request)

    def decode_cursor(self, request: Request) -> Any:
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None and not _is_moment(str(cursor.position)):
            raise NotFound()
        return cursor


def _is_moment(text: str) -> bool:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return False
    return isinstance(moment, datetime) and moment.tzinfo is not None
