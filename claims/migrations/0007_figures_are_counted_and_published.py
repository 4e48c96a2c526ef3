from django.db import migrations, models
from django.db.models import Q

REFUSE = """
CREATE TRIGGER {0}_append_only BEFORE UPDATE OR DELETE ON {0}
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER {0}_no_truncate BEFORE TRUNCATE ON {0}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
"""


def key():
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


class Migration(migrations.Migration):
    dependencies = [
        ("claims", "0006_the_kind_of_place_is_a_known_one"),
    ]

    operations = [
        migrations.CreateModel(
            name="ClaimCount",
            fields=[
                ("id", key()),
                ("category", models.CharField(max_length=12)),
                ("region", models.CharField(blank=True, max_length=8)),
                ("state", models.CharField(max_length=28)),
                ("claims", models.BigIntegerField()),
            ],
            options={
                "verbose_name": "number of claims",
                "verbose_name_plural": "numbers of claims",
                "constraints": [
                    models.UniqueConstraint(fields=["category", "region", "state"], name="claim_count_once"),
                    models.CheckConstraint(condition=Q(claims__gte=0), name="claim_count_not_negative"),
                ],
            },
        ),
        migrations.CreateModel(
            name="MonthCount",
            fields=[
                ("id", key()),
                ("month", models.DateField()),
                ("category", models.CharField(max_length=12)),
                ("region", models.CharField(blank=True, max_length=8)),
                ("submitted", models.BigIntegerField()),
                ("recorded", models.BigIntegerField()),
            ],
            options={
                "verbose_name": "number of claims in a month",
                "verbose_name_plural": "numbers of claims in a month",
                "constraints": [
                    models.UniqueConstraint(fields=["month", "category", "region"], name="month_count_once"),
                    models.CheckConstraint(
                        condition=Q(submitted__gte=0, recorded__gte=0), name="month_count_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Publication",
            fields=[
                ("id", key()),
                ("week", models.DateField()),
                ("edition", models.PositiveIntegerField(default=1)),
                ("made_at", models.DateTimeField()),
                ("ledger_index", models.BigIntegerField()),
                ("content", models.TextField()),
                ("kept", models.TextField()),
            ],
            options={
                "verbose_name": "publication of figures",
                "verbose_name_plural": "publications of figures",
                "constraints": [models.UniqueConstraint(fields=["week", "edition"], name="publication_once")],
            },
        ),
        migrations.RunSQL(REFUSE.format("claims_publication")),
    ]
