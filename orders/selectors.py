"""Reading baskets and orders, by audience."""

from uuid import UUID

from django.db.models import Prefetch, QuerySet

from accounts.models import User
from orders.models import Cart, CartItem, Order, OrderItem


def orders_visible_to(user: User) -> QuerySet[Order]:
    """A customer's own orders; every order for staff who may see orders. With lines, in two statements."""
    orders = Order.objects.prefetch_related(Prefetch("items", queryset=OrderItem.objects.order_by("position")))
    if user.is_staff and user.has_perm("orders.view_order"):
        return orders
    return orders.filter(user=user)


def cart_items(cart: Cart) -> QuerySet[CartItem]:
    """The lines of a cart with what a reader wants to see of them, in one statement."""
    return cart.items.select_related("variant__product", "variant__stock_level").defer(
        "variant__product__search_vector", "variant__product__description"
    )


def delivered_item(user: User, product_id: UUID) -> UUID | None:
    """Return the latest line in which ``user`` has bought and received this product: what a review is about."""
    lines = OrderItem.objects.filter(order__user=user, order__status=Order.Status.DELIVERED, product_id=product_id)
    return lines.order_by("-order__created_at", "position").values_list("pk", flat=True).first()
