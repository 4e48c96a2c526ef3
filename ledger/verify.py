"""`python -m ledger.verify`: check what the register gave out, without the register.

It needs no Django, no database and no network: Python's standard library and `cryptography`, beside
ledger/tree.py and ledger/notes.py (and for a stamp of time ledger/timestamps.py with `asn1crypto`).

    receipt FILE [--evidence FILE...] [--checkpoint NEWER (--consistency PROOF | --export DIR)]
    evidence FILE... --receipt FILE
    checkpoint FILE [--quorum N]
    consistency OLD NEW PROOF
    export DIR
    promise FILE --export DIR

Each with --keys FILE: the verifier keys that you trust, one a line, got from somewhere else than the file
that is checked. Without them nothing is called proven that rests on a signature: whoever makes up a receipt
makes up its keys too. The first word of the answer is the exit status: proven 0, refuted 1, cannot tell 2.
What nevertheless stays open is said on standard error, a line each.
"""

import argparse
import json
import mmap
import re
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

from ledger import notes, rotation_note, tree

PROVEN, REFUTED, CANNOT_TELL = 0, 1, 2
WORDS = {PROVEN: "proven", REFUTED: "refuted", CANNOT_TELL: "cannot tell"}

RECEIPT = "registry-receipt/1"
MEMBERS = {
    "format",
    "origin",
    "entry",
    "version",
    "evidence",
    "evidence_section",
    "promise",
    "proof",
    "vkeys",
    "timestamp",
}
MOST_FILE_BYTES = 64 * 1024 * 1024  # of a receipt or note: the longest body has 60,000 bytes
MOST_LINE_BYTES = 70_000  # of entries.ndjson: a body and what stands around it
SALT_BYTES = 16
READ_BYTES = 1024 * 1024
BLOCK = 16 * tree.TILE_WIDTH  # entries that are hashed before the tree takes them


_HEX = re.compile(rb"(?:[0-9a-f]{2})+")
_LOST = re.compile(rb'\{"index":(0|[1-9][0-9]{0,18}),"lost":"([0-9a-f]{64})"\}\n')
_ANNOUNCED = f'"kind":"{rotation_note.KIND}"'.encode()
_CLOSED = b'"kind":"ledger.closed"'

Line = tuple[bytes | None, bytes]
"""Of an export: salt and body of an entry; or None and the leaf hash of one that was lost."""


class Refuted(Exception):
    """What was said is not so. Says what, in a sentence."""


class UnknownKey(Refuted):
    """No key that is known here signed it. Those of an export that begins with it may still show it."""


class CannotTell(Exception):
    """Neither shown nor refuted. Says what is missing, in a sentence."""


@dataclass
class Report:
    proven: list[str] = field(default_factory=list)
    not_proven: list[str] = field(default_factory=list)

    def good(self, sentence: str) -> None:
        self.proven.append(sentence)

    def open(self, sentence: str) -> None:
        if sentence not in self.not_proven:
            self.not_proven.append(sentence)


# --- Reading ---


def read_text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(MOST_FILE_BYTES + 1)
    if len(data) > MOST_FILE_BYTES:
        raise CannotTell(f"{path.name} is larger than anything that is checked here.")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise CannotTell(f"{path.name} is not UTF-8 text.") from None


def read_json(path: Path) -> Any:
    return parse_json(read_text(path), path.name)


def parse_json(text: str, what: str) -> Any:
    """JSON in which no name stands twice: readers disagree on which of the two counts."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise CannotTell(f"{what}: a name stands twice in one object.")
        return found

    try:
        return json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise CannotTell(f"{what} is not JSON.") from None


def read_keys(path: Path) -> list[notes.VerifierKey]:
    """One verifier key a line; empty lines and those that begin with # are left out."""
    lines = (line.strip() for line in read_text(path).splitlines())
    try:
        keys = [notes.VerifierKey.parse(line) for line in lines if line and not line.startswith("#")]
    except notes.NoteWrong as wrong:
        raise CannotTell(f"{path.name}: {wrong}") from None
    if not keys:
        raise CannotTell(f"{path.name} holds no key.")
    return keys


def digest_of(path: Path) -> tuple[str, int]:
    """The SHA-256 of a file of any size, in hex, and how many bytes it has."""
    digest, size = sha256(), 0
    with path.open("rb") as file:
        while data := file.read(READ_BYTES):
            digest.update(data)
            size += len(data)
    return digest.hexdigest(), size


def _hex(value: object, size: int, what: str) -> bytes:
    if not isinstance(value, str) or not re.fullmatch(f"[0-9a-f]{{{2 * size}}}", value):
        raise Refuted(f"{what} is not {2 * size} lower-case hex digits.")
    return bytes.fromhex(value)


