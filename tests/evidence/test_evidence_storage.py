"""What lies on the disk, and what is left there when something goes wrong."""

import hashlib
import os
import signal
import stat
import tracemalloc
from types import SimpleNamespace

import pytest

from evidence import storage, uploads
from evidence.frames import Damaged, FrameReader
from keys.ring import NotDecrypted

PLAIN = b"The deed of the house in Kharkiv. " * 10_000
MIB = 1024**2


def place(plain=PLAIN):
    arrival = storage.Arrival()
    arrival.write(plain)
    arrival.place()
    return arrival


def read(arrival, **changes):
    facts = {"wrapped_key": arrival.wrapped_key(), "sha256": arrival.sha256} | changes
    reader = storage.read(facts.pop("stored_name", arrival.stored_name), **facts)
    try:
        return b"".join(reader.frames())
    finally:
        reader.close()


def files_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_placed_file_is_named_by_its_digest_and_reads_as_it_came(evidence_dir):
    arrival = place()
    digest = hashlib.sha256(PLAIN).hexdigest()
    assert arrival.stored_name.startswith(f"{digest[:2]}/{digest[2:4]}/{digest}-")
    assert files_in(evidence_dir) == [evidence_dir / "stored" / arrival.stored_name]
    assert read(arrival) == PLAIN


def test_folders_and_files_are_open_to_nobody_else(evidence_dir):
    waiting = storage.Arrival()
    place()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in evidence_dir.rglob("*") if path.is_dir()}
    assert modes | {stat.S_IMODE(evidence_dir.stat().st_mode)} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files_in(evidence_dir)} == {0o400}
    waiting.discard()


def test_nothing_of_the_plaintext_is_on_the_disk(evidence_dir):
    arrival = storage.Arrival()
    arrival.write(PLAIN)
    arrival._file.flush()
    [partial] = files_in(evidence_dir)
    assert b"Kharkiv" not in partial.read_bytes()
    arrival.place()
    [stored] = files_in(evidence_dir)
    assert b"Kharkiv" not in stored.read_bytes()


def test_the_same_bytes_never_look_the_same(evidence_dir):
    place()
    place()
    first, second = files_in(evidence_dir)
    assert first.read_bytes() != second.read_bytes()


def test_a_name_that_is_taken_is_not_overwritten(evidence_dir, monkeypatch):
    monkeypatch.setattr(storage.secrets, "token_hex", lambda size: "0" * 2 * size)
    stored = evidence_dir / "stored" / place().stored_name
    before = stored.read_bytes()
    second = storage.Arrival()
    second.write(PLAIN)
    with pytest.raises(FileExistsError):
        second.place()
    second.discard()
    assert stored.read_bytes() == before


def test_a_file_is_placed_only_when_the_disk_gives_it_back(evidence_dir, monkeypatch):
    monkeypatch.setattr(FrameReader, "frames", lambda reader: iter([b"something else"]))
    arrival = storage.Arrival()
    arrival.write(PLAIN)
    with pytest.raises(Damaged):
        arrival.place()
    assert not (evidence_dir / "stored").exists()


def test_a_discarded_file_leaves_nothing(evidence_dir):
    arrival = storage.Arrival()
    arrival.write(PLAIN)
    arrival.discard()
    place().discard()
    assert files_in(evidence_dir) == []


def test_a_process_killed_in_the_middle_leaves_only_what_can_be_removed(evidence_dir):
    storage._folder("incoming")
    child = os.fork()
    if not child:
        arrival = storage.Arrival()
        arrival.write(PLAIN * 10)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    [partial] = files_in(evidence_dir)
    assert partial.parent == evidence_dir / "incoming"
    assert list(storage.abandoned_before(partial.stat().st_mtime + 1)) == [partial]


def test_a_file_put_in_the_place_of_another_is_found(evidence_dir):
    mine, theirs = place(), place(b"another deed")
    (evidence_dir / "stored" / mine.stored_name).unlink()
    os.link(evidence_dir / "stored" / theirs.stored_name, evidence_dir / "stored" / mine.stored_name)
    with pytest.raises(Damaged):
        read(mine)


def test_a_key_moved_to_another_blob_opens_nothing():
    mine, theirs = place(), place(b"another deed")
    with pytest.raises(NotDecrypted):
        read(mine, wrapped_key=theirs.wrapped_key())


def test_a_symbolic_link_in_the_storage_is_not_followed(evidence_dir):
    arrival = place()
    stored = evidence_dir / "stored" / arrival.stored_name
    stored.rename(evidence_dir / "elsewhere")
    stored.symlink_to(evidence_dir / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        read(arrival)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "", "ab/cd/../../x", "ab/cd/x\0"])
def test_no_name_leads_out_of_the_storage(name):
    with pytest.raises(ValueError, match="Not the name of a stored file"):
        read(place(), stored_name=name)


def test_a_large_file_takes_no_more_memory_than_a_small_one():
    chunk = os.urandom(uploads.CHUNK_BYTES)
    incoming = uploads.Incoming("film.pdf", limit=300 * MIB, accepted=["application/pdf"])
    tracemalloc.start()
    incoming.write(b"%PDF-1.7\n")
    for _ in range(200 * MIB // len(chunk)):
        incoming.write(chunk)
    incoming.finish()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert incoming.refusal is None
    assert peak < 4 * MIB
    incoming.close()


def test_a_full_disk_is_said_and_leaves_nothing(evidence_dir, monkeypatch, caplog):
    incoming = uploads.Incoming("deed.txt", limit=MIB, accepted=["text/plain"])
    incoming.write(b"first part")

    def full(data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(incoming.arrival._frames, "write", full)
    incoming.write(b"second part")
    incoming.finish()
    assert str(incoming.refusal) == (
        "We could not store the file just now and kept nothing of it. Send it again in a few minutes."
    )
    assert "No space left on device" in caplog.text
    assert files_in(evidence_dir) == []


@pytest.mark.parametrize("free_at_the_beginning", [False, True])
def test_evidence_never_fills_the_disk_on_which_the_database_may_lie(
    evidence_dir, monkeypatch, free_at_the_beginning
):
    def nearly_full(path):
        return SimpleNamespace(free=storage.KEEP_FREE_BYTES - 1)

    incoming = uploads.Incoming("deed.txt", limit=MIB, accepted=["text/plain"])
    if free_at_the_beginning:
        incoming.write(b"first part")
    monkeypatch.setattr(storage.shutil, "disk_usage", nearly_full)
    incoming.write(b"second part")
    assert str(incoming.refusal).startswith("We could not store the file just now")
    assert files_in(evidence_dir) == []
