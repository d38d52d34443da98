"""Placing an order: what is wanted becomes a pending order with its stock reserved.

However many lines it has, it takes three statements: one waits for the customer's turn, one reads and locks, one
inserts the order with all that belongs to it and takes the stock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from catalog import stock
from ecommerce.events import event_of
from ecommerce.insertion import as_rows, inserting
from ecommerce.models import Event
from ecommerce.prepared import Statement
from ecommerce.transactions import joined
from orders import hooks
from orders.checkout.limits import Turn, refuse_hoarding, take_turn
from orders.exceptions import MixedCurrencies, TotalTooLarge
from orders.lines import ItemInput, WantedLine, lock_lines, refuse_changed
from orders.models import Cart, Order, OrderEvent, OrderItem
from orders.pricing.baskets import BasketLine, BasketTotals, Delivery, price_basket
from orders.promotions import limits
from orders.promotions.customers import customer_key_of
from orders.promotions.selectors import promotions_in

LARGEST_TOTAL = Decimal("9999999999.99")
_PLACE = Statement(
    f"""
WITH {inserting(Order, "placed")}, {inserting(OrderItem, "items")}, {inserting(OrderEvent, "timeline")},
{inserting(Event, "events")}, {stock.TAKING}
SELECT number FROM placed
""",  # noqa: S608 - names of our own tables
    placed="jsonb",
    items="jsonb",
    timeline="jsonb",
    events="jsonb",
    **stock.TAKING_TYPES,
)


@dataclass(frozen=True)
class Contact:
    email: str = ""
    phone_number: str = ""
    shipping_address: Mapping[str, Any] | None = None
    note: str = ""
    buyer_pin: str = ""


@joined
def place_order(
    *,
    user: User | None,
    items: Sequence[ItemInput],
    contact: Contact | None = None,
    cart: Cart | None = None,
    seen: Mapping[UUID, Decimal] | None = None,
    delivery: Delivery | None = None,
    codes: Sequence[str] = (),
    limited: bool = False,
) -> Order:
    """Create a pending order and reserve its stock until ``reserved_until``; it comes back with its lines.

    Prices are what the variants cost this user in these quantities now; they are copied, so a later change in the
    catalogue does not touch this order. Lines of the same variant are added up. With ``cart`` (locked by the caller)
    the order belongs to that version of it. ``seen`` has the prices of the variants that the user was shown, ``codes``
    (normalised) the coupons that they have entered. Promotions that take something off are used up by it. ``limited``
    orders count for what their customer holds already.

    Raises:
        ProductUnavailable: a product or variant is unknown or not for sale; one row each.
        VariantRequired: a product has several variants and none was named.
        InsufficientStock: names every short item; nothing is taken.
        PriceChanged: a price is not the one that was seen; one row each.
        MixedCurrencies: the products are priced in different currencies.
        TotalTooLarge: beyond what the amounts can hold.
        CouponRefused, PromotionExhausted: see ``promotions.limits.redeem``.
        TooManyUnpaidOrders, TooManyUnitsHeld: see ``checkout.limits``; of ``limited`` orders only.
    """
    contact = _reached(contact or Contact(), user)
    customer_key = customer_key_of(user.pk if user else None, email=contact.email, phone_number=contact.phone_number)
    turn = Turn.of(user, email=contact.email, phone_number=contact.phone_number) if limited else None
    user_id = user.pk if user else None
    held = take_turn(turn, items, user_id=user_id) if turn and turn.names else None
    wanted = lock_lines(items, user_id=user_id, codes=codes, customer_key=customer_key)
    if seen is not None:
        refuse_changed(wanted, seen)
    currencies = {line.variant.currency for line in wanted}
    if len(currencies) > 1:
        raise MixedCurrencies()
    totals = price_basket(
        [BasketLine(line.variant.variant_id, line.quantity, line.price, line.variant.tax_kind) for line in wanted],
        delivery=delivery,
        promotions=promotions_in((line.variant.variant_id, line.variant.promotions) for line in wanted),
    )
    if totals.total > LARGEST_TOTAL:
        raise TotalTooLarge()
    order = _order(totals, user=user, contact=contact, cart=cart, currency=currencies.pop())
    order.delivery = (delivery.snapshot or {}) if delivery else {}
    lines = _items(order, wanted, totals)
    _insert(order, lines, wanted)
    limits.redeem(order, totals.applied, customer_key=customer_key, codes=codes)
    for follow in hooks.after_placing:
        follow(order)
    if held is not None:
        refuse_hoarding(order, held)
    return order


def _insert(order: Order, lines: list[OrderItem], wanted: Sequence[WantedLine]) -> None:
    """Insert an order with its lines and its first event, and take its stock."""
    taking = [
        stock.Taking(line.variant_id, line.quantity, line.pk)
        for line, each in zip(lines, wanted, strict=True)
        if each.variant.keeps_stock
    ]
    ((order.number,),) = _PLACE.run(
        placed=as_rows(Order, [order]),
        items=as_rows(OrderItem, lines),
        timeline=as_rows(OrderEvent, [OrderEvent(order=order, to_status=order.status, actor_id=order.user_id)]),
        events=as_rows(Event, [event_of("order.placed", order.pk, user_id=order.user_id, status=str(order.status))]),
        **stock.taking(taking, actor_id=order.user_id),
    )
    # Whoever shows the order asks for ``order.items.all()``: as if they had been prefetched.
    items = order.items.all()
    items._result_cache = lines
    order._prefetched_objects_cache = {"items": items}  # type: ignore[attr-defined]


def _reached(contact: Contact, user: User | None) -> Contact:
    """Return how the customer is reached: as they said, else by what their account has."""
    return replace(
        contact,
        email=contact.email or (user.email if user and user.email else ""),
        phone_number=contact.phone_number or (user.phone_number if user else ""),
    )


def _order(totals: BasketTotals, *, user: User | None, contact: Contact, cart: Cart | None, currency: str) -> Order:
    return Order(
        user=user,
        currency=currency,
        subtotal=totals.subtotal,
        discount=totals.discount,
        shipping=totals.shipping,
        tax=totals.tax,
        total_amount=totals.total,
        prices_include_tax=totals.prices_include_tax,
        shipping_discount=totals.shipping_discount,
        shipping_tax=totals.shipping_tax,
        email=contact.email,
        phone_number=contact.phone_number,
        shipping_address=dict(contact.shipping_address or {}),
        note=contact.note,
        buyer_pin=contact.buyer_pin,
        reserved_until=timezone.now() + settings.ORDER_RESERVATION,
        cart=cart,
        cart_version=cart.version if cart else None,
    )


def _items(order: Order, wanted: Sequence[WantedLine], totals: BasketTotals) -> list[OrderItem]:
    items = []
    for position, line in enumerate(wanted):
        variant, sums = line.variant, totals.lines[line.variant.variant_id]
        items.append(
            OrderItem(
                order=order,
                product_id=variant.product_id,
                variant_id=variant.variant_id,
                product_name=variant.product_name,
                sku=variant.sku,
                options=variant.options,
                quantity=line.quantity,
                price=line.price,
                discount=sums.discount,
                tax=sums.tax,
                tax_kind=sums.rate.kind,
                tax_rate=sums.rate.rate,
                position=position,
                awaited_quantity=line.awaited,
                available_from=variant.available_from if line.awaited else None,
            )
        )
    return items
