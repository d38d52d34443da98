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


@owed_task("orders.send_order_received", network=True)
def send_order_received(order_id: str) -> None:
    from orders.notifications import send_order_received as send

    send(order_id)


@shared_task(name="orders.cancel_unpaid_orders")
def cancel_unpaid_orders() -> None:
    from orders.services import cancel_unpaid_orders as cancel

    cancel()


@shared_task(name="orders.expire_carts")
def expire_carts() -> None:
    from orders.cart_expiry import expire_carts as expire

    expire()


@shared_task(name="orders.remind_of_carts")
def remind_of_carts() -> None:
    from orders.reminders.services import owe_reminders

    owe_reminders()


@owed_task("orders.send_cart_reminder", network=True)
def send_cart_reminder(cart_id: str, version: int) -> None:
    from orders.reminders.services import send_reminder

    send_reminder(cart_id, version)
