"""What was wrong with an import, as a file for people."""

from collections.abc import Iterator

from catalog.exchange.formats import csv_lines
from catalog.exchange.models import CatalogueImport
from catalog.exchange.selectors import problems_of

COLUMNS = ("line", "column", "key", "code", "message")
_PAGE = 1000


def as_csv(job: CatalogueImport) -> Iterator[bytes]:
    """Yield a CSV with a row for each problem, a page of them in memory."""
    yield csv_lines([COLUMNS])
    last = 0
    while page := list(problems_of(job).filter(pk__gt=last)[:_PAGE]):
        last = page[-1].pk
        yield csv_lines([[str(getattr(row, name) or "") for name in COLUMNS] for row in page])
