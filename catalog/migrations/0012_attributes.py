import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import ecommerce.models

# catalog_amount: a folded text such as "128 gb" as a number in the unit that the factors are of, NULL when it is none.
# catalog_typed: what a folded value means to an attribute of this type. What is compared here is spelled out once, in
# catalog/attributes/units.py and values.py.
FUNCTIONS = r"""
CREATE FUNCTION catalog_amount(value text, factors jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN abs(amount) < 1000000000000000 THEN amount END
    FROM regexp_match(
        $1, '^([+-]?(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:[.][0-9]{1,9})?) ?((?:[^0-9 .,+-].{0,19})?)$'
    ) AS parts,
    round(replace(parts[1], ',', '')::numeric * ($2 ->> parts[2])::numeric, 6) AS amount
$$;

CREATE FUNCTION catalog_typed(type text, meaning jsonb, value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE $1
        WHEN 'text' THEN $3
        WHEN 'number' THEN trim_scale(catalog_amount($3, $2))::text
        ELSE $2 ->> $3
    END
$$;
"""
FUNCTIONS_BACKWARD = """
DROP FUNCTION catalog_typed(text, jsonb, text);
DROP FUNCTION catalog_amount(text, jsonb);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0011_product_changes"),
    ]

    operations = [
        migrations.RunSQL(FUNCTIONS, FUNCTIONS_BACKWARD),
        migrations.AddField(
            model_name="category",
            name="only_defined_attributes",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.CreateModel(
            name="Attribute",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=ecommerce.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("code", models.CharField(max_length=60, unique=True)),
                ("label", models.CharField(max_length=120)),
                (
                    "type",
                    models.CharField(
                        choices=[("text", "Text"), ("number", "Number"), ("boolean", "Boolean"), ("choice", "Choice")],
                        max_length=10,
                    ),
                ),
                ("unit", models.CharField(blank=True, max_length=10)),
                ("filterable", models.BooleanField(default=True)),
                ("facetable", models.BooleanField(default=True)),
                (
                    "steps",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.DecimalField(decimal_places=6, max_digits=21),
                        blank=True,
                        default=list,
                        size=None,
                    ),
                ),
                ("meaning", models.JSONField(default=dict, editable=False)),
            ],
            options={
                "ordering": ("code",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("code__regex", "^[a-z0-9]+(_[a-z0-9]+)*$")), name="attribute_code_folded"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("type", "number"), models.Q(("steps", []), ("unit", "")), _connector="OR"),
                        name="attribute_unit_and_steps_of_numbers",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AttributeChoice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=60)),
                ("label", models.CharField(max_length=120)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                (
                    "former",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60), blank=True, default=list, size=None
                    ),
                ),
                (
                    "attribute",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="choices", to="catalog.attribute"
                    ),
                ),
            ],
            options={
                "ordering": ("position", "code"),
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("attribute", "code"), name="attribute_choice_once")],
            },
        ),
        migrations.CreateModel(
            name="CategoryAttribute",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("required", models.BooleanField(default=False)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                (
                    "attribute",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="category_rows",
                        to="catalog.attribute",
                    ),
                ),
                (
                    "category",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attribute_rows",
                        to="catalog.category",
                    ),
                ),
            ],
            options={
                "ordering": ("position", "id"),
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("category", "attribute"), name="category_attribute_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ProductNumber",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("value", models.DecimalField(decimal_places=6, max_digits=21)),
                (
                    "attribute",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="catalog.attribute",
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="catalog.product",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["attribute", "value", "product"], name="product_number_range")],
                "constraints": [
                    models.UniqueConstraint(fields=("product", "attribute", "value"), name="product_number_once")
                ],
            },
        ),
    ]
