import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import ecommerce.models

# What was charged by a rate must stay provable; refuse_change() is 0002's.
APPEND_ONLY = """
CREATE TRIGGER exchange_rate_append_only BEFORE UPDATE OR DELETE ON catalog_exchangerate
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""
APPEND_ONLY_BACKWARD = "DROP TRIGGER exchange_rate_append_only ON catalog_exchangerate;"


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0002_stock_triggers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="ExchangeRate",
            fields=[
                ("id", models.UUIDField(default=ecommerce.models.new_id, editable=False, primary_key=True, serialize=False)),
                ("base", models.CharField(max_length=3)),
                ("currency", models.CharField(max_length=3)),
                ("rate", models.DecimalField(decimal_places=10, max_digits=20)),
                ("valid_from", models.DateTimeField()),
                ("source", models.CharField(blank=True, max_length=120)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
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
                "default_permissions": ("add", "view"),
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("rate__gt", 0)), name="exchange_rate_positive"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("base__regex", "^[A-Z]{3}$"),
                            ("currency__regex", "^[A-Z]{3}$"),
                            models.Q(("base", models.F("currency")), _negated=True),
                        ),
                        name="exchange_rate_between_two_codes",
                    ),
                    models.UniqueConstraint(
                        fields=("base", "currency", "valid_from"), name="exchange_rate_once_per_moment"
                    ),
                ],
            },
        ),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_BACKWARD),
    ]
