import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

APPEND_ONLY = ["review_checklist", "review_return"]

REFUSE = """
CREATE TRIGGER {0}_append_only BEFORE UPDATE OR DELETE ON {0}
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER {0}_no_truncate BEFORE TRUNCATE ON {0}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
"""

# What is pinned is a version of the same claim.
PINNED = """
CREATE FUNCTION review_version_is_of_the_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM claims_claimversion WHERE id = NEW.version_id AND claim_id = NEW.claim_id) THEN
        RAISE EXCEPTION 'the version is of another claim' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER review_checklist_pinned BEFORE INSERT ON review_checklist
    FOR EACH ROW EXECUTE FUNCTION review_version_is_of_the_claim();
CREATE TRIGGER review_proposal_pinned BEFORE INSERT ON review_proposal
    FOR EACH ROW EXECUTE FUNCTION review_version_is_of_the_claim();
CREATE TRIGGER review_member_pinned BEFORE INSERT ON review_member
    FOR EACH ROW EXECUTE FUNCTION review_version_is_of_the_claim();
"""

# What was proposed stands as written; once confirmed, sent back or void, so does that.
PROPOSAL_STANDS = """
CREATE FUNCTION review_proposal_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state <> 'open'
        OR (OLD.public_id, OLD.claim_id, OLD.version_id, OLD.checklist_id, OLD.recommendation, OLD.reason,
            OLD.note, OLD.told, OLD.salt, OLD.digest, OLD.with_prejudice, OLD.proposed_by_id, OLD.proposed_at)
            IS DISTINCT FROM
            (NEW.public_id, NEW.claim_id, NEW.version_id, NEW.checklist_id, NEW.recommendation, NEW.reason,
            NEW.note, NEW.told, NEW.salt, NEW.digest, NEW.with_prejudice, NEW.proposed_by_id, NEW.proposed_at)
    THEN
        RAISE EXCEPTION 'a proposal stands' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER review_proposal_stands BEFORE UPDATE OR DELETE ON review_proposal
    FOR EACH ROW EXECUTE FUNCTION review_proposal_stands();
"""

# A batch goes from open to submitted to decided and never back; what was submitted and decided stands.
BATCH_STANDS = """
CREATE FUNCTION review_batch_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
        OR (OLD.public_id, OLD.made_by_id, OLD.made_at)
            IS DISTINCT FROM (NEW.public_id, NEW.made_by_id, NEW.made_at)
        OR OLD.state = 'open' AND NEW.state = 'decided'
        OR OLD.state = 'submitted'
            AND (NEW.state = 'open' OR (OLD.title, OLD.submitted_by_id, OLD.submitted_at, OLD.members_digest)
                IS DISTINCT FROM (NEW.title, NEW.submitted_by_id, NEW.submitted_at, NEW.members_digest))
        OR OLD.state = 'decided'
    THEN
        RAISE EXCEPTION 'a submitted batch stands' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER review_batch_stands BEFORE UPDATE OR DELETE ON review_batch
    FOR EACH ROW EXECUTE FUNCTION review_batch_stands();
"""

