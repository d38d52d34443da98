import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q

import ecommerce.models

# catalog_default_warehouse: goods must lie somewhere, also in a shop where nobody has thought of warehouses.
#
# movement_place: a movement of goods that names no place (of a release that knows no warehouses, too) is one of the
# default warehouse.
#
# movement_inserted: the balance of a warehouse follows its movements, whoever wrote them. KEY SHARE keeps a warehouse
# from being closed until the goods are in it: closing takes the row FOR UPDATE. Rows are updated first and inserted
# after: ON CONFLICT looks at the check constraint of a new row before it looks for the old one.
BALANCES = """
CREATE FUNCTION catalog_default_warehouse() RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    found uuid;
BEGIN
    SELECT id INTO found FROM catalog_warehouse WHERE is_default;
    IF found IS NULL THEN
        INSERT INTO catalog_warehouse
            (id, created_at, updated_at, name, code, county, address, position, is_active, is_default)
        VALUES (gen_random_uuid(), statement_timestamp(), statement_timestamp(), 'Main warehouse', 'MAIN', '', '', 0,
            true, true)
        ON CONFLICT DO NOTHING;
        SELECT id INTO found FROM catalog_warehouse WHERE is_default;
    END IF;
    RETURN found;
END
$$;

CREATE FUNCTION catalog_movement_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.warehouse_id := catalog_default_warehouse();
    RETURN NEW;
END
$$;

CREATE FUNCTION catalog_movement_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows WHERE warehouse_id IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    PERFORM 1 FROM catalog_warehouse WHERE id IN (SELECT warehouse_id FROM new_rows) ORDER BY id FOR KEY SHARE;
    IF EXISTS (
        SELECT 1 FROM new_rows AS n JOIN catalog_warehouse AS w ON w.id = n.warehouse_id
        WHERE n.on_hand_change > 0 AND NOT w.is_active
    ) THEN
        RAISE EXCEPTION 'goods cannot come into a closed warehouse' USING ERRCODE = 'check_violation';
    END IF;
    UPDATE catalog_warehousestock AS b SET on_hand = b.on_hand + c.units
    FROM (
        SELECT variant_id, warehouse_id, sum(on_hand_change) AS units
        FROM new_rows WHERE warehouse_id IS NOT NULL GROUP BY variant_id, warehouse_id
    ) AS c
    WHERE b.variant_id = c.variant_id AND b.warehouse_id = c.warehouse_id AND c.units <> 0;
    INSERT INTO catalog_warehousestock (variant_id, warehouse_id, on_hand)
    SELECT c.variant_id, c.warehouse_id, c.units
    FROM (
        SELECT variant_id, warehouse_id, sum(on_hand_change) AS units
        FROM new_rows WHERE warehouse_id IS NOT NULL GROUP BY variant_id, warehouse_id
    ) AS c
    WHERE NOT EXISTS (
        SELECT 1 FROM catalog_warehousestock AS b
        WHERE b.variant_id = c.variant_id AND b.warehouse_id = c.warehouse_id
    )
    ON CONFLICT (variant_id, warehouse_id)
        DO UPDATE SET on_hand = catalog_warehousestock.on_hand + EXCLUDED.on_hand;
    RETURN NULL;
END
$$;

CREATE TRIGGER movement_place BEFORE INSERT ON catalog_stockmovement
    FOR EACH ROW WHEN (NEW.warehouse_id IS NULL AND NEW.on_hand_change <> 0)
    EXECUTE FUNCTION catalog_movement_place();
CREATE TRIGGER movement_inserted AFTER INSERT ON catalog_stockmovement
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_movement_inserted();
"""
BALANCES_BACKWARD = """
DROP TRIGGER movement_inserted ON catalog_stockmovement;
DROP TRIGGER movement_place ON catalog_stockmovement;
DROP FUNCTION catalog_movement_inserted();
DROP FUNCTION catalog_movement_place();
DROP FUNCTION catalog_default_warehouse();
"""

