"""One PostgreSQL for the whole run, one migrated template, one clone for each process; tests are role `app`.

A test marked `committing` gets a clone of its own, so that it may commit, and from several threads: nothing
is ever flushed, since the append-only tables refuse TRUNCATE.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.template import engines
from django.template.base import Node, Template
from psycopg import sql
from pytest_django import DjangoDbBlocker

from registry import embedded_postgres, messages
from registry import environment as env
from tests.evidence.clamav import Daemon

TEMPLATE = embedded_postgres.DATABASE
BARE = "registry_bare"  # the same before its mandate was loaded: an empty ledger
ROLES = {"default": embedded_postgres.APP, "owner": embedded_postgres.OWNER}
QUICK = embedded_postgres.SETTINGS | {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "autovacuum": "off",
    "shared_buffers": "256MB",
}

_server = pytest.StashKey[embedded_postgres.Server]()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        messages.compile_catalogue()  # tests read Ukrainian too


# --- The server: started by the first process that needs it, or by pytest-xdist's controller ---


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["database"] = _database_facts(node.config)


def pytest_unconfigure(config: pytest.Config) -> None:
    server = config.stash.get(_server, None)
    if server is not None:
        server.stop()
    shutil.rmtree(settings.DATA_DIR, ignore_errors=True)


def _database_facts(config: pytest.Config) -> dict[str, Any]:
    """Port and passwords of the server of this run, with the template migrated and its mandate loaded."""
    if hasattr(config, "workerinput"):
        return dict(config.workerinput["database"])
    if _server not in config.stash:
        server = embedded_postgres.Server(settings.DATA_DIR, settings=QUICK)
        server.start(when_orphaned=signal.SIGQUIT)
        config.stash[_server] = server
        run_manage("migrate", env=database_urls(TEMPLATE, server.facts()))
        Clones(server.facts(), "").copy(TEMPLATE, BARE)
        run_manage("load_mandate", env=database_urls(TEMPLATE, server.facts()))
    return config.stash[_server].facts()


def run_manage(*arguments: str, env: dict[str, str]) -> str:
    """`manage.py` in a process of its own, as an operator would run it. Fails with what it printed."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "registry.settings"} | env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"manage.py {' '.join(arguments)} failed:\n{done.stdout}"
    return done.stdout


def database_urls(name: str, facts: dict[str, Any]) -> dict[str, str]:
    """The environment for other processes that shall use this database."""
    place = f"{embedded_postgres.HOST}:{facts['port']}/{name}"
    return {
        variable: f"postgresql://{ROLES[alias]}:{facts['passwords'][ROLES[alias]]}@{place}"
        for variable, alias in (("DATABASE_URL", "default"), ("DATABASE_OWNER_URL", "owner"))
    } | {"REGISTRY_DEMO": "1"}


# --- Databases: clones of the template ---


class Clones:
    def __init__(self, facts: dict[str, Any], prefix: str) -> None:
        self.facts = facts
        self._prefix = prefix
        self._made = 0
        self._shared: dict[str, str] = {}
        self._until_the_end = ExitStack()

    @contextmanager
    def clone(self, template: str = TEMPLATE) -> Iterator[str]:
        """The name of a new database with everything that the template has; dropped afterwards."""
        self._made += 1
        name = f"{self._prefix}_{self._made}"
        self.copy(template, name)
        try:
            yield name
        finally:
            # The owner may not end sessions of others that are still closing.
            self._as(embedded_postgres.SUPERUSER, "DROP DATABASE {} WITH (FORCE)", name)

    def copy(self, template: str, name: str) -> None:
        self._as(embedded_postgres.OWNER, "CREATE DATABASE {} TEMPLATE {}", name, template)

    def use_shared(self, template: str) -> None:
        """Points Django at the clone in which all tests of this template run and roll back."""
        if template not in self._shared:
            self._shared[template] = self._until_the_end.enter_context(self.clone(template))
        self.point_at(self._shared[template])

    @contextmanager
    def own(self, template: str) -> Iterator[str]:
        """Points Django at a new clone; closes every connection made meanwhile, in any thread."""
        opened: list[BaseDatabaseWrapper] = []

        def note(connection: BaseDatabaseWrapper, **_: Any) -> None:
            opened.append(connection)

        with self.clone(template) as name:
            self.point_at(name)
            connection_created.connect(note)
            try:
                yield name
            finally:
                connection_created.disconnect(note)
                for connection in opened:
                    connection.inc_thread_sharing()
                    connection.close()

    def close(self) -> None:
        for alias in ROLES:
            connections[alias].close()
        self._until_the_end.close()

    def _address(self, name: str, role: str) -> dict[str, Any]:
        return env.postgresql(
            name=name,
            user=role,
            password=self.facts["passwords"][role],
            host=embedded_postgres.HOST,
            port=self.facts["port"],
        )

    def point_at(self, name: str) -> None:
        """Connects Django to this database from now on."""
        for alias, role in ROLES.items():
            connection = connections[alias]
            if connection.settings_dict["NAME"] != name:
                connection.close()
                connection.settings_dict.update(self._address(name, role))

    def _as(self, role: str, statement: str, *names: str) -> None:
        server = embedded_postgres.connect(self.facts, role, database="postgres")
        with server as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture
