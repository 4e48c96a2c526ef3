"""Django's migrate, as the owner of the tables, who afterwards gives the web server's role its rights."""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from psycopg.errors import LockNotAvailable

EVERYTHING = ("SELECT", "INSERT", "UPDATE", "DELETE")
APPEND_ONLY = ("SELECT", "INSERT")
READ_ONLY = ("SELECT",)
LONGEST_WAIT = "10s"
"""For a table that is in use: every request would wait behind a migration that waits for a backup."""


class Command(migrate.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: Any, **options: Any) -> None:
        alias = options["database"]
        if alias not in connections:
            raise CommandError(
                "Set DATABASE_OWNER_URL: migrations run as the role that owns the tables "
                "(docs/operations.md, “Two database roles”)."
            )
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [LONGEST_WAIT])
        try:
            super().handle(*args, **options)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            raise CommandError(
                "A table has been in use for too long, by a backup or a long pull perhaps. What was applied "
                "stays; run migrate again when that is over."
            ) from error
        if not (options["plan"] or options["check_unapplied"]):
            connection = connections[alias]
            with transaction.atomic(using=alias):
                make_cache_table(connection)
                grant_rights(connection, to=connections[DEFAULT_DB_ALIAS].settings_dict["USER"])


def make_cache_table(connection: BaseDatabaseWrapper) -> None:
    """As `createcachetable` would, but unlogged: a cache need not survive a crash, and so costs no WAL."""
    table = connection.ops.quote_name(settings.CACHE_TABLE)
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE UNLOGGED TABLE IF NOT EXISTS {table} ("
            "cache_key varchar(255) PRIMARY KEY, value text NOT NULL, expires timestamptz NOT NULL)"
        )
        cursor.execute(f"CREATE INDEX IF NOT EXISTS registry_cache_expires ON {table} (expires)")


def rights_on(model: type[models.Model]) -> tuple[str, ...]:
    """What the web server's role may do with a model's rows: all, or what the model says of itself."""
    given: tuple[str, ...] | None = getattr(model, "app_rights", None)
    if given is not None:
        return given
    return APPEND_ONLY if getattr(model, "append_only", False) else EVERYTHING


def grant_rights(connection: BaseDatabaseWrapper, *, to: str) -> None:
    rights = {
        model._meta.db_table: rights_on(model)
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
    }
    rights[MigrationRecorder.Migration._meta.db_table] = READ_ONLY
    rights[settings.CACHE_TABLE] = EVERYTHING
    role = connection.ops.quote_name(to)
    with connection.cursor() as cursor:
        existing = set(connection.introspection.table_names(cursor))
        for table, allowed in rights.items():
            if table in existing:
                name = connection.ops.quote_name(table)
                cursor.execute(f"REVOKE ALL ON TABLE {name} FROM {role}")
                if allowed:
                    cursor.execute(f"GRANT {', '.join(allowed)} ON TABLE {name} TO {role}")
        cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
        for model in apps.get_models():
            for function in getattr(model, "app_functions", ()):  # written out: name(argument types)
                if model._meta.db_table in existing:
                    cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {role}")
