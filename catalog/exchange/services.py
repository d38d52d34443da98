"""What people ask of imports: upload a file, start, cancel, undo."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from catalog.currencies.rates import rate_table
from catalog.exchange import files, sniffing
from catalog.exchange.exceptions import FileGone, ImportNotReady, RateMissing
from catalog.exchange.fields import looks_like_shopify, merge
from catalog.exchange.models import CatalogueImport
from catalog.tasks import run_import, undo_import
from ecommerce.exceptions import ErrorRow

State = CatalogueImport.State

ENDED = (State.FINISHED, State.FAILED, State.CANCELLED)
ACTIVE = (State.RUNNING, State.UNDOING)


@dataclass(frozen=True)
class Options:
    """How a file is read. ``rate`` is KES for one unit of ``currency``; without one, the shop's own is used."""

    currency: str = settings.DEFAULT_CURRENCY
    rate: Decimal | None = None
    stock: int = 0  # units of new variants where the file does not say
    update_stock: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return what is kept: with the rates of this moment, so that every batch uses the same.

        Raises:
            RateMissing: nobody knows what the currency is worth.
        """
        default = settings.DEFAULT_CURRENCY
        rates = {}
        if default == settings.BASE_CURRENCY:
            rates = {code: str(row.rate) for code, row in rate_table().rows.items()}
        if self.rate is not None:
            rates[self.currency] = str(self.rate)
        rates[default] = "1"
        if self.currency not in rates:
            raise RateMissing([ErrorRow(RateMissing.code, RateMissing.message, "currency")])
        return {"currency": self.currency, "rates": rates, "stock": self.stock, "update_stock": self.update_stock}


def stage_upload(
    *,
    file: IO[bytes],
    file_name: str,
    options: Options,
    mapping: Mapping[str, str] | None = None,
    dry_run: bool = False,
    actor: User | None = None,
) -> CatalogueImport:
    """Understand an upload and store its file; the row is not stored yet (``enqueue`` does that).

    Raises:
        FileRefused: it is nothing that can be imported; nothing was stored.
        BadMapping: the mapping does not fit it; the same.
        RateMissing: nobody knows what the currency is worth; the same.
        Busy: the storage is full or cannot be reached.
    """
    kept = options.as_json()
    with sniffing.received(file) as upload:
        # A file of feed lines has no columns to be mapped, unless somebody thinks so.
        fields = merge(upload.columns, upload.mapping, mapping or {}) if upload.columns or mapping else {}
        job = CatalogueImport(
            created_by=actor,
            kind=upload.kind,
            is_shopify=looks_like_shopify(upload.columns),
            file_name=clean_name(file_name),
            file_size=upload.size,
            sha256=upload.sha256,
            delimiter=upload.delimiter,
            columns=upload.columns,
            mapping=fields,
            options=kept,
            dry_run=dry_run,
        )
        job.file = files.upload_name(job.pk)
        files.store(job.file, upload.file)
    return job


@transaction.atomic
def enqueue(job: CatalogueImport) -> CatalogueImport:
    """Store a staged import, and owe its run."""
    job.save(force_insert=True)
    _owe(job)
    return job


def discard(job: CatalogueImport) -> None:
    """Throw the file of a staged import away that will not be enqueued."""
    files.remove_now(job.file)


@transaction.atomic
def start_import(
    import_id: UUID,
    *,
    dry_run: bool = False,
    mapping: Mapping[str, str] | None = None,
    update_stock: bool | None = None,
) -> CatalogueImport:
    """Run over the file of a dry run once more: for good, or once more dry, with another mapping.

    Raises:
        ImportNotReady: it was no dry run, or it has not ended.
        FileGone: its file has been thrown away.
        BadMapping: the mapping does not fit the file.
    """
    job = lock_import(import_id)
    if not job.dry_run or job.state not in ENDED:
        raise _not_ready("Only a dry run that has ended can be started; upload the file again.")
    if not job.file:
        raise FileGone()
    if mapping:
        job.mapping = merge(job.columns, job.mapping, mapping)
    if update_stock is not None:
        job.options = job.options | {"update_stock": update_stock}
    job.problems.all().delete()
    job.run += 1
    job.dry_run, job.state, job.failure, job.failure_detail = dry_run, State.PENDING, "", ""
    job.done = job.lines_read = job.bytes_read = 0
    job.created = job.changed = job.unchanged = job.refused = job.problem_count = 0
    job.differences, job.started_at, job.finished_at = [], None, None
    job.save()
    _owe(job)
    return job


@transaction.atomic
def cancel_import(import_id: UUID) -> CatalogueImport:
    """Stop an import before its next batch; what is stored stays, and can be undone.

    Raises:
        ImportNotReady: it has ended already.
    """
    job = lock_import(import_id)
    if job.state not in (State.PENDING, State.RUNNING):
        raise _not_ready("Only an import that waits or runs can be cancelled.")
    job.state, job.finished_at = State.CANCELLED, timezone.now()
    job.save(update_fields=["state", "finished_at", "updated_at"])
    return job


@transaction.atomic
def undo_import_changes(import_id: UUID, *, actor: User | None = None) -> CatalogueImport:
    """Owe the taking back of all that an import has done, as done by ``actor``.

    Raises:
        ImportNotReady: it was a dry run, has not ended, is undone already, or another import is at work.
    """
    job = lock_import(import_id)
    if job.dry_run or job.state not in ENDED:
        raise _not_ready("Only an import that has ended, and was no dry run, can be undone.")
    if not job.changes.exists():
        raise _not_ready("This import has changed nothing, or too long ago.")
    if CatalogueImport.objects.filter(state__in=ACTIVE).exists():
        raise _not_ready("Another import is at work; undo this one when it has ended.")
    job.state, job.undo_position, job.undone_changes, job.kept_changes = State.UNDOING, None, 0, 0
    job.failure = job.failure_detail = ""
    job.save()
    who = str(actor.pk) if actor else ""
    undo_import.owe(f"undo-import:{job.pk}:{timezone.now().timestamp()}", import_id=str(job.pk), actor_id=who)
    return job


def lock_import(import_id: UUID) -> CatalogueImport:
    return CatalogueImport.objects.select_for_update(no_key=True, of=("self",)).get(pk=import_id)


def clean_name(name: str) -> str:
    """Return what a file is called, for people: no folders, no invisible characters."""
    plain = "".join(char for char in name.replace("\\", "/").rpartition("/")[2] if char.isprintable())
    return plain[-255:] or "upload"


def _owe(job: CatalogueImport) -> None:
    run_import.owe(f"import:{job.pk}:{job.run}:0", import_id=str(job.pk), run=job.run)


def _not_ready(detail: str) -> ImportNotReady:
    return ImportNotReady([ErrorRow(ImportNotReady.code, detail)])
