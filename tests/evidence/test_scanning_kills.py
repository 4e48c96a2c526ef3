"""Whatever is killed in the middle of a scan, each file is scanned to its end, and its scan stands in its
custody once."""

import io
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone

from evidence import clamd, scanning, uploads
from evidence.models import CustodyEvent, EvidenceFile, ScanState, WaitingScan
from ledger.log import Actor
from registry import working
from tests.evidence import scanners
from tests.evidence.clamav import Daemon
from tests.evidence.scanners import FakeScanner

IRYNA = Actor("person", "iryna")
LONGEST_WAIT = 30  # seconds

pytestmark = pytest.mark.committing


def send(content=b"a deed"):
    return uploads.receive_stream(io.BytesIO(content), name="a", by=IRYNA)


def until(condition):
    deadline = time.monotonic() + LONGEST_WAIT
    while not condition():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.02)


def states():
    return Counter(EvidenceFile.objects.values_list("scan_state", flat=True))


def scans():
    """How often each file was scanned."""
    return Counter(CustodyEvent.objects.filter(kind="scanned").values_list("evidence_public_id", flat=True))


@contextmanager
def scanning_thread():
    stopped = threading.Event()
    thread = threading.Thread(target=working.scan_files, args=[stopped])
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


@contextmanager
def worker_process(folder, url):
    address = connections["default"].settings_dict
    environment = {
        "DJANGO_SETTINGS_MODULE": "registry.settings",
        "REGISTRY_DEMO": "1",
        "REGISTRY_DATA_DIR": str(folder),
        "REGISTRY_KEYS": settings.REGISTRY_KEYS,
        "DATABASE_URL": "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format_map(address),
        "CLAMD_URL": url,
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "worker"], cwd=settings.BASE_DIR, env=os.environ | environment
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_worker_killed_in_the_middle_of_a_scan_loses_and_repeats_nothing(scanner, tmp_path):
    """The evidence of these tests lies in `tmp_path`/evidence."""
    first, second = send(b"one"), send(b"two")
    with (
        FakeScanner(tmp_path, scanners.hang) as fake,
        worker_process(tmp_path, fake.url) as worker,
    ):
        assert fake.began.wait(LONGEST_WAIT)
        worker.kill()
        worker.wait()
    held = WaitingScan.objects.get(pk=first.pk)
    assert (held.tries, held.due_at > timezone.now()) == (1, True)
    assert states() == {ScanState.NOT_SCANNED: 2}
    with scanning_thread():
        until(lambda: states()[ScanState.CLEAN] == 1)  # the other file waits for nobody
        WaitingScan.objects.update(due_at=timezone.now())  # a quarter of an hour later
        until(lambda: states()[ScanState.CLEAN] == 2)
    assert scans() == {first.public_id: 1, second.public_id: 1}
    assert not WaitingScan.objects.exists()


def test_a_scanner_killed_in_the_middle_and_started_again_goes_on(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(working, "LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(scanning, "WAITS", (timezone.timedelta(0),) * 2)
    daemon = Daemon(tmp_path / "d").start()
    settings.CLAMD_URL = daemon.url
    files = [send(f"{n}".encode()) for n in range(6)]
    real, killed = clamd._Call.hear, []

    def hear(call):
        if not killed and WaitingScan.objects.filter(tries__gt=0).exists():
            killed.append(1)
            daemon.stop()
        return real(call)

    monkeypatch.setattr(clamd._Call, "hear", hear)
    try:
        with scanning_thread():
            until(lambda: killed)
            time.sleep(0.2)
            assert states()[ScanState.NOT_SCANNED] > 0
            daemon.start()
            until(lambda: states()[ScanState.CLEAN] == len(files))
    finally:
        daemon.stop()
    assert scans() == {file.public_id: 1 for file in files}


def test_two_workers_at_once_scan_each_file_once(scanner):
    files = [send(f"{n}".encode()) for n in range(40)]
    ready = threading.Barrier(2)

    def work():
        try:
            ready.wait()
            done = 0
            while scanning.scan_next():
                done += 1
            return done
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        done = [future.result(LONGEST_WAIT) for future in [pool.submit(work) for _ in range(2)]]
    assert sum(done) == len(files)
    assert min(done) > 0
    assert scans() == {file.public_id: 1 for file in files}


def test_a_database_that_goes_away_in_the_middle_is_waited_for(scanner, monkeypatch):
    monkeypatch.setattr(working, "LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(scanning, "HELD", timezone.timedelta(seconds=0.2))
    file = send()
    real, cut = clamd.scan, []

    def scan(url, pieces):
        found = real(url, pieces)
        if not cut:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                cut.append(cursor.fetchone()[0])
            end_session(cut[0])
        return found

    monkeypatch.setattr(clamd, "scan", scan)
    with scanning_thread():
        until(lambda: states()[ScanState.CLEAN] == 1)
    assert cut
    assert scans() == {file.public_id: 1}


def end_session(pid):
    """As a restart of PostgreSQL does to everybody's."""

    def end():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        connection.close()

    thread = threading.Thread(target=end)
    thread.start()
    thread.join()


def test_a_scanner_that_is_away_is_told_once_and_does_not_hold_up_the_worker(settings, monkeypatch, caplog):
    settings.CLAMD_URL = "unix:///nowhere/clamd"
    monkeypatch.setattr(working, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(working, "HOUSEKEEPING_EVERY", 3600)
    send()
    looks = iter([False] * 3)
    monkeypatch.setattr(working, "PAUSE", 0.1)
    working.run(lambda: next(looks, True))
    away = [message for message in caplog.messages if message.startswith("The scanner is away")]
    assert away == ["The scanner is away: it cannot be reached (FileNotFoundError). Files wait for it."]
    assert states() == {ScanState.NOT_SCANNED: 1}


def test_a_mistake_in_scanning_is_counted_and_it_goes_on(scanner, monkeypatch, caplog):
    monkeypatch.setattr(working, "LONGEST_PAUSE", 0.01)
    send()
    real, failed = scanning.scan_next, []

    def scan_next():
        if not failed:
            failed.append(1)
            raise RuntimeError("no")
        return real()

    monkeypatch.setattr(scanning, "scan_next", scan_next)
    with scanning_thread():
        until(lambda: states()[ScanState.CLEAN] == 1)
    assert "scan_next failed" in caplog.messages
