"""Sealing a backlog and growing the tree over it, beside the least that sealing has to do: read entries, hash
them, COPY the leaves. And writers while the sealer runs, beside writers while it does not.

Both sides take entries of about 650 bytes in batches of the same size, one durable commit each, into tables
with the same keys. The bare side neither keeps a queue nor looks for the next index, and has no tree.
"""

import hashlib
import multiprocessing
import statistics
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from django.db import connection, connections, transaction

from benchmarks import ground

ENTRIES = 100_000  # for each measurement
ROUNDS = 3
LEAST = 20_000  # entries a second
WAITING = 1_000_000
WRITERS, WRITING_SECONDS, WRITING_ROUNDS = 4, 6.0, 6
LEAST_OF_WRITERS = 0.9

BARE = (
    "CREATE TABLE bare_leaf (index bigint PRIMARY KEY, entry_id bigint NOT NULL UNIQUE, hash bytea NOT NULL)"
)


def main() -> list[str]:
    """Lines for results.md."""
    with ground.database():
        from ledger import sealing  # noqa: PLC0415 - Django is set up by ground.database

        with connections["owner"].cursor() as cursor:
            cursor.execute(BARE)
        while sealing.seal():  # what loading the mandate has entered
            pass
        sealed, bare = [], []
        for _round in range(ROUNDS):
            first = _fill()
            bare.append(_bare(first, sealing.BATCH))
            start = time.perf_counter()
            while sealing.seal() == sealing.BATCH:
                pass
            sealed.append(ENTRIES / (time.perf_counter() - start))
        _fill(WAITING)
        start = time.perf_counter()
        while sealing.seal() == sealing.BATCH:
            pass
        rush = WAITING / (time.perf_counter() - start)
        alone, beside = _writers()
    ratio = statistics.median(ours / theirs for ours, theirs in zip(sealed, bare, strict=True))
    slowest = min(*sealed, rush)
    kept = beside / alone
    return [
        "| sealer with tree, entries/s | SHA-256 and COPY alone, entries/s | ratio |",
        "|---|---|---|",
        f"| {statistics.median(sealed):,.0f} | {statistics.median(bare):,.0f} | {ratio:.2f} |",
        "",
        f"At least {LEAST:,} entries/s: {'holds' if slowest >= LEAST else 'does NOT hold'} "
        f"(slowest round {slowest:,.0f}; {rush:,.0f} with {WAITING:,} waiting).",
        f"{WRITERS} writers of single durable entries: {alone:,.0f}/s without a sealer, {beside:,.0f}/s "
        f"beside it, {kept:.0%}. At least {LEAST_OF_WRITERS:.0%}: "
        f"{'holds' if kept >= LEAST_OF_WRITERS else 'does NOT hold'}.",
    ]


def _entry() -> Any:
    """An entry as large as usual ones. To be called in a transaction."""
    from ledger import log  # noqa: PLC0415

    kind = log.Kind("bench.submitted", is_open=True, facts={"number": str, "evidence": list[log.Digest]})
    digest = hashlib.sha256(b"").hexdigest()
    return log.append(
        kind,
        by=log.Actor("person", str(uuid.uuid4())),
        office="claimant",
        at=datetime.now(UTC),
        claim=uuid.uuid4(),
        version=digest,
        before=log.Standing("A3.1", "UA63", "draft"),
        after=log.Standing("A3.1", "UA63", "submitted"),
        facts={"number": "UA-7K4M-2P9Q-F", "evidence": [digest, digest]},
    )


def _fill(count: int = ENTRIES) -> int:
    """Commits entries that wait to be sealed and returns the first one's id."""
    with transaction.atomic(), connection.cursor() as cursor:
        first = _entry()
        cursor.execute(
            "INSERT INTO ledger_entry (salt, body)"
            " SELECT decode(md5(random()::text), 'hex'), body"
            " FROM ledger_entry, generate_series(2, %s) WHERE id = %s",
            [count, first.pk],
        )
    return int(first.pk)


def _bare(first: int, batch: int) -> float:
    """Entries a second."""
    owner = connections["owner"]
    owner.ensure_connection()
    start = time.perf_counter()
    for low in range(first, first + ENTRIES, batch):
        with owner.connection.transaction(), owner.connection.cursor() as cursor:
            entries = cursor.execute(
                "SELECT id, salt, body FROM ledger_entry WHERE id >= %s AND id < %s ORDER BY id",
                [low, low + batch],
            ).fetchall()
            with cursor.copy("COPY bare_leaf FROM STDIN (FORMAT binary)") as copy:
                copy.set_types(["int8", "int8", "bytea"])
                for pk, salt, body in entries:
                    copy.write_row((pk, pk, hashlib.sha256(b"\0" + salt + body.encode()).digest()))
    return ENTRIES / (time.perf_counter() - start)


def _writers() -> tuple[float, float]:
    """Entries a second that writers commit while nothing is sealed, and while a sealer runs: in turns, the
    medians."""
    from ledger import sealing  # noqa: PLC0415

    context = multiprocessing.get_context("fork")
    rates: dict[bool, list[float]] = {False: [], True: []}
    for number in range(2 * WRITING_ROUNDS):
        is_sealing = bool(number % 2)
        stop = threading.Event()
        sealer = threading.Thread(target=sealing.run, args=(stop.is_set,))
        connections.close_all()  # a forked process must not share them
        with context.Pool(WRITERS) as pool:
            pool.map(_write, [0.2] * WRITERS, chunksize=1)  # connected, imported
            if is_sealing:
                sealer.start()
            written = sum(pool.map(_write, [WRITING_SECONDS] * WRITERS, chunksize=1))
        rates[is_sealing].append(written / WRITING_SECONDS)
        stop.set()
        if is_sealing:
            sealer.join()
        while sealing.seal():  # each round begins with nothing waiting
            pass
    return statistics.median(rates[False]), statistics.median(rates[True])


def _write(seconds: float) -> int:
    written, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        with transaction.atomic(durable=True):
            _entry()
        written += 1
    return written


if __name__ == "__main__":
    print("\n".join(main()))
