"""Reading baskets and orders, by audience."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, DecimalField, Expression, Max, Prefetch, Q, QuerySet, TextField, UUIDField, Value
from django.db.models.expressions import Combinable
from django.utils import timezone

from accounts.models import User
from catalog.prices.rules import unit_price
from catalog.prices.selectors import offers_of, with_offers
from ecommerce.money import ZERO
from ecommerce.prepared import Parameter, Prepared
from orders import hooks
from orders.checkout.models import checkout_of
from orders.fulfilment.selectors import received_items
from orders.models import Cart, CartItem, Order, OrderItem
from orders.promotions.customers import customer_key_of
from orders.promotions.selectors import entered_for, with_codes, with_promotions

Lines = TypeVar("Lines", bound=QuerySet[Any])


@dataclass(frozen=True)
class Buyer:
    """Who asks: a signed-in user, the holder of one order's link, both, or nobody."""

    user: User | None = None
    order_id: UUID | None = None  # that the link opens


def acts_for(buyer: Buyer, *, path: str = "") -> Q:
    """Return the one rule about who may act on an order: its customer, and for a guest's order whoever has its link.

    Once a guest's order has been taken into an account its link opens nothing any more. It is a condition on orders,
    or on rows from which ``path`` leads to one.
    """
    order = f"{path}__" if path else ""
    condition = Q(**{f"{order}user": buyer.user}) if buyer.user else Q(pk__in=())
    if buyer.order_id is not None:
        condition |= Q(**{f"{order}id": buyer.order_id, f"{order}user__isnull": True})
    return condition


def orders_open_to(buyer: Buyer) -> QuerySet[Order]:
    """The orders that a buyer may act on; every order for staff who may see orders. With lines, in two statements."""
    orders = _with_lines()
    if buyer.user and buyer.user.is_staff and buyer.user.has_perm("orders.view_order"):
        return orders
    return orders.filter(acts_for(buyer))


def orders_visible_to(user: User) -> QuerySet[Order]:
    """A customer's own orders; every order for staff who may see orders. With lines, in two statements."""
    return orders_open_to(Buyer(user))


def _with_lines() -> QuerySet[Order]:
    orders = with_paid_amount(Order.objects.all())
    return orders.prefetch_related(Prefetch("items", queryset=OrderItem.objects.order_by("position")))


def with_paid_amount(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Annotate ``paid_amount``: what of each order's total has been paid, by what payments tell of it."""
    nothing: Combinable = Value(ZERO, DecimalField(max_digits=12, decimal_places=2))
    return orders.annotate(paid_amount=sum((paid() for paid in hooks.paid_amounts), start=nothing))


def amount_due(order: Order) -> Decimal:
    """Return what is still to be paid for an order, of ``with_paid_amount`` or just placed; nothing once it is not."""
    paid: Decimal = getattr(order, "paid_amount", ZERO)
    return max(order.total_amount - paid, ZERO) if order.is_payable else ZERO


def with_goods(lines: Lines, *, to: UUID | Expression | None) -> Lines:
    """Read lines with variant, product, stock, and what the user ``to`` is offered for them; no statement more."""
    goods = lines.select_related("variant__product", "variant__stock_level").defer(
        "variant__product__search_vector", "variant__product__description"
    )
    return with_offers(goods, to=to, variant="variant_id")


def _lines_of_cart(
    cart: UUID | Expression,
    *,
    to: UUID | Expression | None,
    codes: Sequence[str] | ArraySubquery,
    customer_key: str | Expression,
) -> QuerySet[CartItem]:
    lines = with_codes(with_goods(CartItem.objects.filter(cart=cart), to=to), cart="cart_id")
    return with_promotions(lines, to=to, codes=codes, product="variant__product_id", customer_key=customer_key)


_CART = Parameter("cart", UUIDField())
_LINES = {
    signed_in: Prepared(
        lambda to=to: _lines_of_cart(  # type: ignore[misc]
            _CART, to=to, codes=entered_for(_CART), customer_key=Parameter("customer_key", TextField())
        )
    )
    for signed_in, to in ((True, Parameter("user", UUIDField())), (False, None))
}


def cart_items(cart: Cart) -> list[CartItem]:
    """The lines of a cart with what a reader wants to see of them and what its owner is offered, in one statement.

    Also with the promotions that they may have, and the codes that have been entered for the cart.
    """
    lines = _LINES[cart.user_id is not None]
    return lines.objects(cart=cart.pk, user=cart.user_id, customer_key=_customer_of(cart))


def cart_items_by_code(cart: Cart, code: str) -> list[CartItem]:
    """Return what ``cart_items`` does, with the promotions of this code (normalised) instead of those entered."""
    return list(_lines_of_cart(cart.pk, to=cart.user_id, codes=[code], customer_key=_customer_of(cart)))


def _customer_of(cart: Cart) -> str:
    told = checkout_of(cart)
    return customer_key_of(
        cart.user_id, email=told.email if told else "", phone_number=told.phone_number if told else ""
    )


def was_just_ordered(cart: Cart) -> bool:
    """Tell whether the version before this one of a cart was ordered a moment ago, and still waits for its money."""
    since = timezone.now() - settings.ORDER_RESERVATION
    made = Order.objects.filter(cart=cart, cart_version=cart.version - 1)
    return made.filter(status=Order.Status.PENDING, created_at__gte=since).exists()


def price_of(item: CartItem) -> Decimal:
    """Return what one unit of a line of ``cart_items`` costs the cart's owner now."""
    return unit_price(item.variant.price, offers_of(item), item.quantity)


def delivered_item(user: User, product_id: UUID) -> UUID | None:
    """Return the latest line in which ``user`` has bought and received this product: what a review is about."""
    lines = received_items(user).filter(product_id=product_id)
    return lines.order_by("-order__created_at", "position").values_list("pk", flat=True).first()


def counts_of(user: User) -> dict[str, Any]:
    """Return what support is told of somebody's orders; one statement."""
    open_ones = Q(status__in=[Order.Status.PENDING, Order.Status.PAID, Order.Status.SHIPPED])
    return Order.objects.filter(user=user).aggregate(
        count=Count("pk"), open=Count("pk", filter=open_ones), last_at=Max("created_at")
    )
