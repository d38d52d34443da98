"""How much of the shop's stock one customer may hold without having paid for it; exact under concurrency."""

from django.conf import settings
from django.db import connection

from accounts.models import User
from ecommerce.prepared import Statement
from orders.exceptions import TooManyUnitsHeld, TooManyUnpaidOrders
from orders.models import Order
from orders.placing import Contact

_HELD = """
WITH unpaid AS (SELECT id FROM orders_order WHERE status = 'pending' AND {whose})
SELECT item.product_id, sum(item.quantity - item.cancelled_quantity), (SELECT count(*) FROM unpaid)
FROM orders_orderitem AS item JOIN unpaid ON unpaid.id = item.order_id
WHERE item.product_id = ANY(%(products)s) GROUP BY item.product_id
"""
_HELD_BY_USER = Statement(_HELD.replace("{whose}", "user_id = %(user)s"), products="uuid[]", user="uuid")
_HELD_BY_GUEST = Statement(
    _HELD.replace(
        "{whose}",
        "user_id IS NULL"
        " AND (email = %(email)s AND email <> '' OR phone_number = %(phone_number)s AND phone_number <> '')",
    ),
    products="uuid[]",
    email="text",
    phone_number="text",
)


def take_turns(user: User | None, contact: Contact) -> None:
    """Let the orders of one customer be placed one after the other, until the transaction ends."""
    # In one order, so that guests who share an e-mail or a phone number do not wait for each other in a circle.
    guest = (f"guest:{way}" for way in (contact.email, contact.phone_number) if way)
    with connection.cursor() as cursor:
        for name in [f"user:{user.pk}"] if user else sorted(guest):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"unpaid-orders:{name}"])


def refuse_hoarding(order: Order) -> None:
    """Refuse an order that was placed a moment ago, in this transaction, if its customer now holds too much.

    What an unpaid order holds is its customer's, so all of theirs count together. A guest is known by e-mail or phone
    number. One statement.

    Raises:
        TooManyUnpaidOrders: there would be more than ``ORDER_MAX_UNPAID``.
        TooManyUnitsHeld: there would be more than ``ORDER_MAX_UNITS_HELD`` of one product in them.
    """
    lines = list(order.items.all())
    products = [line.product_id for line in lines]
    if order.user_id:
        held = _HELD_BY_USER.run(products=products, user=order.user_id)
    else:
        held = _HELD_BY_GUEST.run(products=products, email=order.email, phone_number=order.phone_number)
    if any(orders > settings.ORDER_MAX_UNPAID for _, _, orders in held):
        raise TooManyUnpaidOrders()
    too_many = {product_id for product_id, units, _ in held if units > settings.ORDER_MAX_UNITS_HELD}
    if too_many:
        raise TooManyUnitsHeld([line.position for line in lines if line.product_id in too_many])
