"""Reading a catalogue file: NDJSON, plain or gzip, one product a line, never more than a line in memory."""

import gzip
import json
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, NoReturn

from catalog.importing import cleaning
from catalog.importing.records import ProductRecord, Reason, SkippedLine, VariantRecord, fingerprint
from catalog.models import Brand, Category, Product, Variant
from ecommerce.money import CENT, round_money

MAX_LINE = 1024 * 1024  # bytes
MAX_LEVELS = 20  # of categories; PostgreSQL cannot index a much longer path

_GZIP_MAGIC = b"\x1f\x8b"
_SNIFF = 8192  # bytes that tell text from a binary
_CHUNK = 64 * 1024

_REQUIRED = ("id", "source", "source_id", "name", "price", "currency")
_TYPES: dict[str, tuple[type, str]] = {
    **dict.fromkeys(("id", "source", "source_id", "name", "brand", "mpn", "gtin", "sku"), (str, "text")),
    **dict.fromkeys(("description", "currency", "weight", "dimensions"), (str, "text")),
    **dict.fromkeys(("category_path", "images"), (list, "an array")),
    "attributes": (dict, "an object"),
}
_NO_BRAND = {"", "na", "none", "null", "unknown", "unbranded"}  # folded
_PRICE = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")
_WEB_ADDRESS = re.compile(r"https?://[^\s/]+\S*")

_ID_LENGTH: int = Product._meta.get_field("source_id").max_length or 0
_NAME_LENGTH: int = Product._meta.get_field("product_name").max_length or 0
_IMAGE_LENGTH: int = Product._meta.get_field("image_url").max_length or 0
_BRAND_LENGTH: int = Brand._meta.get_field("name").max_length or 0
_CATEGORY_LENGTH: int = Category._meta.get_field("category_name").max_length or 0
_MPN_LENGTH: int = Variant._meta.get_field("mpn").max_length or 0
_SKU_LENGTH: int = Variant._meta.get_field("sku").max_length or 0
_PRICE_FIELD = Product._meta.get_field("price")
MAX_PRICE = Decimal(10) ** (_PRICE_FIELD.max_digits - _PRICE_FIELD.decimal_places) - CENT


class UnreadableFile(Exception):
    """The file itself is at fault; the message is one sentence for the person who named it."""


@dataclass(frozen=True)
class Terms:
    """How a line becomes an offer."""

    rates: dict[str, Decimal]  # KES for one unit of each currency that is taken
    stock: int = 10  # units of every new variant


@dataclass(frozen=True)
class Survey:
    """What must be known of a whole file before its first line is stored."""

    lines: int
    brand_spellings: dict[str, str]  # folded name to its most frequent spelling, the first one among equals


# --- The file -------------------------------------------------------------------------------------------------


def read_lines(path: Path, *, limit: int | None = None) -> Iterator[bytes | None]:
    """Yield the lines of a file; None stands for one that is longer than ``MAX_LINE``.

    Raises:
        UnreadableFile: it is missing, empty, a directory, damaged, or no text.
    """
    with _explained(path), path.open("rb") as file:
        magic = file.read(len(_GZIP_MAGIC))
        file.seek(0)
        if not magic:
            raise UnreadableFile(f"{path} is empty.")
        if magic == _GZIP_MAGIC:
            with gzip.open(file, "rb") as stream:
                yield from _lines(stream, path, limit)
        elif path.suffix == ".gz":
            raise UnreadableFile(f"{path} is not gzip, although its name ends in .gz.")
        else:
            yield from _lines(file, path, limit)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    if path.is_dir():
        raise UnreadableFile(f"{path} is a directory, not a file.")
    if path.exists() and not path.is_file():
        raise UnreadableFile(f"{path} is not a regular file.")
    try:
        yield
    except FileNotFoundError:
        raise UnreadableFile(f"{path} does not exist.") from None
    except EOFError:
        raise UnreadableFile(f"{path} is cut off: its gzip data ends in the middle.") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableFile(f"{path} is damaged gzip: {error}.") from None
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror or error}.") from None


def _lines(stream: IO[bytes] | gzip.GzipFile, path: Path, limit: int | None) -> Iterator[bytes | None]:
    number = 0
    while limit is None or number < limit:
        line = stream.readline(MAX_LINE + 1)
        if not line:
            break
        if number == 0:
            if b"\0" in line[:_SNIFF]:
                raise UnreadableFile(f"{path} is a binary file, not lines of JSON.")
            line = line.removeprefix(b"\xef\xbb\xbf")
        number += 1
        if len(line) > MAX_LINE:
            while line and not line.endswith(b"\n"):
                line = stream.readline(_CHUNK)
            yield None
        else:
            yield line
    if number == 0 and limit != 0:
        raise UnreadableFile(f"{path} is empty.")


