from django.db import migrations

# Waits until no other order of this customer is being placed, by names that the caller has sorted, and tells what their
# unpaid orders hold then: how many these are, and units by product, of the products asked for. Each statement in it
# sees what was committed before that statement, so the second one sees the orders that the first one waited for.
TAKE_TURN = """
CREATE FUNCTION orders_take_turn(
    names text[], buyer uuid, buyer_email text, buyer_phone text, products uuid[], variants uuid[]
) RETURNS jsonb LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    name text;
    unpaid uuid[];
BEGIN
    IF cardinality(names) = 0 THEN
        RETURN NULL;
    END IF;
    FOREACH name IN ARRAY names LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended(name, 0));
    END LOOP;
    IF buyer IS NOT NULL THEN
        unpaid := ARRAY(SELECT id FROM orders_order WHERE status = 'pending' AND user_id = buyer);
    ELSE
        unpaid := ARRAY(
            SELECT id FROM orders_order
            WHERE status = 'pending' AND user_id IS NULL
                AND (email = buyer_email AND email <> '' OR phone_number = buyer_phone AND phone_number <> '')
        );
    END IF;
    RETURN jsonb_build_object('orders', cardinality(unpaid), 'units', (
        SELECT coalesce(jsonb_object_agg(held.product_id, held.units), '{}')
        FROM (
            SELECT item.product_id, sum(item.quantity - item.cancelled_quantity) AS units
            FROM orders_orderitem AS item
            WHERE item.order_id = ANY (unpaid) AND (
                item.product_id = ANY (products)
                OR item.product_id IN (SELECT product_id FROM catalog_variant WHERE id = ANY (variants))
            )
            GROUP BY item.product_id
        ) AS held
    ));
END
$$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0023_right_to_refund_returns'),
    ]

    operations = [
        migrations.RunSQL(TAKE_TURN, 'DROP FUNCTION orders_take_turn(text[], uuid, text, text, uuid[], uuid[]);'),
    ]
