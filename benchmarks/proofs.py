"""Proofs from a tree of ten million leaves beside those from one of ten thousand, what the tree takes on the
disk, and the verification of all its leaves beside a bare loop of SHA-256.

The leaves are made up: their hashes stand in the table, there are no entries. Times are those of the function
with its queries, in the process of the server, without HTTP.
"""

import hashlib
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator

from django.db import connections

from benchmarks import ground

SMALL, LARGE = 10_000, int(os.environ.get("BENCH_LEAVES", 10_000_000))
ROUNDS, PROOFS = 10, 100
MOST_MS, MOST_GROWTH = 2.0, 1.3
MOST_BYTES = 40.0
LEAST_OF_HASHING = 0.5
VERIFIED = int(os.environ.get("BENCH_LEAVES", 10_000_000))
LEAF_BYTES = 666  # salt and body of a usual entry
BLOCK = 50_000

LEAVES = """
INSERT INTO ledger_leaf (index, hash)
SELECT n, sha256(int8send(n)) FROM generate_series(%s::bigint, %s::bigint) AS n
"""


def main() -> list[str]:
    """Lines for results.md."""
    with ground.database():
        from registry import embedded_postgres  # noqa: PLC0415 - Django is set up by ground.database

        with connections["owner"].cursor() as cursor:
            cursor.execute("ALTER TABLE ledger_leaf DISABLE TRIGGER USER")
            cursor.execute("ALTER TABLE ledger_tile DISABLE TRIGGER USER")
            cursor.execute("TRUNCATE ledger_leaf, ledger_tile")
        _grow(0, SMALL)
        ground.copy_database("bench_small")
        _grow(SMALL, LARGE)
        with connections["owner"].cursor() as cursor:
            cursor.execute("VACUUM ANALYZE ledger_leaf, ledger_tile")
            cursor.execute("SELECT pg_total_relation_size('ledger_tile')")
            size_of_tree = cursor.fetchone()[0] / LARGE
        names = {SMALL: "bench_small", LARGE: embedded_postgres.DATABASE}
        times: Times = {what: {size: [] for size in names} for what in PROVE}
        for _round in range(ROUNDS):
            for size, name in names.items():
                connections["default"].close()
                connections["default"].settings_dict["NAME"] = name
                for what, prove in PROVE.items():
                    _timed(prove, size, 20)  # warm
                    times[what][size] += _timed(prove, size, PROOFS)
    verifying, bare = _verifying()
    return [*_table(times), "", *_verdicts(times, size_of_tree, verifying, bare)]


def _grow(first: int, size: int) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(LEAVES, [first, size - 1])
    with connections["default"].cursor() as cursor:
        grown = 1
        while grown:
            cursor.execute("SELECT ledger_grow(%s)", [1000])
            grown = cursor.fetchone()[0]


def _inclusion(size: int) -> None:
    from ledger import proofs  # noqa: PLC0415

    assert proofs.inclusion(random.randrange(size), size).hashes  # noqa: S311


def _consistency(size: int) -> None:
    from ledger import proofs  # noqa: PLC0415

    assert proofs.consistency(random.randrange(1, size), size, proofs.read_for_proof)  # noqa: S311


PROVE: dict[str, Callable[[int], None]] = {"inclusion": _inclusion, "consistency": _consistency}
Times = dict[str, dict[int, list[float]]]


def _timed(prove: Callable[[int], None], size: int, count: int) -> list[float]:
    took = []
    for _proof in range(count):
        start = time.perf_counter()
        prove(size)
        took.append(1000 * (time.perf_counter() - start))
    return took


def _verifying() -> tuple[float, float]:
    """Leaves a second, from their bytes to the root; and a loop that hashes the same leaves, in turns."""
    from ledger import tree  # noqa: PLC0415

    frontier = tree.Frontier()
    ours = bare = 0.0
    for leaves in _leaves():
        start = time.perf_counter()
        for leaf in leaves:
            hashlib.sha256(leaf).digest()
        middle = time.perf_counter()
        frontier.extend(tree.leaf_hashes(leaves))
        ours += time.perf_counter() - middle
        bare += middle - start
    assert frontier.size == VERIFIED
    assert frontier.root()
    return VERIFIED / ours, VERIFIED / bare


def _leaves() -> Iterator[list[bytes]]:
    filling = os.urandom(LEAF_BYTES - 8)
    for first in range(0, VERIFIED, BLOCK):
        yield [n.to_bytes(8, "big") + filling for n in range(first, first + BLOCK)]


def _table(times: Times) -> list[str]:
    lines = [f"| proof, ms (median) | of {SMALL:,} | of {LARGE:,} | ratio |", "|---|---|---|---|"]
    for what, of_size in times.items():
        small, large = (statistics.median(of_size[size]) for size in (SMALL, LARGE))
        lines.append(f"| {what} | {small:.2f} | {large:.2f} | {large / small:.2f} |")
    return lines


def _verdicts(times: Times, size_of_tree: float, verifying: float, bare: float) -> list[str]:
    medians = {what: [statistics.median(found) for found in of.values()] for what, of in times.items()}
    slowest = max(large for _small, large in medians.values())
    growth = max(large / small for small, large in medians.values())
    return [
        f"At most {MOST_MS} ms: {_holds(slowest <= MOST_MS)} ({slowest:.2f}). "
        f"At most {MOST_GROWTH} times those of {SMALL:,}: {_holds(growth <= MOST_GROWTH)} ({growth:.2f}).",
        f"Tree on the disk, at most {MOST_BYTES:.0f} bytes a leaf: {_holds(size_of_tree < MOST_BYTES)} "
        f"({size_of_tree:.1f}).",
        f"Verifying {VERIFIED:,} leaves of {LEAF_BYTES} bytes, at least half the speed of a bare loop of "
        f"SHA-256: {_holds(verifying >= LEAST_OF_HASHING * bare)} "
        f"({verifying:,.0f}/s of {bare:,.0f}/s, {verifying / bare:.0%}).",
    ]


def _holds(it_does: bool) -> str:
    return "holds" if it_does else "does NOT hold"


if __name__ == "__main__":
    print("\n".join(main()))
