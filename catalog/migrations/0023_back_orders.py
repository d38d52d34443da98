from importlib import import_module

from django.db import migrations, models

# The last word about selling beyond what is here. A row that is further down than its limit allows, since the limit was
# lowered, may rise and may be written otherwise, but not fall. The conditions are looked at without calling a function.
GUARD = """
CREATE FUNCTION catalog_refuse_oversale() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'variant % would have % available, its limit is %',
        NEW.variant_id, NEW.available, NEW.backorder_limit
        USING ERRCODE = 'check_violation', TABLE = 'catalog_stock', CONSTRAINT = 'stock_available_within_limit';
END
$$;

CREATE TRIGGER stock_available_within_limit BEFORE UPDATE ON catalog_stock FOR EACH ROW
    WHEN (NEW.available < OLD.available AND NEW.available < -NEW.backorder_limit)
    EXECUTE FUNCTION catalog_refuse_oversale();
CREATE TRIGGER stock_begins_within_limit BEFORE INSERT ON catalog_stock FOR EACH ROW
    WHEN (NEW.available < -NEW.backorder_limit) EXECUTE FUNCTION catalog_refuse_oversale();
"""
GUARD_BACKWARD = """
DROP TRIGGER stock_begins_within_limit ON catalog_stock;
DROP TRIGGER stock_available_within_limit ON catalog_stock;
DROP FUNCTION catalog_refuse_oversale();
"""

# As before, with whether a thing can be bought: the same as catalog.inventory.availability says. Ranks are places in
# its ``Availability``, and nothing that is promised beyond what is here is shown as stock.
DOCUMENTS = """
CREATE FUNCTION catalog_availability(available integer, backorder_limit integer, policy text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN available > 0 THEN 0 WHEN available <= -backorder_limit THEN 3 WHEN policy = 'backorder' THEN 1
        ELSE 2 END
$$;

CREATE OR REPLACE FUNCTION catalog_documents(wanted uuid[], whole boolean) RETURNS text LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    words CONSTANT text[] := ARRAY['in_stock', 'backorder', 'preorder', 'out_of_stock'];
BEGIN
    RETURN (
        SELECT string_agg(
            '{' || p.card || ',"category":{' || c.card || '},"brand":' || coalesce('{' || b.card || '}', 'null')
            || ',"stock":' || coalesce(s.units, 0) || ',"in_stock":' || p.in_stock
            || ',"availability":"' || CASE WHEN p.kind = 'physical' THEN words[coalesce(s.best, 3) + 1] ELSE 'in_stock' END
            || '","available_from":' || CASE WHEN p.kind = 'physical' AND s.best = 1 THEN coalesce('"' || s.next_come || '"', 'null')
                WHEN p.kind = 'physical' AND s.best = 2 THEN coalesce('"' || s.first_come || '"', 'null') ELSE 'null' END
            || CASE WHEN whole THEN
                ',"description":' || to_json(p.description) || ',"attributes":' || p.attributes::text
                || ',"variants":[' || coalesce((
                    SELECT string_agg('{' || v.card || ',"stock":' || greatest(k.available, 0)
                        || ',"availability":"' || CASE WHEN p.kind = 'physical' THEN words[coalesce(r.rank, 3) + 1]
                            ELSE 'in_stock' END
                        || '","available_from":' || CASE WHEN r.rank IN (1, 2) AND p.kind = 'physical'
                            THEN coalesce('"' || k.available_from || '"', 'null') ELSE 'null' END
                        || ',"price_breaks":[]}', ',' ORDER BY v.position, v.sku)
                    FROM catalog_variant AS v LEFT JOIN catalog_stock AS k ON k.variant_id = v.id
                    CROSS JOIN LATERAL (
                        SELECT catalog_availability(k.available, k.backorder_limit, k.availability_policy)
                            + CASE WHEN k.variant_id IS NULL THEN NULL ELSE 0 END AS rank
                    ) AS r
                    WHERE v.product_id = p.id AND v.is_active
                ), '') || '],"images":[' || coalesce((
                    SELECT string_agg('{' || i.card || '}', ',' ORDER BY i.position)
                    FROM catalog_productimage AS i WHERE i.product_id = p.id AND i.state = 'ready'
                ), '') || ']' ELSE '' END || '}', ',' ORDER BY w.place)
        FROM unnest(wanted) WITH ORDINALITY AS w (id, place)
        JOIN catalog_product AS p ON p.id = w.id
        JOIN catalog_category AS c ON c.id = p.category_id
        LEFT JOIN catalog_brand AS b ON b.id = p.brand_id
        LEFT JOIN LATERAL (
            SELECT sum(greatest(k.available, 0)) AS units,
                min(catalog_availability(k.available, k.backorder_limit, k.availability_policy)) AS best,
                min(k.available_from) FILTER (WHERE k.available > -k.backorder_limit AND k.available <= 0
                    AND k.availability_policy = 'backorder') AS next_come,
                min(k.available_from) FILTER (WHERE k.available > -k.backorder_limit AND k.available <= 0
                    AND k.availability_policy = 'preorder') AS first_come
            FROM catalog_stock AS k
            WHERE k.product_id = p.id AND NOT EXISTS (
                SELECT FROM catalog_variant AS v WHERE v.id = k.variant_id AND NOT v.is_active
            )
        ) AS s ON true
    );
END
$$;
"""
DOCUMENTS_BACKWARD = (
    import_module("catalog.migrations.0020_documents").DOCUMENTS.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
    + "DROP FUNCTION catalog_availability(integer, integer, text);"
)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0022_item_class_code")]
    operations = [
        migrations.AddField(
            model_name="stock",
            name="availability_policy",
            field=models.CharField(
                choices=[("deny", "Deny"), ("backorder", "Backorder"), ("preorder", "Preorder")],
                db_default="deny",
                default="deny",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="stock",
            name="backorder_limit",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(model_name="stock", name="available_from", field=models.DateField(blank=True, null=True)),
        migrations.AddConstraint(
            model_name="stock",
            constraint=models.CheckConstraint(
                condition=models.Q(availability_policy="deny", backorder_limit=0, available_from__isnull=True)
                | models.Q(availability_policy="backorder", backorder_limit__gt=0)
                | models.Q(availability_policy="preorder", backorder_limit__gt=0, available_from__isnull=False),
                name="stock_policy_is_whole",
            ),
        ),
        migrations.RunSQL(GUARD, GUARD_BACKWARD),
        migrations.RemoveConstraint(model_name="stock", name="stock_available_not_negative"),
        migrations.RunSQL(DOCUMENTS, DOCUMENTS_BACKWARD),
    ]
