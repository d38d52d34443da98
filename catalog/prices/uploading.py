"""Setting the prices of a list by a file: looked at, or applied; chunk by chunk, in one transaction.

Prices that the file names are set, the others stay or, when it replaces the list, go. The same file twice changes
nothing the second time. The list is locked, so that nobody else writes its prices meanwhile.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from catalog.exchange.rows import Problem
from catalog.models import Variant
from catalog.prices.exceptions import PriceLinesWrong, ReplacingSkips
from catalog.prices.files import PriceFile, PriceLine, pages_of
from catalog.prices.models import PriceList, PriceListItem
from catalog.prices.services import lock_price_list
from ecommerce.exceptions import ErrorRow
from ecommerce.models import new_id

logger = logging.getLogger(__name__)

CHUNK = 2000  # lines that are in memory, and that one statement looks up or writes
MAX_SHOWN = 100  # of problems, and of differences

_Key = tuple[UUID, int]

_PRESENT = """
SELECT i.variant_id, i.min_quantity, i.price
FROM unnest(%s::uuid[], %s::int[]) AS asked (variant_id, min_quantity)
JOIN catalog_pricelistitem AS i
    ON i.variant_id = asked.variant_id AND i.min_quantity = asked.min_quantity AND i.price_list_id = %s
"""
_SET = """
INSERT INTO catalog_pricelistitem (id, created_at, updated_at, price_list_id, variant_id, min_quantity, price)
SELECT id, now(), now(), %s, variant_id, min_quantity, price
FROM unnest(%s::uuid[], %s::uuid[], %s::int[], %s::numeric[]) AS said (id, variant_id, min_quantity, price)
ON CONFLICT (price_list_id, variant_id, min_quantity) DO UPDATE
    SET price = EXCLUDED.price, updated_at = EXCLUDED.updated_at
