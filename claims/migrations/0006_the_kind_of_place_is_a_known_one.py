from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("claims", "0005_where_it_happened_has_a_kind"),
    ]

    operations = [
        ValidateConstraint(model_name="claim", name="claim_place_kind_known"),
    ]
