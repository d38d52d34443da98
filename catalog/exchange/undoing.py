"""Taking back what an import has done: newest change first, batch by batch, as it was done."""

import logging
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.history.context import acting
from accounts.models import User
from catalog import stock
from catalog.exchange.models import CatalogueImport, ImportChange, ImportProblem
from catalog.exchange.running import MAX_PROBLEMS, STEP, the_lock
from catalog.exchange.services import lock_import
from catalog.importing.catalogue import refresh_statistics
from catalog.importing.changes import PRODUCT_FIELDS, VARIANT_FIELDS, as_json, update_rows
from catalog.inventory.availability import AvailabilityPolicy, Selling
from catalog.models import Product, Stock, StockMovement, Variant
from catalog.searching.indexing import index_products, refresh_vocabulary
from catalog.tagging.services import meant_by
from catalog.tasks import undo_import as task

logger = logging.getLogger(__name__)

Action = ImportChange.Action
_OF_STOCK = (Action.STOCK, Action.SELLING)
State = CatalogueImport.State

BATCH = 500  # changes
_DERIVED = "price"  # of a product: the lowest of its variants, whatever it was before

Kept = dict[int, str]  # changes that stay, and why


def undo_import(import_id: UUID, actor_id: UUID | None = None) -> None:
    """Do a step of an undo that somebody has asked for. Safe to repeat, at any time and by several workers at once.

    Raises:
        Postpone: an import is at work.
    """
    until = time.monotonic() + STEP
    actor = User.objects.filter(pk=actor_id).first() if actor_id else None
    with the_lock(), acting(via="import", actor=actor):
        while _undo_batch(import_id, actor):
            if time.monotonic() > until:
                with transaction.atomic():
                    job = lock_import(import_id)
                    task.owe(
                        f"undo-import:{job.pk}:{job.undo_position}",
                        import_id=str(import_id),
                        actor_id=str(actor_id or ""),
                    )
                return
        _finish(import_id)


@transaction.atomic
def _undo_batch(import_id: UUID, actor: User | None) -> bool:
    """Take the next changes back; return whether there were any."""
    job = lock_import(import_id)
    if job.state != State.UNDOING:
        return False
    changes = ImportChange.objects.filter(catalogue_import=job, undone=False)
    if job.undo_position is not None:
        changes = changes.filter(pk__lt=job.undo_position)
    batch = list(changes.order_by("-pk")[:BATCH])
    if not batch:
        return False
    kept = _take_back(batch, job, actor)
    ImportChange.objects.filter(pk__in=[change.pk for change in batch if change.pk not in kept]).update(undone=True)
    names = dict(
        Product.objects.filter(pk__in=[change.product_id for change in batch if change.pk in kept]).values_list(
            "pk", "url_key"
        )
    )
    room = max(0, MAX_PROBLEMS - job.problem_count)
    ImportProblem.objects.bulk_create(
        ImportProblem(
            catalogue_import=job,
            key=names.get(change.product_id, "")[:200],
            code="changed_since",
            message=kept[change.pk],
        )
        for change in [change for change in batch if change.pk in kept][:room]
    )
    job.problem_count += len(kept)
    job.kept_changes += len(kept)
    job.undone_changes += len(batch) - len(kept)
    job.undo_position = batch[-1].pk
    job.save()
    return True


def _take_back(batch: Sequence[ImportChange], job: CatalogueImport, actor: User | None) -> Kept:
    """Take changes back; those that the database refuses are halved until the one is found, and it stays."""
    try:
        with transaction.atomic():
            return _Undo(batch, job, actor).run()
    except IntegrityError as error:
        if len(batch) == 1:
            return {batch[0].pk: str(error).splitlines()[0][:300]}
        half = len(batch) // 2
        return _take_back(batch[:half], job, actor) | _take_back(batch[half:], job, actor)


