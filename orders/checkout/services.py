"""Ordering. The checkout's last step and the direct ``POST /orders/`` both end in ``submit_order``."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from accounts.models import User, normalise_email
from catalog.exceptions import InsufficientStock
from ecommerce.transactions import joined
from orders.carts import CartChanged, clear, lock_cart
from orders.checkout.limits import refuse_hoarding, take_turns
from orders.exceptions import CartEmpty, ContactRequired
from orders.lines import ItemInput
from orders.models import Cart, Order
from orders.placing import Contact, place_order
from orders.tasks import send_order_received


@joined
def submit_order(
    *,
    user: User | None,
    items: Sequence[ItemInput],
    contact: Contact,
    cart: Cart | None = None,
    seen: Mapping[UUID, Decimal] | None = None,
) -> Order:
    """Place an order for a customer or, with ``user`` None, for a guest, who gets a mail with the order's link.

    Raises:
        ContactRequired: a guest who cannot be reached.
        TooManyUnpaidOrders, TooManyUnitsHeld: the customer holds too much of the stock already.
        and what ``place_order`` raises; ``InsufficientStock`` tells a user which own orders hold what is short.
    """
    if user is None:
        contact = replace(contact, email=normalise_email(contact.email))
        if not (contact.email or contact.phone_number):
            raise ContactRequired()
    take_turns(user, contact)
    try:
        order = place_order(user=user, items=items, contact=contact, cart=cart, seen=seen)
    except InsufficientStock as error:
        if user is not None and (own_orders := _unpaid_orders(user)):
            error.extra["own_orders"] = own_orders
        raise
    refuse_hoarding(order)
    if user is None and order.email:
        send_order_received.owe(f"order-received:{order.pk}", order_id=str(order.pk))
    return order


@joined
def check_out(cart: Cart, *, user: User | None, contact: Contact, version: int | None = None) -> Order:
    """Turn the cart as it is now into an order and empty it.

    Raises:
        CartChanged: it is not the ``version`` any more that the customer has seen, or it is gone.
        CartEmpty: there is nothing in it, perhaps because this cart has just been ordered.
        and what ``submit_order`` raises: a price that is not the one that was shown stops the order.
    """
    cart = lock_cart(cart)
    rows = list(cart.items.all())
    if not rows:
        raise CartEmpty()
    if version not in (None, cart.version):
        raise CartChanged()
    items = [
        ItemInput(quantity=row.quantity, variant_id=row.variant_id, attr=f"items.{index}")
        for index, row in enumerate(rows)
    ]
    seen = {row.variant_id: row.price for row in rows}
    order = submit_order(user=user, items=items, contact=contact, cart=cart, seen=seen)
    clear(cart)
    return order


def _unpaid_orders(user: User) -> list[dict[str, str]]:
    """Return a user's unpaid orders: they may hold what the user finds sold out."""
    unpaid = Order.objects.filter(user=user, status=Order.Status.PENDING).order_by("created_at")
    return [{"id": str(order_id), "number": number} for order_id, number in unpaid.values_list("pk", "number")]
