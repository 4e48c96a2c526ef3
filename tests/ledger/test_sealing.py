"""Every committed entry gets the next index, once."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction

from ledger import sealing
from ledger.models import Entry, Leaf, Pending
from ledger.sealing import oldest_pending_age, seal

pytestmark = pytest.mark.django_db

Note = Callable[..., Entry]


def sealed_since(first: int) -> list[tuple[int, int]]:
    leaves = Leaf.objects.filter(index__gte=first).order_by("index")
    return list(leaves.values_list("index", "entry_id"))


def execute(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "waited 20 seconds in vain"
        time.sleep(0.02)


def test_the_first_index_of_all_is_0(first: int):
    assert list(Leaf.objects.order_by("index").values_list("index", flat=True)) == list(range(first))


def test_entries_get_the_next_indexes_in_the_order_of_writing(note: Note, first: int):
    entries = [note(number) for number in range(3)]
    assert seal() == 3
    assert sealed_since(first) == list(enumerate((entry.pk for entry in entries), first))


def test_the_next_batch_goes_on_where_the_last_one_ended(note: Note, first: int):
    entries = [note(number) for number in range(5)]
    assert [seal(batch=2) for _ in range(4)] == [2, 2, 1, 0]
    assert sealed_since(first) == list(enumerate((entry.pk for entry in entries), first))


def test_a_leaf_holds_the_hash_of_its_entry(note: Note):
    entry = note()
    seal()
    assert bytes(Leaf.objects.get(entry=entry).hash) == entry.leaf_hash


def test_an_entry_is_pending_until_it_is_sealed(note: Note):
    entry = note()
    assert list(Pending.objects.values_list("entry_id", flat=True)) == [entry.pk]
    seal()
    assert not Pending.objects.exists()


def test_entries_are_pending_however_they_are_inserted(note: Note):
    entry = note()
    Entry.objects.bulk_create(Entry(salt=entry.salt, body=entry.body) for _ in range(3))
    execute(
        "INSERT INTO ledger_entry (salt, body) SELECT salt, body FROM ledger_entry WHERE id >= %s", entry.pk
    )
    assert seal() == 8


def test_the_age_of_the_queue_is_that_of_its_first_entry(note: Note):
    assert oldest_pending_age() is None
    note()
    time.sleep(0.05)
    note()
    age = oldest_pending_age()
    assert age is not None
    assert timedelta(seconds=0.05) <= age < timedelta(minutes=1)
    seal(batch=1)
    assert timedelta(0) <= (oldest_pending_age() or timedelta.max) < age


def test_tables_of_the_caller_do_not_deceive_the_function(note: Note, first: int):
    """It runs with the owner's rights, so it must not look where the caller can put something."""
    note()
    execute("CREATE TEMPORARY TABLE ledger_pending (entry_id bigint)")
    execute("CREATE TEMPORARY TABLE ledger_leaf (index bigint, entry_id bigint, hash bytea)")
    assert seal() == 1
    assert execute("SELECT count(*) FROM public.ledger_leaf") == [(first + 1,)]


def test_sealing_inside_another_transaction_is_refused():
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        seal()


@pytest.mark.committing
def test_an_entry_is_sealed_only_once_it_is_committed(note: Note, pool: ThreadPoolExecutor):
    with transaction.atomic():
        note()
        assert pool.submit(seal).result() == 0
    assert seal() == 1


@pytest.mark.committing
def test_an_entry_that_is_rolled_back_leaves_no_gap(note: Note, first: int):
    kept = [note(1).pk]
    with transaction.atomic():
        note(2)
        transaction.set_rollback(True)
    kept.append(note(3).pk)
    assert seal() == 2
    assert sealed_since(first) == list(enumerate(kept, first))


@pytest.mark.committing
def test_an_entry_that_commits_late_comes_after_those_that_did_not_wait_for_it(
    note: Note, first: int, pool: ThreadPoolExecutor
):
    written, finish = threading.Event(), threading.Event()

    def slowly() -> int:
        with transaction.atomic():
            entry = note(1)
            written.set()
            finish.wait(20)
        return entry.pk

    slow = pool.submit(slowly)
    written.wait(20)
    quick = note(2).pk
    assert seal() == 1
    finish.set()
    assert slow.result() < quick
    assert seal() == 1
    assert sealed_since(first) == [(first, quick), (first + 1, slow.result())]


@pytest.mark.committing
def test_two_sealers_at_once_seal_each_entry_once(note: Note, first: int, pool: ThreadPoolExecutor):
    def write() -> list[int]:
        return [note(number).pk for number in range(100)]

    def seal_on() -> int:
        counts: list[int] = []
        while not (all(writer.done() for writer in writers) and counts[-1:] == [0]):
            counts.append(seal(batch=7))
        return sum(counts)

    writers = [pool.submit(write) for _ in range(3)]
    sealers = [pool.submit(seal_on) for _ in range(3)]
    assert sum(sealer.result() for sealer in sealers) == 300
    written = sorted(pk for writer in writers for pk in writer.result())
    indexes, entries = zip(*sealed_since(first), strict=True)
    assert list(indexes) == list(range(first, first + 300))
    assert sorted(entries) == written


# --- The process ---


@pytest.mark.committing
def test_the_sealer_goes_on_after_the_database_has_closed_its_connection(
    note: Note, first: int, pool: ThreadPoolExecutor
):
    stopped = threading.Event()
    sealer = pool.submit(sealing.run, stopped.is_set)
    for number in range(3):
        note(number)
        until(lambda: not Pending.objects.exists())
        execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE '%%ledger_seal%%' AND pid <> pg_backend_pid()"
        )
    note(3)
    until(lambda: not Pending.objects.exists())
    stopped.set()
    sealer.result(timeout=20)
    assert [index - first for index, _ in sealed_since(first)] == [0, 1, 2, 3]


@pytest.mark.committing
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_the_sealer_process_seals_until_it_is_told_to_end(
    how: signal.Signals, note: Note, environment: dict[str, str]
):
    note()
    with subprocess.Popen(
        [sys.executable, "manage.py", "sealer"],
        cwd=settings.BASE_DIR,
        env=environment,
        stderr=subprocess.PIPE,
    ) as sealer:
        until(lambda: not Pending.objects.exists())
        note()
        until(lambda: not Pending.objects.exists())
        sealer.send_signal(how)
        _, said = sealer.communicate(timeout=10)
    assert (sealer.returncode, said) == (0, b"")
