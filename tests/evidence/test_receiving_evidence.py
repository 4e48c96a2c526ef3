"""Receipts: one for each person, one copy of the bytes, and nothing half there."""

import hashlib
import io
import os
import shutil
import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from evidence import storage, uploads
from evidence.frames import Damaged, FrameReader
from evidence.models import Blob, CustodyEvent, EvidenceFile, ScanState
from evidence.serving import response
from ledger.log import Actor
from tests.evidence import corpus

IRYNA = Actor("person", "iryna")
OLENA = Actor("person", "olena")
DEED = "Договір купівлі-продажу будинку".encode()

pytestmark = pytest.mark.django_db


def send(content=DEED, *, by=IRYNA, name="договір.txt", **kwargs):
    return uploads.receive_stream(io.BytesIO(content), name=name, by=by, **kwargs)


def content_of(evidence_file):
    return b"".join(response(EvidenceFile.objects.get(pk=evidence_file.pk)).streaming_content)


def files_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def age(path, hours):
    moment = time.time() - hours * 3600
    os.utime(path, (moment, moment))


def test_a_receipt_says_what_came_from_whom():
    evidence_file = EvidenceFile.objects.select_related("blob").get(pk=send().pk)
    assert evidence_file.name == "договір.txt"
    assert (evidence_file.received_by_kind, evidence_file.received_by_id) == ("person", "iryna")
    assert evidence_file.scan_state == ScanState.NOT_SCANNED
    assert evidence_file.blob.sha256 == hashlib.sha256(DEED).hexdigest()
    assert evidence_file.blob.size_bytes == len(DEED)
    assert evidence_file.blob.media_type == "text/plain"
    assert content_of(evidence_file) == DEED


@pytest.mark.parametrize("name", ["photo.png", "photo.exe", "photo", "фото.html"])
def test_a_name_says_nothing_of_the_kind(name):
    assert send(b"\xff\xd8\xff\xe0", name=name).blob.media_type == "image/jpeg"


def test_custody_begins_with_the_receipt():
    evidence_file = send()
    event = CustodyEvent.objects.get()
    assert (event.evidence_public_id, event.kind) == (evidence_file.public_id, "received")
    assert (event.actor_kind, event.actor_id) == ("person", "iryna")
    assert event.sha256 == evidence_file.blob.sha256


def test_two_people_who_send_the_same_file_hold_two_receipts_of_one_blob(evidence_dir):
    first = send(by=IRYNA, name="deed.txt")
    [stored] = files_in(evidence_dir)
    before = (stored.read_bytes(), stored.stat())
    second = send(by=OLENA, name="paper.txt")
    assert first.blob == second.blob
    assert first.public_id != second.public_id
    assert (first.name, second.name) == ("deed.txt", "paper.txt")
    assert files_in(evidence_dir) == [stored]
    assert (stored.read_bytes(), stored.stat()) == before


@pytest.mark.parametrize(
    ("size", "limit", "kept"), [(1000, 1000, True), (1001, 1000, False)], ids=["at the limit", "over it"]
)
def test_the_limit_is_the_largest_size_that_is_kept(evidence_dir, size, limit, kept):
    if kept:
        assert send(b"a" * size, limit=limit).blob.size_bytes == size
    else:
        with pytest.raises(uploads.Refused, match="larger than 1000\xa0bytes"):
            send(b"a" * size, limit=limit)
        assert files_in(evidence_dir) == []


FILM = corpus.boxes(b"isom", corpus.MOOV, corpus.MDAT)


@pytest.mark.parametrize(
    ("content", "limit", "limits", "kept"),
    [
        (FILM, 1000, {"video": len(FILM)}, True),
        (FILM, 10**6, {"video": len(FILM) - 1}, False),
        (FILM, 1000, {"office": 10**6}, False),
        (corpus.ooxml(), 10**6, {"office": 100}, False),
        (b"a" * 2000, 100, {"text": 3000}, True),
    ],
)
def test_a_family_of_kinds_may_have_a_limit_of_its_own(evidence_dir, content, limit, limits, kept):
    if kept:
        assert send(content, limit=limit, limits=limits).blob.size_bytes == len(content)
    else:
        with pytest.raises(uploads.Refused, match="The file is larger than"):
            send(content, limit=limit, limits=limits)
        assert files_in(evidence_dir) == []


def test_a_document_that_cannot_be_read_back_is_not_kept(evidence_dir, monkeypatch):
    frame = FrameReader.frame
    damage = Damaged("flipped")

    def damaged_once_it_has_its_place(reader, number):
        if any((evidence_dir / "incoming").iterdir()):
            return frame(reader, number)
        raise damage

    monkeypatch.setattr(FrameReader, "frame", damaged_once_it_has_its_place)
    with pytest.raises(uploads.Refused, match="We could not store the file just now"):
        send(corpus.ooxml())
    assert files_in(evidence_dir) == []


