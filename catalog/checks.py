"""What must be true of the catalogue, one query each; every row that a query gives is a culprit.

Run by ``manage.py check_catalogue``: after fault tests, and nightly in production.
"""

from catalog.inventory.checks import CHECKS as STOCK_CHECKS
from ecommerce.checking import Check

CHECKS = (
    *STOCK_CHECKS,
    Check(
        "finished JSON is what its row gives",
        """
        SELECT 'product ' || id FROM catalog_product WHERE card IS DISTINCT FROM catalog_product_card(
            id, product_name, url_key, price, currency, picture, image_url, kind, seller_id, tags, rating,
            review_count, created_at, updated_at)
        UNION ALL
        SELECT 'variant ' || id FROM catalog_variant WHERE card IS DISTINCT FROM catalog_variant_card(
            id, sku, options, price, compare_at_price, weight_grams, barcode, picture, image_url)
        UNION ALL
        SELECT 'picture ' || id FROM catalog_productimage WHERE card IS DISTINCT FROM catalog_image_card(
            id, product_id, variant_id, "position", alt, state, failure, width, height, thumbnails, created_at)
        UNION ALL
        SELECT 'category ' || id FROM catalog_category
        WHERE card IS DISTINCT FROM catalog_category_card(id, category_name, url_key)
        UNION ALL
        SELECT 'brand ' || id FROM catalog_brand WHERE card IS DISTINCT FROM catalog_brand_card(id, name, url_key)
        """,
    ),
    Check(
        "a product is withheld while its seller is suspended, and only then",
        """
        SELECT 'product ' || p.id FROM catalog_product AS p
        LEFT JOIN accounts_sellerprofile AS s ON s.user_id = p.seller_id AND s.status = 'suspended'
        WHERE (s.id IS NOT NULL AND p.is_active) OR (s.id IS NULL AND p.is_withheld) OR (p.is_withheld AND p.is_active)
        """,
    ),
    Check(
        "ratings and counts are those of the published reviews",
        """
        SELECT 'product ' || p.id || ' says ' || coalesce(p.rating::text, 'none') || ' of ' || p.review_count
            || ', its reviews say ' || coalesce(round(avg(r.rating), 2)::text, 'none') || ' of ' || count(r.id)
        FROM catalog_product AS p
        LEFT JOIN catalog_review AS r ON r.product_id = p.id AND r.status = 'published'
        GROUP BY p.id
        HAVING (p.rating, p.review_count) IS DISTINCT FROM (round(avg(r.rating), 2), count(r.id))
        """,
    ),
    Check(
        "nobody waits for what is back, unless word of it is on its way",
        """
        SELECT 'notice ' || n.id || ' waits for product ' || n.product_id
        FROM catalog_stocknotice AS n JOIN catalog_product AS p ON p.id = n.product_id
        WHERE n.owed_at IS NULL AND p.is_active AND p.deleted_at IS NULL
            AND ((n.variant_id IS NULL AND p.in_stock) OR EXISTS (
                SELECT 1 FROM catalog_stock AS k JOIN catalog_variant AS v ON v.id = k.variant_id
                WHERE k.variant_id = n.variant_id AND k.available > 0 AND v.is_active
            ))
            AND NOT EXISTS (
                SELECT 1 FROM ecommerce_outboxmessage AS m
                WHERE m.topic = 'catalog.announce_stock' AND m.done_at IS NULL AND m.dead_at IS NULL
                    AND m.payload ->> 'product_id' = n.product_id::text
            )
        """,
    ),
    Check(
        "every mail about stock that is owed has a message, for a day at least",
        """
        SELECT 'notice ' || n.id || ' is owed and has no message'
        FROM catalog_stocknotice AS n
        WHERE n.owed_at > now() - interval '1 day' AND n.sent_at IS NULL
            AND NOT EXISTS (
                SELECT 1 FROM ecommerce_outboxmessage AS m
                WHERE m.topic = 'catalog.mail_stock_notices' AND m.done_at IS NULL
                    AND m.payload -> 'notice_ids' ? n.id::text
            )
        """,
    ),
    Check(
        "every product is in the feed of changes, by a transaction that this database knows",
        """
        SELECT 'product ' || p.id || coalesce(' changed in transaction ' || c.changed_xid, ' was never noted')
        FROM catalog_product AS p LEFT JOIN catalog_productchange AS c ON c.product_id = p.id
        WHERE c.changed_xid IS NULL OR c.changed_xid >= pg_snapshot_xmax(pg_current_snapshot())
        """,
    ),
)
