import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Cast

# The same times as before, for half the work. The cast depends on settings of the session only where a time
# is written in another way than this, so the function is as immutable as it says. Its body is parsed once,
# here: no search path can put another `translate` into it. The cast alone would take a sixtieth second.
INSTANT = """
CREATE OR REPLACE FUNCTION ledger_instant(written text) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN translate(written, '123456789', '000000000') = '0000-00-00T00:00:00.000000Z'
    AND substr(written, 18, 1) < '6' THEN written::timestamptz
END;
"""
FORMER_INSTANT = r"""
CREATE OR REPLACE FUNCTION ledger_instant(written text) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN written ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$' THEN
    make_timestamp(
        substr(written, 1, 4)::integer, substr(written, 6, 2)::integer, substr(written, 9, 2)::integer,
        substr(written, 12, 2)::integer, substr(written, 15, 2)::integer,
        substr(written, 18, 9)::double precision
    ) AT TIME ZONE 'UTC'
END;
"""

# json is searched as it stands, jsonb is built first. `kind` stays with jsonb, which refuses what json lets
# pass: numbers that nobody can read. Rewrites the table under a lock: before the first release, that is
# nothing; on a register with a hundred million entries it would be an outage.
COLUMNS = """
ALTER TABLE ledger_entry
    ALTER COLUMN is_open SET EXPRESSION AS ((body::{type} ->> 'open')::boolean),
    ALTER COLUMN at SET EXPRESSION AS (ledger_instant(body::{type} ->> 'at')),
    ALTER COLUMN claim SET EXPRESSION AS ((body::{type} ->> 'claim')::uuid);
"""


def written(key):
    return models.Func("body", models.Value(key), template="(%(expressions)s)", arg_joiner="::json ->> ")


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_entries_are_appended_and_sealed")]

    operations = [
        migrations.RunSQL(INSTANT, FORMER_INSTANT),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(COLUMNS.format(type="json"), COLUMNS.format(type="jsonb"))
            ],
            state_operations=[
                migrations.AlterField(
                    "entry",
                    "is_open",
                    models.GeneratedField(
                        expression=Cast(written("open"), models.BooleanField()),
                        output_field=models.BooleanField(),
                        db_persist=True,
                    ),
                ),
                migrations.AlterField(
                    "entry",
                    "at",
                    models.GeneratedField(
                        expression=models.Func(written("at"), function="ledger_instant"),
                        output_field=models.DateTimeField(),
                        db_persist=True,
                    ),
                ),
                migrations.AlterField(
                    "entry",
                    "claim",
                    models.GeneratedField(
                        expression=Cast(written("claim"), models.UUIDField()),
                        output_field=models.UUIDField(),
                        db_persist=True,
                        null=True,
                    ),
                ),
            ],
        ),
        # The trigger makes the row from the entry itself, nobody else may write there, and no entry is ever
        # removed: to look each entry up again and lock it cost as much as a quarter of writing it.
        migrations.AlterField(
            "pending",
            "entry",
            models.OneToOneField(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                primary_key=True,
                related_name="pending",
                serialize=False,
                to="ledger.entry",
            ),
        ),
    ]