def test_a_stream_over_the_limit_is_not_read_to_its_end():
    stream = io.BytesIO(b"a" * 10 * uploads.CHUNK_BYTES)
    with pytest.raises(uploads.Refused):
        uploads.receive_stream(stream, name="a.txt", by=IRYNA, limit=1000)
    assert stream.tell() == uploads.CHUNK_BYTES


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"a" * 5000 + b"\0"])
def test_a_refused_file_leaves_no_row_and_no_byte(evidence_dir, content):
    with pytest.raises(uploads.Refused):
        send(content)
    assert (Blob.objects.count(), EvidenceFile.objects.count(), CustodyEvent.objects.count()) == (0, 0, 0)
    assert files_in(evidence_dir) == []


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Фото будинку №1.jpg", "Фото будинку №1.jpg"),
        ("a\0b.jpg", "a\ufffdb.jpg"),
        ("a\x1b[2Jb.jpg", "a\ufffd[2Jb.jpg"),
        ("a\u2028b.jpg", "a\ufffdb.jpg"),
        ("a\u2066gpj.exe\u2069", "a\ufffdgpj.exe\ufffd"),
        ("<img src=x onerror=alert(1)>.jpg", "<img src=x onerror=alert(1)>.jpg"),
        ("CON.jpg", "CON.jpg"),
        ("a\r\nSet-Cookie: x.jpg", "a\ufffd\ufffdSet-Cookie: x.jpg"),
        ("invoice\u202egpj.exe", "invoice\ufffdgpj.exe"),
        ("half \ud800.jpg", "half \ufffd.jpg"),
        ("../../etc/passwd", "../../etc/passwd"),
        ('"><script>.jpg', '"><script>.jpg'),
        ("خانه\u200cها.jpg", "خانه\u200cها.jpg"),
        ("  ", "unnamed"),
        ("н" * 300 + ".jpg", "н" * 200 + "…" + "н" * 50 + ".jpg"),
    ],
)
def test_a_name_is_kept_as_sent_but_for_what_cannot_be_kept_or_shown(sent, kept):
    assert EvidenceFile.objects.get(pk=send(name=sent).pk).name == kept


def test_the_receipt_stands_or_falls_with_the_caller_s_transaction(evidence_dir):
    with transaction.atomic():
        send()
        transaction.set_rollback(True)
    assert (Blob.objects.count(), EvidenceFile.objects.count(), CustodyEvent.objects.count()) == (0, 0, 0)
    again = send()
    assert content_of(again) == DEED


def test_the_bytes_go_with_their_last_receipt(evidence_dir, django_capture_on_commit_callbacks):
    first, second = send(by=IRYNA), send(by=OLENA)
    with django_capture_on_commit_callbacks(execute=True):
        uploads.remove(first, by=IRYNA)
    assert content_of(second) == DEED
    with django_capture_on_commit_callbacks(execute=True):
        uploads.remove(second, by=OLENA)
    assert (Blob.objects.count(), EvidenceFile.objects.count()) == (0, 0)
    assert files_in(evidence_dir) == []


def test_custody_outlives_the_receipt(django_capture_on_commit_callbacks):
    evidence_file = send()
    public_id, sha256 = evidence_file.public_id, evidence_file.blob.sha256
    with django_capture_on_commit_callbacks(execute=True):
        uploads.remove(evidence_file, by=IRYNA)
    story = CustodyEvent.objects.filter(evidence_public_id=public_id).order_by("id")
    assert list(story.values_list("kind", "sha256")) == [("received", sha256), ("removed", sha256)]


def test_to_remove_a_file_twice_is_to_remove_it_once():
    evidence_file = send()
    other_tab = EvidenceFile.objects.get()
    uploads.remove(evidence_file, by=IRYNA)
    uploads.remove(other_tab, by=IRYNA)
    assert CustodyEvent.objects.filter(kind="removed").count() == 1


def left_over(content):
    """A stored file that no row names, as after a crash or the restore of an older database."""
    with transaction.atomic():
        name = send(content).blob.stored_name
        transaction.set_rollback(True)
    return name


def test_what_was_half_received_is_removed_when_nobody_can_be_sending_it_any_more(evidence_dir):
    send()
    left_over(b"rolled back")
    storage.Arrival()._file.close()  # as after a crash
    for path in files_in(evidence_dir):
        age(path, hours=25)
    storage.Arrival()._file.close()
    assert len(files_in(evidence_dir)) == 4
    assert uploads.sweep_partials() == 1
    assert len(files_in(evidence_dir)) == 3
    assert len(files_in(evidence_dir / "stored")) == 2


def test_stored_files_that_no_row_names_are_counted_and_left_where_they_are(evidence_dir, capsys):
    send()
    left_over(b"rolled back")
    for path in files_in(evidence_dir):
        age(path, hours=25)
    left_over(b"too young to judge")
    before = files_in(evidence_dir)
    call_command("sweep_evidence")
    assert capsys.readouterr().out == "Stored files that this database does not know: 1\n"
    assert files_in(evidence_dir) == before


