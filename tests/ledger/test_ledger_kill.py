"""Writers, a reader and a sealer that is killed with -9 again and again (`make soak`: LEDGER_KILLS=300)."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import connection, transaction

from ledger.following import follow, sealed
from ledger.models import Entry, Pending

KILLS = int(os.environ.get("LEDGER_KILLS", "8"))
WRITERS = 8
RUSH = 2000  # entries in one act: sealing them takes long enough to be killed in the middle

Note = Callable[..., Entry]


@pytest.mark.committing
def test_killing_the_sealer_loses_repeats_and_invents_nothing(
    note: Note, first: int, environment: dict[str, str], pool: ThreadPoolExecutor
):
    seed = random.SystemRandom().randrange(2**32)
    print(f"random.Random({seed})")  # shown when the test fails
    chance = random.Random(seed)  # noqa: S311
    stopped, finished = threading.Event(), threading.Event()
    seen: list[tuple[int, int]] = []
    reader = pool.submit(read, seen, finished)
    writers = [pool.submit(write, note, stopped, chance.randrange(2**32)) for _ in range(WRITERS)]
    rushes: list[int] = []
    killed_in_a_batch = 0
    try:
        for _ in range(KILLS):
            if chance.random() < 0.6:
                rushes += rush(note)
            with sealer(environment) as process:
                if chance.random() < 0.9:  # otherwise it may be killed while it starts
                    wait_until(lambda: what_the_sealer_does() is not None, process)
                time.sleep(chance.uniform(0, chance.choice([0.03, 0.3])))
                killed_in_a_batch += what_the_sealer_does() == "active"
        stopped.set()
        outcomes = [writer.result(timeout=300) for writer in writers]
        with sealer(environment) as process:
            wait_until(lambda: not Pending.objects.exists(), process)
        finished.set()
        reader.result(timeout=300)
    finally:
        stopped.set()
        finished.set()

    committed = sorted(rushes + [pk for entries, _ in outcomes for pk in entries])
    rolled_back = [pk for _, entries in outcomes for pk in entries]
    leaves = list(sealed(after=first - 1))
    assert [leaf.index for leaf in leaves] == list(range(first, first + len(committed)))
    assert sorted(leaf.entry_id for leaf in leaves) == committed
    assert all(bytes(leaf.hash) == leaf.entry.leaf_hash for leaf in leaves)
    assert seen[first:] == [(leaf.index, leaf.entry_id) for leaf in leaves]
    assert rolled_back
    assert not Entry.objects.filter(pk__in=rolled_back).exists()
    print(f"{KILLS} kills, {killed_in_a_batch} of them in a batch; {len(leaves)} entries sealed")


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
