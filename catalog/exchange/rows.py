"""Reading an import's file in rows, and the rows of one product together. Never more than one product in memory."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import IO, Any

from django.utils.text import slugify

from catalog.exchange.fields import ATTRIBUTE, suggest
from catalog.exchange.guarding import unguard
from catalog.exchange.models import CatalogueImport
from catalog.exchange.sniffing import csv_rows, is_nested
from catalog.importing.reading import MAX_LINE
from catalog.importing.records import Reason
from ecommerce.parsers import parse_json

MAX_ROWS = 2000  # of one product: Shopify takes 2,048 variants, and a picture may have a row too

_BRANCH = re.compile(r"\s+>\s+")
_WHOLE_LINE = ""  # the column of a problem that no single column has


@dataclass(frozen=True, slots=True)
class Problem:
    line: int
    column: str
    code: str
    message: str


@dataclass(slots=True)
class Row:
    """One row: a text for each field that it has. ``feed`` is a whole line in the form of a product feed.

    Cells are only looked at when they are asked for: a step reads over all that the ones before have stored.
    """

    line: int
    given: dict[str, str] | None = None
    feed: bytes | None = None
    problem: Problem | None = None
    cells: Sequence[str] = ()
    places: Mapping[str, int] = field(default_factory=dict)  # of fields among the cells

    def text(self, name: str) -> str:
        """Return what stands in a field."""
        if self.given is not None:
            return self.given.get(name, "")
        place = self.places.get(name, len(self.cells))
        return unguard(self.cells[place].strip()) if place < len(self.cells) else ""

    @property
    def values(self) -> dict[str, str]:
        """Return the fields that are not empty."""
        if self.given is None:
            self.given = {name: text for name in self.places if (text := self.text(name))}
        return self.given


@dataclass(slots=True)
class Group:
    """The rows of one product. ``lines`` and ``bytes`` say how much of the file has been read with it."""

    key: str
    rows: list[Row]
    lines: int = 0
    bytes: int = 0
    too_many: bool = False


class Reader:
    """Reads the groups of rows of a file, which is CSV or NDJSON in UTF-8."""

    def __init__(self, job: CatalogueImport, file: IO[bytes]) -> None:
        self._job, self._file = job, file
        self._fields = {column: name for column, name in job.mapping.items() if name}
        self.columns = {name: column for column, name in self._fields.items()}
        self._bytes = 0

    def groups(self) -> Iterator[Group]:
        group: Group | None = None
        for row in self._rows():
            key = "" if row.problem or row.feed is not None else key_of(row)
            if group and key and key == group.key:
                if len(group.rows) < MAX_ROWS:
                    group.rows.append(row)
                group.too_many = group.too_many or len(group.rows) == MAX_ROWS
            else:
                if group:
                    yield group
                group = Group(key, [row])
            group.lines, group.bytes = row.line, self._bytes
        if group:
            yield group

    def _rows(self) -> Iterator[Row]:
        return self._json_rows() if self._job.kind == CatalogueImport.Kind.NDJSON else self._csv_rows()

    def _csv_rows(self) -> Iterator[Row]:
        reader: Any = csv_rows(self._text_lines(), self._job.delimiter or ",")
        by_row = self._job.kind == CatalogueImport.Kind.XLSX  # whose people count rows, not lines
        places = {
            name: place for place, column in enumerate(self._job.columns) if (name := self._fields.get(column, ""))
        }
        header, line = True, 1
        for number, cells in enumerate(reader, start=1):
            if header:
                header = not any(cells)
            elif any(cells[place].strip() for place in places.values() if place < len(cells)):
                yield Row(number if by_row else line, cells=cells, places=places)
            line = reader.line_num + 1

    def _text_lines(self) -> Iterator[str]:
        for line in self._file:
            self._bytes += len(line)
            yield line.decode()

    def _json_rows(self) -> Iterator[Row]:
        number = 0
        while line := self._file.readline(MAX_LINE + 1):
            number += 1
            self._bytes += len(line)
            if len(line) > MAX_LINE:
                while line and not line.endswith(b"\n"):
                    line = self._file.readline(MAX_LINE)
                    self._bytes += len(line)
                yield _bad(number, Reason.LINE_TOO_LONG, f"The line has more than {MAX_LINE:,} bytes.")
            elif line.strip():
                yield from self._json_row(number, line)

    def _json_row(self, number: int, line: bytes) -> Iterator[Row]:
        try:
            row = parse_json(line.strip())
        except Exception as error:  # noqa: BLE001 - a ParseError, or what a hostile number makes of Python
            yield _bad(number, Reason.MALFORMED_JSON, str(getattr(error, "detail", error)))
            return
        if not isinstance(row, dict):
            yield _bad(number, Reason.NOT_AN_OBJECT, "The line is no JSON object.")
        elif isinstance(row.get("variants"), list):
            yield from _nested(number, row)
        elif is_nested(row):
            yield Row(number, feed=line)
        else:
            values = {name: _text(row.get(column)) for column, name in self._fields.items()}
            yield Row(number, {name: text for name, text in values.items() if text})


def key_of(row: Row) -> str:
    """Return what the rows of one product have in common; a row without any of it is a product of its own."""
    if handle := _slug(row.text("url_key")):
        return f"handle:{handle}"
    if source_id := row.text("source_id"):
        return f"source:{source_id}"
    if sku := row.text("sku"):
        return f"sku:{sku}"
    name = _slug(row.text("name"))
    return f"name:{name}" if name else ""


_slug = lru_cache(maxsize=1024)(slugify)  # the rows of a product stand together


def _bad(line: int, code: str, message: str) -> Row:
    return Row(line, problem=Problem(line, _WHOLE_LINE, str(code), message[:300]))


# --- JSON with variants ---------------------------------------------------------------------------------------


def _nested(number: int, row: dict[str, Any]) -> Iterator[Row]:
    """Take a line of our own export apart: a row for each variant, the product's fields in the first."""
    variants = row.pop("variants")
    if not variants or not all(isinstance(variant, dict) for variant in variants):
        yield _bad(number, Reason.WRONG_TYPE, "variants is no array of objects, or an empty one.")
        return
    product = _fields(row)
    key = {name: product[name] for name in ("url_key", "source_id") if name in product}
    for place, variant in enumerate(variants):
        values = _fields(variant)
        for name in ("image_url", "is_active"):
            if name in values:
                values[f"variant_{name}"] = values.pop(name)
        yield Row(number, (product if place == 0 else key) | values)


