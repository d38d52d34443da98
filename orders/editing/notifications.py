"""Mail about edits."""

from ecommerce.mail import send_template
from ecommerce.money import format_money
from orders.editing.changes import address_text
from orders.editing.models import OrderEdit
from orders.links import order_link


def send_order_changed(edit_id: str) -> None:
    """Tell the customer what the shop has changed of their order, and what it costs now. A repeat sends it again."""
    edit = OrderEdit.objects.select_related("order").get(pk=edit_id)
    order = edit.order
    if not order.email:
        return
    context = {
        "order": order,
        "edit": edit,
        "items": [item for item in order.items.all() if item.charged_quantity],
        "address": address_text(order.shipping_address),
        "before": format_money(edit.total_before, order.currency),
        "after": format_money(edit.total_after, order.currency),
        "link": order_link(order.pk) if order.user_id is None else "",
    }
    send_template("orders/changed", to=order.email, context=context)
