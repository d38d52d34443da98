from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations

# All goods lie in the default warehouse until somebody says otherwise, and that is where all movements of goods were.
# The ledger stays append-only: nothing that a line has said is changed, its new column is filled in, and the trigger
# that forbids any change is off in this transaction alone, which lets nobody else write movements. Balances are
# counted after the lock: a release that is still running may have written some since the last migration.
ASSIGN = """
SET LOCAL lock_timeout = '10s';
SET LOCAL statement_timeout = 0;
LOCK TABLE catalog_stockmovement IN SHARE ROW EXCLUSIVE MODE;
ALTER TABLE catalog_stockmovement DISABLE TRIGGER movement_append_only;
SELECT catalog_default_warehouse();
UPDATE catalog_stockmovement SET warehouse_id = (SELECT id FROM catalog_warehouse WHERE is_default)
    WHERE on_hand_change <> 0 AND warehouse_id IS NULL;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE catalog_stockmovement ENABLE TRIGGER movement_append_only;
INSERT INTO catalog_warehousestock (variant_id, warehouse_id, on_hand)
    SELECT variant_id, warehouse_id, sum(on_hand_change)
    FROM catalog_stockmovement WHERE warehouse_id IS NOT NULL GROUP BY variant_id, warehouse_id
    ON CONFLICT (variant_id, warehouse_id) DO UPDATE SET on_hand = EXCLUDED.on_hand;
SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0009_inventory")]
    operations = [
        # Backward the columns and balances go as a whole, with the migration before.
        migrations.RunSQL(ASSIGN, migrations.RunSQL.noop),
        ValidateConstraint(model_name="stockmovement", name="movement_of_goods_has_a_place"),
    ]
