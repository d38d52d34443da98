"""The letters by which the Kenya Revenue Authority tells kinds of tax apart on receipts.

Source: KRA, eTIMS technical specification, table of taxation types (A exempt, B 16 %, C 0 %, D not VAT, E 8 %).
"""

from decimal import Decimal

from catalog.tax_kinds import TaxKind

LETTERS = "ABCDE"
_BY_KIND = {
    TaxKind.EXEMPT: "A",
    TaxKind.STANDARD: "B",
    TaxKind.ZERO_RATED: "C",
    TaxKind.OUTSIDE: "D",
    TaxKind.REDUCED: "E",
}


def letter_of(kind: str, rate: Decimal) -> str:
    """Return the letter of a kind; a shop whose standard rate is nothing charges no VAT at all."""
    return "D" if kind == TaxKind.STANDARD and rate == 0 else _BY_KIND[TaxKind(kind)]
