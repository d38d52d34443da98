"""Putting carts aside, and taking them up again."""

from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.models import User
from ecommerce.exceptions import DomainError
from orders.cart_changes import fold
from orders.carts import CartOwner, FoundCart, clear, lock_cart, open_cart, touch
from orders.exceptions import CartEmpty
from orders.models import Cart
from orders.saved_carts.models import SavedCart, SavedCartItem
from orders.selectors import with_goods


class TooManySavedCarts(DomainError):
    code = "too_many_saved_carts"
    message = f"At most {settings.SAVED_CARTS_MOST} carts can be kept. Delete one first."


@transaction.atomic
def save_cart(cart: Cart, *, user: User, name: str) -> SavedCart:
    """Put what is in the user's cart aside under a name, and empty the cart.

    Raises:
        CartEmpty: there is nothing in it, perhaps because it has just been put aside.
        TooManySavedCarts: exact under concurrency, because a user's saving takes turns by the cart's lock.
    """
    cart = lock_cart(cart)
    rows = list(cart.items.all())
    if not rows:
        raise CartEmpty()
    if SavedCart.objects.filter(user=user).count() >= settings.SAVED_CARTS_MOST:
        raise TooManySavedCarts()
    saved = SavedCart.objects.create(user=user, name=name)
    SavedCartItem.objects.bulk_create(
        SavedCartItem(saved_cart=saved, variant_id=row.variant_id, quantity=row.quantity, price=row.price)
        for row in rows
    )
    clear(cart)
    return saved


@transaction.atomic
def restore_cart(saved_cart_id: UUID, *, user: User) -> FoundCart:
    """Put a saved cart into the present one, see ``cart_changes.fold``; the saved one goes.

    Raises:
        SavedCart.DoesNotExist: this user has no such cart, perhaps because it has just been restored.
    """
    found = open_cart(CartOwner(user=user))
    assert found.cart is not None  # noqa: S101 - opened above
    cart = lock_cart(found.cart)
    saved = SavedCart.objects.select_for_update().get(pk=saved_cart_id, user=user)
    changes = fold(cart, with_goods(SavedCartItem.objects.filter(saved_cart=saved), to=user.pk))
    touch(cart)
    saved.delete()
    return FoundCart(cart, changes=changes)
