"""Proofs out of the database: few queries, whatever the size."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from ledger import proofs, tree
from ledger.log import SYSTEM, append
from ledger.models import Leaf
from ledger.sealing import seal
from tests.ledger.conftest import NOTED

pytestmark = pytest.mark.django_db

ENTRIES = 256 * 256 + 2 * 256 + 77


@pytest.fixture
def hashes(first: int, request: pytest.FixtureRequest) -> list[bytes]:
    """The leaf hashes of a log, of three levels unless the test says how long it is."""
    entry = append(NOTED, by=SYSTEM, office="system", facts={"number": 0})
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_entry (salt, body) SELECT decode(md5(random()::text), 'hex'), body"
            " FROM ledger_entry, generate_series(2, %s) WHERE id = %s",
            [getattr(request, "param", ENTRIES), entry.pk],
        )
    while seal():
        pass
    return [bytes(hash_) for hash_ in Leaf.objects.order_by("index").values_list("hash", flat=True)]


of_1000 = pytest.mark.parametrize("hashes", [1000], indirect=True)


def sizes(chance: random.Random) -> list[int]:
    edges = [1, 2, 255, 256, 257, 65_535, 65_536, 65_537, ENTRIES - 1, ENTRIES]
    return edges + [chance.randrange(1, ENTRIES) for _ in range(10)]


def test_every_leaf_is_proven_at_every_size(hashes: list[bytes]):
    chance = random.Random(6962)  # noqa: S311
    for size in sizes(chance):
        root = tree.root_of(hashes[:size])
        assert proofs.root(size) == root
        for index in {0, size - 1, size // 2, chance.randrange(size)}:
            proof = proofs.inclusion(index, size)
            assert proof.leaf_hash == hashes[index]
            tree.verify_inclusion(proof.leaf_hash, index, size, proof.hashes, root)


def test_every_size_is_proven_to_have_grown_out_of_the_smaller_ones(hashes: list[bytes]):
    chance = random.Random(6962)  # noqa: S311
    roots = {size: tree.root_of(hashes[:size]) for size in sizes(chance)}
    for second, root in roots.items():
        for first in sorted(roots):
            if first <= second:
                proof = proofs.consistency(first, second)
                tree.verify_consistency(first, second, proof, roots[first], root)


def test_all_tiles_are_read_as_they_are(hashes: list[bytes]):
    size = ENTRIES
    found = proofs.read(list(tree.tiles_of(size)))
    assert [tile.width for tile in found] == [tile.width for tile in tree.tiles_of(size)]
    for tile, content in found.items():
        unit = 256**tile.level
        start = tile.n * 256 * unit
        assert content == b"".join(
            tree.root_of(hashes[start + i * unit : start + (i + 1) * unit]) for i in range(tile.width)
        )


@of_1000
def test_partial_tiles_of_trees_that_were_are_read_too(hashes: list[bytes]):
    tile = tree.Tile(0, 1, 100)
    assert proofs.read([tile]) == {tile: b"".join(hashes[256:356])}
    tile = tree.Tile(1, 0, 3)
    assert proofs.read([tile]) == {tile: b"".join(tree.root_of(hashes[n : n + 256]) for n in (0, 256, 512))}


@of_1000
@pytest.mark.parametrize(
    "tile",
    [tree.Tile(0, 3, 233), tree.Tile(0, 3), tree.Tile(0, 999), tree.Tile(1, 0, 4), tree.Tile(63, 0)],
    ids=lambda tile: tile.path,
)
def test_tiles_beyond_the_tree_are_left_out(hashes: list[bytes], tile: tree.Tile):
    assert proofs.read([tile]) == {}


def test_no_tiles_are_no_tiles():
    assert proofs.read([]) == {}


def test_a_proof_costs_two_queries_whatever_the_size(
    hashes: list[bytes], django_assert_max_num_queries: Callable[[int], Any]
):
    for size in (3, 300, 66_000, ENTRIES):
        with django_assert_max_num_queries(2):
            proofs.inclusion(size // 3, size)
        with django_assert_max_num_queries(1):
            proofs.consistency(size // 3, size)
        with django_assert_max_num_queries(1):
            proofs.root(size)


def test_an_empty_log_has_no_size(first: int):
    assert first == 0
    assert proofs.size() == 0


@pytest.mark.parametrize(("index", "size"), [(3, 3), (-1, 3), (0, 0)])
def test_impossible_numbers_are_refused(index: int, size: int):
    with pytest.raises(tree.Impossible):
        proofs.inclusion(index, size)


@of_1000
def test_a_tree_larger_than_the_log_is_not_made_up(hashes: list[bytes]):
    with pytest.raises(tree.TileWrong):
        proofs.root(1001)
