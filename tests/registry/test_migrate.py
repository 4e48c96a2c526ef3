"""`manage.py migrate` gives the web server's role exactly the rights that each model names."""

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, connections, models, transaction
from django.db.utils import ProgrammingError

from claims.models import Claim
from ledger.models import Entry, Leaf
from registry.management.commands import migrate

ALL = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"]
OURS = [model for model in apps.get_models(include_auto_created=True) if not model._meta.proxy]


def rights_on(table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p FROM unnest(%s::text[]) AS p WHERE has_table_privilege(%s, p)", [ALL, f'"{table}"']
        )
        return {row[0] for row in cursor.fetchall()}


@pytest.mark.django_db
@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_the_web_server_may_do_with_each_table_what_its_model_says(model: type[models.Model]):
    on_columns = {right for right in migrate.rights_on(model) if "(" in right}
    assert rights_on(model._meta.db_table) == set(migrate.rights_on(model)) - on_columns


def test_what_is_append_only_is_never_changed():
    assert migrate.rights_on(Entry) == ("SELECT", "INSERT")


def test_a_model_may_name_its_rights():
    assert migrate.rights_on(Leaf) == ("SELECT",)


@pytest.mark.django_db
def test_the_cache_is_shared_and_unlogged():
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'registry_cache'")
        assert cursor.fetchone() == ("u",)
    assert rights_on("registry_cache") == {"SELECT", "INSERT", "UPDATE", "DELETE"}


@pytest.mark.django_db
def test_the_web_server_reads_which_migrations_are_applied_and_no_more():
    assert rights_on("django_migrations") == {"SELECT"}


@pytest.mark.committing
def test_the_web_server_owns_nothing():
    with pytest.raises(ProgrammingError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE mine (n int)")


@pytest.mark.committing
def test_rights_given_by_hand_are_taken_back():
    with connections["owner"].cursor() as cursor:
        cursor.execute("GRANT ALL ON ledger_entry TO registry_app")
    call_command("migrate", verbosity=0)
    assert rights_on("ledger_entry") == {"SELECT", "INSERT"}


@pytest.mark.committing
def test_looking_changes_nothing():
    with connections["owner"].cursor() as cursor:
        cursor.execute("GRANT UPDATE ON ledger_entry TO registry_app")
    call_command("migrate", check_unapplied=True, verbosity=0)
    assert "UPDATE" in rights_on("ledger_entry")


def test_without_an_owner_migrate_says_what_to_set():
    with pytest.raises(CommandError, match="Set DATABASE_OWNER_URL"):
        call_command("migrate", database="nobody")


@pytest.mark.committing
def test_requests_do_not_wait_behind_a_migration_that_waits(monkeypatch: pytest.MonkeyPatch):
    def alter(*_args: object, **_options: object) -> None:
        with connections["owner"].cursor() as cursor:
            cursor.execute("ALTER TABLE claims_claim ADD COLUMN more integer")

    monkeypatch.setattr(migrate.migrate.Command, "handle", alter)
    monkeypatch.setattr(migrate, "LONGEST_WAIT", "100ms", raising=False)
    with connections["owner"].cursor() as cursor:  # or a mistake would hang
        cursor.execute("SET statement_timeout = '5s'")
    with transaction.atomic():
        Claim.objects.exists()  # a backup, a long pull
        with pytest.raises(CommandError, match="in use for too long"):
            call_command("migrate", verbosity=0)


@pytest.mark.django_db
def test_models_and_migrations_agree():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