def _instant(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{seconds} (seconds since 1970)"


# --- Signatures ---


@dataclass(frozen=True)
class Trust:
    """Whose signatures count. Without keys of the reader's own, those that the data names are used, and then
    nothing that rests on them is proven."""

    keys: Sequence[notes.VerifierKey] = ()
    quorum: int = 0  # of witnesses, by name

    @property
    def is_given(self) -> bool:
        return bool(self.keys)

    def using(self, published: object) -> Sequence[notes.VerifierKey]:
        """`published` are the vkeys that came with the data."""
        if not isinstance(published, list) or not all(isinstance(vkey, str) for vkey in published):
            raise Refuted("vkeys is not a list of verifier keys.")
        try:
            parsed = [notes.VerifierKey.parse(vkey) for vkey in published]
        except notes.NoteWrong as wrong:
            raise Refuted(f"vkeys: {wrong}") from None
        return self.keys if self.is_given else parsed


def open_checkpoint(
    note: str, keys: Sequence[notes.VerifierKey], trust: Trust, report: Report, what: str = "The checkpoint"
) -> tuple[notes.Checkpoint, dict[notes.VerifierKey, int]]:
    """What it says, and who countersigned it when. Raises Refuted unless the log that it names signed it."""
    try:
        checkpoint = notes.Checkpoint.parse(notes.text_of(note))
        opened = _opened(note, keys)
        lines = notes.signatures(note)
    except notes.NoteWrong as wrong:
        raise Refuted(f"{what}: {wrong}") from None
    if not any(key.name == checkpoint.origin for key in opened.by):
        raise UnknownKey(
            f"{what}: no known key of the log {checkpoint.origin} signed it. If the log changed its key, "
            "--export shows that."
        )
    known = {(key.name, key.key_id) for key in keys}
    for line in lines:
        if (line.name, line.key_id) not in known:
            report.open(
                f"{what}: the signature by {line.name} was not checked, as its key is not known here."
            )
    if checkpoint.extensions:
        report.open(f"{what} has further lines, which are signed and mean nothing here.")
    names = sorted({key.name for key in opened.cosigned})
    if len(names) < trust.quorum:
        raise Refuted(f"{what}: countersigned by known witnesses: {len(names)}; asked for: {trust.quorum}.")
    whose = "a key that you trust" if trust.is_given else "a key that came with it"
    report.good(f"{what} of {checkpoint.size} entries is signed by the log {checkpoint.origin} with {whose}.")
    for key, at in opened.cosigned.items():
        report.good(f"{what}: the witness {key.name} countersigned it at {_instant(at)}.")
    if not names:
        report.open(f"{what}: nobody outside the register is known here to have countersigned it.")
    return checkpoint, opened.cosigned


def _opened(note: str, keys: Sequence[notes.VerifierKey]) -> notes.Opened:
    """Who of those known here signed it: perhaps nobody."""
    try:
        return notes.open_note(note, keys)
    except notes.SignedByStrangers:
        return notes.Opened(notes.text_of(note), [], {})


def open_promise(note: str, keys: Sequence[notes.VerifierKey], report: Report) -> notes.Promise:
    """What it says. Whoever trusts the log's key and none of its promises cannot tell who promised it, and
    that stays open. Raises Refuted."""
    try:
        promise = notes.Promise.parse(notes.text_of(note))
        opened = _opened(note, keys)
    except notes.NoteWrong as wrong:
        raise Refuted(f"The promise: {wrong}") from None
    signer = f"{promise.origin}/promises"
    if not can_vouch(promise, keys):
        report.open(
            f"The promise: none of the keys known here is of {signer}, so that nobody vouches for it."
        )
        return promise
    if not any(key.name == signer for key in opened.by):
        raise UnknownKey(f"The promise: no known key of {signer} signed it.")
    report.good(f"{promise.origin} promised that the entry will be in the log by {_instant(promise.by)}.")
    return promise


def can_vouch(promise: notes.Promise, keys: Sequence[notes.VerifierKey]) -> bool:
    return any(key.name == f"{promise.origin}/promises" for key in keys)


def check_consistency(
    first: notes.Checkpoint, second: notes.Checkpoint, hashes: Sequence[bytes], report: Report
) -> None:
    """Raises Refuted unless the larger one begins with the smaller; `hashes` are from the smaller to it."""
    if first.origin != second.origin:
        raise Refuted(f"The checkpoints are of two logs, {first.origin} and {second.origin}.")
    _check_no_fork(first, second)
    if first.size > second.size:
        raise Refuted(
            f"The second checkpoint has {second.size} entries, fewer than the first with {first.size}: "
            "a log that only grows does not become smaller."
        )
    if first.size == 0:
        if first.root != tree.root_of([]) or hashes:
            raise Refuted("A tree of no entries has one root, and nothing is to be proven of it.")
    else:
        try:
            tree.verify_consistency(first.size, second.size, hashes, first.root, second.root)
        except tree.ProofWrong as wrong:
            raise Refuted(str(wrong)) from None
    report.good(f"The log of {second.size} entries begins with the whole log of {first.size}, unchanged.")


def _check_no_fork(first: notes.Checkpoint, second: notes.Checkpoint) -> None:
    if first.size == second.size and first.root != second.root:
        raise Refuted(
            f"There are two roots at {first.size} entries, {first.root.hex()} and {second.root.hex()}: "
            "two histories were shown. Keep both files, they prove it."
        )


def read_consistency(path: Path) -> list[bytes]:
    """As /api/v1/ledger/proof/consistency answers."""
    given = read_json(path)
    if not isinstance(given, dict) or not isinstance(given.get("hashes"), list):
        raise CannotTell(f"{path.name} is no consistency proof: it has no list of hashes.")
    return [_hex(hash_, tree.HASH_BYTES, "A hash of the proof") for hash_ in given["hashes"]]


# --- The tree, over leaf hashes as they come ---


class Growing:
    """The tree tile by tile. No more is kept than its right edge: up to 255 hashes on each level."""

    def __init__(self, size: int = 0, edge: Sequence[Sequence[bytes]] = ()) -> None:
        self.size = size
        self.edge = [list(hashes) for hashes in edge] or [[]]

    def add(self, hashes: Sequence[bytes]) -> Iterator[tuple[tree.Tile, bytes, bytes]]:
        """Each tile that these fill, with its bytes and its root."""
        start = 0
        while start < len(hashes):
            leaves = self.edge[0]
            block = hashes[start : start + tree.TILE_WIDTH - len(leaves)]
            leaves += block
            start += len(block)
            self.size += len(block)
            level = 0
            while len(self.edge[level]) == tree.TILE_WIDTH:
                full = self.edge[level]
                root = tree.root_of(full)
                n = (self.size >> tree.TILE_HEIGHT * (level + 1)) - 1
                yield tree.Tile(level, n), b"".join(full), root
                self.edge[level] = []
                level += 1
                if level == len(self.edge):
                    self.edge.append([])
                self.edge[level].append(root)

    def unfinished(self) -> Iterator[tuple[tree.Tile, bytes]]:
        """The partial tiles of the tree as it is now."""
        for level, hashes in enumerate(self.edge):
            if hashes:
                n = (self.size >> tree.TILE_HEIGHT * level) // tree.TILE_WIDTH
                yield tree.Tile(level, n, len(hashes)), b"".join(hashes)

    def root(self) -> bytes:
        edge = dict(self.unfinished())
        return tree.root_at(self.size, lambda tiles: {tile: edge[tile] for tile in tiles if tile in edge})


# --- An export ---


class Folder:
    """An export as `manage.py export_ledger` writes it: docs/ledger.md, "An export"."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not (path / "checkpoint").is_file():
            raise CannotTell(f"{path.name or path} is no finished export: it has no file named checkpoint.")

    def checkpoint(self) -> str:
        return read_text(self.path / "checkpoint")

    def vkeys(self) -> list[str]:
        path = self.path / "vkeys"
        return read_text(path).splitlines() if path.is_file() else []

    def tile(self, tile: tree.Tile) -> bytes:
        path = self.path / tile.path
        with path.open("rb") as file:
            return file.read(tile.width * tree.HASH_BYTES + 1)

    def reading(self, size: int) -> tree.Read:
        """Tiles of smaller trees than the one of this size, which is on the disk, are parts of its tiles."""

        def read(tiles: Collection[tree.Tile]) -> Mapping[tree.Tile, bytes]:
            found = {}
            for tile in tiles:
                hashes = (size >> tree.TILE_HEIGHT * tile.level) - tile.n * tree.TILE_WIDTH
                width = min(tree.TILE_WIDTH, hashes)
                if width >= tile.width:
                    stored = self.tile(tree.Tile(tile.level, tile.n, width))
                    found[tile] = stored[: tile.width * tree.HASH_BYTES]
            return found

        return read

    def entries(self) -> Iterator[Line]:
        """In the order of their indexes. Raises Refuted where a line is not written as it must be.

        A line is one JSON object, and in it the body stands as it was hashed: it is cut out, not parsed."""
        index = 0
        with (self.path / "entries.ndjson").open("rb") as file:
            while line := file.readline(MOST_LINE_BYTES):
                head = b'{"index":%d,"salt":"' % index
                middle = len(head) + 2 * SALT_BYTES
                salt = line[len(head) : middle]
                if (
                    line.startswith(head)
                    and line[middle : middle + 9] == b'","body":'
                    and line.endswith(b"}\n")
                    and _HEX.fullmatch(salt)
                ):
                    yield bytes.fromhex(salt.decode()), line[middle + 9 : -2]
                elif (lost := _LOST.fullmatch(line)) and int(lost[1]) == index:
                    yield None, bytes.fromhex(lost[2].decode())
                else:
                    raise Refuted(f"Entry {index} of the export is not written as it must be.")
                index += 1

    def _lines_with(self, words: bytes) -> Iterator[bytes]:
        path = self.path / "entries.ndjson"
        if path.stat().st_size == 0:
            return
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            at = text.find(words)
            while at >= 0:
                start, end = text.rfind(b"\n", 0, at) + 1, text.find(b"\n", at) + 1 or len(text)
                yield text[start:end]
                at = text.find(words, end)

    def bodies_with(self, words: bytes) -> Iterator[bytes]:
        """The lines of entries in which these stand, without looking at the others."""
        for line in self._lines_with(words):
            yield line.partition(b'","body":')[2][:-2]

    def closed_at(self) -> int | None:
        """The index of the entry that closed the log, if one did."""
        for line in self._lines_with(_CLOSED):
            return int(line.removeprefix(b'{"index":').partition(b",")[0])
        return None

    def timestamps(self) -> Iterator[tuple[str, object]]:
        """Stamped checkpoints, and what receipts call their timestamp."""
        path = self.path / "timestamps.ndjson"
        if not path.is_file():
            return
        with path.open("rb") as file:
            while line := file.readline(MOST_FILE_BYTES):
                stamped = parse_json(line.decode(errors="replace"), path.name)
                if not isinstance(stamped, dict) or not isinstance(stamped.get("checkpoint"), str):
                    raise Refuted("A line of timestamps.ndjson does not name its checkpoint.")
                yield stamped["checkpoint"], stamped.get("timestamp")


@dataclass
class Exported:
    """What an export was found to be. `last_at` is the latest time that an entry of it states, in seconds;
    `found` the indexes of the leaf hashes that were looked for; `keys` those of the reader and those that the
    log announces in their place."""

    folder: Folder
    keys: Sequence[notes.VerifierKey]
    checkpoint: notes.Checkpoint
    cosigned: dict[notes.VerifierKey, int]
    found: dict[bytes, int]
    last_at: float
    lost: int

    @property
    def is_later_than(self) -> float:
        """It was made after this: its witnesses say so, or its own entries."""
        return max([self.last_at, *map(float, self.cosigned.values())])


def check_export(
    path: Path, trust: Trust, report: Report, *, roots: Path | None = None, wanted: Collection[bytes] = ()
) -> Exported:
    """Every entry against its leaf, every leaf against the tiles, the tiles against the signed checkpoint."""
    folder = Folder(path)
    note = folder.checkpoint()
    keys = trust.using(folder.vkeys())
    if trust.is_given:
        keys = _followed(folder, keys, report)
    checkpoint, cosigned = open_checkpoint(note, keys, trust, report, "The checkpoint of the export")
    growing, last_at, lost, wanted = Growing(), 0.0, 0, set(wanted)
    found: dict[bytes, int] = {}
    for block in _blocks(folder.entries()):
        hashes = [_hash(salt, body) for salt, body in block]
        lost += sum(salt is None for salt, _body in block)
        for tile, expected, _root in growing.add(hashes):
            _check_tile(folder, tile, expected)
        if wanted:
            first = growing.size - len(hashes)
            found |= {hash_: first + place for place, hash_ in enumerate(hashes) if hash_ in wanted}
            last_at = max([last_at, *(_said_at(body) for _salt, body in block)])
    if growing.size != checkpoint.size:
        raise Refuted(
            f"The export has {growing.size} entries, and its checkpoint is of {checkpoint.size}: "
            "entries were taken out or added."
        )
    for tile, expected in growing.unfinished():
        _check_tile(folder, tile, expected)
    if growing.root() != checkpoint.root:
        raise Refuted(
            f"The {checkpoint.size} entries of the export do not have the root that its checkpoint states."
        )
    report.good(f"The {checkpoint.size} entries and all tiles of the export are those of its checkpoint.")
    if lost:
        report.open(
            f"What {lost} of the entries said: they were lost or left out, and their hashes alone are left."
        )
    if (closed := folder.closed_at()) is not None and closed < checkpoint.size - 1:
        report.open(
            f"Why entries stand after index {closed}, where the log was closed. Only a recovery brings in "
            "such entries: ask the register about it."
        )
    _check_timestamps(folder, checkpoint, trust, report, keys, roots)
    return Exported(folder, keys, checkpoint, cosigned, found, last_at, lost)


def _followed(
    folder: Folder, keys: Sequence[notes.VerifierKey], report: Report
) -> Sequence[notes.VerifierKey]:
    """The reader's keys, and those that took their place: each was announced in the log by the one before."""
    bodies = (body.decode(errors="replace") for body in folder.bodies_with(_ANNOUNCED))
    known = rotation_note.follow(bodies, keys)
    for key in known[len(keys) :]:
        report.good(f"The log announces the key {key.vkey}, signed by the one that it replaces.")
    return known


def _hash(salt: bytes | None, body: bytes) -> bytes:
    return body if salt is None else sha256(b"\x00" + salt + body).digest()


def _blocks(entries: Iterable[Line]) -> Iterator[list[Line]]:
    block = []
    for entry in entries:
        block.append(entry)
        if len(block) == BLOCK:
            yield block
            block = []
    if block:
        yield block


def _check_tile(folder: Folder, tile: tree.Tile, expected: bytes) -> None:
    try:
        stored = folder.tile(tile)
    except OSError:
        raise Refuted(f"{tile.path} is missing.") from None
    if stored != expected:
        wrong = next(
            (
                at
                for at in range(tile.width)
                if stored[32 * at : 32 * at + 32] != expected[32 * at : 32 * at + 32]
            ),
            tile.width,
        )
        first = (tile.n * tree.TILE_WIDTH + wrong) << tree.TILE_HEIGHT * tile.level
        raise Refuted(
            f"{tile.path} does not fit the entries: hash {wrong} in it, over entries from {first} on."
        )


def _said_at(body: bytes) -> float:
    """What the body says of its time, 0 if nothing. Its keys are sorted, so this is the first such name."""
    start = body.find(b'"at":"') + 6
    try:
        return datetime.fromisoformat(body[start : start + 27].decode("ascii")).timestamp()
    except ValueError:
        return 0.0


def _check_timestamps(
    folder: Folder,
    checkpoint: notes.Checkpoint,
    trust: Trust,
    report: Report,
    keys: Sequence[notes.VerifierKey],
    roots: Path | None,
) -> None:
    for note, member in folder.timestamps():
        stamped, _cosigned = open_checkpoint(note, keys, Trust(trust.keys), Report(), "A stamped checkpoint")
        if stamped.origin != checkpoint.origin or stamped.size > checkpoint.size:
            raise Refuted("A stamped checkpoint is of another log, or of entries that the export has not.")
        if tree.root_at(stamped.size, folder.reading(checkpoint.size)) != stamped.root:
            raise Refuted(
                f"The stamped checkpoint of {stamped.size} entries has a root that the export has not."
            )
        check_timestamp(note, member, roots, report)


def check_timestamp(note: str, member: object, roots: Path | None, report: Report) -> None:
    """Raises Refuted if the stamp is wrong. Whether it is by an authority that the reader trusts takes its
    root certificates."""
    try:
        from ledger import timestamps  # noqa: PLC0415 -- asn1crypto is needed for this alone
    except ImportError:
        if roots is not None:
            raise CannotTell("The stamp of time cannot be looked at: install asn1crypto.") from None
        report.open("The stamp of time was not looked at: install asn1crypto.")
        return
    text = notes.text_of(note).encode()
    try:
        links = timestamps.links_of(member)
        if roots is None:
            report.open(
                "The stamp of time was not checked: give the authority's certificates with --tsa-roots."
            )
            return
        trusted = timestamps.roots_in(roots.read_bytes())
        stamps = timestamps.verify_chain(text, links, trusted, now=datetime.now(UTC))
    except timestamps.TimestampWrong as wrong:
        raise Refuted(f"The stamp of time: {wrong}") from None
    at = stamps[0].at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    report.good(f"An outside authority stamped the checkpoint at {at}: it existed then.")


# --- A receipt ---


@dataclass(frozen=True)
class Receipt:
    """A receipt as it was given, its parts of the right types and nothing checked yet."""

    raw: Mapping[str, Any]
    origin: str
    body: str
    salt: bytes
    promise: str | None
    proof: str | None

    @classmethod
    def read(cls, raw: object) -> "Receipt":
        if not isinstance(raw, dict) or raw.get("format") != RECEIPT:
            raise CannotTell(f"This is no receipt: its format is not {RECEIPT}.")
        if missing := sorted(MEMBERS - raw.keys()):
            raise CannotTell(f"The receipt is not whole: {', '.join(missing)} is missing.")
        entry = raw["entry"]
        if not isinstance(entry, dict) or not isinstance(entry.get("body"), str):
            raise CannotTell("The receipt has no entry.")
        texts = (raw["origin"], *(raw[name] for name in ("promise", "proof") if raw[name] is not None))
        if not all(isinstance(text, str) for text in texts):
            raise CannotTell("The receipt has a part that is not a text and must be one.")
        salt = _hex(entry.get("salt"), SALT_BYTES, "The entry's salt")
        return cls(raw, raw["origin"], entry["body"], salt, raw["promise"], raw["proof"])

    @property
    def leaf_hash(self) -> bytes:
        return tree.leaf_hash(self.salt + _utf8(self.body))


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Refuted("A text of the receipt cannot be written in UTF-8.") from None


def check_receipt(
    raw: object,
    trust: Trust,
    report: Report,
    *,
    files: Sequence[Path] = (),
    roots: Path | None = None,
    seen: Path | None = None,
    consistency: Path | None = None,
    export: Path | None = None,
) -> str:
    """The sentence that says what is proven. Raises Refuted or CannotTell."""
    receipt = Receipt.read(raw)
    for member in sorted(receipt.raw.keys() - MEMBERS):
        report.open(f"The receipt's member {member[:40]} is not known here and was not looked at.")
    said = parse_json(receipt.body, "The entry")
    if not isinstance(said, dict):
        raise Refuted("The entry is not a JSON object.")
    _check_version(receipt, said, report)
    keys, exported = trust.using(receipt.raw["vkeys"]), None
    if export is not None:
        exported = check_export(export, trust, report, roots=roots, wanted={receipt.leaf_hash})
        keys = exported.keys if trust.is_given else keys
    promise = _check_receipts_promise(receipt, keys, report)
    try:
        checkpoint = _check_inclusion(receipt, keys, trust, report)
    except UnknownKey as unknown:  # of a key that the export shows to be a former one, or of nobody's
        if exported is None or receipt.leaf_hash not in exported.found:
            raise
        report.open(str(unknown))
        checkpoint = None
    if receipt.proof is None and receipt.raw["timestamp"] is not None:
        raise Refuted("The receipt has a stamp of time and no checkpoint that it could be of.")
    if receipt.proof is not None and receipt.raw["timestamp"] is not None:
        check_timestamp(notes.Proof.parse(receipt.proof).checkpoint, receipt.raw["timestamp"], roots, report)
    elif checkpoint is not None:
        if roots is not None:
            raise CannotTell("The receipt has no stamp of time that could be held against the roots given.")
        report.open(
            "No outside authority stamped the time: when the entry was made is what the register says."
        )
    if exported is not None:
        vouched = promise if promise and can_vouch(promise, keys) else None
        checkpoint = _check_in_export(receipt, checkpoint, vouched, exported, report)
    if checkpoint is not None and seen is not None:
        _check_seen(checkpoint, seen, consistency, exported, keys, trust, report)
    _check_evidence(receipt, files, report)
    report.open("Whether what was said is true: a receipt proves what was received, not that it is so.")
    if checkpoint is None:
        raise CannotTell(_not_yet(promise))
    if not trust.is_given:
        raise CannotTell(SELF_CONSISTENT)
    size = checkpoint.size
    return f"This is what the register {receipt.origin} received: it stands in its log of {size} entries."


SELF_CONSISTENT = (
    "Everything in it fits together, but it is self-consistent only: it is signed with keys that came with "
    "it. Bring the register's keys with --keys."
)


def _not_yet(promise: notes.Promise | None) -> str:
    if promise is None:
        return "The receipt has neither a proof nor a promise."
    if time.time() > promise.by:
        return (
            f"The receipt has a promise alone, and its time is over since {_instant(promise.by)}. Get the "
            "receipt again; if it still has no proof, check the promise against an export: it may be broken."
        )
    return (
        f"The receipt has a promise alone: the entry will be in the log by {_instant(promise.by)}. "
        "Get the receipt again then."
    )


def _check_version(receipt: Receipt, said: Mapping[str, Any], report: Report) -> None:
    version = receipt.raw["version"]
    if version is None:
        if said.get("version") is not None:
            raise Refuted(
                "The entry is about a version of a claim, and the receipt does not hold its manifest."
            )
        return
    if not isinstance(version, dict) or not isinstance(version.get("manifest"), str):
        raise CannotTell("The receipt's version has no manifest.")
    if sha256(_utf8(version["manifest"])).hexdigest() != said.get("version"):
        raise Refuted("The manifest of the claim version is not the one that the entry names by its digest.")
    manifest = _manifest(receipt)
    if manifest.get("claim") != said.get("claim"):
        raise Refuted("The manifest is of another claim than the entry.")
    report.good(
        f"The entry is about version {manifest.get('version')} of the claim {manifest.get('number')}, "
        "and names each of its sections by a digest."
    )


def _manifest(receipt: Receipt) -> dict[str, Any]:
    """Call it once the version was checked."""
    if receipt.raw["version"] is None:
        return {}
    manifest = parse_json(receipt.raw["version"]["manifest"], "The manifest")
    if not isinstance(manifest, dict) or not isinstance(manifest.get("sections"), dict):
        raise Refuted("The manifest names no sections.")
    return manifest


def _check_receipts_promise(
    receipt: Receipt, keys: Sequence[notes.VerifierKey], report: Report
) -> notes.Promise | None:
    if receipt.promise is None:
        return None
    promise = open_promise(receipt.promise, keys, report)
    if promise.leaf_hash != receipt.leaf_hash:
        raise Refuted("The promise is for another entry: the leaf hash is not that of this one.")
    if promise.origin != receipt.origin:
        raise Refuted("The promise is of another log than the receipt names.")
    return promise


def _check_inclusion(
    receipt: Receipt, keys: Sequence[notes.VerifierKey], trust: Trust, report: Report
) -> notes.Checkpoint | None:
    if receipt.proof is None:
        return None
    try:
        proof = notes.Proof.parse(receipt.proof)
    except notes.NoteWrong as wrong:
        raise Refuted(f"The proof: {wrong}") from None
    if proof.text != receipt.proof:
        raise Refuted("The proof is not written as it must be.")
    checkpoint, _cosigned = open_checkpoint(proof.checkpoint, keys, trust, report)
    if checkpoint.origin != receipt.origin:
        raise Refuted("The checkpoint is of another log than the receipt names.")
    try:
        tree.verify_inclusion(receipt.leaf_hash, proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    except tree.ProofWrong as wrong:
        raise Refuted(f"The entry was altered, or is not the one that the proof is for: {wrong}") from None
    if proof.extra is not None:
        report.open("The proof carries extra data, which nothing vouches for.")
    report.good(f"The entry stands in the log at index {proof.index}, exactly as it is here.")
    return checkpoint


def _check_in_export(
    receipt: Receipt,
    checkpoint: notes.Checkpoint | None,
    promise: notes.Promise | None,
    exported: Exported,
    report: Report,
) -> notes.Checkpoint | None:
    """The checkpoint that covers the entry: the receipt's own, or that of the export."""
    theirs = exported.checkpoint
    if theirs.origin != receipt.origin:
        raise Refuted(f"The export is of another log, {theirs.origin}.")
    index = exported.found.get(receipt.leaf_hash)
    if checkpoint is None:
        if index is not None:
            report.good(f"The entry stands in the export at index {index}.")
            return theirs
        if promise is not None:
            _check_promise_kept(promise, exported)
        return None
    _check_no_fork(checkpoint, theirs)
    if checkpoint.size > theirs.size:
        raise CannotTell(f"The export has {theirs.size} entries, fewer than the receipt's {checkpoint.size}.")
    if (
        checkpoint.size
        and tree.root_at(checkpoint.size, exported.folder.reading(theirs.size)) != checkpoint.root
    ):
        raise Refuted(f"The export does not begin with the log of {checkpoint.size} entries of the receipt.")
    if index is None:
        raise Refuted("The entry is not in the export.")
    report.good(f"The export begins with the log of {checkpoint.size} entries of which the receipt is.")
    return checkpoint


def _check_seen(
    checkpoint: notes.Checkpoint,
    seen: Path,
    consistency: Path | None,
    exported: Exported | None,
    keys: Sequence[notes.VerifierKey],
    trust: Trust,
    report: Report,
) -> None:
    """The receipt's checkpoint against one that the reader saw elsewhere."""
    other, _cosigned = open_checkpoint(read_text(seen), keys, trust, report, f"The checkpoint in {seen.name}")
    first, second = sorted((checkpoint, other), key=lambda one: one.size)
    _check_no_fork(first, second)
    if consistency is not None:
        hashes = read_consistency(consistency)
    elif first.size == second.size or first.size == 0:
        hashes = []
    elif exported is not None and second.size <= exported.checkpoint.size:
        read = exported.folder.reading(exported.checkpoint.size)
        hashes = tree.consistency_proof(first.size, second.size, read)
    else:
        raise CannotTell("Give --consistency or --export: without it two checkpoints cannot be compared.")
    check_consistency(first, second, hashes, report)


def _check_evidence(receipt: Receipt, files: Sequence[Path], report: Report) -> None:
    listed = receipt.raw["evidence"]
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise CannotTell("The receipt's list of evidence is not a list.")
    section = receipt.raw["evidence_section"]
    if section is not None:
        if not isinstance(section, dict) or not isinstance(section.get("text"), str):
            raise CannotTell("The receipt's evidence section has no text.")
        salt = _hex(section.get("salt"), SALT_BYTES, "The salt of the evidence section")
        digest = sha256(salt + _utf8(section["text"])).hexdigest()
        if digest != _manifest(receipt).get("sections", {}).get("evidence"):
            raise Refuted("The evidence section is not the one that the manifest names by its digest.")
        stands = parse_json(section["text"], "The evidence section")
        if not isinstance(stands, list) or [_named(one) for one in stands] != listed:
            raise Refuted("The list of evidence is not that of the evidence section.")
        report.good(f"The list of evidence is as it was submitted: {len(listed)} files.")
    elif listed:
        raise Refuted("Nothing binds the list of evidence to the entry: the evidence section is missing.")
    if files and section is None:
        raise CannotTell("The receipt has no list of evidence: it was erased, or nothing was sent.")
    given = []
    for path in files:
        digest, size = digest_of(path)
        named = [one for one in listed if (one.get("sha256"), one.get("size_bytes")) == (digest, size)]
        if not named:
            raise Refuted(f"{path.name} is not among the evidence: its SHA-256 is {digest}.")
        given += named
        report.good(f"{path.name} is, byte for byte, a file that the claimant sent.")
    if missing := [one for one in listed if one not in given]:
        report.open(f"{len(missing)} of {len(listed)} files of evidence were not given to be compared.")


def _named(one: object) -> dict[str, object]:
    return {key: one.get(key) for key in ("name", "sha256", "size_bytes")} if isinstance(one, dict) else {}


# --- A promise ---


def check_promise(path: Path, export: Path, trust: Trust, report: Report) -> str:
    """Raises Refuted if the promise is broken: its time is over in a log that lacks the entry."""
    text = read_text(path)
    if text.lstrip().startswith("{"):
        text = Receipt.read(parse_json(text, path.name)).promise or ""
    try:
        wanted = notes.Promise.parse(notes.text_of(text)).leaf_hash
    except notes.NoteWrong as wrong:
        raise CannotTell(f"{path.name} is no promise: {wrong}") from None
    exported = check_export(export, trust, report, wanted={wanted})
    promise = open_promise(text, exported.keys, report)
    if not can_vouch(promise, exported.keys):
        raise CannotTell("None of your keys is the one that signs the register's promises. Bring it too.")
    if promise.origin != exported.checkpoint.origin:
        raise CannotTell(f"The export is of another log, {exported.checkpoint.origin}.")
    index = exported.found.get(wanted)
    if index is None:
        _check_promise_kept(promise, exported)
    if not trust.is_given:
        raise CannotTell(SELF_CONSISTENT)
    return f"The promise was kept: the entry stands in the log at index {index}."


def _check_promise_kept(promise: notes.Promise, exported: Exported) -> NoReturn:
    """For an entry that is not there."""
    if exported.is_later_than > promise.by:
        raise Refuted(
            f"The promise is broken: the entry was to be in the log by {_instant(promise.by)}, and it is not "
            f"in a log that has entries or witnesses of {_instant(exported.is_later_than)}."
        )
    raise CannotTell(
        f"The entry is not in this export, and nothing shows that the export is later than the promised "
        f"{_instant(promise.by)}. Get a newer one."
    )


# --- The command ---


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CannotTell(f"{message} (--help says how to call this)")


def _parser() -> _Parser:
    common = _Parser(add_help=False)
    common.add_argument(
        "--json", action="store_true", help="say all that was checked, and what is not proven"
    )
    common.add_argument(
        "--keys", type=Path, metavar="FILE", help="the verifier keys that you trust, one a line"
    )
    common.add_argument("--quorum", type=int, default=0, metavar="N", help="witnesses that must have signed")
    stamped = _Parser(add_help=False)
    stamped.add_argument(
        "--tsa-roots", type=Path, metavar="PEM", help="root certificates of time authorities"
    )
    against = _Parser(add_help=False)
    against.add_argument("--checkpoint", type=Path, metavar="FILE", help="one that you saw somewhere else")
    against.add_argument("--consistency", type=Path, metavar="FILE", help="the proof between the two")
    against.add_argument("--export", type=Path, metavar="DIR", help="an export of the whole log")

    parser = _Parser(prog="python -m ledger.verify", description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    receipt = commands.add_parser("receipt", parents=[common, stamped, against])
    receipt.add_argument("file", type=Path)
    receipt.add_argument("--evidence", type=Path, nargs="+", default=[], metavar="FILE")
    evidence = commands.add_parser("evidence", parents=[common, stamped, against])
    evidence.add_argument("evidence", type=Path, nargs="+", metavar="file")
    evidence.add_argument("--receipt", type=Path, required=True, dest="file", metavar="FILE")
    checkpoint = commands.add_parser("checkpoint", parents=[common])
    checkpoint.add_argument("file", type=Path)
    consistency = commands.add_parser("consistency", parents=[common])
    for name in ("old", "new", "proof"):
        consistency.add_argument(name, type=Path)
    export = commands.add_parser("export", parents=[common, stamped])
    export.add_argument("folder", type=Path)
    promise = commands.add_parser("promise", parents=[common])
    promise.add_argument("file", type=Path)
    promise.add_argument("--export", type=Path, required=True, metavar="DIR")
    return parser


def _answer(options: argparse.Namespace, report: Report) -> str:
    """The sentence that says what is proven. Raises Refuted, CannotTell or OSError."""
    if options.quorum and options.keys is None:
        raise CannotTell("--quorum needs --keys: only witnesses whose keys you trust can be counted.")
    trust = Trust(read_keys(options.keys) if options.keys else (), options.quorum)
    match options.command:
        case "receipt" | "evidence":
            return check_receipt(
                read_json(options.file),
                trust,
                report,
                files=options.evidence,
                roots=options.tsa_roots,
                seen=options.checkpoint,
                consistency=options.consistency,
                export=options.export,
            )
        case "checkpoint":
            if not trust.is_given:
                raise CannotTell("Bring the register's keys with --keys: a checkpoint holds none.")
            checkpoint, cosigned = open_checkpoint(read_text(options.file), trust.keys, trust, report)
            return (
                f"The log {checkpoint.origin} signed {checkpoint.size} entries with the root "
                f"{checkpoint.root.hex()}. Countersigned by known witnesses: {len(cosigned)}."
            )
        case "consistency":
            return _consistency(options, trust, report)
        case "export":
            exported = check_export(options.folder, trust, report, roots=options.tsa_roots)
            if not trust.is_given:
                raise CannotTell(SELF_CONSISTENT)
            size, origin = exported.checkpoint.size, exported.checkpoint.origin
            if exported.lost:
                return (
                    f"The export is the log {origin} of {size} entries, unchanged; of {exported.lost} of "
                    "them, which were lost or left out, it holds the hashes alone."
                )
            return f"The export is the log {origin} of {size} entries, whole and unchanged."
        case _:
            return check_promise(options.file, options.export, trust, report)


def _consistency(options: argparse.Namespace, trust: Trust, report: Report) -> str:
    texts = [read_text(path) for path in (options.old, options.new)]
    if trust.is_given:
        first, second = (
            open_checkpoint(text, trust.keys, trust, report, what)[0]
            for text, what in zip(texts, ("The old checkpoint", "The new checkpoint"), strict=True)
        )
    else:
        report.open("Who signed the two checkpoints: no --keys were given.")
        try:
            first, second = (notes.Checkpoint.parse(notes.text_of(text)) for text in texts)
        except notes.NoteWrong as wrong:
            raise CannotTell(f"A checkpoint cannot be read: {wrong}") from None
    check_consistency(first, second, read_consistency(options.proof), report)
    said = f"The log of {second.size} entries begins with the whole log of {first.size}, unchanged."
    if not trust.is_given:
        raise CannotTell(f"{said} But who signed the two was not checked: bring the keys with --keys.")
    return said


def main(arguments: Sequence[str] | None = None) -> int:
    report = Report()
    as_json = "--json" in (sys.argv[1:] if arguments is None else arguments)
    try:
        options = _parser().parse_args(arguments)
        status, reason = PROVEN, _answer(options, report)
    except (Refuted, tree.TileWrong) as refusal:
        status, reason = REFUTED, str(refusal)
    except CannotTell as refusal:
        status, reason = CANNOT_TELL, str(refusal)
    except RecursionError:
        status, reason = CANNOT_TELL, "What was given is nested too deep to be read."
    except OSError as error:
        name = Path(str(error.filename)).name if error.filename else "A file"
        status, reason = CANNOT_TELL, f"{name} cannot be read: {error.strerror}."
    except Exception as error:  # noqa: BLE001 -- a fault of ours proves and refutes nothing
        status, reason = CANNOT_TELL, f"This program failed ({type(error).__name__}). Please report that."
    reason = " ".join(reason.split())
    if as_json:
        answer = {
            "result": WORDS[status],
            "reason": reason,
            "proven": report.proven,
            "not_proven": report.not_proven,
        }
        print(json.dumps(answer, ensure_ascii=False, indent=1))
    else:
        print(f"{WORDS[status]}: {reason}")
        for sentence in report.not_proven:
            print(f"open: {sentence}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
