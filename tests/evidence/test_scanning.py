"""The queue in front of the scanner: whatever a scanner, a worker or a file does, each file comes to an
end, and nobody learns from it what others sent."""

import io
import logging
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from evidence import clamd, scanning, serving, storage, uploads
from evidence.models import CustodyEvent, EvidenceFile, Infection, ScanState, WaitingScan
from ledger.log import Actor
from tests.evidence import scanners
from tests.evidence.clamav import EICAR, WITH_EICAR
from tests.evidence.scanners import FakeScanner

IRYNA, OLENA = Actor("person", "iryna"), Actor("person", "olena")
LETTER = "Лист".encode()

pytestmark = pytest.mark.django_db


def send(content=LETTER, *, by=IRYNA):
    return uploads.receive_stream(io.BytesIO(content), name="a", by=by)


def state(file):
    return EvidenceFile.objects.get(pk=file.pk).scan_state


def custody(file):
    events = CustodyEvent.objects.filter(evidence_public_id=file.public_id).order_by("id")
    return list(events.values_list("kind", flat=True))


def scan_all():
    results = []
    while (result := scanning.scan_next()) is not None:
        results.append(result)
    return results


def later():
    """Everything that was put off is due."""
    WaitingScan.objects.update(due_at=timezone.now())


# --- With a scanner that does its work ---


def test_a_clean_file_is_marked_and_the_scan_stands_in_its_custody(scanner):
    file = send()
    assert state(file) == ScanState.NOT_SCANNED
    assert scan_all() == [ScanState.CLEAN]
    file.refresh_from_db()
    assert (file.scan_state, file.scanned_at is None) == (ScanState.CLEAN, False)
    event = CustodyEvent.objects.get(kind="scanned")
    assert (event.evidence_public_id, event.sha256) == (file.public_id, file.blob.sha256)
    assert (event.actor_kind, event.actor_id) == ("system", "")
    assert not WaitingScan.objects.exists()


@pytest.mark.parametrize("content", [EICAR, WITH_EICAR])
def test_an_infected_file_is_quarantined_and_its_bytes_stay(scanner, content, caplog):
    file = send(content)
    assert scan_all() == [ScanState.INFECTED]
    assert custody(file) == ["received", "scanned", "quarantined"]
    file.refresh_from_db()
    with pytest.raises(serving.Quarantined, match="Malware was found in this file"):
        serving.response(file)
    blob = file.blob
    reader = storage.read(blob.stored_name, wrapped_key=blob.wrapped_key, sha256=blob.sha256)
    assert b"".join(reader.frames()) == content
    reader.close()
    assert f"Malware in evidence {file.public_id}: Test.Eicar.UNOFFICIAL" in caplog.messages


def test_the_oldest_comes_first_and_what_is_scanned_again_last(scanner):
    old, new = send(b"one"), send(b"two")
    scan_all()
    scanning.rescan(since=datetime(2000, 1, 1, tzinfo=UTC), at_most=10)
    newest = send(b"three")
    scanning.scan_next()
    assert state(newest) == ScanState.CLEAN
    assert set(WaitingScan.objects.values_list("pk", flat=True)) == {old.pk, new.pk}


def test_the_queue_is_read_by_its_index(scanner):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = scanning._due()[:1].explain()
    assert "evidence_scan_queue" in plan
    assert "Sort" not in plan


def test_a_file_that_is_removed_leaves_the_queue(scanner):
    uploads.remove(send(), by=IRYNA)
    assert not WaitingScan.objects.exists()
    assert scan_all() == []


def test_a_file_that_is_removed_while_it_is_scanned_leaves_no_result(scanner, monkeypatch):
    file = send()

    def scan(url, pieces):
        uploads.remove(file, by=IRYNA)
        return ""

    monkeypatch.setattr(clamd, "scan", scan)
    assert scan_all() == [ScanState.NOT_SCANNED]
    assert custody(file) == ["received", "removed"]


# --- What others sent ---


def test_bytes_that_were_scanned_for_somebody_else_wait_and_are_scanned_again(scanner, monkeypatch):
    first = send(by=IRYNA)
    scan_all()
    second = send(by=OLENA)
    assert (state(first), state(second)) == (ScanState.CLEAN, ScanState.NOT_SCANNED)
    sent = []
    real = clamd.scan

    def scan(url, pieces):
        pieces = list(pieces)
        sent.append(b"".join(pieces))
        return real(url, pieces)

    monkeypatch.setattr(clamd, "scan", scan)
    scan_all()
    assert sent == [LETTER]
    assert state(second) == ScanState.CLEAN


