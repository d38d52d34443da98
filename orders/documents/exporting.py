"""Documents as CSV, a row each: for the books and the VAT return. Credit notes are negative."""

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal
from io import StringIO

from catalog.exchange.guarding import guard
from ecommerce.money import ZERO
from orders.documents.letters import LETTERS
from orders.documents.models import TaxDocument
from orders.documents.numbering import NAIROBI
from orders.documents.selectors import etims_of

COLUMNS = (
    *("number", "kind", "issued_at", "order_number", "corrects", "buyer_name", "buyer_pin", "currency"),
    *("net", "tax", "gross"),
    *(f"{name}_{letter}" for letter in LETTERS for name in ("net", "tax")),
    *("etims_status", "etims_receipt"),
)


def csv_rows(documents: Iterable[TaxDocument]) -> Iterator[bytes]:
    """Yield the file, header first, while the documents are read. Times are Nairobi's."""
    buffer = StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for document in documents:
        writer.writerow(_row(document))
        if buffer.tell() > 16_384:
            yield _taken(buffer)
    yield _taken(buffer)


def _row(document: TaxDocument) -> list[str]:
    content, submission = document.content, etims_of(document)
    sign = -1 if document.kind == TaxDocument.Kind.CREDIT_NOTE else 1
    by_letter = {tax["tax_letter"]: tax for tax in content["taxes"]}
    texts = [
        *(document.number, document.kind, f"{document.issued_at.astimezone(NAIROBI):%Y-%m-%d %H:%M:%S}"),
        *(document.order.number, document.corrects.number if document.corrects else ""),
        *(content["buyer"]["name"], content["buyer"]["pin"], document.currency),
    ]
    amounts = [
        *(sign * Decimal(content["totals"][name]) for name in ("net", "tax", "gross")),
        *(
            sign * (Decimal(by_letter[letter][name]) if letter in by_letter else ZERO)
            for letter in LETTERS
            for name in ("net", "tax")
        ),
    ]
    declared = [submission.status, str(submission.receipt_number or "")] if submission else ["", ""]
    # Plus nothing: a credit note's zero shall not be a negative one.
    return [*(guard(text) for text in texts), *(f"{amount + ZERO:.2f}" for amount in amounts), *declared]


def _taken(buffer: StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()
