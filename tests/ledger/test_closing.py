"""The end of the log: what is last, who is refused, and what is said of it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction
from django.utils import translation

from ledger import checkpoints, closing, log, sealing
from ledger.log import SYSTEM
from ledger.models import Checkpoint, Entry, Leaf
from ledger.sealing import seal

pytestmark = [pytest.mark.committing, pytest.mark.usefixtures("memory")]

Note = Callable[..., Entry]


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "SIGNED_AT_MOST_EVERY", 0.0)


def close_log(*arguments: str) -> str:
    said = StringIO()
    call_command("close_log", "--reason", "mandate_ended", *arguments, stdout=said, stderr=said)
    return said.getvalue()


def close() -> Entry:
    return closing.close(by=SYSTEM, office="system", reason="mandate_ended")


def test_after_the_end_an_act_is_refused_in_words(note: Note):
    close()
    with translation.override("en"), pytest.raises(log.LogClosed, match="The register is closed"):
        note()
    assert not Entry.objects.filter(kind="test.noted").exists()


@pytest.mark.parametrize("alias", ["default", "owner"])
def test_after_the_end_the_database_itself_refuses_everybody(note: Note, alias: str):
    note()
    close()
    with connections[alias].cursor() as cursor, pytest.raises(DatabaseError, match="the log is closed"):
        cursor.execute("INSERT INTO ledger_entry (salt, body) SELECT salt, body FROM ledger_entry")


def test_after_the_end_a_session_in_which_triggers_rest_is_refused_too(note: Note):
    note()
    close()
    with connections["owner"].cursor() as cursor, pytest.raises(DatabaseError, match="the log is closed"):
        cursor.execute(
            "SET session_replication_role TO replica;"
            "INSERT INTO ledger_entry (salt, body) SELECT salt, body FROM ledger_entry"
        )


def test_the_app_role_can_neither_end_the_log_nor_go_on_with_it(first: int):
    for statement in (closing.REFUSE, "ALTER TABLE ledger_entry DISABLE TRIGGER ALL"):
        with connection.cursor() as cursor, pytest.raises(DatabaseError, match="must be owner|permission"):
            cursor.execute(statement)
    assert not closing.is_closed()


def test_a_transaction_that_began_before_the_end_is_refused_as_well(note: Note, pool: ThreadPoolExecutor):
    with pytest.raises(log.LogClosed), transaction.atomic():  # noqa: PT012 -- the end comes in between
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT count(*) FROM ledger_entry")
        pool.submit(close).result(timeout=30)
        note()


def test_the_end_waits_for_acts_that_are_being_written(note: Note, pool: ThreadPoolExecutor):
    with transaction.atomic():
        note()
        ending = pool.submit(close)
        with pytest.raises(TimeoutError):
            ending.result(timeout=0.5)
    last = ending.result(timeout=30)
    while seal():
        pass
    assert Leaf.objects.order_by("-index")[0].entry == last


def test_an_act_that_takes_too_long_is_not_waited_for(
    note: Note, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(closing, "LONGEST_WAIT", "200ms")
    with transaction.atomic():
        note()
        with pytest.raises(closing.NotClosed, match="Nothing was done: try again"):
            pool.submit(close).result(timeout=30)
    assert not closing.is_closed()
    note()


def test_the_last_entry_says_why_and_who_goes_on(first: int):
    entry = closing.close(by=SYSTEM, office="system", reason="moved", successor="claims.example.org/log2")
    assert (entry.kind, entry.is_open) == ("ledger.closed", True)
    assert '"facts":{"reason":"moved","successor":"claims.example.org/log2"}' in entry.body
    assert closing.last_entry() == entry


def test_the_log_ends_once(first: int):
    close()
    with pytest.raises(closing.NotClosed, match="closed already"):
        close()


def test_without_being_told_for_good_nothing_ends(note: Note):
    assert "Say --for-good" in close_log()
    note()


def test_the_command_signs_a_last_checkpoint_that_covers_everything(note: Note):
    note()
    said = close_log("--for-good")
    last = Checkpoint.objects.order_by("-size")[0]
    assert last.size == Leaf.objects.count() == Entry.objects.count()
    assert said.endswith(f"\n\n{last.note}")


def test_the_command_can_be_run_again_where_the_last_signature_is_missing(note: Note):
    close()
    said = close_log("--for-good")
    assert said.startswith("The log was closed before.")
    assert checkpoints.published_size() == Entry.objects.count()


def test_with_a_sealer_beside_it_the_command_waits_for_its_signature(note: Note, pool: ThreadPoolExecutor):
    stopped = []

    def sealer() -> None:
        with checkpoints.signing() as signer:
            sealing.run(lambda: bool(stopped), signer)

    running = pool.submit(sealer)
    try:
        note()
        assert "which covers all 2 entries" in close_log("--for-good")
    finally:
        stopped.append(True)
        running.result(timeout=30)


def test_without_the_key_the_end_is_unsigned_and_that_is_said(note: Note, settings: Any):
    note()
    seal()
    checkpoints.sign()
    note()
    settings.LEDGER_KEY = ""
    said = close_log("--for-good", "--without-key")
    assert "the newest checkpoint covers 1 entries, and of those after it, 1 to 2, there is no proof" in said
    assert Leaf.objects.count() == 3


def test_an_alarm_keeps_the_end_from_being_signed(note: Note, memory: Path):
    note()
    seal()
    checkpoints.sign()
    memory.unlink()
    with pytest.raises(CommandError, match="last checkpoint is not signed.*is missing"):
        close_log("--for-good")
    assert closing.is_closed()


def test_a_closed_log_is_still_read_proven_and_published(
    note: Note, client: Any, monkeypatch: pytest.MonkeyPatch
):
    note()
    close_log("--for-good")
    monkeypatch.setattr(checkpoints, "PUBLISHED_AT_LEAST_EVERY", 0.0)
    checkpoints.sign()
    assert Checkpoint.objects.count() > 1
    assert set(Checkpoint.objects.values_list("size", flat=True)) == {2}
    assert client.get("/api/v1/ledger/checkpoint").status_code == 200
    assert client.get("/api/v1/ledger/proof/inclusion?index=0&size=2").status_code == 200


def test_readyz_stays_as_it_was_and_says_so(first: int, client: Any):
    before = client.get("/readyz")
    assert "closed" not in before.json()
    close()
    seal()
    after = client.get("/readyz")
    assert (after.status_code, after.json()) == (before.status_code, before.json() | {"closed": True})