def survey(path: Path, *, limit: int | None = None) -> Survey:
    """Read a file once without storing anything, so that a damaged one is refused before anything is stored.

    Raises:
        UnreadableFile: see ``read_lines``.
    """
    lines = 0
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for line in read_lines(path, limit=limit):
        lines += 1
        try:
            brand = clean_brand(_parse(line).get("brand"))
        except SkippedLine:
            continue
        if brand:
            spellings[cleaning.fold(brand)][brand] += 1
    return Survey(lines, {folded: counts.most_common(1)[0][0] for folded, counts in spellings.items()})


# --- A line ---------------------------------------------------------------------------------------------------


def read_product(line: bytes | None, terms: Terms) -> ProductRecord:
    """Turn a line into a record.

    Raises:
        SkippedLine: the line cannot be sold; says why.
    """
    row = _parse(line)
    source_id = row.get("id")
    try:
        return _product(row, terms)
    except SkippedLine as skipped:
        skipped.source_id = source_id if isinstance(source_id, str) else ""
        raise


def _parse(line: bytes | None) -> dict[str, Any]:
    if line is None:
        raise SkippedLine(Reason.LINE_TOO_LONG, f"more than {MAX_LINE} bytes")
    if not line.strip():
        raise SkippedLine(Reason.BLANK_LINE)
    try:
        row = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise SkippedLine(Reason.NOT_UTF8, f"byte {error.start + 1}: {error.reason}") from None
    except RecursionError:
        raise SkippedLine(Reason.MALFORMED_JSON, "nested too deeply") from None
    except ValueError as error:
        raise SkippedLine(Reason.MALFORMED_JSON, str(error)) from None
    if not isinstance(row, dict):
        raise SkippedLine(Reason.NOT_AN_OBJECT, f"{type(row).__name__}: {_shown(row)}")
    return row


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")  # Python's parser would take NaN and Infinity


def _product(row: dict[str, Any], terms: Terms) -> ProductRecord:
    if missing := [key for key in _REQUIRED if key not in row]:
        raise SkippedLine(Reason.MISSING_KEYS, ", ".join(missing))
    for key, (expected, called) in _TYPES.items():
        if row.get(key) is not None and not isinstance(row[key], expected):
            raise SkippedLine(Reason.WRONG_TYPE, f"{key} is not {called}: {_shown(row[key])}")
    source_id = _source_id(row)
    price = _price(row, terms)
    name = cleaning.clean_line(row["name"] or "", limit=_NAME_LENGTH)
    if not any(char.isalnum() for char in name):
        raise SkippedLine(Reason.NO_NAME, _shown(row["name"]))
    category = _category(row.get("category_path") or [])
    images = clean_addresses(row.get("images") or [])
    mpn, attributes = _numbers_and_attributes(row, images)
    variant = VariantRecord(
        skus=_skus(row),
        price=price,
        mpn=mpn,
        compare_at_price=_compare_at_price(row, price, terms),
        weight_grams=cleaning.weight_in_grams(row.get("weight") or ""),
        barcode=clean_barcode(row.get("gtin") or ""),
        stock=terms.stock,
    )
    return ProductRecord(
        source_id=source_id,
        name=name,
        variants=(variant,),
        category=category,
        brand=clean_brand(row.get("brand")),
        description=cleaning.clean_paragraphs(row.get("description") or ""),
        image_url=images[0] if images else "",
        attributes=attributes,
    )


def _source_id(row: dict[str, Any]) -> str:
    source_id: str = row["id"] or ""
    if not source_id or len(source_id) > _ID_LENGTH or cleaning.clean_line(source_id) != source_id:
        raise SkippedLine(Reason.BAD_ID, _shown(row["id"]))
    return source_id


