"""What must be true of cancelled and returned units, for ``manage.py check_orders``."""

from ecommerce.checking import Check

CHECKS = (
    Check(
        "what is promised to a line is what it has not cancelled",
        """
        SELECT 'line ' || i.id || ' of order ' || o.number || ' has cancelled ' || i.cancelled_quantity || ' of '
            || i.quantity || ', promised to it are ' || coalesce(m.promised, 0)
        FROM orders_orderitem AS i JOIN orders_order AS o ON o.id = i.order_id JOIN (
            SELECT order_item_id, -sum(available_change) AS promised FROM catalog_stockmovement
            WHERE kind IN ('reserve', 'release') AND order_item_id IS NOT NULL GROUP BY order_item_id
        ) AS m ON m.order_item_id = i.id
        WHERE m.promised <> i.quantity - i.cancelled_quantity
        """,
    ),
    Check(
        "a cancelled order has only cancelled units",
        """
        SELECT 'order ' || o.number || ' is cancelled, of line ' || i.id || ' are ' || i.cancelled_quantity || ' of '
            || i.quantity
        FROM orders_order AS o JOIN orders_orderitem AS i ON i.order_id = o.id
        WHERE o.status = 'cancelled' AND i.cancelled_quantity <> i.quantity
        """,
    ),
    Check(
        "an order costs what its lines and its shipping do",
        """
        SELECT 'order ' || o.number || ' costs ' || o.subtotal || ' less ' || o.discount || ', its lines '
            || l.subtotal || ' less ' || l.discount
        FROM orders_order AS o JOIN (
            SELECT order_id, sum(price * (quantity - uncharged_quantity)) AS subtotal, sum(discount) AS discount
            FROM orders_orderitem GROUP BY order_id
        ) AS l ON l.order_id = o.id
        WHERE o.subtotal <> l.subtotal OR o.discount <> l.discount + o.shipping_discount
        """,
    ),
    Check(
        "what has come back of a line is what its returns have received",
        """
        SELECT 'line ' || i.id || ' has ' || i.returned_quantity || ' units returned, received are '
            || coalesce(r.received, 0)
        FROM orders_orderitem AS i LEFT JOIN (
            SELECT order_item_id, sum(received_quantity) AS received FROM orders_returnitem GROUP BY order_item_id
        ) AS r ON r.order_item_id = i.id
        WHERE i.returned_quantity <> coalesce(r.received, 0)
        """,
    ),
    Check(
        "nobody gives more back than was sent to them",
        """
        SELECT 'of line ' || i.id || ' were ' || i.shipped_quantity || ' shipped, in returns are ' || sum(
            CASE WHEN r.status IN ('requested', 'approved') THEN n.quantity ELSE n.received_quantity END)
        FROM orders_orderitem AS i JOIN orders_returnitem AS n ON n.order_item_id = i.id
        JOIN orders_return AS r ON r.id = n.goods_return_id
        GROUP BY i.id HAVING i.shipped_quantity < sum(
            CASE WHEN r.status IN ('requested', 'approved') THEN n.quantity ELSE n.received_quantity END)
        """,
    ),
    Check(
        "what is back on the shelf of a line is what its returns have restocked",
        """
        SELECT 'line ' || coalesce(r.order_item_id, m.order_item_id) || ' has ' || coalesce(r.restocked, 0)
            || ' units restocked, its movements make ' || coalesce(m.units, 0)
        FROM (
            SELECT order_item_id, sum(received_quantity) AS restocked
            FROM orders_returnitem WHERE restock GROUP BY order_item_id
        ) AS r FULL JOIN (
            SELECT order_item_id, sum(on_hand_change) AS units
            FROM catalog_stockmovement WHERE kind = 'return' AND order_item_id IS NOT NULL GROUP BY order_item_id
        ) AS m USING (order_item_id)
        WHERE coalesce(r.restocked, 0) <> coalesce(m.units, 0)
        """,
    ),
    Check(
        "a return gives back no more than its goods and the shipping were worth",
        """
        SELECT 'return ' || r.number || ' gives back ' || r.refund_amount || ', worth is ' || coalesce(sum(n.amount), 0)
        FROM orders_return AS r LEFT JOIN orders_returnitem AS n ON n.goods_return_id = r.id
        GROUP BY r.id
        HAVING r.refund_amount > coalesce(sum(n.amount), 0) - r.restocking_fee + r.shipping_amount
            OR r.restocking_fee > coalesce(sum(n.amount), 0)
        """,
    ),
    Check(
        "a refunded order keeps nothing that has not left",
        """
        SELECT 'order ' || o.number || ' is refunded, of line ' || i.id || ' wait '
            || i.quantity - i.cancelled_quantity - i.shipped_quantity
        FROM orders_order AS o JOIN orders_orderitem AS i ON i.order_id = o.id
        WHERE o.status = 'refunded' AND i.quantity > i.cancelled_quantity + i.shipped_quantity
        """,
    ),
    Check(
        "goods of another price were ordered by the customer of the return, and no even exchange was made besides",
        """
        SELECT 'return ' || r.number || ' was credited to order ' || x.number
        FROM orders_return AS r JOIN orders_order AS x ON x.id = r.exchange_order_id
        JOIN orders_order AS o ON o.id = r.order_id
        WHERE x.user_id IS DISTINCT FROM o.user_id OR x.currency <> o.currency OR r.replacement_id IS NOT NULL
        """,
    ),
)
