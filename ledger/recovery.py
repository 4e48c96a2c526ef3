"""Put back what was signed and is lost: a database of yesterday becomes the log of today again, or nothing
is changed at all.

The published tiles say which hash stands at each index, and the signed checkpoint says that the tiles are
right. So whatever comes from elsewhere (an export, a receipt, a partner's copy) is put back exactly where it
was, if it has the hash of that place, and nothing else can be. What was entered since the restore is kept and
sealed after all that.

As the owner of the tables: the web server's role can do none of this.
"""

import itertools
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper

from ledger import checkpoints, closing, log, notes, proofs, tree
from ledger.log import Actor, Digest, Kind
from ledger.models import SALT_BYTES

RECOVERED = Kind(
    "ledger.recovered",
    is_open=True,
    facts={
        "size": int,  # of the checkpoint up to which it was put back
        "root": Digest,
        "first": int,  # the first index that was not there
        "put_back": int,
        "lost": int,
        "moved": int,  # entries that stood at an index which was another's
        "promised": int,  # entries that were never signed, and came in by a promise alone
    },
)
OWNER = "owner"
BLOCK = 64 * tree.TILE_WIDTH
GROW = 10_000

_LINE = re.compile(
    r'\{"index":(?:0|[1-9][0-9]*),(?:"lost":"[0-9a-f]{64}"|"salt":"([0-9a-f]{32})","body":(\{.*\}))\}\s*'
)


class NotRecovered(Exception):
    """Nothing was changed. Says why, and what is needed."""


@dataclass(frozen=True)
class Found:
    """An entry that somebody kept, and the promise that they were given for it."""

    salt: bytes
    body: str
    promise: str | None = None

    @property
    def leaf_hash(self) -> bytes:
        return sha256(b"\0" + self.salt + self.body.encode()).digest()


@dataclass
class Report:
    """What was done. Claims by their internal ids, each with the indexes of their entries that came back."""

    size: int
    first: int
    put_back: list[int] = field(default_factory=list)
    still_there: int = 0  # which the database had, but not at their index
    lost: list[int] = field(default_factory=list)
    moved: int = 0
    promised: list[Found] = field(default_factory=list)
    is_closed: bool = False
    claims: dict[str, list[int]] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)


def recover(
    note: str,
    *,
    tiles: Path,
    sources: Iterable[Path],
    leave_gaps: bool = False,
    with_promised: bool = False,
    by: Actor,
    office: str,
) -> Report:
    """In one transaction, which ends in a log with the root that was signed, or in nothing.

    What we promised and never signed is entered only `with_promised`: nothing but the key of promises vouches
    for it, which is in other hands than the one that signs.

    Raises NotRecovered, checkpoints.Alarm and OSError.
    """
    signed = checkpoints.Signed.read(note, "the file given").checkpoint
    _check_is_newest(signed)
    with transaction.atomic(using=OWNER, durable=True), connections[OWNER].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(119182731994482)")  # nobody seals meanwhile
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a trigger rests only where no check is pending
        published = _Published(tiles, signed, cursor)
        report = Report(signed.size, published.first)
        _check_checkpoints(published, signed, cursor)
        displaced = _clear(published.first, cursor) if published.lost else set()
        _open_again(cursor, report)
        where = _entries_here(cursor)
        known = {where[hash_] for hash_ in published.places if hash_ in where}
        report.still_there, report.moved = len(known), len(displaced - known)
        _bring_in(sources, published, where, cursor, report)
        if with_promised:
            for found in report.promised:
                _enter(found, cursor)
        report.lost = [index for index, hash_ in published.lost.items() if hash_ not in where]
        if report.lost and not leave_gaps:
            raise NotRecovered(
                f"Of the {len(published.lost)} entries that are lost, nobody gave these {len(report.lost)}: "
                f"{ranges(report.lost)}. Look for more copies: exports, receipts, what partners pulled. If "
                "there are none, --leave-gaps keeps their hashes, so that the log can go on."
            )
        _put(published.lost, where, cursor)
        _fill(published.gaps, where, cursor)
        _check(signed, cursor, published.places.values())
        _tell_claims(cursor, report)
        if report.is_closed:  # nothing can be entered about it
            cursor.execute(closing.REFUSE)
        elif published.lost or known or report.put_back or (with_promised and report.promised):
            facts = {
                "size": signed.size,
                "root": signed.root.hex(),
                "first": published.first,
                "put_back": len(report.put_back) + report.still_there,
                "lost": len(report.lost),
                "moved": report.moved,
                "promised": len(report.promised) if with_promised else 0,
            }
            log.append(RECOVERED, by=by, office=office, facts=facts, using=OWNER)
    return report


