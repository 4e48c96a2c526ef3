"""Verify the log from the inside: entries against leaves, leaves against tiles, all of it against what was
signed, here and outside the database.

Each stage goes through its table in batches of bounded size, in the order of a key, and tells after each how
far it has come, so that it can be taken up again there.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from ledger import checkpoints, notes, proofs, stamping, tree
from ledger.models import Checkpoint, Entry, Leaf, Pending, Tile, Timestamp
from ledger.timestamps import TimestampWrong
from ledger.verify import Growing

BATCH = 5120  # leaves: whole tiles
GAP = 1000  # missing leaves that are passed over; across more the tree cannot be followed
PUBLISHING = 60  # seconds for which the memory may be ahead of the published checkpoint

_LEAVES = """
SELECT leaf.index, leaf.hash, leaf.entry_id, entry.id, entry.salt, entry.body
FROM ledger_leaf AS leaf LEFT JOIN ledger_entry AS entry ON entry.id = leaf.entry_id
WHERE leaf.index > %s ORDER BY leaf.index LIMIT %s
"""
_ENTRIES = """
SELECT entry.id, leaf.index IS NOT NULL, pending.entry_id IS NOT NULL
FROM (SELECT id FROM ledger_entry WHERE id > %s ORDER BY id LIMIT %s) AS entry
LEFT JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id
LEFT JOIN ledger_pending AS pending ON pending.entry_id = entry.id
ORDER BY entry.id
"""
_TILES_TOO_MANY = """
SELECT level, n FROM ledger_tile
WHERE n < 0 OR level NOT BETWEEN 0 AND 6 OR n >= %s::bigint >> (8 * (level + 1))
LIMIT %s
"""


@dataclass(frozen=True)
class Finding:
    """A row that disagrees. `key` is its primary key (or what names a row that is missing); `says` holds no
    personal data."""

    table: str
    key: str
    says: str

    @classmethod
    def of(cls, model: Any, key: object, says: str) -> "Finding":
        return cls(model._meta.db_table, str(key), says)

    def __str__(self) -> str:
        return f"{self.table} {self.key}: {self.says}"


@dataclass
class Progress:
    """How far a verification has come: after this key of this stage. `edge` is the tree so far, in hex."""

    stage: str = ""
    after: int = -1
    edge: list[list[str]] = field(default_factory=list)
    findings: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


Stage = Iterator[list[Finding]]


@contextmanager
def snapshot() -> Iterator[None]:
    """What is read within it was there at one moment: acts go on meanwhile."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


# --- Entries, leaves, tiles, roots ---


def leaves(progress: Progress) -> Stage:
    growing = Growing(progress.after + 1, [[bytes.fromhex(h) for h in level] for level in progress.edge])
    while True:
        with snapshot():
            rows = _rows(_LEAVES, progress.after, BATCH)
            if not rows:
                yield list(_at_the_end(growing))
                return
            findings, hashes = _hashed(rows, growing.size)
            findings += _grown(growing, hashes)
        if growing.size != rows[-1][0] + 1:
            yield findings
            return
        progress.after = growing.size - 1
        progress.edge = [[hash_.hex() for hash_ in level] for level in growing.edge]
        yield findings


def _rows(statement: str, after: int, limit: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [after, limit])
        return list(cursor.fetchall())


def _hashed(rows: Sequence[tuple[Any, ...]], expected: int) -> tuple[list[Finding], list[bytes]]:
    """The leaf hashes from the index `expected` on, each held against its entry."""
    findings: list[Finding] = []
    hashes: list[bytes] = []
    for index, stored, entry_id, found, salt, body in rows:
        if index - expected > GAP:
            findings.append(Finding.of(Leaf, expected, f"and all up to {index - 1} are missing"))
            return findings, hashes
        for missing in range(expected, index):
            findings.append(Finding.of(Leaf, missing, "is missing"))
            hashes.append(bytes(tree.HASH_BYTES))
        expected = index + 1
        hashes.append(bytes(stored))
        if entry_id is None:
            findings.append(Finding.of(Leaf, index, "its entry was lost; its hash alone is left"))
        elif found is None:
            findings.append(Finding.of(Entry, entry_id, f"is missing: leaf {index} is of it"))
        elif tree.leaf_hash(bytes(salt) + body.encode()) != bytes(stored):
            findings.append(
                Finding.of(Entry, entry_id, f"does not have the hash that leaf {index} keeps of it")
            )
    return findings, hashes


