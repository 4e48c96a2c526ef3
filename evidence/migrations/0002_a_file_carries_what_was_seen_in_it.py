from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q

WRITTEN_ONCE = """
DROP TRIGGER evidence_blob_written_once ON evidence_blob;
CREATE TRIGGER evidence_blob_written_once BEFORE UPDATE ON evidence_blob FOR EACH ROW WHEN (
    (OLD.id, OLD.sha256, OLD.size_bytes, OLD.media_type, OLD.marks, OLD.stored_name, OLD.stored_at)
    IS DISTINCT FROM
    (NEW.id, NEW.sha256, NEW.size_bytes, NEW.media_type, NEW.marks, NEW.stored_name, NEW.stored_at)
) EXECUTE FUNCTION ledger_refuse_change();
"""
AS_BEFORE = WRITTEN_ONCE.replace("OLD.marks, ", "").replace("NEW.marks, ", "")


class Migration(migrations.Migration):
    dependencies = [("evidence", "0001_files_are_kept_as_received")]

    operations = [
        migrations.AddField(
            model_name="blob",
            name="marks",
            field=ArrayField(
                base_field=models.CharField(max_length=16), db_default=[], default=list, size=None
            ),
        ),
        AddConstraintNotValid(
            model_name="blob",
            constraint=models.CheckConstraint(
                name="evidence_blob_marks_known",
                condition=Q(marks__contained_by=["macros", "encrypted", "damaged", "embedded", "appended"]),
            ),
        ),
        migrations.RunSQL(WRITTEN_ONCE, AS_BEFORE),
    ]
