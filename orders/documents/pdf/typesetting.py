"""Fonts, and text that fits: what a font lacks is replaced, long lines are broken."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from orders.documents.pdf.scripts import joined

REGULAR, BOLD = "DejaVuSansCondensed", "DejaVuSansCondensed-Bold"
MISSING = "□"

_FONTS = Path(__file__).parent / "fonts"
_DROPPED = ("Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me")  # without a glyph there is nothing to see of them
_LONGEST = 1000  # characters of one text; the columns of the shop hold less
_lock = Lock()


def load_fonts() -> None:
    """Read the fonts, once in each process: it takes a fifth of a second."""
    with _lock:
        for name in (REGULAR, BOLD):
            if name not in pdfmetrics.getRegisteredFontNames():
                pdfmetrics.registerFont(TTFont(name, str(_FONTS / f"{name}.ttf")))


def printable(text: str) -> str:
    """Return text of which the fonts have every character.

    What they lack (an emoji, a Chinese character) becomes a box, several in a row one box; control characters, among
    them those that turn the direction of writing, become blanks or go.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text[:_LONGEST].split())
    glyphs = pdfmetrics.getFont(REGULAR).face.charWidths
    bold_glyphs = pdfmetrics.getFont(BOLD).face.charWidths
    kept: list[str] = []
    for char in joined(unicodedata.normalize("NFC", text[:_LONGEST])):
        category = unicodedata.category(char)
        if char.isspace():
            kept.append(" ")
        elif category in ("Cc", "Cf", "Cs"):
            continue
        elif ord(char) in glyphs and ord(char) in bold_glyphs:
            kept.append(char)
        elif category not in _DROPPED and kept[-1:] != [MISSING]:
            kept.append(MISSING)
    return " ".join("".join(kept).split())


def width_of(text: str, *, size: float, bold: bool = False) -> float:
    return float(pdfmetrics.stringWidth(text, BOLD if bold else REGULAR, size))


def broken(text: str, width: float, *, size: float, bold: bool = False) -> list[str]:
    """Return the printable lines of a text, none wider than ``width`` points."""
    text = printable(text)
    if width_of(text, size=size, bold=bold) <= width:
        return [text] if text else []
    return list(_lines(text, width, size, bold))


def _lines(text: str, width: float, size: float, bold: bool) -> Iterator[str]:
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if width_of(longer, size=size, bold=bold) <= width:
            line = longer
            continue
        if line:
            yield line
        line = word
        while width_of(line, size=size, bold=bold) > width and len(line) > 1:
            fits = len(line) - 1
            while fits > 1 and width_of(line[:fits], size=size, bold=bold) > width:
                fits -= 1
            yield line[:fits]
            line = line[fits:]
    if line:
        yield line
