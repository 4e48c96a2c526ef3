"""Sealing grows the tree: full tiles in the database, the same as ledger.tree makes of the leaves."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connection, connections, transaction

from ledger import proofs, tree
from ledger.log import SYSTEM, append
from ledger.models import Checkpoint, Leaf, Tile
from ledger.sealing import seal
from tests.ledger.conftest import NOTED

pytestmark = pytest.mark.django_db(databases=[DEFAULT_DB_ALIAS, "owner"])


@pytest.fixture
def many(first: int) -> Callable[[int], None]:
    """Commits so many entries at once."""
    assert first == 0

    def many(count: int) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            entry = append(NOTED, by=SYSTEM, office="system", facts={"number": 0})
            cursor.execute(
                "INSERT INTO ledger_entry (salt, body) SELECT decode(md5(random()::text), 'hex'), body"
                " FROM ledger_entry, generate_series(2, %s) WHERE id = %s",
                [count, entry.pk],
            )

    return many


def leaves() -> list[bytes]:
    return [bytes(hash_) for hash_ in Leaf.objects.order_by("index").values_list("hash", flat=True)]


def in_database() -> dict[tree.Tile, bytes]:
    rows = Tile.objects.values_list("level", "n", "hashes")
    return {tree.Tile(level, n): bytes(hashes) for level, n, hashes in rows}


def of_leaves(hashes: list[bytes]) -> dict[tree.Tile, bytes]:
    """The full tiles of these leaves, worked out in another way."""
    tiles, level = {}, 0
    while len(hashes) >= tree.TILE_WIDTH:
        full = range(0, len(hashes) - len(hashes) % tree.TILE_WIDTH, tree.TILE_WIDTH)
        rows = [hashes[start : start + tree.TILE_WIDTH] for start in full]
        tiles |= {tree.Tile(level, n): b"".join(row) for n, row in enumerate(rows)}
        hashes, level = [tree.root_of(row) for row in rows], level + 1
    return tiles


def grow(most: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger_grow(%s)", [most])
        return cursor.fetchone()[0]


@pytest.mark.parametrize(("count", "tiles"), [(1, 0), (255, 0), (256, 1), (257, 1), (512, 2), (1000, 3)])
def test_each_256_entries_are_a_tile(many: Callable[[int], None], count: int, tiles: int):
    many(count)
    assert seal() == count
    assert in_database() == of_leaves(leaves())
    assert len(in_database()) == tiles
    assert proofs.size() == count


def test_256_tiles_are_a_tile_of_the_level_above(many: Callable[[int], None]):
    many(256 * 256 + 300)
    while seal():
        pass
    assert in_database() == of_leaves(leaves())
    assert Tile.objects.get(level=1).n == 0
    assert bytes(Tile.objects.get(level=1).root) == tree.root_of(leaves()[: 256 * 256])


def test_the_root_of_a_tile_is_the_root_of_its_hashes(many: Callable[[int], None]):
    many(600)
    seal()
    assert [bytes(tile.root) for tile in Tile.objects.order_by("n")] == [
        tree.root_of(leaves()[:256]),
        tree.root_of(leaves()[256:512]),
    ]


def test_the_tree_does_not_depend_on_the_batches(many: Callable[[int], None]):
    many(1000)
    while seal(batch=77):
        pass
    assert in_database() == of_leaves(leaves())


def test_a_log_that_was_there_before_its_tree_grows_it_in_bounded_steps(many: Callable[[int], None]):
    many(5 * 256 + 10)
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger_seal(10000)")
    assert proofs.size() == 255
    assert [grow(2), proofs.size()] == [2, 3 * 256 - 1]
    assert [grow(2), proofs.size()] == [2, 5 * 256 - 1]
    assert [grow(2), proofs.size()] == [1, 5 * 256 + 10]
    assert grow(2) == 0
    assert in_database() == of_leaves(leaves())


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 999, 1000])
def test_the_root_is_that_of_the_leaves_at_every_size(many: Callable[[int], None], size: int):
    many(1000)
    seal()
    assert proofs.root(size) == tree.root_of(leaves()[:size])


def test_nobody_but_the_function_makes_a_tile():
    with pytest.raises(Exception, match="permission denied"), connection.cursor() as cursor:
        cursor.execute("INSERT INTO ledger_tile DEFAULT VALUES")


@pytest.mark.parametrize("function", ["ledger_grow(integer)", "ledger_refuse_fork()"])
def test_functions_with_the_owners_rights_are_not_for_everyone_to_call(function: str):
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT has_function_privilege('public', %s, 'EXECUTE')", [function])
        assert cursor.fetchone() == (False,)


def test_tables_of_the_caller_do_not_deceive_growing(many: Callable[[int], None]):
    many(256)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE ledger_leaf (index bigint, hash bytea)")
        cursor.execute(
            "CREATE TEMPORARY TABLE ledger_tile (level smallint, n bigint, root bytea, hashes bytea)"
        )
        assert seal() == 256
        cursor.execute("SELECT count(*) FROM public.ledger_tile")
        assert cursor.fetchone() == (1,)


@pytest.mark.committing
def test_two_sealers_at_once_grow_one_tree(many: Callable[[int], None], pool: ThreadPoolExecutor):
    many(3000)
    sealers = [pool.submit(lambda: [seal(batch=70) for _ in range(40)]) for _ in range(3)]
    for sealer in sealers:
        sealer.result()
    assert len(leaves()) == 3000
    assert in_database() == of_leaves(leaves())


@pytest.mark.committing
def test_sealing_and_growing_stand_or_fall_together(many: Callable[[int], None]):
    many(300)
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_tile ADD CHECK (n < 0)")
    with pytest.raises(IntegrityError):
        seal()
    assert not Leaf.objects.exists()


@pytest.mark.committing
def test_growing_costs_little_beside_sealing(many: Callable[[int], None]):
    """The ratio is measured in make bench; here only that nothing reads the whole log for each tile."""
    many(30_000)
    with connection.cursor() as cursor:
        for _ in range(3):
            cursor.execute("SELECT ledger_seal(10000)")
    start = time.perf_counter()
    grow(1)
    one = time.perf_counter() - start
    start = time.perf_counter()
    assert grow(1000) == 30_000 // 256 - 1
    assert time.perf_counter() - start < 300 * max(one, 0.002)


# --- Checkpoints, as the database sees them ---


def row(size: int, root: bytes = bytes(32)) -> None:
    with transaction.atomic():
        Checkpoint.objects.create(size=size, root=root, note="…")


def test_a_second_root_at_one_size_is_refused(many: Callable[[int], None]):
    many(3)
    seal()
    row(2)
    row(2)
    with pytest.raises(IntegrityError, match="another root was published at size 2"):
        row(2, bytes([1]) * 32)


def test_a_size_that_goes_back_is_refused(many: Callable[[int], None]):
    many(3)
    seal()
    row(3)
    with pytest.raises(IntegrityError, match="a larger size than 2 was published"):
        row(2)


@pytest.mark.parametrize("size", [0, 4, -1])
def test_a_size_that_the_log_does_not_have_is_refused(many: Callable[[int], None], size: int):
    many(3)
    seal()
    with pytest.raises(IntegrityError, match=f"the log has no {size} entries"):
        row(size)


@pytest.mark.committing
def test_of_two_roots_at_once_one_is_refused(many: Callable[[int], None], pool: ThreadPoolExecutor):
    many(3)
    seal()

    def slowly(root: int) -> bool:
        try:
            with transaction.atomic():
                row(3, bytes([root]) * 32)
                time.sleep(0.3)
        except IntegrityError:
            return False
        return True

    assert sorted(pool.map(slowly, range(4))) == [False, False, False, True]
