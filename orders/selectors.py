"""Reading baskets and orders, by audience."""

from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from accounts.models import User
from catalog.prices.rules import unit_price
from catalog.prices.selectors import offers_of, with_offers
from orders.fulfilment.selectors import received_items
from orders.models import Cart, CartItem, Order, OrderItem

Lines = TypeVar("Lines", bound=QuerySet[Any])


def orders_visible_to(user: User) -> QuerySet[Order]:
    """A customer's own orders; every order for staff who may see orders. With lines, in two statements."""
    orders = Order.objects.prefetch_related(Prefetch("items", queryset=OrderItem.objects.order_by("position")))
    if user.is_staff and user.has_perm("orders.view_order"):
        return orders
    return orders.filter(user=user)


def with_goods(lines: Lines, *, to: UUID | None) -> Lines:
    """Read lines with variant, product, stock, and what the user ``to`` is offered for them; no statement more."""
    goods = lines.select_related("variant__product", "variant__stock_level").defer(
        "variant__product__search_vector", "variant__product__description"
    )
    return with_offers(goods, to=to, variant="variant_id")


def cart_items(cart: Cart) -> QuerySet[CartItem]:
    """The lines of a cart with what a reader wants to see of them and what its owner is offered, in one statement."""
    return with_goods(cart.items.all(), to=cart.user_id)


def price_of(item: CartItem) -> Decimal:
    """Return what one unit of a line of ``cart_items`` costs the cart's owner now."""
    return unit_price(item.variant.price, offers_of(item), item.quantity)


def delivered_item(user: User, product_id: UUID) -> UUID | None:
    """Return the latest line in which ``user`` has bought and received this product: what a review is about."""
    lines = received_items(user).filter(product_id=product_id)
    return lines.order_by("-order__created_at", "position").values_list("pk", flat=True).first()
