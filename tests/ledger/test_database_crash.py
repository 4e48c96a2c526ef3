"""The database goes away in the middle of everything, and comes back."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from registry import embedded_postgres

BODY = '{"at":"2026-03-07T10:20:30.123456Z","kind":"test.noted","open":true}'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[embedded_postgres.Server]:
    """A durable server of this test's own."""
    server = embedded_postgres.Server(tmp_path / "data")
    server.start(when_orphaned=signal.SIGQUIT)
    yield server
    server.stop()


def manage(server: embedded_postgres.Server, *arguments: str) -> subprocess.Popen[bytes]:
    facts = server.facts()
    place = f"{embedded_postgres.HOST}:{facts['port']}/{embedded_postgres.DATABASE}"
    environment = {
        variable: f"postgresql://{role}:{facts['passwords'][role]}@{place}"
        for variable, role in (
            ("DATABASE_URL", embedded_postgres.APP),
            ("DATABASE_OWNER_URL", embedded_postgres.OWNER),
        )
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=os.environ | environment | {"DJANGO_SETTINGS_MODULE": "registry.settings", "REGISTRY_DEMO": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def write(server: embedded_postgres.Server, stopped: threading.Event) -> list[int]:
    """Commits entries until stopped, through every crash. Returns those whose commit was acknowledged."""
    acknowledged: list[int] = []
    while not stopped.is_set():
        try:
            with server.connect(embedded_postgres.APP) as connection:
                while not stopped.is_set():
                    row: Any = connection.execute(
                        "INSERT INTO ledger_entry (salt, body) VALUES (%s, %s) RETURNING id",
                        [os.urandom(16), BODY],
                    ).fetchone()
                    acknowledged.append(row[0])
        except psycopg.OperationalError:
            time.sleep(0.02)
    return acknowledged


def test_no_acknowledged_entry_is_lost_when_the_database_crashes_under_the_sealer(
    server: embedded_postgres.Server, pool: ThreadPoolExecutor
):
    migrating = manage(server, "migrate")
    _, said = migrating.communicate(timeout=120)
    assert migrating.returncode == 0, said.decode()

    stopped = threading.Event()
    writer = pool.submit(write, server, stopped)
    with manage(server, "sealer") as sealer:
        for how in (signal.SIGQUIT, signal.SIGINT, signal.SIGQUIT):  # crash, restart, crash
            time.sleep(1)
            pid = server.pid()
            assert pid is not None
            os.kill(pid, how)
            server.start(when_orphaned=signal.SIGQUIT)
        time.sleep(1)
        stopped.set()
        acknowledged = writer.result(timeout=30)
        with server.connect(embedded_postgres.APP) as connection:
            deadline = time.monotonic() + 30
            while connection.execute("SELECT FROM ledger_pending").rowcount:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            leaves = connection.execute("SELECT index, entry_id FROM ledger_leaf ORDER BY index").fetchall()
            entries = connection.execute("SELECT id FROM ledger_entry").fetchall()
        sealer.terminate()
        assert sealer.wait(timeout=10) == 0
    assert [index for index, _ in leaves] == list(range(len(leaves)))
    assert sorted(entry for _, entry in leaves) == sorted(entry for (entry,) in entries)
    assert set(acknowledged) <= {entry for _, entry in leaves}
