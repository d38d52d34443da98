"""What a worker does of an import: batch after batch for some seconds, then it owes the next step.

Each batch is one transaction with the counters that say how far the file is stored. A worker that dies leaves whole
batches, and the message that it leaves open makes another one go on behind them.
"""

import io
import logging
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from catalog.exchange import files, spreadsheets
from catalog.exchange.building import Builder, Refused
from catalog.exchange.exceptions import FileGone, FileRefused
from catalog.exchange.models import CatalogueImport, ImportChange, ImportProblem
from catalog.exchange.rows import Group, Problem, Reader
from catalog.exchange.seeing import Seen
from catalog.exchange.services import ACTIVE, lock_import
from catalog.exchange.writing import ExchangeWriter
from catalog.importing.catalogue import refresh_statistics
from catalog.importing.records import ProductRecord
from catalog.importing.writing import ImportRunning, Outcome, Written, import_lock
from catalog.searching.indexing import refresh_vocabulary
from catalog.tasks import run_import as task
from ecommerce.exceptions import ErrorRow
from ecommerce.outbox import Postpone

logger = logging.getLogger(__name__)

State = CatalogueImport.State

BATCH = 500  # products
STEP = 25.0  # seconds; owed work must be short, and each step reads over what is stored
WAIT = timedelta(seconds=2)  # for another import to end
MAX_PROBLEMS = 10_000  # kept of an import; all are counted
MAX_DIFFERENCES = 100

_COUNTERS = {Outcome.CREATED: "created", Outcome.UPDATED: "changed", Outcome.UNCHANGED: "unchanged"}


class Stopped(Exception):
    """The import was cancelled, or somebody else does this step."""


class _Rollback(Exception):
    """A dry run is over."""


def run_import(import_id: UUID, run: int) -> None:
    """Do a step of an import. Safe to repeat, at any time and by several workers at once.

    Raises:
        Postpone: another import is at work.
    """
    job = _begin(import_id, run)
    if job is None:
        return
    try:
        with the_lock():
            _step(job)
    except Stopped:
        return
    except (FileGone, FileRefused) as refusal:
        fail(job.pk, refusal.code, refusal.rows[0].detail)


@contextmanager
def the_lock() -> Iterator[None]:
    """Be the only one who imports, also beside the command.

    Raises:
        Postpone: somebody else is.
    """
    try:
        with import_lock():
            yield
    except ImportRunning as busy:
        raise Postpone(WAIT, str(busy)) from None


def _begin(import_id: UUID, run: int) -> CatalogueImport | None:
    """Return the import, which runs now; None when there is nothing to do."""
    try:
        with transaction.atomic():
            job = CatalogueImport.objects.select_for_update(no_key=True).filter(pk=import_id).first()
            if job is None or job.run != run or job.state not in (State.PENDING, State.RUNNING):
                return None
            if job.state == State.RUNNING:
                return job
            if CatalogueImport.objects.filter(state__in=ACTIVE).exists():
                raise Postpone(WAIT, "another import is running")
            job.state, job.started_at = State.RUNNING, timezone.now()
            job.save(update_fields=["state", "started_at", "updated_at"])
            return job
    except IntegrityError:  # one that began at the same moment
        raise Postpone(WAIT, "another import is running") from None


def _step(job: CatalogueImport) -> None:
    until = time.monotonic() + STEP
    if job.kind == CatalogueImport.Kind.XLSX and not job.rows_file:
        _unpack(job)
        _owe_next(job, "rows")  # a large one takes most of the time that a step has
        return
    job = CatalogueImport.objects.select_related("created_by").get(pk=job.pk)
    with files.opened(job.rows_file or job.file) as file:
        reader = Reader(job, file)
        seen = Seen()
        groups = reader.groups()
        for group in islice(groups, job.done):  # read again, but not stored again
            seen.add(group)
        builder = Builder(job, reader.columns)
        writer = ExchangeWriter(reason=f"import {job.pk}", actor=job.created_by)
        while batch := list(islice(groups, BATCH)):
            job = _store(job, batch, builder, writer, seen)
            if time.monotonic() > until:
                _owe_next(job, str(job.done))
                return
    _finish(job)


def _unpack(job: CatalogueImport) -> None:
    """Store the rows of a spreadsheet as CSV, so that the other steps can begin in the middle."""
    name = files.rows_name(job.pk)
    with tempfile.TemporaryFile() as rows:
        text = io.TextIOWrapper(rows, encoding="utf-8", errors="replace", newline="")
        with files.opened(job.file) as book:
            spreadsheets.write_as_csv(book, text)
        text.detach()
        size = rows.tell()
        files.store(name, rows)
    CatalogueImport.objects.filter(pk=job.pk).update(rows_file=name, file_size=size)


