"""The whole log in files, for auditors: what `python -m ledger.verify export` checks without us.

    checkpoint         the newest signed note; written last, so that a folder without it is not finished
    entries.ndjson     {"index":0,"salt":"<hex>","body":<the body, byte for byte as hashed>}, one a line
                       {"index":0,"lost":"<leaf hash in hex>"} where a loss took the entry
    tile/...           all tiles of the tree, partial ones too, in the layout of C2SP tlog-tiles
    timestamps.ndjson  {"checkpoint":<note>,"timestamp":<as in a receipt>} for each stamped checkpoint
    vkeys              the verifier keys that the register publishes, one a line

Entries of all kinds stand in it, with their salts: it is for auditors, and for nobody else. Run again in the
same folder it goes on, after a crash and as the log grows. Entries leave the database as bytes and pass
through here untouched: the memory that it takes does not depend on how many there are.
"""

import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from django.db import connection

from ledger import checkpoints, notes, proofs, stamping, tree
from ledger.models import Checkpoint

AT_ONCE = 50_000  # entries in one statement
TILES_AT_ONCE = 200
LINE_BYTES = 70_000  # more than the longest line has

# The body is canonical JSON, which holds no control character: so nothing in it is quoted or escaped.
_LINES = r"""
COPY (
    SELECT '{"index":' || leaf.index || CASE
        WHEN entry.id IS NULL THEN ',"lost":"' || encode(leaf.hash, 'hex') || '"}'
        ELSE ',"salt":"' || encode(entry.salt, 'hex') || '","body":' || entry.body || '}'
    END
    FROM ledger_leaf AS leaf LEFT JOIN ledger_entry AS entry ON entry.id = leaf.entry_id
    WHERE leaf.index >= %s AND leaf.index < %s ORDER BY leaf.index
) TO STDOUT (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')
"""


class Refused(Exception):
    """Nothing could be exported. Says what to do, in a sentence."""


Report = Callable[[int, int], None]  # how many entries are written, of how many


def export(folder: Path, *, report: Report = lambda done, of: None) -> notes.Checkpoint:
    """Write all that the newest checkpoint covers, or what is missing of it. Raises Refused or OSError."""
    newest = checkpoints.newest()
    if newest is None:
        raise Refused("There is no checkpoint yet. Start the sealer first.")
    checkpoint = notes.Checkpoint.parse(notes.text_of(newest.note))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_is_of(folder, checkpoint)
    _write_entries(folder / "entries.ndjson", checkpoint.size, report)
    _write_tiles(folder, checkpoint.size)
    _write(folder / "vkeys", "".join(f"{vkey}\n" for vkey in checkpoints.vkeys()))
    _write(folder / "timestamps.ndjson", "".join(_stamped(checkpoint.size)))
    _write(folder / "checkpoint", newest.note)
    return checkpoint


def _check_is_of(folder: Path, checkpoint: notes.Checkpoint) -> None:
    earlier = folder / "checkpoint"
    if not earlier.exists():
        return
    try:
        known = notes.Checkpoint.parse(notes.text_of(earlier.read_text()))
    except (notes.NoteWrong, UnicodeDecodeError):
        raise Refused(f"{earlier} is no checkpoint. Choose an empty folder.") from None
    if known.origin != checkpoint.origin or known.size > checkpoint.size:
        raise Refused(
            f"{folder} holds {known.size} entries of {known.origin}, and this log is {checkpoint.origin} of "
            f"{checkpoint.size}. Choose an empty folder, and keep that one: it may know more than this log."
        )


def _write_entries(path: Path, size: int, report: Report) -> None:
    with path.open("r+b" if path.exists() else "w+b") as file:
        done = _entries_in(file.fileno())
        if done > size:  # of a checkpoint that came to nothing before it was exported whole
            raise Refused(f"{path} has {done} entries, more than the log of {size}. Choose an empty folder.")
        file.seek(0, os.SEEK_END)
        while done < size:
            upto = min(size, done + AT_ONCE)
            connection.ensure_connection()
            with connection.connection.cursor() as cursor:  # Django's takes no parameters in copy
                with cursor.copy(_LINES, (done, upto)) as rows:
                    for row in rows:
                        file.write(row)
                if cursor.rowcount != upto - done:
                    raise Refused(
                        f"Of the entries {done} to {upto - 1}, some are missing in the database. "
                        "manage.py verify_register names them."
                    )
            done = upto
            report(done, size)
        file.flush()
        os.fsync(file.fileno())


def _entries_in(descriptor: int) -> int:
    """How many whole lines the file has; what a crash left behind the last one is cut off."""
    length = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, 2 * LINE_BYTES, max(0, length - 2 * LINE_BYTES))
    whole = tail[: tail.rfind(b"\n") + 1]
    os.ftruncate(descriptor, length - len(tail) + len(whole))
    if not whole:
        if len(tail) < length:
            raise Refused("entries.ndjson is not one of ours: it has no lines. Choose an empty folder.")
        return 0
    last = whole[whole[:-1].rfind(b"\n") + 1 :]
    try:
        return int(last.removeprefix(b'{"index":').partition(b",")[0]) + 1
    except ValueError:
        raise Refused("entries.ndjson is not one of ours. Choose an empty folder.") from None


def _write_tiles(folder: Path, size: int) -> None:
    """A full tile never changes, so that one that is there is left alone."""
    missing = (tile for tile in tree.tiles_of(size) if not _is_there(folder, tile))
    while some := list(itertools.islice(missing, TILES_AT_ONCE)):
        found = proofs.read(some)
        for tile in some:
            if tile not in found:
                raise Refused(f"{tile.path} is missing in the database. manage.py verify_register names it.")
            path = folder / tile.path
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(found[tile])


def _is_there(folder: Path, tile: tree.Tile) -> bool:
    path = folder / tile.path
    return (
        tile.width == tree.TILE_WIDTH
        and path.is_file()
        and path.stat().st_size == tree.TILE_WIDTH * tree.HASH_BYTES
    )


def _stamped(size: int) -> Iterator[str]:
    covered = Checkpoint.objects.filter(timestamps__isnull=False, size__lte=size)
    for checkpoint in covered.order_by("size", "id").distinct():
        stamp = stamping.for_receipt(checkpoint.size) if checkpoints.is_ours(checkpoint) else None
        if stamp is not None:
            yield json.dumps({"checkpoint": checkpoint.note, "timestamp": stamp}, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    """The file is the old one or the new one, never something between."""
    draft = path.with_name(f"{path.name}.new")
    with draft.open("wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
