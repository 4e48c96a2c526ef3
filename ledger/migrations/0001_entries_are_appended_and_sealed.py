import django.db.models.deletion
from django.db import migrations, models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.db.models.lookups import Exact, LessThanOrEqual

# text::timestamptz depends on settings of the session, so a generated column cannot use it. A time that
# is not written in exactly this way gives NULL, which the column refuses.
INSTANT = r"""
CREATE FUNCTION ledger_instant(written text) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN written ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$' THEN
    make_timestamp(
        substr(written, 1, 4)::integer, substr(written, 6, 2)::integer, substr(written, 9, 2)::integer,
        substr(written, 12, 2)::integer, substr(written, 15, 2)::integer,
        substr(written, 18, 9)::double precision
    ) AT TIME ZONE 'UTC'
END;
"""

# Every append-only table of the project uses this function in its two triggers.
REFUSE_CHANGE = """
CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END;
$$;

CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_entry_no_truncate BEFORE TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

CREATE TRIGGER ledger_leaf_append_only BEFORE UPDATE OR DELETE ON ledger_leaf
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_leaf_no_truncate BEFORE TRUNCATE ON ledger_leaf
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
"""

# Whoever inserts entries, by whatever statement, makes them pending: it can neither be forgotten nor
# made up, since the app role cannot write to ledger_pending.
# pg_temp stands last in every search path here: first, which is the default, a caller's temporary
# table could take the place of ours.
AWAIT_SEAL = """
CREATE FUNCTION ledger_await_seal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO ledger_pending (entry_id, since) SELECT id, clock_timestamp() FROM appended;
    RETURN NULL;
END;
$$;
REVOKE ALL ON FUNCTION ledger_await_seal() FROM PUBLIC;

CREATE TRIGGER ledger_entry_await_seal AFTER INSERT ON ledger_entry
    REFERENCING NEW TABLE AS appended FOR EACH STATEMENT EXECUTE FUNCTION ledger_await_seal();
"""

# Gives up to `batch` committed entries the next indexes and returns how many it sealed. The lock is held
# until commit, so leaves become visible in the order of their indexes, and two sealers take turns.
# Entries are fetched one by one through their key: statistics from before or after a rush must not lead
# the planner to read the whole ledger for a handful of them.
SEAL = r"""
CREATE FUNCTION ledger_seal(batch integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    next_index bigint;
    sealed bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(119182731994482);  -- the bytes of "ledger"
    SELECT coalesce(max(index) + 1, 0) INTO next_index FROM ledger_leaf;
    WITH taken AS (
        DELETE FROM ledger_pending WHERE entry_id IN (
            SELECT entry_id FROM ledger_pending ORDER BY entry_id LIMIT batch
        )
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
REVOKE ALL ON FUNCTION ledger_seal(integer) FROM PUBLIC;
"""


def written(key):
    return KeyTextTransform(key, Cast("body", models.JSONField()))


def bytes_in(column):
    return models.Func(column, function="octet_length", output_field=models.IntegerField())


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.RunSQL(INSTANT),
        migrations.CreateModel(
            name="Entry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("salt", models.BinaryField()),
                ("body", models.TextField()),
                (
                    "kind",
                    models.GeneratedField(
                        expression=written("kind"), output_field=models.TextField(), db_persist=True
                    ),
                ),
                (
                    "is_open",
                    models.GeneratedField(
                        expression=Cast(written("open"), models.BooleanField()),
                        output_field=models.BooleanField(),
                        db_persist=True,
                    ),
                ),
                (
                    "at",
                    models.GeneratedField(
                        expression=models.Func(written("at"), function="ledger_instant"),
                        output_field=models.DateTimeField(),
                        db_persist=True,
                    ),
                ),
                (
                    "claim",
                    models.GeneratedField(
                        expression=Cast(written("claim"), models.UUIDField()),
                        output_field=models.UUIDField(),
                        db_persist=True,
                        null=True,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "entries",
                "constraints": [
                    models.CheckConstraint(
                        name="ledger_entry_salt_has_16_bytes", condition=Exact(bytes_in("salt"), 16)
                    ),
                    models.CheckConstraint(
                        name="ledger_entry_body_fits_a_leaf",
                        condition=LessThanOrEqual(bytes_in("body"), 60_000),
                    ),
                    models.CheckConstraint(
                        name="ledger_entry_says_kind_open_and_time",
                        condition=models.Q(kind__isnull=False, is_open__isnull=False, at__isnull=False),
                    ),
                ],
                "indexes": [
                    models.Index(
                        name="ledger_entry_story_of_a_claim",
                        fields=["claim", "id"],
                        condition=models.Q(claim__isnull=False),
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Pending",
            fields=[
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="pending",
                        serialize=False,
                        to="ledger.entry",
                    ),
                ),
                ("since", models.DateTimeField()),
            ],
            options={"verbose_name_plural": "pending"},
        ),
        migrations.CreateModel(
            name="Leaf",
            fields=[
                ("index", models.BigIntegerField(primary_key=True, serialize=False)),
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="leaf", to="ledger.entry"
                    ),
                ),
                ("hash", models.BinaryField()),
            ],
            options={
                "verbose_name_plural": "leaves",
                "constraints": [
                    models.CheckConstraint(
                        name="ledger_leaf_hash_has_32_bytes", condition=Exact(bytes_in("hash"), 32)
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Follower",
            fields=[
                ("name", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("next_index", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.RunSQL(REFUSE_CHANGE),
        migrations.RunSQL(AWAIT_SEAL),
        migrations.RunSQL(SEAL),
    ]
