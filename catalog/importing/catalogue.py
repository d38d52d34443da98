"""Importing a whole catalogue file."""

from collections.abc import Callable, Iterator
from pathlib import Path

from django.db import connection

from catalog.importing.changes import BATCH
from catalog.importing.reading import Survey, Terms, read_lines, read_product, survey
from catalog.importing.records import ProductRecord, Reason, SkippedLine
from catalog.importing.report import Report
from catalog.importing.writing import CatalogueWriter, Outcome, import_lock
from catalog.searching.indexing import refresh_vocabulary

Progress = Callable[[Iterator[bytes | None], int], Iterator[bytes | None]]


def _silently(lines: Iterator[bytes | None], total: int) -> Iterator[bytes | None]:
    return lines


def import_catalogue(
    path: Path, *, terms: Terms, report: Report, limit: int | None = None, progress: Progress = _silently
) -> None:
    """Store what a file offers, ``BATCH`` products in each transaction, and account for each of its lines.

    The file is read twice: once to see that it is whole and how brands are mostly spelled, once to store it. A run
    that was broken off is finished by another one.

    Raises:
        UnreadableFile: nothing is stored.
        ImportRunning: another import is at work; nothing is stored.
        OperationalError: the database is in trouble; the batches before are stored.
    """
    with import_lock():
        known = survey(path, limit=limit)
        _store(path, known, terms=terms, report=report, limit=limit, progress=progress)
        refresh_statistics()
        refresh_vocabulary()


def _store(path: Path, known: Survey, *, terms: Terms, report: Report, limit: int | None, progress: Progress) -> None:
    writer = CatalogueWriter(brand_spellings=known.brand_spellings)
    seen: set[str] = set()
    batch: list[tuple[int, ProductRecord]] = []
    for number, line in enumerate(progress(read_lines(path, limit=limit), known.lines), start=1):
        try:
            record = read_product(line, terms)
            if record.source_id in seen:
                raise SkippedLine(Reason.DUPLICATE_ID, "an earlier line has this id", record.source_id)
        except SkippedLine as skipped:
            report.read += 1
            report.skip(number, skipped.source_id, skipped.reason, skipped.detail)
            continue
        seen.add(record.source_id)
        batch.append((number, record))
        if len(batch) == BATCH:
            _store_batch(writer, batch, report)
            batch = []
    _store_batch(writer, batch, report)


def _store_batch(writer: CatalogueWriter, batch: list[tuple[int, ProductRecord]], report: Report) -> None:
    results = writer.write([record for _, record in batch])
    for (number, record), written in zip(batch, results, strict=True):
        report.read += 1
        if written.outcome is Outcome.REFUSED:
            report.skip(number, record.source_id, Reason.REFUSED_BY_DATABASE, written.detail)
        else:
            report.count(written.outcome)


def refresh_statistics() -> None:
    """Tell the planner at once what autovacuum would tell it in a minute: the tables have grown by a lot."""
    with connection.cursor() as cursor:
        cursor.execute(
            "ANALYZE (SKIP_LOCKED) catalog_product, catalog_variant, catalog_stock, catalog_category, catalog_brand"
        )