def _fields(row: Mapping[str, Any]) -> dict[str, str]:
    mapping = suggest(row)
    return {field: text for name, field in mapping.items() if field and (text := _text(row[name], field))}


def _text(value: Any, field: str = "") -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and (not field or field in ("category", "tags", "image_url")):
        texts = [str(item) for item in value if isinstance(item, str | int)]
        return join_path(texts) if field == "category" else ", ".join(texts)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


# --- Paths of categories in one cell --------------------------------------------------------------------------


def join_path(names: list[str]) -> str:
    """Return ``Computers > Memory``; a name that holds such an arrow itself has a backslash before it."""
    return " > ".join(name.replace("\\", "\\\\").replace(">", "\\>") for name in names)


def split_path(text: str) -> list[str]:
    """Return the names in a path: what ``join_path`` was given."""
    marks = {"\\\\": "\x01", "\\>": "\x02"}
    for mark, stand_in in marks.items():
        text = text.replace(mark, stand_in)
    names = _BRANCH.split(text.strip())
    return [name.replace("\x01", "\\").replace("\x02", ">").strip() for name in names if name.strip()]


def attribute_name(field: str) -> str:
    """Return the attribute that a field stands for, or nothing."""
    return field.removeprefix(ATTRIBUTE) if field.startswith(ATTRIBUTE) else ""
