"""Mail about returns."""

from ecommerce.mail import send_template
from ecommerce.money import format_money
from orders.links import order_link
from orders.returns.models import Return


def send_return_news(return_id: str, news: str) -> None:
    """Tell the customer what has become of a return: the ``news``. Called by a worker; repeatable."""
    goods_return = Return.objects.select_related("order", "exchange_order").get(pk=return_id)
    order = goods_return.order
    if not order.email:
        return
    context = {
        "order": order,
        "goods_return": goods_return,
        "items": goods_return.items.select_related("order_item"),
        "amount": format_money(goods_return.refund_amount, order.currency) if goods_return.refund_amount else "",
        "fee": format_money(goods_return.restocking_fee, order.currency) if goods_return.restocking_fee else "",
        "is_credit": goods_return.resolution == Return.Resolution.STORE_CREDIT,
        "link": order_link(order.pk),
        "ordered": goods_return.exchange_order,
        "is_due": goods_return.exchange_order is not None and goods_return.exchange_order.is_payable,
    }
    send_template(f"orders/return_{news}", to=order.email, context=context)
