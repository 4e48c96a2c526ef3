from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("claims", "0004_a_claim_names_the_one_it_is_filed_in_place_of"),
    ]

    operations = [
        migrations.AddField(
            model_name="claim",
            name="place_kind",
            field=models.CharField(blank=True, db_default="", max_length=16),
        ),
        AddConstraintNotValid(
            model_name="claim",
            constraint=models.CheckConstraint(
                name="claim_place_kind_known",
                condition=Q(
                    place_kind__in=["", "territory", "maritime_zone", "vessel", "aircraft", "abroad"],
                ),
            ),
        ),
    ]
