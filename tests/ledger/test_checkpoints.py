"""The signer: what it signs, what it remembers, when it stops, and what it makes of its witnesses."""

import logging
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
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction

from ledger import checkpoints, notes, proofs, rotation, sealing, tree, witness
from ledger.checkpoints import Alarm, Signer
from ledger.log import SYSTEM
from ledger.models import Checkpoint, Entry, Leaf, Pending
from ledger.sealing import seal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("memory")]

KILLS = int(os.environ.get("LEDGER_KILLS", "4"))

Note = Callable[..., Entry]


@pytest.fixture
def written(note: Note) -> Callable[[int], None]:
    """Appends and seals so many entries."""

    def written(count: int) -> None:
        for number in range(count):
            note(number)
        seal()

    return written


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each turn signs; a witness that is away is asked again at once, and has half a second."""
    monkeypatch.setattr(checkpoints, "SIGNED_AT_MOST_EVERY", 0.0)
    monkeypatch.setattr(checkpoints, "FIRST_REST", 0.0)
    monkeypatch.setattr(checkpoints, "LONGEST_REST", 0.0)
    monkeypatch.setattr(checkpoints, "WITNESS_SECONDS", 0.5)


def published() -> list[tuple[int, str]]:
    return list(Checkpoint.objects.order_by("id").values_list("size", "note"))


def sizes() -> list[int]:
    return [size for size, _note in published()]


def restarted() -> Signer:
    signer = Signer()
    signer.begin()
    return signer


def as_owner(*statements: str | tuple[str, list[int]]) -> None:
    """What somebody does who has got hold of the database itself."""
    with connections["owner"].cursor() as cursor:
        for table in ("ledger_leaf", "ledger_tile", "ledger_checkpoint"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            cursor.execute(*(statement if isinstance(statement, tuple) else (statement,)))
        for table in ("ledger_leaf", "ledger_tile", "ledger_checkpoint"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


# --- What is signed ---


def test_what_is_sealed_is_signed(written: Callable[[int], None], settings: Any):
    written(300)
    checkpoints.sign()
    [checkpoint] = Checkpoint.objects.all()
    opened = notes.open_note(checkpoint.note, [notes.VerifierKey.parse(settings.LEDGER_VKEY)])
    hashes = [bytes(hash_) for hash_ in Leaf.objects.order_by("index").values_list("hash", flat=True)]
    assert notes.Checkpoint.parse(opened.text) == notes.Checkpoint(
        "registry.local/claims", 300, tree.root_of(hashes)
    )
    assert (checkpoint.size, bytes(checkpoint.root)) == (300, tree.root_of(hashes))


def test_an_empty_log_is_not_signed(first: int):
    checkpoints.sign()
    assert not Checkpoint.objects.exists()


def test_what_waits_to_be_sealed_is_not_signed(written: Callable[[int], None], note: Note):
    written(2)
    note()
    checkpoints.sign()
    assert sizes() == [2]


def test_a_tree_that_has_not_grown_is_not_signed_again(written: Callable[[int], None]):
    written(2)
    signer = restarted()
    for _ in range(3):
        signer.sign_when_due()
    restarted().sign_when_due()
    assert sizes() == [2]


def test_a_tree_that_has_grown_is_signed_at_its_new_size(written: Callable[[int], None]):
    signer = restarted()
    for _ in range(3):
        written(2)
        signer.sign_when_due()
    assert sizes() == [2, 4, 6]


def test_it_is_signed_at_most_once_a_second(written: Callable[[int], None], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checkpoints, "SIGNED_AT_MOST_EVERY", 1.0)
    signer = restarted()
    for _ in range(3):
        written(1)
        signer.sign_when_due()
    assert sizes() == [1]


def test_a_quiet_log_is_published_once_an_hour(
    written: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
):
    written(2)
    signer = restarted()
    signer.sign_when_due()
    monkeypatch.setattr(checkpoints, "PUBLISHED_AT_LEAST_EVERY", 0.0)
    signer.sign_when_due()
    assert sizes() == [2, 2]
    assert len({note for _size, note in published()}) == 1


def test_the_first_checkpoint_is_not_trusted_less_than_later_ones(written: Callable[[int], None]):
    written(300)
    checkpoints.sign()
    written(700)
    checkpoints.sign()
    first, second = Checkpoint.objects.order_by("id")
    tree.verify_consistency(300, 1000, proofs.consistency(300, 1000), bytes(first.root), bytes(second.root))


def test_a_log_that_still_grows_its_tree_is_signed_as_far_as_it_has_come(note: Note):
    for _ in range(600):
        note()
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger_seal(600), ledger_grow(1)")
    checkpoints.sign()
    seal()
    checkpoints.sign()
    assert sizes() == [511, 600]


# --- What is remembered ---


def test_what_is_signed_is_remembered_before_it_is_public(
    written: Callable[[int], None], memory: Path, monkeypatch: pytest.MonkeyPatch
):
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    written(2)
    signer = restarted()
    monkeypatch.setattr(Signer, "_publish", killed)
    with pytest.raises(KeyboardInterrupt):
        signer.sign_when_due()
    assert published() == []
    note = memory.read_text()
    monkeypatch.undo()
    restarted()
    assert published() == [(2, note)]


def test_what_cannot_be_remembered_is_not_signed(
    written: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
):
    def full(self: object, signed: object) -> None:
        raise OSError(28, "No space left on device")

    written(2)
    monkeypatch.setattr(checkpoints.Memory, "keep", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.sign()
    assert published() == []


def test_only_one_signs_at_a_time(written: Callable[[int], None], memory: Path):
    written(2)
    with checkpoints.Memory(memory).locked(), pytest.raises(checkpoints.Busy):
        checkpoints.sign()
    checkpoints.sign()
    assert sizes() == [2]


def test_the_memory_is_closed_to_others(written: Callable[[int], None], memory: Path):
    written(1)
    os.umask(os.umask(0o077))
    checkpoints.sign()
    assert memory.parent.stat().st_mode & 0o077 == 0


def test_a_memory_that_is_behind_learns_from_what_is_public(written: Callable[[int], None], memory: Path):
    written(2)
    checkpoints.sign()
    old = memory.read_text()
    written(2)
    checkpoints.sign()
    new = memory.read_text()
    memory.write_text(old)
    restarted()
    assert memory.read_text() == new


def test_a_public_row_that_was_never_signed_is_an_alarm(written: Callable[[int], None]):
    written(2)
    checkpoints.sign()
    written(2)
    with transaction.atomic():
        Checkpoint.objects.create(size=4, root=bytes(32), note="registry.local/claims\n4\n…\n\n— x y\n")
    with pytest.raises(Alarm, match="no checkpoint that this log signed"):
        restarted()
    assert checkpoints.published_size() == 2


def test_a_row_with_another_root_in_the_way_is_an_alarm(written: Callable[[int], None]):
    signer = restarted()
    written(2)
    with transaction.atomic():
        Checkpoint.objects.create(size=2, root=bytes(32), note="…")
    with pytest.raises(Alarm, match="another root, which this log did not sign"):
        signer.sign_when_due()


def test_without_its_memory_it_does_not_go_on(written: Callable[[int], None], memory: Path):
    written(2)
    checkpoints.sign()
    memory.unlink()
    with pytest.raises(Alarm, match="is missing.*sealer --remember FILE"):
        restarted()


def test_a_checkpoint_that_somebody_kept_takes_the_place_of_a_lost_memory(
    written: Callable[[int], None], memory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    written(2)
    checkpoints.sign()
    kept = tmp_path / "kept"
    memory.rename(kept)
    call_command("sealer", remember=kept)
    assert capsys.readouterr().out == "The checkpoint of 2 entries is remembered now.\n"
    restarted()


def test_only_checkpoints_of_this_log_are_learnt(memory: Path, tmp_path: Path):
    stranger = notes.SigningKey.generate("registry.local/claims")
    kept = tmp_path / "kept"
    kept.write_text(notes.sign(notes.Checkpoint("registry.local/claims", 2, bytes(32)).text, stranger))
    with pytest.raises(CommandError, match="no checkpoint that this log signed"):
        call_command("sealer", remember=kept)
    assert not memory.exists()


def test_an_older_checkpoint_is_not_learnt(written: Callable[[int], None], memory: Path, tmp_path: Path):
    written(2)
    checkpoints.sign()
    kept = tmp_path / "kept"
    kept.write_text(memory.read_text())
    written(2)
    checkpoints.sign()
    with pytest.raises(CommandError, match="4 entries is remembered already"):
        call_command("sealer", remember=kept)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"registry.local/claims\n2\n"])
def test_a_damaged_memory_is_an_alarm(written: Callable[[int], None], memory: Path, content: bytes):
    written(2)
    checkpoints.sign()
    memory.write_bytes(content)
    with pytest.raises(Alarm, match="no checkpoint that this log signed"):
        restarted()


def test_a_memory_of_another_log_is_an_alarm(written: Callable[[int], None], settings: Any):
    written(2)
    checkpoints.sign()
    settings.LEDGER_ORIGIN = "elsewhere.example/claims"
    with pytest.raises(Alarm, match="a checkpoint of another log, registry.local/claims"):
        restarted()


def test_a_new_key_goes_on_from_what_the_old_one_signed(written: Callable[[int], None], settings: Any):
    written(2)
    checkpoints.sign()
    old, new = settings.LEDGER_VKEY, notes.SigningKey.generate("registry.local/claims")
    rotation.announce(notes.SigningKey.parse(settings.LEDGER_KEY), new, by=SYSTEM, office="system")
    seal()
    checkpoints.sign()
    settings.LEDGER_KEY, settings.LEDGER_VKEY = new.text, new.verifier.vkey
    with pytest.raises(Alarm, match="name the old one in LEDGER_OLD_VKEYS"):
        restarted()
    settings.LEDGER_OLD_VKEYS = [old]
    written(1)
    restarted().sign_when_due()
    assert sizes() == [2, 3, 4]
    assert notes.open_note(Checkpoint.objects.get(size=4).note, checkpoints.log_keys()).by == [new.verifier]


# --- A database that is not the one that was signed ---


@pytest.mark.committing
@pytest.mark.parametrize("size", [300, 20])
def test_a_log_that_was_cut_back_is_not_signed(written: Callable[[int], None], size: int):
    written(1000)
    checkpoints.sign()
    as_owner(
        "DELETE FROM ledger_checkpoint",
        ("DELETE FROM ledger_leaf WHERE index >= %s", [size]),
        ("DELETE FROM ledger_tile WHERE n >= %s", [size // 256]),
    )
    with pytest.raises(
        Alarm, match=f"has {size} entries, and a checkpoint of 1000 was signed. It was cut back"
    ):
        restarted()
    assert published() == []


@pytest.mark.committing
@pytest.mark.parametrize("index", [0, 290, 299])
def test_a_log_with_another_past_is_not_signed(written: Callable[[int], None], index: int):
    written(300)
    checkpoints.sign()
    written(20)
    as_owner(
        ("UPDATE ledger_leaf SET hash = sha256('other') WHERE index = %s", [index]),
        "DELETE FROM ledger_tile",
        "SELECT ledger_grow(10)",
    )
    with pytest.raises(Alarm, match="not the one of which a checkpoint of 300 entries was signed"):
        restarted()
    assert sizes() == [300]


@pytest.mark.committing
def test_a_log_that_was_cut_back_and_has_grown_again_is_not_signed(
    written: Callable[[int], None], note: Note
):
    written(10)
    checkpoints.sign()
    as_owner("DELETE FROM ledger_checkpoint", "DELETE FROM ledger_leaf WHERE index >= 7")
    written(50)
    with pytest.raises(Alarm, match="some of those are others now"):
        checkpoints.sign()
    assert published() == []


@pytest.mark.committing
def test_a_tile_that_is_gone_is_an_alarm(written: Callable[[int], None]):
    written(600)
    checkpoints.sign()
    as_owner("DELETE FROM ledger_tile WHERE n = 0")
    with pytest.raises(Alarm, match="is not whole"):
        restarted()


# --- The sealer ---


@contextmanager
def running(pool: ThreadPoolExecutor) -> Iterator[Signer]:
    """Sealing and signing as the sealer does."""
    stopped = threading.Event()
    with checkpoints.signing() as signer:
        sealer = pool.submit(sealing.run, stopped.is_set, signer)
        try:
            yield signer
        finally:
            stopped.set()
            sealer.result(timeout=20)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "waited 20 seconds in vain"
        time.sleep(0.02)


@pytest.mark.committing
def test_entries_are_sealed_and_signed_as_they_come(note: Note, pool: ThreadPoolExecutor):
    with running(pool):
        for number in range(3):
            note(number)
            until(lambda: bool(published()) and sizes()[-1] == number + 1)  # noqa: B023


@pytest.mark.committing
def test_a_log_that_was_cut_back_is_not_sealed_either(
    note: Note, written: Callable[[int], None], pool: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
):
    written(10)
    checkpoints.sign()
    as_owner("DELETE FROM ledger_checkpoint", "DELETE FROM ledger_leaf WHERE index >= 7")
    note()
    with running(pool):
        until(lambda: bool(checkpoints.alarm()))
        time.sleep(0.5)
        assert Pending.objects.count() == 1
    assert "It was cut back" in checkpoints.alarm()
    [said] = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert "docs/ledger.md" in said.getMessage()


@pytest.mark.committing
def test_once_the_missing_entries_are_back_sealing_goes_on(
    note: Note,
    written: Callable[[int], None],
    pool: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(checkpoints, "ALARM_LOOKED_AT_EVERY", 0.1)
    written(10)
    checkpoints.sign()
    lost = list(Leaf.objects.filter(index__gte=7).values_list("index", "entry_id", "hash"))
    as_owner("DELETE FROM ledger_leaf WHERE index >= 7")
    note()
    with running(pool):
        until(lambda: bool(checkpoints.alarm()))
        with connections["owner"].cursor() as cursor:
            cursor.executemany("INSERT INTO ledger_leaf (index, entry_id, hash) VALUES (%s, %s, %s)", lost)
        until(lambda: sizes()[-1] == 11)
        assert checkpoints.alarm() == ""


@pytest.mark.committing
def test_a_database_that_went_back_while_the_sealer_ran_is_noticed_before_it_seals(
    note: Note, written: Callable[[int], None], pool: ThreadPoolExecutor
):
    written(10)
    with running(pool) as signer:
        until(lambda: sizes() == [10])
        signer.database_was_away()  # sealing was the first to notice
        as_owner("DELETE FROM ledger_checkpoint", "DELETE FROM ledger_leaf WHERE index >= 7")
        until(lambda: bool(checkpoints.alarm()))
        note()
        time.sleep(0.5)
        assert Leaf.objects.count() == 7


@pytest.mark.committing
def test_signing_goes_on_after_the_database_has_closed_its_connections(note: Note, pool: ThreadPoolExecutor):
    with running(pool):
        for number in range(3):
            note(number)
            until(lambda: bool(published()) and sizes()[-1] == number + 1)  # noqa: B023
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )


@pytest.mark.committing
def test_killed_at_any_point_no_checkpoint_contradicts_another(
    note: Note, environment: dict[str, str], tmp_path: Path, memory: Path
):
    """Two sealers by mistake, one witness, writers; whatever was signed must lie on one history."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"random.Random({seed})")  # shown when the test fails
    chance = random.Random(seed)  # noqa: S311
    signed: dict[int, bytes] = {}

    def remember(text: str) -> None:
        found = notes.Checkpoint.parse(notes.text_of(text))
        assert signed.setdefault(found.size, found.root) == found.root

    with Outside(tmp_path / "w") as outside:
        environment |= {"LEDGER_WITNESSES": outside.line}
        for _ in range(KILLS):
            sealers = [
                subprocess.Popen([sys.executable, "manage.py", "sealer"], env=environment) for _ in range(2)
            ]
            before, end = len(signed), time.monotonic() + 30
            while time.monotonic() < end:
                if len(signed) > before:  # they have come so far; a moment later they are killed
                    end, before = time.monotonic() + chance.uniform(0, 1.5), sys.maxsize
                note()
                if memory.exists():
                    remember(memory.read_text())
                time.sleep(chance.choice([0, 0.01, 0.1]))
            for process in sealers:
                process.send_signal(signal.SIGKILL)
                process.wait(10)
            for _size, text in published():
                remember(text)
            if seen := outside.seen():
                remember(seen)
    seal()
    assert len(signed) > KILLS / 2
    for size, root in signed.items():
        assert proofs.root(size) == root


