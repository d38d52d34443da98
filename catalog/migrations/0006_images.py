import django.db.models.deletion
from django.db import migrations, models

import ecommerce.models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0005_reviews_wishlist")]
    operations = [
        migrations.AddField(
            model_name="product",
            name="picture",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=100),
        ),
        migrations.AddField(
            model_name="variant",
            name="picture",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=100),
        ),
        migrations.CreateModel(
            name="ProductImage",
            fields=[
                ("id", models.UUIDField(default=ecommerce.models.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("position", models.PositiveSmallIntegerField()),
                ("alt", models.CharField(blank=True, max_length=200, verbose_name="alternative text")),
                (
                    "state",
                    models.CharField(
                        choices=[("processing", "Processing"), ("ready", "Ready"), ("failed", "Failed")],
                        default="processing",
                        max_length=10,
                    ),
                ),
                ("failure", models.CharField(blank=True, max_length=40)),
                ("sha256", models.CharField(max_length=64)),
                ("upload", models.CharField(blank=True, max_length=100)),
                ("width", models.PositiveIntegerField()),
                ("height", models.PositiveIntegerField()),
                ("thumbnails", models.JSONField(blank=True, default=dict)),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="images", to="catalog.product"
                    ),
                ),
                (
                    "variant",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="images",
                        to="catalog.variant",
                    ),
                ),
            ],
            options={
                "ordering": ("position",),
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "ready"), _negated=True),
                        fields=["created_at"],
                        name="image_not_ready",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("product", "sha256"), name="image_once_per_product"),
                    models.UniqueConstraint(
                        deferrable=models.Deferrable["DEFERRED"],
                        fields=("product", "position"),
                        name="image_position_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state", "failed"), ("failure", ""), _connector="XOR"),
                        name="image_failed_exactly_with_a_failure",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "ready"), _negated=True),
                            models.Q(("thumbnails", {}), _negated=True),
                            _connector="OR",
                        ),
                        name="image_ready_only_with_thumbnails",
                    ),
                ],
            },
        ),
    ]