def test_a_result_comes_to_nobody_before_their_turn(scanner):
    first, second = send(EICAR, by=IRYNA), send(EICAR, by=OLENA)
    assert scanning.scan_next() == ScanState.INFECTED
    assert (state(first), state(second)) == (ScanState.INFECTED, ScanState.NOT_SCANNED)
    scanning.scan_next()
    assert state(second) == ScanState.INFECTED


def test_malware_that_newer_signatures_find_quarantines_who_had_it_as_clean(scanner):
    first = send(EICAR, by=IRYNA)
    scan_all()
    EvidenceFile.objects.update(scan_state=ScanState.CLEAN)  # as the older signatures said
    Infection.objects.all().delete()
    second = send(EICAR, by=OLENA)
    scan_all()
    assert (state(first), state(second)) == (ScanState.INFECTED, ScanState.INFECTED)
    assert custody(first)[-1] == "quarantined"
    assert set(Infection.objects.values_list("pk", flat=True)) == {first.pk, second.pk}


# --- Without a scanner, or with one that does not work ---


def test_without_a_scanner_nothing_waits_and_nothing_is_scanned():
    file = send()
    assert not WaitingScan.objects.exists()
    assert scanning.scan_next() is None
    assert state(file) == ScanState.NOT_SCANNED


def test_while_the_scanner_is_away_files_wait_and_lose_no_try(settings):
    settings.CLAMD_URL = "unix:///nowhere/clamd"
    file = send()
    for _ in range(scanning.TRIES + 1):
        with pytest.raises(clamd.Away):
            scanning.scan_next()
    assert WaitingScan.objects.get().tries == 0
    assert state(file) == ScanState.NOT_SCANNED


def test_one_that_goes_away_between_the_ping_and_the_file_takes_no_try_either(scanner, monkeypatch):
    send()

    def scan(url, pieces):
        raise clamd.Away("gone")

    monkeypatch.setattr(clamd, "scan", scan)
    with pytest.raises(clamd.Away):
        scanning.scan_next()
    waiting = WaitingScan.objects.get()
    assert (waiting.tries, waiting.due_at <= timezone.now()) == (0, True)


@pytest.fixture
def hanging(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(clamd, "SILENT", 0.1)
    with FakeScanner(tmp_path, scanners.hang) as fake:
        settings.CLAMD_URL = fake.url
        yield fake


def test_a_file_at_which_the_scanner_hangs_is_set_aside_after_three_tries(hanging, caplog):
    poison = send()
    for _ in range(scanning.TRIES - 1):
        assert scanning.scan_next() == ScanState.NOT_SCANNED
        assert scanning.scan_next() is None  # it is put off
        later()
    assert scanning.scan_next() == ScanState.FAILED
    assert state(poison) == ScanState.FAILED
    assert custody(poison) == ["received"]
    assert hanging.calls == scanning.TRIES
    assert not WaitingScan.objects.exists()
    assert f"Evidence {poison.public_id} could not be scanned (try 3 of 3): it does not answer" in caplog.text


def test_the_queue_goes_on_behind_it(hanging, scanner, settings):
    settings.CLAMD_URL = hanging.url
    poison = send()
    scanning.scan_next()
    settings.CLAMD_URL = scanner.url
    good = send(b"another")
    assert scan_all() == [ScanState.CLEAN]
    assert (state(poison), state(good)) == (ScanState.NOT_SCANNED, ScanState.CLEAN)


def test_a_file_whose_workers_all_died_is_set_aside_without_another_try(scanner):
    file = send()
    for _ in range(scanning.TRIES):
        assert scanning._take()
        later()
    assert scanning.scan_next() == ScanState.FAILED
    assert state(file) == ScanState.FAILED


def test_what_a_dead_worker_held_comes_back_by_itself(scanner):
    send()
    scanning._take()
    assert scanning.scan_next() is None
    WaitingScan.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert scanning.scan_next() == ScanState.CLEAN


def test_a_worker_that_was_taken_for_dead_and_comes_late_writes_nothing(scanner):
    file = send()
    late = scanning._take()
    later()
    scanning.scan_next()
    assert scanning._record(late, ScanState.INFECTED) == ScanState.NOT_SCANNED
    assert state(file) == ScanState.CLEAN
    assert custody(file) == ["received", "scanned"]


def test_a_file_too_large_for_the_scanner_is_set_aside_at_once(settings, tmp_path):
    with FakeScanner(tmp_path, scanners.answer(b"INSTREAM size limit exceeded. ERROR\0")) as fake:
        settings.CLAMD_URL = fake.url
        file = send()
        assert scan_all() == [ScanState.FAILED]
    assert state(file) == ScanState.FAILED


@pytest.mark.parametrize("harm", ["gone", "changed"])
def test_a_stored_file_that_is_damaged_is_set_aside_and_told(scanner, evidence_dir, caplog, harm):
    file = send()
    path = evidence_dir / "stored" / file.blob.stored_name
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content) if harm == "changed" else path.unlink()
    with caplog.at_level(logging.ERROR):
        for _ in range(scanning.TRIES):
            scanning.scan_next()
            later()
    assert state(file) == ScanState.FAILED
    assert str(file.public_id) in caplog.text


