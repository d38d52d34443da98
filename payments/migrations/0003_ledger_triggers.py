from django.db import migrations

# What must always be true of the books is held by the database. The sums are checked when the transaction commits, so
# that entries can be inserted one after the other.
BALANCED = """
CREATE FUNCTION payments_ledger_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    checked uuid := (to_jsonb(NEW) ->> TG_ARGV[0])::uuid;
BEGIN
    IF (SELECT count(*) FROM payments_ledgerentry WHERE transaction_id = checked) < 2 THEN
        RAISE EXCEPTION 'ledger transaction % has less than two entries', checked USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT 1
        FROM payments_ledgerentry AS e JOIN payments_ledgeraccount AS a ON a.id = e.account_id
        WHERE e.transaction_id = checked
        GROUP BY a.currency HAVING sum(e.amount) <> 0
    ) THEN
        RAISE EXCEPTION 'ledger transaction % is not balanced', checked USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER payments_ledger_entry_balanced AFTER INSERT ON payments_ledgerentry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_ledger_balanced('transaction_id');
CREATE CONSTRAINT TRIGGER payments_ledger_transaction_balanced AFTER INSERT ON payments_ledgertransaction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_ledger_balanced('id');
"""
DROP_BALANCED = """
DROP TRIGGER payments_ledger_entry_balanced ON payments_ledgerentry;
DROP TRIGGER payments_ledger_transaction_balanced ON payments_ledgertransaction;
DROP FUNCTION payments_ledger_balanced();
"""

# An entry, and an account's meaning, never change: corrections are new entries.
INSERT_ONLY = """
CREATE FUNCTION payments_ledger_insert_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is insert-only' USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER payments_ledger_entry_insert_only BEFORE UPDATE OR DELETE ON payments_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION payments_ledger_insert_only();
CREATE TRIGGER payments_ledger_transaction_insert_only BEFORE UPDATE OR DELETE ON payments_ledgertransaction
    FOR EACH ROW EXECUTE FUNCTION payments_ledger_insert_only();
CREATE TRIGGER payments_ledger_account_insert_only BEFORE UPDATE OR DELETE ON payments_ledgeraccount
    FOR EACH ROW EXECUTE FUNCTION payments_ledger_insert_only();
"""
DROP_INSERT_ONLY = """
DROP TRIGGER payments_ledger_entry_insert_only ON payments_ledgerentry;
DROP TRIGGER payments_ledger_transaction_insert_only ON payments_ledgertransaction;
DROP TRIGGER payments_ledger_account_insert_only ON payments_ledgeraccount;
DROP FUNCTION payments_ledger_insert_only();
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0002_money_and_ledger")]

    operations = [
        migrations.RunSQL(BALANCED, DROP_BALANCED),
        migrations.RunSQL(INSERT_ONLY, DROP_INSERT_ONLY),
    ]