"""


@dataclass(frozen=True)
class Difference:
    """A price that is set (``before`` is None when it is new) or, without ``after``, removed."""

    line: int | None
    sku: str
    min_quantity: int
    before: Decimal | None
    after: Decimal | None


@dataclass
class Report:
    """What a file does, or has done. The first of ``bad`` lines and of what differs are told one by one."""

    dry_run: bool
    lines: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    bad: int = 0
    problems: list[Problem] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    def note(self, problem: Problem) -> None:
        self.bad += 1
        if len(self.problems) < MAX_SHOWN:
            self.problems.append(problem)

    def tell(self, difference: Difference) -> None:
        if len(self.differences) < MAX_SHOWN:
            self.differences.append(difference)


@transaction.atomic
def upload_prices(
    price_list_id: UUID, file: PriceFile, *, dry_run: bool = False, skip_bad: bool = False, replace: bool = False
) -> Report:
    """Set the prices of a list as a file says; all of them or, when a line is wrong, none.

    ``skip_bad`` leaves wrong lines out instead. ``replace`` removes what the file does not name. A ``dry_run`` only
    says what would happen, and what is wrong.

    Raises:
        PriceLinesWrong: names the first wrong lines; nothing was changed.
        ReplacingSkips: both flags at once; the same.
        TooManyPrices: the same.
        PriceList.DoesNotExist: somebody has deleted it.
    """
    if replace and skip_bad:
        raise ReplacingSkips([ErrorRow(ReplacingSkips.code, ReplacingSkips.message, "replace")])
    upload = _Upload(lock_price_list(price_list_id), Report(dry_run), skip_bad=skip_bad)
    lines = file.lines()
    while chunk := list(islice(lines, CHUNK)):
        upload.take(chunk)
    report = upload.report
    if report.bad and not (dry_run or skip_bad):
        raise PriceLinesWrong([_row(problem) for problem in report.problems], bad_lines=report.bad)
    if replace:
        upload.remove_others()
    if not dry_run and report.created + report.changed + report.removed:
        upload.price_list.save(update_fields=["updated_at"])
    logger.info(
        "prices_uploaded",
        extra={"price_list_id": str(price_list_id), "sha256": file.sha256, "dry_run": dry_run, "lines": report.lines},
    )
    return report


class _Upload:
    def __init__(self, price_list: PriceList, report: Report, *, skip_bad: bool) -> None:
        self.price_list, self.report = price_list, report
        self._skip_bad = skip_bad
        self._seen: dict[_Key, int] = {}  # with the line of each

    def take(self, chunk: Sequence[PriceLine | Problem]) -> None:
        """Compare some lines with the list and, unless it is known by now that all is in vain, write them."""
        said = [line for line in chunk if isinstance(line, PriceLine)]
        variants = _variants(said)
        wanted: list[tuple[PriceLine, UUID, str]] = []
        self.report.lines += len(chunk)
        for line in chunk:
            problem = line if isinstance(line, Problem) else self._problem(line, variants)
            if problem:
                self.report.note(problem)
            elif isinstance(line, PriceLine):
                variant_id, sku, _ = variants[line.variant_id or line.sku]
                wanted.append((line, variant_id, sku))
        self._set(wanted)

    def _problem(self, line: PriceLine, variants: dict[UUID | str, Any]) -> Problem | None:
        found = variants.get(line.variant_id or line.sku)
        if found is None:
            column = "variant" if line.variant_id else "sku"
            return line.wrong(column, "unknown_variant", f"There is no variant {line.variant_id or line.sku!r}.")
        variant_id, sku, currency = found
        own = self.price_list.currency
        if line.currency not in ("", own):
            return line.wrong("currency", "wrong_currency", f"The list is in {own}, not in {line.currency[:10]!r}.")
        if currency != own:
            return line.wrong("price", "wrong_currency", f"{sku} is priced in {currency}, the list in {own}.")
        earlier = self._seen.setdefault((variant_id, line.min_quantity), line.line)
        if earlier != line.line:
            detail = f"{sku} has a price from {line.min_quantity} on in line {earlier} already."
            return line.wrong("min_quantity", "break_twice", detail)
        return None

    def _set(self, wanted: Sequence[tuple[PriceLine, UUID, str]]) -> None:
        present = self._present([(variant_id, line.min_quantity) for line, variant_id, _ in wanted])
        rows = []
        for line, variant_id, sku in wanted:
            before = present.get((variant_id, line.min_quantity))
            if before == line.price:
                self.report.unchanged += 1
                continue
            if before is None:
                self.report.created += 1
            else:
                self.report.changed += 1
            self.report.tell(Difference(line.line, sku, line.min_quantity, before, line.price))
            rows.append((str(new_id()), str(variant_id), line.min_quantity, line.price))
        if not rows or self.report.dry_run or (self.report.bad and not self._skip_bad):
            return
        with connection.cursor() as cursor:
            cursor.execute(_SET, [self.price_list.pk, *(list(column) for column in zip(*rows, strict=True))])

    def _present(self, keys: Sequence[_Key]) -> dict[_Key, Decimal]:
        """Return the prices that the list has already: by whole keys, for a variant may have many breaks."""
        parameters: list[Any] = [
            [str(variant_id) for variant_id, _ in keys],
            [least for _, least in keys],
            self.price_list.pk,
        ]
        with connection.cursor() as cursor:
            cursor.execute(_PRESENT, parameters)
            return {(row[0], row[1]): row[2] for row in cursor.fetchall()}

    def remove_others(self) -> None:
        """Remove the prices that the file has not named, but not those of removed products, which it cannot name."""
        for page in pages_of(self.price_list):
            gone = [item for item in page if (item.variant_id, item.min_quantity) not in self._seen]
            self.report.removed += len(gone)
            for item in gone:
                self.report.tell(Difference(None, item.variant.sku, item.min_quantity, item.price, None))
            if not self.report.dry_run:
                PriceListItem.objects.filter(pk__in=[item.pk for item in gone]).delete()


def _variants(lines: Sequence[PriceLine]) -> dict[UUID | str, tuple[UUID, str, str]]:
    """Return id, SKU and currency of the variants that lines name, by id and by SKU."""
    found: dict[UUID | str, tuple[UUID, str, str]] = {}
    ids = {line.variant_id for line in lines if line.variant_id}
    skus = {line.sku for line in lines if line.sku}
    shown = Variant.objects.filter(product__deleted_at__isnull=True).values_list("pk", "sku", "product__currency")
    for names, rows in ((ids, shown.filter(pk__in=ids)), (skus, shown.filter(sku__in=skus))):
        for row in rows if names else ():
            found[row[0]] = found[row[1]] = row
    return found


def _row(problem: Problem) -> ErrorRow:
    return ErrorRow(problem.code, f"Line {problem.line}: {problem.message}", f"file.{problem.line}")
