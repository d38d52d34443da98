"""Background work of orders."""

from celery import shared_task

from ecommerce.outbox import owed_task


@owed_task("orders.send_order_confirmation", network=True)
def send_order_confirmation(order_id: str) -> None:
    from orders.notifications import send_order_confirmation as send

    send(order_id)


@owed_task("orders.send_shipment_mail", network=True)
def send_shipment_mail(shipment_id: str, status: str) -> None:
    from orders.fulfilment.notifications import send_shipment_mail as send

    send(shipment_id, status)


@owed_task("orders.send_return_news", network=True)
def send_return_news(return_id: str, news: str) -> None:
    from orders.returns.notifications import send_return_news as send

    send(return_id, news)


@shared_task(name="orders.cancel_unpaid_orders")
def cancel_unpaid_orders() -> None:
    from orders.services import cancel_unpaid_orders as cancel

    cancel()
