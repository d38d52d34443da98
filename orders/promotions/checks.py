"""What must be true of how often promotions and coupons were used."""

from ecommerce.checking import Check

_COUNTED = """
    SELECT '{kind} ' || p.id || ' counts ' || p.uses || ' uses, ' || count(r.id) || ' orders have it, of '
        || p.limit_total || ' that may'
    FROM {table} AS p LEFT JOIN orders_redemption AS r ON r.{column} = p.id AND r.released_at IS NULL
    WHERE p.limit_total IS NOT NULL GROUP BY p.id HAVING p.uses <> count(r.id) OR count(r.id) > p.limit_total
"""

CHECKS = (
    Check(
        "a limited promotion, or coupon, counts the orders that have it, and these are within its limit",
        _COUNTED.format(kind="promotion", table="orders_promotion", column="promotion_id")
        + "UNION ALL"
        + _COUNTED.format(kind="coupon", table="orders_coupon", column="coupon_id"),
    ),
    Check(
        "what a customer has used is what their orders have",
        """
        WITH had AS (
            SELECT promotion_id, NULL::uuid AS coupon_id, customer_key, count(*) AS uses
            FROM orders_redemption WHERE released_at IS NULL GROUP BY 1, 3
            UNION ALL
            SELECT promotion_id, coupon_id, customer_key, count(*)
            FROM orders_redemption WHERE released_at IS NULL AND coupon_id IS NOT NULL GROUP BY 1, 2, 3
        )
        SELECT 'of promotion ' || coalesce(u.promotion_id, h.promotion_id) || ' a customer has '
            || coalesce(h.uses, 0) || ', counted are ' || coalesce(u.uses, 0)
        FROM orders_promotionusage AS u FULL JOIN had AS h
            ON h.promotion_id = u.promotion_id AND h.customer_key = u.customer_key
            AND coalesce(h.coupon_id, h.promotion_id) = coalesce(u.coupon_id, u.promotion_id)
        WHERE coalesce(u.uses, 0) <> coalesce(h.uses, 0)
        """,
    ),
    Check(
        "a cancelled order has given its promotions back",
        """
        SELECT 'order ' || o.number || ' is cancelled and has promotion ' || r.promotion_id
        FROM orders_redemption AS r JOIN orders_order AS o ON o.id = r.order_id
        WHERE o.status = 'cancelled' AND r.released_at IS NULL
        """,
    ),
)
