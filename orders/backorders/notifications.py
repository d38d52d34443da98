"""Mail about goods that have come."""

from ecommerce.mail import send_template
from orders.links import order_link
from orders.models import Order


def send_goods_arrived(order_id: str) -> None:
    """Tell the customer that all of the order is here. Called by a worker; a repeat sends the same mail again."""
    order = Order.objects.prefetch_related("items").get(pk=order_id)
    items = [item for item in order.items.all() if item.open_quantity]
    if not order.email or not items:  # shipped or cancelled meanwhile: there is other mail about that
        return
    context = {"order": order, "items": items, "link": order_link(order.pk) if order.user_id is None else ""}
    send_template("orders/goods_arrived", to=order.email, context=context)
