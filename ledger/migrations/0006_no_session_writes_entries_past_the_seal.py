import django.db.models.deletion
from django.db import migrations, models

# A session in which triggers rest (session_replication_role = replica) would have written entries that nobody
# seals.
ALWAYS = "ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER ledger_entry_await_seal"
ORIGIN = "ALTER TABLE ledger_entry ENABLE TRIGGER ledger_entry_await_seal"


class Migration(migrations.Migration):
    dependencies = [("ledger", "0005_a_checkpoint_is_stamped_with_outside_time")]

    operations = [
        migrations.RunSQL(ALWAYS, ORIGIN),
        # ledger_seal makes each leaf from the entry itself, nobody else may write there, and no entry is ever
        # removed: looking it up once more was a sixth of sealing.
        migrations.AlterField(
            "leaf",
            "entry",
            models.OneToOneField(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="leaf",
                to="ledger.entry",
            ),
        ),
    ]
