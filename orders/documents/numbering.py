"""Numbers without gaps: taken in the transaction that inserts what bears them, so a rollback gives them back.

That costs waiting: of those who issue in one series at the same time, one goes after the other, as the law wants it.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import connection

from orders.documents.models import TaxDocument

NAIROBI = ZoneInfo("Africa/Nairobi")
PREFIXES = {TaxDocument.Kind.INVOICE: "INV", TaxDocument.Kind.CREDIT_NOTE: "CN"}

# The row stays locked until the transaction ends, also when it has just been made.
_TAKE = """
INSERT INTO orders_numberseries AS series (name, last) VALUES (%s, 1)
ON CONFLICT (name) DO UPDATE SET last = series.last + 1
RETURNING last
"""


def take_number(series: str) -> int:
    """Return the next number of a series and hold the series until the transaction ends.

    Raises:
        RuntimeError: outside a transaction a failure would leave a gap.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("A number must be taken in the transaction of what bears it.")
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, (series,))
        return int(cursor.fetchone()[0])


def series_of(kind: TaxDocument.Kind, at: datetime) -> str:
    """Return the series that a document of this kind belongs to: one for each year in Nairobi."""
    return f"{PREFIXES[kind]}-{at.astimezone(NAIROBI).year}"


def number_of(series: str, sequence: int) -> str:
    return f"{series}-{sequence:06d}"