def database_template(request: pytest.FixtureRequest) -> str:
    """What a test's database is cloned from. The ledger's tests count entries from none; others may too."""
    return BARE if request.path.parent.name == "ledger" else TEMPLATE


@pytest.fixture(scope="session")
def clones(request: pytest.FixtureRequest) -> Clones:
    worker = getattr(request.config, "workerinput", {}).get("workerid", "alone")
    return Clones(_database_facts(request.config), prefix=f"test_{worker}")


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: DjangoDbBlocker, clones: Clones
) -> Iterator[None]:
    """In place of pytest-django's, which would make databases of its own."""
    yield
    with django_db_blocker.unblock():
        clones.close()


@pytest.fixture
def own_database(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, clones: Clones, database_template: str
) -> Iterator[str]:
    with django_db_blocker.unblock(), clones.own(database_template) as name:
        yield name


@pytest.fixture
def shared_database(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, clones: Clones, database_template: str
) -> None:
    with django_db_blocker.unblock():
        clones.use_shared(database_template)


@pytest.fixture(autouse=True)
def _django_db_marker(request: pytest.FixtureRequest) -> None:
    """In place of pytest-django's: `committing` wins over a `django_db` that stands on the whole module."""
    if request.node.get_closest_marker("committing"):
        request.getfixturevalue("own_database")
    elif request.node.get_closest_marker("django_db") or "db" in request.fixturenames:
        request.getfixturevalue("shared_database")
        request.getfixturevalue("_django_db_helper")


# --- The scanner for malware: one for each process of the run that needs it ---


@pytest.fixture(scope="session")
def _daemon() -> Iterator[Daemon]:
    with tempfile.TemporaryDirectory(prefix="clamav-") as folder:
        daemon = Daemon(Path(folder)).start()
        yield daemon
        daemon.stop()


@pytest.fixture
def scanner(_daemon: Daemon, settings: Any) -> Daemon:
    """Files are scanned, by the real one."""
    settings.CLAMD_URL = _daemon.url
    return _daemon


# --- Strictness: our templates may not name what is not there ---


class _Undefined(str):
    """What Django writes for an undefined variable. In a template of ours that is a mistake."""

    def __mod__(self, variable: object) -> str:  # type: ignore[override]
        origin = _template_being_rendered()
        if origin.startswith(str(settings.BASE_DIR)) and "site-packages" not in origin:
            pytest.fail(f"{origin}: undefined variable {variable}", pytrace=False)
        return ""


def _template_being_rendered() -> str:
    frame = sys._getframe()
    while frame := frame.f_back:
        node = frame.f_locals.get("self")
        if isinstance(node, Node | Template) and getattr(node, "origin", None):
            return str(node.origin.name)
    return ""


@pytest.fixture(autouse=True, scope="session")
def _undefined_variables_fail() -> None:
    engines["django"].engine.string_if_invalid = _Undefined("%s")
