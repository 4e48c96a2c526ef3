"""A database of yesterday becomes the log of today again: for real, from what was exported and handed out."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction

from ledger import checkpoints, closing, export, following, log, notes, proofs, tree
from ledger.log import SYSTEM, Kind
from ledger.models import Checkpoint, Entry, Leaf, Pending, Tile
from ledger.sealing import seal
from tests.conftest import Clones
from tests.ledger.outside import WitnessProcess

pytestmark = pytest.mark.committing

SUBMITTED = Kind("test.submitted", is_open=True, facts={"number": str})
CLAIM = UUID(int=7)

Note = Callable[..., Entry]


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "SIGNED_AT_MOST_EVERY", 0.0)
    monkeypatch.setattr(checkpoints, "FIRST_REST", 0.0)


class World:
    """A log with a backup at some size, and what others kept of what came later."""

    def __init__(self, note: Note, folder: Path, memory: Path, clones: Clones, name: str) -> None:
        self.note, self.folder, self.memory = note, folder, memory
        self.clones, self._name = clones, name
        self._until_the_end = ExitStack()

    def write(self, count: int) -> None:
        with transaction.atomic():
            for number in range(count):
                self.note(number)

    def write_and_sign(self, count: int) -> None:
        self.write(count)
        self.sign()

    def sign(self) -> None:
        while seal():
            pass
        checkpoints.sign()

    def back_up(self) -> None:
        for alias in ("default", "owner"):
            connections[alias].close()
        self._backup = self._until_the_end.enter_context(self.clones.clone(self._name))

    def publish(self) -> None:
        """What is handed out of the log as it is now."""
        self.export = self.folder / "export"
        export.export(self.export)
        self.hashes = [bytes(h) for h in Leaf.objects.order_by("index").values_list("hash", flat=True)]

    def lose(self) -> None:
        """Restores the backup."""
        self.clones.point_at(self._backup)

    def lines(self, *indexes: int) -> Path:
        """An export that somebody kept a part of."""
        whole = (self.export / "entries.ndjson").read_text().splitlines(keepends=True)
        file = self.folder / "some.ndjson"
        file.write_text("".join(whole[index] for index in indexes))
        return file

    def recover(self, *entries: Path, **given: Any) -> str:
        said = StringIO()
        arguments = {"checkpoint": self.export / "checkpoint", "tiles": self.export, "entries": entries}
        call_command("recover_ledger", **(arguments | given), stdout=said)
        return said.getvalue()

    def check(self) -> None:
        """The log is whole: each leaf has the hash of its entry, each tile and checkpoint is right, and what
        was published stands where it stood."""
        leaves = list(Leaf.objects.select_related("entry").order_by("index"))
        assert [leaf.index for leaf in leaves] == list(range(len(leaves)))
        assert all(leaf.entry is None or leaf.entry.leaf_hash == bytes(leaf.hash) for leaf in leaves)
        hashes = [bytes(leaf.hash) for leaf in leaves]
        assert hashes[: len(self.hashes)] == self.hashes
        assert proofs.root(len(hashes)) == tree.root_of(hashes)
        assert Tile.objects.filter(level=0).count() == len(hashes) // 256
        for checkpoint in Checkpoint.objects.all():
            assert bytes(checkpoint.root) == tree.root_of(hashes[: checkpoint.size])
        assert Entry.objects.filter(leaf=None, pending=None).count() == 0
        assert Entry.objects.exclude(leaf=None).exclude(pending=None).count() == 0

    def close(self) -> None:
        self._until_the_end.close()


@pytest.fixture
def world(note: Note, tmp_path: Path, memory: Path, clones: Clones, own_database: str) -> Iterator[World]:
    world = World(note, tmp_path, memory, clones, own_database)
    yield world
    world.close()


@pytest.fixture
def lost(world: World) -> World:
    """300 entries are in the backup; 700 were published; then the backup was restored."""
    world.write_and_sign(300)
    world.back_up()
    world.write_and_sign(400)
    world.publish()
    world.lose()
    return world


# --- It comes back, and goes on ---


def test_an_older_database_is_refused_recovered_and_goes_on_before_its_witness(
    world: World, tmp_path: Path, settings: Any
):
    with WitnessProcess(tmp_path / "witness", settings.LEDGER_VKEY) as witness:
        settings.LEDGER_WITNESSES = [witness.line]
        world.write_and_sign(300)
        world.back_up()
        world.write_and_sign(400)
        world.publish()
        world.lose()
        world.write(3)
        with pytest.raises(checkpoints.Alarm, match="has 300 entries, and a checkpoint of 700 was signed"):
            checkpoints.sign()
        said = world.recover(world.export / "entries.ndjson")
        assert "From 300 on: 400 entries were put back, 0 were still here, 0 are lost." in said
        world.sign()
        newest = checkpoints.newest()
    assert newest is not None
    assert newest.size == 700 + 3 + 1
    assert notes.open_note(newest.note, [witness.key.verifier]).cosigned
    assert witness.said().count("refused") == 0
    world.check()


def test_the_recovery_is_an_entry_itself(lost: World):
    lost.recover(lost.export / "entries.ndjson")
    body = json.loads(Entry.objects.get(kind="ledger.recovered").body)
    root = tree.root_of(lost.hashes).hex()
    assert body["open"] is True
    assert body["facts"] == {
        "first": 300, "lost": 0, "moved": 0, "promised": 0, "put_back": 400, "root": root, "size": 700
    }  # fmt: skip


def test_where_nothing_is_lost_nothing_is_done(world: World):
    world.write_and_sign(300)
    world.publish()
    assert world.recover() == "Nothing was put back: all 300 hashes of the checkpoint are here.\n"
    assert Entry.objects.count() == 300


def test_what_waited_in_the_backup_comes_to_its_place_without_a_copy(world: World):
    world.write_and_sign(10)
    world.write(5)  # not sealed when the backup was made
    world.back_up()
    world.sign()
    world.publish()
    world.lose()
    assert "0 entries were put back, 5 were still here, 0 are lost" in world.recover()
    world.sign()
    world.check()


def test_what_was_sealed_after_the_restore_at_the_place_of_another_is_kept_and_sealed_later(lost: World):
    with transaction.atomic():
        late = [lost.note(number).pk for number in range(300)]
    seal()  # by a sealer that had lost its memory too
    assert Leaf.objects.count() == 600
    said = lost.recover(lost.export / "entries.ndjson")
    assert "300 entries of after the restore stood at indexes of others" in said
    lost.sign()
    lost.check()
    assert (
        list(Leaf.objects.filter(index__gte=700, index__lt=1000).values_list("entry_id", flat=True)) == late
    )


def test_what_was_signed_after_the_restore_is_a_fork_and_is_not_undone(lost: World):
    note = lost.memory.read_text()
    lost.memory.unlink()
    Checkpoint.objects.exists()
    lost.write(5)
    seal()
    size, root = 305, proofs.root(305)
    signed = notes.sign(notes.Checkpoint("registry.local/claims", size, root).text, _key())
    Checkpoint.objects.create(size=size, root=root, note=signed)
    lost.memory.write_text(note)
    with pytest.raises(CommandError, match="another history was signed. Keep both: they prove a fork"):
        lost.recover(lost.export / "entries.ndjson")
    assert Leaf.objects.count() == 305


def _key() -> notes.SigningKey:
    return checkpoints._signing_key(checkpoints.settings.LEDGER_KEY)


def test_followers_read_from_the_first_index_that_came_back(lost: World):
    lost.write(100)
    seal()
    while following.follow("reader", lambda batch: None):
        pass
    lost.recover(lost.export / "entries.ndjson")
    assert following.handled("reader") == 299


def test_a_lost_memory_is_written_again(lost: World):
    remembered = lost.memory.read_text()
    lost.memory.unlink()
    lost.recover(lost.export / "entries.ndjson")
    assert lost.memory.read_text().startswith(remembered.partition("\n\n")[0])
    lost.sign()
    lost.check()


def test_acts_of_claims_that_came_back_are_listed_by_number(world: World):
    world.write_and_sign(2)
    world.back_up()
    with transaction.atomic():
        log.append(SUBMITTED, by=SYSTEM, office="system", claim=CLAIM, facts={"number": "UA-7K4M-2P9Q-F"})
    world.write_and_sign(1)
    world.publish()
    world.lose()
    said = world.recover(world.export / "entries.ndjson")
    assert f"  UA-7K4M-2P9Q-F {CLAIM}: entries 2\n" in said


# --- From whom it comes back ---


def test_receipts_and_partners_copies_do_as_well(lost: World):
    rows = [json.loads(line) for line in (lost.export / "entries.ndjson").read_text().splitlines()]
    bodies = [_body(line) for line in (lost.export / "entries.ndjson").read_text().splitlines()]
    receipt, answer = lost.folder / "receipt.json", lost.folder / "answer.json"
    receipt.write_text(
        json.dumps(
            {
                "format": "registry-receipt/1",
                "entry": {"body": bodies[300], "salt": rows[300]["salt"]},
                "promise": "whatever",
            },
            indent=2,
        )
    )
    shown = [
        {"index": index, "leaf_hash": "", "body": bodies[index], "salt": rows[index]["salt"]}
        for index in range(301, 600)
    ]
    hidden = [{"index": 600, "leaf_hash": "", "body": None, "salt": None}]
    answer.write_text(json.dumps({"results": shown + hidden, "next_start": None}))
    said = lost.recover(receipt, answer, lost.lines(*range(600, 700)))
    assert "400 entries were put back, 0 were still here, 0 are lost" in said
    lost.sign()
    lost.check()


def _body(line: str) -> str:
    return line.partition(',"body":')[2][:-1]


def test_a_copy_that_was_altered_is_not_put_back(lost: World):
    altered = lost.folder / "altered.ndjson"
    altered.write_text((lost.export / "entries.ndjson").read_text().replace('"number":399', '"number":398'))
    with pytest.raises(CommandError, match="nobody gave these 1: 699"):
        lost.recover(altered)
    assert Leaf.objects.count() == 300


def test_what_was_promised_and_never_signed_is_entered_when_somebody_has_looked_at_it(lost: World):
    promised = Entry(salt=b"0123456789abcdef", body=Entry.objects.first().body)  # type: ignore[union-attr]
    promised.at = Entry.objects.first().at  # type: ignore[union-attr]
    receipt = lost.folder / "receipt.json"
    receipt.write_text(
        json.dumps(
            {
                "entry": {"body": promised.body, "salt": promised.salt.hex()},
                "promise": checkpoints.promise(promised),
            }
        )
    )
    said = lost.recover(lost.export / "entries.ndjson", receipt)
    assert "1 entries that we promised and never signed were not entered" in said
    assert promised.leaf_hash.hex() in said
    said = lost.recover(lost.export / "entries.ndjson", receipt, with_promised=True)
    assert "1 entries that we promised and never signed are sealed now too" in said
    told = [json.loads(entry.body)["facts"] for entry in Entry.objects.filter(kind="ledger.recovered")]
    assert sorted(facts["promised"] for facts in told) == [0, 1]
    lost.sign()
    lost.check()
    assert Leaf.objects.filter(hash=promised.leaf_hash, index__gte=700).exists()


def test_entries_that_were_sealed_and_are_not_signed_yet_stay_where_they_are(world: World):
    world.write_and_sign(5)
    world.publish()
    world.write(5)
    seal()
    before = list(Leaf.objects.order_by("index").values_list("index", "entry_id"))
    world.recover(world.export / "entries.ndjson")
    assert list(Leaf.objects.order_by("index").values_list("index", "entry_id")) == before


def test_what_nobody_promised_is_not_taken_in(lost: World):
    receipt = lost.folder / "receipt.json"
    body = Entry.objects.first().body  # type: ignore[union-attr]
    receipt.write_text(json.dumps({"entry": {"body": body, "salt": "ab" * 16}, "promise": "I promise"}))
    lost.recover(lost.export / "entries.ndjson", receipt)
    assert Entry.objects.count() == 700 + 1


@pytest.mark.parametrize(
    "content",
    [
        b"[]", b"nonsense", b"\xff\xfe", b'{"entry":{"body":"{}"}}', b'{"entry":{"body":"{}","salt":"ab"}}',
        b'{"index":0,"lost":"%s"}\n{"index":1,"sa' % (b"0" * 64),
        b'{"entry":{"body":7,"salt":"ab"}}', b'{"index":0,"salt":"abcd","body":{}}\n',
    ],
)  # fmt: skip
def test_a_file_that_is_no_copy_is_refused(lost: World, content: bytes):
    file = lost.folder / "file"
    file.write_bytes(content)
    with pytest.raises(CommandError, match="is neither an export nor|holds (an|no) entry"):
        lost.recover(file)
    assert Leaf.objects.count() == 300


# --- What nobody has ---


def test_without_the_entries_nothing_is_changed_and_what_is_missing_is_named(lost: World):
    kept = lost.lines(*range(300, 500), *range(502, 700))
    with pytest.raises(CommandError, match="nobody gave these 2: 500 to 501. Look for more copies"):
        lost.recover(kept)
    assert (Leaf.objects.count(), Entry.objects.count()) == (300, 300)
    assert not Pending.objects.exists()


def test_gaps_keep_their_hashes_and_the_log_goes_on(lost: World):
    kept = lost.lines(*range(300, 500), *range(502, 700))
    said = lost.recover(kept, leave_gaps=True)
    assert "Lost, with their hashes known: 500 to 501." in said
    lost.write(3)
    lost.sign()
    lost.check()
    gaps = Leaf.objects.filter(entry=None).order_by("index")
    assert [(leaf.index, bytes(leaf.hash)) for leaf in gaps] == [
        (500, lost.hashes[500]),
        (501, lost.hashes[501]),
    ]


def test_who_follows_passes_over_gaps(lost: World):
    lost.recover(leave_gaps=True)
    lost.sign()
    seen: list[int] = []
    while following.follow("reader", lambda batch: seen.extend(index for index, _entry in batch)):
        pass
    assert seen == [*range(300), 700]


def test_a_gap_is_filled_when_its_entry_turns_up_later(lost: World):
    lost.recover(lost.lines(*range(300, 500), *range(502, 700)), leave_gaps=True)
    lost.sign()
    said = lost.recover(lost.lines(501), checkpoint=lost.memory)
    assert "1 entries were put back, 0 were still here, 0 are lost" in said
    lost.sign()
    lost.check()
    assert list(Leaf.objects.filter(entry=None).values_list("index", flat=True)) == [500]
    assert "Nothing was put back" in lost.recover(checkpoint=lost.memory)
    assert Entry.objects.filter(kind="ledger.recovered").count() == 2


def test_an_export_with_a_gap_is_read_like_any_other(lost: World):
    lost.recover(lost.lines(*range(300, 500), *range(501, 700)), leave_gaps=True)
    lost.sign()
    again = lost.folder / "again"
    export.export(again)
    said = lost.recover(again / "entries.ndjson", lost.lines(500), checkpoint=lost.memory, tiles=again)
    assert "1 entries were put back" in said
    lost.sign()
    lost.check()


# --- Nothing else gets in ---


def test_a_tile_that_is_not_what_was_signed_is_refused(lost: World):
    tile = lost.export / "tile/0/001"
    content = bytearray(tile.read_bytes())
    content[-1] ^= 1
    tile.write_bytes(content)
    with pytest.raises(CommandError, match="do not have the root of the checkpoint"):
        lost.recover(lost.export / "entries.ndjson")
    assert Leaf.objects.count() == 300


def test_a_tile_that_nobody_kept_is_named(lost: World):
    (lost.export / "tile/0/001").unlink()
    with pytest.raises(CommandError, match=r"tile/0/001 is not in .* Fetch it"):
        lost.recover(lost.export / "entries.ndjson")


def test_tiles_of_what_the_database_still_has_need_not_be_there(lost: World):
    (lost.export / "tile/0/000").unlink()
    lost.recover(lost.export / "entries.ndjson")
    lost.sign()
    lost.check()


def test_a_wider_tile_holds_a_narrower_one(world: World):
    world.write_and_sign(10)
    world.back_up()
    world.write_and_sign(20)
    world.publish()
    wider = world.export / "tile/0/000.p/30"
    shutil.move(wider, wider.with_name("31"))
    (wider.with_name("31")).write_bytes(wider.with_name("31").read_bytes() + b"x" * 32)
    world.lose()
    world.recover(world.export / "entries.ndjson")
    world.sign()
    world.check()


def test_a_checkpoint_of_another_log_is_refused(lost: World):
    (lost.export / "checkpoint").write_text(
        notes.sign(notes.Checkpoint("registry.local/claims", 700, b"x" * 32).text,
                   notes.SigningKey.generate("registry.local/claims"))
    )  # fmt: skip
    with pytest.raises(CommandError, match="no checkpoint that this log signed"):
        lost.recover()


def test_an_older_checkpoint_than_was_signed_last_is_refused(world: World):
    world.write_and_sign(5)
    world.back_up()
    world.write_and_sign(5)
    world.publish()
    world.write_and_sign(5)
    world.lose()
    with pytest.raises(CommandError, match="A checkpoint of 15 entries was signed, and the one given has 10"):
        world.recover(world.export / "entries.ndjson")


def test_two_roots_at_one_size_are_a_fork(lost: World):
    forged = notes.sign(notes.Checkpoint("registry.local/claims", 700, b"x" * 32).text, _key())
    (lost.export / "checkpoint").write_text(forged)
    with pytest.raises(CommandError, match="Two roots were signed at 700 entries"):
        lost.recover()


def test_while_somebody_signs_nothing_is_recovered(lost: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ledger.management.commands.recover_ledger.SECONDS", 0.2)
    with (
        checkpoints.Memory(lost.memory).locked(),
        pytest.raises(CommandError, match="A sealer is signing. Stop it"),
    ):
        lost.recover(lost.export / "entries.ndjson")


def test_the_tables_are_as_closed_afterwards_as_before(lost: World):
    def triggers() -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger"
                " WHERE NOT tgisinternal ORDER BY 1, 2"
            )
            return cursor.fetchall()

    before = triggers()
    lost.recover(lost.export / "entries.ndjson")
    assert triggers() == before


# --- A log that was closed ---


def test_an_end_that_was_lost_comes_back_with_the_rest(world: World):
    world.write_and_sign(5)
    world.back_up()
    closing.close(by=SYSTEM, office="system", reason="mandate_ended")
    world.sign()
    world.publish()
    world.lose()
    world.write(2)
    assert "The log was closed, and is." in world.recover(world.export / "entries.ndjson")
    assert closing.is_closed()
    world.sign()
    world.check()
    with pytest.raises(log.LogClosed):
        world.note()


def test_a_closed_log_is_recovered_without_an_entry_about_it(world: World):
    world.write_and_sign(5)
    closing.close(by=SYSTEM, office="system", reason="mandate_ended")
    world.sign()
    world.publish()
    with connections["owner"].cursor() as cursor:
        for table in ("ledger_leaf", "ledger_checkpoint"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM ledger_leaf WHERE index >= 3")
        cursor.execute("DELETE FROM ledger_checkpoint")
        for table in ("ledger_leaf", "ledger_checkpoint"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    assert "0 entries were put back, 3 were still here, 0 are lost" in world.recover()
    assert closing.is_closed()
    assert not Entry.objects.filter(kind="ledger.recovered").exists()
    world.sign()
    world.check()
