"""Writers, a reader and a sealer that is killed with -9 again and again (`make soak`: LEDGER_KILLS=200)."""

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
from django.db import transaction

from ledger.following import follow
from ledger.models import Entry, Leaf, Pending

KILLS = int(os.environ.get("LEDGER_KILLS", "20"))
WRITERS = 8

Note = Callable[..., Entry]


def write(note: Note, stopped: threading.Event, chance: random.Random) -> tuple[list[int], list[int]]:
    """Short, long and failing acts until stopped. Returns the entries committed and those rolled back."""
    committed: list[int] = []
    rolled_back: list[int] = []
    while not stopped.is_set():
        fails = chance.random() < 0.2
        with transaction.atomic():
            entries = [note(number).pk for number in range(chance.choice([1, 1, 1, 20]))]
            time.sleep(chance.choice([0, 0, 0.02, 0.3]))
            transaction.set_rollback(fails)
        (rolled_back if fails else committed).extend(entries)
    return committed, rolled_back


def read(seen: list[tuple[int, int]], finished: threading.Event) -> None:
    """Follows until there is nothing more to come."""
    while (
        follow("reader", lambda batch: seen.extend((index, e.pk) for index, e in batch))
        or not finished.is_set()
    ):
        time.sleep(0.01)


@contextmanager
def sealer(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "manage.py", "sealer"], cwd=settings.BASE_DIR, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)


@pytest.mark.committing
def test_killing_the_sealer_loses_repeats_and_invents_nothing(
    note: Note, environment: dict[str, str], pool: ThreadPoolExecutor
):
    seed = random.SystemRandom().randrange(2**32)
    print(f"random.Random({seed})")  # shown when the test fails
    chance = random.Random(seed)  # noqa: S311
    stopped, finished = threading.Event(), threading.Event()
    seen: list[tuple[int, int]] = []
    reader = pool.submit(read, seen, finished)
    writers = [pool.submit(write, note, stopped, random.Random(chance.random())) for _ in range(WRITERS)]  # noqa: S311
    try:
        kills_after_sealing = 0
        for _ in range(KILLS):
            before = Leaf.objects.count()
            with sealer(environment):
                if chance.random() < 0.8:  # otherwise it may be killed while it starts
                    wait_until(lambda before=before: Leaf.objects.count() > before)
                time.sleep(chance.uniform(0, 0.3))
            kills_after_sealing += Leaf.objects.count() > before
            print(time.monotonic(), Leaf.objects.count(), Pending.objects.count())
        stopped.set()
        outcomes = [writer.result(timeout=60) for writer in writers]
        with sealer(environment):
            wait_until(lambda: not Pending.objects.exists())
        finished.set()
        reader.result(timeout=60)
    finally:
        stopped.set()
        finished.set()

    committed = sorted(pk for entries, _ in outcomes for pk in entries)
    rolled_back = {pk for _, entries in outcomes for pk in entries}
    leaves = list(Leaf.objects.select_related("entry").order_by("index"))
    assert kills_after_sealing >= KILLS // 2
    assert [leaf.index for leaf in leaves] == list(range(len(committed)))
    assert sorted(leaf.entry_id for leaf in leaves) == committed
    assert all(bytes(leaf.hash) == leaf.entry.leaf_hash for leaf in leaves)
    assert seen == [(leaf.index, leaf.entry_id) for leaf in leaves]
    assert rolled_back
    assert not Entry.objects.filter(pk__in=rolled_back).exists()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "waited 30 seconds in vain"
        time.sleep(0.01)
