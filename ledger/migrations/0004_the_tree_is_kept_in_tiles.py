import django.utils.timezone
from django.db import migrations, models
from django.db.models.lookups import Exact

# A tile of the tree is 256 hashes side by side: of leaves on level 0, of whole tiles of the level below on
# the others. Its root is the RFC 6962 hash of them all, and so one hash of the tile above.
#
# ledger_grow makes up to `most` tiles on level 0 and all those above them, and returns how many it made. It
# takes the lock of ledger_seal, so that two take turns. It reads by index alone: statistics from before a
# rush must not lead the planner to read all leaves for each tile.
GROW = r"""
CREATE FUNCTION ledger_root_of_tile(hashes bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    joined bytea := hashes;
BEGIN
    IF octet_length(joined) <> 8192 THEN
        RAISE EXCEPTION 'a tile has 256 hashes of 32 bytes' USING ERRCODE = 'check_violation';
    END IF;
    WHILE octet_length(joined) > 32 LOOP
        SELECT string_agg(sha256('\x01'::bytea || substr(joined, 64 * pair + 1, 64)), ''::bytea ORDER BY pair)
        INTO joined
        FROM generate_series(0, octet_length(joined) / 64 - 1) AS pair;
    END LOOP;
    RETURN joined;
END;
$$;

CREATE FUNCTION ledger_grow(most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    made bigint := 0;
    this_level smallint := 0;
    hashes_below bigint;
    first_tile bigint;
    last_tile bigint;
    tile bigint;
    joined bytea;
BEGIN
    PERFORM pg_advisory_xact_lock(119182731994482);  -- the bytes of "ledger"
    SELECT coalesce(max(index) + 1, 0) INTO hashes_below FROM ledger_leaf;
    LOOP
        SELECT coalesce(max(n) + 1, 0) INTO first_tile FROM ledger_tile WHERE level = this_level;
        last_tile := hashes_below / 256 - 1;
        IF this_level = 0 THEN
            last_tile := least(last_tile, first_tile + most - 1);
        END IF;
        FOR tile IN first_tile .. last_tile LOOP
            IF this_level = 0 THEN
                SELECT string_agg(hash, ''::bytea ORDER BY index) INTO joined
                FROM ledger_leaf WHERE index >= 256 * tile AND index < 256 * tile + 256;
            ELSE
                SELECT string_agg(root, ''::bytea ORDER BY n) INTO joined
                FROM ledger_tile
                WHERE level = this_level - 1 AND n >= 256 * tile AND n < 256 * tile + 256;
            END IF;
            INSERT INTO ledger_tile (level, n, root, hashes)
            VALUES (this_level, tile, ledger_root_of_tile(joined), joined);
            made := made + 1;
        END LOOP;
        hashes_below := last_tile + 1;
        EXIT WHEN hashes_below < 256;
        this_level := this_level + 1;
    END LOOP;
    RETURN made;
END;
$$;
REVOKE ALL ON FUNCTION ledger_grow(integer) FROM PUBLIC;

-- Hashes do not compress: trying to would only take time.
ALTER TABLE ledger_tile ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE TRIGGER ledger_tile_append_only BEFORE UPDATE OR DELETE ON ledger_tile
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_tile_no_truncate BEFORE TRUNCATE ON ledger_tile
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
"""
UNGROW = """
DROP FUNCTION ledger_grow(integer);
DROP FUNCTION ledger_root_of_tile(bytea);
"""

# Whoever signs has kept all this already, by what it remembers outside the database. Here it is kept again,
# from whoever may only insert. The lock is for the transaction: of two at once, the second sees the first.
CHECKPOINTS = """
CREATE FUNCTION ledger_refuse_fork() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(119182731994483);
    IF EXISTS (SELECT FROM ledger_checkpoint WHERE size = NEW.size AND root <> NEW.root) THEN
        RAISE EXCEPTION 'another root was published at size %', NEW.size USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT FROM ledger_checkpoint WHERE size > NEW.size) THEN
        RAISE EXCEPTION 'a larger size than % was published', NEW.size USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM ledger_leaf WHERE index = NEW.size - 1) THEN
        RAISE EXCEPTION 'the log has no % entries', NEW.size USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END;
$$;
REVOKE ALL ON FUNCTION ledger_refuse_fork() FROM PUBLIC;

CREATE TRIGGER ledger_checkpoint_refuse_fork BEFORE INSERT ON ledger_checkpoint
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_fork();
CREATE TRIGGER ledger_checkpoint_append_only BEFORE UPDATE OR DELETE ON ledger_checkpoint
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_checkpoint_no_truncate BEFORE TRUNCATE ON ledger_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
"""
UNCHECKPOINTS = """
DROP TRIGGER ledger_checkpoint_refuse_fork ON ledger_checkpoint;
DROP FUNCTION ledger_refuse_fork();
"""


def bytes_in(column):
    return models.Func(column, function="octet_length", output_field=models.IntegerField())


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_a_rush_is_sealed_as_fast_as_a_trickle")]

    operations = [
        migrations.AlterModelOptions(
            name="entry",
            options={"verbose_name": "ledger entry", "verbose_name_plural": "ledger entries"},
        ),
        migrations.CreateModel(
            name="Tile",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "level", "n", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("level", models.SmallIntegerField()),
                ("n", models.BigIntegerField()),
                ("root", models.BinaryField()),
                ("hashes", models.BinaryField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        name="ledger_tile_is_full",
                        condition=Exact(bytes_in("hashes"), 8192) & Exact(bytes_in("root"), 32),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("size", models.BigIntegerField()),
                ("root", models.BinaryField()),
                ("note", models.TextField()),
                ("signed_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        name="ledger_checkpoint_root_has_32_bytes", condition=Exact(bytes_in("root"), 32)
                    ),
                ],
                "indexes": [models.Index(name="ledger_checkpoint_by_size", fields=["size", "id"])],
            },
        ),
        migrations.RunSQL(GROW, UNGROW),
        migrations.RunSQL(CHECKPOINTS, UNCHECKPOINTS),
    ]
