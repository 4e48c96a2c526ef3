"""The tests of this folder share one large database, made by the first process that needs it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from django.db import connections
from django.test import Client
from psycopg import sql
from pytest_django import DjangoDbBlocker

from accounts.models import User
from registry import embedded_postgres
from registry.embedded_postgres import APP, OWNER, SUPERUSER
from tests.conftest import ROLES, TEMPLATE, Clones
from tests.plans import ground
from tests.plans.watching import EXCEPTIONS, TELLS, Watch, large_tables

NAME = f"plans_{ground.CLAIMS}"
MAKING = 0x706C616E73  # the advisory lock of whoever makes it: the bytes of "plans"


@pytest.fixture(scope="session")
def many(django_db_setup: None, django_db_blocker: DjangoDbBlocker, clones: Clones) -> str:
    """The name of the database with many claims."""
    with (
        django_db_blocker.unblock(),
        embedded_postgres.connect(clones.facts, SUPERUSER, database="postgres") as session,
    ):
        session.execute("SELECT pg_advisory_lock(%s)", [MAKING])
        if not session.execute("SELECT FROM pg_database WHERE datname = %s", [NAME]).rowcount:
            _make(clones, session)
    return NAME


def _make(clones: Clones, session: psycopg.Connection[Any]) -> None:
    unfinished = f"{NAME}_unfinished"
    clones.copy(TEMPLATE, unfinished)
    clones.point_at(unfinished)
    ground.fill()
    for alias in ROLES:
        connections[alias].close()
    for name, value in TELLS.items():
        setting = sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}")
        session.execute(
            setting.format(sql.Identifier(APP), sql.Identifier(unfinished), sql.SQL(name), sql.Literal(value))
        )
    session.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(unfinished), sql.Identifier(NAME))
    )


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
