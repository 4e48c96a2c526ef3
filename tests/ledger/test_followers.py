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
def three(note: Note, first: int) -> list[Entry]:
    """Three sealed entries, and two followers that have read all before them."""
    for name in ("notices", "webhooks"):
        Follower.objects.create(name=name, next_index=first)
    entries = [note(number) for number in range(3)]
    seal()
    return entries


def test_a_new_follower_begins_with_the_first_entry_of_all(three: list[Entry], first: int):
    seen = Seen()
    assert follow("a new one", seen) == first + 3
    assert seen.indexes == list(range(first + 3))


def test_a_handler_gets_entries_with_their_indexes(three: list[Entry], first: int):
    seen = Seen()
    assert follow("notices", seen) == 3
    assert seen.batches == [list(enumerate(three, first))]


def test_a_follower_goes_on_where_it_ended(three: list[Entry], first: int, note: Note):
    seen = Seen()
    assert [follow("notices", seen, limit=2) for _ in range(3)] == [2, 1, 0]
    note()
    seal()
    assert follow("notices", seen) == 1
    assert [len(batch) for batch in seen.batches] == [2, 1, 1]
    assert seen.indexes == list(range(first, first + 4))


def test_each_follower_has_a_cursor_of_its_own(three: list[Entry]):
    notices, webhooks = Seen(), Seen()
    follow("notices", notices)
    follow("webhooks", webhooks, limit=1)
    assert webhooks.indexes == notices.indexes[:1]
    assert (lag("notices"), lag("webhooks")) == (0, 2)


def test_entries_that_are_not_sealed_are_not_followed(three: list[Entry], note: Note):
    note()
    assert follow("notices", Seen()) == 3


def test_without_a_new_entry_the_handler_is_not_called(three: list[Entry]):
    follow("notices", Seen())
    seen = Seen()
    assert follow("notices", seen) == 0
    assert seen.batches == []


def test_what_a_failing_handler_wrote_is_undone_and_the_entries_come_again(three: list[Entry], first: int):
    def fail(batch: Batch) -> None:
        Follower.objects.create(name="written by the handler")
        raise ZeroDivisionError

    follow("notices", Seen(), limit=1)
    with pytest.raises(ZeroDivisionError):
        follow("notices", fail)
    assert not Follower.objects.filter(name="written by the handler").exists()
    seen = Seen()
    follow("notices", seen)
    assert seen.indexes == [first + 1, first + 2]


def test_lag_counts_the_sealed_entries_that_a_follower_has_not_handled(
    three: list[Entry], first: int, note: Note
):
    assert (lag("notices"), lag("a new one")) == (3, first + 3)
    follow("notices", Seen(), limit=2)
    note()
    assert lag("notices") == 1
    seal()
    assert lag("notices") == 2


@pytest.mark.parametrize("count", [1, 3])
def test_following_costs_the_same_number_of_queries_for_any_number_of_entries(
    count: int, three: list[Entry], django_assert_num_queries: Any
):
    with django_assert_num_queries(6):  # savepoint, make, lock, read, move, release
        assert follow("notices", Seen(), limit=count) == count


def test_sealed_entries_are_read_after_an_index_and_in_order(
    three: list[Entry], first: int, django_assert_num_queries: Any
):
    def read(**after: int) -> list[tuple[int, Entry]]:
        with django_assert_num_queries(1):
            return [(leaf.index, leaf.entry) for leaf in sealed(**after)]

    assert [index for index, _ in read()] == list(range(first + 3))
    assert read(after=first - 1) == list(enumerate(three, first))
    assert read(after=first, limit=1) == [(first + 1, three[1])]
    assert read(after=first + 2) == []


@pytest.mark.committing
def test_two_processes_of_one_follower_never_handle_an_entry_twice(
    three: list[Entry], first: int, pool: ThreadPoolExecutor
):
    handling, finish = threading.Event(), threading.Event()
    seen = Seen()

    def slowly(batch: Batch) -> None:
        handling.set()
        finish.wait(20)
        seen(batch)

    follow("notices", Seen(), limit=1)
    slow = pool.submit(follow, "notices", slowly)
    handling.wait(20)
    assert follow("notices", seen) == 0
    finish.set()
    assert slow.result() == 2
    assert follow("notices", seen) == 0
    assert seen.indexes == [first + 1, first + 2]


@pytest.mark.committing
def test_many_processes_of_one_follower_share_the_work(note: Note, first: int, pool: ThreadPoolExecutor):
    for number in range(100):
        note(number)
    seal()
    seen = Seen()

    def work() -> None:
        while lag("notices"):
            follow("notices", seen, limit=3)

    for worker in [pool.submit(work) for _ in range(4)]:
        worker.result()
    assert sorted(seen.indexes) == list(range(first + 100))
