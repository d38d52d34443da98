from django.db import migrations

# The check digit is ISO 7064 MOD 11,10, as orders.numbers checks it.
FORWARD = """
CREATE SEQUENCE orders_number_seq START 100001;

CREATE FUNCTION orders_next_number() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    digits text := nextval('orders_number_seq')::text;
    remainder int := 10;
    digit text;
BEGIN
    FOREACH digit IN ARRAY string_to_array(digits, NULL) LOOP
        remainder := (remainder + digit::int) % 10;
        IF remainder = 0 THEN
            remainder := 10;
        END IF;
        remainder := (remainder * 2) % 11;
    END LOOP;
    RETURN digits || ((11 - remainder) % 10)::text;
END
$$;
"""
BACKWARD = "DROP FUNCTION orders_next_number(); DROP SEQUENCE orders_number_seq;"


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
