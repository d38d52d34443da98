"""Tidying up behind imports: those that no worker could do, and files and journals that have served their time."""

from datetime import timedelta

from django.core.files.storage import default_storage
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from catalog.exchange import files
from catalog.exchange.models import CatalogueImport, ImportChange, ImportProblem
from catalog.exchange.running import fail
from ecommerce.models import OutboxMessage
from ecommerce.retention import delete_in_batches

State = CatalogueImport.State

GAVE_UP = "import_not_done"  # the failure of an import whose task was tried too often
KEPT = timedelta(days=30)  # the time to undo an import, or to apply a dry run
ORPHAN_AGE = timedelta(days=1)  # younger files may belong to a row that is only being written


def sweep() -> None:
    fail_abandoned()
    forget_old()
    remove_orphans()


def fail_abandoned() -> int:
    """Fail imports whose owed task is dead, so that the next one can begin; return how many."""
    open_imports = CatalogueImport.objects.filter(state__in=(State.PENDING, State.RUNNING, State.UNDOING))
    abandoned = 0
    for job in open_imports:
        keys = Q(dedupe_key__startswith=f"import:{job.pk}:{job.run}:") | Q(
            dedupe_key__startswith=f"undo-import:{job.pk}:"
        )
        messages = OutboxMessage.objects.filter(keys)
        if (
            messages.filter(dead_at__isnull=False).exists()
            and not messages.filter(dead_at__isnull=True, done_at__isnull=True).exists()
        ):
            fail(job.pk, GAVE_UP, "A worker tried several times in vain; see the log.")
            abandoned += 1
    return abandoned


def forget_old() -> int:
    """Throw away the files and journals of imports that ended long ago; return of how many."""
    old = CatalogueImport.objects.filter(updated_at__lt=Now() - KEPT).exclude(file="")
    count = 0
    for job in old.exclude(state__in=(State.PENDING, State.RUNNING, State.UNDOING)):
        for name in job.files:
            files.remove_now(name)
        CatalogueImport.objects.filter(pk=job.pk).update(file="", rows_file="")
        # What an undo has taken out of the shop may still come back by the next import.
        delete_in_batches(ImportChange.objects.filter(catalogue_import=job, undone=False))
        delete_in_batches(ImportProblem.objects.filter(catalogue_import=job))
        count += 1
    return count


def remove_orphans() -> int:
    """Delete the files that no import names and that are older than a day; return how many."""
    try:
        names = {f"{files.FOLDER}/{name}" for name in default_storage.listdir(files.FOLDER)[1]}
    except FileNotFoundError:  # nothing has been stored there yet
        return 0
    known = {name for job in CatalogueImport.objects.exclude(file="").only("file", "rows_file") for name in job.files}
    limit = timezone.now() - ORPHAN_AGE
    removed = 0
    for name in names - known:
        try:
            if default_storage.get_modified_time(name) < limit:
                default_storage.delete(name)
                removed += 1
        except FileNotFoundError:  # somebody was faster
            continue
    return removed