def ranges(indexes: Collection[int]) -> str:
    """As in "3, 7 to 9"."""
    found: list[list[int]] = []
    for index in sorted(indexes):
        if found and index == found[-1][1] + 1:
            found[-1][1] = index
        else:
            found.append([index, index])
    shown = [f"{first}" if first == last else f"{first} to {last}" for first, last in found[:50]]
    return ", ".join(shown) + (" and others" if len(found) > 50 else "")


# --- What was published ---


class _Published:
    """`first` is the first index at which the database has not what was published; `lost` the hash of each
    index from there on, `gaps` those of indexes before it whose entry an earlier loss took, `frontier` the
    tree before it."""

    def __init__(self, tiles: Path, signed: notes.Checkpoint, cursor: CursorWrapper) -> None:
        self.first = signed.size
        self.lost: dict[int, bytes] = {}
        self.frontier = tree.Frontier()
        whole = tree.Frontier()
        for start in range(0, signed.size, BLOCK):
            upto = min(start + BLOCK, signed.size)
            here = _leaves(start, upto, cursor)
            hashes = [*_hashes(tiles, start, upto, here)]
            if not self.lost:
                agreeing = next((i for i, h in enumerate(hashes) if here.get(start + i) != h), len(hashes))
                self.frontier.extend(hashes[:agreeing])
                if agreeing < len(hashes):
                    self.first = start + agreeing
                    self.lost = dict(enumerate(hashes[agreeing:], self.first))
            else:
                self.lost |= dict(enumerate(hashes, start))
            whole.extend(hashes)
        if whole.root() != signed.root:
            raise NotRecovered(
                f"The tiles in {tiles} do not have the root of the checkpoint, or the database has others. "
                "Fetch them again, also from somebody else who kept them."
            )
        cursor.execute(
            "SELECT index, hash FROM ledger_leaf WHERE entry_id IS NULL AND index < %s", [self.first]
        )
        self.gaps = {index: bytes(hash_) for index, hash_ in cursor.fetchall()}
        self.places = {hash_: index for index, hash_ in (self.gaps | self.lost).items()}


def _leaves(start: int, upto: int, cursor: CursorWrapper) -> dict[int, bytes]:
    cursor.execute("SELECT index, hash FROM ledger_leaf WHERE index >= %s AND index < %s", [start, upto])
    return {index: bytes(hash_) for index, hash_ in cursor.fetchall()}


