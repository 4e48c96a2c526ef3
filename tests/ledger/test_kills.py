"""What goes wrong beside a kill (test_ledger_kill): two sealers, a full disk, a clock set back."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from ledger import checkpoints, proofs, sealing
from ledger.following import sealed
from ledger.models import Checkpoint, Entry, Leaf, Pending
from registry import embedded_postgres
from tests.conftest import Clones
from tests.ledger.test_ledger_kill import check_checkpoints, sealer, wait_until

pytestmark = pytest.mark.committing

Note = Callable[..., Entry]


def is_signed() -> bool:
    time.sleep(0.05)
    newest = checkpoints.newest()
    return not Pending.objects.exists() and newest is not None and newest.size == proofs.size()


def sealed_entries() -> list[int | None]:
    return list(sealed().values_list("entry_id", flat=True))


# --- Two sealers ---


def test_two_sealers_seal_each_entry_once_and_sign_one_history(
    note: Note, environment: dict[str, str], memory: Path
):
    written: list[int] = []
    with sealer(environment) as one, sealer(environment) as other:
        for _ in range(3):
            for _ in range(20):
                written.append(note().pk)
            wait_until(is_signed, one)
        assert other.poll() is None
    with sealer(environment) as left:  # what the two have left is as whole as if one had been killed
        written.append(note().pk)
        wait_until(is_signed, left)
    assert sorted(written) == sorted(pk for pk in sealed_entries() if pk)
    assert check_checkpoints(memory) >= 2


def test_when_the_one_that_signs_is_killed_the_other_signs(
    note: Note, environment: dict[str, str], memory: Path
):
    with sealer(environment) as other:
        with sealer(environment) as one:
            note()
            wait_until(is_signed, one)
        note()
        wait_until(is_signed, other)
    assert check_checkpoints(memory) >= 2


# --- A full disk ---


@pytest.fixture
def small_disk(own_database: str, clones: Clones, tmp_path: Path) -> Iterator[Path]:
    """Entries and leaves stand on a disk of their own, of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    for above in [folder, *folder.parents]:
        if above == Path("/tmp") or not above.is_relative_to("/tmp"):  # noqa: S108
            break
        above.chmod(0o755)  # pytest's own is closed to the user of the server
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can make a small disk")
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False).returncode:
        pytest.skip("this machine lets nobody mount a disk")
    name = f"small_{own_database}"
    server = embedded_postgres.connect(clones.facts, embedded_postgres.SUPERUSER, database=own_database)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        server.autocommit = True
        data: Any = server.execute("SHOW data_directory").fetchone()
        home = Path(data[0]).stat()
        os.chown(folder, home.st_uid, home.st_gid)
        server.execute(f"CREATE TABLESPACE {name} LOCATION '{folder}'")
        for table in ("ledger_entry", "ledger_leaf"):
            server.execute(f"ALTER TABLE {table} SET TABLESPACE {name}")
        yield folder
        for table in ("ledger_entry", "ledger_leaf"):
            server.execute(f"ALTER TABLE {table} SET TABLESPACE pg_default")
        server.execute("CHECKPOINT")
        server.execute(f"DROP TABLESPACE {name}")
    finally:
        server.close()
        subprocess.run(["umount", "--lazy", folder], check=True)


def grow(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)


def fill(note: Note) -> list[int]:
    """Acts until the disk takes no more. The entries whose commit was acknowledged."""
    acknowledged: list[int] = []
    with pytest.raises(OperationalError, match="No space left on device"):  # noqa: PT012
        while True:
            with transaction.atomic():
                entries = [note(number).pk for number in range(50)]
            acknowledged += entries
    return acknowledged


def test_on_a_full_disk_acts_fail_cleanly_and_nothing_acknowledged_is_lost(
    note: Note, small_disk: Path, memory: Path
):
    acknowledged = fill(note)
    assert sorted(Entry.objects.values_list("pk", flat=True)) == acknowledged
    with suppress(OperationalError):  # the leaves find no room either
        sealing.seal()
    grow(small_disk)
    acknowledged.append(note().pk)
    while sealing.seal():
        pass
    checkpoints.sign()
    assert sealed_entries() == acknowledged
    check_checkpoints(memory)


def test_the_sealer_waits_for_room_and_goes_on(
    note: Note, small_disk: Path, environment: dict[str, str], memory: Path
):
    acknowledged = fill(note)
    with sealer(environment) as process:
        time.sleep(1)
        assert process.poll() is None
        grow(small_disk)
        wait_until(is_signed, process)
    assert sealed_entries() == acknowledged
    check_checkpoints(memory)


# --- A clock that was set back ---


def test_a_clock_that_steps_back_an_hour_changes_neither_order_nor_signing(
    note: Note, memory: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checkpoints, "SIGNED_AT_MOST_EVERY", 0.0)
    entries = []
    for hours in (0, -1, 0):
        now = datetime.now(UTC) + timedelta(hours=hours)
        monkeypatch.setattr(timezone, "now", lambda now=now: now)
        entries.append(note())
        sealing.seal()
        checkpoints.sign()
    first, second, third = entries
    assert second.at < first.at < third.at
    assert sealed_entries() == [entry.pk for entry in entries]
    assert list(Checkpoint.objects.order_by("id").values_list("size", flat=True)) == [1, 2, 3]
    check_checkpoints(memory)


def test_a_clock_that_steps_back_while_the_sealer_runs_keeps_nothing_waiting(
    note: Note, environment: dict[str, str], memory: Path, monkeypatch: pytest.MonkeyPatch
):
    with sealer(environment) as process:
        note()
        wait_until(is_signed, process)
        earlier = datetime.now(UTC) - timedelta(hours=1)
        monkeypatch.setattr(timezone, "now", lambda: earlier)
        note()
        wait_until(is_signed, process)
        age = sealing.oldest_pending_age()
    assert age is None
    assert Leaf.objects.count() == 2
    check_checkpoints(memory)
