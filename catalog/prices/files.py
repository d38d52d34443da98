"""Prices of a list as a file: reading what is uploaded, writing what an upload takes back."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any
from uuid import UUID

from catalog.exchange import sniffing
from catalog.exchange.amounts import amount_in, compact
from catalog.exchange.exceptions import FileUnsupported
from catalog.exchange.fields import plain, suggest
from catalog.exchange.formats import csv_file
from catalog.exchange.guarding import unguard
from catalog.exchange.models import CatalogueImport
from catalog.exchange.rows import Problem
from catalog.importing.reading import MAX_PRICE
from catalog.prices.exceptions import PriceColumnsUnclear, TooManyPrices
from catalog.prices.models import PriceList, PriceListItem

MAX_FILE = 20 * 1024 * 1024  # bytes of text; nginx takes a little more
MAX_ROWS = 100_000
MAX_QUANTITY = 1_000_000
PAGE = 2000  # rows of an export that are in memory
COLUMNS = ("sku", "product_name", "min_quantity", "price", "currency")

_LONGEST_SKU = 64
_SHOWN = 40  # characters of what was wrong
_CENTS = Decimal("0.01")
_OWN_NAMES = {
    "variant": "variant",
    "variantid": "variant",
    "minquantity": "min_quantity",
    "minqty": "min_quantity",
    "minimumquantity": "min_quantity",
    "fromquantity": "min_quantity",
    "quantitybreak": "min_quantity",
}
_PERIOD = {"validfrom", "validuntil", "validto", "startdate", "enddate"}
_NUMBER = re.compile(r"([0-9]{1,9})(?:[.,]0{1,6})?")  # a spreadsheet may write 12 as 12,00
_NAMELESS = re.compile(r"column [0-9]+")


class BadLine(Exception):
    """One line says something that cannot be a price."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class PriceLine:
    """What one line says: the variant by its SKU or its id. ``currency`` may be empty."""

    line: int
    sku: str
    variant_id: UUID | None
    min_quantity: int
    price: Decimal
    currency: str

    def wrong(self, column: str, code: str, message: str) -> Problem:
        return Problem(self.line, column, code, message[:300])


class PriceFile:
    """The lines of an upload that has been understood; they can be read again from the beginning."""

    def __init__(self, upload: sniffing.Received) -> None:
        self._file, self._delimiter = upload.file, upload.delimiter
        self._places = _places(upload.columns)
        self.sha256 = upload.sha256

    def lines(self) -> Iterator[PriceLine | Problem]:
        """Yield what each line that is not empty says, or what is wrong with it.

        Raises:
            TooManyPrices
        """
        self._file.seek(0)
        reader: Any = sniffing.csv_rows((line.decode() for line in self._file), self._delimiter)
        header, number, count = True, 1, 0
        for row in reader:
            cells = [unguard(cell.strip()) for cell in row]
            if header:
                header = not any(cells)
            elif any(cells):
                count += 1
                if count > MAX_ROWS:
                    raise TooManyPrices(MAX_ROWS)
                try:
                    yield self._line(number, cells)
                except BadLine as bad:
                    yield bad.problem
            number = reader.line_num + 1

    def _line(self, number: int, cells: Sequence[str]) -> PriceLine:
        def bad(column: str, code: str, message: str) -> BadLine:
            return BadLine(Problem(number, column, code, message[:300]))

        named = set(self._places.values())
        if any(cell for place, cell in enumerate(cells) if place not in named):
            raise bad("", "bad_columns", "It has a cell in a column that the header does not name.")
        values = {name: cells[place] if place < len(cells) else "" for name, place in self._places.items()}
        sku, variant = values.get("sku", ""), values.get("variant", "")
        if bool(sku) == bool(variant):
            raise bad("sku", "required", "Name the variant by its sku or by its id.")
        if len(sku) > _LONGEST_SKU:
            raise bad("sku", "unknown_variant", f"A SKU has at most {_LONGEST_SKU} characters.")
        try:
            variant_id = UUID(variant) if variant else None
        except ValueError:
            raise bad("variant", "unknown_variant", f"{variant[:_SHOWN]!r} is no id.") from None
        text = compact(values["price"])
        price = amount_in(text, delimiter=self._delimiter)
        if price is None or price != price.quantize(_CENTS):
            raise bad("price", "bad_price" if text else "no_price", f"{text[:_SHOWN]!r} is no amount such as 1299.00.")
        if price > MAX_PRICE:
            raise bad("price", "price_too_high", f"{text[:_SHOWN]} is more than a price can be.")
        least = _NUMBER.fullmatch(values.get("min_quantity", "") or "1")
        if least is None or not 1 <= int(least[1]) <= MAX_QUANTITY:
            shown = values["min_quantity"][:_SHOWN]
            raise bad("min_quantity", "bad_quantity", f"{shown!r} is no whole number from 1 to {MAX_QUANTITY:,}.")
        return PriceLine(
            number, sku, variant_id, int(least[1]), price.quantize(_CENTS), values.get("currency", "").upper()
        )


