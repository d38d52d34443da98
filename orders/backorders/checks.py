"""What must be true of units that were sold before they were here, for ``manage.py check_orders``."""

from ecommerce.checking import Check

CHECKS = (
    Check(
        "what is owed of a variant is awaited by its orders, and what has come is given to them",
        """
        SELECT 'of variant ' || coalesce(s.variant_id, w.variant_id) || ' are ' || greatest(-s.available, 0)
            || ' owed, its orders await ' || coalesce(w.awaited, 0)
        FROM catalog_stock AS s FULL JOIN (
            SELECT variant_id, sum(awaited_quantity) AS awaited FROM orders_orderitem
            WHERE awaited_quantity > 0 GROUP BY variant_id
        ) AS w USING (variant_id)
        WHERE (s.available < 0 OR w.awaited > 0) AND (
            coalesce(w.awaited, 0) < greatest(-coalesce(s.available, 0), 0)
            OR coalesce(w.awaited, 0) > greatest(-coalesce(s.available, 0), 0) AND NOT EXISTS (
                SELECT FROM ecommerce_outboxmessage AS m
                WHERE m.topic = 'orders.allocate_stock' AND m.done_at IS NULL AND m.dead_at IS NULL
                    AND m.payload ->> 'variant_id' = w.variant_id::text
            )
        )
        """,
    ),
    Check(
        "nothing that is cancelled, sent or not kept in stock is awaited",
        """
        SELECT 'line ' || i.id || ' of order ' || o.number || ', ' || o.status || ', awaits ' || i.awaited_quantity
        FROM orders_orderitem AS i JOIN orders_order AS o ON o.id = i.order_id
        JOIN catalog_product AS p ON p.id = i.product_id
        WHERE i.awaited_quantity > 0
            AND (o.status IN ('cancelled', 'shipped', 'delivered') OR p.kind <> 'physical')
        """,
    ),
)
