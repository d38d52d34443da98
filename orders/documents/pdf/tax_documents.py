"""Invoices and credit notes on paper, from their content alone."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from ecommerce.money import format_money
from orders.documents.contents import Content, Line
from orders.documents.pdf.sheet import GREY, LEADING, LEFT, RIGHT, Column, Sheet
from orders.documents.pdf.typesetting import broken
from orders.documents.pdf.words import day, figures, method, moment, percent

_HALF = (RIGHT - LEFT) / 2
_SUMS_LEFT = RIGHT - 250
_CODE_SIDE = 78


def tax_document_pdf(content: Content, fiscal: Mapping[str, str] | None = None) -> bytes:
    """Return the PDF of an invoice or a credit note; with ``fiscal`` a copy that bears what KRA has signed."""
    sheet = Sheet(title=f"{_name(content)} {content['number']}", author=content["seller"]["name"])
    _head(sheet, content)
    _buyer(sheet, content)
    sheet.table(_columns(content), [_row(number, line, content) for number, line in enumerate(content["lines"], 1)])
    _sums(sheet, content)
    _payments(sheet, content)
    if fiscal:
        _fiscal(sheet, fiscal)
    return sheet.as_pdf(footer=f"{_name(content)} {content['number']} · Order {content['order']['number']}")


def _name(content: Content) -> str:
    if content["kind"] == "credit_note":
        return "Credit note"
    return "Tax invoice" if content["seller"]["pin"] else "Invoice"


def _head(sheet: Sheet, content: Content) -> None:
    seller = content["seller"]
    top = sheet.y
    y = sheet.block(LEFT, top - 4, _HALF - 10, [seller["name"]], size=14, bold=True) - 2
    contact = " · ".join(text for text in (seller["phone"], seller["email"]) if text)
    about = [*seller["address"], contact, f"PIN {seller['pin']}" if seller["pin"] else ""]
    left = sheet.block(LEFT, y, _HALF - 10, [text for text in about if text])
    sheet.text(RIGHT, top - 4, _name(content).upper(), size=14, bold=True, right=True)
    facts = [f"No. {content['number']}", moment(content["issued_at"]), f"Order {content['order']['number']}"]
    if corrected := content.get("corrects"):
        facts.append(f"Corrects invoice {corrected['number']} of {day(corrected['issued_at'])}")
    right = top - 4 - 14 * LEADING - 2
    for fact in facts:
        sheet.text(RIGHT, right, fact, right=True)
        right -= 9 * LEADING
    sheet.y = min(left, right) - 8
    sheet.rule(sheet.y + 6)


def _buyer(sheet: Sheet, content: Content) -> None:
    buyer = content["buyer"]
    sheet.y -= 10
    sheet.text(LEFT, sheet.y, "Buyer", size=7.5, grey=GREY)
    y = sheet.y - 12
    y = sheet.block(LEFT, y, _HALF, [buyer["name"] or "Cash customer"], bold=True)
    contact = " · ".join(text for text in (buyer["phone"], buyer["email"]) if text)
    about = [f"PIN {buyer['pin']}" if buyer["pin"] else "", ", ".join(buyer["address"]), contact]
    sheet.y = sheet.block(LEFT, y, RIGHT - LEFT, [text for text in about if text])
    if content.get("reason"):
        sheet.y = sheet.block(LEFT, sheet.y, RIGHT - LEFT, [f"Reason: {content['reason']}"])
    sheet.y -= 14


def _columns(content: Content) -> Sequence[Column]:
    title = "Amount" if content["prices_include_tax"] else "Without VAT"
    return (
        Column("", 22),
        Column("Item", 213),
        Column("Units", 40, right=True),
        Column("Price", 68, right=True),
        Column("Discount", 62, right=True),
        Column("VAT", 22, right=True),
        Column(f"{title} {content['currency']}", RIGHT - LEFT - 427, right=True),
    )


def _row(number: int, line: Line, content: Content) -> Sequence[tuple[str, ...]]:
    about = " · ".join([text for text in (line["sku"], *line["options"]) if text])
    discount = f"−{figures(line['discount'])}" if Decimal(line["discount"]) else ""
    return (
        (str(number),),
        (line["name"], about) if about else (line["name"],),
        (f"{line['quantity']:,}",),
        (figures(line["unit_price"]),),
        (discount,),
        (line["tax_letter"],),
        (figures(line["gross" if content["prices_include_tax"] else "net"]),),
    )


def _sums(sheet: Sheet, content: Content) -> None:
    currency, totals, taxes = content["currency"], content["totals"], content["taxes"]
    sheet.room_for(30 + 13 * (len(taxes) + 3) + 20)
    sheet.y -= 12
    top = sheet.y
    stops = (LEFT, LEFT + 62, LEFT + 126, LEFT + 178, LEFT + 240)  # by rate: letter, rate, and figures flush right
    for stop, title in zip(stops, ("VAT", "Rate", "Without", "VAT", "With"), strict=True):
        sheet.text(stop, top, title, size=7.5, grey=GREY, right=stop > LEFT)
    for index, tax in enumerate(taxes, 1):
        cells = (tax["tax_letter"], percent(tax["tax_rate"]), *(figures(tax[name]) for name in ("net", "tax", "gross")))
        for stop, text in zip(stops, cells, strict=True):
            sheet.text(stop, top - 12 * index, text, size=8, right=stop > LEFT)
    y = top
    for label, name in (("Without VAT", "net"), ("VAT", "tax")):
        sheet.text(_SUMS_LEFT + 20, y, label)
        sheet.text(RIGHT - 4, y, format_money(Decimal(totals[name]), currency), right=True)
        y -= 13
    y -= 4
    label = "Credited" if content["kind"] == "credit_note" else "Total"
    sheet.text(_SUMS_LEFT + 20, y, label, size=11, bold=True)
    sheet.text(RIGHT - 4, y, format_money(Decimal(totals["gross"]), currency), size=11, bold=True, right=True)
    sheet.y = min(y, top - 12 * len(taxes)) - 20
    letters = {tax["tax_letter"] for tax in taxes}
    notes = {"A": "A exempt", "C": "C zero-rated", "D": "D not subject to VAT"}
    if told := [note for letter, note in notes.items() if letter in letters]:
        sheet.y = sheet.block(LEFT, sheet.y, RIGHT - LEFT, [", ".join(told)], size=7.5, grey=GREY) - 4


def _payments(sheet: Sheet, content: Content) -> None:
    if content["kind"] == "credit_note":
        texts = [f"Paid back: {paid['receipt_number']}" for paid in content["payments"]]
    else:
        texts = [_paid(paid, content["currency"]) for paid in content["payments"]]
    for text in texts:
        sheet.room_for(14)
        sheet.y = sheet.block(LEFT, sheet.y, RIGHT - LEFT, [text])


def _paid(paid: Mapping[str, str], currency: str) -> str:
    amount = format_money(Decimal(paid["amount"]), currency)
    receipt = f", receipt {paid['receipt_number']}" if paid["receipt_number"] else ""
    return f"Paid {amount} by {method(paid['method'])} on {moment(paid['received_at'])}{receipt}"


def _fiscal(sheet: Sheet, fiscal: Mapping[str, str]) -> None:
    """Draw what KRA's control unit has answered, and the QR code by which anybody can check it there."""
    sheet.room_for(_CODE_SIDE + 34)
    sheet.y -= 12
    sheet.rule(sheet.y + 6)
    sheet.y -= 8
    if fiscal["qr_url"]:
        sheet.qr_code(LEFT, sheet.y - _CODE_SIDE + 8, _CODE_SIDE, fiscal["qr_url"])
    facts = (
        ("Control unit", fiscal["scu_id"]),
        ("CU invoice number", fiscal["receipt"]),
        ("Date", moment(fiscal["signed_at"]) if fiscal["signed_at"] else ""),
        ("Internal data", fiscal["internal_data"]),
        ("Receipt signature", fiscal["signature"]),
    )
    y = sheet.y
    for label, text in facts:
        if not text:
            continue
        sheet.text(LEFT + _CODE_SIDE + 14, y, label, size=8, grey=GREY)
        for line in broken(text, RIGHT - LEFT - _CODE_SIDE - 110, size=8):
            sheet.text(LEFT + _CODE_SIDE + 104, y, line, size=8)
            y -= 8 * LEADING + 1
    sheet.y = min(y, sheet.y - _CODE_SIDE) - 6
