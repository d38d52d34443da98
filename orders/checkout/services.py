"""The steps of the checkout, and ordering: its last step and the direct ``POST /orders/`` end in ``submit_order``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import User, normalise_email
from catalog.exceptions import InsufficientStock
from ecommerce.exceptions import ErrorRow
from ecommerce.transactions import joined
from orders import hooks
from orders.cart_totals import totals_of
from orders.carts import CartChanged, clear, lock_cart, touch
from orders.checkout.door import refuse_at_the_door
from orders.checkout.models import Checkout, checkout_of
from orders.checkout.shipping import ShippingChoice, delivery_of, keep_quote, parcel_of_cart
from orders.exceptions import CartEmpty, ContactRequired, PriceChanged, TotalChanged
from orders.lines import ItemInput
from orders.models import Cart, Order
from orders.placing import Contact, place_order
from orders.promotions.customers import customer_key_of
from orders.promotions.selectors import with_codes
from orders.selectors import cart_items
from orders.shipping.exceptions import ShippingMethodUnavailable
from orders.shipping.quotes import Quote, quote_of, quotes_for
from orders.tasks import send_order_received

# What the shipping step tells, and each later one may tell anew.
TOLD = ("email", "phone_number", "shipping_address", "note", "buyer_pin")


@dataclass(frozen=True)
class ShippingStep:
    """The cart after its shipping step, and the methods to choose from."""

    cart: Cart
    quotes: list[Quote]


@transaction.atomic
def tell_shipping(
    cart: Cart, *, user: User | None, told: Mapping[str, Any], choice: ShippingChoice | None = None
) -> ShippingStep:
    """Remember where a cart goes, and by which method if one is chosen; this also accepts the method's present price.

    Raises:
        CartEmpty: there is nothing to bring.
        ContactRequired: a guest who cannot be reached.
        ShippingMethodUnavailable, PickupPointRequired, PickupPointUnavailable: see ``quotes.quote_of``.
    """
    cart = lock_cart(cart)
    items = cart_items(cart)
    if not items:
        raise CartEmpty()
    checkout = checkout_of(cart) or Checkout(cart=cart)
    for name in TOLD:
        if name in told:
            setattr(checkout, name, told[name])
    if user is None and not (checkout.email or checkout.phone_number):
        raise ContactRequired()
    parcel = parcel_of_cart(items)
    quotes = quotes_for(checkout.shipping_address, parcel) if parcel else []
    quote = None
    if parcel and choice and choice.method_id:
        quote = quote_of(choice.method_id, checkout.shipping_address, parcel, pickup_point_id=choice.pickup_point_id)
    checkout.method_id = quote.method_id if quote else None
    checkout.pickup_point_id = choice.pickup_point_id if quote and choice else None
    touch(cart)  # another total is another version: who has seen the one before does not order this one
    keep_quote(checkout, cart, quote)
    checkout.save()
    return ShippingStep(cart, quotes)


@transaction.atomic
def choose_payment(cart: Cart, *, payment_method: str) -> Cart:
    """Remember how a cart will be paid.

    Raises:
        CartEmpty: there is nothing to pay.
        PayAtDoorRefused: the total with shipping is above the limit of the chosen delivery.
        DomainError: the shop does not offer it; see ``hooks.payment_chosen``.
    """
    cart = lock_cart(cart)
    items = cart_items(cart)
    if not items:
        raise CartEmpty()
    checkout = checkout_of(cart) or Checkout(cart=cart)
    total = totals_of(items, delivery=checkout.shown_delivery).total
    for check in hooks.payment_chosen:
        check(payment_method, total, items[0].variant.product.currency)
    refuse_at_the_door(payment_method, checkout.delivery, total)
    checkout.payment_method = payment_method
    checkout.save()
    return cart


@joined
def check_out(
    cart: Cart,
    *,
    user: User | None,
    told: Mapping[str, Any] | None = None,
    version: int | None = None,
    expected_total: Decimal | None = None,
) -> Order:
    """Turn the cart as it is now into an order and empty it. What is ``told`` now goes before what was told earlier.

    Raises:
        CartChanged: it is not the ``version`` any more that the customer has seen, or it is gone.
        CartEmpty: there is nothing in it, perhaps because this cart has just been ordered.
        PayAtDoorRefused: that was to be paid at the door, and is above the limit.
        and what ``submit_order`` raises: a price that is not the one that was shown stops the order.
    """
    cart = lock_cart(cart)
    rows = list(with_codes(cart.items.all(), cart="cart_id"))
    if not rows:
        raise CartEmpty()
    if version not in (None, cart.version):
        raise CartChanged()
    items = [
        ItemInput(quantity=row.quantity, variant_id=row.variant_id, attr=f"items.{index}")
        for index, row in enumerate(rows)
    ]
    seen = {row.variant_id: row.price for row in rows}
    codes: list[str] = rows[0].codes  # type: ignore[attr-defined]
    checkout = checkout_of(cart) or Checkout()
    if checkout.method_id and checkout.shipping_amount is None:  # it did not carry what is in the cart
        raise ShippingMethodUnavailable()
    contact = Contact(**{name: getattr(checkout, name) for name in TOLD} | dict(told or {}))
    choice = ShippingChoice(checkout.method_id, checkout.pickup_point_id, seen=checkout.shipping_amount)
    order = submit_order(
        user=user,
        items=items,
        contact=contact,
        shipping=choice,
        cart=cart,
        seen=seen,
        codes=codes,
        expected_total=expected_total,
    )
    refuse_at_the_door(checkout.payment_method, order.delivery, order.total_amount)
    clear(cart)
    return order


@joined
def submit_order(
    *,
    user: User | None,
    items: Sequence[ItemInput],
    contact: Contact,
    shipping: ShippingChoice,
    cart: Cart | None = None,
    seen: Mapping[UUID, Decimal] | None = None,
    codes: Sequence[str] = (),
    expected_total: Decimal | None = None,
) -> Order:
    """Place an order for a customer or, with ``user`` None, for a guest, who gets a mail with the order's link.

    Raises:
        ContactRequired: a guest who cannot be reached.
        TotalChanged: it does not cost ``expected_total``; a promotion may have ended, or a tax have changed.
        PriceChanged: also where the shipping costs something else than was shown; tells the new total.
        TooManyUnpaidOrders, TooManyUnitsHeld: the customer holds too much of the stock already.
        and what ``shipping.delivery_of`` and ``place_order`` raise; ``InsufficientStock`` tells a user which unpaid
        orders are their own, since these may hold what is short.
    """
    if user is None:
        contact = replace(contact, email=normalise_email(contact.email))
        if not (contact.email or contact.phone_number):
            raise ContactRequired()
    customer_key = customer_key_of(user.pk if user else None, email=contact.email, phone_number=contact.phone_number)
    delivery = delivery_of(
        shipping,
        items,
        address=contact.shipping_address or {},
        user=user,
        codes=codes,
        customer_key=customer_key,
    )
    try:
        order = place_order(
            user=user,
            items=items,
            contact=contact,
            cart=cart,
            seen=seen,
            delivery=delivery,
            codes=codes,
            limited=True,
        )
    except InsufficientStock as error:
        if user is not None and (own_orders := _unpaid_orders(user)):
            error.extra["own_orders"] = own_orders
        raise
    # After placing, which alone knows the new total; what is raised undoes it.
    if delivery is not None and shipping.seen is not None and delivery.amount != shipping.seen:
        message = f"Shipping now costs {delivery.amount}, and the order {order.total_amount} {order.currency}."
        raise PriceChanged(
            [ErrorRow(PriceChanged.code, message, "shipping")],
            shipping=str(delivery.amount),
            total_amount=str(order.total_amount),
        )
    if expected_total is not None and order.total_amount != expected_total:
        raise TotalChanged(order)
    if user is None and order.email:
        send_order_received.owe(f"order-received:{order.pk}", order_id=str(order.pk))
    return order


def _unpaid_orders(user: User) -> list[dict[str, str]]:
    unpaid = Order.objects.filter(user=user, status=Order.Status.PENDING).order_by("created_at")
    return [{"id": str(order_id), "number": number} for order_id, number in unpaid.values_list("pk", "number")]
