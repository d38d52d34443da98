"""What orders hold about people. What was sold for how much stays; who bought it becomes a pseudonym."""

from django.db import connection
from django.db.models import Q

from accounts.models import User
from accounts.privacy import registry
from accounts.privacy.generic import BATCH, erase_tables, export_tables, scrub
from accounts.privacy.identity import Identity
from accounts.privacy.tables import Fate, Table, declare
from ecommerce.exceptions import ErrorRow
from ecommerce.models import IdempotencyKey
from orders.fulfilment.models import ShipmentEvent
from orders.models import Cart, Order
from orders.returns.models import Return
from orders.saved_carts.models import SavedCart

# Of an address, what tells where taxes are due and parcels go, and nobody's door.
KEPT_OF_AN_ADDRESS = ("country", "county")
_MOST_NAMED = 20  # open matters in one answer

TABLES = (
    # Carts go with everything below them, whatever has been told for a checkout included.
    Table("orders.Cart", owner="user", fate=Fate.OWN_RULE, hidden="token_hash"),
    Table(
        "orders.Checkout",
        owner="cart__user",
        fate=Fate.OWN_RULE,
        erased="email phone_number shipping_address note buyer_pin",
        plain="delivery",
    ),
    Table("orders.SavedCart", owner="user", fate=Fate.OWN_RULE, erased="name"),
    Table("orders.CartReminderRefusal", owner="user", fate=Fate.DELETED),
    Table(
        "orders.Order",
        owner="user",
        fate=Fate.OWN_RULE,
        erased="email phone_number shipping_address note",
        kept="buyer_pin",  # a taxpayer's number on a tax document
        plain="number currency delivery",
    ),
    Table("orders.OrderItem", owner="order__user", plain="product_name sku options"),
    # Whoever got a gift is told of by nobody else.
    Table("orders.GiftRecipient", owner="order_item__order__user", erased="recipient_email message"),
    Table("orders.OrderEdit", owner="order__user", scrubbed="reason", plain="changes", guard="append_only"),
    Table("orders.ManualDiscount", owner="order__user", scrubbed="reason"),
    Table("orders.OrderEvent", owner="order__user", scrubbed="note", plain="from_status to_status"),
    Table("orders.Shipment", owner="order__user", scrubbed="note", plain="number carrier tracking_number tracking_url"),
    Table(
        "orders.ShipmentEvent",
        owner="shipment__order__user",
        fate=Fate.OWN_RULE,
        scrubbed="place note",
        plain="source_id",
    ),
    Table("orders.Return", owner="order__user", erased="customer_note", scrubbed="staff_note", plain="number"),
    # Invoices and credit notes: what was declared to the tax authority. A trigger keeps them as they are.
    Table("orders.TaxDocument", owner="order__user", kept="content", plain="series number source currency"),
    Table("orders.EtimsSubmission", plain="device result_code result_detail scu_id internal_data signature qr_url"),
    Table("orders.PromotionUsage", plain="customer_key"),  # a user's id, or a keyed hash
    Table("orders.Redemption", plain="customer_key"),
    # --- The shop's own
    Table("orders.NumberSeries", plain="name"),
    Table("orders.Promotion", plain="name description currency"),
    Table("orders.Coupon", plain="code"),
    Table("orders.ShippingZone", plain="name country counties sub_counties"),
    Table("orders.ShippingMethod", plain="name currency"),
    Table(
        "orders.PickupPoint",
        plain="name county sub_county town landmark line1 phone_number opening_hours",
    ),
    # What staff changed of the shop's own.
    Table("orders.PromotionEvent", plain="pgh_label pgh_context name description currency"),
    Table("orders.CouponEvent", plain="pgh_label pgh_context code"),
    Table("orders.ShippingZoneEvent", plain="pgh_label pgh_context name country counties sub_counties"),
    Table("orders.ShippingMethodEvent", plain="pgh_label pgh_context name currency"),
    Table("orders.WeightBandEvent", plain="pgh_label pgh_context"),
    Table(
        "orders.PickupPointEvent",
        plain="pgh_label pgh_context name county sub_county town landmark line1 phone_number opening_hours",
    ),
    *(
        Table(f"orders.{name}Event", plain="pgh_label pgh_context")
        for name in (
            *("PromotionCategory", "PromotionBrand", "PromotionCollection", "PromotionProduct", "PromotionGroup"),
            "PickupMethod",
        )
    ),
)


def register() -> None:
    """Let accounts know of it. Called when the app starts."""
    declare(*TABLES)
    registry.register("orders", export_tables("orders"), erase, open_matters=open_matters)


def erase(identity: Identity) -> None:
    Cart.objects.filter(user=identity.user_id).delete()
    SavedCart.objects.filter(user=identity.user_id).delete()
    for order_id, address in (
        Order.objects.filter(user=identity.user_id).values_list("pk", "shipping_address").iterator(chunk_size=BATCH)
    ):
        kept = {name: address[name] for name in KEPT_OF_AN_ADDRESS if name in address}
        Order.objects.filter(pk=order_id).update(
            email="", phone_number="", note="", shipping_address=kept | {"recipient": identity.pseudonym}
        )
        IdempotencyKey.objects.filter(owner=f"order:{order_id}").delete()
    _scrub_parcels(identity)
    erase_tables("orders", identity)


def _scrub_parcels(identity: Identity) -> None:
    """Take names out of what was told of parcels: a trigger lets nobody else change it (migration 0021)."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL shop.erasing = 'on'")
        scrub(ShipmentEvent.objects.filter(shipment__order__user=identity.user_id), ["place", "note"], identity)
        cursor.execute("SET LOCAL shop.erasing = 'off'")


def open_matters(user: User) -> list[ErrorRow]:
    """Return a row for each order that is under way, for each that waits for goods of theirs, and for each return."""
    under_way = Q(status__in=[Order.Status.PENDING, Order.Status.PAID, Order.Status.SHIPPED]) | Q(payment_open=True)
    at_the_door = Q(status=Order.Status.DELIVERED, pay_on_delivery=True, paid_at__isnull=True)
    orders = Order.objects.filter(under_way | at_the_door, user=user).order_by("pk")[:_MOST_NAMED]
    sold = Order.objects.filter(under_way, items__product__seller=user).order_by("pk").distinct()[:_MOST_NAMED]
    ended = [status for status, following in Return.TRANSITIONS.items() if not following]
    returns = Return.objects.filter(order__user=user).exclude(status__in=ended).order_by("pk")[:_MOST_NAMED]
    return [
        *(ErrorRow("order_open", f"Order {order.number} is {order.status}.") for order in orders),
        *(
            ErrorRow("sold_order_open", f"Order {order.number}, with goods of yours, is {order.status}.")
            for order in sold
        ),
        *(ErrorRow("return_open", f"Return {each.number} is {each.status}.") for each in returns),
    ]
