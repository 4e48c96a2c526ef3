"""Sealer and worker: when they stop, and how one sees that they go on."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.running import Turns


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_they_go_on_until_they_are_told_to_stop(number: signal.Signals):
    turns = Turns()
    assert turns() is False
    os.kill(os.getpid(), number)
    assert turns() is True


def test_each_turn_renews_the_heartbeat(tmp_path: Path):
    heartbeat = tmp_path / "alive"
    turns = Turns(heartbeat)
    turns()
    os.utime(heartbeat, (0, 0))
    turns()
    assert heartbeat.stat().st_mtime > 0
