"""Cleaning published text and values. Everything here takes time linear in its input: files may be hostile."""

import math
import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from html import unescape
from typing import Any

# Only references that end in a semicolon: "AT&T", "?a=1&copy=2" and "R&section" mean what they say.
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")

# Controls other than white space, C1 (U+0099 stood for a trade mark sign in Windows-1252), soft hyphen, zero-width
# and bidirectional marks, tags, lone surrogates and non-characters.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
# What most lines are: printable ASCII without a reference, single-spaced.
_CLEAN = re.compile(r"(?:[!-%'-~]+ )*[!-%'-~]+|")
_MARKUP = re.compile(r"<!--|-->|</?([a-zA-Z][a-zA-Z0-9]*)[^<>]*>")
_HIDDEN = {"script", "style"}
_BLOCKS = {"br", "p", "div", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "section"}

_TRADE_MARKS = str.maketrans("", "", "™℠®©")

_WEIGHT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?([a-z]+)\.?")
_GRAMS = {
    "g": Decimal(1),
    "gram": Decimal(1),
    "kg": Decimal(1000),
    "kilogram": Decimal(1000),
    "oz": Decimal("28.349523125"),
    "ounce": Decimal("28.349523125"),
    "lb": Decimal("453.59237"),
    "pound": Decimal("453.59237"),
}
_MAX_GRAMS = 2**31 - 1
_MAX_DEPTH = 32


class TooDeep(ValueError):
    """A value is nested more deeply than anything that a product needs."""


def unescape_references(text: str) -> str:
    """Replace HTML character references, also those that were escaped twice."""
    for _ in range(3):
        unescaped = _REFERENCE.sub(lambda match: unescape(match[0]), text)
        if unescaped == text:
            break
        text = unescaped
    return text


def clean_line(text: str, *, limit: int = 0) -> str:
    """Return text for one line: unescaped, visible, single-spaced, and cut at a word's end to ``limit`` characters."""
    if _CLEAN.fullmatch(text):
        return cut_at_word(text, limit) if limit else text
    text = " ".join(_INVISIBLE.sub("", unescape_references(text)).split())
    text = unicodedata.normalize("NFC", text)
    return cut_at_word(text, limit) if limit else text


def cut_at_word(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    head, _, _ = text[: limit + 1].rpartition(" ")
    return head.rstrip(" ,;:/(&-–—") or text[:limit]


def clean_paragraphs(text: str) -> str:
    """Return text without markup: tags and comments go, block tags become line breaks, scripts go with their text."""
    text = unescape_references(text)
    kept: list[str] = []
    start = 0
    inside = ""  # the element, or "<!--", whose content is being dropped
    for match in _MARKUP.finditer(text):
        tag = (match[1] or "").lower()
        if inside:
            ends = match[0] == "-->" if inside == "<!--" else tag == inside and match[0].startswith("</")
            if ends:
                inside, start = "", match.end()
            continue
        if match[0] == "-->":
            continue  # an arrow in the text
        kept.append(text[start : match.start()])
        start = match.end()
        if match[0] == "<!--" or (tag in _HIDDEN and not match[0].startswith("</")):
            inside = tag or "<!--"
        elif tag in _BLOCKS:
            kept.append("\n")
    if not inside:
        kept.append(text[start:])
    lines = (" ".join(line.split()) for line in _INVISIBLE.sub("", "".join(kept)).splitlines())
    return unicodedata.normalize("NFC", re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip())


def fold(name: str) -> str:
    """Return what stays of a name when case, accents, spaces and punctuation do not count: ``coolermaster``."""
    plain = unicodedata.normalize("NFKD", without_trade_marks(name))  # which would make letters of ™
    return "".join(char for char in plain.casefold() if char.isalnum())


def without_trade_marks(name: str) -> str:
    return " ".join(name.translate(_TRADE_MARKS).split())


def clean_value(value: Any, depth: int = 0) -> Any:
    """Return a JSON value that PostgreSQL takes: no NUL or lone surrogate in it, no infinite number.

    Raises:
        TooDeep: it is nested more than 32 levels.
    """
    if depth > _MAX_DEPTH:
        raise TooDeep
    if isinstance(value, str):
        return clean_line(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [clean_value(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {clean_line(key): clean_value(item, depth + 1) for key, item in value.items()}
    return value


def split_numbers(text: str) -> list[str]:
    """Return the part numbers in a field: those apart by two or more spaces, or a tab, are different ones."""
    return [number for piece in re.split(r"\s{2,}|\t", text) if (number := clean_line(piece))]


def weight_in_grams(text: str) -> int | None:
    """Return a weight with a unit in grams; one without a unit, or of no sense, is None."""
    match = _WEIGHT.fullmatch(clean_line(text).casefold())
    if match is None:
        return None
    unit = match[2] if match[2] in _GRAMS else match[2].removesuffix("s")
    if unit not in _GRAMS:
        return None
    grams = int((Decimal(match[1]) * _GRAMS[unit]).to_integral_value(rounding=ROUND_HALF_UP))
    return grams if 0 < grams <= _MAX_GRAMS else None
