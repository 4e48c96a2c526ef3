"""Writers, a sealer that signs, its witness and a reader, killed with -9 again and again but for the last
(`make soak`: LEDGER_KILLS=300)."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, connections, transaction

from ledger import checkpoints, notes, proofs, tree
from ledger.following import follow, sealed
from ledger.models import Checkpoint, Entry, Pending
from tests.ledger.outside import WitnessProcess

KILLS = int(os.environ.get("LEDGER_KILLS", "5"))
WRITERS = 8
RUSH = 2000  # entries in one act: sealing them takes long enough to be killed in the middle

Note = Callable[..., Entry]


@pytest.mark.committing
def test_killing_any_of_them_loses_repeats_and_invents_nothing(
    note: Note,
    first: int,
    environment: dict[str, str],
    pool: ThreadPoolExecutor,
    memory: Path,
    tmp_path: Path,
):
    seed = random.SystemRandom().randrange(2**32)
    print(f"random.Random({seed})")  # shown when the test fails
    chance = random.Random(seed)  # noqa: S311
    stopped, finished = threading.Event(), threading.Event()
    seen: list[tuple[int, int]] = []
    reader = pool.submit(read, seen, finished)
    writers = [pool.submit(write, note, stopped, chance.randrange(2**32)) for _ in range(WRITERS)]
    rushes: list[int] = []
    killed: Counter[str] = Counter()
    with (
        WitnessProcess(tmp_path / "witness", settings.LEDGER_VKEY) as witness,
        WriterProcess(tmp_path / "acknowledged", environment["DATABASE_URL"]) as writer_process,
    ):
        environment = environment | {"LEDGER_WITNESSES": witness.line}
        try:
            for kill in range(KILLS):
                if kill % 10 == 0:
                    analyze()
                if chance.random() < 0.6:
                    rushes += rush(note)
                with sealer(environment) as process:
                    if chance.random() < 0.9:  # otherwise it may be killed while it starts
                        wait_until(lambda: what_the_sealer_does() is not None, process)
                    for name, other in (("witness", witness), ("writer", writer_process)):
                        if chance.random() < 0.3:
                            time.sleep(chance.uniform(0, 0.1))
                            other.kill()
                            killed[name] += 1
                            other.start()
                    time.sleep(chance.uniform(0, chance.choice([0.03, 0.3])))
                    killed["in a batch"] += what_the_sealer_does() == "active"
            stopped.set()
            outcomes = [writer.result(timeout=300) for writer in writers]
            writer_process.kill()
            with sealer(environment) as process:
                wait_until(lambda: is_settled(witness), process)
            finished.set()
            reader.result(timeout=300)
        finally:
            stopped.set()
            finished.set()
        assert "refuses" not in witness.said()

    committed = set(rushes) | {pk for entries, _ in outcomes for pk in entries}
    rolled_back = [pk for _, entries in outcomes for pk in entries]
    acknowledged = writer_process.acknowledged()
    leaves = list(sealed(after=first - 1))
    assert [leaf.index for leaf in leaves] == list(range(first, first + len(leaves)))
    entries = [leaf.entry_id for leaf in leaves]
    assert len(entries) == len(set(entries))
    # Of a writer that was killed, one entry may have been committed and not told.
    untold = set(entries) - committed - acknowledged
    assert committed | acknowledged <= set(entries)
    assert len(untold) <= killed["writer"] + 1
    assert all(leaf.entry is not None and bytes(leaf.hash) == leaf.entry.leaf_hash for leaf in leaves)
    assert seen[first:] == [(leaf.index, leaf.entry_id) for leaf in leaves]
    assert rolled_back
    assert not Entry.objects.filter(pk__in=rolled_back).exists()
    signed = check_checkpoints(memory)
    print(f"{KILLS} kills, {dict(killed)}; {len(leaves)} entries sealed, {signed} checkpoints")


def is_settled(witness: WitnessProcess) -> bool:
    """Whether all is sealed, and what is published covers it and has been cosigned."""
    time.sleep(0.1)
    newest = checkpoints.newest()
    if Pending.objects.exists() or newest is None or newest.size != proofs.size():
        return False
    return witness.key.verifier.name in {line.name for line in notes.signatures(newest.note)}


def check_checkpoints(memory: Path) -> int:
    """Each is a root of the one tree of all entries, the remembered one too. How many there are."""
    frontier, roots, hashes = tree.Frontier(), {}, []
    for leaf in sealed():
        assert leaf.entry is not None
        hashes.append(leaf.entry.leaf_hash)
    rows = list(Checkpoint.objects.order_by("size").values_list("size", "root", "note"))
    remembered = notes.Checkpoint.parse(notes.text_of(memory.read_text()))
    for size in sorted({remembered.size, *(size for size, _root, _note in rows)}):
        frontier.extend(hashes[frontier.size : size])
        roots[size] = frontier.root()
    assert remembered.root == roots[remembered.size]
    assert remembered.size == len(hashes)
    assert proofs.root(len(hashes)) == roots[len(hashes)]
    for size, root, note in rows:
        said = notes.Checkpoint.parse(notes.open_note(note, checkpoints.log_keys()).text)
        assert (said.size, said.root, bytes(root)) == (size, roots[size], roots[size])
    return len(rows)


class WriterProcess:
    """Commits entries one by one, and tells each once its commit was acknowledged."""

    SCRIPT = """