def _price(row: dict[str, Any], terms: Terms) -> Decimal:
    given = row["price"]
    if given is None:
        raise SkippedLine(Reason.NO_PRICE)
    if not isinstance(given, str) or not _PRICE.fullmatch(given.strip()):
        raise SkippedLine(Reason.BAD_PRICE, f"not a decimal string: {_shown(given)}")
    if Decimal(given) == 0:
        raise SkippedLine(Reason.ZERO_PRICE, given)
    if row["currency"] not in terms.rates:
        raise SkippedLine(Reason.UNKNOWN_CURRENCY, _shown(row["currency"]))
    price = to_shillings(Decimal(given), terms.rates[row["currency"]])
    if price > MAX_PRICE:
        raise SkippedLine(Reason.PRICE_TOO_HIGH, f"{row['currency']} {given}")
    if price == 0:
        raise SkippedLine(Reason.ZERO_PRICE, f"{row['currency']} {given} rounds to KES 0")
    return price


def to_shillings(amount: Decimal, rate: Decimal) -> Decimal:
    """Convert to KES, rounded once, half up, to whole shillings: nobody pays cents, and M-Pesa cannot.

    An amount that is in shillings already (rate 1) keeps its cents.
    """
    converted = amount * rate
    if converted > MAX_PRICE * 10:
        return converted  # too high by far, and perhaps beyond what can be rounded
    return round_money(amount) if rate == 1 else round_money(converted / 100) * 100


def _compare_at_price(row: dict[str, Any], price: Decimal, terms: Terms) -> Decimal | None:
    given = row.get("compare_at_price")
    if not isinstance(given, str) or not _PRICE.fullmatch(given.strip()):
        return None
    converted = to_shillings(Decimal(given), terms.rates[row["currency"]])
    return converted if price < converted <= MAX_PRICE else None


def _category(path: list[Any]) -> tuple[str, ...]:
    if len(path) > MAX_LEVELS:
        raise SkippedLine(Reason.CATEGORY_TOO_DEEP, f"{len(path)} levels")
    names = (cleaning.clean_line(name, limit=_CATEGORY_LENGTH) for name in path if isinstance(name, str))
    return tuple(name for name in names if name)


def clean_brand(brand: Any) -> str:
    """Return a brand's name, or nothing where the file says in words that there is none."""
    if not isinstance(brand, str):
        return ""
    name = cleaning.cut_at_word(cleaning.without_trade_marks(cleaning.clean_line(brand)), _BRAND_LENGTH)
    return "" if cleaning.fold(name) in _NO_BRAND else name


def clean_addresses(addresses: Iterable[Any]) -> list[str]:
    """Return the web addresses among these."""
    cleaned = (cleaning.clean_line(address) for address in addresses if isinstance(address, str))
    return [address for address in cleaned if len(address) <= _IMAGE_LENGTH and _WEB_ADDRESS.fullmatch(address)]


def _numbers_and_attributes(row: dict[str, Any], images: list[str]) -> tuple[str, dict[str, Any]]:
    """Return the first part number, and the attributes with what has no column: all numbers, size, more images."""
    given = dict(row.get("attributes") or {})
    numbers = cleaning.split_numbers(row.get("mpn") or "")
    listed = given.pop("part_numbers", None)
    listed = listed if isinstance(listed, list) else [listed]
    everything = list(numbers)
    for text in listed:
        if isinstance(text, str):
            everything += cleaning.split_numbers(text)
    everything = list(dict.fromkeys(everything))
    try:
        attributes = cleaning.clean_value(given)
    except cleaning.TooDeep:
        raise SkippedLine(Reason.MALFORMED_JSON, "attributes are nested too deeply") from None
    mpn = numbers[0] if numbers and len(numbers[0]) <= _MPN_LENGTH else ""
    if everything not in ([], [mpn]):
        attributes["part_numbers"] = everything
    if dimensions := cleaning.clean_line(row.get("dimensions") or ""):
        attributes.setdefault("dimensions", dimensions)
    if len(images) > 1:
        attributes.setdefault("images", images)
    return mpn, attributes


def _skus(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the SKUs to try: the seller's own, one from source and source_id, and one that nobody else can have."""
    own = cleaning.clean_line(row.get("sku") or "")
    made = re.sub(r"[^A-Za-z0-9._]+", "-", f"{row['source']}-{row['source_id']}").strip("-")
    tail = f"-{fingerprint(row['id'])}"
    sure = made[: _SKU_LENGTH - len(tail)] + tail
    return tuple(dict.fromkeys(sku for sku in (own, made, sure) if 0 < len(sku) <= _SKU_LENGTH))


def clean_barcode(gtin: str) -> str:
    """Return 8 to 14 digits, or nothing."""
    digits = cleaning.clean_line(gtin)
    return digits if re.fullmatch(r"[0-9]{8,14}", digits) else ""


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 80 else f"{text[:77]}..."
