import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

# A key may be wrapped anew (by the owner) and a sender's name erased; the rest stands as it was received.
WRITTEN_ONCE = """
CREATE TRIGGER evidence_blob_written_once BEFORE UPDATE ON evidence_blob FOR EACH ROW WHEN (
    (OLD.id, OLD.sha256, OLD.size_bytes, OLD.media_type, OLD.stored_name, OLD.stored_at)
    IS DISTINCT FROM
    (NEW.id, NEW.sha256, NEW.size_bytes, NEW.media_type, NEW.stored_name, NEW.stored_at)
) EXECUTE FUNCTION ledger_refuse_change();

CREATE TRIGGER evidence_evidencefile_written_once BEFORE UPDATE ON evidence_evidencefile FOR EACH ROW WHEN (
    (OLD.id, OLD.public_id, OLD.blob_id, OLD.received_at, OLD.received_by_kind, OLD.received_by_id)
    IS DISTINCT FROM
    (NEW.id, NEW.public_id, NEW.blob_id, NEW.received_at, NEW.received_by_kind, NEW.received_by_id)
) EXECUTE FUNCTION ledger_refuse_change();

CREATE TRIGGER evidence_custodyevent_append_only BEFORE UPDATE OR DELETE ON evidence_custodyevent
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER evidence_custodyevent_no_truncate BEFORE TRUNCATE ON evidence_custodyevent
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [("ledger", "0001_entries_are_appended_and_sealed")]  # for ledger_refuse_change()

    operations = [
        migrations.CreateModel(
            name="Blob",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sha256", models.CharField(max_length=64)),
                ("size_bytes", models.BigIntegerField()),
                ("media_type", models.CharField(max_length=127)),
                ("stored_name", models.CharField(max_length=128)),
                ("wrapped_key", models.BinaryField()),
                ("stored_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("sha256",), name="evidence_blob_sha256_unique"),
                    models.UniqueConstraint(fields=("stored_name",), name="evidence_blob_stored_name_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")),
                        name="evidence_blob_sha256_is_hex",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("size_bytes__gt", 0)), name="evidence_blob_not_empty"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CustodyEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("evidence_public_id", models.UUIDField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("received", "Received"),
                            ("viewed", "Viewed"),
                            ("downloaded", "Downloaded"),
                            ("removed", "Removed"),
                        ],
                        max_length=16,
                    ),
                ),
                ("actor_kind", models.CharField(max_length=16)),
                ("actor_id", models.CharField(blank=True, max_length=64)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("sha256", models.CharField(max_length=64)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["evidence_public_id", "id"], name="evidence_custody_of_a_file")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["received", "viewed", "downloaded", "removed"])),
                        name="evidence_custody_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")),
                        name="evidence_custody_sha256_is_hex",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("actor_kind", ""), _negated=True),
                        name="evidence_custody_names_its_actor",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EvidenceFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("name", models.CharField(max_length=255)),
                ("received_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("received_by_kind", models.CharField(max_length=16)),
                ("received_by_id", models.CharField(blank=True, max_length=64)),
                (
                    "scan_state",
                    models.CharField(
                        choices=[
                            ("not_scanned", "Not scanned"),
                            ("clean", "No malware found"),
                            ("infected", "Malware found"),
                            ("failed", "Could not be scanned"),
                        ],
                        default="not_scanned",
                        max_length=16,
                    ),
                ),
                ("scanned_at", models.DateTimeField(blank=True, null=True)),
                (
                    "blob",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="evidence_files",
                        to="evidence.blob",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("public_id",), name="evidence_file_public_id_unique"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("scan_state__in", ["not_scanned", "clean", "infected", "failed"])
                        ),
                        name="evidence_file_scan_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("scan_state", "not_scanned"), ("scanned_at", None)),
                            models.Q(
                                models.Q(("scan_state", "not_scanned"), _negated=True),
                                ("scanned_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="evidence_file_scanned_iff_scan_time",
                    ),
                ],
            },
        ),
        migrations.RunSQL(WRITTEN_ONCE, migrations.RunSQL.noop),  # dropped with their tables
    ]
