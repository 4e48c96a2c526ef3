"""The standalone verifier: what is true is proven, all else is refuted or left open, by exit status."""

import base64
import copy
import json
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ledger import notes, rotation_note, tree, verify

ORIGIN = "register.example/claims"
LOG = notes.SigningKey.generate(ORIGIN)
PROMISES = notes.SigningKey.generate(f"{ORIGIN}/promises")
WITNESS = notes.SigningKey.generate("witness.example/w", type=notes.COSIGNATURE)
FILE = b"%PDF-1.7\n what was sent\n"
HOUR = 3600


def body(number: int, **said: Any) -> str:
    at = f"2026-03-07T10:20:{number % 60:02}.000000Z"
    return json.dumps({"at": at, "format": "registry-entry/1", "number": number} | said, sort_keys=True)


@dataclass
class Log:
    """A log on paper: entries, and what the register would give out of them."""

    entries: list[tuple[bytes, str]] = field(default_factory=list)
    key: notes.SigningKey = LOG

    @property
    def hashes(self) -> list[bytes]:
        return [tree.leaf_hash(salt + text.encode()) for salt, text in self.entries]

    def add(self, text: str) -> int:
        self.entries.append((os.urandom(16), text))
        return len(self.entries) - 1

    def grow(self, count: int) -> "Log":
        for _ in range(count):
            self.add(body(len(self.entries)))
        return self

    def read(self, size: int) -> tree.Read:
        rows = [self.hashes[:size]]
        while len(rows[-1]) >= tree.TILE_WIDTH:
            row = rows[-1]
            rows.append([tree.root_of(row[at : at + 256]) for at in range(0, len(row) // 256 * 256, 256)])
        return lambda tiles: {
            tile: b"".join(rows[tile.level][256 * tile.n : 256 * tile.n + tile.width]) for tile in tiles
        }

    def checkpoint(self, size: int | None = None, *, witnessed: bool = True) -> str:
        size = len(self.entries) if size is None else size
        text = notes.Checkpoint(ORIGIN, size, tree.root_of(self.hashes[:size])).text
        note = notes.sign(text, self.key)
        return note + notes.cosign(text, WITNESS, int(time.time())) if witnessed else note

    def promise(self, index: int, by: float, key: notes.SigningKey = PROMISES) -> str:
        return notes.sign(notes.Promise(ORIGIN, self.hashes[index], int(by)).text, key)

    def receipt(self, index: int, *, size: int | None = None, proven: bool = True, by: float = 0) -> dict:
        size = len(self.entries) if size is None else size
        salt, text = self.entries[index]
        path = tree.inclusion_proof(index, size, self.read(size)) if proven else []
        proof = notes.Proof(index, tuple(path), self.checkpoint(size)).text if proven else None
        return {
            "format": "registry-receipt/1",
            "origin": ORIGIN,
            "entry": {"body": text, "salt": salt.hex()},
            "version": None,
            "evidence": [],
            "evidence_section": None,
            "promise": self.promise(index, by or time.time() + HOUR),
            "proof": proof,
            "vkeys": [key.verifier.vkey for key in (self.key, PROMISES, WITNESS)],
            "timestamp": None,
        }

    def export(self, folder: Path) -> Path:
        folder.mkdir()
        lines = (
            f'{{"index":{index},"salt":"{salt.hex()}","body":{text}}}\n'
            for index, (salt, text) in enumerate(self.entries)
        )
        (folder / "entries.ndjson").write_text("".join(lines))
        size = len(self.entries)
        for tile in tree.tiles_of(size):
            path = folder / tile.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.read(size)([tile])[tile])
        (folder / "vkeys").write_text("".join(f"{key.verifier.vkey}\n" for key in (LOG, PROMISES, WITNESS)))
        (folder / "checkpoint").write_text(self.checkpoint())
        return folder


def with_evidence(log: Log, *files: bytes) -> dict:
    """A receipt of a submission with these files."""
    listed = [
        {
            "description": "",
            "name": f"{n}.pdf",
            "sha256": sha256(content).hexdigest(),
            "size_bytes": len(content),
        }
        for n, content in enumerate(files)
    ]
    text, salt = json.dumps(listed), b"s" * 16
    sections = {"evidence": sha256(salt + text.encode()).hexdigest()}
    manifest = json.dumps({"claim": "c-1", "number": "UA-1", "sections": sections, "version": 1})
    index = log.add(body(7, claim="c-1", version=sha256(manifest.encode()).hexdigest()))
    return log.receipt(index) | {
        "version": {"manifest": manifest},
        "evidence": [{key: one[key] for key in ("name", "sha256", "size_bytes")} for one in listed],
        "evidence_section": {"text": text, "salt": salt.hex()},
    }


@pytest.fixture
def log() -> Log:
    return Log().grow(300)


class Desk:
    """Where somebody checks: a folder, the keys that they trust, and what the program answered."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.keys = self.put(
            "keys", "# ours\n" + "".join(f"{k.verifier.vkey}\n" for k in (LOG, PROMISES, WITNESS))
        )

    def put(self, name: str, content: object) -> str:
        path = self.folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))
        return str(path)

    def ask(self, *arguments: str) -> tuple[int, str]:
        status = verify.main(arguments)
        [line] = self._capsys.readouterr().out.splitlines()
        assert line.startswith(verify.WORDS[status])
        return status, line

    def receipt(self, receipt: object, *arguments: str) -> tuple[int, str]:
        return self.ask("receipt", self.put("receipt.json", receipt), "--keys", self.keys, *arguments)

    def told(self, *arguments: str) -> dict:
        verify.main([*arguments, "--json"])
        return json.loads(self._capsys.readouterr().out)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


# --- Receipts ---


def test_a_true_receipt_is_proven(log: Log, desk: Desk) -> None:
    assert desk.receipt(log.receipt(5)) == (
        0,
        f"proven: This is what the register {ORIGIN} received: it stands in its log of 300 entries.",
    )


def test_without_keys_a_receipt_is_consistent_in_itself_only(log: Log, desk: Desk) -> None:
    """Whoever forges a receipt forges the keys in it too."""
    status, line = desk.ask("receipt", desk.put("receipt.json", log.receipt(5)))
    assert status == 2
    assert "self-consistent only" in line


def test_a_receipt_of_another_log_is_refuted(desk: Desk) -> None:
    forged = Log(key=notes.SigningKey.generate(ORIGIN)).grow(3)
    status, line = desk.receipt(forged.receipt(1))
    assert status == 1
    assert "no known key" in line.lower()


ALTERED = {
    "body": lambda r: r["entry"].update(body=r["entry"]["body"].replace("7", "8", 1)),
    "salt": lambda r: r["entry"].update(salt="00" * 16),
    "salt in capitals": lambda r: r["entry"].update(salt="AB" * 16),
    "origin": lambda r: r.update(origin="other.example/claims"),
    "manifest": lambda r: r["version"].update(manifest=r["version"]["manifest"].replace("UA-1", "UA-2")),
    "file": lambda r: r["evidence"][0].update(sha256="0" * 64),
    "file name": lambda r: r["evidence"][0].update(name="other.pdf"),
    "file left out": lambda r: r["evidence"].pop(),
    "section": lambda r: r["evidence_section"].update(text="[]"),
    "section's salt": lambda r: r["evidence_section"].update(salt="00" * 16),
    "promise": lambda r: r.update(promise=r["promise"].replace("registry-promise/1", "registry-promise/2")),
    "index": lambda r: r.update(proof=r["proof"].replace("index 300", "index 299")),
    "hash": lambda r: r.update(proof=r["proof"].replace("index 300\n", "index 300\n" + "A" * 43 + "=\n")),
    "size": lambda r: r.update(proof=r["proof"].replace("\n301\n", "\n302\n")),
    "vkey": lambda r: r["vkeys"].__setitem__(0, r["vkeys"][0][:-2] + "A="),
}


@pytest.mark.parametrize("part", ALTERED)
def test_an_altered_receipt_is_refuted(part: str, log: Log, desk: Desk) -> None:
    receipt = with_evidence(log, FILE, b"another")
    assert desk.receipt(receipt)[0] == 0
    altered = copy.deepcopy(receipt)
    ALTERED[part](altered)
    assert altered != receipt
    # The vkeys in a receipt are not needed by whoever has keys, unless they are the only ones.
    keys = [] if part == "vkey" else ["--keys", desk.keys]
    assert desk.ask("receipt", desk.put("altered.json", altered), *keys)[0] == 1


@pytest.mark.parametrize("member", sorted(verify.MEMBERS))
def test_a_receipt_that_is_not_whole_proves_nothing(member: str, log: Log, desk: Desk) -> None:
    receipt = log.receipt(5)
    del receipt[member]
    assert desk.receipt(receipt)[0] == 2


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "[1", '{"format":"a","format":"b"}', "[" * 100_000, b"\xff"]
)
def test_what_is_no_receipt_is_refused_with_a_sentence(content: str, desk: Desk) -> None:
    assert desk.ask("receipt", desk.put("receipt.json", content), "--keys", desk.keys)[0] == 2


def test_a_receipt_with_a_promise_alone_cannot_be_told_yet(log: Log, desk: Desk) -> None:
    status, line = desk.receipt(log.receipt(5, proven=False))
    assert (status, "will be in the log by" in line) == (2, True)
    status, line = desk.receipt(log.receipt(5, proven=False, by=time.time() - 60))
    assert (status, "its time is over" in line) == (2, True)


def test_the_json_says_what_is_not_proven(log: Log, desk: Desk) -> None:
    path = desk.put("receipt.json", log.receipt(5))
    told = desk.told("receipt", path, "--keys", desk.keys)
    assert told["result"] == "proven"
    assert any("index 5" in sentence for sentence in told["proven"])
    assert any("is true" in sentence for sentence in told["not_proven"])
    assert any("outside authority" in sentence for sentence in told["not_proven"])


def test_as_many_witnesses_as_asked_for_must_have_signed(log: Log, desk: Desk) -> None:
    assert desk.receipt(log.receipt(5), "--quorum", "1")[0] == 0
    assert desk.receipt(log.receipt(5), "--quorum", "2")[0] == 1


def test_the_promise_key_signs_no_checkpoint(log: Log, desk: Desk) -> None:
    receipt = log.receipt(5)
    proof = notes.Proof.parse(receipt["proof"])
    signed = notes.sign(notes.text_of(proof.checkpoint), PROMISES)
    receipt["proof"] = notes.Proof(proof.index, proof.hashes, signed).text
    assert desk.receipt(receipt)[0] == 1


# --- Files of evidence ---


def test_files_are_held_against_their_digests(log: Log, desk: Desk) -> None:
    receipt = desk.put("receipt.json", with_evidence(log, FILE, b"another"))
    mine, altered = desk.put("mine.pdf", FILE), desk.put("altered.pdf", FILE + b" ")
    asked = ("--receipt", receipt, "--keys", desk.keys)
    assert desk.ask("evidence", mine, *asked)[0] == 0
    status, line = desk.ask("evidence", mine, altered, *asked)
    assert (status, "altered.pdf is not among the evidence" in line) == (1, True)
    assert any("1 of 2 files" in s for s in desk.told("evidence", mine, *asked)["not_proven"])


def test_files_are_not_proven_where_the_section_was_erased(log: Log, desk: Desk) -> None:
    receipt = with_evidence(log, FILE) | {"evidence_section": None, "evidence": []}
    assert desk.receipt(receipt, "--evidence", desk.put("mine.pdf", FILE))[0] == 2


@pytest.mark.parametrize("lacks", [{"evidence_section"}, {"evidence_section", "version"}])
def test_a_list_of_evidence_that_nothing_binds_to_the_entry_is_refuted(
    lacks: set[str], log: Log, desk: Desk
) -> None:
    receipt = with_evidence(log, FILE) | dict.fromkeys(lacks)
    assert desk.receipt(receipt)[0] == 1


def test_a_stamp_that_was_asked_for_must_be_there(log: Log, desk: Desk) -> None:
    roots = desk.put("roots.pem", "")
    assert desk.receipt(log.receipt(3), "--tsa-roots", roots)[0] == 2


def test_times_that_no_calendar_has_are_told_as_numbers(log: Log, desk: Desk) -> None:
    note = log.checkpoint(witnessed=False)
    note += notes.cosign(notes.text_of(note), WITNESS, 2**62)
    assert desk.ask("checkpoint", desk.put("c", note), "--keys", desk.keys)[0] == 0


# --- Checkpoints, and one against another ---


def test_a_checkpoint_is_held_against_keys_and_witnesses(log: Log, desk: Desk) -> None:
    good, lonely = desk.put("good", log.checkpoint()), desk.put("lonely", log.checkpoint(witnessed=False))
    assert desk.ask("checkpoint", good, "--keys", desk.keys, "--quorum", "1")[0] == 0
    assert desk.ask("checkpoint", lonely, "--keys", desk.keys, "--quorum", "1")[0] == 1
    assert desk.ask("checkpoint", lonely, "--keys", desk.keys)[0] == 0
    assert desk.ask("checkpoint", good)[0] == 2
    altered = desk.put("altered", log.checkpoint().replace("\n300\n", "\n301\n"))
    assert desk.ask("checkpoint", altered, "--keys", desk.keys)[0] == 1


def test_two_checkpoints_are_proven_to_be_of_one_log(log: Log, desk: Desk) -> None:
    old, new = desk.put("old", log.checkpoint(100)), desk.put("new", log.checkpoint())
    hashes = [hash_.hex() for hash_ in tree.consistency_proof(100, 300, log.read(300))]
    proof = desk.put("proof", {"first": 100, "second": 300, "hashes": hashes})
    assert desk.ask("consistency", old, new, proof, "--keys", desk.keys)[0] == 0
    assert desk.ask("consistency", old, new, proof)[0] == 2  # who signed them was not checked
    assert desk.ask("consistency", new, old, proof)[0] == 1  # it became smaller
    other = desk.put("other", Log().grow(300).checkpoint())
    assert desk.ask("consistency", old, other, proof)[0] == 1
    status, line = desk.ask("consistency", new, other, proof)
    assert (status, "two roots at 300" in line) == (1, True)


def test_a_receipt_is_held_against_a_checkpoint_seen_elsewhere(log: Log, desk: Desk) -> None:
    receipt, seen = log.receipt(5, size=100), desk.put("seen", log.checkpoint())
    hashes = [hash_.hex() for hash_ in tree.consistency_proof(100, 300, log.read(300))]
    proof = desk.put("proof", {"first": 100, "second": 300, "hashes": hashes})
    assert desk.receipt(receipt, "--checkpoint", seen, "--consistency", proof)[0] == 0
    folder = str(log.export(desk.folder / "export"))
    assert desk.receipt(receipt, "--checkpoint", seen, "--export", folder)[0] == 0
    assert desk.receipt(receipt, "--checkpoint", seen)[0] == 2
    other = desk.put("other", Log().grow(300).checkpoint())
    assert desk.receipt(receipt, "--checkpoint", other, "--consistency", proof)[0] == 1


def test_a_second_history_of_the_same_size_is_refuted(log: Log, desk: Desk) -> None:
    """Somebody was shown another log: both are signed by it."""
    other = desk.put("other", Log().grow(300).checkpoint())
    status, line = desk.receipt(log.receipt(5), "--checkpoint", other)
    assert (status, "two histories" in line) == (1, True)


# --- Exports ---


@pytest.mark.parametrize("size", [1, 255, 256, 257, 513])
def test_an_export_is_proven(size: int, desk: Desk) -> None:
    folder = str(Log().grow(size).export(desk.folder / "export"))
    status, line = desk.ask("export", folder, "--keys", desk.keys)
    assert (status, f"of {size} entries" in line) == (0, True)
    assert desk.ask("export", folder)[0] == 2


def test_any_changed_byte_of_an_export_is_found(desk: Desk) -> None:
    folder = Log().grow(515).export(desk.folder / "export")
    chance = random.Random(1)  # noqa: S311
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "vkeys"):
        whole = path.read_bytes()
        for _ in range(20):
            at = chance.randrange(len(whole))
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1 :])
            status, line = desk.ask("export", str(folder), "--keys", desk.keys, "--quorum", "1")
            assert status != 0, f"{path.relative_to(folder)} at {at}"
            if path.parent.name != "export":
                assert str(path.relative_to(folder)) in line
        path.write_bytes(whole)


def test_entries_that_were_taken_out_put_in_or_swapped_are_found(desk: Desk) -> None:
    folder = Log().grow(300).export(desk.folder / "export")
    path = folder / "entries.ndjson"
    lines = path.read_text().splitlines(keepends=True)
    for changed in (lines[:-1], lines[1:], [*lines, lines[-1]], [lines[1], lines[0], *lines[2:]], lines[:3]):
        path.write_text("".join(changed))
        assert desk.ask("export", str(folder), "--keys", desk.keys)[0] == 1


def test_entries_of_which_the_hash_alone_is_left_are_counted(desk: Desk) -> None:
    log = Log().grow(300)
    folder = log.export(desk.folder / "export")
    path = folder / "entries.ndjson"
    lines = path.read_text().splitlines(keepends=True)
    lines[7] = f'{{"index":7,"lost":"{log.hashes[7].hex()}"}}\n'
    path.write_text("".join(lines))
    status, line = desk.ask("export", str(folder), "--keys", desk.keys)
    assert (status, "of 1 of them, which were lost" in line) == (0, True)
    lines[7] = f'{{"index":7,"lost":"{log.hashes[8].hex()}"}}\n'
    path.write_text("".join(lines))
    assert desk.ask("export", str(folder), "--keys", desk.keys)[0] == 1


def test_a_reader_who_has_the_old_key_follows_to_the_new_one_by_the_log(desk: Desk) -> None:
    new = notes.SigningKey.generate(ORIGIN)
    log = Log().grow(3)
    announced = rotation_note.announce(LOG, new, 1_800_000_000)
    log.add(
        json.dumps({"facts": announced, "kind": rotation_note.KIND}, separators=(",", ":"), sort_keys=True)
    )
    log.key = new
    said = desk.told("export", str(log.export(desk.folder / "export")), "--keys", desk.keys)
    assert any("announces the key" in line for line in said["proven"])


def test_an_announcement_that_nobody_signed_keeps_no_reader_from_following(desk: Desk) -> None:
    new = notes.SigningKey.generate(ORIGIN)
    log = Log().grow(3)
    for facts in ({"old": "x"}, rotation_note.announce(LOG, new, 1_800_000_000)):
        log.add(
            json.dumps({"facts": facts, "kind": rotation_note.KIND}, separators=(",", ":"), sort_keys=True)
        )
    log.key = new
    assert desk.ask("export", str(log.export(desk.folder / "export")), "--keys", desk.keys)[0] == 0


def test_a_key_that_no_trusted_key_announced_is_refuted(desk: Desk) -> None:
    thief = notes.SigningKey.generate(ORIGIN)
    log = Log().grow(3)
    announced = rotation_note.announce(thief, notes.SigningKey.generate(ORIGIN), 1_800_000_000)
    log.add(
        json.dumps({"facts": announced, "kind": rotation_note.KIND}, separators=(",", ":"), sort_keys=True)
    )
    log.key = thief
    assert desk.ask("export", str(log.export(desk.folder / "export")), "--keys", desk.keys)[0] == 1


def test_a_missing_tile_is_named(desk: Desk) -> None:
    folder = Log().grow(300).export(desk.folder / "export")
    (folder / "tile/0/000").unlink()
    assert desk.ask("export", str(folder), "--keys", desk.keys) == (1, "refuted: tile/0/000 is missing.")


def test_the_tree_can_be_taken_up_where_it_was_left() -> None:
    hashes = [os.urandom(32) for _ in range(70_000)]
    growing = verify.Growing()
    whole = [*growing.add(hashes[:65_800])]
    assert growing.root() == tree.root_of(hashes[:65_800])
    growing = verify.Growing(growing.size, growing.edge)
    whole += growing.add(hashes[65_800:])
    assert growing.root() == tree.root_of(hashes)
    tiles = [tile for tile, _bytes, _root in whole] + [tile for tile, _bytes in growing.unfinished()]
    assert sorted(tiles) == sorted(tree.tiles_of(70_000))


# --- Promises ---


def announced(log: Log, new: notes.SigningKey) -> Log:
    """The same log under a new key, which the old one announced in it."""
    facts = rotation_note.announce(log.key, new, 1_800_000_000)
    log.add(json.dumps({"facts": facts, "kind": rotation_note.KIND}, separators=(",", ":"), sort_keys=True))
    return Log(log.entries, key=new).grow(3)


def test_a_receipt_of_a_later_key_is_proven_by_an_export_that_announces_it(log: Log, desk: Desk) -> None:
    later = announced(log, notes.SigningKey.generate(ORIGIN))
    receipt = later.receipt(5)
    assert desk.receipt(receipt)[0] == 1
    assert desk.receipt(receipt, "--export", str(later.export(desk.folder / "export")))[0] == 0


def test_a_receipt_of_a_former_key_is_proven_by_an_export_under_the_new_one(log: Log, desk: Desk) -> None:
    new, receipt = notes.SigningKey.generate(ORIGIN), log.receipt(5)
    export = announced(log, new).export(desk.folder / "export")
    keys = desk.put("new", f"{new.verifier.vkey}\n{PROMISES.verifier.vkey}\n")
    asked = ("receipt", desk.put("receipt.json", receipt), "--keys", keys)
    assert desk.ask(*asked)[0] == 1
    assert desk.ask(*asked, "--export", str(export))[0] == 0
    foreign = Log(key=notes.SigningKey.generate(ORIGIN)).grow(300).receipt(5)
    assert desk.ask(*asked[:1], desk.put("f", foreign), *asked[2:], "--export", str(export))[0] == 1


def test_who_trusts_the_logs_key_alone_is_told_that_the_promise_stays_open(log: Log, desk: Desk) -> None:
    keys = desk.put("log only", f"{LOG.verifier.vkey}\n")
    path = desk.put("receipt.json", log.receipt(5))
    said = desk.told("receipt", path, "--keys", keys)
    assert said["result"] == "proven"
    assert any("promises" in sentence for sentence in said["not_proven"])
    export = str(log.export(desk.folder / "export"))
    assert desk.ask("promise", path, "--export", export, "--keys", keys)[0] == 2
    late = Log(list(log.entries)).grow(1)
    lost = desk.put("lost.json", late.receipt(300, proven=False, by=1))
    assert desk.ask("receipt", lost, "--export", export, "--keys", keys)[0] == 2
    assert desk.ask("receipt", lost, "--export", export, "--keys", desk.keys)[0] == 1


def test_entries_after_the_end_of_a_log_are_told(log: Log, desk: Desk) -> None:
    log.add('{"kind":"ledger.closed"}')
    said = desk.told("export", str(log.export(desk.folder / "closed")), "--keys", desk.keys)
    assert [sentence for sentence in said["not_proven"] if "closed" in sentence] == []
    log.grow(2)
    said = desk.told("export", str(log.export(desk.folder / "more")), "--keys", desk.keys)
    [sentence] = [sentence for sentence in said["not_proven"] if "closed" in sentence]
    assert "after index 300" in sentence


def test_a_fault_of_the_program_proves_and_refutes_nothing(
    log: Log, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "verify_inclusion", lambda *_: 1 / 0)
    status, line = desk.receipt(log.receipt(5))
    assert (status, "This program failed (ZeroDivisionError)" in line) == (2, True)


def test_a_promise_is_kept_broken_or_not_due(log: Log, desk: Desk) -> None:
    kept = desk.put("kept", log.promise(5, time.time() + HOUR))
    late = Log([*log.entries, (b"x" * 16, body(0, lost=True))])
    broken = desk.put("broken", late.promise(300, time.time() - HOUR))
    waiting = desk.put("waiting", late.promise(300, time.time() + HOUR))
    folder = str(log.export(desk.folder / "export"))
    asked = ("--export", folder, "--keys", desk.keys)
    assert desk.ask("promise", kept, *asked)[0] == 0
    status, line = desk.ask("promise", broken, *asked)
    assert (status, "The promise is broken" in line) == (1, True)
    assert desk.ask("promise", waiting, *asked)[0] == 2
    forged = desk.put("forged", late.promise(300, 1, notes.SigningKey.generate(f"{ORIGIN}/promises")))
    assert desk.ask("promise", forged, *asked)[0] == 1


def test_a_receipt_shows_a_broken_promise(log: Log, desk: Desk) -> None:
    late = Log([*log.entries, (b"x" * 16, body(0, lost=True))])
    receipt = late.receipt(300, proven=False, by=time.time() - HOUR)
    folder = str(log.export(desk.folder / "export"))
    assert desk.receipt(receipt, "--export", folder)[0] == 1
    assert desk.receipt(log.receipt(5, proven=False), "--export", folder)[0] == 0


# --- The program ---


def test_it_runs_without_django(log: Log, desk: Desk) -> None:
    program = "import sys; sys.modules['django'] = None; from ledger import verify; sys.exit(verify.main())"
    path = desk.put("receipt.json", log.receipt(5))
    ran = subprocess.run(
        [sys.executable, "-c", program, "receipt", path, "--keys", desk.keys],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout.startswith("proven: ")) == (0, True)
    assert all(line.startswith("open: ") for line in ran.stderr.splitlines())


def test_bad_usage_and_missing_files_say_so_in_one_line(desk: Desk, log: Log) -> None:
    path = desk.put("receipt.json", log.receipt(5))
    for arguments in (
        [],
        ["receipt"],
        ["nothing"],
        ["receipt", path, "--quorum", "1"],
        ["export", "/nowhere"],
    ):
        assert desk.ask(*arguments)[0] == 2
    status, line = desk.ask("receipt", "/nowhere/receipt.json")
    assert (status, line) == (2, "cannot tell: receipt.json cannot be read: No such file or directory.")
    for keys in ("", "# none\n", "nonsense\n", base64.b64encode(b"x" * 60).decode()):
        assert desk.ask("receipt", path, "--keys", desk.put("other-keys", keys))[0] == 2
