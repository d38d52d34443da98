"""Background work of orders."""

from decimal import Decimal
from uuid import UUID

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


@owed_task("orders.send_order_changed", network=True)
def send_order_changed(edit_id: str) -> None:
    from orders.editing.notifications import send_order_changed as send

    send(edit_id)


@owed_task("orders.allocate_stock")
def allocate_stock(variant_id: str) -> None:
    from orders.backorders.services import allocate

    allocate(UUID(variant_id))


@owed_task("orders.send_goods_arrived", network=True)
def send_goods_arrived(order_id: str) -> None:
    from orders.backorders.notifications import send_goods_arrived as send

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


@owed_task("orders.issue_invoice")
def issue_invoice(order_id: str) -> None:
    from orders.documents.services import issue_invoice as issue

    issue(UUID(order_id))


@owed_task("orders.issue_credit_note")
def issue_credit_note(
    *, order_id: str, refund_id: str, amount: str, reason: str, receipt_number: str, lines: list[tuple[str, int, str]]
) -> None:
    from orders.documents.crediting import Named
    from orders.documents.services import issue_credit_note as issue

    issue(
        UUID(order_id),
        refund_id=UUID(refund_id),
        amount=Decimal(amount),
        reason=reason,
        receipt_number=receipt_number,
        lines=[Named(item_id, quantity, Decimal(of_it)) for item_id, quantity, of_it in lines],
    )


@owed_task("orders.submit_to_etims", network=True)
def submit_to_etims(submission_id: str) -> None:
    from orders.etims.services import submit

    submit(UUID(submission_id))
