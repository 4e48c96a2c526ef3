from django.db import migrations

# A usual version fits a page as it is. To compress it down to a quarter of one, PostgreSQL's default, takes
# more than all the rest of writing it, and every reader undoes that work again.
UNCOMPRESSED = "ALTER TABLE claims_claimversion SET (toast_tuple_target = 8160)"
AS_USUAL = "ALTER TABLE claims_claimversion RESET (toast_tuple_target)"


class Migration(migrations.Migration):
    dependencies = [("claims", "0007_figures_are_counted_and_published")]

    operations = [migrations.RunSQL(UNCOMPRESSED, AS_USUAL)]
