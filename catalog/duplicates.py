"""A name that is taken, told as the field's own error, also when two people took it at the same moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError

from ecommerce.exceptions import sqlstate

TAKEN = "This is taken."


@contextmanager
def naming_duplicates(*fields: str) -> Iterator[None]:
    """Turn a violated unique constraint over one of the columns ``fields`` into that field's error.

    Stands outside the transaction, which is broken by then.

    Raises:
        ValidationError: names the field.
    """
    try:
        yield
    except IntegrityError as error:
        diagnostics = getattr(error.__cause__, "diag", None)
        constraint = getattr(diagnostics, "constraint_name", None) or ""
        field = next((field for field in fields if f"_{field}" in constraint), None)
        if sqlstate(error) != "23505" or field is None:
            raise
        raise ValidationError({field: [TAKEN]}, code="unique") from error


def refuse_taken(rows: QuerySet[Any], field: str, text: str, *, own: Any = None) -> None:
    """Refuse a name that another row has, in whatever case.

    Raises:
        ValidationError: it is taken.
    """
    if rows.filter(**{f"{field}__iexact": text}).exclude(pk=getattr(own, "pk", None)).exists():
        raise ValidationError(TAKEN, code="unique")


def is_id(url_key: str) -> bool:
    """Tell whether look-ups would take this url_key for an id."""
    try:
        UUID(url_key)
    except ValueError:
        return False
    return True


def refuse_uuid(url_key: str) -> None:
    """Refuse a url_key that is a UUID: a row is looked up by its id first, so nobody would find this one.

    Raises:
        ValidationError: it is one.
    """
    if is_id(url_key):
        raise ValidationError("A url_key cannot be a UUID.", code="invalid")
