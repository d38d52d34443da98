"""Baskets: one for each customer, one for each guest's token."""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, TextField, UUIDField
from django.db.models.functions import Coalesce

from accounts.models import User
from catalog.exceptions import InsufficientStock, ProductUnavailable
from catalog.models import Product, Variant
from catalog.prices.rules import unit_price
from catalog.prices.selectors import offers_of, with_offers
from ecommerce.exceptions import DomainError, ErrorRow
from ecommerce.models import new_id
from ecommerce.prepared import Parameter, Prepared, Statement
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


def _carts(condition: Any) -> Callable[[], QuerySet[Cart]]:
    return lambda: Cart.objects.select_related("checkout").filter(condition).order_by("pk")


def _for_sale(to: Parameter | None) -> QuerySet[Variant]:
    lines = CartItem.objects.filter(cart=Parameter("cart", UUIDField())).order_by()
    rows = Variant.objects.select_related("stock_level", "product").annotate(
        in_cart=Coalesce(Subquery(lines.filter(variant=OuterRef("pk")).values("quantity")), 0),
        lines=Coalesce(Subquery(lines.values("cart").annotate(n=Count("pk")).values("n")), 0),
    )
    return with_offers(rows.only(*_READ), to=to).filter(
        pk=Parameter("variant", UUIDField()),
        is_active=True,
        stock_level__isnull=False,
        product__is_active=True,
        product__deleted_at__isnull=True,
    )


_USER, _TOKEN = Parameter("user", UUIDField()), Parameter("token_hash", TextField())
_OWNERS = {  # by whether somebody is signed in, and whether a token came
    (True, False): Q(user=_USER),
    (False, True): Q(token_hash=_TOKEN),
    (True, True): Q(user=_USER) | Q(token_hash=_TOKEN),
}
_BY_OWNER = {key: Prepared(_carts(condition)) for key, condition in _OWNERS.items()}
_LOCKED = {key: Prepared(_carts(condition), lock=Cart) for key, condition in _OWNERS.items() if key != (True, True)}
_LOCKED_BY_ID = Prepared(_carts(Q(pk=Parameter("cart", UUIDField()))), lock=Cart)
_READ = ("price", "stock_level__available", "stock_level__backorder_limit", "product__product_name", "product__kind")
_SELLABLE = {signed_in: Prepared(lambda to=to: _for_sale(to)) for signed_in, to in ((True, _USER), (False, None))}  # type: ignore[misc]
_PUT = Statement(
    """
WITH line AS (
    INSERT INTO orders_cartitem (id, created_at, updated_at, cart_id, variant_id, quantity, price)
    VALUES (%(id)s, now(), now(), %(cart)s, %(variant)s, %(quantity)s, %(price)s)
    ON CONFLICT (cart_id, variant_id)
    DO UPDATE SET quantity = excluded.quantity, price = excluded.price, updated_at = excluded.updated_at
)
UPDATE orders_cart SET version = version + 1, updated_at = now() WHERE id = %(cart)s
""",
    id="uuid",
    cart="uuid",
    variant="uuid",
    quantity="int",
    price="numeric",
)


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
    return _found(owner, _BY_OWNER)


def open_cart(owner: CartOwner) -> FoundCart:
    """Return the owner's cart, locked, made now if needed, with the token that a guest must keep.

    Must run inside a transaction.

    Raises:
        CartChanged: see ``lock_cart``.
    """
    if owner.user and owner.token:  # the two carts are locked together, see ``_merge``
        found = _found(owner, _BY_OWNER)
        if found.cart is not None:
            return replace(found, cart=lock_cart(found.cart))
    else:
        found = _found(owner, _LOCKED)
        if found.cart is not None:
            return found
    if owner.user is not None:
        return replace(found, cart=lock_cart(Cart.objects.get_or_create(user=owner.user)[0]))
    token = secrets.token_urlsafe(24)
    return FoundCart(Cart.objects.create(token_hash=_hash(token)), token)