def _store(
    job: CatalogueImport, batch: Sequence[Group], builder: Builder, writer: ExchangeWriter, seen: Seen
) -> CatalogueImport:
    """Store a batch, what it did, and how far the import is, in one transaction."""
    problems: list[tuple[str, Problem]] = []
    records: list[tuple[Group, ProductRecord]] = []
    refused = 0
    for group in batch:
        try:
            if repeated := seen.add(group):
                raise Refused(repeated)
            records.append((group, builder.build(group)))
        except Refused as refusal:
            refused += 1
            problems += [(key_shown(group), problem) for problem in refusal.problems]
    with transaction.atomic():
        now = lock_import(job.pk)
        if now.state != State.RUNNING or now.run != job.run or now.done != job.done:
            raise Stopped
        now.created_by = job.created_by
        results = _write(writer, [record for _, record in records], dry_run=now.dry_run)
        for (group, record), written in zip(records, results, strict=True):
            if written.outcome is Outcome.REFUSED:
                refused += 1
                rows = written.rows or [ErrorRow(written.code, written.detail)]
                line, key = group.rows[0].line, key_shown(group)
                problems += [(key, Problem(line, row.attr or "", row.code, row.detail[:300])) for row in rows]
                continue
            counter = _COUNTERS[written.outcome]
            setattr(now, counter, getattr(now, counter) + 1)
            if written.entries and len(now.differences) < MAX_DIFFERENCES:
                now.differences.append(difference(group, record, written))
        _keep(now, problems, results)
        now.refused += refused
        now.done += len(batch)
        now.lines_read, now.bytes_read = batch[-1].lines, batch[-1].bytes
        now.save()
    return now


def _write(writer: ExchangeWriter, records: list[ProductRecord], *, dry_run: bool) -> list[Written]:
    """Store records, or find out what storing them would do: by doing it, and taking it back."""
    results: list[Written] = []
    if not dry_run:
        return writer.write(records)
    try:
        with transaction.atomic():
            results = writer.write(records)
            raise _Rollback
    except _Rollback:
        writer.load_taxonomy()  # what was made is gone
    return results


def _keep(job: CatalogueImport, problems: list[tuple[str, Problem]], results: list[Written]) -> None:
    room = max(0, MAX_PROBLEMS - job.problem_count)
    ImportProblem.objects.bulk_create(
        ImportProblem(
            catalogue_import=job,
            line=problem.line,
            column=problem.column[:100],
            key=key[:200],
            code=problem.code,
            message=problem.message,
        )
        for key, problem in problems[:room]
    )
    job.problem_count += len(problems)
    if not job.dry_run:
        ImportChange.objects.bulk_create(
            ImportChange(
                catalogue_import=job,
                product_id=entry.product_id,
                variant_id=entry.variant_id,
                action=entry.action,
                before=entry.before,
                after=entry.after,
            )
            for written in results
            for entry in written.entries
        )


def difference(group: Group, record: ProductRecord, written: Written) -> dict[str, Any]:
    """Return what a record does, for people who look at a dry run."""
    changes: dict[str, list[Any]] = {}
    for entry in written.entries:
        changes |= {name: [before, entry.after.get(name)] for name, before in entry.before.items()}
    return {
        "line": group.rows[0].line,
        "key": key_shown(group),
        "name": record.name,
        "action": str(written.entries[0].action if written.outcome is Outcome.CREATED else written.outcome),
        "new_variants": sum(entry.action == "created" and entry.variant_id is not None for entry in written.entries),
        "changes": {name: [_short(value) for value in values] for name, values in changes.items()},
    }


def _short(value: Any) -> Any:
    text = value if isinstance(value, str) else ""
    return f"{text[:77]}..." if len(text) > 80 else value


def key_shown(group: Group) -> str:
    return group.key.partition(":")[2]


def _owe_next(job: CatalogueImport, behind: str) -> None:
    with transaction.atomic():
        task.owe(f"import:{job.pk}:{job.run}:{behind}", import_id=str(job.pk), run=job.run)


def _finish(job: CatalogueImport) -> None:
    if not job.dry_run and job.created + job.changed:
        refresh_statistics()
        refresh_vocabulary()
    with transaction.atomic():
        now = lock_import(job.pk)
        if now.state != State.RUNNING or now.run != job.run:
            return
        now.state, now.finished_at = State.FINISHED, timezone.now()
        now.save(update_fields=["state", "finished_at", "updated_at"])
    logger.info("import_finished", extra={"import_id": str(job.pk), "dry_run": job.dry_run})


@transaction.atomic
def fail(import_id: UUID, code: str, detail: str) -> None:
    """End an import that cannot go on; what it has stored stays, and can be undone."""
    job = lock_import(import_id)
    if job.state not in (State.PENDING, *ACTIVE):
        return
    job.state, job.failure, job.failure_detail, job.finished_at = State.FAILED, code, detail[:300], timezone.now()
    job.save(update_fields=["state", "failure", "failure_detail", "finished_at", "updated_at"])
    logger.warning("import_failed", extra={"import_id": str(import_id), "code": code})