def _hashes(folder: Path, start: int, upto: int, here: Mapping[int, bytes]) -> Iterator[bytes]:
    """Of the leaves from `start` on: of the tiles, or where one was not kept, of the database."""
    for first in range(start, upto, tree.TILE_WIDTH):
        wanted = tree.Tile(0, first // tree.TILE_WIDTH, min(tree.TILE_WIDTH, upto - first))
        kept = _kept(folder, wanted)
        for index in range(first, first + wanted.width):
            hash_ = kept[: tree.HASH_BYTES] if kept else here.get(index)
            kept = kept[tree.HASH_BYTES :]
            if hash_ is None:
                raise NotRecovered(
                    f"{wanted.path} is not in {folder}, and the database lacks what it holds. Fetch it from "
                    "whoever kept the log: a partner, a witness, a content network, an export."
                )
            yield hash_


def _kept(folder: Path, wanted: tree.Tile) -> bytes:
    """The hashes of this tile, which may stand in a wider one; nothing if it was not kept."""
    length = wanted.width * tree.HASH_BYTES
    for width in range(wanted.width, tree.TILE_WIDTH + 1):
        path = folder / tree.Tile(wanted.level, wanted.n, width).path
        if path.is_file():
            content = path.read_bytes()
            if len(content) == width * tree.HASH_BYTES:
                return content[:length]
    return b""


def _check_is_newest(signed: notes.Checkpoint) -> None:
    """Raises NotRecovered if a larger checkpoint is known: up to that one the log has to come back."""
    known = [note.note for note in [checkpoints.newest()] if note is not None]
    remembered = checkpoints.Memory(settings.LEDGER_MEMORY).recall()
    known += [remembered.note] if remembered else []
    for note in known:
        other = notes.Checkpoint.parse(notes.text_of(note))
        if other.size > signed.size:
            raise NotRecovered(
                f"A checkpoint of {other.size} entries was signed, and the one given has {signed.size}. Give "
                f"that one: {settings.LEDGER_MEMORY} or the database has it."
            )
        if other.size == signed.size and other.root != signed.root:
            raise NotRecovered(
                f"Two roots were signed at {signed.size} entries. Keep both checkpoints: they prove a fork, "
                "and no recovery undoes that."
            )


def _check_checkpoints(published: _Published, signed: notes.Checkpoint, cursor: CursorWrapper) -> None:
    """Raises NotRecovered if after the restore something was signed that does not fit."""
    cursor.execute(
        "SELECT size, root FROM ledger_checkpoint WHERE size > %s ORDER BY size", [published.first]
    )
    growing = tree.Frontier(published.frontier.size, published.frontier.peaks)
    for size, root in cursor.fetchall():
        growing.extend([published.lost[index] for index in range(growing.size, size)])
        if growing.root() != bytes(root):
            raise NotRecovered(
                f"The database holds a checkpoint of {size} entries that does not fit the one given: after "
                "the restore another history was signed. Keep both: they prove a fork, and no recovery "
                "undoes that."
            )


# --- Into the database ---


@contextmanager
def _open(table: str, cursor: CursorWrapper) -> Iterator[None]:
    """What was append-only is not, until the end of the block: for this transaction alone."""
    cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_append_only")
    yield
    cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {table}_append_only")


def _clear(first: int, cursor: CursorWrapper) -> set[int]:
    """Takes away the leaves from this index on, and the tiles above them. Answers the ids of their
    entries."""
    with _open("ledger_leaf", cursor):
        cursor.execute("DELETE FROM ledger_leaf WHERE index >= %s RETURNING entry_id", [first])
        displaced = {entry for (entry,) in cursor.fetchall() if entry is not None}
    with _open("ledger_tile", cursor):
        cursor.execute(
            "DELETE FROM ledger_tile WHERE (n + 1)::numeric * power(256::numeric, level + 1) > %s", [first]
        )
    # Who follows reads from here again: what comes back, and what stood here and comes later.
    cursor.execute("UPDATE ledger_follower SET next_index = %s WHERE next_index > %s", [first, first])
    return displaced


def _open_again(cursor: CursorWrapper, report: Report) -> None:
    """Entries of a closed log come back too. It is closed again at the end."""
    cursor.execute("SELECT FROM pg_trigger WHERE tgname = 'ledger_entry_closed'")
    if cursor.rowcount:
        report.is_closed = True
        cursor.execute("DROP TRIGGER ledger_entry_closed ON ledger_entry")


def _entries_here(cursor: CursorWrapper) -> dict[bytes, int]:
    """The ids of entries that the database has without a leaf, by leaf hash. All of them wait to be sealed
    now; those that were published leave the queue when they get their place back."""
    cursor.execute(
        """
        WITH waiting AS (
            SELECT id, sha256('\\x00'::bytea || salt || convert_to(body, 'UTF8')) AS hash FROM ledger_entry
            WHERE NOT EXISTS (SELECT FROM ledger_leaf WHERE entry_id = ledger_entry.id)
        ), queued AS (
            INSERT INTO ledger_pending (entry_id, since) SELECT id, clock_timestamp() FROM waiting
            ON CONFLICT DO NOTHING
        )
        SELECT hash, id FROM waiting
        """
    )
    return {bytes(hash_): entry for hash_, entry in cursor.fetchall()}


def _bring_in(
    sources: Iterable[Path],
    published: _Published,
    where: dict[bytes, int],
    cursor: CursorWrapper,
    report: Report,
) -> None:
    """Enters what fits a place, and finds what fits none but was promised by us."""
    promised: dict[bytes, Found] = {}
    for source in sources:
        for found in read(source):
            hash_ = found.leaf_hash
            if hash_ in where:
                continue
            if hash_ in published.places:
                where[hash_] = _enter(found, cursor)
                report.put_back.append(published.places[hash_])
            elif found.promise is not None and _is_ours(found.promise, hash_):
                promised[hash_] = found
    if promised:
        cursor.execute("SELECT hash FROM ledger_leaf WHERE hash = ANY(%s)", [list(promised)])
        for (hash_,) in cursor.fetchall():
            del promised[bytes(hash_)]
    report.promised = list(promised.values())


def _enter(found: Found, cursor: CursorWrapper) -> int:
    cursor.execute(
        "INSERT INTO ledger_entry (salt, body) VALUES (%s, %s) RETURNING id", [found.salt, found.body]
    )
    return int(cursor.fetchone()[0])


def _is_ours(promise: str, leaf_hash: bytes) -> bool:
    try:
        said = notes.Promise.parse(notes.open_note(promise, checkpoints.promise_keys()).text)
    except notes.NoteWrong:
        return False
    return (said.origin, said.leaf_hash) == (settings.LEDGER_ORIGIN, leaf_hash)


def _put(lost: Mapping[int, bytes], where: Mapping[bytes, int], cursor: CursorWrapper) -> None:
    rows = [(index, where.get(hash_), hash_) for index, hash_ in lost.items()]
    for start in range(0, len(rows), BLOCK):
        some = rows[start : start + BLOCK]
        cursor.execute(
            "INSERT INTO ledger_leaf (index, entry_id, hash)"
            " SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[])",
            [list(column) for column in zip(*some, strict=True)],
        )
        entries = [entry for _index, entry, _hash in some if entry is not None]
        cursor.execute("DELETE FROM ledger_pending WHERE entry_id = ANY(%s)", [entries])
    grown = 1
    while grown:
        cursor.execute("SELECT ledger_grow(%s)", [GROW])
        [grown] = cursor.fetchone()


def _fill(gaps: Mapping[int, bytes], where: Mapping[bytes, int], cursor: CursorWrapper) -> None:
    """What turned up of an earlier loss."""
    found = {index: where[hash_] for index, hash_ in gaps.items() if hash_ in where}
    if not found:
        return
    with _open("ledger_leaf", cursor):
        cursor.execute(
            "UPDATE ledger_leaf AS leaf SET entry_id = found.entry"
            " FROM unnest(%s::bigint[], %s::bigint[]) AS found (index, entry) WHERE leaf.index = found.index",
            [list(found), list(found.values())],
        )
    cursor.execute("DELETE FROM ledger_pending WHERE entry_id = ANY(%s)", [list(found.values())])


def _check(signed: notes.Checkpoint, cursor: CursorWrapper, touched: Collection[int]) -> None:
    """Holds the tables, as they stand now, against what was signed: nothing above is taken at its word."""
    cursor.execute(
        "SELECT count(*) FROM ledger_leaf AS leaf JOIN ledger_entry AS entry ON entry.id = entry_id"
        " WHERE index = ANY(%s)"
        " AND hash <> sha256('\\x00'::bytea || entry.salt || convert_to(entry.body, 'UTF8'))",
        [list(touched)],
    )
    [wrong] = cursor.fetchone()
    if wrong or tree.root_at(signed.size, lambda tiles: proofs.read(tiles, using=OWNER)) != signed.root:
        raise NotRecovered("What came back does not have the root that was signed. Nothing was changed.")


def _tell_claims(cursor: CursorWrapper, report: Report) -> None:
    cursor.execute(
        "SELECT index, claim::text, body::json -> 'facts' ->> 'number', kind FROM ledger_leaf"
        " JOIN ledger_entry AS entry ON entry.id = entry_id WHERE index = ANY(%s) ORDER BY index",
        [report.put_back],
    )
    for index, claim, number, kind in cursor.fetchall():
        report.is_closed = report.is_closed or kind == closing.CLOSED.name
        if claim is not None:
            report.claims.setdefault(claim, []).append(index)
            if number:
                report.numbers[claim] = number


# --- What others kept ---


def read(source: Path) -> Iterator[Found]:
    """The entries of an export (entries.ndjson), of a receipt, or of what a partner was answered at
    /api/v1/ledger/entries. Raises NotRecovered for a file that is none of them."""
    with source.open(encoding="utf-8", newline="\n") as file:
        try:
            head = file.readline()
            if _LINE.fullmatch(head):
                for number, line in enumerate(itertools.chain([head], file), 1):
                    yield from _of_line(line, source, number)
            elif head.strip():
                yield from _of_json(json.loads(head + file.read()), source)
        except (UnicodeDecodeError, json.JSONDecodeError):
            raise NotRecovered(f"{source} is neither an export nor a receipt.") from None


def _of_line(line: str, source: Path, number: int) -> Iterator[Found]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise NotRecovered(f"Line {number} of {source} holds no entry. Was the file cut off?")
    if match[1]:  # else an export says that this one was lost before
        yield Found(bytes.fromhex(match[1]), match[2])


def _of_json(said: Any, source: Path) -> Iterator[Found]:
    if isinstance(said, dict) and isinstance(said.get("results"), list):
        for row in said["results"]:
            if isinstance(row, dict) and row.get("body") is not None:  # others were not for this partner
                yield _of_fields(row, source)
    elif isinstance(said, dict) and isinstance(said.get("entry"), dict):
        promise = said.get("promise")
        yield _of_fields(said["entry"], source, promise if isinstance(promise, str) else None)
    else:
        raise NotRecovered(f"{source} is neither an export nor a receipt.")


def _of_fields(fields: Mapping[str, Any], source: Path, promise: str | None = None) -> Found:
    try:
        salt, body = bytes.fromhex(fields["salt"]), fields["body"]
    except (KeyError, TypeError, ValueError):
        raise NotRecovered(f"{source} holds an entry without its salt.") from None
    if not isinstance(body, str) or len(salt) != SALT_BYTES:
        raise NotRecovered(f"{source} holds an entry that is not whole.")
    return Found(salt, body, promise)
