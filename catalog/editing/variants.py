"""The variants of a product that is being written: which row each request means, and what becomes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import ForeignObjectRel
from django.utils import timezone

from catalog import stock
from catalog.editing.exceptions import OptionsTaken, SkuTaken, TooManyVariants, VariantsRefused
from catalog.models import Product, Stock, StockMovement, Variant
from ecommerce.exceptions import ErrorRow

MAX_SOLD = 100  # variants of one product; also of one request
MAX_ALL = 500  # with those that are not sold any more


@dataclass(frozen=True)
class VariantEdit:
    """What a request says of one variant. ``fields`` has what it names; ``attr`` is where it stands."""

    attr: str
    fields: dict[str, Any]
    id: UUID | None = None
    stock: int | None = None  # units that a new variant starts with


class VariantEditing:
    """Applies edits to the variants of a product, whose row the caller has locked.

    ``whole`` means that the edits name every variant: those left out are removed.
    """

    def __init__(
        self, product: Product, present: Sequence[Variant], edits: Sequence[VariantEdit], *, whole: bool
    ) -> None:
        self.product = product
        self._kept = {variant.pk: variant for variant in present}
        self._attrs: dict[UUID, str] = {}  # where the request names a row
        self._changed: dict[UUID, set[str]] = {}
        self._new: list[Variant] = []
        self._first_units: dict[UUID, int] = {}
        self._gone: list[Variant] = []
        self._match(edits)
        if whole:
            self._remove([variant for pk, variant in self._kept.items() if pk not in self._attrs])
        self._check()

    @property
    def rows(self) -> list[Variant]:
        """The variants as they will be."""
        return [*self._kept.values(), *self._new]

    @property
    def changes_something(self) -> bool:
        return bool(self._new or self._changed or self._gone)

    def store(self, actor: Any) -> None:
        """Write the rows. Nobody's history goes: only variants that nothing has ever named are deleted."""
        if self._gone:
            Variant.objects.filter(pk__in=[variant.pk for variant in self._gone]).delete()
        if self._changed:
            names = set().union(*self._changed.values()) | {"updated_at"}
            changed = [self._kept[pk] for pk in self._changed]
            for variant in changed:
                variant.updated_at = timezone.now()
            Variant.objects.bulk_update(changed, sorted(names))
        if self._new:
            Variant.objects.bulk_create(self._new)
            stock.open_stock(self._new)
            stock.adjust_stock(self._first_units, kind=StockMovement.Kind.RECEIVE, reason="first stock", actor=actor)

    # --- Whom an edit means ------------------------------------------------------------------------------------

    def _match(self, edits: Sequence[VariantEdit]) -> None:
        by_sku = {variant.sku: variant for variant in self._kept.values()}
        mistakes: list[ErrorRow] = []
        new_skus: set[str] = set()
        for edit in edits:
            sku = edit.fields.get("sku")
            row = self._kept.get(edit.id) if edit.id else by_sku.get(sku or "")
            if edit.id and row is None:
                mistakes.append(ErrorRow("variant_unknown", "The product has no such variant.", f"{edit.attr}.id"))
            elif row is None and not sku:
                mistakes.append(ErrorRow("required", "Name a variant by its id or its SKU.", f"{edit.attr}.sku"))
            elif (row.pk in self._attrs) if row else (sku in new_skus):
                mistakes.append(ErrorRow("variant_named_twice", "This variant stands there twice.", edit.attr))
            elif row is not None:
                self._attrs[row.pk] = edit.attr
                mistakes += self._change(row, edit)
            elif "price" not in edit.fields:
                mistakes.append(ErrorRow("required", "A new variant needs a price.", f"{edit.attr}.price"))
            else:
                new_skus.add(sku or "")
                self._create(edit)
        if mistakes:
            raise VariantsRefused(mistakes)

    def _change(self, row: Variant, edit: VariantEdit) -> list[ErrorRow]:
        if edit.stock is not None:
            message = "Only a new variant starts with stock; later units come and go through the stock ledger."
            return [ErrorRow("stock_not_writable", message, f"{edit.attr}.stock")]
        different = {name for name, value in edit.fields.items() if getattr(row, name) != value}
        for name in different:
            setattr(row, name, edit.fields[name])
        if different:
            self._changed[row.pk] = different
        return []

    def _create(self, edit: VariantEdit) -> None:
        # A new one stands last unless it is said where it stands.
        place = {"position": max((row.position for row in self.rows), default=-1) + 1}
        row = Variant(product=self.product, **(place | edit.fields))
        self._new.append(row)
        self._attrs[row.pk] = edit.attr
        if edit.stock:
            self._first_units[row.pk] = edit.stock

    def _remove(self, left_out: Sequence[Variant]) -> None:
        named = _named_somewhere([variant.pk for variant in left_out])
        for variant in left_out:
            if variant.pk not in named:
                self._gone.append(self._kept.pop(variant.pk))
            elif variant.is_active:
                variant.is_active = False
                self._changed[variant.pk] = {"is_active"}

    # --- What may not be ---------------------------------------------------------------------------------------

    def _check(self) -> None:
        sold = [row for row in self.rows if row.is_active]
        if len(sold) > MAX_SOLD or len(self.rows) > MAX_ALL:
            raise TooManyVariants([ErrorRow(TooManyVariants.code, TooManyVariants.message, "variants")])
        mistakes = []
        if not sold:
            message = "One variant at least is sold. To sell none of them, set the product's is_active to false."
            mistakes.append(ErrorRow("active_variant_required", message, "variants"))
        for row in self.rows:
            touched = row in self._new or self._changed.get(row.pk, set()) & {"price", "compare_at_price"}
            if touched and row.compare_at_price is not None and row.compare_at_price <= row.price:
                message = "The former price is higher than the price, or null."
                attr = f"{self._attrs[row.pk]}.compare_at_price"
                mistakes.append(ErrorRow("compare_at_price_too_low", message, attr))
        if mistakes:
            raise VariantsRefused(mistakes)
        self._refuse_taken_options()
        self._refuse_taken_skus()

    def _refuse_taken_options(self) -> None:
        taken: list[ErrorRow] = []
        seen: list[dict[str, str]] = []
        # Those that the request names come last, so that the mistake is told where it was made.
        for row in sorted(self.rows, key=lambda row: row.pk in self._attrs):
            if row.options in seen and row.pk in self._attrs:
                taken.append(ErrorRow(OptionsTaken.code, OptionsTaken.message, f"{self._attrs[row.pk]}.options"))
            seen.append(row.options)
        if taken:
            raise OptionsTaken(taken)

    def _refuse_taken_skus(self) -> None:
        attrs = {row.sku: self._attrs[row.pk] for row in self._new}
        attrs |= {self._kept[pk].sku: self._attrs[pk] for pk, names in self._changed.items() if "sku" in names}
        others = Variant.objects.filter(sku__in=attrs).exclude(pk__in=[row.pk for row in self._kept.values()])
        gone = {variant.pk for variant in self._gone}
        taken = [
            ErrorRow(SkuTaken.code, SkuTaken.message, f"{attrs[sku]}.sku")
            for pk, sku in others.values_list("pk", "sku")
            if pk not in gone
        ]
        skus = [row.sku for row in self.rows]
        taken += [
            ErrorRow(SkuTaken.code, SkuTaken.message, f"{attr}.sku")
            for sku, attr in attrs.items()
            if skus.count(sku) > 1
        ]
        if taken:
            raise SkuTaken(taken)


def _named_somewhere(variant_ids: Sequence[UUID]) -> set[UUID]:
    """Return those that a row other than their stock counter points at: an order, a movement, a cart, a picture."""
    named: set[UUID] = set()
    # With the hidden ones: what points at a variant from another app has no name to be followed by.
    for relation in Variant._meta.get_fields(include_hidden=True) if variant_ids else ():
        if not isinstance(relation, ForeignObjectRel) or relation.related_model is Stock:
            continue
        if getattr(relation.field, "db_constraint", False):
            column = relation.field.attname
            rows = relation.related_model._base_manager.filter(**{f"{column}__in": variant_ids})
            named |= set(rows.values_list(column, flat=True).distinct())
    return named