def test_stored_files_that_no_row_names_are_set_aside_and_never_destroyed(evidence_dir, capsys):
    kept = send()
    orphan = left_over(b"received before the restore")
    stored = (evidence_dir / "stored" / orphan).read_bytes()
    for path in files_in(evidence_dir):
        age(path, hours=25)
    call_command("sweep_evidence", delete=True)
    assert "does not know: 1\nThey were moved to " in capsys.readouterr().out
    [aside] = (evidence_dir / "set-aside").iterdir()
    assert aside.name == datetime.now(UTC).date().isoformat()
    assert (aside / orphan).read_bytes() == stored
    assert files_in(evidence_dir / "stored") == [evidence_dir / "stored" / kept.blob.stored_name]
    assert content_of(kept) == DEED


def test_what_was_set_aside_can_be_put_back(evidence_dir):
    evidence_file = send()
    [stored] = files_in(evidence_dir)
    storage.set_aside(evidence_file.blob.stored_name, on=date(2026, 3, 7))
    shutil.copytree(evidence_dir / "set-aside/2026-03-07", evidence_dir / "stored", dirs_exist_ok=True)
    assert content_of(evidence_file) == DEED


def test_a_file_that_is_removed_meanwhile_is_not_set_aside():
    storage.set_aside("ab/cd/" + "0" * 64 + "-" + "0" * 16, on=date(2026, 3, 7))


@pytest.mark.parametrize("sweep", [uploads.sweep_partials, uploads.sweep_orphans])
def test_nothing_is_swept_that_may_be_on_its_way(sweep):
    with pytest.raises(ValueError, match="24 hours"):
        sweep(older_than=timedelta(hours=23))


def test_nothing_is_set_aside_when_no_stored_file_belongs_to_this_database(evidence_dir):
    send()
    [stored] = files_in(evidence_dir)
    age(stored, hours=1000)
    EvidenceFile.objects.all().delete()
    Blob.objects.all().delete()
    with pytest.raises(CommandError, match="Is it the right one?"):
        call_command("sweep_evidence", delete=True)
    assert files_in(evidence_dir) == [stored]


@pytest.mark.parametrize("listing", [storage.abandoned_before, storage.stored_before])
def test_a_file_that_goes_while_its_folder_is_listed_is_passed_over(evidence_dir, monkeypatch, listing):
    send()
    storage.Arrival()._file.close()
    iterdir = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda folder: [*iterdir(folder), folder / "gone"])
    assert list(listing(time.time() + 1))


def in_thread(work):
    outcome = []

    def run():
        try:
            outcome.append(work())
        except BaseException as error:
            outcome.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()

    def result():
        thread.join(20)
        return outcome[0]

    return result


@pytest.mark.committing
def test_the_same_file_sent_at_once_by_eight_people_is_stored_once(evidence_dir):
    together = threading.Barrier(8)

    def send_together():
        together.wait(20)
        return send(DEED * 1000)

    results = [in_thread(send_together) for _ in range(8)]
    receipts = [result() for result in results]
    assert len({receipt.pk for receipt in receipts}) == 8
    assert Blob.objects.count() == 1
    assert len(files_in(evidence_dir)) == 1
    assert content_of(receipts[0]) == DEED * 1000


@pytest.mark.committing
def test_when_the_first_of_two_senders_fails_the_second_one_s_copy_stands(evidence_dir):
    with transaction.atomic():
        send(by=IRYNA)
        second = in_thread(lambda: send(by=OLENA))
        time.sleep(0.3)  # the second waits for the first to commit or fail
        transaction.set_rollback(True)
    assert content_of(second()) == DEED
    assert EvidenceFile.objects.get().received_by_id == "olena"


@pytest.mark.committing
def test_a_file_sent_while_its_last_receipt_is_removed_is_kept(evidence_dir):
    first = send(by=IRYNA)
    with transaction.atomic():
        uploads.remove(first, by=IRYNA)
        second = in_thread(lambda: send(by=OLENA))
        time.sleep(0.3)
    assert content_of(second()) == DEED
    assert len(files_in(evidence_dir)) == 1


@pytest.mark.committing
def test_a_receipt_removed_while_the_same_file_is_sent_leaves_the_bytes(evidence_dir):
    first = send(by=IRYNA)
    with transaction.atomic():
        second = send(by=OLENA)
        removed = in_thread(lambda: uploads.remove(first, by=IRYNA))
        time.sleep(0.3)
    assert removed() is None
    assert content_of(second) == DEED
    assert EvidenceFile.objects.get() == second


@pytest.mark.committing
def test_stored_files_go_only_when_the_removal_is_certain(evidence_dir):
    evidence_file = send()
    with transaction.atomic():
        uploads.remove(EvidenceFile.objects.get(), by=IRYNA)
        transaction.set_rollback(True)
    assert content_of(evidence_file) == DEED
