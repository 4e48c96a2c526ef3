"""Read the tree from the database, and prove with it. Few queries, whatever the size: the hashes of a proof
are worked out from a handful of tiles, and the entries are never read."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import QuerySet

from ledger import tree
from ledger.models import Leaf, Tile

# What is no full tile yet stands in the leaves, or as roots in the tiles below. Each is found by its key.
_HASHES = """
SELECT wanted.level, wanted.n, wanted.width, CASE
    WHEN wanted.width = 256 THEN (
        SELECT hashes FROM ledger_tile AS tile WHERE tile.level = wanted.level AND tile.n = wanted.n
    )
    WHEN wanted.level = 0 THEN (
        SELECT string_agg(hash, ''::bytea ORDER BY index) FROM ledger_leaf
        WHERE index >= 256 * wanted.n AND index < 256 * wanted.n + wanted.width
    )
    ELSE (
        SELECT string_agg(root, ''::bytea ORDER BY tile.n) FROM ledger_tile AS tile
        WHERE tile.level = wanted.level - 1
            AND tile.n >= 256 * wanted.n AND tile.n < 256 * wanted.n + wanted.width
    )
END
FROM unnest(%s::smallint[], %s::bigint[], %s::integer[]) AS wanted(level, n, width)
"""


@dataclass(frozen=True)
class Inclusion:
    leaf_hash: bytes
    hashes: list[bytes]


def read(tiles: Collection[tree.Tile], using: str = DEFAULT_DB_ALIAS) -> dict[tree.Tile, bytes]:
    """The hashes of these tiles, in one query; a tree.Read. A tile that is not there is left out."""
    wanted = [*zip(*((tile.level, tile.n, tile.width) for tile in tiles), strict=True)] or [(), (), ()]
    with connections[using].cursor() as cursor:
        cursor.execute(_HASHES, [list(column) for column in wanted])
        rows = cursor.fetchall()
    found = {tree.Tile(level, n, width): bytes(hashes or b"") for level, n, width, hashes in rows}
    return {tile: hashes for tile, hashes in found.items() if len(hashes) == tile.width * tree.HASH_BYTES}


def read_for_proof(tiles: Collection[tree.Tile]) -> dict[tree.Tile, bytes]:
    """As `read`, for sizes that are public: what is kept in memory of those never changes. Kept are the few
    tiles that nearly every proof asks for, above the leaves and at the end of the log. Who looks whether the
    database was changed uses `read`."""
    database = connection.settings_dict["NAME"]
    known = {tile: hashes for tile in tiles if (hashes := kept.get((database, tile)))}
    found = read(set(tiles) - known.keys()) if len(known) < len(tiles) else {}
    for tile, hashes in found.items():
        if tile.level or tile.width < tree.TILE_WIDTH:
            if len(kept) >= KEPT_TILES:
                kept.clear()
            kept[database, tile] = hashes
    return known | found


KEPT_TILES = 2_000  # at most 16 MB
kept: dict[tuple[str, tree.Tile], bytes] = {}


def size() -> int:
    """How many entries the tree has: all that are sealed, unless it still has to grow over a log that was
    there before it."""
    leaves, tiles = _next(Leaf.objects.order_by("-index"), "index"), _next(_LEAF_TILES, "n")
    return min(leaves, tree.TILE_WIDTH * (tiles + 1) - 1)


def root(size: int) -> bytes:
    """Raises tree.Impossible where the tree has no such size, tree.TileWrong where it has lost a tile."""
    return tree.root_at(size, read)


def inclusion(index: int, size: int) -> Inclusion:
    """Raises tree.Impossible for numbers that no tree has. The caller says which sizes are public."""
    hashes = tree.inclusion_proof(index, size, read_for_proof)
    leaf = Leaf.objects.only("hash").get(pk=index)
    return Inclusion(bytes(leaf.hash), hashes)


def consistency(first: int, second: int, read: tree.Read = read) -> list[bytes]:
    """Raises tree.Impossible for numbers that no tree has, and for a first of 0, which proves nothing."""
    return tree.consistency_proof(first, second, read)


_LEAF_TILES = Tile.objects.filter(level=0).order_by("-n")


def _next(rows: QuerySet[Any], field: str) -> int:
    last = rows.values_list(field, flat=True).first()
    return 0 if last is None else last + 1