import os, sys, psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    while True:
        row = connection.execute(
            "INSERT INTO ledger_entry (salt, body) VALUES (%s, %s) RETURNING id",
            [os.urandom(16), sys.argv[2]],
        ).fetchone()
        os.write(1, f"{row[0]}\\n".encode())
"""
    BODY = '{"at":"2026-03-07T10:20:30.123456Z","kind":"test.noted","open":true}'

    def __init__(self, told: Path, database: str) -> None:
        self._told, self._database = told, database

    def __enter__(self) -> "WriterProcess":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        with self._told.open("ab") as told:
            self._process = subprocess.Popen(
                [sys.executable, "-c", self.SCRIPT, self._database, self.BODY], stdout=told
            )

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def acknowledged(self) -> set[int]:
        return {int(line) for line in self._told.read_text().splitlines()}


def write(note: Note, stopped: threading.Event, seed: int) -> tuple[list[int], list[int]]:
    """Short, long and failing acts until stopped. Returns the entries committed and those rolled back."""
    chance = random.Random(seed)  # noqa: S311
    committed: list[int] = []
    rolled_back: list[int] = []
    while not stopped.is_set():
        fails = chance.random() < 0.2
        with transaction.atomic():
            entries = [note(number).pk for number in range(chance.choice([1, 1, 1, 20]))]
            time.sleep(chance.choice([0, 0.02, 0.05, 0.3]))
            transaction.set_rollback(fails)
        (rolled_back if fails else committed).extend(entries)
    return committed, rolled_back


def rush(note: Note) -> list[int]:
    with transaction.atomic(), connection.cursor() as cursor:
        first = note()
        cursor.execute(
            "INSERT INTO ledger_entry (salt, body)"
            " SELECT salt, body FROM ledger_entry, generate_series(2, %s) WHERE id = %s RETURNING id",
            [RUSH, first.pk],
        )
        return [first.pk] + [pk for (pk,) in cursor.fetchall()]


def analyze() -> None:
    """As autovacuum does, which rests in tests: else the reader keeps the plan for empty tables."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE ledger_leaf, ledger_entry")


def read(seen: list[tuple[int, int]], finished: threading.Event) -> None:
    """Follows until there is nothing more to come."""

    def remember(batch: list[tuple[int, Entry]]) -> None:
        seen.extend((index, entry.pk) for index, entry in batch)

    while True:
        last_round = finished.is_set()
        while follow("reader", remember):
            pass
        if last_round:
            return
        time.sleep(0.01)


@contextmanager
def sealer(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The real process, killed with -9 at the end."""
    with subprocess.Popen(
        [sys.executable, "manage.py", "sealer"], cwd=settings.BASE_DIR, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)


def what_the_sealer_does() -> str | None:
    """What its connection is doing ("active", "idle" ...), None while it has none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(state) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE '%ledger_seal(%' AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone()[0]


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert process.poll() is None, "the sealer ended by itself"
        assert time.monotonic() < deadline, "waited a minute in vain"
        time.sleep(0.002)