# --- Scanning again ---


def rescan(*arguments):
    out = io.StringIO()
    call_command("rescan", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_files_received_since_a_day_are_scanned_again_a_bounded_number_at_a_time(scanner, monkeypatch):
    monkeypatch.setattr(scanning, "RESCANNED_AT_ONCE", 2)
    files = [send(f"{n}".encode()) for n in range(5)]
    scan_all()
    [said, more] = rescan("--since", "2020-01-01", "--at-most", "3")
    assert said == "Files that wait to be scanned again: 3"
    assert more.endswith(f"--since 2020-01-01 --below {files[2].pk}")
    assert len(scan_all()) == 3
    assert rescan("--since", "2020-01-01", "--below", str(files[2].pk)) == [
        "Files that wait to be scanned again: 2"
    ]
    scan_all()
    assert {tuple(custody(file)) for file in files} == {("received", "scanned", "scanned")}


def test_older_files_are_left_alone(scanner):
    send()
    scan_all()
    assert rescan("--since", "2100-01-01") == ["Files that wait to be scanned again: 0"]


def test_what_was_known_stays_until_the_new_scan_and_if_that_fails(scanner, settings, tmp_path):
    file = send()
    scan_all()
    rescan("--since", "2020-01-01")
    assert state(file) == ScanState.CLEAN
    with FakeScanner(tmp_path, scanners.answer(b"INSTREAM size limit exceeded. ERROR\0")) as fake:
        settings.CLAMD_URL = fake.url
        assert scan_all() == [ScanState.FAILED]
    assert state(file) == ScanState.CLEAN


def test_malware_that_newer_signatures_take_back_is_no_longer_quarantined(scanner):
    file = send()
    EvidenceFile.objects.update(scan_state=ScanState.INFECTED, scanned_at=timezone.now())
    Infection.objects.create(evidence_file=file)
    assert scan_all() == [ScanState.CLEAN]
    file.refresh_from_db()
    assert b"".join(serving.response(file).streaming_content) == LETTER
    assert not Infection.objects.exists()


def test_what_is_found_twice_is_told_once(scanner):
    file = send(EICAR)
    scan_all()
    told = []
    assert scanning.tell(told.extend) == 1
    rescan("--since", "2020-01-01")
    scan_all()
    assert scanning.tell(told.extend) == 0
    assert told == [file.pk]
    assert custody(file) == ["received", "scanned", "quarantined", "scanned"]


def test_what_could_not_be_told_is_told_again(scanner):
    file = send(EICAR)
    scan_all()

    def fail(files):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        scanning.tell(fail)
    told = []
    scanning.tell(told.extend)
    assert told == [file.pk]


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (["--since", "yesterday"], "--since is a day, like 2026-03-07."),
        (["--since", "2026-03-07", "--at-most", "0"], "--at-most must be at least 1."),
    ],
)
def test_the_command_says_what_is_wrong(scanner, arguments, refusal):
    with pytest.raises(CommandError, match=refusal):
        rescan(*arguments)


def test_the_command_says_that_nothing_is_scanned_here():
    with pytest.raises(CommandError, match="CLAMD_URL is not set: nothing is scanned here."):
        rescan("--since", "2026-03-07")
