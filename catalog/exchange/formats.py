"""Writing rows in the forms of an export, piece by piece; what is written has been guarded against formulas."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape

from catalog.exchange.guarding import guard

MAX_CELL = 32_767  # characters; a spreadsheet takes no more. Source: Excel specifications and limits
MAX_SHEET = 1_048_576  # rows, the header among them; the same source
# What XML 1.0 cannot hold.
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NUMBER = re.compile(r"-?[0-9]{1,14}(\.[0-9]{1,6})?")

_PARTS = {
    "[Content_Types].xml": (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Override PartName="/xl/workbook.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
        '<Override PartName="/xl/worksheets/sheet1.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
    ),
    "_rels/.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        '<sheets><sheet name="Products" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
        'Target="worksheets/sheet1.xml"/></Relationships>'
    ),
}
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_SHEET_BEGIN = f'{_XML}<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
_SHEET_END = "</sheetData></worksheet>"


def csv_lines(rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows as CSV (RFC 4180), no cell of which is a formula."""
    text = io.StringIO()
    csv.writer(text).writerows([guard(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")


def csv_file(header: Sequence[str], pages: Iterable[Sequence[Sequence[str]]]) -> Iterator[bytes]:
    yield csv_lines([header])
    for page in pages:
        yield csv_lines(page)


def ndjson_file(pages: Iterable[Sequence[dict[str, Any]]]) -> Iterator[bytes]:
    for page in pages:
        yield "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in page).encode("utf-8", "replace")


class _Pipe(io.RawIOBase):
    """Takes what is written, and gives it away piece by piece; there is no way back in it."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data


def xlsx_file(
    header: Sequence[str], pages: Iterable[Sequence[Sequence[str]]], *, numbers: Sequence[str] = ()
) -> Iterator[bytes]:
    """Yield a spreadsheet of one sheet; the columns named in ``numbers`` hold numbers, all others texts.

    Written by hand, because a library writes the sheet to a file first: nothing would be sent until the last row.
    """
    pipe = _Pipe()
    numeric = [name in numbers for name in header]
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _PARTS.items():
            archive.writestr(name, _XML + text)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(_SHEET_BEGIN.encode())
            sheet.write(_sheet_row(header, [False] * len(header)))
            yield pipe.taken()
            for page in pages:
                sheet.write(b"".join(_sheet_row(row, numeric) for row in page))
                yield pipe.taken()
            sheet.write(_SHEET_END.encode())
    yield pipe.taken()


def _sheet_row(row: Sequence[str], numeric: Sequence[bool]) -> bytes:
    cells = (_cell(text, number) for text, number in zip(row, numeric, strict=True))
    return f"<row>{''.join(cells)}</row>".encode()


def _cell(text: str, number: bool) -> str:
    if not text:
        return "<c/>"
    if number and _NUMBER.fullmatch(text):
        return f"<c><v>{text}</v></c>"
    shown = escape(_NO_XML.sub("", guard(text))[:MAX_CELL]).replace("\r", "&#13;")
    return f'<c t="inlineStr"><is><t xml:space="preserve">{shown}</t></is></c>'