# --- Witnesses ---


@dataclass
class Outside:
    """A real witness on a port of its own."""

    folder: Path
    name: str = "witness.example/w1"

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.key = notes.SigningKey.generate(self.name, notes.COSIGNATURE)

    def __enter__(self) -> "Outside":
        log = checkpoints.log_keys()
        state = witness.State(self.folder / "state")
        self.witness = witness.Witness(self.key, log, state)
        self.server = witness.Server(("127.0.0.1", 0), self.witness)
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()
        self.witness.state._lock_file.close()

    @property
    def line(self) -> str:
        return f"{self.key.verifier.vkey} http://127.0.0.1:{self.server.server_address[1]}"

    def seen(self) -> str | None:
        return self.witness.state.note(checkpoints.log_keys()[0].name)


@pytest.fixture
def outside(tmp_path: Path, settings: Any) -> Iterator[Outside]:
    with Outside(tmp_path / "witness") as outside:
        settings.LEDGER_WITNESSES = [outside.line]
        yield outside


def signers(note: str) -> list[str]:
    return [line.name for line in notes.signatures(note)]


def test_the_published_checkpoint_carries_the_cosignature(written: Callable[[int], None], outside: Outside):
    written(3)
    checkpoints.sign()
    [(_, note)] = published()
    opened = notes.open_note(note, [*checkpoints.log_keys(), outside.key.verifier])
    assert opened.by == checkpoints.log_keys()
    assert abs(opened.cosigned[outside.key.verifier] - time.time()) < 60
    assert checkpoints.missing_cosignatures(Checkpoint.objects.get()) == 0


