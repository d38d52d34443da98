from django.db import migrations

# Parcels' events stay as they were told, but for names that must be taken out when a customer is erased: that
# transaction says so (orders.privacy). refuse_change() is the catalogue's 0002.
FORWARDS = """
DROP TRIGGER shipment_event_append_only ON orders_shipmentevent;
CREATE TRIGGER shipment_event_append_only BEFORE UPDATE OR DELETE ON orders_shipmentevent
    FOR EACH ROW WHEN (current_setting('shop.erasing', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION refuse_change();
"""
BACKWARDS = """
DROP TRIGGER shipment_event_append_only ON orders_shipmentevent;
CREATE TRIGGER shipment_event_append_only BEFORE UPDATE OR DELETE ON orders_shipmentevent
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0020_exchanges_at_another_price'),
    ]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
