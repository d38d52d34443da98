"""What is not, or not any more, as the customer put it into a cart: told with the cart, so that nobody is surprised."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import models

from catalog.models import Product, Variant
from catalog.prices.rules import unit_price
from catalog.prices.selectors import offers_of
from orders.models import Cart, CartItem
from orders.saved_carts.models import SavedCartItem
from orders.selectors import price_of


class Code(models.TextChoices):
    # True until the customer changes the line.
    PRICE_CHANGED = "price_changed"  # since it was put in; also told once, when a log-in has made it lower
    INSUFFICIENT_STOCK = "insufficient_stock"  # more units than are left
    UNAVAILABLE = "unavailable"  # not for sale any more
    # Told once: it has been done.
    QUANTITY_REDUCED = "quantity_reduced"  # two carts together held more than are left, or than the limit
    LEFT_OUT = "left_out"  # two carts together held more different things than the limit


@dataclass(frozen=True)
class Change:
    """Prices are decimals and quantities whole numbers, both as text. ``item_id`` is None if no line is left."""

    code: Code
    variant: Variant
    before: str
    after: str
    item_id: UUID | None = None


def is_for_sale(variant: Variant) -> bool:
    """Tell whether a variant, read with its product and stock, can be bought at all."""
    product = variant.product
    return variant.is_active and product.is_active and product.deleted_at is None and units_left(variant) is not None


def units_left(variant: Variant) -> int | None:
    """Return how many units of a variant that was read with its stock can be ordered, those that come later too.

    None if it has no stock row.
    """
    try:
        return variant.stock_level.sellable
    except ObjectDoesNotExist:
        return None


def awaited_units(variant: Variant, quantity: int) -> int:
    """Return how many of so many units come later, if that many can be ordered at all."""
    left = units_left(variant)
    if variant.product.kind != Product.Kind.PHYSICAL or left is None:
        return 0
    return max(min(quantity, left) - variant.stock_level.units_here, 0)


def most_units(variant: Variant) -> int:
    """Return how many units of it one cart may hold now: what is left of physical goods, and the shop's limit."""
    if not is_for_sale(variant):
        return 0
    if variant.product.kind != Product.Kind.PHYSICAL:
        return settings.ORDER_MAX_QUANTITY
    return min(settings.ORDER_MAX_QUANTITY, units_left(variant) or 0)


def changes_of(items: Iterable[CartItem]) -> list[Change]:
    """Return what has changed since the lines, as ``selectors.cart_items`` has them, were put in."""
    changes = []
    for item in items:
        variant, left = item.variant, units_left(item.variant) or 0
        if not is_for_sale(variant):
            changes.append(Change(Code.UNAVAILABLE, variant, str(item.quantity), "0", item.pk))
            continue
        if variant.product.kind == Product.Kind.PHYSICAL and left < item.quantity:
            changes.append(Change(Code.INSUFFICIENT_STOCK, variant, str(item.quantity), str(left), item.pk))
        if (price := price_of(item)) != item.price:
            changes.append(Change(Code.PRICE_CHANGED, variant, str(item.price), str(price), item.pk))
    return changes


def fold(cart: Cart, lines: Iterable[CartItem | SavedCartItem]) -> list[Change]:
    """Put lines of another cart into a locked one and return what could not stay as it was, in three statements.

    Quantities of one thing add up, capped by what is left and by the limits. ``lines`` come with variant, product,
    stock and what the owner of ``cart`` is offered. Who pays less than was shown pays less; a price that has risen
    stays as it was shown, and is told until the customer accepts it.
    """
    present = {row.variant_id: row for row in cart.items.all()}
    known = len(present)
    new: list[CartItem] = []
    grown: list[CartItem] = []
    changes: list[Change] = []
    for line in lines:
        mine, variant = present.get(line.variant_id), line.variant
        wanted = line.quantity + (mine.quantity if mine else 0)
        quantity = min(wanted, most_units(variant))
        if mine is None and known + len(new) >= settings.ORDER_MAX_LINES:
            changes.append(Change(Code.LEFT_OUT, variant, str(wanted), "0"))
            continue
        if quantity == 0:
            # What lies in the cart already is left there, where it is told that it cannot be bought.
            code = Code.QUANTITY_REDUCED if is_for_sale(variant) else Code.UNAVAILABLE
            changes.append(Change(code, variant, str(wanted), "0", mine.pk if mine else None))
            continue
        price = min(line.price, unit_price(variant.price, offers_of(line), quantity))
        row = mine or CartItem(cart=cart, variant=variant)
        row.quantity, row.price = quantity, price
        (grown if mine else new).append(row)
        if quantity < wanted:
            changes.append(Change(Code.QUANTITY_REDUCED, variant, str(wanted), str(quantity), row.pk))
        if price < line.price:
            changes.append(Change(Code.PRICE_CHANGED, variant, str(line.price), str(price), row.pk))
    CartItem.objects.bulk_create(new)
    CartItem.objects.bulk_update(grown, ["quantity", "price"])
    return changes
