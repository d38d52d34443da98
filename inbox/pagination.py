"""Pages of lists that grow at their newer end: found by where the last one ended."""

from typing import Any
from uuid import UUID

from rest_framework import pagination
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from catalog.inventory.pagination import LedgerPagination


class NewestFirst(LedgerPagination):
    """By id, which is ordered by time. ``?cursor=`` is the answer's ``next`` or ``previous``."""

    def decode_cursor(self, request: Request) -> Any:
        cursor = pagination.CursorPagination.decode_cursor(self, request)
        if cursor is not None and cursor.position is not None:
            try:
                UUID(str(cursor.position))
            except ValueError:
                raise NotFound() from None
        return cursor
