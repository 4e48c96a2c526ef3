"""Readers of the sealed entries: in order, each entry once, none missed."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ledger.following import follow, lag, sealed
from ledger.models import Entry, Follower
from ledger.sealing import seal

pytestmark = pytest.mark.django_db

Note = Callable[..., Entry]
Batch = list[tuple[int, Entry]]


class Seen:
    """A handler that remembers what it was handed."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def __call__(self, batch: Batch) -> None:
        self.batches.append(batch)

    @property
    def indexes(self) -> list[int]:
        return [index for batch in self.batches for index, _ in batch]


@pytest.fixture
def three(note: Note) -> list[Entry]:
    entries = [note(number) for number in range(3)]
    seal()
    return entries


def test_a_new_follower_begins_with_the_first_entry(three: list[Entry]):
    seen = Seen()
    assert follow("notices", seen) == 3
    assert seen.batches == [list(enumerate(three))]


def test_a_follower_goes_on_where_it_ended(three: list[Entry], note: Note):
    seen = Seen()
    assert [follow("notices", seen, limit=2) for _ in range(3)] == [2, 1, 0]
    note()
    seal()
    assert follow("notices", seen) == 1
    assert [len(batch) for batch in seen.batches] == [2, 1, 1]
    assert seen.indexes == [0, 1, 2, 3]


def test_each_follower_has_a_cursor_of_its_own(three: list[Entry]):
    notices, webhooks = Seen(), Seen()
    follow("notices", notices)
    follow("webhooks", webhooks, limit=1)
    assert (notices.indexes, webhooks.indexes) == ([0, 1, 2], [0])


def test_entries_that_are_not_sealed_are_not_followed(three: list[Entry], note: Note):
    note()
    seen = Seen()
    follow("notices", seen)
    assert seen.indexes == [0, 1, 2]


def test_without_a_new_entry_the_handler_is_not_called():
    seen = Seen()
    assert follow("notices", seen) == 0
    assert seen.batches == []


def test_what_a_failing_handler_wrote_is_undone_and_the_entries_come_again(three: list[Entry]):
    def fail(batch: Batch) -> None:
        Follower.objects.create(name="written by the handler")
        raise ZeroDivisionError

    follow("notices", Seen(), limit=1)
    with pytest.raises(ZeroDivisionError):
        follow("notices", fail)
    assert [follower.name for follower in Follower.objects.all()] == ["notices"]
    seen = Seen()
    follow("notices", seen)
    assert seen.indexes == [1, 2]


def test_lag_counts_the_sealed_entries_that_a_follower_has_not_handled(three: list[Entry], note: Note):
    assert (lag("notices"), lag("a new one")) == (3, 3)
    follow("notices", Seen(), limit=2)
    note()
    assert lag("notices") == 1
    seal()
    assert lag("notices") == 2


def test_without_entries_nothing_lags():
    assert lag("notices") == 0


@pytest.mark.parametrize("count", [1, 3])
def test_following_costs_the_same_number_of_queries_for_any_number_of_entries(
    count: int, three: list[Entry], django_assert_num_queries: Any
):
    with django_assert_num_queries(6):  # savepoint, make, lock, read, move, release
        assert follow("notices", Seen(), limit=count) == count


def test_sealed_entries_are_read_after_an_index_and_in_order(
    three: list[Entry], django_assert_num_queries: Any
):
    def read(**after: int) -> list[tuple[int, Entry]]:
        with django_assert_num_queries(1):
            return [(leaf.index, leaf.entry) for leaf in sealed(**after)]

    assert read() == list(enumerate(three))
    assert read(after=0, limit=1) == [(1, three[1])]
    assert read(after=2) == []


@pytest.mark.committing
def test_two_processes_of_one_follower_never_handle_an_entry_twice(
    three: list[Entry], pool: ThreadPoolExecutor
):
    handling, finish = threading.Event(), threading.Event()
    seen = Seen()

    def slowly(batch: Batch) -> None:
        handling.set()
        finish.wait(20)
        seen(batch)

    follow("notices", Seen(), limit=1)
    first = pool.submit(follow, "notices", slowly)
    handling.wait(20)
    assert follow("notices", seen) == 0
    finish.set()
    assert first.result() == 2
    assert follow("notices", seen) == 0
    assert seen.indexes == [1, 2]


@pytest.mark.committing
def test_many_processes_of_one_follower_share_the_work(note: Note, pool: ThreadPoolExecutor):
    for number in range(100):
        note(number)
    seal()
    seen = Seen()

    def work() -> None:
        while lag("notices"):
            follow("notices", seen, limit=3)

    for worker in [pool.submit(work) for _ in range(4)]:
        worker.result()
    assert sorted(seen.indexes) == list(range(100))
