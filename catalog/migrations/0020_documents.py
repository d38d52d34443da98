from django.db import migrations, models

# Each row carries its own public JSON (the inside of an object, without braces) as a generated column: the database
# makes it anew with the row, whatever writes the row, and a page only joins texts. What changes with every sale (stock)
# and what belongs to another row (the name of a category) is not in it, so nothing else can make it stale.
#
# In front of the name of a file in the shop's own storage stands the byte 1, for the address that the settings say; JSON
# writes that byte as an escape everywhere else. The functions call nothing but PostgreSQL's own, because a dump is
# restored without a search path; they are immutable in fact, though to_json and to_char may not be for other inputs.
CARDS = r"""
CREATE FUNCTION catalog_product_card(
    id uuid, product_name text, url_key text, price numeric, currency text, picture text, image_url text, kind text,
    seller_id uuid, tags text[], rating numeric, review_count integer, created_at timestamptz, updated_at timestamptz
) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '"id":"' || id || '","product_name":' || to_json(product_name) || ',"url_key":' || to_json(url_key)
        || ',"price":"' || price || '","currency":' || to_json(currency) || ',"image_url":' || CASE
            WHEN picture <> '' THEN '"' || chr(1) || substr(to_json(picture)::text, 2) ELSE to_json(image_url)::text END
        || ',"tags":' || to_json(tags) || ',"kind":' || to_json(kind)
        || ',"seller":' || coalesce(to_json(seller_id)::text, 'null')
        || ',"rating":' || coalesce('"' || rating || '"', 'null') || ',"review_count":' || review_count
        || ',"created_at":"' || replace(
            to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z')
        || '","updated_at":"' || replace(
            to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z') || '"'
$$;

CREATE FUNCTION catalog_variant_card(
    id uuid, sku text, options jsonb, price numeric, compare_at_price numeric, weight_grams integer, barcode text,
    picture text, image_url text
) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '"id":"' || id || '","sku":' || to_json(sku) || ',"options":' || options::text
        || ',"price":"' || price || '","compare_at_price":' || coalesce('"' || compare_at_price || '"', 'null')
        || ',"weight_grams":' || coalesce(weight_grams::text, 'null') || ',"barcode":' || to_json(barcode)
        || ',"image_url":' || CASE
            WHEN picture <> '' THEN '"' || chr(1) || substr(to_json(picture)::text, 2) ELSE to_json(image_url)::text END
$$;

CREATE FUNCTION catalog_image_card(
    id uuid, product_id uuid, variant_id uuid, "position" smallint, alt text, state text, failure text, width integer,
    height integer, thumbnails jsonb, created_at timestamptz
) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '"id":"' || id || '","product":"' || product_id || '","variant":' || coalesce(to_json(variant_id)::text, 'null')
        || ',"position":' || "position" || ',"alt":' || to_json(alt) || ',"state":' || to_json(state)
        || ',"failure":' || to_json(failure) || ',"width":' || catalog_image_card.width
        || ',"height":' || catalog_image_card.height || t.files
        || ',"created_at":"' || replace(
            to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z') || '"'
    FROM (
        SELECT ',"url":' || coalesce((array_agg(e.url ORDER BY e.size DESC))[1], '""')
            || ',"thumbnails":[' || coalesce(string_agg('{"size":' || e.size || ',"url":' || e.url
                || ',"width":' || e.width || ',"height":' || e.height || '}', ',' ORDER BY e.size), '') || ']' AS files
        FROM (
            SELECT key::integer AS size, '"' || chr(1) || substr((value -> 'file')::text, 2) AS url,
                value -> 'width' AS width, value -> 'height' AS height
            FROM jsonb_each(thumbnails)
        ) AS e
    ) AS t
$$;

CREATE FUNCTION catalog_category_card(id uuid, category_name text, url_key text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '"id":"' || id || '","category_name":' || to_json(category_name) || ',"url_key":' || to_json(url_key)
$$;

CREATE FUNCTION catalog_brand_card(id uuid, name text, url_key text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '"id":"' || id || '","name":' || to_json(name) || ',"url_key":' || to_json(url_key)
$$;

ALTER TABLE catalog_product ADD COLUMN card text GENERATED ALWAYS AS (catalog_product_card(
    id, product_name, url_key, price, currency, picture, image_url, kind, seller_id, tags, rating, review_count,
    created_at, updated_at)) STORED;
ALTER TABLE catalog_variant ADD COLUMN card text GENERATED ALWAYS AS (catalog_variant_card(
    id, sku, options, price, compare_at_price, weight_grams, barcode, picture, image_url)) STORED;
ALTER TABLE catalog_productimage ADD COLUMN card text GENERATED ALWAYS AS (catalog_image_card(
    id, product_id, variant_id, "position", alt, state, failure, width, height, thumbnails, created_at)) STORED;
ALTER TABLE catalog_category ADD COLUMN card text GENERATED ALWAYS AS (
    catalog_category_card(id, category_name, url_key)) STORED;
ALTER TABLE catalog_brand ADD COLUMN card text GENERATED ALWAYS AS (catalog_brand_card(id, name, url_key)) STORED;
"""
CARDS_BACKWARD = """
ALTER TABLE catalog_brand DROP COLUMN card;
ALTER TABLE catalog_category DROP COLUMN card;
ALTER TABLE catalog_productimage DROP COLUMN card;
ALTER TABLE catalog_variant DROP COLUMN card;
ALTER TABLE catalog_product DROP COLUMN card;
DROP FUNCTION catalog_brand_card, catalog_category_card, catalog_image_card, catalog_variant_card, catalog_product_card;
"""