def _grown(growing: Growing, hashes: Sequence[bytes]) -> list[Finding]:
    """Let the tree take these leaves, and hold its tiles, and the checkpoints on the way, against it."""
    end = growing.size + len(hashes)
    signed = Checkpoint.objects.filter(size__gt=growing.size, size__lte=end).order_by("size", "id")
    findings: list[Finding] = []
    tiles: list[tuple[tree.Tile, bytes, bytes]] = []
    done = 0
    for key, size, root in [*signed.values_list("pk", "size", "root"), (None, end, b"")]:
        more = size - growing.size
        tiles += growing.add(hashes[done : done + more])
        done += more
        if key is not None and growing.root() != bytes(root):
            says = f"the tree of {size} entries does not have the root that it states"
            findings.append(Finding.of(Checkpoint, key, says))
    stored = {
        (row.level, row.n): row
        for level in {tile.level for tile, _bytes, _root in tiles}
        for row in Tile.objects.filter(
            level=level, n__in=[t.n for t, _bytes, _root in tiles if t.level == level]
        )
    }
    for tile, expected, root in tiles:
        row = stored.get((tile.level, tile.n))
        if row is None:
            findings.append(Finding.of(Tile, tile.path, "is missing"))
        elif bytes(row.hashes) != expected:
            findings.append(Finding.of(Tile, tile.path, "does not hold the hashes of what is below it"))
        elif bytes(row.root) != root:
            findings.append(Finding.of(Tile, tile.path, "does not have the root of its hashes"))
    return findings


def _at_the_end(growing: Growing) -> Iterator[Finding]:
    for index in Leaf.objects.filter(index__lt=0).values_list("index", flat=True)[:GAP]:
        yield Finding.of(Leaf, index, "stands before the first entry of the log")
    with connection.cursor() as cursor:
        cursor.execute(_TILES_TOO_MANY, [growing.size, GAP])
        for level, n in cursor.fetchall():
            yield Finding.of(Tile, f"{level}/{n}", "is of entries that the log has not")


def entries(progress: Progress) -> Stage:
    """Each is sealed, or waits to be, and not longer than was promised."""
    while True:
        with snapshot():
            rows = _rows(_ENTRIES, progress.after, BATCH)
            if not rows:
                yield list(_waiting())
                return
        progress.after = rows[-1][0]
        yield [
            Finding.of(
                Entry, key, "is sealed and waits to be sealed" if sealed else "is neither sealed nor waits"
            )
            for key, sealed, waits in rows
            if sealed == waits
        ]


def _waiting() -> Iterator[Finding]:
    known = Entry.objects.values("pk")
    for key in Pending.objects.exclude(pk__in=known).values_list("pk", flat=True)[:GAP]:
        yield Finding.of(Pending, key, "its entry is missing")
    promised = timezone.now() - timedelta(seconds=settings.LEDGER_PROMISE_SECONDS)
    overdue = Entry.objects.filter(pending__since__lt=promised).order_by("pk").values_list("pk", flat=True)
    for key in overdue[:GAP]:
        yield Finding.of(Entry, key, "is not sealed, and its promise is over")


# --- What was signed ---


def signed(progress: Progress, former: Sequence[notes.VerifierKey] = ()) -> Stage:
    """Checkpoints and stamps; their roots are held against the tree by `leaves`. `former` are keys of
    witnesses and of the log that are not configured any more."""
    keys = [*checkpoints.log_keys(), *(witness.key for witness in checkpoints.witnesses()), *former]
    while True:
        rows = list(Checkpoint.objects.filter(pk__gt=progress.after).order_by("pk")[:500])
        if not rows:
            break
        progress.after = rows[-1].pk
        size = proofs.size()  # read after them: it has grown since at most
        yield [Finding.of(Checkpoint, row.pk, says) for row in rows if (says := _wrong_note(row, keys, size))]
    yield [*_wrong_memory(), *_wrong_stamps()]