@contextmanager
def price_file(upload: IO[bytes]) -> Iterator[PriceFile]:
    """Understand an upload: CSV in UTF-8 or UTF-16, also packed by gzip.

    Raises:
        FileRefused: it is empty, too large, no CSV, or its rows cannot be told apart; see ``sniffing``.
        PriceColumnsUnclear: its header lacks something, or names what nobody knows.
    """
    with sniffing.received(upload, most=MAX_FILE) as found:
        if found.kind != CatalogueImport.Kind.CSV:
            raise FileUnsupported("Prices come as CSV. Save the sheet as CSV (UTF-8) and upload that.")
        yield PriceFile(found)


def export_prices(price_list: PriceList) -> Iterator[bytes]:
    """Yield a list's prices as CSV, a page of them in memory; no cell is a formula to a spreadsheet.

    Those of removed products are left out: an upload would not know them.
    """
    return csv_file(COLUMNS, ([_cells(price_list, item) for item in page] for page in pages_of(price_list)))


def _cells(price_list: PriceList, item: PriceListItem) -> tuple[str, ...]:
    variant = item.variant
    return variant.sku, variant.product.product_name, str(item.min_quantity), str(item.price), price_list.currency


def pages_of(price_list: PriceList) -> Iterator[list[PriceListItem]]:
    """Yield a list's prices with their variants and products, but not those of removed products.

    By the unique key of prices: every page costs the same, and what others write meanwhile moves none.
    """
    items = PriceListItem.objects.filter(price_list=price_list, variant__product__deleted_at__isnull=True)
    shown = ("variant", "min_quantity", "price", "variant__sku", "variant__product__product_name")
    rows = items.select_related("variant__product").only(*shown).order_by("variant_id", "min_quantity")
    page = list(rows[:PAGE])
    while page:
        yield page
        last = page[-1]
        # The breaks of one variant may stand on two pages.
        page = list(rows.filter(variant_id=last.variant_id, min_quantity__gt=last.min_quantity)[:PAGE])
        page = page or list(rows.filter(variant_id__gt=last.variant_id)[:PAGE])


def _places(columns: Sequence[str]) -> Mapping[str, int]:
    """Return in which cell each thing stands.

    Raises:
        PriceColumnsUnclear
    """
    known = {"sku": "sku", "price": "price", "currency": "currency", "name": "product_name"}
    suggested = suggest(columns)
    places: dict[str, int] = {}
    for place, column in enumerate(columns):
        name = _OWN_NAMES.get(plain(column)) or known.get(suggested[column], "")
        if plain(column) in _PERIOD:
            raise PriceColumnsUnclear("A period is the whole list's: leave the column out, and set it on the list.")
        if not name and not _NAMELESS.fullmatch(column):
            raise PriceColumnsUnclear(f"Nobody knows the column {column[:_SHOWN]!r}. Known: variant, {_named()}.")
        if name in places:
            raise PriceColumnsUnclear(f"Two columns are {name}.")
        if name:
            places[name] = place
    if "price" not in places or not {"sku", "variant"} & places.keys():
        raise PriceColumnsUnclear("The first line must name the columns price, and sku or variant.")
    return places


def _named() -> str:
    return ", ".join(COLUMNS)