# The products of a page, in the order of their ids, as the inside of a JSON array. plpgsql, because it can keep the plan:
# planning these joins takes longer than running them. Forced, because it would plan anew for each array otherwise. The
# stock asks for variants that are not sold, which are few and have an index of their own: the others, wide rows all over
# the table, are not read for it.
DOCUMENTS = """
CREATE FUNCTION catalog_documents(wanted uuid[], whole boolean) RETURNS text LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN (
        SELECT string_agg(
            '{' || p.card || ',"category":{' || c.card || '},"brand":' || coalesce('{' || b.card || '}', 'null')
            || ',"stock":' || coalesce((
                SELECT sum(k.available) FROM catalog_stock AS k
                WHERE k.product_id = p.id AND NOT EXISTS (
                    SELECT FROM catalog_variant AS v WHERE v.id = k.variant_id AND NOT v.is_active
                )
            ), 0) || ',"in_stock":' || p.in_stock || CASE WHEN whole THEN
                ',"description":' || to_json(p.description) || ',"attributes":' || p.attributes::text
                || ',"variants":[' || coalesce((
                    SELECT string_agg('{' || v.card || ',"stock":' || coalesce(k.available, 0) || ',"price_breaks":[]}', ','
                        ORDER BY v.position, v.sku)
                    FROM catalog_variant AS v LEFT JOIN catalog_stock AS k ON k.variant_id = v.id
                    WHERE v.product_id = p.id AND v.is_active
                ), '') || '],"images":[' || coalesce((
                    SELECT string_agg('{' || i.card || '}', ',' ORDER BY i.position)
                    FROM catalog_productimage AS i WHERE i.product_id = p.id AND i.state = 'ready'
                ), '') || ']' ELSE '' END || '}', ',' ORDER BY w.place)
        FROM unnest(wanted) WITH ORDINALITY AS w (id, place)
        JOIN catalog_product AS p ON p.id = w.id
        JOIN catalog_category AS c ON c.id = p.category_id
        LEFT JOIN catalog_brand AS b ON b.id = p.brand_id
    );
END
$$;
"""
DOCUMENTS_BACKWARD = "DROP FUNCTION catalog_documents(uuid[], boolean);"

