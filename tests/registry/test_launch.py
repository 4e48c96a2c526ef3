"""`make run`'s second stage: it starts again what dies, and leaves nothing behind, however it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from django.conf import settings

from registry import children, launch
from registry.embedded_postgres import Server, free_port
from registry.launch import Child

Until = Callable[[Callable[[], bool]], None]


def child(code: str) -> Child:
    return Child("worker", [sys.executable, "-c", code])


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Child]]:
    started: list[Child] = []
    yield started
    for one in started:
        one.end(signal.SIGKILL)
        if one.process is not None:
            one.process.wait()


def test_what_ends_is_started_again_after_a_growing_pause(started: list[Child], tmp_path: Path, until: Until):
    started.append(child("raise SystemExit(3)"))
    launch.start_waiting(started, tmp_path)
    until(lambda: started[0].ended() == 3)
    assert started[0].process is None
    first_pause = started[0].pause
    started[0].start_after = 0.0
    launch.start_waiting(started, tmp_path)
    until(lambda: started[0].ended() == 3)
    assert started[0].pause == 2 * first_pause


def test_the_processes_are_written_down_for_the_next_launcher(started: list[Child], tmp_path: Path):
    started.append(child("import time; time.sleep(60)"))
    launch.start_waiting(started, tmp_path)
    assert started[0].process is not None
    assert json.loads((tmp_path / "processes.json").read_text()) == {"worker": started[0].process.pid}


def test_one_that_does_not_listen_is_killed(
    started: list[Child], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(launch, "STOP_SECONDS", 0.2)
    deaf = child(
        "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    )
    started.append(deaf)
    launch.start_waiting(started, tmp_path)
    assert deaf.process is not None
    process = deaf.process
    time.sleep(0.5)
    launch.end_all(started)
    assert process.poll() is not None


def test_a_child_dies_with_its_parent(until: Until):
    code = (
        "import sys, time; from registry import children;"
        "print(children.spawn([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True);"
        "time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        grandchild = int(parent.stdout.readline())
        assert children.command_line(grandchild)
        parent.kill()
    until(lambda: not children.command_line(grandchild))


# --- The whole of it, once ---


def launcher(data_dir: Path, port: int, **more: str) -> subprocess.Popen[str]:
    unwanted = ("DATABASE_URL", "DATABASE_OWNER_URL", "MAKELEVEL")
    kept = {name: value for name, value in os.environ.items() if name not in unwanted} | more
    return subprocess.Popen(
        [sys.executable, "-m", "registry.launch"],
        cwd=settings.BASE_DIR,
        env=kept | {"REGISTRY_DATA_DIR": str(data_dir), "PORT": str(port), "ALLOWED_HOSTS": ""},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def checkpoint(port: int) -> str:
    """The newest published; empty while there is none."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/api/v1/ledger/checkpoint", timeout=5) as answer:  # noqa: S310
            return str(answer.read().decode())
    except OSError:
        return ""


def left_running(data_dir: Path) -> list[str]:
    """Command lines of processes that belong to this data folder."""
    mark = f"REGISTRY_DATA_DIR={data_dir}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes() and int(folder.name) != os.getpid():
                found.append(children.command_line(int(folder.name)))
        except OSError:
            continue
    return [line for line in found if line]


@pytest.mark.parametrize("variable", ["DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_URL_FILE"])
def test_demo_accounts_are_never_made_in_a_database_of_yours(tmp_path: Path, variable: str):
    refused = launcher(tmp_path, free_port(), **{variable: "postgresql://app:secret@db.example.org/claims"})
    said, _ = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert said.startswith(f"{variable.removesuffix('_FILE')} is set, and `make run` is a demonstration")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_a_registry_starts_survives_kills_and_stops_without_a_trace(tmp_path: Path, until: Until):
    data_dir, port = tmp_path / "data", free_port()
    data_dir.mkdir(mode=0o700)
    log = launcher(data_dir, port)
    try:
        assert log.stdout is not None
        said = []
        for line in log.stdout:
            said.append(line)
            if "Ctrl-C stops it" in line:
                break
        assert f"The registry runs at http://127.0.0.1:{port}/\n" in said, "".join(said)

        until(lambda: "registry.local/demo-witness" in checkpoint(port))

        for pid in json.loads((data_dir / "processes.json").read_text()).values():
            os.kill(pid, signal.SIGKILL)
        until(lambda: not launch.is_ready(port))
        until(lambda: launch.is_ready(port))

        os.kill(Server(data_dir).pid() or 0, signal.SIGKILL)
        until(lambda: not launch.is_ready(port))
        until(lambda: launch.is_ready(port))

        os.killpg(log.pid, signal.SIGINT)
        assert log.wait(15) == 0, log.stdout.read()
        assert left_running(data_dir) == []
    finally:
        log.kill()
        log.wait()
        if log.stdout is not None:
            log.stdout.close()
