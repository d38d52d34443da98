"""The sheet that is taken along for counting, and reading it when it comes back.

A file is understood as a whole, or refused by its bad lines.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import F, FilteredRelation, Q, QuerySet
from django.db.models.functions import Coalesce

from catalog.inventory.exceptions import CountLinesUnreadable, CountTooLarge, CountUnreadable
from catalog.inventory.models import Warehouse
from catalog.models import Product, Variant
from ecommerce.csv_rows import BadQuotes, filled_rows

COLUMNS = ("sku", "name", "expected", "counted")
_NEEDED = frozenset({"sku", "counted"})
MAX_FILE = 5 * 1024 * 1024  # bytes; nginx refuses bodies over 6 MB
MAX_LINES = 50_000
MOST_UNITS = 1_000_000  # of a variant; more is a slip of the finger
SHOWN_BAD_LINES = 50
_LONGEST_CELL = 1000  # characters; a quote that is never closed swallows the file

# What a spreadsheet takes for a formula, or for the end of a cell. Source: OWASP, CSV injection.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"(-?)(\d{1,12})(?:[.,]0{1,6})?")  # a spreadsheet may write 12 as 12,00
_NO_TEXT = (b"MZ", b"\x7fELF", b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"#!")


@dataclass(frozen=True)
class Counted:
    """A line: ``number`` is where it ends in the file, ``expected`` what the sheet had said."""

    number: int
    sku: str
    counted: int
    expected: int | None = None


class _BadLine(Exception):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


# --- the sheet


def sheet_rows(warehouse: Warehouse, *, everything: bool = False) -> QuerySet[Variant, tuple[str, str, int]]:
    """Return SKU, name and balance of what lies in a warehouse or has lain there; or of everything that is sold."""
    variants = Variant.objects.filter(product__kind=Product.Kind.PHYSICAL, product__deleted_at__isnull=True)
    here = FilteredRelation("balances", condition=Q(balances__warehouse=warehouse))
    rows = variants.annotate(here=here, expected=Coalesce(F("here__on_hand"), 0))
    rows = rows.filter(is_active=True) if everything else rows.filter(here__isnull=False)
    return rows.order_by("sku").values_list("sku", "product__product_name", "expected")


def write_sheet(rows: Iterable[tuple[str, str, int]]) -> Iterator[str]:
    """Give the sheet's text piece by piece; it begins with a byte order mark, or Excel takes it for Windows-1252."""
    yield "\ufeff" + ",".join(COLUMNS) + "\r\n"
    for sku, name, expected in rows:
        line = io.StringIO()
        csv.writer(line).writerow([harmless(sku), harmless(name), expected, ""])
        yield line.getvalue()


def harmless(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    text = text.replace("\x00", "")
    return f"'{text}" if text.startswith(_FORMULA) else text


# --- the file that comes back


def read_count(raw: bytes) -> list[Counted]:
    """Return what was counted; a line whose ``counted`` is empty was not.

    Raises:
        CountTooLarge: too many bytes or lines.
        CountUnreadable: it is no such file.
        CountLinesUnreadable: some lines are wrong; the first of them are named.
    """
    if len(raw) > MAX_FILE:
        raise CountTooLarge(f"{MAX_FILE // 1024**2} MB")
    text = _decoded(raw)
    rows = _rows(text, _delimiter(text))
    names = _header(rows)
    found: list[Counted] = []
    bad: list[tuple[int, str, str]] = []
    bad_lines = 0
    seen: dict[str, int] = {}
    for line_count, (number, row) in enumerate(rows, 1):
        if line_count > MAX_LINES:
            raise CountTooLarge(f"{MAX_LINES:,} lines")
        try:
            line = _line(number, names, row)
            if line is None:
                continue
            if line.sku in seen:
                raise _BadLine("sku_twice", f"{line.sku} stands in line {seen[line.sku]} too.")
            seen[line.sku] = number
            found.append(line)
        except _BadLine as error:
            bad_lines += 1
            if len(bad) < SHOWN_BAD_LINES:
                bad.append((number, error.code, str(error)))
    if bad:
        raise CountLinesUnreadable(bad, bad_lines=bad_lines)
    if not found:
        raise CountUnreadable("Nothing was counted: every `counted` is empty.", code="count_empty")
    return found


def _decoded(raw: bytes) -> str:
    if raw.startswith(_NO_TEXT):
        raise CountUnreadable("This is no CSV. Save the sheet as CSV and upload that.", code="count_not_csv")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\x00" in raw:
        raise CountUnreadable("This is no text: it holds NUL bytes.", code="count_not_csv")
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        return text
    raise CountUnreadable("The file is neither UTF-8, UTF-16 nor Windows-1252.", code="count_encoding")


def _delimiter(text: str) -> str:
    """Return what stands between the header's cells: a comma, or where the comma is decimal a semicolon, or a tab."""
    header = text.lstrip("\r\n").partition("\n")[0]
    return max(",;\t", key=header.count)


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    try:
        yield from filled_rows(text, delimiter=delimiter)
    except BadQuotes as error:
        raise CountLinesUnreadable([(error.line, "bad_quotes", error.detail)], bad_lines=1) from None


def _header(rows: Iterator[tuple[int, list[str]]]) -> list[str]:
    names = [name.lower() for name in next(rows, (0, []))[1]]
    if not _NEEDED.issubset(names):
        raise CountUnreadable("The first line must name the columns sku and counted.", code="count_header")
    if unknown := sorted(set(names) - set(COLUMNS) - {""}):
        raise CountUnreadable(f"Unknown columns: {', '.join(unknown)[:200]}.", code="count_header")
    if len([name for name in names if name]) != len({name for name in names if name}):
        raise CountUnreadable("A column stands there twice.", code="count_header")
    return names


def _line(number: int, names: list[str], row: list[str]) -> Counted | None:
    if len(row) > len(names) and any(row[len(names) :]):
        raise _BadLine("bad_columns", "It has more columns than the header.")
    cells = dict(zip(names, [*row, *[""] * (len(names) - len(row))], strict=False))
    if any(len(cell) > _LONGEST_CELL for cell in cells.values()):
        raise _BadLine("bad_columns", f"A cell is longer than {_LONGEST_CELL} characters; is a quote not closed?")
    if not cells["counted"]:
        return None
    sku = cells["sku"]
    if sku.startswith("'") and sku[1:].startswith(_FORMULA):
        sku = sku[1:]  # as the sheet wrote it
    if not sku or len(sku) > 64:
        raise _BadLine("sku_unknown", "sku is missing, or longer than 64 characters.")
    counted = _units(cells["counted"], "counted")
    if counted < 0:
        raise _BadLine("count_negative", f"{counted} cannot lie on a shelf.")
    if counted > MOST_UNITS:
        raise _BadLine("count_too_many", f"{counted:,} is more than {MOST_UNITS:,}.")
    told = cells.get("expected", "")
    return Counted(number, sku, counted, _units(told, "expected") if told else None)


def _units(text: str, column: str) -> int:
    number = _NUMBER.fullmatch(text)
    if number is None or not text.isascii():
        raise _BadLine("bad_number", f"{text[:40]!r} in {column} is no whole number.")
    units = int(number[1] + number[2])
    if abs(units) >= 2**31:
        raise _BadLine("bad_number", f"{text[:40]!r} in {column} is too large.")
    return units