# Whoever changes what the catalogue shows adds one to a counter that nobody holds: SKIP LOCKED never waits, so no writer
# queues here and no order of locks can become a deadlock. Once in a transaction is enough, whatever it changes. When all
# counters are held, there is one more from then on.
#
# The time is stamped again at commit, in a row that is held already: a long transaction would otherwise become visible
# with a time before that of answers given meanwhile.
VERSION = """
CREATE FUNCTION catalog_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('shop.catalogue_changed', true) = 'yes' THEN
        RETURN NULL;
    END IF;
    UPDATE catalog_catalogueversion SET changes = changes + 1, changed_at = clock_timestamp()
    WHERE slot = (SELECT slot FROM catalog_catalogueversion LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED);
    IF NOT FOUND THEN
        INSERT INTO catalog_catalogueversion (changes, changed_at) VALUES (1, clock_timestamp());
    END IF;
    -- Until the transaction ends; a rollback to a savepoint takes it back with the counter.
    PERFORM set_config('shop.catalogue_changed', 'yes', true);
    RETURN NULL;
END
$$;

CREATE FUNCTION catalog_stamp_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE catalog_catalogueversion SET changed_at = clock_timestamp() WHERE slot = NEW.slot;
    RETURN NULL;
END
$$;

-- Not from zero: pages of another database, kept in the same Redis, must not be taken for ours.
INSERT INTO catalog_catalogueversion (changes, changed_at)
SELECT CASE n WHEN 1 THEN (extract(epoch FROM clock_timestamp()) * 1000)::bigint ELSE 0 END, clock_timestamp()
FROM generate_series(1, 16) AS n;

CREATE CONSTRAINT TRIGGER version_stamped AFTER UPDATE ON catalog_catalogueversion DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.changes <> OLD.changes) EXECUTE FUNCTION catalog_stamp_version();
"""
VERSION_BACKWARD = """
DROP TRIGGER version_stamped ON catalog_catalogueversion;
DROP FUNCTION catalog_stamp_version();
DROP FUNCTION catalog_changed();
"""

# What pages show, or what is looked up to make them: names of attributes, words to be meant, prices for everybody. Whom
# a price list is for is not looked at: one change too many only makes pages anew.
SHOWN = (
    "product",
    "variant",
    "stock",
    "productimage",
    "category",
    "brand",
    "pricelist",
    "pricelistitem",
    "attribute",
    "attributechoice",
    "productnumber",
    "searchattribute",
    "searchword",
    "searchsynonym",
    "tag",
    "collection",
    "collectionproduct",
)


def watched():
    """Yield the statement that attaches each trigger, and the one that takes it off."""
    for name in SHOWN:
        yield (
            f"CREATE TRIGGER catalogue_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON catalog_{name} "
            "FOR EACH STATEMENT EXECUTE FUNCTION catalog_changed()",
            f"DROP TRIGGER catalogue_changed ON catalog_{name}",
        )


class Migration(migrations.Migration):
    dependencies = [("catalog", "0019_search_synonyms")]
    operations = [
        migrations.CreateModel(
            name="CatalogueVersion",
            fields=[
                ("slot", models.AutoField(primary_key=True, serialize=False)),
                ("changes", models.BigIntegerField()),
                ("changed_at", models.DateTimeField()),
            ],
            options={"default_permissions": ()},
        ),
        migrations.RemoveIndex(model_name="product", name="product_newest"),
        migrations.RemoveIndex(model_name="product", name="product_by_category"),
        migrations.AddIndex(
            model_name="product",
            index=models.Index(
                fields=["-created_at", "id"],
                name="product_shown_newest",
                condition=models.Q(is_active=True, deleted_at__isnull=True),
            ),
        ),
        migrations.AddIndex(
            model_name="product",
            index=models.Index(
                fields=["category", "product_name", "id"],
                name="product_shown_by_category",
                condition=models.Q(is_active=True, deleted_at__isnull=True),
            ),
        ),
        migrations.AddIndex(
            model_name="product",
            index=models.Index(
                fields=["price", "id"],
                name="product_shown_by_price",
                condition=models.Q(is_active=True, deleted_at__isnull=True),
            ),
        ),
        migrations.AddIndex(
            model_name="product",
            index=models.Index(
                fields=["product_name", "id"],
                name="product_shown_by_name",
                condition=models.Q(is_active=True, deleted_at__isnull=True),
            ),
        ),
        migrations.AddIndex(
            model_name="variant",
            index=models.Index(fields=["id"], name="variant_inactive", condition=models.Q(is_active=False)),
        ),
        migrations.RunSQL(CARDS, CARDS_BACKWARD),
        migrations.RunSQL(DOCUMENTS, DOCUMENTS_BACKWARD),
        migrations.RunSQL(VERSION, VERSION_BACKWARD),
        *(migrations.RunSQL(attach, take_off) for attach, take_off in watched()),
    ]
