"""A database with many claims, whose app role is told how each of its statements was carried out."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from psycopg import sql
from pytest_django import DjangoDbBlocker

from registry import embedded_postgres
from registry.embedded_postgres import APP, SUPERUSER
from tests.conftest import Clones
from tests.plans import ground
from tests.plans.watching import TELLS, Watch, large_tables


@pytest.fixture(scope="session")
def many(django_db_setup: None, django_db_blocker: DjangoDbBlocker, clones: Clones) -> Iterator[str]:
    """The name of the database."""
    with django_db_blocker.unblock(), clones.clone() as name:
        clones.point_at(name)
        ground.fill()
        connections["default"].close()
        with embedded_postgres.connect(clones.facts, SUPERUSER, database=name) as session:
            for setting, value in TELLS.items():
                statement = sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}")
                session.execute(
                    statement.format(
                        sql.Identifier(APP), sql.Identifier(name), sql.SQL(setting), sql.Literal(value)
                    )
                )
        yield name


@pytest.fixture
def shared_database(many: str, django_db_blocker: DjangoDbBlocker, clones: Clones) -> None:
    """In place of a small clone."""
    with django_db_blocker.unblock():
        clones.point_at(many)


@pytest.fixture(autouse=True)
def _as_in_the_demo(settings: Any, tmp_path: Any) -> None:
    settings.DEMO = True  # staff need no second factor
    settings.EVIDENCE_DIR = tmp_path / "evidence"


@pytest.fixture
def watch(db: None) -> Watch:
    return Watch(large_tables())
