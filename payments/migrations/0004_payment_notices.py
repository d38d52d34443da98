from django.db import migrations

# Whoever watches a payment hears of every change to it or to an attempt of it, whichever code made it; the notice goes
# out when the change is committed. ``ecommerce.live`` listens, on the channel that ``payments.stream`` names.
NOTICES = """
CREATE FUNCTION payments_tell_of_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('payment', to_jsonb(NEW) ->> TG_ARGV[0]);
    RETURN NULL;
END
$$;

CREATE TRIGGER payments_payment_told AFTER UPDATE ON payments_payment
    FOR EACH ROW EXECUTE FUNCTION payments_tell_of_payment('id');
CREATE TRIGGER payments_attempt_told AFTER INSERT OR UPDATE ON payments_paymentattempt
    FOR EACH ROW EXECUTE FUNCTION payments_tell_of_payment('payment_id');
"""
DROP_NOTICES = """
DROP TRIGGER payments_payment_told ON payments_payment;
DROP TRIGGER payments_attempt_told ON payments_paymentattempt;
DROP FUNCTION payments_tell_of_payment();
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0003_ledger_triggers")]

    operations = [migrations.RunSQL(NOTICES, DROP_NOTICES)]
