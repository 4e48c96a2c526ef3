import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("claims", "0002_submitted_claims_are_amended_and_decided")]

    operations = [
        migrations.AddField(
            model_name="draft",
            name="category_version",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="claims.categoryversion",
            ),
        ),
    ]
