"""What must be true of stock, for ``manage.py check_catalogue``."""

from ecommerce.checking import Check

CHECKS = (
    Check(
        "stock is the sum of its movements, and covers what is promised",
        """
        SELECT 'variant ' || s.variant_id || ' has ' || s.available || ' available and ' || s.on_hand
            || ' on hand, its movements make ' || coalesce(m.available, 0) || ' and ' || coalesce(m.on_hand, 0)
        FROM catalog_stock AS s LEFT JOIN (
            SELECT variant_id, sum(available_change) AS available, sum(on_hand_change) AS on_hand
            FROM catalog_stockmovement GROUP BY variant_id
        ) AS m USING (variant_id)
        WHERE (s.available, s.on_hand) <> (coalesce(m.available, 0), coalesce(m.on_hand, 0))
            OR s.available > s.on_hand OR s.on_hand < 0
        """,
    ),
    Check(
        "what is on hand is what lies in the warehouses",
        """
        SELECT 'variant ' || coalesce(s.variant_id, b.variant_id) || ' has ' || coalesce(s.on_hand, 0)
            || ' on hand, in the warehouses lie ' || coalesce(b.on_hand, 0)
        FROM catalog_stock AS s FULL JOIN (
            SELECT variant_id, sum(on_hand) AS on_hand FROM catalog_warehousestock GROUP BY variant_id
        ) AS b USING (variant_id)
        WHERE coalesce(s.on_hand, 0) <> coalesce(b.on_hand, 0)
        """,
    ),
    Check(
        "every balance is the sum of the movements there",
        """
        SELECT 'variant ' || coalesce(b.variant_id, m.variant_id) || ' in warehouse '
            || coalesce(b.warehouse_id, m.warehouse_id) || ' has a balance of ' || coalesce(b.on_hand, 0)
            || ', its movements make ' || coalesce(m.on_hand, 0)
        FROM catalog_warehousestock AS b FULL JOIN (
            SELECT variant_id, warehouse_id, sum(on_hand_change) AS on_hand
            FROM catalog_stockmovement WHERE warehouse_id IS NOT NULL GROUP BY variant_id, warehouse_id
        ) AS m USING (variant_id, warehouse_id)
        WHERE coalesce(b.on_hand, 0) <> coalesce(m.on_hand, 0) OR b.on_hand < 0
        """,
    ),
    Check(
        "a transfer leaves the total as it was",
        """
        SELECT 'transfer ' || document_id || ' of variant ' || variant_id || ' makes ' || sum(on_hand_change)
        FROM catalog_stockmovement WHERE kind = 'transfer'
        GROUP BY document_id, variant_id
        HAVING sum(on_hand_change) <> 0 OR sum(abs(available_change)) <> 0
        """,
    ),
    Check(
        "nothing lies in a closed warehouse",
        """
        SELECT b.on_hand || ' of variant ' || b.variant_id || ' lie in ' || w.code
        FROM catalog_warehousestock AS b JOIN catalog_warehouse AS w ON w.id = b.warehouse_id
        WHERE b.on_hand <> 0 AND NOT w.is_active
        """,
    ),
    Check(
        "an alert is open only while its variant is low",
        """
        SELECT 'alert ' || a.id || ' is open, of variant ' || a.variant_id || ' there are ' || k.available
        FROM catalog_lowstockalert AS a JOIN catalog_stock AS k USING (variant_id)
        WHERE a.cleared_at IS NULL AND NOT catalog_is_low(k.available, k.low_stock_threshold)
        """,
    ),
)
