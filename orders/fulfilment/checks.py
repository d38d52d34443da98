"""What must be true of parcels, for ``manage.py check_orders``."""

from ecommerce.checking import Check

CHECKS = (
    Check(
        "what has left of a line is what its parcels hold",
        """
        SELECT 'line ' || i.id || ' of order ' || o.number || ' has ' || i.shipped_quantity
            || ' shipped, its parcels hold ' || coalesce(s.units, 0)
        FROM orders_orderitem AS i
        JOIN orders_order AS o ON o.id = i.order_id JOIN catalog_product AS p ON p.id = i.product_id
        LEFT JOIN (
            SELECT order_item_id, sum(quantity) AS units FROM orders_shipmentitem GROUP BY order_item_id
        ) AS s ON s.order_item_id = i.id
        WHERE p.kind = 'physical' AND i.shipped_quantity <> coalesce(s.units, 0)
        """,
    ),
    Check(
        "what the parcels hold was taken off the shelf",
        """
        SELECT 'line ' || coalesce(s.order_item_id, m.order_item_id) || ': its parcels hold ' || coalesce(s.units, 0)
            || ', off the shelf went ' || coalesce(m.units, 0)
        FROM (
            SELECT order_item_id, sum(quantity) AS units FROM orders_shipmentitem GROUP BY order_item_id
        ) AS s FULL JOIN (
            SELECT order_item_id, -sum(on_hand_change) AS units FROM catalog_stockmovement
            WHERE kind = 'sell' AND order_item_id IS NOT NULL GROUP BY order_item_id
        ) AS m USING (order_item_id)
        WHERE coalesce(s.units, 0) <> coalesce(m.units, 0)
        """,
    ),
    Check(
        "a parcel holds lines of its own order",
        """
        SELECT 'parcel ' || s.number || ' holds line ' || i.id || ' of another order'
        FROM orders_shipmentitem AS n
        JOIN orders_shipment AS s ON s.id = n.shipment_id JOIN orders_orderitem AS i ON i.id = n.order_item_id
        WHERE s.order_id <> i.order_id
        """,
    ),
    Check(
        "a parcel is what was told of it last",
        """
        SELECT 'parcel ' || s.number || ' is ' || s.status || ', last it was said to be '
            || coalesce(e.status, 'nothing')
        FROM orders_shipment AS s LEFT JOIN LATERAL (
            SELECT status FROM orders_shipmentevent WHERE shipment_id = s.id ORDER BY id DESC LIMIT 1
        ) AS e ON true
        WHERE s.status IS DISTINCT FROM e.status
        """,
    ),
    Check(
        "an order waits for its goods exactly as long as some are left or not yet with the carrier",
        """
        SELECT 'order ' || o.number || ' is ' || o.status || ', ' || l.waiting || ' units are left, '
            || coalesce(s.packed, 0) || ' parcels are packed'
        FROM orders_order AS o
        JOIN (
            SELECT i.order_id, sum(i.shipped_quantity) AS gone, coalesce(sum(
                    i.quantity - i.cancelled_quantity - i.shipped_quantity
                ) FILTER (WHERE p.kind = 'physical'), 0) AS waiting
            FROM orders_orderitem AS i JOIN catalog_product AS p ON p.id = i.product_id GROUP BY i.order_id
        ) AS l ON l.order_id = o.id
        LEFT JOIN (
            SELECT order_id, count(*) AS packed FROM orders_shipment WHERE status = 'packed' GROUP BY order_id
        ) AS s ON s.order_id = o.id
        WHERE (o.status IN ('shipped', 'delivered') AND (l.waiting > 0 OR coalesce(s.packed, 0) > 0))
           OR (o.status = 'paid' AND l.gone > 0 AND l.waiting = 0 AND coalesce(s.packed, 0) = 0)
        """,
    ),
    Check(
        "an order is delivered exactly when all its parcels have ended, and one of them well",
        """
        SELECT 'order ' || o.number || ' is ' || o.status || ', its parcels are '
            || string_agg(s.number || ' ' || s.status, ', ' ORDER BY s.number)
        FROM orders_order AS o JOIN orders_shipment AS s ON s.order_id = o.id
        WHERE o.status IN ('shipped', 'delivered')
        GROUP BY o.id
        HAVING (o.status = 'delivered')
            <> (bool_and(s.status IN ('delivered', 'returned')) AND bool_or(s.status = 'delivered'))
        """,
    ),
)