class _Undo:
    """The rows of a batch of changes, locked in the one order: stock, then products."""

    def __init__(self, batch: Sequence[ImportChange], job: CatalogueImport, actor: User | None) -> None:
        self._batch, self._job, self._actor = batch, job, actor
        self._kept: Kept = {}
        of_stock = [change.variant_id for change in batch if change.action in _OF_STOCK and change.variant_id]
        self._levels: dict[UUID, Stock] = stock.lock_stock(of_stock)
        rows = Product.objects.select_for_update(no_key=True).filter(pk__in={change.product_id for change in batch})
        self._products = {product.pk: product for product in rows.defer("search_vector").order_by("pk")}
        wanted = [change.variant_id for change in batch if change.variant_id]
        self._variants = {variant.pk: variant for variant in Variant.objects.filter(pk__in=wanted)}
        self._units: dict[UUID, int] = {}
        self._selling: dict[UUID, Selling] = {}
        self._changed: dict[UUID, Product | Variant] = {}

    def run(self) -> Kept:
        removed: list[UUID] = []
        for change in self._batch:
            product = self._products.get(change.product_id)
            if product is None:
                self._kept[change.pk] = "The product is gone."
            elif change.action == Action.STOCK:
                self._put_back_stock(change)
            elif change.action == Action.SELLING:
                self._put_back_selling(change)
            elif change.variant_id is not None:
                self._put_back(change, self._variants.get(change.variant_id))
            elif change.action == Action.CHANGED:
                self._put_back(change, product)
            elif product.deleted_at is None:  # created, or restored
                removed.append(product.pk)
        self._store(removed)
        return self._kept

    def _put_back(self, change: ImportChange, row: Product | Variant | None) -> None:
        """Give a row the values that it had before, unless somebody has changed them since."""
        if row is None:
            self._kept[change.pk] = "The variant is gone."
            return
        if change.action == Action.CREATED:  # orders and the ledger may name it: it is not sold any more
            before, after = {"is_active": False}, {"is_active": True}
        else:
            before, after = change.before, change.after
        names = [name for name in before if not (isinstance(row, Product) and name == _DERIVED)]
        if since := [name for name in names if as_json(getattr(row, name)) != after[name]]:
            if change.action == Action.CREATED:
                return  # it is out of sale already
            self._kept[change.pk] = f"Changed by somebody since: {', '.join(since)}."
            return
        for name in names:
            setattr(row, name, _from_json(row, name, before[name]))
        if names:
            self._changed[row.pk] = row

    def _put_back_stock(self, change: ImportChange) -> None:
        added = change.after["stock"] - change.before["stock"]
        level = self._levels.get(change.variant_id) if change.variant_id else None
        if level is None or level.available < added:
            self._kept[change.pk] = f"{added} units came with the import, and fewer are left."
            return
        self._units[level.variant_id] = self._units.get(level.variant_id, 0) - added
        level.available -= added

    def _put_back_selling(self, change: ImportChange) -> None:
        level = self._levels.get(change.variant_id) if change.variant_id else None
        if level is None or any(as_json(getattr(level, name)) != value for name, value in change.after.items()):
            self._kept[change.pk] = "Changed by somebody since: what is sold beyond the stock."
            return
        for name, value in change.before.items():
            setattr(level, name, Stock._meta.get_field(name).to_python(value))  # type: ignore[union-attr]
        policy = AvailabilityPolicy(level.availability_policy)
        self._selling[level.variant_id] = Selling(policy, level.backorder_limit, level.available_from)

    def _store(self, removed: list[UUID]) -> None:
        variants = [row for row in self._changed.values() if isinstance(row, Variant)]
        update_rows(Variant, VARIANT_FIELDS, variants)
        self._lower_prices({variant.product_id for variant in variants})
        self._keep_tags()
        update_rows(Product, PRODUCT_FIELDS, [row for row in self._changed.values() if isinstance(row, Product)])
        Product.objects.filter(pk__in=removed).update(deleted_at=Now(), updated_at=Now())
        reason = f"undo of import {self._job.pk}"
        stock.adjust_stock(self._units, kind=StockMovement.Kind.ADJUST, reason=reason, actor=self._actor)
        stock.set_selling(self._selling)
        index_products({change.product_id for change in self._batch} & self._products.keys())

    def _keep_tags(self) -> None:
        """Let products carry what their former tags mean now: some may have been renamed or deleted since."""
        products = [row for row in self._changed.values() if isinstance(row, Product) and row.tags]
        found = meant_by({key for product in products for key in product.tags})
        for product in products:
            product.tags = sorted({found[key] for key in product.tags if key in found})

    def _lower_prices(self, product_ids: set[UUID]) -> None:
        """Let products cost what the cheapest of their variants does."""
        lowest: dict[UUID, Decimal] = {}
        active = Variant.objects.filter(product_id__in=product_ids, is_active=True)
        for product_id, price in active.values_list("product_id", "price"):
            lowest[product_id] = min(price, lowest.get(product_id, price))
        for product_id, price in lowest.items():
            product = self._products[product_id]
            if product.price != price:
                product.price = price
                self._changed[product_id] = product


def _from_json(row: Product | Variant, name: str, value: Any) -> Any:
    field = row._meta.get_field(name.removesuffix("_id"))
    return value if value is None else (UUID(value) if name.endswith("_id") else field.to_python(value))  # type: ignore[union-attr]


def _finish(import_id: UUID) -> None:
    with transaction.atomic():
        job = lock_import(import_id)
        if job.state != State.UNDOING:
            return
        job.state, job.undone_at = State.UNDONE, timezone.now()
        job.save(update_fields=["state", "undone_at", "updated_at"])
    refresh_statistics()
    refresh_vocabulary()
    logger.info("import_undone", extra={"import_id": str(import_id), "kept": job.kept_changes})
