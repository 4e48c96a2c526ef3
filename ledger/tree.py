"""The Merkle tree of RFC 6962 over the leaf hashes of the ledger, kept as tiles (C2SP tlog-tiles).

Standard library only, and nothing of ours: whoever checks the register can take this file as it is.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE_WIDTH = 256  # hashes in a full tile
MAX_SIZE = 2**63 - 1

_PATH = re.compile(r"tile/(0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


class Impossible(ValueError):
    """No tree has such numbers. Says which, in a sentence."""


class ProofWrong(ValueError):
    """The hashes do not prove what they are said to. Says what, in a sentence."""


class TileWrong(ValueError):
    """A tile that was read is absent or has not as many bytes as it must. Says which, in a sentence."""


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def leaf_hashes(leaves: Iterable[bytes]) -> list[bytes]:
    """The same for many, without a call for each."""
    return [sha256(b"\x00" + data).digest() for data in leaves]


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root of the tree of these leaf hashes; of none, it is the SHA-256 of nothing."""
    row = list(hashes)
    while len(row) > 1:
        # The last of an odd row goes up as it is, never doubled. It is the same as to split at powers of two.
        odd = row[-1:] if len(row) % 2 else []
        each = iter(row)
        row = [sha256(b"\x01" + left + right).digest() for left, right in zip(each, each, strict=False)] + odd
    return row[0] if row else sha256().digest()


