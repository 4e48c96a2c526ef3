"""The Merkle tree, its tiles and proofs, against RFC 6962 written down a second time, the slow way."""

import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import tree
from ledger.tree import Frontier, Impossible, ProofWrong, Tile, TileWrong

LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PROOF = [  # both of leaf 0 in 8 and of 1 to 8
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
]
unhurried = settings(deadline=None)  # the machine that runs this may have other work
STANDARD = [tree.leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES]


class Log:
    """The hashes of a log in memory, tile by tile as C2SP defines them."""

    def __init__(self, hashes: list[bytes]) -> None:
        self.reads = 0
        self.levels = [hashes]
        while len(self.levels[-1]) >= 256:
            below = self.levels[-1]
            self.levels.append([reference_root(below[i : i + 256]) for i in range(0, len(below) - 255, 256)])

    def read(self, tiles: Collection[Tile]) -> Mapping[Tile, bytes]:
        self.reads += 1
        return {
            tile: b"".join(self.levels[tile.level][tile.n * 256 : tile.n * 256 + tile.width])
            for tile in tiles
        }


def reference_root(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, over leaf hashes."""
    if not hashes:
        return sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    k = reference_split(len(hashes))
    return sha256(b"\x01" + reference_root(hashes[:k]) + reference_root(hashes[k:])).digest()


def reference_path(m: int, hashes: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, 2.1.1."""
    if len(hashes) == 1:
        return []
    k = reference_split(len(hashes))
    if m < k:
        return [*reference_path(m, hashes[:k]), reference_root(hashes[k:])]
    return [*reference_path(m - k, hashes[k:]), reference_root(hashes[:k])]


def reference_subproof(m: int, hashes: list[bytes], whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962, 2.1.2."""
    if m == len(hashes):
        return [] if whole else [reference_root(hashes)]
    k = reference_split(len(hashes))
    if m <= k:
        return [*reference_subproof(m, hashes[:k], whole), reference_root(hashes[k:])]
    return [*reference_subproof(m - k, hashes[k:], False), reference_root(hashes[:k])]


def reference_split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def numbered(size: int) -> list[bytes]:
    return [tree.leaf_hash(str(number).encode()) for number in range(size)]


@cache
def small() -> tuple[Log, list[bytes]]:
    """A log of 300 entries, and its root at every size."""
    log, frontier = Log(numbered(300)), Frontier()
    roots = [frontier.root()]
    for hash_ in log.levels[0]:
        frontier.add(hash_)
        roots.append(frontier.root())
    return log, roots


@cache
def large() -> Log:
    return Log(numbered(200_000))


# --- Roots ---


@pytest.mark.parametrize("size", range(9))
def test_root_of_standard_leaves(size: int) -> None:
    assert tree.root_of(STANDARD[:size]).hex() == ROOTS[size]
    assert reference_root(STANDARD[:size]).hex() == ROOTS[size]


def test_roots_of_all_small_trees_are_as_defined_however_they_are_made() -> None:
    log, roots = small()
    for size in range(301):
        assert roots[size] == reference_root(log.levels[0][:size])
        assert tree.root_of(log.levels[0][:size]) == roots[size]
        assert tree.root_at(size, log.read) == roots[size]


@unhurried
@given(st.lists(st.integers(0, 900), max_size=6))
def test_a_frontier_extended_in_any_steps_is_that_of_one_by_one(steps: list[int]) -> None:
    hashes, frontier = large().levels[0], Frontier()
    for step in steps:
        frontier.extend(hashes[frontier.size : frontier.size + step])
        frontier = Frontier(frontier.size, frontier.peaks)
    assert frontier.size == sum(steps)
    assert frontier.root() == tree.root_of(hashes[: frontier.size])
    slow = Frontier()
    for hash_ in hashes[: frontier.size]:
        slow.add(hash_)
    assert slow.peaks == frontier.peaks


@pytest.mark.parametrize(("size", "peaks"), [(-1, []), (0, [b"0" * 32]), (3, [b"0" * 32]), (1, [b"0" * 31])])
def test_frontier_of_peaks_that_do_not_fit_its_size_is_refused(size: int, peaks: list[bytes]) -> None:
    with pytest.raises(Impossible):
        Frontier(size, peaks)


# --- Tiles ---


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(0, 1234067, 3), "tile/0/x001/x234/067.p/3"),
        (Tile(63, 999, 255), "tile/63/999.p/255"),
        (Tile(1, 1000), "tile/1/x001/000"),
        (Tile(0, 2**63 - 1), "tile/0/x009/x223/x372/x036/x854/x775/807"),
    ],
)
def test_tile_paths(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert Tile.parse(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/01/000",
        "tile/-1/000",
        "tile/64/000",
        "tile/entries/000",
        "tile/0/x000/001",
        "tile/0/x001/x000",
        "tile/0/001/000",
        "tile/0/X001/000",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/",
        "tile/0/000.p/-1",
        "tile/0/000/",
        "tile/0/000\n",
        "/tile/0/000",
        "tile/0/٠٠٠",
        "tile/0/x009/x223/x372/x036/x854/x775/808",
        "tile/0/x001/x009/x223/x372/x036/x854/x775/807",
    ],
)
def test_any_other_spelling_of_a_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"path|no tile"):
        Tile.parse(path)


@unhurried
@given(st.integers(0, 63), st.integers(0, 2**63 - 1), st.integers(1, 256))
def test_every_tile_is_read_back_from_its_path(level: int, n: int, width: int) -> None:
    assert Tile.parse(Tile(level, n, width).path) == Tile(level, n, width)


@pytest.mark.parametrize(
    ("level", "n", "width"), [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)]
)
def test_impossible_tiles_are_refused(level: int, n: int, width: int) -> None:
    with pytest.raises(Impossible):
        Tile(level, n, width)


def test_tiles_of_seventy_thousand_entries() -> None:
    tiles = list(tree.tiles_of(70_000))
    assert tiles == [
        *(Tile(0, n) for n in range(273)),
        Tile(0, 273, 112),
        Tile(1, 0),
        Tile(1, 1, 17),
        Tile(2, 0, 1),
    ]


@pytest.mark.parametrize(
    ("size", "tiles"),
    [
        (0, []),
        (1, [Tile(0, 0, 1)]),
        (256, [Tile(0, 0), Tile(1, 0, 1)]),
        (257, [Tile(0, 0), Tile(0, 1, 1), Tile(1, 0, 1)]),
    ],
)
def test_no_tile_is_empty(size: int, tiles: list[Tile]) -> None:
    assert list(tree.tiles_of(size)) == tiles


# --- Proofs that hold ---


def test_proofs_of_the_standard_leaves() -> None:
    log = Log(STANDARD)
    assert [h.hex() for h in tree.inclusion_proof(0, 8, log.read)] == PROOF
    assert [h.hex() for h in tree.consistency_proof(1, 8, log.read)] == PROOF


@pytest.fixture
def remembering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash the same part of the same tile once only: it is two thirds of the time of 45,000 proofs."""
    monkeypatch.setattr(tree, "_node_in", cache(tree._node_in))


@pytest.mark.usefixtures("remembering")
def test_every_inclusion_proof_of_every_tree_up_to_300_leaves() -> None:
    log, roots = small()
    for size in range(1, 301):
        for index in range(size):
            hashes = tree.inclusion_proof(index, size, log.read)
            tree.verify_inclusion(log.levels[0][index], index, size, hashes, roots[size])


@pytest.mark.usefixtures("remembering")
def test_every_consistency_proof_of_every_tree_up_to_300_leaves() -> None:
    log, roots = small()
    for second in range(1, 301):
        for first in range(1, second + 1):
            hashes = tree.consistency_proof(first, second, log.read)
            tree.verify_consistency(first, second, hashes, roots[first], roots[second])


@unhurried
@given(st.integers(1, 300), st.integers(1, 300))
def test_proofs_are_those_of_the_standard(one: int, other: int) -> None:
    log, _ = small()
    first, size = sorted((one, other))
    leaves = log.levels[0][:size]
    assert tree.inclusion_proof(first - 1, size, log.read) == reference_path(first - 1, leaves)
    assert tree.consistency_proof(first, size, log.read) == reference_subproof(first, leaves)


@unhurried
@given(st.integers(1, 200_000), st.integers(1, 200_000))
def test_proofs_in_large_trees(one: int, other: int) -> None:
    log = large()
    first, size = sorted((one, other))
    root = tree.root_at(size, log.read)
    hashes = tree.inclusion_proof(first - 1, size, log.read)
    tree.verify_inclusion(log.levels[0][first - 1], first - 1, size, hashes, root)
    hashes = tree.consistency_proof(first, size, log.read)
    tree.verify_consistency(first, size, hashes, tree.root_at(first, log.read), root)


def test_root_of_a_large_tree() -> None:
    frontier = Frontier()
    frontier.extend(large().levels[0])
    assert tree.root_at(200_000, large().read) == frontier.root() == tree.root_of(large().levels[0])


@pytest.mark.parametrize(
    ("one", "other"), [(5, 70_000), (65_537, 200_000), (65_536, 65_536), (131_073, 199_999)]
)
def test_a_proof_reads_a_handful_of_tiles_at_once(one: int, other: int) -> None:
    log = Log(large().levels[0])
    asked: list[Collection[Tile]] = []

    def read(tiles: Collection[Tile]) -> Mapping[Tile, bytes]:
        asked.append(tiles)
        return log.read(tiles)

    tree.inclusion_proof(one - 1, other, read)
    tree.consistency_proof(one, other, read)
    assert len(asked) == (1 if one == other else 2)
    assert all(len(tiles) <= 7 for tiles in asked)
    assert {tile for tiles in asked for tile in tiles} <= set(tree.tiles_of(other))


# --- Proofs that do not ---


@st.composite
def proofs(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(st.integers(1, 300))
    return draw(st.integers(0, size - 1)), size


def spoiled(hashes: list[bytes], at: int, byte: int, bit: int) -> list[bytes]:
    at %= len(hashes)
    changed = bytearray(hashes[at])
    changed[byte] ^= 1 << bit
    return [*hashes[:at], bytes(changed), *hashes[at + 1 :]]


def altered(hashes: list[bytes], at: int, byte: int, bit: int) -> Iterator[list[bytes]]:
    """Other lists of hashes: one bit changed, one too few, one too many, one twice, two swapped."""
    yield [*hashes, hashes[-1] if hashes else bytes(32)]
    yield [bytes(32), *hashes]
    if hashes:
        at %= len(hashes)
        yield spoiled(hashes, at, byte, bit)
        yield [*hashes[:at], *hashes[at + 1 :]]
        yield [*hashes[:at], hashes[at], *hashes[at:]]
    if len(hashes) > 1:
        yield [*hashes[1:], hashes[0]]


PLACE = (st.integers(0, 20), st.integers(0, 31), st.integers(0, 7))


@unhurried
@given(proofs(), *PLACE)
def test_wrong_hashes_do_not_prove_inclusion(proof: tuple[int, int], at: int, byte: int, bit: int) -> None:
    (log, roots), (index, size) = small(), proof
    hashes = tree.inclusion_proof(index, size, log.read)
    for wrong in altered(hashes, at, byte, bit):
        with pytest.raises(ProofWrong, match="do not prove that this is entry"):
            tree.verify_inclusion(log.levels[0][index], index, size, wrong, roots[size])
    for leaf, root in [(bytes(32), roots[size]), (log.levels[0][index], roots[size - 1])]:
        with pytest.raises(ProofWrong, match="do not prove"):
            tree.verify_inclusion(leaf, index, size, hashes, root)


@unhurried
@given(proofs(), st.integers(0, 300))
def test_a_wrong_index_does_not_prove_inclusion(proof: tuple[int, int], other: int) -> None:
    (log, roots), (index, size) = small(), proof
    hashes = tree.inclusion_proof(index, size, log.read)
    if other != index:
        with pytest.raises(ProofWrong, match="do not prove"):
            tree.verify_inclusion(log.levels[0][index], other, size, hashes, roots[size])


@unhurried
@given(proofs(), st.integers(-1, 300))
def test_a_wrong_size_proves_inclusion_in_no_tree_with_its_root(proof: tuple[int, int], other: int) -> None:
    (log, roots), (index, size) = small(), proof
    hashes = tree.inclusion_proof(index, size, log.read)
    if other != size and 0 <= other <= 300:
        with pytest.raises(ProofWrong, match="do not prove"):
            tree.verify_inclusion(log.levels[0][index], index, other, hashes, roots[other])


@unhurried
@given(proofs(), *PLACE)
def test_wrong_hashes_do_not_prove_consistency(proof: tuple[int, int], at: int, byte: int, bit: int) -> None:
    (log, roots), (first, second) = small(), proof
    first += 1
    hashes = tree.consistency_proof(first, second, log.read)
    for wrong in altered(hashes, at, byte, bit):
        with pytest.raises(ProofWrong, match="do not prove that the tree of"):
            tree.verify_consistency(first, second, wrong, roots[first], roots[second])
    for one, other in [(bytes(32), roots[second]), (roots[first], bytes(32))]:
        with pytest.raises(ProofWrong, match="do not prove"):
            tree.verify_consistency(first, second, hashes, one, other)


@unhurried
@given(proofs(), st.integers(0, 300))
def test_wrong_sizes_with_their_own_roots_do_not_prove_consistency(
    proof: tuple[int, int], other: int
) -> None:
    (log, roots), (first, second) = small(), proof
    first += 1
    hashes = tree.consistency_proof(first, second, log.read)
    for one, two in {(other, second), (first, other)} - {(first, second)}:
        if one != two or hashes:  # without hashes, any tree is consistent with itself
            with pytest.raises(ProofWrong):
                tree.verify_consistency(one, two, hashes, roots[one], roots[two])


def test_an_empty_first_tree_is_no_proof() -> None:
    _, roots = small()
    for second in (0, 1, 8):
        with pytest.raises(ProofWrong):
            tree.verify_consistency(0, second, [], roots[0], roots[second])
        with pytest.raises(Impossible):
            tree.consistency_proof(0, second, small()[0].read)


def test_nothing_proves_that_two_equal_sizes_have_two_roots() -> None:
    log, roots = small()
    assert tree.consistency_proof(8, 8, log.read) == []
    tree.verify_consistency(8, 8, [], roots[8], roots[8])
    with pytest.raises(ProofWrong):
        tree.verify_consistency(8, 8, [], roots[8], roots[7])
    with pytest.raises(ProofWrong):
        tree.verify_consistency(8, 8, [roots[8]], roots[8], roots[8])


@pytest.mark.parametrize("wrong", [b"", b"0" * 31, b"0" * 33, b"0" * 64])
def test_hashes_of_another_length_are_refused(wrong: bytes) -> None:
    log, roots = small()
    hashes = tree.inclusion_proof(3, 8, log.read)
    for leaf, path, root in [
        (wrong, hashes, roots[8]),
        (log.levels[0][3], [wrong, *hashes[1:]], roots[8]),
        (log.levels[0][3], hashes, wrong),
    ]:
        with pytest.raises(ProofWrong, match="32 bytes"):
            tree.verify_inclusion(leaf, 3, 8, path, root)
    hashes = tree.consistency_proof(3, 8, log.read)
    for path, one, other in [
        ([wrong, *hashes[1:]], roots[3], roots[8]),
        (hashes, wrong, roots[8]),
        (hashes, roots[3], wrong),
    ]:
        with pytest.raises(ProofWrong, match="32 bytes"):
            tree.verify_consistency(3, 8, path, one, other)
    with pytest.raises(ProofWrong, match="32 bytes"):
        tree.verify_consistency(8, 8, [], wrong, wrong)


@pytest.mark.parametrize(("index", "size"), [(-1, 8), (8, 8), (0, 0), (0, -1), (5, 2**63)])
def test_inclusion_at_impossible_numbers_is_not_tried(index: int, size: int) -> None:
    with pytest.raises(Impossible, match=r"^There is no "):
        tree.inclusion_proof(index, size, large().read)


@pytest.mark.parametrize(("first", "second"), [(-1, 8), (9, 8), (0, 8), (0, 0), (1, 2**63)])
def test_consistency_of_impossible_numbers_is_not_tried(first: int, second: int) -> None:
    with pytest.raises(Impossible, match=r"^(The tree of|There is no) "):
        tree.consistency_proof(first, second, large().read)


def test_a_tile_that_is_absent_or_cut_off_makes_no_proof() -> None:
    log, _ = small()
    with pytest.raises(TileWrong, match="^tile/0/000 must have 8192 bytes, and has not"):
        tree.inclusion_proof(3, 256, lambda tiles: {})
    with pytest.raises(TileWrong, match="must have"):
        tree.root_at(300, lambda tiles: {tile: hashes[:-1] for tile, hashes in log.read(tiles).items()})


def test_the_pure_modules_do_without_django() -> None:
    """Whoever checks the register takes these files and `cryptography`, nothing else of ours."""
    program = """
import sys
sys.modules["django"] = None
import ledger.tree, ledger.notes, ledger.witness
ours = {"registry", "review", "partners", "claims", "evidence", "accounts", "ledger", "keys"}
print(sorted(name for name in sys.modules if name.split(".")[0] in ours))
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == str(["ledger", "ledger.notes", "ledger.tree", "ledger.witness"])
