"""Mail about orders."""

from ecommerce.mail import send_template
from ecommerce.money import format_money
from orders.models import Order


def send_order_confirmation(order_id: str) -> None:
    """Tell the customer that the order is paid. Called by a worker; a repeat sends the same mail again."""
    order = Order.objects.prefetch_related("items").get(pk=order_id)
    if not order.email:
        return
    lines = [
        {"item": item, "amount": format_money(item.price * item.quantity, order.currency)} for item in order.items.all()
    ]
    context = {
        "order": order,
        "lines": lines,
        "total": format_money(order.total_amount, order.currency),
        "tax": format_money(order.tax, order.currency),
    }
    send_template("orders/confirmation", to=order.email, context=context)
