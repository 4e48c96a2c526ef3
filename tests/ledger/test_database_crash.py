"""The database goes away in the middle of everything, and comes back."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from ledger import notes, tree
from registry import embedded_postgres

BODY = '{"at":"2026-03-07T10:20:30.123456Z","kind":"test.noted","open":true}'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[embedded_postgres.Server]:
    """A durable server of this test's own, migrated."""
    server = embedded_postgres.Server(tmp_path / "data")
    server.start(when_orphaned=signal.SIGQUIT)
    try:
        with manage(server, "migrate") as migrating:
            said = migrating.communicate(timeout=120)
        assert migrating.returncode == 0, said
        yield server
    finally:
        server.stop()


@contextmanager
def manage(server: embedded_postgres.Server, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process of ours on this server, which does not outlive the block."""
    facts = server.facts()
    place = f"{embedded_postgres.HOST}:{facts['port']}/{embedded_postgres.DATABASE}"
    urls = {
        variable: f"postgresql://{role}:{facts['passwords'][role]}@{place}"
        for variable, role in (
            ("DATABASE_URL", embedded_postgres.APP),
            ("DATABASE_OWNER_URL", embedded_postgres.OWNER),
        )
    }
    ours = {
        "DJANGO_SETTINGS_MODULE": "registry.settings",
        "REGISTRY_DEMO": "1",
        "LEDGER_MEMORY": str(server.data_dir / "ledger" / "last-checkpoint"),
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=os.environ | urls | ours,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


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


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"  # `server` forgets the processes that end here
)
def test_no_acknowledged_entry_is_lost_when_the_database_crashes_under_the_sealer(
    server: embedded_postgres.Server, pool: ThreadPoolExecutor
):
    stopped = threading.Event()
    with manage(server, "sealer") as sealer:
        writer = pool.submit(write, server, stopped)
        try:
            for how in (signal.SIGQUIT, signal.SIGINT, signal.SIGQUIT):  # crash, restart, crash
                time.sleep(1)
                end(server, how)
                server.start(when_orphaned=signal.SIGQUIT)
        finally:
            stopped.set()
        acknowledged = writer.result(timeout=30)
        with server.connect(embedded_postgres.APP) as connection:
            deadline = time.monotonic() + 30
            while connection.execute("SELECT FROM ledger_pending").rowcount:
                assert time.monotonic() < deadline, "the sealer does not go on"
                time.sleep(0.05)
            leaves = connection.execute("SELECT index, entry_id FROM ledger_leaf ORDER BY index").fetchall()
            entries = connection.execute("SELECT id FROM ledger_entry").fetchall()
            while not is_signed(connection, len(leaves)):
                assert time.monotonic() < deadline, "the sealer signs no more"
                time.sleep(0.05)
            check_checkpoints(connection, server.data_dir / "ledger" / "last-checkpoint")
        sealer.terminate()
        assert sealer.wait(timeout=10) == 0
    assert [index for index, _ in leaves] == list(range(len(leaves)))
    assert sorted(entry for _, entry in leaves) == sorted(entry for (entry,) in entries)
    assert set(acknowledged) <= {entry for _, entry in leaves}


def is_signed(connection: psycopg.Connection[Any], size: int) -> bool:
    return connection.execute("SELECT FROM ledger_checkpoint WHERE size = %s", [size]).rowcount > 0


def check_checkpoints(connection: psycopg.Connection[Any], memory: Path) -> None:
    """Each is a root of the one tree of all entries, as is what is remembered outside the database."""
    rows = connection.execute(
        "SELECT salt, body FROM ledger_entry AS entry JOIN ledger_leaf ON entry_id = entry.id ORDER BY index"
    ).fetchall()
    hashes = [tree.leaf_hash(salt + body.encode()) for salt, body in rows]
    remembered = notes.Checkpoint.parse(notes.text_of(memory.read_text()))
    signed = connection.execute("SELECT size, root FROM ledger_checkpoint").fetchall()
    assert signed
    for size, root in [*signed, (remembered.size, remembered.root)]:
        assert root == tree.root_of(hashes[:size])


def end(server: embedded_postgres.Server, how: signal.Signals) -> None:
    """Returns when the server is gone."""
    pid = server.pid()
    assert pid is not None
    os.kill(pid, how)
    while server.pid() == pid:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        time.sleep(0.02)
