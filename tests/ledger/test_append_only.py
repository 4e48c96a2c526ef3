"""What is written once stays: refused to the app role by its rights, and to everyone by triggers."""

import pytest
from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, ProgrammingError, connections, models, transaction

pytestmark = pytest.mark.django_db(databases=[DEFAULT_DB_ALIAS, "owner"])

APPEND_ONLY = [model for model in apps.get_models() if getattr(model, "append_only", False)]
CHANGES = {
    "UPDATE": "UPDATE {table} SET {column} = {column}",
    "DELETE": "DELETE FROM {table}",
    "TRUNCATE": "TRUNCATE {table} CASCADE",
}
GUARDS = {"claims.ClaimVersion": "claims_version_stands"}
"""Where sections may be erased by law, and nothing else (tests/claims/test_erasure.py)."""
ROW_TRIGGER, UPDATE_OR_DELETE, BEFORE = 1, 16 | 8, 2  # bits of pg_trigger.tgtype

every_model = pytest.mark.parametrize("model", APPEND_ONLY, ids=lambda model: model._meta.label)
every_change = pytest.mark.parametrize("change", CHANGES)


def attempt(change: str, model: type[models.Model], *, alias: str) -> None:
    column = next(field.column for field in model._meta.concrete_fields if field.column)
    statement = CHANGES[change].format(table=model._meta.db_table, column=column)
    with transaction.atomic(alias), connections[alias].cursor() as cursor:
        cursor.execute(statement)


def test_entries_and_leaves_are_append_only():
    assert {"ledger.Entry", "ledger.Leaf"} <= {model._meta.label for model in APPEND_ONLY}


@every_model
@every_change
def test_the_app_role_has_no_right_to_change_them(model: type[models.Model], change: str):
    with pytest.raises(ProgrammingError, match="permission denied"):
        attempt(change, model, alias=DEFAULT_DB_ALIAS)


@every_model
def test_the_owner_cannot_truncate_them(model: type[models.Model]):
    with pytest.raises(ProgrammingError, match="is append-only"):
        attempt("TRUNCATE", model, alias="owner")


@every_model
def test_a_trigger_refuses_update_and_delete_of_each_row(model: type[models.Model]):
    """Read from the catalogue, since such a trigger says nothing while the table is empty."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT tgtype, tgenabled, tgqual FROM pg_trigger"
            " WHERE tgrelid = %s::regclass AND tgfoid = %s::regproc AND tgtype & %s <> 0",
            [model._meta.db_table, GUARDS.get(model._meta.label, "ledger_refuse_change"), ROW_TRIGGER],
        )
        assert cursor.fetchall() == [(ROW_TRIGGER | UPDATE_OR_DELETE | BEFORE, "O", None)]


@pytest.mark.parametrize("model", ["Entry", "Leaf"])
@every_change
def test_the_owner_cannot_change_what_the_ledger_holds(model: str, change: str):
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_entry (salt, body) VALUES (decode(repeat('ab', 16), 'hex'), %s)",
            ['{"at":"2026-03-07T10:20:30.123456Z","kind":"test.noted","open":true}'],
        )
        cursor.execute("SELECT ledger_seal(1)")
        assert cursor.fetchone() == (1,)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # TRUNCATE would be refused for their sake alone
    with pytest.raises(ProgrammingError, match="is append-only"):
        attempt(change, apps.get_model("ledger", model), alias="owner")


@pytest.mark.parametrize("table", ["ledger_leaf", "ledger_pending"])
@pytest.mark.parametrize("statement", ["INSERT INTO {} DEFAULT VALUES", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_app_role_makes_and_removes_no_leaf_and_nothing_pending(table: str, statement: str):
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        connections["default"].cursor() as cursor,
    ):
        cursor.execute(statement.format(table))


@pytest.mark.parametrize("function", ["ledger_seal(integer)", "ledger_await_seal()"])
def test_functions_with_the_owners_rights_are_not_for_everyone(function: str):
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT has_function_privilege('public', %s, 'EXECUTE')", [function])
        assert cursor.fetchone() == (False,)
