"""Reading XLSX: checked before anything is unpacked, then row by row."""

import csv
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, time
from typing import IO, Any

import openpyxl

from catalog.exchange.exceptions import SpreadsheetTooLarge, SpreadsheetUnreadable

MAX_FILE = 25 * 1024 * 1024  # bytes of an upload
MAX_UNPACKED = 100 * 1024 * 1024  # bytes, of all parts together
MAX_PART_RATIO = 200  # unpacked to packed; office programs reach 30
_RATIO_COUNTS_FROM = 1024 * 1024  # bytes: small parts of nothing but spaces harm nobody
MAX_STRINGS = 64 * 1024 * 1024  # bytes of the table of texts, which must be in memory as a whole
MAX_PARTS = 2000
MAX_ROWS = 50_000  # a quarter of a minute; more would not be unpacked in the time that a task has
MAX_COLUMNS = 300


def check(file: IO[bytes]) -> None:
    """Make sure, by the archive's own directory, that this is a spreadsheet that can be unpacked.

    Python unpacks no more of a part than the directory says.

    Raises:
        SpreadsheetUnreadable: it is no archive, encrypted, or no XLSX.
        SpreadsheetTooLarge: it is, or unpacks to, too much.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        raise SpreadsheetUnreadable() from None
    names = {part.filename for part in parts}
    if "[Content_Types].xml" not in names or not any(name.startswith("xl/") for name in names):
        raise SpreadsheetUnreadable("This archive is no XLSX spreadsheet.")
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise SpreadsheetUnreadable("The spreadsheet has macros; save it as .xlsx without them.")
    if any(part.flag_bits & 0x1 for part in parts):
        raise SpreadsheetUnreadable("The spreadsheet is protected by a password.")
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise SpreadsheetTooLarge()
    for part in parts:
        bomb = part.file_size > _RATIO_COUNTS_FROM and part.file_size > MAX_PART_RATIO * max(1, part.compress_size)
        if bomb or (part.filename == "xl/sharedStrings.xml" and part.file_size > MAX_STRINGS):
            raise SpreadsheetTooLarge()


def rows_of(file: IO[bytes]) -> Iterator[list[str]]:
    """Yield the rows of the first sheet as texts; formulas as the values that they last had.

    Raises:
        SpreadsheetUnreadable: it is damaged.
        SpreadsheetTooLarge: it has more than ``MAX_ROWS`` rows.
    """
    try:
        with closing(openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)) as book:
            if not book.worksheets:
                raise SpreadsheetUnreadable("The spreadsheet has no sheet.")
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # what a file says of its own size may be wrong
            for number, row in enumerate(sheet.iter_rows(values_only=True, max_col=MAX_COLUMNS), start=1):
                if number > MAX_ROWS + 1:
                    raise SpreadsheetTooLarge(f"A spreadsheet may have {MAX_ROWS:,} rows; save it as CSV (UTF-8).")
                yield [_text(value) for value in row]
    except (SpreadsheetUnreadable, SpreadsheetTooLarge):
        raise
    except Exception as error:  # noqa: BLE001 - a hostile file finds every way out of a parser
        raise SpreadsheetUnreadable(f"The spreadsheet is damaged ({type(error).__name__}).") from None


def write_as_csv(file: IO[bytes], target: IO[str]) -> None:
    """Write the first sheet as CSV with a line of text for each row, so that lines are the sheet's rows.

    Raises:
        SpreadsheetUnreadable, SpreadsheetTooLarge: see ``rows_of``.
    """
    writer = csv.writer(target, lineterminator="\n")
    for row in rows_of(file):
        writer.writerow(row or [""])


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        # 5901234123457.0 is a barcode, and 19.99 must not become 19.989999999999998.
        return str(int(value)) if value.is_integer() and abs(value) < 10**18 else f"{value:.15g}"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)
