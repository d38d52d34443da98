"""Mail about parcels."""

from accounts.profiles.selectors import wants_parcel_mails
from ecommerce.mail import send_template
from orders.fulfilment.carriers import carrier_name
from orders.fulfilment.models import Shipment
from orders.links import order_link


def send_shipment_mail(shipment_id: str, status: str) -> None:
    """Tell the customer what has become of a parcel. Called by a worker; a repeat sends the same mail again.

    Who has no account gets a link that opens the order.
    """
    shipment = Shipment.objects.select_related("order").prefetch_related("items__order_item").get(pk=shipment_id)
    order = shipment.order
    if not order.email or not wants_parcel_mails(order.user_id):
        return
    items = sorted(shipment.items.all(), key=lambda item: item.order_item.position)
    context = {
        "order": order,
        "shipment": shipment,
        "carrier": carrier_name(shipment.carrier),
        "items": items,
        "link": order_link(order.pk) if order.user_id is None else "",
    }
    send_template(f"orders/parcel_{status}", to=order.email, context=context)
