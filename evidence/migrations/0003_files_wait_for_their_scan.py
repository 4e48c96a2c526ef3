import django.db.models.deletion
import django.utils.timezone
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("evidence", "0002_a_file_carries_what_was_seen_in_it")]

    operations = [
        migrations.CreateModel(
            name="WaitingScan",
            fields=[
                (
                    "evidence_file",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="waiting_scan",
                        serialize=False,
                        to="evidence.evidencefile",
                    ),
                ),
                ("is_again", models.BooleanField(default=False)),
                ("since", models.DateTimeField(default=django.utils.timezone.now)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["is_again", "since", "evidence_file"], name="evidence_scan_queue")
                ],
            },
        ),
        migrations.CreateModel(
            name="Infection",
            fields=[
                (
                    "evidence_file",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="evidence.evidencefile",
                    ),
                ),
            ],
        ),
        migrations.AlterField(
            model_name="custodyevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("received", "Received"),
                    ("viewed", "Viewed"),
                    ("downloaded", "Downloaded"),
                    ("removed", "Removed"),
                    ("scanned", "Scanned for malware"),
                    ("quarantined", "Quarantined"),
                ],
                max_length=16,
            ),
        ),
        migrations.RemoveConstraint(model_name="custodyevent", name="evidence_custody_kind_known"),
        # What is there satisfied a narrower one: to read all of it again would lock the table for nothing.
        AddConstraintNotValid(
            model_name="custodyevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ["received", "viewed", "downloaded", "removed", "scanned", "quarantined"])
                ),
                name="evidence_custody_kind_known",
            ),
        ),
    ]