# Claims join a batch while it is open, leave it until it is decided, and are decided while it is submitted.
# Then only the writing in of the decision is noted, once.
MEMBER_STANDS = """
CREATE FUNCTION review_member_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    standing text;
BEGIN
    SELECT state INTO standing FROM review_batch
        WHERE id = CASE TG_OP WHEN 'INSERT' THEN NEW.batch_id ELSE OLD.batch_id END;
    IF TG_OP = 'DELETE'
        OR TG_OP = 'INSERT' AND (standing <> 'open' OR NEW.outcome <> '' OR NEW.removed_at IS NOT NULL)
    THEN
        RAISE EXCEPTION 'a batch stands as submitted' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'UPDATE' AND (
        (OLD.batch_id, OLD.claim_id, OLD.version_id, OLD.proposal_id, OLD.recommended, OLD.added_by_id,
            OLD.added_at)
            IS DISTINCT FROM
            (NEW.batch_id, NEW.claim_id, NEW.version_id, NEW.proposal_id, NEW.recommended, NEW.added_by_id,
            NEW.added_at)
        OR OLD.removed_at IS NOT NULL
        OR OLD.applied_at IS NOT NULL
        OR NEW.removed_at IS NOT NULL AND standing = 'decided'
        OR NEW.applied_at IS NOT NULL AND standing <> 'decided'
        OR (OLD.outcome, OLD.outcome_reason, OLD.outcome_note)
            IS DISTINCT FROM (NEW.outcome, NEW.outcome_reason, NEW.outcome_note)
            AND (OLD.outcome <> '' OR standing <> 'submitted')
    ) THEN
        RAISE EXCEPTION 'a batch stands as submitted' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER review_member_stands BEFORE INSERT OR UPDATE OR DELETE ON review_member
    FOR EACH ROW EXECUTE FUNCTION review_member_stands();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("claims", "0002_submitted_claims_are_amended_and_decided"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Batch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("title", models.CharField(max_length=200)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Being prepared"),
                            ("submitted", "Before the Board"),
                            ("decided", "Decided"),
                        ],
                        default="open",
                        max_length=12,
                    ),
                ),
                ("made_at", models.DateTimeField()),
                ("submitted_at", models.DateTimeField(null=True)),
                ("members_digest", models.CharField(blank=True, max_length=64)),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_on", models.DateField(null=True)),
                ("legal_basis", models.CharField(blank=True, max_length=300)),
                ("decision_digest", models.CharField(blank=True, max_length=64)),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "submitted_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "batch",
                "verbose_name_plural": "batches",
            },
        ),
        migrations.CreateModel(
            name="Checklist",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("answers", models.TextField(null=True)),
                ("salt", models.BinaryField(null=True)),
                ("digest", models.CharField(max_length=64)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "claim",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="checklists",
                        to="claims.claim",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="claims.claimversion",
                    ),
                ),
            ],
            options={
                "verbose_name": "checklist",
                "verbose_name_plural": "checklists",
            },
        ),
        migrations.CreateModel(
            name="Clearance",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("given_at", models.DateTimeField()),
                (
                    "category",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="claims.category"
                    ),
                ),
                (
                    "given_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="clearances",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "clearance",
                "verbose_name_plural": "clearances",
            },
        ),
        migrations.CreateModel(
            name="Proposal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "recommendation",
                    models.CharField(
                        choices=[
                            ("eligible", "Eligible for recording"),
                            ("ineligible", "Not eligible for recording"),
                        ],
                        max_length=12,
                    ),
                ),
                ("reason", models.CharField(max_length=40)),
                ("note", models.TextField(blank=True, null=True)),
                ("told", models.TextField(blank=True, null=True)),
                ("salt", models.BinaryField(null=True)),
                ("digest", models.CharField(max_length=64)),
                ("with_prejudice", models.BooleanField(default=False)),
                ("proposed_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "To be confirmed"),
                            ("confirmed", "Confirmed"),
                            ("sent_back", "Sent back"),
                            ("void", "Overtaken"),
                        ],
                        default="open",
                        max_length=12,
                    ),
                ),
                ("closed_at", models.DateTimeField(null=True)),
                ("closing_note", models.TextField(blank=True)),
                (
                    "checklist",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="review.checklist"
                    ),
                ),
                (
                    "claim",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposals",
                        to="claims.claim",
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
                (
                    "proposed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposals",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="claims.claimversion",
                    ),
                ),
            ],
            options={
                "verbose_name": "proposal",
                "verbose_name_plural": "proposals",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Member",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "recommended",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("submitted", "Submitted"),
                            ("needs_fixing", "A file must be replaced"),
                            ("under_review", "Under review"),
                            ("information_requested", "More information needed"),
                            ("eligible", "Awaiting the Board’s decision"),
                            ("ineligible", "Awaiting the Board’s decision"),
                            ("recorded", "Recorded in the Register"),
                            ("rejected_without_prejudice", "Not recorded, you can file again"),
                            ("rejected_with_prejudice", "Not recorded, you cannot file again"),
                            ("withdrawn", "Withdrawn at your request"),
                        ],
                        max_length=28,
                    ),
                ),
                ("added_at", models.DateTimeField()),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("draft", "Draft"),
                            ("submitted", "Submitted"),
                            ("needs_fixing", "A file must be replaced"),
                            ("under_review", "Under review"),
                            ("information_requested", "More information needed"),
                            ("eligible", "Awaiting the Board’s decision"),
                            ("ineligible", "Awaiting the Board’s decision"),
                            ("recorded", "Recorded in the Register"),
                            ("rejected_without_prejudice", "Not recorded, you can file again"),
                            ("rejected_with_prejudice", "Not recorded, you cannot file again"),
                            ("withdrawn", "Withdrawn at your request"),
                        ],
                        max_length=28,
                    ),
                ),
                ("outcome_reason", models.CharField(blank=True, max_length=40)),
                ("outcome_note", models.TextField(blank=True)),
                ("removed_at", models.DateTimeField(null=True)),
                (
                    "removed_because",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("amended", "The claimant changed the claim"),
                            ("withdrawn", "The claimant withdrew the claim"),
                            ("returned", "The claim was returned to review"),
                            ("mistake", "It was added by mistake"),
                            ("later", "It goes to the Board later"),
                        ],
                        max_length=12,
                    ),
                ),
                ("applied_at", models.DateTimeField(null=True)),
                (
                    "added_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="members", to="review.batch"
                    ),
                ),
                (
                    "claim",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to="claims.claim",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="claims.claimversion",
                    ),
                ),
                (
                    "proposal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="review.proposal"
                    ),
                ),
            ],
            options={
                "verbose_name": "claim in a batch",
                "verbose_name_plural": "claims in batches",
            },
        ),
        migrations.CreateModel(
            name="Return",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("note", models.TextField(null=True)),
                ("salt", models.BinaryField(null=True)),
                ("digest", models.CharField(max_length=64)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "claim",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="returns", to="claims.claim"
                    ),
                ),
                (
                    "proposal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="review.proposal"
                    ),
                ),
            ],
            options={
                "verbose_name": "return to review",
                "verbose_name_plural": "returns to review",
            },
        ),
        migrations.CreateModel(
            name="Assignment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("taken_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "ended_because",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("released", "Put back"),
                            ("taken_over", "Time was over, and somebody else took it"),
                            ("reviewed", "The review is finished"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "claim",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to="claims.claim",
                    ),
                ),
                (
                    "reviewer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "assignment",
                "verbose_name_plural": "assignments",
                "indexes": [models.Index(fields=["reviewer", "claim"], name="assignment_of_reviewer")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)),
                        fields=("claim",),
                        name="assignment_one_active_per_claim",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("ended_because", "")),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("ended_because__in", ["released", "taken_over", "reviewed"]),
                            ),
                            _connector="OR",
                        ),
                        name="assignment_ended_with_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("taken_at"))),
                        name="assignment_expires_after_taking",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(fields=["state", "-id"], name="batch_by_state"),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["open", "submitted", "decided"])), name="batch_state_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("members_digest", ""),
                        ("state", "open"),
                        ("submitted_at", None),
                        ("submitted_by", None),
                    ),
                    models.Q(
                        models.Q(("state", "open"), _negated=True),
                        ("submitted_at__isnull", False),
                        ("submitted_by__isnull", False),
                        models.Q(("members_digest", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="batch_submitted_by_somebody_with_digest",
            ),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("state", "decided"),
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", False),
                        ("decided_on__isnull", False),
                        models.Q(("legal_basis", ""), _negated=True),
                        models.Q(("decision_digest", ""), _negated=True),
                    ),
                    models.Q(
                        models.Q(("state", "decided"), _negated=True),
                        ("decided_at", None),
                        ("decided_by", None),
                        ("decided_on", None),
                        ("decision_digest", ""),
                        ("legal_basis", ""),
                    ),
                    _connector="OR",
                ),
                name="batch_decided_on_a_day_with_basis_and_digest",
            ),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("decided_by", None),
                    models.Q(("decided_by", models.F("submitted_by")), _negated=True),
                    _connector="OR",
                ),
                name="batch_decided_by_another_than_submitted_it",
            ),
        ),
        migrations.AddConstraint(
            model_name="checklist",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("answers", None), ("salt", None)),
                    models.Q(("answers__isnull", False), ("salt__isnull", False)),
                    _connector="OR",
                ),
                name="checklist_erased_with_salt",
            ),
        ),
        migrations.AddConstraint(
            model_name="clearance",
            constraint=models.UniqueConstraint(fields=("person", "category"), name="clearance_given_once"),
        ),
        migrations.AddConstraint(
            model_name="clearance",
            constraint=models.CheckConstraint(
                condition=models.Q(("given_by", models.F("person")), _negated=True),
                name="clearance_given_by_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "open")), fields=("claim",), name="proposal_one_open_per_claim"
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(("recommendation__in", ["eligible", "ineligible"])),
                name="proposal_recommendation_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["open", "confirmed", "sent_back", "void"])),
                name="proposal_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at", None), ("closed_by", None), ("state", "open")),
                    models.Q(models.Q(("state", "open"), _negated=True), ("closed_at__isnull", False)),
                    _connector="OR",
                ),
                name="proposal_closed_iff_closing_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["confirmed", "sent_back"]), _negated=True),
                    models.Q(
                        ("closed_by__isnull", False),
                        models.Q(("closed_by", models.F("proposed_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="proposal_judged_by_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("with_prejudice", False), ("recommendation", "ineligible"), _connector="OR"
                ),
                name="proposal_with_prejudice_is_against",
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("note", None), ("salt", None), ("told", None)),
                    models.Q(("note__isnull", False), ("salt__isnull", False), ("told__isnull", False)),
                    _connector="OR",
                ),
                name="proposal_words_erased_with_salt",
            ),
        ),
        migrations.AddIndex(
            model_name="member",
            index=models.Index(
                condition=models.Q(
                    ("applied_at", None), ("removed_at", None), models.Q(("outcome", ""), _negated=True)
                ),
                fields=["claim"],
                name="member_to_be_applied",
            ),
        ),
        migrations.AddConstraint(
            model_name="member",
            constraint=models.UniqueConstraint(
                condition=models.Q(("applied_at", None), ("removed_at", None)),
                fields=("claim",),
                name="member_one_undecided_batch_per_claim",
            ),
        ),
        migrations.AddConstraint(
            model_name="member",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("recommended__in", ("recorded", "rejected_without_prejudice", "rejected_with_prejudice"))
                ),
                name="member_recommended_for_the_board",
            ),
        ),
        migrations.AddConstraint(
            model_name="member",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "outcome__in",
                        [
                            "",
                            "recorded",
                            "rejected_without_prejudice",
                            "rejected_with_prejudice",
                            "under_review",
                        ],
                    )
                ),
                name="member_outcome_is_one_of_the_boards",
            ),
        ),
        migrations.AddConstraint(
            model_name="member",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("removed_at", None), ("removed_because", "")),
                    models.Q(
                        ("removed_at__isnull", False),
                        ("removed_because__in", ["amended", "withdrawn", "returned", "mistake", "later"]),
                    ),
                    _connector="OR",
                ),
                name="member_removed_with_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="member",
            constraint=models.CheckConstraint(
                condition=models.Q(("removed_at", None), ("outcome", ""), _connector="OR"),
                name="member_decided_or_removed",
            ),
        ),
        migrations.AddConstraint(
            model_name="member",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("applied_at", None), models.Q(("outcome", ""), _negated=True), _connector="OR"
                ),
                name="member_applied_once_decided",
            ),
        ),
        migrations.AddConstraint(
            model_name="return",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("note", None), ("salt", None)),
                    models.Q(("note__isnull", False), ("salt__isnull", False)),
                    _connector="OR",
                ),
                name="return_note_erased_with_salt",
            ),
        ),
        *(migrations.RunSQL(REFUSE.format(table)) for table in APPEND_ONLY),
        migrations.RunSQL(PINNED),
        migrations.RunSQL(PROPOSAL_STANDS),
        migrations.RunSQL(BATCH_STANDS),
        migrations.RunSQL(MEMBER_STANDS),
    ]