@transaction.atomic
def add_item(owner: CartOwner, item: ItemInput) -> FoundCart:
    """Put units of a variant into the cart, on top of what is there, in three statements.

    Raises:
        ProductUnavailable, VariantRequired, QuantityTooLarge
        InsufficientStock: the cart would hold more than is available. Nothing is reserved here.
    """
    wanted, _ = resolve_items([item])
    (variant_id,) = wanted
    found = open_cart(owner)
    assert found.cart is not None  # noqa: S101 - opened above
    variant = _sellable(variant_id, found.cart)
    _set_quantity(found.cart, variant, variant.in_cart + item.quantity)  # type: ignore[attr-defined]
    return found


@transaction.atomic
def change_item(cart: Cart, item_id: UUID, *, quantity: int) -> Cart:
    """Set the quantity of a line; this also accepts its present price.

    Raises:
        CartItem.DoesNotExist: the cart has no such line.
        ProductUnavailable, InsufficientStock, QuantityTooLarge
    """
    cart = lock_cart(cart)
    row = CartItem.objects.get(cart=cart, pk=item_id)
    _set_quantity(cart, _sellable(row.variant_id, cart), quantity)
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
    locked = _LOCKED_BY_ID.objects(cart=cart.pk)
    if not locked:
        raise CartChanged()
    return cast(Cart, locked[0])


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


def _sellable(variant_id: UUID, cart: Cart) -> Variant:
    """Read a variant with what it takes to put it into a cart, in one statement.

    Beside its product, its stock and what the owner is offered: how many units are ``in_cart``, and how many ``lines``
    the cart has.
    """
    found = _SELLABLE[cart.user_id is not None].objects(variant=variant_id, cart=cart.pk, user=cart.user_id)
    if not found or found[0].product.kind == Product.Kind.RENTAL:  # which is let by the night: nobody has said which
        raise ProductUnavailable([ErrorRow(ProductUnavailable.code, ProductUnavailable.message, "variant_id")])
    return cast(Variant, found[0])


def _set_quantity(cart: Cart, variant: Variant, quantity: int) -> None:
    """Have a locked cart hold so many units of what ``_sellable`` has read, in one statement."""
    is_new = not variant.in_cart  # type: ignore[attr-defined]
    if quantity > settings.ORDER_MAX_QUANTITY or (is_new and variant.lines >= settings.ORDER_MAX_LINES):  # type: ignore[attr-defined]
        raise QuantityTooLarge([ErrorRow(QuantityTooLarge.code, QuantityTooLarge.message, "quantity")])
    available = variant.stock_level.sellable
    if variant.product.kind == Product.Kind.PHYSICAL and quantity > available:
        message = f"Only {available} left of {variant.product.product_name}."
        raise InsufficientStock([ErrorRow(InsufficientStock.code, message, "quantity")])
    price = unit_price(variant.price, offers_of(variant), quantity)
    _PUT.run(id=new_id(), cart=cart.pk, variant=variant.pk, quantity=quantity, price=price)
    cart.version += 1


@transaction.atomic
def _merge(user: User, guests: Cart) -> FoundCart:
    """Fold a guest's cart into the user's, see ``cart_changes.fold``; the guest's cart goes.

    What the guest told for the checkout stays told, unless the user has told something of their own.
    """
    changes: list[Change] = []
    both = Cart.objects.select_related("checkout").select_for_update(of=("self",)).order_by("pk")
    locked = {cart.user_id: cart for cart in both.filter(Q(pk=guests.pk) | Q(user=user))}
    guest = locked.get(None)
    if guest is None:  # folded at this very moment
        return FoundCart(locked.get(user.pk))
    cart = locked.get(user.pk) or lock_cart(Cart.objects.get_or_create(user=user)[0])
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


def _found(owner: CartOwner, statements: Mapping[tuple[bool, bool], Prepared]) -> FoundCart:
    if owner.user is None and not owner.token:
        return FoundCart()
    carts = statements[owner.user is not None, bool(owner.token)].objects(
        user=owner.user.pk if owner.user else None, token_hash=_hash(owner.token)
    )
    guests = next((cart for cart in carts if cart.user_id is None), None)
    if owner.user is None:
        return FoundCart(guests, owner.token if guests else "")
    if guests is None:
        return FoundCart(next(iter(carts), None))
    return _merge(owner.user, guests)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
