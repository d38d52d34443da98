"""Baskets: one for each customer, one for each guest's token."""

import hashlib
import secrets
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts.models import User
from catalog.exceptions import InsufficientStock, ProductUnavailable
from catalog.models import Product, Variant
from catalog.prices.rules import unit_price
from catalog.prices.selectors import offers_of, with_offers
from ecommerce.exceptions import DomainError, ErrorRow
from orders.cart_changes import Change, fold
from orders.checkout.models import checkout_of
from orders.lines import ItemInput, resolve_items
from orders.models import Cart, CartItem
from orders.promotions.cart_codes import forget_codes, move_codes
from orders.selectors import with_goods


class CartChanged(DomainError):
    code = "cart_changed"
    message = "The cart is not what it was a moment ago. Load it again."


class QuantityTooLarge(DomainError):
    status_code = 400
    code = "quantity_too_large"
    message = f"At most {settings.ORDER_MAX_QUANTITY} of one thing, and {settings.ORDER_MAX_LINES} different things."


@dataclass(frozen=True)
class CartOwner:
    """Who asks: a signed-in user, a guest with a token, or a guest without one yet."""

    user: User | None = None
    token: str = ""


@dataclass(frozen=True)
class FoundCart:
    """A cart, if there is one; the token that its guest must keep; and what happened to it on the way, told once.

    ``is_merged`` says that another cart has just been folded into it, so that nobody has seen it as it is.
    """

    cart: Cart | None = None
    token: str = ""
    changes: list[Change] = field(default_factory=list)
    is_merged: bool = False


def find_cart(owner: CartOwner) -> FoundCart:
    """Return the owner's cart in one statement; a guest's cart is folded into the user's first."""
    conditions = Q(user=owner.user) if owner.user else Q(pk__in=())
    if owner.token:
        conditions |= Q(token_hash=_hash(owner.token))
    elif owner.user is None:
        return FoundCart()
    carts = list(Cart.objects.select_related("checkout").filter(conditions))
    guests = next((cart for cart in carts if cart.user_id is None), None)
    if owner.user is None:
        return FoundCart(guests, owner.token if guests else "")
    if guests is None:
        return FoundCart(next(iter(carts), None))
    return _merge(owner.user, guests)


def open_cart(owner: CartOwner) -> FoundCart:
    """Return the owner's cart, made now if needed, with the token that a guest must keep."""
    found = find_cart(owner)
    if found.cart is not None:
        return found
    if owner.user is not None:
        return FoundCart(Cart.objects.get_or_create(user=owner.user)[0], changes=found.changes)
    token = secrets.token_urlsafe(24)
    return FoundCart(Cart.objects.create(token_hash=_hash(token)), token)


@transaction.atomic
def add_item(owner: CartOwner, item: ItemInput) -> FoundCart:
    """Put units of a variant into the cart, on top of what is there.

    Raises:
        ProductUnavailable, VariantRequired, QuantityTooLarge
        InsufficientStock: the cart would hold more than is available. Nothing is reserved here.
    """
    wanted, _ = resolve_items([item])
    (variant_id,) = wanted
    variant = _sellable(variant_id, owner.user.pk if owner.user else None)
    found = open_cart(owner)
    assert found.cart is not None  # noqa: S101 - opened above
    cart = lock_cart(found.cart)
    row = CartItem.objects.filter(cart=cart, variant=variant).first()
    _set_quantity(cart, variant, (row.quantity if row else 0) + item.quantity, row)
    return FoundCart(cart, found.token, found.changes)


@transaction.atomic
def change_item(cart: Cart, item_id: UUID, *, quantity: int) -> Cart:
    """Set the quantity of a line; this also accepts its present price.

    Raises:
        CartItem.DoesNotExist: the cart has no such line.
        ProductUnavailable, InsufficientStock, QuantityTooLarge
    """
    cart = lock_cart(cart)
    row = CartItem.objects.get(cart=cart, pk=item_id)
    _set_quantity(cart, _sellable(row.variant_id, cart.user_id), quantity, row)
    return cart


@transaction.atomic
def remove_item(cart: Cart, item_id: UUID) -> Cart:
    """Take a line out.

    Raises:
        CartItem.DoesNotExist: the cart has no such line.
    """
    cart = lock_cart(cart)
    CartItem.objects.get(cart=cart, pk=item_id).delete()
    touch(cart)
    return cart


@transaction.atomic
def empty_cart(cart: Cart) -> Cart:
    """Take everything out."""
    clear(lock_cart(cart))
    return lock_cart(cart)  # as it is now, without a checkout


def lock_cart(cart: Cart) -> Cart:
    """Lock a cart and read it again.

    Raises:
        CartChanged: a log-in elsewhere has just folded it into another one, or it has expired.
    """
    carts = Cart.objects.select_related("checkout").select_for_update(no_key=True, of=("self",))
    locked = carts.filter(pk=cart.pk).first()
    if locked is None:
        raise CartChanged()
    return locked


def clear(cart: Cart) -> None:
    """Take everything out of a locked cart, and forget what was told for its checkout."""
    cart.items.all().delete()
    forget_codes(cart)
    if checkout := checkout_of(cart):
        checkout.delete()
    touch(cart)


def touch(cart: Cart) -> None:
    """Make a locked cart a new version of itself: it has changed, and its time begins anew."""
    cart.version += 1
    cart.save(update_fields=["version", "updated_at"])


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
    if row is None:
        CartItem.objects.create(cart=cart, variant=variant, quantity=quantity, price=price)
    else:
        row.quantity, row.price = quantity, price
        row.save(update_fields=["quantity", "price", "updated_at"])
    touch(cart)


@transaction.atomic
def _merge(user: User, guests: Cart) -> FoundCart:
    """Fold a guest's cart into the user's, see ``cart_changes.fold``; the guest's cart goes.

    What the guest told for the checkout stays told, unless the user has told something of their own.
    """
    changes: list[Change] = []
    guest = Cart.objects.select_related("checkout").select_for_update(of=("self",)).filter(pk=guests.pk).first()
    if guest is None:  # folded at this very moment
        return FoundCart(Cart.objects.filter(user=user).first())
    cart = lock_cart(Cart.objects.get_or_create(user=user)[0])
    lines = list(with_goods(guest.items.all(), to=user.pk))
    if lines:
        changes = fold(cart, lines)
        touch(cart)
    if (told := checkout_of(guest)) and checkout_of(cart) is None:
        told.cart = cart
        told.save(update_fields=["cart", "updated_at"])
    move_codes(guest, cart)
    guest.delete()
    return FoundCart(cart, changes=changes, is_merged=bool(lines))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
