"""Finding out what an upload really is. What is refused here was never stored."""

import codecs
import csv
import gzip
import hashlib
import json
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import IO, Any

from django.conf import settings

from catalog.exchange import spreadsheets
from catalog.exchange.exceptions import (
    CsvUnreadable,
    FileEmpty,
    FileRefused,
    FileTooLarge,
    FileUnsupported,
    NotUtf8,
    TooManyColumns,
)
from catalog.exchange.fields import suggest
from catalog.exchange.guarding import unguard
from catalog.exchange.models import CatalogueImport
from catalog.importing.reading import MAX_LINE

Kind = CatalogueImport.Kind

MAX_COLUMNS = 300
MAX_COLUMN_NAME = 100
_PIECE = 1024 * 1024
_FLAT_LINES = 20  # whose keys are the columns of flat NDJSON
DELIMITERS = ",;\t|"
_END = "\x03"  # a line of our own, behind the last one

# First bytes, and what to say of them.
_BINARIES = (
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a program"),
    (b"\xfe\xed\xfa", "a program"),
    (b"\xcf\xfa\xed\xfe", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"#!", "a script"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"RIFF", "a picture or a sound"),
    (b"BM", "a picture"),
    (b"II*\0", "a picture"),
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "a text document"),
    (b"\xd0\xcf\x11\xe0", "an old or protected Excel file; save it as .xlsx or CSV (UTF-8)"),
    (b"7z\xbc\xaf", "an archive"),
    (b"Rar!", "an archive"),
    (b"BZh", "an archive"),
    (b"\xfd7zXZ", "an archive"),
    (b"SQLite format", "a database"),
)
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True)
class Received:
    """An upload that has been understood. ``file`` is the spreadsheet, or plain UTF-8 text without a mark."""

    file: IO[bytes]
    kind: CatalogueImport.Kind
    size: int
    sha256: str
    columns: list[str] = field(default_factory=list)
    mapping: dict[str, str] = field(default_factory=dict)
    delimiter: str = ""


@contextmanager
def received(upload: IO[bytes], *, most: int | None = None) -> Iterator[Received]:
    """Understand an upload, which may be packed by gzip, with a temporary file of its text.

    ``most`` bytes are taken of text, the shop's own limit of imports else.

    Raises:
        FileRefused: it is empty, too large, a binary, not UTF-8, or has nothing that an import could use.
    """
    upload.seek(0)
    head = upload.read(4096)
    upload.seek(0)
    if not head:
        raise FileEmpty()
    for magic, what in _BINARIES:
        # A header may well begin with two capitals; a text has no NUL.
        if head.startswith(magic) and (len(magic) > 2 or magic == b"#!" or b"\0" in head):
            raise FileUnsupported(f"This is {what}, not a CSV, NDJSON or XLSX file.")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        yield _spreadsheet(upload)
        return
    with tempfile.TemporaryFile(prefix="import-") as text:
        digest = _as_text(upload, text, packed=head.startswith(b"\x1f\x8b"), most=most or settings.IMPORT_MAX_BYTES)
        size = text.tell()
        text.seek(0)
        start = text.read(4096).lstrip()
        text.seek(0)
        if not start:
            raise FileEmpty()
        if start.startswith(b"<"):
            raise FileUnsupported("This is HTML or XML, not a CSV, NDJSON or XLSX file.")
        if start.startswith(b"["):
            raise FileUnsupported("This is one JSON array; NDJSON has one object a line.")
        found = _ndjson(text) if start.startswith(b"{") else _csv(text)
        text.seek(0)
        yield Received(file=text, size=size, sha256=digest, **found)


def _spreadsheet(upload: IO[bytes]) -> Received:
    size = upload.seek(0, 2)
    if size > spreadsheets.MAX_FILE:
        limit = spreadsheets.MAX_FILE // 1024**2
        raise FileTooLarge(f"A spreadsheet may have {limit} MB; save it as CSV (UTF-8).")
    upload.seek(0)
    spreadsheets.check(upload)
    upload.seek(0)
    header = next(spreadsheets.rows_of(upload), [])
    columns = column_names(header)
    mapping = suggest(columns)
    upload.seek(0)
    digest = hashlib.file_digest(upload, "sha256").hexdigest()  # type: ignore[arg-type]  # any file that can be read
    upload.seek(0)
    return Received(upload, Kind.XLSX, size, digest, columns, mapping, ",")


