from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models
from django.db.models import F, Func

# catalog_words: the one way in which text becomes words. catalog_sound: spellings that sound alike, and doubled
# letters, are one. catalog_spelling_keys: the word and all that one missing letter leaves of it; two words that differ
# by one letter (too many, missing, another, or two swapped) share a key. catalog_facet: "color=black".
FUNCTIONS = """
CREATE FUNCTION catalog_words(text) RETURNS tsvector LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('simple', regexp_replace(unaccent($1), '[^[:alnum:]]+', ' ', 'g'))
$$;

CREATE FUNCTION catalog_is_word(text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT length($1) BETWEEN 2 AND 40 AND $1 ~ '[a-z]'
$$;

CREATE FUNCTION catalog_sound(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT regexp_replace(replace(replace($1, 'ph', 'f'), 'ck', 'k'), '([a-z])\\1+', '\\1', 'g')
$$;

CREATE FUNCTION catalog_spelling_keys(text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_agg(DISTINCT left($1, n - 1) || substr($1, n + 1)) || $1 FROM generate_series(1, length($1)) AS n
$$;

CREATE FUNCTION catalog_facet(name text, value text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(btrim(regexp_replace(lower(unaccent(name)), '[^[:alnum:]]+', '_', 'g'), '_'), '') || '='
        || nullif(btrim(regexp_replace(lower(unaccent(value)), '\\s+', ' ', 'g')), '')
$$;
"""
FUNCTIONS_BACKWARD = """
DROP FUNCTION catalog_facet(text, text);
DROP FUNCTION catalog_spelling_keys(text);
DROP FUNCTION catalog_sound(text);
DROP FUNCTION catalog_is_word(text);
DROP FUNCTION catalog_words(text);
"""

# The search's own column: the ORM, which reads whole rows, neither reads nor writes it. NULL is "not yet indexed".
FACETS = """
ALTER TABLE catalog_product ADD COLUMN facets text[];
CREATE INDEX product_facets ON catalog_product USING gin (facets);
"""
FACETS_BACKWARD = "ALTER TABLE catalog_product DROP COLUMN facets;"


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_exchange_rates")]
    operations = [
        migrations.RunSQL(FUNCTIONS, FUNCTIONS_BACKWARD),
        migrations.RunSQL(FACETS, FACETS_BACKWARD),
        migrations.CreateModel(
            name="SearchAttribute",
            fields=[("name", models.TextField(primary_key=True, serialize=False))],
            options={"default_permissions": ()},
        ),
        migrations.CreateModel(
            name="SearchWord",
            fields=[
                ("word", models.TextField(db_collation="C", primary_key=True, serialize=False)),
                ("frequency", models.PositiveIntegerField(default=1)),
                (
                    "sound",
                    models.GeneratedField(
                        db_persist=True,
                        expression=Func(F("word"), function="catalog_sound"),
                        output_field=models.TextField(),
                    ),
                ),
                (
                    "keys",
                    models.GeneratedField(
                        db_persist=True,
                        expression=Func(Func(F("word"), function="catalog_sound"), function="catalog_spelling_keys"),
                        output_field=ArrayField(models.TextField()),
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    GinIndex(fields=["keys"], name="search_word_keys"),
                    GinIndex(fields=["sound"], name="search_word_trigrams", opclasses=["gin_trgm_ops"]),
                ],
            },
        ),
        migrations.RemoveIndex(model_name="product", name="product_search_trigrams"),
        migrations.RemoveField(model_name="product", name="search_text"),
    ]