def test_a_witness_is_asked_from_what_it_signed_last(written: Callable[[int], None], outside: Outside):
    signer = restarted()
    for _ in range(3):
        written(2)
        signer.sign_when_due()
    written(3)
    restarted().sign_when_due()  # which knows no longer, and is told
    assert sizes()[-1] == 9
    assert all("witness.example/w1" in signers(note) for _size, note in published())


def test_a_quiet_log_gets_fresh_cosignatures_once_an_hour(
    written: Callable[[int], None], outside: Outside, monkeypatch: pytest.MonkeyPatch
):
    written(2)
    signer = restarted()
    signer.sign_when_due()
    monkeypatch.setattr(witness.time, "time", lambda: 2_000_000_000)
    signer.sign_when_due()
    assert sizes() == [2]
    monkeypatch.setattr(checkpoints, "PUBLISHED_AT_LEAST_EVERY", 0.0)
    signer.sign_when_due()
    assert sizes() == [2, 2]
    opened = notes.open_note(published()[1][1], [outside.key.verifier])
    assert opened.cosigned == {outside.key.verifier: 2_000_000_000}


class Answering(BaseHTTPRequestHandler):
    """A witness that is somehow wrong."""

    status, text, seconds = 200, "", 0.0

    def do_POST(self) -> None:
        time.sleep(self.seconds)
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.text)))
        self.end_headers()
        self.wfile.write(self.text.encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering(status: int, text: str = "", seconds: float = 0.0) -> Iterator[str]:
    """The line of a witness that always answers so."""
    kind = type("Kind", (Answering,), {"status": status, "text": text, "seconds": seconds})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    key = notes.SigningKey.generate("witness.example/wrong", notes.COSIGNATURE).verifier
    try:
        yield f"{key.vkey} http://127.0.0.1:{server.server_address[1]}/prefix"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


WRONG = {
    "hangs": (200, "", 5.0),
    "answers with nothing": (200, "", 0),
    "answers with nonsense": (200, "— a b\n\n\0" * 50, 0),
    "signs something else": (200, "— witness.example/wrong AAAAAAAAAAAAAAAAAAAAAA==\n", 0),
    "does not know us": (404, "who?", 0),
    "does not like our signature": (403, "no", 0),
    "is broken": (500, "oh", 0),
    "is busy": (503, "later", 0),
    "tells no size": (409, "x", 0),
    "leads elsewhere": (302, "", 0),
}


@pytest.mark.parametrize("how", WRONG)
def test_a_witness_that_does_not_sign_is_gone_on_without(
    how: str,
    written: Callable[[int], None],
    outside: Outside,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
):
    written(2)
    with answering(*WRONG[how]) as wrong:
        settings.LEDGER_WITNESSES = [wrong, outside.line]
        signer = restarted()
        start = time.monotonic()
        for _ in range(3):
            written(1)
            signer.sign_when_due()
        assert time.monotonic() - start < 5
    assert sizes() == [3, 4, 5]
    assert all(signers(note)[1:] == ["witness.example/w1"] for _size, note in published())
    [said] = [record.getMessage() for record in caplog.records if "does not sign" in record.getMessage()]
    assert "witness.example/wrong" in said
    assert checkpoints.missing_cosignatures(checkpoints.newest()) == 1


def test_a_witness_that_is_not_there_is_told_once_and_told_when_it_is_back(
    written: Callable[[int], None], tmp_path: Path, settings: Any, caplog: pytest.LogCaptureFixture
):
    with Outside(tmp_path / "witness") as outside:
        settings.LEDGER_WITNESSES = [outside.line]
    signer = restarted()
    for _ in range(2):
        written(1)
        signer.sign_when_due()
    assert [signers(note) for _size, note in published()] == [["registry.local/claims"]] * 2
    with outside:
        signer._witnesses[0].url = outside.line.split(" ")[1]
        signer.sign_when_due()  # the tree has not grown
    assert sizes() == [1, 2, 2]
    assert signers(published()[-1][1]) == ["registry.local/claims", "witness.example/w1"]
    told = [record.getMessage() for record in caplog.records if "witness.example/w1" in record.getMessage()]
    assert len(told) == 2
    assert "signs again" in told[1]


def test_at_its_start_the_sealer_waits_a_while_for_witnesses_to_answer(
    written: Callable[[int], None], tmp_path: Path, settings: Any
):
    """After a restore of database and memory together they alone know that more was signed."""
    written(1)
    checkpoints.sign()
    with Outside(tmp_path / "witness") as outside:
        settings.LEDGER_WITNESSES = [outside.line]
    waiting = Signer(awaits=60)
    waiting.begin()
    assert not waiting.may_seal()
    with outside:
        waiting._witnesses[0].url, waiting._witnesses[0].asked_again_at = outside.line.split(" ")[1], 0.0
        waiting.begin()
    assert waiting.may_seal()
    assert restarted().may_seal()  # in vain: one that is away does not stop the log for good


def test_who_signed_earlier_is_kept_beside_who_signs_later(
    written: Callable[[int], None], tmp_path: Path, settings: Any
):
    with Outside(tmp_path / "one") as one, Outside(tmp_path / "two", "witness.example/w2") as two:
        settings.LEDGER_WITNESSES = [one.line, two.line]
        written(1)
        signer = restarted()
        url, signer._witnesses[1].url = signer._witnesses[1].url, "http://127.0.0.1:9"
        signer.sign_when_due()
        signer._witnesses[0].url, signer._witnesses[1].url = "http://127.0.0.1:9", url
        signer.sign_when_due()
    assert [len(signers(note)) for _size, note in published()] == [2, 3]
    assert sorted(signers(published()[1][1]))[1:] == ["witness.example/w1", "witness.example/w2"]


def test_a_witness_that_rests_is_not_asked(
    written: Callable[[int], None], settings: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checkpoints, "FIRST_REST", 60.0)
    with answering(200, "", 5.0) as hanging:
        settings.LEDGER_WITNESSES = [hanging]
        signer = restarted()
        signer._witnesses[0].rest = 60.0
        written(1)
        signer.sign_when_due()
        start = time.monotonic()
        written(1)
        signer.sign_when_due()
        assert time.monotonic() - start < 0.4


@pytest.mark.committing
def test_a_witness_that_has_seen_another_tree_is_an_alarm(
    written: Callable[[int], None], outside: Outside, memory: Path
):
    """Database and memory were put back together, and the log went on from there."""
    written(10)
    checkpoints.sign()
    as_owner("DELETE FROM ledger_checkpoint", "DELETE FROM ledger_leaf WHERE index >= 7")
    memory.unlink()
    written(20)
    with pytest.raises(Alarm, match="witness.example/w1 refuses the checkpoint of 27 entries.*another tree"):
        checkpoints.sign()
    assert published() == []


@pytest.mark.committing
def test_a_witness_that_has_seen_another_tree_of_this_size_is_an_alarm(
    written: Callable[[int], None], outside: Outside, memory: Path
):
    written(10)
    checkpoints.sign()
    as_owner("DELETE FROM ledger_checkpoint", "DELETE FROM ledger_leaf WHERE index >= 7")
    memory.unlink()
    written(3)
    with pytest.raises(Alarm, match="refuses the checkpoint of 10 entries"):
        checkpoints.sign()


@pytest.mark.committing
def test_a_witness_that_has_seen_more_is_an_alarm_before_anything_is_sealed(
    written: Callable[[int], None], note: Note, outside: Outside, memory: Path
):
    written(7)
    checkpoints.sign()
    old = memory.read_text()
    written(3)
    checkpoints.sign()
    as_owner("DELETE FROM ledger_checkpoint WHERE size > 7", "DELETE FROM ledger_leaf WHERE index >= 7")
    memory.write_text(old)
    signer = Signer()
    with pytest.raises(Alarm, match="has signed a checkpoint of 10 entries, and the log has 7"):
        signer.begin()
    assert not signer.may_seal()


@pytest.mark.parametrize("answer", [(422, "no"), (409, "999\n")], ids=["bad proof", "has seen more"])
def test_every_answer_that_tells_of_a_fork_is_an_alarm(
    answer: tuple[int, str], written: Callable[[int], None], settings: Any
):
    written(2)
    with answering(*answer) as line:
        settings.LEDGER_WITNESSES = [line]
        with pytest.raises(Alarm, match="take it out of LEDGER_WITNESSES"):
            checkpoints.sign()
    assert published() == []


def test_the_alarm_of_a_witness_stands_while_that_witness_is_silent(
    written: Callable[[int], None], settings: Any
):
    written(2)
    with answering(409, "999\n") as line:
        settings.LEDGER_WITNESSES = [line]
        signer = Signer()
        signer.begin()
        with pytest.raises(Alarm, match="has signed a checkpoint of 999 entries"):
            signer.sign_when_due()
    with pytest.raises(Alarm, match="has signed a checkpoint of 999 entries"):
        signer.begin()
    assert published() == []


# --- Promises and keys ---


def test_an_entry_is_promised_within_the_time_that_is_set(note: Note, settings: Any):
    settings.LEDGER_PROMISE_SECONDS = 600
    entry = Entry.objects.get(pk=note().pk)
    opened = notes.open_note(checkpoints.promise(entry), [checkpoints.promise_key()])
    promise = notes.Promise.parse(opened.text)
    assert (promise.origin, promise.leaf_hash) == ("registry.local/claims", entry.leaf_hash)
    assert 599 <= promise.by - entry.at.timestamp() <= 601
    assert checkpoints.promise(entry) == checkpoints.promise(entry)


def test_promises_are_signed_by_a_key_of_their_own(settings: Any):
    assert checkpoints.promise_key().name == "registry.local/claims/promises"
    assert checkpoints.promise_key().public != notes.VerifierKey.parse(settings.LEDGER_VKEY).public


def test_the_keys_are_published_the_logs_first(settings: Any):
    old = notes.SigningKey.generate("registry.local/claims").verifier.vkey
    key = notes.SigningKey.generate("witness.example/w", notes.COSIGNATURE).verifier.vkey
    settings.LEDGER_OLD_VKEYS, settings.LEDGER_WITNESSES = [old], [f"{key} http://127.0.0.1:1"]
    assert checkpoints.vkeys() == [settings.LEDGER_VKEY, old, key, checkpoints.promise_key().vkey]


def test_a_process_without_the_key_does_not_seal(settings: Any):
    settings.LEDGER_KEY = ""
    with pytest.raises(CommandError, match="LEDGER_KEY is not set"):
        call_command("sealer")
