"""Fields of requests that more than one topic has."""

import re
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalog.importing.cleaning import clean_line, clean_paragraphs
from catalog.selectors import by_id_or_url_key

# What would begin a tag, a comment or a declaration.
_OPENS_TAG = re.compile(r"<(?=[/!?a-zA-Z])")


class PlainTextField(serializers.CharField):
    """Text without markup and control characters. Whoever puts it into HTML escapes it all the same.

    The length is checked before the cleaning too, which therefore never sees more than ``max_length`` characters.
    """

    def __init__(self, *, one_line: bool = False, **kwargs: Any) -> None:
        self.one_line = one_line
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if self.max_length is not None and len(text) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        # Removing a tag can join two halves into another one: what still looks like one loses its bracket.
        text = _OPENS_TAG.sub("", clean_paragraphs(text))
        return " ".join(text.split()) if self.one_line else text

    def run_validation(self, data: Any = serializers.empty) -> Any:
        text = super().run_validation(data)
        if text == "" and not self.allow_blank:
            self.fail("blank")  # nothing was left of it
        return text


class LineField(serializers.CharField):
    """One line of visible text."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        text = super().run_validation(data)
        if isinstance(text, str):
            text = clean_line(text)
            if not text and not self.allow_blank:
                self.fail("blank")
        return text


@extend_schema_field(OpenApiTypes.STR)
class KeyField(serializers.CharField):
    """A row by its id or url_key."""

    default_error_messages = {"does_not_exist": "There is no such {name}."}

    def __init__(self, rows: QuerySet[Any], **kwargs: Any) -> None:
        self.rows = rows
        super().__init__(max_length=140, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        key = super().run_validation(data)  # as a text, before it reaches the database
        if not isinstance(key, str):
            return key  # null, or nothing at all
        row = self.rows.filter(by_id_or_url_key(key)).first()
        if row is None:
            self.fail("does_not_exist", name=self.rows.model._meta.verbose_name)
        return row
