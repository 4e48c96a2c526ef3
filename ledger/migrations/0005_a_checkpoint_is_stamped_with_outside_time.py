import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

REFUSE = """
CREATE TRIGGER ledger_timestamp_append_only BEFORE UPDATE OR DELETE ON ledger_timestamp
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_timestamp_no_truncate BEFORE TRUNCATE ON ledger_timestamp
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0004_the_tree_is_kept_in_tiles")]

    operations = [
        migrations.CreateModel(
            name="Timestamp",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("place", models.SmallIntegerField()),
                ("algorithm", models.CharField(max_length=32)),
                ("token", models.BinaryField()),
                ("stamped_at", models.DateTimeField()),
                ("good_until", models.DateTimeField()),
                (
                    "algorithms",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32), size=None
                    ),
                ),
                (
                    "checkpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="timestamps",
                        to="ledger.checkpoint",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("checkpoint", "place"), name="ledger_timestamp_place_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("place__gte", 0)), name="ledger_timestamp_place"
                    ),
                ],
            },
        ),
        migrations.RunSQL(REFUSE, migrations.RunSQL.noop),
    ]
