import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

# What was submitted may be erased by law, and by one door alone: claims_erase. It erases what an entry of the
# ledger names that was appended in the same transaction, by another person than the one whose proposal
# stands in the ledger too. So nothing can be erased unseen, nor by one person.

# The newest erasure of a claim in the ledger, if it was entered in this very transaction; else NULL. To other
# transactions a row that we have not committed is invisible, so one that is visible and whose transaction is
# not over is ours; with savepoints, its number is that of one inside ours, which comes after it.
UNDER_WAY = """
CREATE FUNCTION claims_erasure_under_way(of_claim bigint) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    own bigint := pg_current_xact_id()::text::bigint;
    ahead bigint;
    entered jsonb;
    proposed boolean;
BEGIN
    SELECT entry.body::jsonb, (entry.xmin::text::bigint - own) & 4294967295 INTO entered, ahead
    FROM claims_claim AS claim JOIN ledger_entry AS entry ON entry.claim = claim.public_id
    WHERE claim.id = of_claim AND entry.kind = 'claim.erased'
    ORDER BY entry.id DESC LIMIT 1;
    IF NOT FOUND OR ahead >= 2147483648 OR pg_xact_status((own + ahead)::text::xid8) <> 'in progress' THEN
        RETURN NULL;
    END IF;
    SELECT EXISTS (
        SELECT FROM ledger_entry AS entry
        WHERE entry.claim = (entered ->> 'claim')::uuid AND entry.kind = 'claim.erasure_proposed'
            AND entry.body::jsonb -> 'facts' ->> 'erasure' = entered -> 'facts' ->> 'erasure'
            AND entry.body::jsonb -> 'actor' ->> 'id' = entered -> 'facts' ->> 'proposed_by'
    ) INTO proposed;
    IF NOT proposed OR entered -> 'actor' ->> 'id' = entered -> 'facts' ->> 'proposed_by' THEN
        RETURN NULL;
    END IF;
    RETURN entered -> 'facts';
END $$;
"""

# The same bytes under the same salt may stand in several versions: an answer to a question leaves ten
# sections as they were. They go from all of them, or they would not be gone. Answers how many sections went.
ERASE = """
CREATE FUNCTION claims_erase(of_claim bigint) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    facts jsonb := claims_erasure_under_way(of_claim);
    name text;
    digests text[];
    rows integer;
    gone integer := 0;
BEGIN
    IF facts IS NULL THEN
        RAISE EXCEPTION 'no erasure of this claim by a second person is entered in this transaction'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOR name IN SELECT jsonb_array_elements_text(facts -> 'sections') LOOP
        SELECT array_agg(manifest::json -> 'sections' ->> name) INTO digests
        FROM claims_claimversion WHERE claim_id = of_claim AND facts -> 'versions' ? digest;
        EXECUTE format(
            'UPDATE claims_claimversion SET %1$I = NULL, %2$I = NULL WHERE claim_id = $1'
            ' AND %1$I IS NOT NULL AND manifest::json -> ''sections'' ->> %1$L = ANY ($2)',
            name, name || '_salt') USING of_claim, digests;
        GET DIAGNOSTICS rows = ROW_COUNT;
        gone := gone + rows;
    END LOOP;
    IF gone = 0 THEN
        RAISE EXCEPTION 'nothing of this claim is left to erase' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN gone;
END $$;
REVOKE ALL ON FUNCTION claims_erase(bigint) FROM PUBLIC;
"""

# As before, nobody changes or removes a version, the owner neither; but a section that is being erased
# becomes NULL, with its salt. None is NULL from the beginning, unless the version carries on an erased one.
VERSION_STANDS = """
CREATE FUNCTION claims_version_stands() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    facts jsonb;
    changed text;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        facts := claims_erasure_under_way(OLD.claim_id);
        FOR changed IN
            SELECT key FROM jsonb_each(to_jsonb(OLD)) AS was JOIN jsonb_each(to_jsonb(NEW)) AS now USING (key)
            WHERE was.value <> now.value
        LOOP
            IF to_jsonb(NEW) -> changed <> 'null'
                OR (facts -> 'sections' ? regexp_replace(changed, '_salt$', '')) IS NOT TRUE
            THEN
                facts := NULL;
            END IF;
        END LOOP;
    END IF;
    IF facts IS NULL THEN
        RAISE EXCEPTION 'claims_claimversion is append-only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER claims_claimversion_append_only ON claims_claimversion;
CREATE TRIGGER claims_claimversion_append_only BEFORE UPDATE OR DELETE ON claims_claimversion
    FOR EACH ROW EXECUTE FUNCTION claims_version_stands();

CREATE FUNCTION claims_version_whole() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT json_object_keys(NEW.manifest::json -> 'sections') LOOP
        IF to_jsonb(NEW) ->> name IS NULL AND NOT EXISTS (
            SELECT FROM claims_claimversion AS version
            WHERE version.claim_id = NEW.claim_id AND version.id <> NEW.id
                AND to_jsonb(version) ->> name IS NULL
                AND version.manifest::json -> 'sections' ->> name = NEW.manifest::json -> 'sections' ->> name
        ) THEN
            RAISE EXCEPTION 'a section is missing that was not erased' USING ERRCODE = 'check_violation';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER claims_claimversion_whole AFTER INSERT ON claims_claimversion
    FOR EACH ROW WHEN (num_nulls({sections}) > 0) EXECUTE FUNCTION claims_version_whole();
"""

# What stands in a version stays in the claim. Where the list was erased, so are the files that it named.
EVIDENCE_STANDS = """
CREATE OR REPLACE FUNCTION claims_attachment_stands() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM claims_claimversion AS version
        JOIN evidence_evidencefile AS file ON file.id = OLD.evidence_file_id
        WHERE version.claim_id = OLD.claim_id AND position(file.public_id::text IN version.evidence) > 0
    ) THEN
        RAISE EXCEPTION 'submitted evidence stands' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
"""

