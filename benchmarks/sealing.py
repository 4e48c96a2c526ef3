"""Sealing a backlog, beside the least that it has to do: read entries, hash them, COPY the leaves.

Both sides take entries of about 650 bytes in batches of the same size, one durable commit each, into tables
with the same keys. The bare side neither keeps a queue nor looks for the next index.
"""

import hashlib
import statistics
import time
import uuid
from datetime import UTC, datetime

from django.db import connection, connections, transaction

from benchmarks import ground

ENTRIES = 100_000  # for each measurement
ROUNDS = 3
LEAST = 20_000  # entries a second

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
    ratio = statistics.median(ours / theirs for ours, theirs in zip(sealed, bare, strict=True))
    slowest = min(sealed)
    return [
        "| sealer, entries/s | SHA-256 and COPY alone, entries/s | ratio |",
        "|---|---|---|",
        f"| {statistics.median(sealed):,.0f} | {statistics.median(bare):,.0f} | {ratio:.2f} |",
        "",
        f"At least {LEAST:,} entries/s: {'holds' if slowest >= LEAST else 'does NOT hold'} "
        f"(slowest round {slowest:,.0f}).",
    ]


def _fill() -> int:
    """Commits entries that wait to be sealed, as large as usual ones, and returns the first one's id."""
    from ledger import log  # noqa: PLC0415

    kind = log.Kind("bench.submitted", is_open=True, facts={"number": str, "evidence": list[log.Digest]})
    digest = hashlib.sha256(b"").hexdigest()
    with transaction.atomic(), connection.cursor() as cursor:
        first = log.append(
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
        cursor.execute(
            "INSERT INTO ledger_entry (salt, body)"
            " SELECT decode(md5(random()::text), 'hex'), body"
            " FROM ledger_entry, generate_series(2, %s) WHERE id = %s",
            [ENTRIES, first.pk],
        )
    return first.pk


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


if __name__ == "__main__":
    print("\n".join(main()))
