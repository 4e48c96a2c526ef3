import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# What stands in a frozen version stays in the claim. A file added since, to an amendment or answer that was
# sent, may still be described or taken out. Where the evidence section was erased, nothing can be told.
EVIDENCE_STANDS = """
CREATE OR REPLACE FUNCTION claims_attachment_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM claims_claimversion AS version
        JOIN evidence_evidencefile AS file ON file.id = OLD.evidence_file_id
        WHERE version.claim_id = OLD.claim_id
            AND (version.evidence IS NULL OR position(file.public_id::text IN version.evidence) > 0)
    ) THEN
        RAISE EXCEPTION 'submitted evidence stands' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
"""

QUESTION_STANDS = """
CREATE FUNCTION claims_request_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
        OR (OLD.public_id, OLD.claim_id, OLD.text, OLD.salt, OLD.digest, OLD.asked_by_id, OLD.asked_at)
            IS DISTINCT FROM
            (NEW.public_id, NEW.claim_id, NEW.text, NEW.salt, NEW.digest, NEW.asked_by_id, NEW.asked_at)
        OR coalesce(OLD.answered_at, OLD.closed_at) IS NOT NULL
    THEN
        RAISE EXCEPTION 'an information request stands' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER claims_request_stands BEFORE UPDATE OR DELETE ON claims_informationrequest
    FOR EACH ROW EXECUTE FUNCTION claims_request_stands();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("claims", "0001_claims_as_filed"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="InformationRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("text", models.TextField(null=True)),
                ("salt", models.BinaryField(null=True)),
                ("digest", models.CharField(max_length=64)),
                ("asked_at", models.DateTimeField()),
                ("due_on", models.DateField()),
                ("reply", models.TextField(blank=True)),
                ("answered_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "information request",
                "verbose_name_plural": "information requests",
                "ordering": ["id"],
            },
        ),
        migrations.AddField(
            model_name="claim",
            name="bound_by",
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="claim",
            name="reviewed_before",
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.AlterField(
            model_name="access",
            name="claim",
            field=models.UUIDField(null=True),
        ),
        migrations.AlterField(
            model_name="claimversion",
            name="signature",
            field=models.CharField(
                choices=[
                    ("typed_declaration", "Typed declaration"),
                    ("qualified_e_signature", "Qualified e-signature"),
                    ("signed_in", "Sent by the claimant, signed in"),
                    ("signed_paper", "Signed paper"),
                ],
                max_length=24,
            ),
        ),
        migrations.AddIndex(
            model_name="claim",
            index=models.Index(fields=["state", "submitted_at", "id"], name="claim_by_state_and_age"),
        ),
        migrations.AddIndex(
            model_name="claim",
            index=models.Index(
                fields=["category", "state", "submitted_at", "id"], name="claim_by_category_and_age"
            ),
        ),
        migrations.AddIndex(
            model_name="claim",
            index=models.Index(
                fields=["region", "state", "submitted_at", "id"], name="claim_by_region_and_age"
            ),
        ),
        migrations.AddIndex(
            model_name="claim",
            index=models.Index(
                fields=["category", "region", "state", "submitted_at", "id"], name="claim_by_both_and_age"
            ),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("bound_by", None), ("state__in", ["eligible", "ineligible"]), _connector="OR"
                ),
                name="claim_bound_only_while_awaiting_the_board",
            ),
        ),
        migrations.AddField(
            model_name="informationrequest",
            name="answered_in",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="claims.claimversion",
            ),
        ),
        migrations.AddField(
            model_name="informationrequest",
            name="asked_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="informationrequest",
            name="claim",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="requests", to="claims.claim"
            ),
        ),
        migrations.AddField(
            model_name="attachment",
            name="request",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="files",
                to="claims.informationrequest",
            ),
        ),
        migrations.AddConstraint(
            model_name="informationrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("answered_at", None), ("closed_at", None)),
                fields=("claim",),
                name="information_request_one_open_per_claim",
            ),
        ),
        migrations.AddConstraint(
            model_name="informationrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("salt", None), ("text", None)),
                    models.Q(("salt__isnull", False), ("text__isnull", False)),
                    _connector="OR",
                ),
                name="information_request_erased_with_salt",
            ),
        ),
        migrations.AddConstraint(
            model_name="informationrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("answered_at", None), ("answered_in", None)),
                    models.Q(
                        ("answered_at__isnull", False),
                        ("answered_in__isnull", False),
                        ("closed_at", None),
                        ("reply", ""),
                    ),
                    _connector="OR",
                ),
                name="information_request_answered_in_a_version",
            ),
        ),
        migrations.RunSQL(EVIDENCE_STANDS),
        migrations.RunSQL(QUESTION_STANDS),
    ]