class Frontier:
    """A tree that only grows, of which no more is kept than it takes to go on: the roots of its full
    subtrees, the largest first."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        if not 0 <= size <= MAX_SIZE or len(peaks) != size.bit_count():
            raise Impossible(f"A tree of {size} entries does not have {len(peaks)} full subtrees.")
        if any(len(peak) != HASH_BYTES for peak in peaks):
            raise Impossible(f"A hash has {HASH_BYTES} bytes.")
        self.size = size
        self._peaks = list(peaks)

    @property
    def peaks(self) -> tuple[bytes, ...]:
        return tuple(self._peaks)

    def add(self, leaf_hash: bytes) -> None:
        self._put(leaf_hash, 0)

    def extend(self, hashes: Sequence[bytes]) -> None:
        """Add many, several times as fast as one by one."""
        start = 0
        while start < len(hashes):
            aligned = -self.size % TILE_WIDTH or TILE_WIDTH
            block = hashes[start : start + aligned]
            start += len(block)
            if len(block) == TILE_WIDTH:
                self._put(root_of(block), TILE_HEIGHT)
            else:
                for hash_ in block:
                    self._put(hash_, 0)

    def root(self) -> bytes:
        return _joined(self._peaks)

    def _put(self, hash_: bytes, height: int) -> None:
        full = self.size >> height
        while full & 1:
            hash_ = node_hash(self._peaks.pop(), hash_)
            full >>= 1
        self._peaks.append(hash_)
        self.size += 1 << height


# --- Tiles ---


@dataclass(frozen=True, order=True)
class Tile:
    """Up to 256 hashes side by side: of leaves on level 0, of full tiles of the level below on the others."""

    level: int
    n: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        if not (0 <= self.level <= 63 and 0 <= self.n <= MAX_SIZE and 1 <= self.width <= TILE_WIDTH):
            raise Impossible(f"There is no tile {self.n} of width {self.width} on level {self.level}.")

    @property
    def path(self) -> str:
        """As in "tile/0/x001/x234/067.p/3"."""
        groups = f"{self.n:,}".split(",")
        groups[0] = groups[0].zfill(3)
        number = "".join(f"x{group}/" for group in groups[:-1]) + groups[-1]
        return f"tile/{self.level}/{number}" + (f".p/{self.width}" if self.width < TILE_WIDTH else "")

    @classmethod
    def parse(cls, path: str) -> "Tile":
        """Raises ValueError for any other spelling than `path` has."""
        match = _PATH.fullmatch(path)
        if match is None:
            raise ValueError("This is not the path of a tile.")
        level, number, width = match.groups()
        tile = cls(int(level), int(re.sub("[x/]", "", number)), int(width or TILE_WIDTH))
        if tile.path != path:
            raise ValueError("This is not the path of a tile.")
        return tile


Read = Callable[[Collection[Tile]], Mapping[Tile, bytes]]


def tiles_of(size: int) -> Iterator[Tile]:
    """All tiles of a tree of so many entries: level by level, the partial one of each level last."""
    _check_size(size)
    for level in range(64):
        full, rest = divmod(size >> TILE_HEIGHT * level, TILE_WIDTH)
        for n in range(full):
            yield Tile(level, n)
        if rest:
            yield Tile(level, full, rest)
        if not full:
            return


def root_at(size: int, read: Read) -> bytes:
    _check_size(size)
    return _hashes([(0, size)], size, read)[0] if size else root_of([])


# --- Proofs: each hash in them is the root of the leaves from one index to another ---

_Range = tuple[int, int]
_Node = tuple[int, int]  # its height, and how many of that height stand left of it


def inclusion_proof(index: int, size: int, read: Read) -> list[bytes]:
    """That the leaf stands at this index of the tree of this size: from its sibling up (RFC 6962, 2.1.1)."""
    _check_size(size)
    if not 0 <= index < size:
        raise Impossible(f"There is no entry {index} in a tree of {size} entries: the first is entry 0.")
    start, end, ranges = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return _hashes(ranges[::-1], size, read)


def consistency_proof(first: int, second: int, read: Read) -> list[bytes]:
    """That the tree of the second size begins with the whole tree of the first (RFC 6962, 2.1.2)."""
    _check_sizes(first, second)
    start, end, ranges = 0, second, []
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:  # else this is the first tree itself, whose root the verifier has
        ranges.append((start, end))
    return _hashes(ranges[::-1], second, read)


def verify_inclusion(leaf_hash: bytes, index: int, size: int, hashes: Sequence[bytes], root: bytes) -> None:
    """Raises ProofWrong unless the leaf stands at this index of the tree with this size and root."""
    wrong = ProofWrong(
        f"The hashes do not prove that this is entry {index} of a tree of {size} with this root."
    )
    _check_lengths(leaf_hash, root, *hashes)
    if not 0 <= index < size <= MAX_SIZE:
        raise wrong
    node, last, found = index, size - 1, leaf_hash
    for hash_ in hashes:
        if last == 0:
            raise wrong
        if node & 1 or node == last:
            found = node_hash(hash_, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, hash_)
        node, last = node >> 1, last >> 1
    if last or found != root:
        raise wrong


def verify_consistency(
    first: int, second: int, hashes: Sequence[bytes], first_root: bytes, second_root: bytes
) -> None:
    """Raises ProofWrong unless the second tree begins with the whole first one.

    From a tree of no entries everything follows, and there is nothing to prove: it is refused here."""
    wrong = ProofWrong(f"The hashes do not prove that the tree of {second} begins with the tree of {first}.")
    _check_lengths(first_root, second_root, *hashes)
    if not 1 <= first <= second <= MAX_SIZE:
        raise wrong
    if first == second:
        if hashes or first_root != second_root:
            raise wrong
        return
    given = list(hashes)
    if first & (first - 1) == 0:  # a power of two: its root is itself a node of the second tree
        given.insert(0, first_root)
    if not given:
        raise wrong
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    found_first = found_second = given[0]
    for hash_ in given[1:]:
        if last == 0:
            raise wrong
        if node & 1 or node == last:
            found_first = node_hash(hash_, found_first)
            found_second = node_hash(hash_, found_second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found_second = node_hash(found_second, hash_)
        node, last = node >> 1, last >> 1
    if last or found_first != first_root or found_second != second_root:
        raise wrong


def _check_size(size: int) -> None:
    if not 0 <= size <= MAX_SIZE:
        raise Impossible(f"There is no tree of {size} entries.")


def _check_sizes(first: int, second: int) -> None:
    _check_size(second)
    if not 1 <= first <= second:
        raise Impossible(
            f"The tree of {second} entries cannot be compared with one of {first}: "
            "the first must have at least 1 entry, and not more than the second."
        )


def _check_lengths(*hashes: bytes) -> None:
    if any(len(hash_) != HASH_BYTES for hash_ in hashes):
        raise ProofWrong(f"A hash does not have {HASH_BYTES} bytes.")


def _split(width: int) -> int:
    """The largest power of two below a width of at least 2."""
    return 1 << (width - 1).bit_length() - 1


def _joined(subtrees: Sequence[bytes]) -> bytes:
    """The root over full subtrees, the largest first."""
    if not subtrees:
        return root_of([])
    found = subtrees[-1]
    for hash_ in subtrees[-2::-1]:
        found = node_hash(hash_, found)
    return found


def _hashes(ranges: Sequence[_Range], size: int, read: Read) -> list[bytes]:
    """The root of each range of leaves, all out of one reading of tiles."""
    places = [[_place_of(node) for node in _full_subtrees(start, end)] for start, end in ranges]
    wanted = {(level, n): _tile(level, n, size) for subtrees in places for level, n, _rows, _at in subtrees}
    tiles = read(wanted.values()) if wanted else {}
    for tile in wanted.values():
        if len(tiles.get(tile, b"")) != tile.width * HASH_BYTES:
            raise TileWrong(f"{tile.path} must have {tile.width * HASH_BYTES} bytes, and has not.")
    return [
        _joined([_node_in(tiles[wanted[level, n]], level, rows, at) for level, n, rows, at in subtrees])
        for subtrees in places
    ]


def _full_subtrees(start: int, end: int) -> Iterator[_Node]:
    while start < end:
        height = (end - start).bit_length() - 1
        yield height, start >> height
        start += 1 << height


def _place_of(node: _Node) -> tuple[int, int, int, int]:
    """Level and number of the tile of whose hashes a node is made, how many rows above those it stands, and
    its place in that row."""
    height, position = node
    level, rows = divmod(height, TILE_HEIGHT)
    n, at = divmod(position, TILE_WIDTH >> rows)
    return level, n, rows, at


def _tile(level: int, n: int, size: int) -> Tile:
    return Tile(level, n, min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - n * TILE_WIDTH))


def _node_in(tile: bytes, level: int, rows: int, at: int) -> bytes:
    if level == 0 and len(tile) == TILE_WIDTH * HASH_BYTES:  # one of very many
        return root_of(_cut(tile[at * HASH_BYTES << rows : (at + 1) * HASH_BYTES << rows]))
    return _rows_above(tile)[rows][at * HASH_BYTES : (at + 1) * HASH_BYTES]


# Nearly every proof passes through the tiles above the leaves (1,600 over a hundred million of them), and
# through the last tile of leaves.
@lru_cache(maxsize=2048)
def _rows_above(tile: bytes) -> list[bytes]:
    """The hashes of a tile, then those of each two of them, of each four, and so on. The odd one at the end
    of a row is left out: no full subtree ends with it."""
    rows = [tile]
    while len(rows[-1]) > HASH_BYTES:
        each = iter(_cut(rows[-1]))
        pairs = zip(each, each, strict=False)
        rows.append(b"".join([node_hash(left, right) for left, right in pairs]))
    return rows


def _cut(hashes: bytes) -> list[bytes]:
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
