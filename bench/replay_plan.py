"""What a replay does: baskets and what came back of them, read from a file of order lines.

The columns are those of "Online Retail": InvoiceNo, StockCode, Quantity, UnitPrice, CustomerID; an invoice's lines
stand together, oldest first, and an invoice that begins with C takes lines back. A hundredth of the file's currency
becomes a shilling of the shop's: M-Pesa takes whole shillings, so nothing is rounded anywhere.
"""

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import groupby
from pathlib import Path

MOST_LINES, MOST_UNITS = 100, 1000  # of one order, and of one line: the shop takes no more
Thing = tuple[str, int]  # a stock code at a price in shillings: one variant


@dataclass
class Planned:
    """One order. A basket of more lines than the shop takes becomes several of them."""

    invoice: str
    customer: str  # empty for a stranger
    units: Counter[Thing]
    back: list[Counter[Thing]] = field(default_factory=list)  # what each cancelling takes back

    @property
    def total(self) -> int:
        return worth(self.units)

    @property
    def kept(self) -> int:
        return self.total - sum(worth(units) for units in self.back)


@dataclass
class Plan:
    orders: list[Planned]
    baskets: int = 0
    lines: int = 0  # that are placed
    skipped: Counter[str] = field(default_factory=Counter)  # lines and invoices, by reason

    @property
    def things(self) -> Counter[Thing]:
        """Return how many units of each thing are bought, whatever comes back."""
        total: Counter[Thing] = Counter()
        for order in self.orders:
            total.update(order.units)
        return total

    @property
    def left(self) -> Counter[Thing]:
        """Return how many units of each thing are back at the end."""
        total: Counter[Thing] = Counter()
        for order in self.orders:
            for units in order.back:
                total.update(units)
        return total


def worth(units: Counter[Thing]) -> int:
    """Return what these units cost, in shillings."""
    return sum(price * number for (_, price), number in units.items())


def read_plan(path: Path, baskets: int) -> Plan:
    """Plan the first ``baskets`` baskets of a file, and what is taken back of them until then."""
    plan = Plan([])
    mine: defaultdict[str, list[tuple[Planned, Counter[Thing]]]] = defaultdict(list)  # with what is not back yet
    for invoice, lines in groupby(_rows(path), key=lambda row: row["InvoiceNo"]):
        if invoice.startswith("C"):
            _take_back(plan, mine, list(lines))
            continue
        if plan.baskets == baskets:
            break
        units, customer = _basket(plan, invoice, lines)
        if not units:
            plan.skipped["baskets without a good line"] += 1
            continue
        plan.baskets += 1
        plan.lines += len(units)
        things = list(units)
        for start in range(0, len(things), MOST_LINES):
            part = Counter({thing: units[thing] for thing in things[start : start + MOST_LINES]})
            order = Planned(invoice, customer, part)
            plan.orders.append(order)
            if customer:
                mine[customer].append((order, Counter(part)))
    return plan


def _rows(path: Path) -> Iterator[dict[str, str]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _basket(plan: Plan, invoice: str, lines: Iterable[dict[str, str]]) -> tuple[Counter[Thing], str]:
    units: Counter[Thing] = Counter()
    customer = ""
    for row in lines:
        customer = customer or row["CustomerID"]
        number, price = int(row["Quantity"]), _shillings(row["UnitPrice"])
        if not invoice.isdigit():
            plan.skipped["lines of an odd invoice"] += 1
        elif number <= 0:
            plan.skipped["lines with a quantity below one"] += 1
        elif not price:
            plan.skipped["lines with a bad price"] += 1
        elif units[row["StockCode"], price] + number > MOST_UNITS:
            plan.skipped[f"lines that make more than {MOST_UNITS} units"] += 1
        else:
            units[row["StockCode"], price] += number
    return +units, customer


def _shillings(text: str) -> int:
    """Return a price in hundredths; 0 for one that is none."""
    try:
        hundredths = Decimal(text) * 100
    except InvalidOperation:
        return 0
    return int(hundredths) if hundredths > 0 and hundredths == int(hundredths) else 0


def _take_back(
    plan: Plan, mine: defaultdict[str, list[tuple[Planned, Counter[Thing]]]], lines: list[dict[str, str]]
) -> None:
    """Take each line off the customer's newest order that has so much of it."""
    customer = next((row["CustomerID"] for row in lines if row["CustomerID"]), "")
    taken: dict[int, tuple[Planned, Counter[Thing]]] = {}
    for row in lines:
        thing, number = (row["StockCode"], _shillings(row["UnitPrice"])), -int(row["Quantity"])
        found = next(((o, left) for o, left in reversed(mine[customer]) if 0 < number <= left[thing]), None)
        if found is None:
            plan.skipped["returned lines that no replayed order has"] += 1
            continue
        order, left = found
        left[thing] -= number
        taken.setdefault(id(order), (order, Counter()))[1][thing] += number
    for order, units in taken.values():
        order.back.append(units)