def _wrong_note(row: Checkpoint, keys: Sequence[notes.VerifierKey], size: int) -> str:
    try:
        opened = notes.open_note(row.note, keys)
        checkpoint = notes.Checkpoint.parse(opened.text)
        unknown = {(s.name, s.key_id) for s in notes.signatures(row.note)} - {
            (k.name, k.key_id) for k in keys
        }
    except notes.NoteWrong as wrong:
        return str(wrong)
    if checkpoint.origin != settings.LEDGER_ORIGIN:
        return "is of another log"
    if not any(key.name == checkpoint.origin for key in opened.by):
        return "is not signed by this log"
    if (checkpoint.size, checkpoint.root) != (row.size, bytes(row.root)):
        return "its columns say something else than its note"
    if unknown:
        names = ", ".join(sorted(name for name, _key_id in unknown))
        return f"has a signature of which no key is known: {names}. If it is a former one, name it by --keys"
    if row.size > size:
        return f"is of {row.size} entries, and the log has {size}: it was cut back"
    return ""


def _wrong_memory() -> Iterator[Finding]:
    """Against the file outside the database."""

    def finding(says: str) -> Finding:
        return Finding("memory", str(settings.LEDGER_MEMORY), says)

    published = checkpoints.newest()
    try:
        remembered = checkpoints.Memory(settings.LEDGER_MEMORY).recall()
        written_at = settings.LEDGER_MEMORY.stat().st_mtime if remembered else 0
    except checkpoints.Alarm as alarm:
        yield finding(str(alarm))
        return
    except OSError as error:
        yield finding(f"cannot be read: {error.strerror}")
        return
    if remembered is None:
        if published is not None:
            yield finding("is missing on this machine, and checkpoints were published")
        return
    checkpoint, size = remembered.checkpoint, proofs.size()
    if checkpoint.size > size:
        yield finding(f"is of {checkpoint.size} entries, and the log has {size}: it was cut back")
        return
    try:
        if proofs.root(checkpoint.size) != checkpoint.root:
            yield finding(f"the tree of {checkpoint.size} entries does not have the root that was signed")
    except tree.TileWrong as wrong:
        yield finding(f"the tree cannot be held against it: {wrong}")
    if published is None or published.size < checkpoint.size:
        if time.time() - written_at > PUBLISHING:
            yield Finding.of(Checkpoint, f"of {checkpoint.size} entries", "was signed, and is missing")
    elif published.size > checkpoint.size:
        yield finding(f"is of {checkpoint.size} entries, older than what was published ({published.size})")


def _wrong_stamps() -> Iterator[Finding]:
    """Without LEDGER_TSA_ROOTS a stamp cannot be verified, which the command says."""
    if not settings.LEDGER_TSA_ROOTS:
        return
    stamped = Timestamp.objects.order_by("checkpoint").values_list("checkpoint", flat=True).distinct()
    for key in stamped.iterator():
        checkpoint = Checkpoint.objects.filter(pk=key).first()
        if checkpoint is None:
            yield Finding.of(Checkpoint, key, "is missing: there are stamps of it")
            continue
        try:
            stamping.check(checkpoint)
        except TimestampWrong as wrong:
            yield Finding.of(Timestamp, f"of checkpoint {key}", str(wrong))


# --- What was promised ---


def promises(handed_in: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    """Promises that claimants hand in, each with a name to call it by. The whole log is looked through."""
    promised = {}
    for name, note in handed_in:
        try:
            opened = notes.open_note(note, checkpoints.promise_keys())
            promise = notes.Promise.parse(opened.text)
        except notes.NoteWrong as wrong:
            yield Finding("promise", name, f"is none of ours: {wrong}")
            continue
        if promise.origin != settings.LEDGER_ORIGIN:
            yield Finding("promise", name, "is of another log")
        else:
            promised[name] = promise
    if not promised:
        return
    wanted = {promise.leaf_hash for promise in promised.values()}
    found = {bytes(hash_) for hash_ in Leaf.objects.filter(hash__in=wanted).values_list("hash", flat=True)}
    waiting = Entry.objects.filter(pending__isnull=False).iterator()
    found |= {hash_ for entry in waiting if (hash_ := entry.leaf_hash) in wanted}
    for name, promise in promised.items():
        if promise.leaf_hash not in found:
            over = "its time is over" if promise.by < time.time() else "its time is not over yet"
            yield Finding("promise", name, f"the entry is not in this log: {over}")
