"""Checkpoints, tiles and proofs as Go's `sumdb` reads them: an implementation that is not ours."""

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import pytest

from ledger import tree
from ledger.notes import COSIGNATURE, Checkpoint, SigningKey, cosign, sign
from ledger.tree import Tile
from tests.ledger import sumdb

KEY = SigningKey.generate("registry.example/claims")
WITNESS = SigningKey.generate("witness.example/w1", COSIGNATURE)
VKEY = KEY.verifier.vkey


class Served:
    """A folder that holds what a log of this size would serve."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size
        self.leaves = [tree.leaf_hash(str(number).encode()) for number in range(size)]
        self.levels = [self.leaves]
        while len(self.levels[-1]) >= 256:
            row = self.levels[-1]
            self.levels.append([tree.root_of(row[at : at + 256]) for at in range(0, len(row) - 255, 256)])
        for tile, hashes in self.read(list(tree.tiles_of(size))).items():
            self.write(tile.path, hashes)
        checkpoint = Checkpoint("registry.example/claims", size, tree.root_of(self.leaves)).text
        self.write("checkpoint", (sign(checkpoint, KEY) + cosign(checkpoint, WITNESS, 1679315147)).encode())

    def read(self, tiles: Collection[Tile]) -> Mapping[Tile, bytes]:
        rows = self.levels
        return {tile: b"".join(rows[tile.level][tile.n * 256 : tile.n * 256 + tile.width]) for tile in tiles}

    def write(self, path: str, data: bytes) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_bytes(data)

    def prove_inclusion(self, index: int, size: int) -> None:
        hashes = [hash_.hex() for hash_ in tree.inclusion_proof(index, size, self.read)]
        answer = {"index": index, "size": size, "leaf_hash": self.leaves[index].hex(), "hashes": hashes}
        self.write(f"proof/inclusion-{index}-{size}", json.dumps(answer).encode())

    def prove_consistency(self, first: int, second: int) -> None:
        hashes = [hash_.hex() for hash_ in tree.consistency_proof(first, second, self.read)]
        answer = {"first": first, "second": second, "hashes": hashes}
        self.write(f"proof/consistency-{first}-{second}", json.dumps(answer).encode())


@pytest.mark.parametrize("size", [1, 2, 8, 255, 256, 257, 1000, 66_000])
def test_everything_that_is_served_holds(tmp_path: Path, size: int) -> None:
    served = Served(tmp_path, size)
    sizes = sorted(
        {1, 2, 7, 8, 9, 255, 256, 257, size // 2, 65_536, 65_537, size - 1, size} & set(range(1, size + 1))
    )
    for at, second in enumerate(sizes):
        for first in sizes[: at + 1]:
            served.prove_consistency(first, second)
            served.prove_inclusion(first - 1, second)
    checked = sumdb.check(VKEY, tmp_path)
    assert (checked.returncode, checked.stderr) == (0, "")
    lines = checked.stdout.splitlines()
    assert lines[0].startswith(f"checkpoint {size} ")
    assert lines[1] == f"tiles {len(list(tree.tiles_of(size)))}"
    proofs = len(sizes) * (len(sizes) + 1) // 2
    for kind in ("inclusion", "consistency"):
        assert len([line for line in lines if line.startswith(kind)]) == proofs


def change_byte(path: str) -> Callable[[Served], None]:
    def change(served: Served) -> None:
        data = bytearray((served.folder / path).read_bytes())
        data[len(data) // 2] ^= 1
        served.write(path, bytes(data))

    return change


def change_hash(path: str) -> Callable[[Served], None]:
    def change(served: Served) -> None:
        proof = json.loads((served.folder / path).read_text())
        proof["hashes"][-1] = "00" * 32
        served.write(path, json.dumps(proof).encode())

    return change


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (change_byte("checkpoint"), "checkpoint:"),
        (change_byte("tile/0/000"), "tile/1/000.p/3: not the hashes of the tiles below"),
        (change_byte("tile/0/003.p/232"), "tiles: not the root of the checkpoint"),
        (change_byte("tile/1/000.p/3"), "tile/1/000.p/3: not the hashes of the tiles below"),
        (lambda served: served.write("tile/0/001", bytes(8191)), "tile/0/001: wrong length"),
        (lambda served: (served.folder / "tile/0/002").unlink(), "no such file"),
        (lambda served: served.write("tile/0/004.p/1", bytes(32)), "tile/0/004.p/1 is no tile of this tree"),
        (change_hash("proof/inclusion-4-1000"), "inclusion-4-1000:"),
        (change_hash("proof/consistency-300-1000"), "consistency-300-1000:"),
    ],
)
def test_what_was_altered_does_not_hold(tmp_path: Path, spoil: Callable[[Served], None], why: str) -> None:
    """Else the test above would show nothing."""
    served = Served(tmp_path, 1000)
    served.prove_inclusion(4, 1000)
    served.prove_consistency(300, 1000)
    spoil(served)
    checked = sumdb.check(VKEY, tmp_path)
    assert checked.returncode == 1
    assert why in checked.stderr


def test_another_key_does_not_open_the_checkpoint(tmp_path: Path) -> None:
    Served(tmp_path, 8)
    checked = sumdb.check(SigningKey.generate("registry.example/claims").verifier.vkey, tmp_path)
    assert (checked.returncode, "no verifiable signatures" in checked.stderr) == (1, True)
