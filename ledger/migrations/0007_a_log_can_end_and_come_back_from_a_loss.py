import django.db.models.deletion
from django.db import migrations, models

# Closing the log puts this before ledger_entry as a trigger (ledger.closing): until then it costs nothing.
REFUSE = """
CREATE FUNCTION ledger_refuse_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is closed' USING ERRCODE = 'LC001';
END;
$$;
"""
ACCEPT = "DROP FUNCTION ledger_refuse_entry() CASCADE"


class Migration(migrations.Migration):
    dependencies = [("ledger", "0006_no_session_writes_entries_past_the_seal")]

    operations = [
        migrations.RunSQL(REFUSE, ACCEPT),
        # Null where a loss took the entry and its published hash alone is left (ledger.recovery).
        migrations.AlterField(
            "leaf",
            "entry",
            models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="leaf",
                to="ledger.entry",
            ),
        ),
    ]
