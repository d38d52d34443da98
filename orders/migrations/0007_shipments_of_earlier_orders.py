"""Orders that were shipped before there were parcels: each gets one, of all that left the shelf for it."""

from django.db import migrations

FORWARD = """
UPDATE orders_orderitem AS i SET shipped_quantity = m.units
FROM (
    SELECT order_item_id, -sum(on_hand_change) AS units FROM catalog_stockmovement
    WHERE kind = 'sell' AND order_item_id IS NOT NULL GROUP BY order_item_id
) AS m
WHERE m.order_item_id = i.id AND i.shipped_quantity <> m.units;

-- Digital goods are handed over when they are paid.
UPDATE orders_orderitem AS i SET shipped_quantity = i.quantity - i.cancelled_quantity
FROM orders_order AS o, catalog_product AS p
WHERE o.id = i.order_id AND p.id = i.product_id AND p.kind <> 'physical'
    AND (o.status = 'paid' OR (o.status IN ('shipped', 'delivered') AND o.paid_at IS NOT NULL));

CREATE TEMPORARY TABLE digital_orders ON COMMIT DROP AS
    SELECT o.id FROM orders_order AS o WHERE o.status = 'paid' AND NOT EXISTS (
        SELECT 1 FROM orders_orderitem AS i JOIN catalog_product AS p ON p.id = i.product_id
        WHERE i.order_id = o.id AND p.kind = 'physical'
    );
INSERT INTO orders_orderevent (order_id, from_status, to_status, note, created_at)
SELECT d.id, s.from_status, s.to_status, 'handed over', now()
FROM digital_orders AS d
CROSS JOIN (VALUES (1, 'paid', 'shipped'), (2, 'shipped', 'delivered')) AS s (step, from_status, to_status)
ORDER BY d.id, s.step;
UPDATE orders_order SET status = 'delivered' WHERE id IN (SELECT id FROM digital_orders);

CREATE TEMPORARY TABLE earlier_parcels ON COMMIT DROP AS
    SELECT gen_random_uuid() AS id, o.id AS order_id, o.number,
        coalesce(e.shipped_at, o.updated_at) AS shipped_at,
        CASE WHEN o.status = 'delivered' THEN coalesce(e.delivered_at, o.updated_at) ELSE e.delivered_at END
            AS delivered_at
    FROM orders_order AS o
    LEFT JOIN LATERAL (
        SELECT min(created_at) FILTER (WHERE to_status = 'shipped') AS shipped_at,
            min(created_at) FILTER (WHERE to_status = 'delivered') AS delivered_at
        FROM orders_orderevent WHERE order_id = o.id
    ) AS e ON true
    WHERE NOT EXISTS (SELECT 1 FROM orders_shipment WHERE order_id = o.id)
        AND EXISTS (
            SELECT 1 FROM orders_orderitem AS i JOIN catalog_stockmovement AS m ON m.order_item_id = i.id
            WHERE i.order_id = o.id AND m.kind = 'sell'
        );
INSERT INTO orders_shipment (
    id, created_at, updated_at, order_id, number, status, carrier, tracking_number, tracking_url, note, shipped_at,
    delivered_at
)
SELECT id, shipped_at, now(), order_id, number || '-1',
    CASE WHEN delivered_at IS NULL THEN 'shipped' ELSE 'delivered' END, '', '', '', '', shipped_at, delivered_at
FROM earlier_parcels;
INSERT INTO orders_shipmentitem (shipment_id, order_item_id, quantity)
SELECT s.id, i.id, i.shipped_quantity
FROM earlier_parcels AS s
JOIN orders_orderitem AS i ON i.order_id = s.order_id JOIN catalog_product AS p ON p.id = i.product_id
WHERE p.kind = 'physical' AND i.shipped_quantity > 0;
INSERT INTO orders_shipmentevent (shipment_id, status, place, note, occurred_at, created_at)
SELECT id, 'shipped', '', '', shipped_at, now() FROM earlier_parcels;
INSERT INTO orders_shipmentevent (shipment_id, status, place, note, occurred_at, created_at)
SELECT id, 'delivered', '', '', delivered_at, now() FROM earlier_parcels WHERE delivered_at IS NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("orders", "0006_shipments")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
