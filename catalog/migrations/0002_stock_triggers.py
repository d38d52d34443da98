from django.db import migrations

# Product.in_stock follows the stock of its active variants. Only products whose stock has just become, or ceased to be,
# positive are touched: one update per sold-out or refilled product, none for an ordinary sale. The products are
# locked first, in key order, and counted in a statement of its own: under READ COMMITTED that one sees what a
# transaction we waited for has just committed.
IN_STOCK = """
CREATE FUNCTION catalog_follow_stock(changed uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM catalog_product WHERE id = ANY(changed) ORDER BY id FOR NO KEY UPDATE;
    UPDATE catalog_product AS p
    SET in_stock = s.any_left
    FROM (
        SELECT k.product_id, bool_or(k.available > 0 AND v.is_active) AS any_left
        FROM catalog_stock AS k JOIN catalog_variant AS v ON v.id = k.variant_id
        WHERE k.product_id = ANY(changed) GROUP BY k.product_id
    ) AS s
    WHERE p.id = s.product_id AND p.in_stock <> s.any_left;
END
$$;

CREATE FUNCTION catalog_stock_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed uuid[];
BEGIN
    SELECT array_agg(DISTINCT product_id) INTO changed FROM new_rows WHERE available > 0;
    IF changed IS NOT NULL THEN
        PERFORM catalog_follow_stock(changed);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION catalog_stock_updated() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed uuid[];
BEGIN
    SELECT array_agg(DISTINCT n.product_id) INTO changed
    FROM new_rows AS n JOIN old_rows AS o USING (variant_id)
    WHERE (n.available > 0) <> (o.available > 0);
    IF changed IS NOT NULL THEN
        PERFORM catalog_follow_stock(changed);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION catalog_variant_updated() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed uuid[];
BEGIN
    SELECT array_agg(DISTINCT n.product_id) INTO changed
    FROM new_rows AS n JOIN old_rows AS o USING (id)
    WHERE n.is_active <> o.is_active;
    IF changed IS NOT NULL THEN
        PERFORM catalog_follow_stock(changed);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER variant_updated AFTER UPDATE ON catalog_variant
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_variant_updated();
CREATE TRIGGER stock_inserted AFTER INSERT ON catalog_stock
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_stock_inserted();
CREATE TRIGGER stock_updated AFTER UPDATE ON catalog_stock
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_stock_updated();
"""
IN_STOCK_BACKWARD = """
DROP TRIGGER stock_updated ON catalog_stock;
DROP TRIGGER stock_inserted ON catalog_stock;
DROP TRIGGER variant_updated ON catalog_variant;
DROP FUNCTION catalog_variant_updated();
DROP FUNCTION catalog_stock_updated();
DROP FUNCTION catalog_stock_inserted();
DROP FUNCTION catalog_follow_stock(uuid[]);
"""

APPEND_ONLY = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER movement_append_only BEFORE UPDATE OR DELETE ON catalog_stockmovement
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""
APPEND_ONLY_BACKWARD = """
DROP TRIGGER movement_append_only ON catalog_stockmovement;
DROP FUNCTION refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]
    operations = [
        migrations.RunSQL(IN_STOCK, IN_STOCK_BACKWARD),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_BACKWARD),
    ]
