"""What a credit note takes back of an invoice, parted by tax rate. Pure functions over contents.

What a refund names of goods is taken from their rate, the rest from every rate in proportion to what is left of it. The
tax of a rate is that part of the invoice's which belongs to all that has been taken back so far, less what earlier
notes have: when everything is taken back, the taxes are those of the invoice to the cent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from ecommerce.money import round_money
from orders.documents.contents import Content, Line, amounts_of, sums_of
from orders.documents.letters import letter_of
from orders.pricing.allocation import allocate, rounded
from orders.pricing.baskets import amount as major
from orders.pricing.baskets import hundredths as minor

Rate = tuple[str, str]  # kind and rate, as contents have them


@dataclass(frozen=True)
class Named:
    """Goods that a refund is for: the id of their line of the order, and what went back for them."""

    item_id: str
    quantity: int
    amount: Decimal


@dataclass
class _Bucket:
    """What an invoice has at one rate, and what of it was taken back; hundredths."""

    gross: int
    tax: int
    credited: int = 0
    credited_tax: int = 0
    lines: list[tuple[Line, int]] = field(default_factory=list)  # what is taken back now, and how much

    @property
    def left(self) -> int:
        return self.gross - self.credited - sum(amount for _, amount in self.lines)


def credited_sums(invoice: Content, earlier: Iterable[Content], amount: Decimal, named: Sequence[Named]) -> Content:
    """Return what a credit note over ``amount`` says of money, as contents do; no lines if nothing is left."""
    buckets = _buckets(invoice, earlier)
    wanted = min(minor(amount), sum(bucket.left for bucket in buckets.values()))
    untouched = not any(bucket.credited for bucket in buckets.values())
    if untouched and wanted == sum(bucket.gross for bucket in buckets.values()):
        whole = {"lines": invoice["lines"], **sums_of(invoice["lines"])}
        return {"prices_include_tax": invoice["prices_include_tax"], **whole}
    wanted -= _take_named(buckets, invoice["lines"], named, wanted)
    _take_rest(buckets, wanted, invoice["number"])
    lines = [line for bucket in buckets.values() for line in _priced(bucket)]
    return {"prices_include_tax": True, "lines": lines, **sums_of(lines)}


def _buckets(invoice: Content, earlier: Iterable[Content]) -> dict[Rate, _Bucket]:
    buckets = {_rate(tax): _Bucket(_cents(tax, "gross"), _cents(tax, "tax")) for tax in invoice["taxes"]}
    for note in earlier:
        for tax in note["taxes"]:
            bucket = buckets[_rate(tax)]
            bucket.credited += _cents(tax, "gross")
            bucket.credited_tax += _cents(tax, "tax")
    return buckets


def _take_named(buckets: dict[Rate, _Bucket], lines: Sequence[Line], named: Sequence[Named], most: int) -> int:
    """Take back the goods that were named; return how much that is. None if they come to more than the refund."""
    if sum(minor(one.amount) for one in named) > most:
        return 0
    by_item = {line["item_id"]: line for line in lines if line["item_id"]}
    taken = 0
    for one in named:
        line = by_item.get(one.item_id)
        if line is None:
            continue
        bucket = buckets[_rate(line)]
        amount = min(minor(one.amount), bucket.left)
        if amount:
            bucket.lines.append((line | {"quantity": one.quantity, "discount": "0.00"}, amount))
            taken += amount
    return taken


def _take_rest(buckets: dict[Rate, _Bucket], amount: int, invoice_number: str) -> None:
    parts = allocate(amount, [bucket.left for bucket in buckets.values()])
    for (kind, rate), part in zip(buckets, parts, strict=True):
        if part:
            bucket = buckets[kind, rate]
            line: Line = {
                "name": f"Refund on invoice {invoice_number}",
                "sku": "",
                "options": [],
                "item_id": None,
                "item_class_code": "",
                "quantity": 1,
                "discount": "0.00",
                "tax_kind": kind,
                "tax_letter": letter_of(kind, Decimal(rate)),
                "tax_rate": rate,
            }
            bucket.lines.append((line, part))


def _priced(bucket: _Bucket) -> list[Line]:
    """Return a bucket's lines with the tax that belongs to them."""
    amounts = [amount for _, amount in bucket.lines]
    if not amounts:
        return []
    so_far = bucket.credited + sum(amounts)
    tax = rounded(Fraction(bucket.tax * so_far, bucket.gross)) - bucket.credited_tax
    return [
        line
        | {"unit_price": str(round_money(major(amount) / line["quantity"]))}
        | amounts_of(major(amount), major(part), included=True)
        for (line, amount), part in zip(bucket.lines, allocate(tax, amounts), strict=True)
    ]


def _rate(row: Line) -> Rate:
    return row["tax_kind"], row["tax_rate"]


def _cents(row: Line, name: str) -> int:
    return minor(Decimal(row[name]))
