"""Baskets: one for each customer, one for each guest's token."""

import hashlib
import secrets
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from accounts.models import User
from catalog.exceptions import InsufficientStock, ProductUnavailable
from catalog.models import Product, Variant
from catalog.prices.rules import unit_price
from catalog.prices.selectors import offers_of, with_offers
from ecommerce.exceptions import DomainError, ErrorRow
from orders.exceptions import CartEmpty
from orders.lines import ItemInput, resolve_items
from orders.models import Cart, CartItem, Order
from orders.placing import Contact, place_order


class CartChanged(DomainError):
    code = "cart_changed"
    message = "The cart was merged or removed at this very moment. Load it again."


class QuantityTooLarge(DomainError):
    status_code = 400
    code = "quantity_too_large"
    message = f"At most {settings.ORDER_MAX_QUANTITY} of one thing, and {settings.ORDER_MAX_LINES} different things."


@dataclass(frozen=True)
class CartOwner:
    """Who asks: a signed-in user, a guest with a token, or a guest without one yet."""

    user: User | None = None
    token: str = ""


def find_cart(owner: CartOwner) -> Cart | None:
    """Return the owner's cart, if there is one; a guest's cart is folded into the user's first."""
    if owner.user is None:
        return Cart.objects.filter(token_hash=_hash(owner.token)).first() if owner.token else None
    if owner.token:
        _merge(owner.user, owner.token)
    return Cart.objects.filter(user=owner.user).first()


def open_cart(owner: CartOwner) -> tuple[Cart, str]:
    """Return the owner's cart, made now if needed, and the token that a guest must keep (empty for a user)."""
    if cart := find_cart(owner):
        return cart, "" if owner.user else owner.token
    if owner.user is not None:
        return Cart.objects.get_or_create(user=owner.user)[0], ""
    token = secrets.token_urlsafe(24)
    return Cart.objects.create(token_hash=_hash(token)), token


@transaction.atomic
def add_item(owner: CartOwner, item: ItemInput) -> tuple[Cart, str]:
    """Put units of a variant into the cart, on top of what is there; return the cart and a guest's token.

    Raises:
        ProductUnavailable, VariantRequired, QuantityTooLarge
        InsufficientStock: the cart would hold more than is available. Nothing is reserved here.
    """
    wanted, _ = resolve_items([item])
    (variant_id,) = wanted
    variant = _sellable(variant_id, owner.user.pk if owner.user else None)
    cart, token = open_cart(owner)
    _lock(cart)
    row = CartItem.objects.filter(cart=cart, variant=variant).first()
    _set_quantity(cart, variant, (row.quantity if row else 0) + item.quantity, row)
    return cart, token


@transaction.atomic
def change_item(cart: Cart, item_id: UUID, *, quantity: int) -> None:
    """Set the quantity of a line; this also accepts its present price.

    Raises:
        CartItem.DoesNotExist: the cart has no such line.
        ProductUnavailable, InsufficientStock, QuantityTooLarge
    """
    _lock(cart)
    row = CartItem.objects.get(cart=cart, pk=item_id)
    _set_quantity(cart, _sellable(row.variant_id, cart.user_id), quantity, row)


@transaction.atomic
def remove_item(cart: Cart, item_id: UUID) -> None:
    """Take a line out.

    Raises:
        CartItem.DoesNotExist: the cart has no such line.
    """
    _lock(cart)
    CartItem.objects.get(cart=cart, pk=item_id).delete()
    _touch(cart)


@transaction.atomic
def check_out(cart: Cart, *, user: User, contact: Contact) -> Order:
    """Turn the cart as it is now into an order and empty it.

    Raises:
        CartEmpty: there is nothing in it, perhaps because this cart has just been ordered.
        and what ``place_order`` raises: a price that is not the one that was shown stops the order.
    """
    cart = _lock(cart)
    rows = list(cart.items.all())
    if not rows:
        raise CartEmpty()
    items = [
        ItemInput(quantity=row.quantity, variant_id=row.variant_id, attr=f"items.{index}")
        for index, row in enumerate(rows)
    ]
    seen = {row.variant_id: row.price for row in rows}
    order = place_order(user=user, items=items, contact=contact, cart=cart, seen=seen)
    cart.items.all().delete()
    _touch(cart)
    return order


def _lock(cart: Cart) -> Cart:
    """Lock a cart and read it again.

    Raises:
        CartChanged: a log-in elsewhere has just folded it into another one.
    """
    locked = Cart.objects.select_for_update(no_key=True).filter(pk=cart.pk).first()
    if locked is None:
        raise CartChanged()
    return locked


def _sellable(variant_id: UUID, user_id: UUID | None) -> Variant:
    variant = (
        with_offers(Variant.objects.select_related("stock_level", "product"), to=user_id)
        .filter(
            pk=variant_id,
            is_active=True,
            stock_level__isnull=False,
            product__is_active=True,
            product__deleted_at__isnull=True,
        )
        .first()
    )
    if variant is None:
        raise ProductUnavailable([ErrorRow(ProductUnavailable.code, ProductUnavailable.message, "variant_id")])
    return variant


def _set_quantity(cart: Cart, variant: Variant, quantity: int, row: CartItem | None) -> None:
    if quantity > settings.ORDER_MAX_QUANTITY or (row is None and cart.items.count() >= settings.ORDER_MAX_LINES):
        raise QuantityTooLarge([ErrorRow(QuantityTooLarge.code, QuantityTooLarge.message, "quantity")])
    available = variant.stock_level.available
    if variant.product.kind == Product.Kind.PHYSICAL and quantity > available:
        message = f"Only {available} left of {variant.product.product_name}."
        raise InsufficientStock([ErrorRow(InsufficientStock.code, message, "quantity")])
    price = unit_price(variant.price, offers_of(variant), quantity)
    CartItem.objects.update_or_create(cart=cart, variant=variant, defaults={"quantity": quantity, "price": price})
    _touch(cart)


def _merge(user: User, token: str) -> None:
    """Fold a guest's cart into the user's: quantities add up, capped by stock and limit; the guest's cart goes.

    Who pays less than was shown to the guest pays less; a price that has risen is told at the check-out.
    """
    with transaction.atomic():
        guest = Cart.objects.select_for_update().filter(token_hash=_hash(token)).first()
        if guest is None:
            return
        cart = Cart.objects.get_or_create(user=user)[0]
        Cart.objects.select_for_update(no_key=True).get(pk=cart.pk)
        present = {row.variant_id: row for row in cart.items.all()}
        rows = guest.items.select_related("variant__product", "variant__stock_level")
        for row in with_offers(rows, to=user.pk, variant="variant_id"):
            mine = present.get(row.variant_id)
            most = settings.ORDER_MAX_QUANTITY
            if row.variant.product.kind == Product.Kind.PHYSICAL:
                most = min(most, row.variant.stock_level.available)
            quantity = min(row.quantity + (mine.quantity if mine else 0), most)
            if quantity > 0 and (mine or len(present) < settings.ORDER_MAX_LINES):
                price = min(row.price, unit_price(row.variant.price, offers_of(row), quantity))
                CartItem.objects.update_or_create(
                    cart=cart, variant=row.variant, defaults={"quantity": quantity, "price": price}
                )
                present[row.variant_id] = row
        guest.delete()
        _touch(cart)


def _touch(cart: Cart) -> None:
    Cart.objects.filter(pk=cart.pk).update(version=F("version") + 1)
    cart.refresh_from_db(fields=["version"])


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
