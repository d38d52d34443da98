from django.db import migrations

# A listing has its product's price, and is shown while that is for sale. Holds lock the listing's row and must find the
# price of that moment in it; searches read it without the wide rows of products.
FOLLOW = """
CREATE FUNCTION bookings_listing_made() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Shared: whoever changes the product at this moment waits, and finds the listing afterwards.
    SELECT price, is_active AND deleted_at IS NULL INTO NEW.price, NEW.is_shown
    FROM catalog_product WHERE id = NEW.product_id FOR SHARE;
    RETURN NEW;
END
$$;

CREATE FUNCTION bookings_product_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE bookings_listing SET price = NEW.price, is_shown = NEW.is_active AND NEW.deleted_at IS NULL
    WHERE product_id = NEW.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER bookings_listing_made BEFORE INSERT ON bookings_listing
    FOR EACH ROW EXECUTE FUNCTION bookings_listing_made();

CREATE TRIGGER bookings_product_changed AFTER UPDATE OF price, is_active, deleted_at ON catalog_product
    FOR EACH ROW
    WHEN (NEW.kind = 'rental' AND (OLD.price, OLD.is_active, OLD.deleted_at)
        IS DISTINCT FROM (NEW.price, NEW.is_active, NEW.deleted_at))
    EXECUTE FUNCTION bookings_product_changed();
"""

UNFOLLOW = """
DROP TRIGGER bookings_product_changed ON catalog_product;
DROP TRIGGER bookings_listing_made ON bookings_listing;
DROP FUNCTION bookings_product_changed();
DROP FUNCTION bookings_listing_made();
"""


class Migration(migrations.Migration):
    dependencies = [("bookings", "0001_initial")]
    operations = [migrations.RunSQL(FOLLOW, UNFOLLOW)]
