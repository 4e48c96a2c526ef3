from django.db import migrations

# The batch is an array, so each entry of it is taken out by its key. As a subquery it was compared with all
# that waits, entry by entry, whenever the queue was short as PostgreSQL last looked: 10,000 took seconds.
SEAL = r"""
CREATE OR REPLACE FUNCTION ledger_seal(batch integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    next_index bigint;
    sealed bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(119182731994482);  -- the bytes of "ledger"
    SELECT coalesce(max(index) + 1, 0) INTO next_index FROM ledger_leaf;
    WITH taken AS (
        DELETE FROM ledger_pending WHERE entry_id = ANY (ARRAY(
            SELECT entry_id FROM ledger_pending ORDER BY entry_id LIMIT batch
        ))
        RETURNING entry_id
    )
    INSERT INTO ledger_leaf (index, entry_id, hash)
    SELECT next_index - 1 + row_number() OVER (ORDER BY entry.id), entry.id,
           sha256('\x00'::bytea || entry.salt || convert_to(entry.body, 'UTF8'))
    FROM taken JOIN ledger_entry AS entry ON entry.id = taken.entry_id;
    GET DIAGNOSTICS sealed = ROW_COUNT;
    RETURN sealed;
END;
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_entries_are_written_with_less_work")]

    operations = [migrations.RunSQL(SEAL, migrations.RunSQL.noop)]
