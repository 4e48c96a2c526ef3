"""What is understood of ClamAV's daemon, and that nobody waits for one that hangs."""

import os
import threading
import time
import tracemalloc

import pytest

from evidence import clamd
from registry.embedded_postgres import free_port
from tests.evidence import scanners
from tests.evidence.clamav import EICAR, WITH_EICAR, Daemon
from tests.evidence.scanners import FakeScanner

SMALL = [b"a deed"]


@pytest.fixture
def _impatient(monkeypatch):
    for name, seconds in (("AWAKE", 0.2), ("SILENT", 0.2), ("ANSWERED", 0.4)):
        monkeypatch.setattr(clamd, name, seconds)


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        (SMALL, ""),
        ([EICAR], "Test.Eicar.UNOFFICIAL"),
        ([WITH_EICAR], "Test.Eicar.UNOFFICIAL"),
        ([EICAR[:20], EICAR[20:]], "Test.Eicar.UNOFFICIAL"),
        ([b""], ""),
        ([], ""),
    ],
)
def test_the_real_one_says_what_it_finds(scanner, pieces, found):
    clamd.ping(scanner.url)
    assert clamd.scan(scanner.url, pieces) == found


def test_it_is_reached_by_port_too(tmp_path):
    port = free_port()
    daemon = Daemon(tmp_path, LocalSocket=f"{tmp_path}/s\nTCPAddr 127.0.0.1\nTCPSocket {port}").start()
    try:
        assert clamd.scan(f"tcp://127.0.0.1:{port}", [EICAR]) == "Test.Eicar.UNOFFICIAL"
    finally:
        daemon.stop()


@pytest.mark.parametrize("limit", ["StreamMaxLength", "MaxFileSize"])
def test_what_it_could_not_look_at_to_the_end_is_not_called_clean(tmp_path, limit):
    daemon = Daemon(tmp_path, **{limit: "1M"}).start()
    try:
        with pytest.raises(clamd.NotLookedAt):
            clamd.scan(daemon.url, [os.urandom(2**16)] * 32)
        assert clamd.scan(daemon.url, [os.urandom(2**16)]) == ""
    finally:
        daemon.stop()


def test_an_encrypted_document_is_no_malware(tmp_path):
    behaviour = scanners.answer(b"stream: Heuristics.Encrypted.PDF FOUND\0")
    with FakeScanner(tmp_path, behaviour) as fake, pytest.raises(clamd.NotLookedAt, match="Encrypted"):
        clamd.scan(fake.url, SMALL)


def test_a_large_file_goes_out_in_constant_memory(scanner):
    piece = bytes(2**16)
    tracemalloc.start()
    try:
        clamd.scan(scanner.url, (piece for _ in range(320)))
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("url", ["unix:///nowhere/clamd", "tcp://127.0.0.1:1"])
def test_nobody_there_is_no_fault_of_the_file(url):
    with pytest.raises(clamd.Away, match="cannot be reached"):
        clamd.ping(url)
    with pytest.raises(clamd.Away, match="cannot be reached"):
        clamd.scan(url, SMALL)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("pong", [b"", b"PO", b"220 mail.example.org ESMTP\0"])
def test_who_does_not_answer_a_ping_is_away(tmp_path, pong):
    with FakeScanner(tmp_path, scanners.hang, pong=pong) as fake, pytest.raises(clamd.Away):
        clamd.ping(fake.url)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize(
    ("behaviour", "pieces", "why"),
    [
        (scanners.hang, SMALL, "it does not answer"),
        (scanners.hang, [bytes(2**16)] * 100, "it stopped listening"),
        (scanners.drip, SMALL, "it took too long|it does not answer"),
        (scanners.hang_up, SMALL, "hung up without a word"),
        (scanners.hang_up, [bytes(2**16)] * 100, "hung up without a word"),
        (scanners.answer(b"stream: Can't allocate memory ERROR\0"), SMALL, "Can't allocate memory ERROR"),
        (scanners.answer(b"\xff\xfe OK\0"), SMALL, "OK"),
    ],
)
def test_whatever_it_does_there_is_an_end_and_no_false_verdict(tmp_path, behaviour, pieces, why):
    began = time.monotonic()
    with FakeScanner(tmp_path, behaviour) as fake, pytest.raises(clamd.Broken, match=why):
        clamd.scan(fake.url, pieces)
    assert time.monotonic() - began < 5


def test_one_that_is_killed_in_the_middle_gives_no_verdict(tmp_path):
    daemon = Daemon(tmp_path).start()
    sent, killed = threading.Event(), threading.Event()

    def pieces():
        yield b"the beginning"
        sent.set()
        assert killed.wait(10)
        yield b"the end"

    def kill():
        sent.wait(10)
        daemon.stop()
        killed.set()

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(clamd.Broken):
        clamd.scan(daemon.url, pieces())
    thread.join()
    with pytest.raises(clamd.Away):
        clamd.ping(daemon.url)
