"""What can go wrong, and the one shape in which every failure is told.

``{"type": "client_error", "errors": [{"code", "detail", "attr"}]}``: the code is for programs and never changes,
the detail is for people, the attr names the field. Domain errors carry their own HTTP status.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError
from rest_framework import exceptions


@dataclass(frozen=True)
class ErrorRow:
    """One thing that is wrong: ``code`` for programs, ``detail`` for people, ``attr`` the field's path."""

    code: str
    detail: str
    attr: str | None = None


class DomainError(exceptions.APIException):
    """A named refusal by the shop's own rules, with a row for everything that is wrong.

    ``extra`` is added to the answer's top level, for facts that a program needs to go on (the allowed states).
    """

    status_code = 409
    code = "conflict"
    message = "This is not possible now."

    def __init__(self, rows: Sequence[ErrorRow] | None = None, **extra: Any) -> None:
        self.rows = list(rows or [ErrorRow(self.code, self.message)])
        self.extra = extra
        super().__init__(detail="; ".join(row.detail for row in self.rows), code=self.code)


class PayloadTooLarge(exceptions.APIException):
    status_code = 413
    default_code = "payload_too_large"
    default_detail = "The request body is larger than this address takes."


class Busy(exceptions.APIException):
    status_code = 503
    default_code = "temporarily_unavailable"
    default_detail = "The shop is busy. Try again in a moment."
    wait = 2


class Conflict(exceptions.APIException):
    status_code = 409
    default_code = "conflict"
    default_detail = "This conflicts with something that already exists."


# A cancelled statement (time-out) or a refused lock is the server being busy, not the client being wrong.
_BUSY_SQLSTATES = {"40001", "40P01", "55P03", "57014", "57P01", "57P02", "57P03", "53300", "25P03"}


def sqlstate(error: BaseException) -> str:
    """Return PostgreSQL's five-character code of a database error, or an empty string."""
    return getattr(error.__cause__, "pgcode", None) or ""


def translate_database_error(error: DatabaseError | InterfaceError) -> exceptions.APIException | None:
    """Return the answer that a database error deserves, or None when it is a fault of ours."""
    code = sqlstate(error)
    if code in _BUSY_SQLSTATES or (isinstance(error, OperationalError | InterfaceError) and not code):
        return Busy()
    if code == "22003":
        return exceptions.ValidationError({"non_field_errors": "A number is larger than the shop can hold."})
    if isinstance(error, IntegrityError):
        # Taken already; belongs to something that has just gone; overlaps with something.
        if code in ("23505", "23503", "23P01"):
            return Conflict()
        if code == "23514":
            return exceptions.ValidationError({"non_field_errors": "A value is outside what the shop allows."})
    return None


def error_body(code: str, detail: str, *, server: bool = False) -> dict[str, Any]:
    """Return the one error shape, for places that no exception handler reaches."""
    kind = "server_error" if server else "client_error"
    return {"type": kind, "errors": [{"code": code, "detail": detail, "attr": None}]}