# What was typed into a request that was closed may be taken out; nothing else of it changes.
QUESTION_STANDS = """
CREATE OR REPLACE FUNCTION claims_request_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
        OR (OLD.public_id, OLD.claim_id, OLD.text, OLD.salt, OLD.digest, OLD.asked_by_id, OLD.asked_at)
            IS DISTINCT FROM
            (NEW.public_id, NEW.claim_id, NEW.text, NEW.salt, NEW.digest, NEW.asked_by_id, NEW.asked_at)
        OR coalesce(OLD.answered_at, OLD.closed_at) IS NOT NULL AND (
            NEW.reply <> ''
            OR (OLD.due_on, OLD.answered_at, OLD.answered_in_id, OLD.closed_at)
                IS DISTINCT FROM (NEW.due_on, NEW.answered_at, NEW.answered_in_id, NEW.closed_at)
        )
    THEN
        RAISE EXCEPTION 'an information request stands' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
"""

ERASURE_STANDS = """
CREATE TRIGGER claims_erasure_stands BEFORE UPDATE ON claims_erasure
    FOR EACH ROW WHEN (OLD.state <> 'proposed') EXECUTE FUNCTION ledger_refuse_change();
"""

SECTIONS = [
    "core",
    "claimant",
    "contact",
    "identifiers",
    "representative",
    "persons",
    "place",
    "loss",
    "account",
    "sensitive",
    "answers",
    "evidence",
]


class Migration(migrations.Migration):
    dependencies = [
        ("claims", "0008_versions_are_kept_uncompressed_in_one_page"),
        ("ledger", "0003_a_rush_is_sealed_as_fast_as_a_trickle"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField("claimant", "erased_at", models.DateTimeField(null=True)),
        migrations.RemoveConstraint("claimant", "claimant_individual_has_a_personal_name"),
        migrations.AddConstraint(
            "claimant",
            models.CheckConstraint(
                name="claimant_individual_has_a_personal_name",
                condition=~Q(kind="individual")
                | (
                    Q(legal_name="", registration_number="")
                    & (~Q(family_name="") | ~Q(given_name="") | Q(erased_at__isnull=False))
                ),
            ),
        ),
        migrations.RemoveConstraint("claimant", "claimant_organisation_has_a_legal_name"),
        migrations.AddConstraint(
            "claimant",
            models.CheckConstraint(
                name="claimant_organisation_has_a_legal_name",
                condition=Q(kind="individual")
                | (
                    (~Q(legal_name="") | Q(erased_at__isnull=False))
                    & Q(family_name="", given_name="", patronymic="", born="")
                ),
            ),
        ),
        migrations.CreateModel(
            name="Erasure",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("seen_version", models.PositiveIntegerField()),
                (
                    "sections",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=16), size=None
                    ),
                ),
                (
                    "ground",
                    models.CharField(
                        choices=[
                            ("not_needed", "It is no longer needed for what it was given for"),
                            ("consent_withdrawn", "The person took back the consent on which it rested"),
                            ("objection", "The person objected, and nothing outweighs that"),
                            ("unlawful", "It should never have been kept"),
                            ("legal_duty", "A law or a court orders it"),
                        ],
                        max_length=20,
                    ),
                ),
                ("reason", models.TextField()),
                ("salt", models.BinaryField()),
                ("digest", models.CharField(max_length=64)),
                ("proposed_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "To be carried out by another person"),
                            ("carried_out", "Carried out"),
                            ("dropped", "Not carried out"),
                        ],
                        default="proposed",
                        max_length=12,
                    ),
                ),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "claim",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="erasures",
                        to="claims.claim",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="claims.claimversion",
                    ),
                ),
                (
                    "proposed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "closed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "erasure",
                "verbose_name_plural": "erasures",
                "indexes": [models.Index(fields=["state", "-id"], name="erasure_by_state")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["claim"],
                        name="erasure_one_proposed_per_claim",
                        condition=Q(state="proposed"),
                    ),
                    models.CheckConstraint(
                        name="erasure_of_some_sections",
                        condition=Q(sections__contained_by=SECTIONS) & ~Q(sections=[]),
                    ),
                    models.CheckConstraint(
                        name="erasure_ground_known",
                        condition=Q(
                            ground__in=[
                                "not_needed",
                                "consent_withdrawn",
                                "objection",
                                "unlawful",
                                "legal_duty",
                            ]
                        ),
                    ),
                    models.CheckConstraint(
                        name="erasure_state_known",
                        condition=Q(state__in=["proposed", "carried_out", "dropped"]),
                    ),
                    models.CheckConstraint(
                        name="erasure_closed_by_somebody_at_some_time",
                        condition=Q(state="proposed", closed_by=None, closed_at=None)
                        | ~Q(state="proposed") & Q(closed_by__isnull=False, closed_at__isnull=False),
                    ),
                    models.CheckConstraint(
                        name="erasure_carried_out_by_another",
                        condition=~Q(state="carried_out") | ~Q(closed_by=F("proposed_by")),
                    ),
                ],
            },
        ),
        migrations.RunSQL(UNDER_WAY),
        migrations.RunSQL(ERASE),
        migrations.RunSQL(VERSION_STANDS.format(sections=", ".join(f"NEW.{name}" for name in SECTIONS))),
        migrations.RunSQL(EVIDENCE_STANDS),
        migrations.RunSQL(QUESTION_STANDS),
        migrations.RunSQL(ERASURE_STANDS),
    ]
