from django.db import migrations, models

# Whoever brings units of a variant of which more are sold than are here, owes that they are given to those who wait: in
# that very transaction and whatever wrote the row, one message as ecommerce.outbox would write it.
COME = """
CREATE FUNCTION orders_allocate_stock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ecommerce_outboxmessage
        (id, created_at, updated_at, topic, payload, dedupe_key, request_id, attempts, last_error)
    VALUES (gen_random_uuid(), statement_timestamp(), statement_timestamp(), 'orders.allocate_stock',
        jsonb_build_object('variant_id', NEW.variant_id),
        'allocate:' || NEW.variant_id || ':' || pg_current_xact_id(), '', 0, '')
    ON CONFLICT DO NOTHING;
    PERFORM pg_notify('outbox', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER stock_came AFTER UPDATE ON catalog_stock FOR EACH ROW
    WHEN (OLD.available < 0 AND NEW.available > OLD.available) EXECUTE FUNCTION orders_allocate_stock();
"""
COME_BACKWARD = """
DROP TRIGGER stock_came ON catalog_stock;
DROP FUNCTION orders_allocate_stock();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0017_export_right"),
        ("catalog", "0023_back_orders"),
        ("ecommerce", "0002_initial"),
    ]
    operations = [
        migrations.AddField(
            model_name="orderitem",
            name="awaited_quantity",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(model_name="orderitem", name="available_from", field=models.DateField(blank=True, null=True)),
        migrations.AddConstraint(
            model_name="orderitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    quantity__gte=models.F("cancelled_quantity")
                    + models.F("shipped_quantity")
                    + models.F("awaited_quantity")
                ),
                name="order_item_awaited_is_open",
            ),
        ),
        migrations.AddIndex(
            model_name="orderitem",
            index=models.Index(
                fields=["variant", "order"],
                name="order_item_awaited",
                condition=models.Q(awaited_quantity__gt=0),
            ),
        ),
        migrations.RunSQL(COME, COME_BACKWARD),
    ]
