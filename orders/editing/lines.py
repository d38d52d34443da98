"""The lines that an order shall have: those that it has, changed, and others beside them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings

from catalog.exceptions import InsufficientStock, ProductUnavailable
from catalog.models import Product, Variant
from catalog.prices.rules import unit_price
from catalog.prices.selectors import offers_of, with_offers
from catalog.tax_kinds import TaxKind
from ecommerce.exceptions import DomainError, ErrorRow
from orders.cart_changes import is_for_sale
from orders.editing.exceptions import NothingLeft, TooManyOfAnOrder
from orders.exceptions import MixedCurrencies, UnknownOrderItem
from orders.lines import ItemInput, resolve_items
from orders.models import Order, OrderItem
from orders.pricing.baskets import BasketLine
from orders.promotions.held import with_held_promotions
from orders.promotions.selectors import with_promotions
from orders.shipping.quotes import Parcel, parcel_of


@dataclass(frozen=True)
class LineEdit:
    """Of a line (``item_id``) how many units there shall be, 0: none; or units of a product or variant to be added.

    ``attr`` is where it stood in the request, for the error that names it.
    """

    quantity: int
    item_id: UUID | None = None
    product_id: UUID | None = None
    variant_id: UUID | None = None
    attr: str = ""


@dataclass(frozen=True)
class Target:
    """How many units of a variant the order shall have, by the request at ``attr``."""

    units: int
    attr: str


@dataclass(frozen=True)
class EditedLine:
    """A line as it shall be. ``item`` is the order's row, unless it is new; ``old_price`` is what it was charged."""

    variant: Variant  # with product and stock, offers and promotions
    units: int
    before: int
    price: Decimal
    item: OrderItem | None
    attr: str
    old_price: Decimal | None = None

    @property
    def more(self) -> int:
        """How many units more than before; negative: fewer."""
        return self.units - self.before

    @property
    def awaited(self) -> int:
        """How many of the units come later: who takes fewer gives up those first."""
        waiting = self.item.awaited_quantity if self.item and self.before else 0
        if not self.keeps_stock or self.more <= 0:
            return max(waiting + min(self.more, 0), 0)
        return waiting + max(self.more - max(self.variant.stock_level.available, 0), 0)

    @property
    def keeps_stock(self) -> bool:
        return self.variant.product.kind == Product.Kind.PHYSICAL

    @property
    def basket_line(self) -> BasketLine:
        kind = self.item.tax_kind if self.item else self.variant.product.tax_kind
        return BasketLine(self.variant.pk, self.units, self.price, TaxKind(kind))


def targets_of(items: Sequence[OrderItem], edits: Sequence[LineEdit]) -> dict[UUID, Target]:
    """Return what becomes of which variant; those that are not named stay as they are.

    Units that are added come on top of what a line has or shall have.

    Raises:
        UnknownOrderItem: a line is none of the order's, or is named twice; one row each.
        ProductUnavailable, VariantRequired: a product names no single variant.
    """
    by_id = {item.pk: item for item in items}
    targets: dict[UUID, Target] = {}
    wrong = []
    for edit in edits:
        if edit.item_id is None:
            continue
        item = by_id.pop(edit.item_id, None)
        if item is None:
            wrong.append(ErrorRow(UnknownOrderItem.code, UnknownOrderItem.message, f"{edit.attr}.item_id".strip(".")))
        else:
            targets[item.variant_id] = Target(edit.quantity, edit.attr)
    if wrong:
        raise UnknownOrderItem(wrong)
    added, attrs = resolve_items(
        [
            ItemInput(edit.quantity, product_id=edit.product_id, variant_id=edit.variant_id, attr=edit.attr)
            for edit in edits
            if edit.item_id is None
        ]
    )
    had = {item.variant_id: item.open_quantity for item in items}
    for variant_id, units in added.items():
        base = targets[variant_id].units if variant_id in targets else had.get(variant_id, 0)
        targets[variant_id] = Target(base + units, attrs[variant_id])
    return targets


