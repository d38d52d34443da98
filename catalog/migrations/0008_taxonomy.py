import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

# The key-share lock waits for a merge that is under way and then reads what it has done, so that no product can be
# written with a brand that is no more.
TRIGGER = """
CREATE FUNCTION catalog_product_brand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    present uuid;
BEGIN
    SELECT coalesce(merged_into_id, id) INTO present FROM catalog_brand WHERE id = NEW.brand_id FOR KEY SHARE;
    IF FOUND THEN
        NEW.brand_id := present;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER product_brand BEFORE INSERT OR UPDATE OF brand_id ON catalog_product
    FOR EACH ROW WHEN (NEW.brand_id IS NOT NULL) EXECUTE FUNCTION catalog_product_brand();
"""
TRIGGER_BACKWARD = """
DROP TRIGGER product_brand ON catalog_product;
DROP FUNCTION catalog_product_brand();
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0007_price_lists")]
    operations = [
        migrations.AddField(
            model_name="brand",
            name="image_url",
            field=models.URLField(
                blank=True, db_default="", default="", max_length=500, verbose_name="logo (address)"
            ),
        ),
        migrations.AddField(
            model_name="brand",
            name="merged_into",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="former",
                to="catalog.brand",
            ),
        ),
        migrations.AddConstraint(
            model_name="brand",
            constraint=models.CheckConstraint(
                condition=~Q(merged_into=F("id")), name="brand_not_merged_into_itself"
            ),
        ),
        migrations.RunSQL(TRIGGER, TRIGGER_BACKWARD),
    ]
