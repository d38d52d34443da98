"""What must be true of orders, one query each; every row that a query gives is a culprit.

Run by ``manage.py check_orders``: after fault tests, and nightly in production.
"""

from ecommerce.checking import Check
from orders.backorders.checks import CHECKS as BACKORDER_CHECKS
from orders.documents.checks import CHECKS as DOCUMENT_CHECKS
from orders.fulfilment.checks import CHECKS as FULFILMENT_CHECKS
from orders.promotions.checks import CHECKS as PROMOTION_CHECKS
from orders.returns.checks import CHECKS as RETURN_CHECKS

CHECKS: tuple[Check, ...] = (
    *FULFILMENT_CHECKS,
    *BACKORDER_CHECKS,
    *RETURN_CHECKS,
    *DOCUMENT_CHECKS,
    *PROMOTION_CHECKS,
    Check(
        "an order that was not paid in time has given its stock back",
        """
        SELECT 'order ' || number || ' is pending, and its time was over at ' || reserved_until
        FROM orders_order
        WHERE status = 'pending' AND NOT payment_open AND reserved_until < now() - interval '15 minutes'
        """,
    ),
    Check(
        "an order is taxed as its lines and its shipping are",
        """
        SELECT 'order ' || o.number || ' has ' || o.tax || ' tax, its lines ' || l.tax || ' and its shipping '
            || o.shipping_tax
        FROM orders_order AS o JOIN (
            SELECT order_id, sum(tax) AS tax FROM orders_orderitem GROUP BY order_id
        ) AS l ON l.order_id = o.id
        WHERE o.tax <> l.tax + o.shipping_tax
        """,
    ),
)