def _as_text(upload: IO[bytes], target: IO[bytes], *, packed: bool, most: int) -> str:
    """Copy an upload as UTF-8 without a byte order mark; return the checksum of the copy."""
    digest = hashlib.sha256()
    decoder: codecs.IncrementalDecoder | None = None
    lines, size = 1, 0
    for piece in _pieces(upload, packed):
        if decoder is None:
            encoding = next((name for mark, name in _BOMS if piece.startswith(mark)), "utf-8")
            decoder = codecs.getincrementaldecoder(encoding)("strict")
        try:
            text = decoder.decode(piece)
        except UnicodeDecodeError as error:
            line = lines + piece[: error.start].count(b"\n")
            raise NotUtf8(f"Line {line} is not UTF-8; save the file as CSV UTF-8.") from None
        if "\0" in text:
            raise FileUnsupported("This is a binary file, not a CSV, NDJSON or XLSX file.")
        data = text.removeprefix("\ufeff").encode() if size == 0 else text.encode()
        lines += data.count(b"\n")
        size += len(data)
        if size > most:
            raise too_large(most)
        digest.update(data)
        target.write(data)
    try:
        if decoder is not None:
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise NotUtf8(f"Line {lines} is not UTF-8: the file is cut off.") from None
    return digest.hexdigest()


def _pieces(upload: IO[bytes], packed: bool) -> Iterator[bytes]:
    source: Any = gzip.GzipFile(fileobj=upload) if packed else upload
    try:
        while piece := source.read(_PIECE):
            yield piece
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise FileRefused("The gzip data is damaged or cut off.") from None


def too_large(most: int | None = None) -> FileTooLarge:
    return FileTooLarge(f"A file may have {(most or settings.IMPORT_MAX_BYTES) // 1024**2} MB.")


# --- CSV ------------------------------------------------------------------------------------------------------


def csv_rows(lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    """Yield the rows of a CSV file; a cell has at most ``MAX_LINE`` characters."""
    csv.field_size_limit(MAX_LINE)
    return csv.reader(lines, delimiter=delimiter)


def _csv(text: IO[bytes]) -> dict[str, Any]:
    """Read a CSV file as a whole once: a quote that is never closed must be known before anything is stored."""
    first = text.readline().decode()
    text.seek(0)
    delimiter = max(DELIMITERS, key=lambda mark: _outside_quotes(first).count(mark))
    reader: Any = csv_rows(chain((line.decode() for line in text), [_END]), delimiter)
    rows = 0
    columns: list[str] = []
    began, quoted, row = 1, 1, [""]
    try:
        for row in reader:
            if row == [_END]:
                break
            if not columns:
                columns = column_names(row)
            rows += any(row)
            quoted, began = began, reader.line_num + 1
    except csv.Error as error:
        line = getattr(reader, "line_num", 0)
        raise CsvUnreadable(f"Line {line}: {error}. A quote may not be closed.") from None
    if row != [_END]:  # swallowed by a cell, as all lines before it were
        raise CsvUnreadable(f"The row that begins in line {quoted} has a quote that is never closed.")
    if rows < 2:
        raise FileEmpty("The file has a header at most, and no row below it.")
    mapping = suggest(columns)
    return {
        "kind": Kind.CSV,
        "columns": columns,
        "mapping": mapping,
        "delimiter": delimiter,
    }


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


def column_names(header: list[str]) -> list[str]:
    """Return names by which each column can be told from the others; one without a name is called by its place."""
    names: list[str] = []
    if len(header) > MAX_COLUMNS:
        raise TooManyColumns(f"The file has more than {MAX_COLUMNS} columns.")
    for number, cell in enumerate(header, start=1):
        name = " ".join(unguard(cell.strip()).split())[:MAX_COLUMN_NAME] or f"column {number}"
        while name in names:
            name = f"{name[: MAX_COLUMN_NAME - 5]} ({number})"
        names.append(name)
    return names


# --- NDJSON ---------------------------------------------------------------------------------------------------


def _ndjson(text: IO[bytes]) -> dict[str, Any]:
    """Find the columns of flat lines. Those of a feed, and of our own export, have a form of their own."""
    columns: dict[str, None] = {}
    for number, line in enumerate(text):
        if number >= _FLAT_LINES:
            break
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and not is_nested(row):
            columns |= dict.fromkeys(str(key)[:MAX_COLUMN_NAME] for key in row)
    names = list(columns)[:MAX_COLUMNS]
    return {"kind": Kind.NDJSON, "columns": names, "mapping": suggest(names)}


def is_nested(row: dict[str, Any]) -> bool:
    """Tell whether a line has a form of its own, and not just one value for each column."""
    return isinstance(row.get("variants"), list) or {"id", "source", "source_id"} <= row.keys()
