"""The tests of this folder share one large database and run in one process (`--dist loadgroup`)."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from psycopg import sql
from pytest_django import DjangoDbBlocker

from accounts.models import User
from registry import embedded_postgres
from registry.embedded_postgres import APP, SUPERUSER
from tests.conftest import Clones
from tests.plans import ground
from tests.plans.watching import EXCEPTIONS, TELLS, Watch, large_tables


@pytest.fixture(scope="session")
def many(django_db_setup: None, django_db_blocker: DjangoDbBlocker, clones: Clones) -> Iterator[str]:
    """The name of the database with many claims. Its app role is told how each statement was carried out."""
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
def watch(db: None) -> Iterator[Watch]:
    """Judges what runs on its pages. The test fails in the end if something was found."""
    watching = Watch(large_tables())
    yield watching
    assert watching.statements, "no statement was seen"
    found = [str(finding) for finding in watching.findings if not finding.is_expected(EXCEPTIONS)]
    distinct = dict.fromkeys(found)
    if distinct:
        pytest.fail(f"{len(distinct)} plans do not hold:\n" + "\n".join(distinct), pytrace=False)


@pytest.fixture
def browser(watch: Watch) -> Any:
    """For whom: one of ground.PEOPLE, or a person; None for who has not signed in."""
    return lambda who: Browser(watch, ground.person(who) if isinstance(who, str) else who)


class Browser:
    def __init__(self, watch: Watch, user: User | None) -> None:
        self.watch, self.user = watch, user
        self.client = Client(headers={"accept-language": "en"})
        if user:
            self.client.force_login(user)

    def get(self, address: str, *, named: str = "", **headers: str) -> Any:
        return self._ask(named or f"GET {address}", lambda: self.client.get(address, headers=headers))

    def post(self, address: str, **sent: Any) -> Any:
        return self._ask(f"POST {address}", lambda: self.client.post(address, sent))

    def _ask(self, name: str, ask: Any) -> Any:
        with self.watch.page(f"{name} for {self.user}" if self.user else name):
            answer = ask()
            body = b"".join(answer)  # a stream asks while it is read
        assert answer.status_code in (200, 302), (name, answer.status_code, body[:300])
        return answer if not answer.streaming else body