def edited_lines(
    order: Order,
    items: Sequence[OrderItem],
    targets: Mapping[UUID, Target],
    *,
    codes: Sequence[str],
    customer_key: str,
    held: Sequence[Mapping[str, Any]],
    at_todays_prices: bool = False,
) -> list[EditedLine]:
    """Return all lines with their prices and what promotions they may have; their stock is locked. One statement.

    A line keeps its price, whatever its quantity becomes; what is added costs what it costs the customer today. Those
    that shall have no units are in it too. ``held`` are promotions that the order was given before.

    Raises:
        ProductUnavailable: what shall become more is not for sale; one row each.
        MixedCurrencies, TooManyOfAnOrder, NothingLeft
        InsufficientStock: names everything of which there is not enough.
    """
    own = {item.variant_id: item for item in items}
    rows = Variant.objects.filter(pk__in={*own, *targets}).select_related("product", "stock_level")
    rows = rows.defer("product__search_vector", "product__description").order_by("product_id", "pk")
    offered = with_offers(rows, to=order.user_id)
    promoted = with_promotions(offered, to=order.user_id, codes=codes, product="product_id", customer_key=customer_key)
    variants = {row.pk: row for row in with_held_promotions(promoted, held, product="product_id")}
    lines = []
    for pk, target in targets.items():
        if pk not in variants:
            raise ProductUnavailable(_rows(ProductUnavailable, [f"{target.attr}.variant_id"]))
    for pk in [*own, *(pk for pk in targets if pk not in own)]:
        variant, item = variants[pk], own.get(pk)
        before = item.open_quantity if item else 0
        units = targets[pk].units if pk in targets else before
        keeps = item is not None and before > 0 and not (at_todays_prices and is_for_sale(variant))
        price = item.price if item and keeps else unit_price(variant.price, offers_of(variant), units)
        attr = targets[pk].attr if pk in targets else ""
        lines.append(EditedLine(variant, units, before, price, item, attr, item.price if item and before else None))
    _refuse(order, lines)
    return lines


def parcel_of_lines(order: Order, lines: Iterable[EditedLine], *, worth: Decimal) -> Parcel | None:
    """Return the parcel that an order's lines make; None: nothing of it is to be brought."""
    return parcel_of(((line.variant, line.units) for line in lines if line.units), worth=worth, currency=order.currency)


def _refuse(order: Order, lines: Sequence[EditedLine]) -> None:
    more = [line for line in lines if line.more > 0]
    if gone := [line for line in more if not is_for_sale(line.variant)]:
        attrs = [f"{line.attr}.{'quantity' if line.before else 'variant_id'}" for line in gone]
        raise ProductUnavailable(_rows(ProductUnavailable, attrs))
    if any(line.variant.product.currency != order.currency for line in more):
        raise MixedCurrencies()
    if not any(line.units for line in lines):
        raise NothingLeft()
    limits = (settings.ORDER_MAX_LINES, settings.ORDER_MAX_QUANTITY)
    if len(lines) > settings.ORDER_MAX_LINES:
        raise TooManyOfAnOrder(*limits)
    for line in more:
        if line.units > settings.ORDER_MAX_QUANTITY:
            raise TooManyOfAnOrder(*limits, f"{line.attr}.quantity".lstrip("."))
    short = [
        ErrorRow(
            InsufficientStock.code,
            f"Only {line.variant.stock_level.sellable} more of {line.variant.product.product_name}.",
            f"{line.attr}.quantity".lstrip("."),
        )
        for line in more
        if line.keeps_stock and line.variant.stock_level.sellable < line.more
    ]
    if short:
        raise InsufficientStock(short)


def _rows(error: type[DomainError], attrs: Iterable[str]) -> list[ErrorRow]:
    return [ErrorRow(error.code, error.message, attr.lstrip(".")) for attr in attrs]
