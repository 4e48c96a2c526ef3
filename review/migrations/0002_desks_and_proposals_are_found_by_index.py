from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("claims", "0007_figures_are_counted_and_published"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("review", "0001_work_between_submission_and_decision"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="assignment",
            index=models.Index(
                condition=models.Q(("ended_at", None)),
                fields=["reviewer", "claim"],
                name="assignment_on_a_desk",
            ),
        ),
        AddIndexConcurrently(
            model_name="proposal",
            index=models.Index(fields=["state", "claim"], name="proposal_by_state"),
        ),
    ]
