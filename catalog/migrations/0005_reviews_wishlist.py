import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

import ecommerce.models

# Product.rating and review_count follow the published reviews. As with stock (0002), products are locked first, in key
# order, and counted in a statement of its own, which sees what a transaction we waited for has just committed.
RATINGS = """
CREATE FUNCTION catalog_follow_reviews(changed uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM catalog_product WHERE id = ANY(changed) ORDER BY id FOR NO KEY UPDATE;
    UPDATE catalog_product AS p
    SET rating = r.rating, review_count = r.reviews
    FROM (
        SELECT k.product_id, round(avg(v.rating), 2) AS rating, count(v.id) AS reviews
        FROM unnest(changed) AS k (product_id)
        LEFT JOIN catalog_review AS v ON v.product_id = k.product_id AND v.status = 'published'
        GROUP BY k.product_id
    ) AS r
    WHERE p.id = r.product_id AND (p.rating, p.review_count) IS DISTINCT FROM (r.rating, r.reviews);
END
$$;

CREATE FUNCTION catalog_review_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed uuid[];
BEGIN
    SELECT array_agg(DISTINCT product_id) INTO changed FROM new_rows WHERE status = 'published';
    IF changed IS NOT NULL THEN
        PERFORM catalog_follow_reviews(changed);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION catalog_review_updated() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed uuid[];
BEGIN
    SELECT array_agg(DISTINCT both_rows.product_id) INTO changed
    FROM new_rows AS n JOIN old_rows AS o USING (id)
    CROSS JOIN LATERAL (VALUES (n.product_id), (o.product_id)) AS both_rows (product_id)
    WHERE (n.product_id, n.rating, n.status = 'published') <> (o.product_id, o.rating, o.status = 'published');
    IF changed IS NOT NULL THEN
        PERFORM catalog_follow_reviews(changed);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION catalog_review_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed uuid[];
BEGIN
    SELECT array_agg(DISTINCT product_id) INTO changed FROM old_rows WHERE status = 'published';
    IF changed IS NOT NULL THEN
        PERFORM catalog_follow_reviews(changed);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER review_inserted AFTER INSERT ON catalog_review
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_review_inserted();
CREATE TRIGGER review_updated AFTER UPDATE ON catalog_review
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_review_updated();
CREATE TRIGGER review_deleted AFTER DELETE ON catalog_review
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_review_deleted();
"""
RATINGS_BACKWARD = """
DROP TRIGGER review_deleted ON catalog_review;
DROP TRIGGER review_updated ON catalog_review;
DROP TRIGGER review_inserted ON catalog_review;
DROP FUNCTION catalog_review_deleted();
DROP FUNCTION catalog_review_updated();
DROP FUNCTION catalog_review_inserted();
DROP FUNCTION catalog_follow_reviews(uuid[]);
"""

# Whoever brings a product back owes those who wait for it, in that very transaction and whatever wrote the stock: one
# message in the outbox for each product, as ecommerce.outbox would write it; the worker looks who waits.
# catalog_follow_stock runs when a variant's stock has just become positive (or zero), and holds the product's lock, as
# does whoever begins to wait: one of the two sees the other.
ANNOUNCE = """
CREATE FUNCTION catalog_announce_stock(changed uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ecommerce_outboxmessage
        (id, created_at, updated_at, topic, payload, dedupe_key, request_id, attempts, last_error)
    SELECT gen_random_uuid(), statement_timestamp(), statement_timestamp(), 'catalog.announce_stock',
        jsonb_build_object('product_id', w.product_id), 'restock:' || w.product_id || ':' || gen_random_uuid(),
        '', 0, ''
    FROM (
        SELECT DISTINCT n.product_id
        FROM catalog_stocknotice AS n JOIN catalog_product AS p ON p.id = n.product_id
        WHERE n.product_id = ANY(changed) AND n.owed_at IS NULL
            AND ((n.variant_id IS NULL AND p.in_stock) OR EXISTS (
                SELECT 1 FROM catalog_stock AS k JOIN catalog_variant AS v ON v.id = k.variant_id
                WHERE k.variant_id = n.variant_id AND k.available > 0 AND v.is_active
            ))
    ) AS w;
    IF FOUND THEN
        PERFORM pg_notify('outbox', '');
    END IF;
END
$$;
"""
ANNOUNCE_BACKWARD = "DROP FUNCTION catalog_announce_stock(uuid[]);"

FOLLOW_STOCK = """
CREATE OR REPLACE FUNCTION catalog_follow_stock(changed uuid[]) RETURNS void LANGUAGE plpgsql AS $$
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
    %s
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0004_search"),
        ("ecommerce", "0002_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="Review",
            fields=[
                ("id", models.UUIDField(default=ecommerce.models.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("order_item_id", models.UUIDField()),
                ("rating", models.PositiveSmallIntegerField()),
                ("title", models.CharField(blank=True, max_length=120)),
                ("body", models.TextField(blank=True, max_length=5000)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("published", "Published"),
                            ("hidden", "Hidden"),
                            ("pending_moderation", "Pending Moderation"),
                        ],
                        default="published",
                        max_length=20,
                    ),
                ),
                ("reply", models.TextField(blank=True, max_length=2000)),
                ("replied_at", models.DateTimeField(blank=True, null=True)),
                ("moderated_at", models.DateTimeField(blank=True, null=True)),
                (
                    "moderated_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="reviews", to="catalog.product"
                    ),
                ),
                (
                    "replied_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reviews",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["product", "-created_at", "-id"],
                        name="review_published",
                        condition=Q(status="published"),
                    ),
                    models.Index(fields=["-created_at", "-id"], name="review_newest"),
                    models.Index(
                        fields=["created_at"], name="review_to_moderate", condition=Q(status="pending_moderation")
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=["user", "product"], name="review_once_per_user_and_product"),
                    models.CheckConstraint(condition=Q(rating__range=(1, 5)), name="review_rating_from_1_to_5"),
                    models.CheckConstraint(
                        condition=Q(reply="", replied_at__isnull=True) | (~Q(reply="") & Q(replied_at__isnull=False)),
                        name="review_reply_has_a_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StockNotice",
            fields=[
                ("id", models.UUIDField(default=ecommerce.models.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("owed_at", models.DateTimeField(blank=True, null=True)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="catalog.product"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="stock_notices",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "variant",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="catalog.variant",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["product", "id"], name="stock_notice_waiting", condition=Q(owed_at__isnull=True)
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["user", "product", "variant"],
                        condition=Q(sent_at__isnull=True),
                        nulls_distinct=False,
                        name="stock_notice_once",
                    ),
                    models.CheckConstraint(
                        condition=Q(sent_at__isnull=True) | Q(owed_at__isnull=False),
                        name="stock_notice_owed_before_sent",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WishlistItem",
            fields=[
                ("id", models.UUIDField(default=ecommerce.models.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="catalog.product"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="wishlist_items",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["user", "-created_at", "-id"], name="wishlist_newest")],
                "constraints": [models.UniqueConstraint(fields=["user", "product"], name="wishlist_item_once")],
            },
        ),
        migrations.RunSQL(RATINGS, RATINGS_BACKWARD),
        migrations.RunSQL(ANNOUNCE, ANNOUNCE_BACKWARD),
        migrations.RunSQL(
            FOLLOW_STOCK % "PERFORM catalog_announce_stock(changed);",
            FOLLOW_STOCK % "",
        ),
    ]
