import catalog.changes.models
from django.db import migrations, models

# Notes the last change of each product, with the number of the transaction, in one statement and in key order. A second
# change in the same transaction changes nothing. The products are locked already, by the same transaction: whoever
# writes here holds the product, so that nobody waits here who does not wait there.
NOTE = """
CREATE FUNCTION catalog_note_changes(changed uuid[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO catalog_productchange AS c (product_id, changed_xid, changed_at)
    SELECT id, pg_current_xact_id(), clock_timestamp() FROM unnest(changed) AS id WHERE id IS NOT NULL
    GROUP BY id ORDER BY id
    ON CONFLICT (product_id) DO UPDATE SET changed_xid = EXCLUDED.changed_xid, changed_at = EXCLUDED.changed_at
    WHERE c.changed_xid <> EXCLUDED.changed_xid
$$;

CREATE FUNCTION catalog_note_changes_of(changed uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF changed IS NOT NULL THEN
        PERFORM 1 FROM catalog_product WHERE id = ANY(changed) ORDER BY id FOR NO KEY UPDATE;
        PERFORM catalog_note_changes(changed);
    END IF;
END
$$;
"""
NOTE_BACKWARD = """
DROP FUNCTION catalog_note_changes_of(uuid[]);
DROP FUNCTION catalog_note_changes(uuid[]);
"""

# What the search keeps for itself (search_vector, facets) is no change, nor is source_id, which nobody is shown. A test
# names every column that is not watched.
TRIGGERS = """
CREATE FUNCTION catalog_product_noted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed uuid[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(id) INTO changed FROM new_rows;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(id) INTO changed FROM old_rows;
    ELSE
        SELECT array_agg(n.id) INTO changed
        FROM new_rows AS n JOIN old_rows AS o USING (id)
        WHERE (
            n.product_name, n.url_key, n.description, n.price, n.currency, n.category_id, n.brand_id, n.in_stock,
            n.image_url, n.picture, n.kind, n.seller_id, n.rating, n.review_count, n.attributes, n.is_active,
            n.deleted_at
        ) IS DISTINCT FROM (
            o.product_name, o.url_key, o.description, o.price, o.currency, o.category_id, o.brand_id, o.in_stock,
            o.image_url, o.picture, o.kind, o.seller_id, o.rating, o.review_count, o.attributes, o.is_active,
            o.deleted_at
        );
    END IF;
    IF changed IS NOT NULL THEN
        PERFORM catalog_note_changes(changed);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION catalog_variant_noted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed uuid[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(product_id) INTO changed FROM new_rows;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(product_id) INTO changed FROM old_rows;
    ELSE
        SELECT array_agg(n.product_id) || array_agg(o.product_id) INTO changed
        FROM new_rows AS n JOIN old_rows AS o USING (id)
        WHERE to_jsonb(n) - 'updated_at' <> to_jsonb(o) - 'updated_at';
    END IF;
    PERFORM catalog_note_changes_of(changed);
    RETURN NULL;
END
$$;

CREATE FUNCTION catalog_image_noted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed uuid[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(product_id) INTO changed FROM new_rows WHERE state = 'ready';
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(product_id) INTO changed FROM old_rows WHERE state = 'ready';
    ELSE
        SELECT array_agg(n.product_id) INTO changed
        FROM new_rows AS n JOIN old_rows AS o USING (id)
        WHERE 'ready' IN (n.state, o.state) AND to_jsonb(n) - 'updated_at' <> to_jsonb(o) - 'updated_at';
    END IF;
    PERFORM catalog_note_changes_of(changed);
    RETURN NULL;
END
$$;

CREATE FUNCTION catalog_category_noted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed uuid[];
BEGIN
    SELECT array_agg(p.id) INTO changed
    FROM new_rows AS n JOIN old_rows AS o USING (id) JOIN catalog_product AS p ON p.category_id = n.id
    WHERE (n.category_name, n.url_key) <> (o.category_name, o.url_key);
    PERFORM catalog_note_changes_of(changed);
    RETURN NULL;
END
$$;

CREATE FUNCTION catalog_brand_noted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed uuid[];
BEGIN
    SELECT array_agg(p.id) INTO changed
    FROM new_rows AS n JOIN old_rows AS o USING (id) JOIN catalog_product AS p ON p.brand_id = n.id
    WHERE (n.name, n.url_key) <> (o.name, o.url_key);
    PERFORM catalog_note_changes_of(changed);
    RETURN NULL;
END
$$;
"""
TRIGGERS_BACKWARD = """
DROP FUNCTION catalog_brand_noted();
DROP FUNCTION catalog_category_noted();
DROP FUNCTION catalog_image_noted();
DROP FUNCTION catalog_variant_noted();
DROP FUNCTION catalog_product_noted();
"""
TABLES = {"INSERT": "NEW TABLE AS new_rows", "DELETE": "OLD TABLE AS old_rows"}
TABLES["UPDATE"] = f"{TABLES['DELETE']} {TABLES['INSERT']}"
WATCHED = [
    ("catalog_product", "product", ("INSERT", "UPDATE", "DELETE")),
    ("catalog_variant", "variant", ("INSERT", "UPDATE", "DELETE")),
    ("catalog_productimage", "image", ("INSERT", "UPDATE", "DELETE")),
    ("catalog_category", "category", ("UPDATE",)),
    ("catalog_brand", "brand", ("UPDATE",)),
]


def attached():
    """Yield the statement that attaches each trigger, and the one that takes it off."""
    for table, name, events in WATCHED:
        for event in events:
            trigger = f"{name}_noted_{event.lower()}"
            yield (
                f"CREATE TRIGGER {trigger} AFTER {event} ON {table} REFERENCING {TABLES[event]} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION catalog_{name}_noted()",
                f"DROP TRIGGER {trigger} ON {table}",
            )


# What is there already has changed last when its row says so, in this transaction.
EXISTING = """
INSERT INTO catalog_productchange (product_id, changed_xid, changed_at)
SELECT id, pg_current_xact_id(), updated_at FROM catalog_product ORDER BY id
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0010_inventory_balances")]

    operations = [
        migrations.CreateModel(
            name="ProductChange",
            fields=[
                ("product_id", models.UUIDField(primary_key=True, serialize=False)),
                ("changed_xid", catalog.changes.models.TransactionIdField()),
                ("changed_at", models.DateTimeField()),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["changed_xid", "product_id"], name="product_change_order"),
                    models.Index(fields=["changed_at"], name="product_change_time"),
                ],
            },
        ),
        migrations.RunSQL(NOTE, NOTE_BACKWARD),
        migrations.RunSQL(TRIGGERS, TRIGGERS_BACKWARD),
        *(migrations.RunSQL(attach, take_off) for attach, take_off in attached()),
        migrations.RunSQL(EXISTING, migrations.RunSQL.noop),
    ]
