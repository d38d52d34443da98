import django.core.serializers.json
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import ecommerce.models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0012_attributes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CatalogueImport",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=ecommerce.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "kind",
                    models.CharField(choices=[("csv", "CSV"), ("xlsx", "XLSX"), ("ndjson", "NDJSON")], max_length=10),
                ),
                ("is_shopify", models.BooleanField(default=False)),
                ("file", models.CharField(max_length=100)),
                ("rows_file", models.CharField(blank=True, max_length=100)),
                ("file_name", models.CharField(max_length=255)),
                ("file_size", models.PositiveBigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("delimiter", models.CharField(blank=True, max_length=1)),
                ("columns", models.JSONField(default=list)),
                ("mapping", models.JSONField(default=dict)),
                ("options", models.JSONField(default=dict)),
                ("dry_run", models.BooleanField(default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("running", "Running"),
                            ("finished", "Finished"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                            ("undoing", "Undoing"),
                            ("undone", "Undone"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("run", models.PositiveIntegerField(default=1)),
                ("failure", models.CharField(blank=True, max_length=40)),
                ("failure_detail", models.CharField(blank=True, max_length=300)),
                ("done", models.PositiveIntegerField(default=0)),
                ("lines_read", models.PositiveIntegerField(default=0)),
                ("bytes_read", models.PositiveBigIntegerField(default=0)),
                ("created", models.PositiveIntegerField(default=0)),
                ("changed", models.PositiveIntegerField(default=0)),
                ("unchanged", models.PositiveIntegerField(default=0)),
                ("refused", models.PositiveIntegerField(default=0)),
                ("problem_count", models.PositiveIntegerField(default=0)),
                ("differences", models.JSONField(default=list, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("undone_changes", models.PositiveIntegerField(default=0)),
                ("kept_changes", models.PositiveIntegerField(default=0)),
                ("undo_position", models.BigIntegerField(blank=True, null=True)),
                ("undone_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "import",
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="ImportChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("product_id", models.UUIDField()),
                ("variant_id", models.UUIDField(null=True)),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("created", "Created"),
                            ("changed", "Changed"),
                            ("restored", "Restored"),
                            ("stock", "Stock"),
                        ],
                        max_length=10,
                    ),
                ),
                ("before", models.JSONField(default=dict)),
                ("after", models.JSONField(default=dict)),
                ("undone", models.BooleanField(default=False)),
                (
                    "catalogue_import",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="changes",
                        to="catalog.catalogueimport",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="ImportProblem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("line", models.PositiveIntegerField(null=True)),
                ("column", models.CharField(blank=True, max_length=100)),
                ("key", models.CharField(blank=True, max_length=200)),
                ("code", models.CharField(max_length=40)),
                ("message", models.CharField(max_length=300)),
                (
                    "catalogue_import",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="problems",
                        to="catalog.catalogueimport",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="catalogueimport",
            index=models.Index(fields=["-created_at", "-id"], name="import_newest"),
        ),
        migrations.AddConstraint(
            model_name="catalogueimport",
            constraint=models.UniqueConstraint(
                models.Value(True, output_field=models.BooleanField()),
                condition=models.Q(("state__in", ("running", "undoing"))),
                name="import_one_at_a_time",
            ),
        ),
        migrations.AddIndex(
            model_name="importchange",
            index=models.Index(fields=["catalogue_import", "id"], name="import_changes"),
        ),
        migrations.AddIndex(
            model_name="importchange",
            index=models.Index(
                condition=models.Q(("action", "created"), ("undone", True), ("variant_id__isnull", True)),
                fields=["product_id"],
                name="import_undone_products",
            ),
        ),
        migrations.AddIndex(
            model_name="importproblem",
            index=models.Index(fields=["catalogue_import", "id"], name="import_problems"),
        ),
    ]
