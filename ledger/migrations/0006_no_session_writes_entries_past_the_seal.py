from django.db import migrations

# A session in which triggers rest (session_replication_role = replica) would have written entries that nobody
# seals.
ALWAYS = "ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER ledger_entry_await_seal"
ORIGIN = "ALTER TABLE ledger_entry ENABLE TRIGGER ledger_entry_await_seal"


class Migration(migrations.Migration):
    dependencies = [("ledger", "0005_a_checkpoint_is_stamped_with_outside_time")]

    operations = [
        migrations.RunSQL(ALWAYS, ORIGIN),
    ]