# A variant is low at or below its own threshold, or the shop's, which every connection of the shop brings along (see
# DATABASES in settings). Falling to it raises one alert and owes, after a minute in which more may gather, one message;
# rising above it clears the alert. The rows are locked by whoever changes them, so two sales cannot both see the fall.
ALERTS = """
CREATE FUNCTION catalog_is_low(available integer, own integer) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT available <= coalesce(own, nullif(current_setting('shop.low_stock_threshold', true), '')::integer, 5)
$$;

CREATE FUNCTION catalog_stock_alerts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM new_rows AS n JOIN old_rows AS o USING (variant_id)
        WHERE catalog_is_low(n.available, n.low_stock_threshold) <> catalog_is_low(o.available, o.low_stock_threshold)
    ) THEN
        RETURN NULL;
    END IF;
    UPDATE catalog_lowstockalert AS a SET cleared_at = statement_timestamp(), updated_at = statement_timestamp()
    FROM new_rows AS n
    WHERE a.variant_id = n.variant_id AND a.cleared_at IS NULL
        AND NOT catalog_is_low(n.available, n.low_stock_threshold);
    INSERT INTO catalog_lowstockalert (id, created_at, updated_at, variant_id, available, threshold)
    SELECT gen_random_uuid(), statement_timestamp(), statement_timestamp(), n.variant_id, n.available,
        coalesce(n.low_stock_threshold, nullif(current_setting('shop.low_stock_threshold', true), '')::integer, 5)
    FROM new_rows AS n JOIN old_rows AS o USING (variant_id)
    WHERE catalog_is_low(n.available, n.low_stock_threshold)
        AND NOT catalog_is_low(o.available, o.low_stock_threshold)
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
        INSERT INTO ecommerce_outboxmessage
            (id, created_at, updated_at, topic, payload, dedupe_key, request_id, attempts, last_error, next_attempt_at)
        VALUES (gen_random_uuid(), statement_timestamp(), statement_timestamp(), 'catalog.gather_stock_alerts', '{}',
            'low-stock:' || gen_random_uuid(), '', 0, '', statement_timestamp() + interval '1 minute');
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER stock_alerts AFTER UPDATE ON catalog_stock
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_stock_alerts();
"""
ALERTS_BACKWARD = """
DROP TRIGGER stock_alerts ON catalog_stock;
DROP FUNCTION catalog_stock_alerts();
DROP FUNCTION catalog_is_low(integer, integer);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0008_taxonomy"),
        ("ecommerce", "0002_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="Warehouse",
            fields=[
                ("id", models.UUIDField(default=ecommerce.models.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("name", models.CharField(max_length=120, unique=True)),
                ("code", models.CharField(max_length=20, unique=True)),
                ("county", models.CharField(blank=True, max_length=60)),
                ("address", models.CharField(blank=True, max_length=300)),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="priority")),
                ("is_active", models.BooleanField(default=True)),
                ("is_default", models.BooleanField(default=False)),
            ],
            options={
                "ordering": ("position", "code"),
                "constraints": [
                    models.UniqueConstraint(
                        condition=Q(is_default=True), fields=("is_default",), name="warehouse_default_only_one"
                    ),
                    models.CheckConstraint(
                        condition=Q(is_default=False) | Q(is_active=True), name="warehouse_default_is_active"
                    ),
                    models.CheckConstraint(
                        condition=Q(code__regex="^[A-Z0-9]([A-Z0-9-]*[A-Z0-9])?$"),
                        name="warehouse_code_is_short_and_plain",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WarehouseStock",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "variant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="balances",
                        to="catalog.variant",
                    ),
                ),
                (
                    "warehouse",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="balances", to="catalog.warehouse"
                    ),
                ),
                ("on_hand", models.IntegerField(default=0)),
            ],
            options={
                "verbose_name": "balance",
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(fields=("variant", "warehouse"), name="balance_once_per_warehouse"),
                    models.CheckConstraint(condition=Q(on_hand__gte=0), name="balance_not_negative"),
                ],
            },
        ),
        migrations.CreateModel(
            name="StockCount",
            fields=[
                ("id", models.UUIDField(default=ecommerce.models.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("ready", "Ready"), ("applying", "Applying"), ("applied", "Applied")],
                        default="ready",
                        max_length=10,
                    ),
                ),
                ("counted_at", models.DateTimeField()),
                ("name", models.CharField(blank=True, max_length=200)),
                ("line_count", models.PositiveIntegerField()),
                ("applied_at", models.DateTimeField(blank=True, null=True)),
                (
                    "applied_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "warehouse",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="counts", to="catalog.warehouse"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["-created_at", "-id"], name="count_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(state="applied", applied_at__isnull=False)
                        | (~Q(state="applied") & Q(applied_at__isnull=True)),
                        name="count_applied_has_a_time",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="StockCountLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("counted", models.IntegerField()),
                ("expected", models.IntegerField()),
                ("sheet_expected", models.IntegerField(null=True)),
                ("short", models.PositiveIntegerField(default=0)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("applied", "Applied"),
                            ("short", "Short"),
                            ("superseded", "Superseded"),
                        ],
                        default="open",
                        max_length=10,
                    ),
                ),
                (
                    "count",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="lines", to="catalog.stockcount"
                    ),
                ),
                (
                    "variant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="catalog.variant"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["count", "state", "id"], name="count_line_by_state")],
                "constraints": [
                    models.UniqueConstraint(fields=("count", "variant"), name="count_line_once_per_variant"),
                    models.CheckConstraint(condition=Q(counted__gte=0), name="count_line_not_negative"),
                ],
            },
        ),
        migrations.CreateModel(
            name="LowStockAlert",
            fields=[
                ("id", models.UUIDField(default=ecommerce.models.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("available", models.IntegerField()),
                ("threshold", models.IntegerField()),
                ("told_at", models.DateTimeField(blank=True, null=True)),
                ("cleared_at", models.DateTimeField(blank=True, null=True)),
                (
                    "variant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="low_stock_alerts",
                        to="catalog.variant",
                    ),
                ),
            ],
            options={
                "default_permissions": ("view",),
                "indexes": [models.Index(fields=["-created_at", "-id"], name="low_stock_alert_newest")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=Q(cleared_at__isnull=True), fields=("variant",), name="low_stock_alert_open_once"
                    )
                ],
            },
        ),
        migrations.AddField("stock", "low_stock_threshold", models.PositiveIntegerField(blank=True, null=True)),
        migrations.AddField("stockmovement", "document_id", models.UUIDField(null=True)),
        migrations.AddField("stockmovement", "part", models.PositiveSmallIntegerField(db_default=0, default=0)),
        migrations.AddField(
            "stockmovement",
            "warehouse",
            models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="catalog.warehouse",
            ),
        ),
        migrations.AlterField(
            model_name="stockmovement",
            name="kind",
            field=models.CharField(
                choices=[
                    ("receive", "Receive"),
                    ("reserve", "Reserve"),
                    ("release", "Release"),
                    ("sell", "Sell"),
                    ("return", "Return"),
                    ("adjust", "Adjust"),
                    ("count", "Count"),
                    ("transfer", "Transfer"),
                ],
                max_length=10,
            ),
        ),
        migrations.RemoveConstraint(model_name="stockmovement", name="movement_once_per_order_item"),
        migrations.AddConstraint(
            model_name="stockmovement",
            constraint=models.UniqueConstraint(
                condition=Q(order_item_id__isnull=False),
                fields=("order_item_id", "kind", "part"),
                name="movement_once_per_order_item",
            ),
        ),
        migrations.AddIndex(
            model_name="stockmovement",
            index=models.Index(
                condition=Q(warehouse__isnull=False), fields=["warehouse", "id"], name="movement_by_place"
            ),
        ),
        migrations.AddIndex(
            model_name="stockmovement",
            index=models.Index(
                condition=Q(warehouse__isnull=False),
                fields=["warehouse", "created_at"],
                name="movement_by_place_and_time",
            ),
        ),
        migrations.AddIndex(
            model_name="stockmovement",
            index=models.Index(
                condition=Q(document_id__isnull=False), fields=["document_id"], name="movement_by_document"
            ),
        ),
        # Older movements get their place in the next migration, which makes it hold for them as well.
        AddConstraintNotValid(
            model_name="stockmovement",
            constraint=models.CheckConstraint(
                condition=Q(on_hand_change=0, warehouse__isnull=True)
                | (~Q(on_hand_change=0) & Q(warehouse__isnull=False)),
                name="movement_of_goods_has_a_place",
            ),
        ),
        migrations.RunSQL(BALANCES, BALANCES_BACKWARD),
        migrations.RunSQL(ALERTS, ALERTS_BACKWARD),
    ]
