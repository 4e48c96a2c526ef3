"""What hinders `make run` is said in one sentence; a half-made `.venv` is recognised and made anew."""

import fcntl
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from registry import children, preflight
from registry.preflight import CannotStart

Patch = pytest.MonkeyPatch


def test_a_python_that_is_too_old_is_named(monkeypatch: Patch):
    monkeypatch.setattr(preflight, "OLDEST_PYTHON", (9, 1))
    with pytest.raises(
        CannotStart, match=r"This is Python 3\.\d+, .* needs 9\.1 or newer. Install it and run"
    ):
        preflight.check_python()


def test_a_python_without_venv_is_told_the_package(monkeypatch: Patch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(CannotStart, match="sudo apt install python3-venv"):
        preflight.check_python()


@pytest.mark.parametrize("port", ["web", "0", "65536", "-1"])
def test_a_port_that_is_no_number_is_refused(monkeypatch: Patch, port: str):
    monkeypatch.setenv("PORT", port)
    with pytest.raises(CannotStart, match="Write a whole number from 1 to 65535"):
        preflight.port_from_environment()


def test_a_port_in_use_is_refused_and_another_proposed():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CannotStart, match=f"Port {port} cannot be used .*make run PORT=") as refusal:
            preflight.check_port(port)
    assert len(str(refusal.value).splitlines()) == 1


def test_a_data_folder_that_cannot_be_written_to_is_refused(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="cannot be written to .*REGISTRY_DATA_DIR="):
        preflight.check_data_dir(str(tmp_path / "file" / "data"))


def test_a_full_disk_is_refused(monkeypatch: Patch, tmp_path: Path):
    monkeypatch.setattr(preflight, "FREE_BYTES", 10**18)
    with pytest.raises(CannotStart, match=r"Only \d+ MB are free"):
        preflight.check_disk(str(tmp_path))


def test_a_second_launcher_on_one_data_folder_is_refused(tmp_path: Path):
    preflight.check_not_running(str(tmp_path))
    with (tmp_path / "launch.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CannotStart, match="already runs on the data folder"):
            preflight.check_not_running(str(tmp_path))


def test_what_a_killed_launcher_left_is_ended_and_nothing_else(tmp_path: Path):
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    ours = subprocess.Popen(
        sleep, env=os.environ | {"REGISTRY_DATA_DIR": str(tmp_path)}, start_new_session=True
    )
    other = subprocess.Popen(sleep, env=os.environ | {"REGISTRY_DATA_DIR": "/elsewhere"})
    try:
        (tmp_path / "processes.json").write_text(json.dumps({"web server": ours.pid, "sealer": other.pid}))
        preflight.end_leftovers(str(tmp_path))
        assert ours.wait(5) == -9
        assert other.poll() is None
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()


def test_children_of_what_was_killed_are_ended_too(tmp_path: Path):
    forks = "import os, time; child = os.fork(); child and print(child, flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", forks],
        env=os.environ | {"REGISTRY_DATA_DIR": str(tmp_path)},
        start_new_session=True,
        stdout=subprocess.PIPE,
    ) as web_server:
        assert web_server.stdout is not None
        worker = int(web_server.stdout.readline())
        web_server.kill()
        web_server.wait()
        (tmp_path / "processes.json").write_text(json.dumps({"web server": web_server.pid}))
        preflight.end_leftovers(str(tmp_path))
        assert children.command_line(worker) == ""


# --- The virtual environment ---


class Installer:
    """Stands in for venv and pip: notes what was called, and answers as told."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.calls, self.pip_fails = folder, [], False

    def __call__(self, command: list[str]) -> int:
        if "venv" in command:
            self.calls.append("venv")
            (self.folder / "bin").mkdir(parents=True)
            (self.folder / "bin" / "python").touch()
            return 0
        self.calls.append(Path(command[-1]).stem)
        return 1 if self.pip_fails else 0

    def made(self, make: Callable[[], None]) -> list[str]:
        self.calls = []
        make()
        return self.calls


@pytest.fixture
def installer(tmp_path: Path, monkeypatch: Patch) -> Installer:
    venv = tmp_path / ".venv"
    installer = Installer(venv)
    monkeypatch.setattr(preflight, "VENV", str(venv))
    monkeypatch.setattr(preflight, "VENV_PYTHON", str(venv / "bin" / "python"))
    monkeypatch.setattr(preflight, "MARKER", str(venv / "made-from.json"))
    monkeypatch.setattr(preflight, "digest", lambda purpose: f"content of {purpose}.txt")
    monkeypatch.setattr(subprocess, "call", installer)
    return installer


def test_the_first_time_it_is_made_then_it_is_used(installer: Installer):
    assert installer.made(lambda: preflight.make_venv("run")) == ["venv", "run"]
    assert installer.made(lambda: preflight.make_venv("run")) == []


def test_tests_add_to_what_run_has_made(installer: Installer):
    preflight.make_venv("run")
    assert installer.made(lambda: preflight.make_venv("test")) == ["test"]


def test_what_tests_have_made_serves_run(installer: Installer):
    preflight.make_venv("test")
    assert installer.made(lambda: preflight.make_venv("run")) == []
    assert installer.made(lambda: preflight.make_venv("test")) == []


def test_a_half_made_one_is_made_anew(installer: Installer):
    installer.pip_fails = True
    with pytest.raises(CannotStart, match="dependencies could not be installed"):
        preflight.make_venv("run")
    (installer.folder / "half").touch()
    installer.pip_fails = False
    assert installer.made(lambda: preflight.make_venv("run")) == ["venv", "run"]
    assert not (installer.folder / "half").exists()


def test_an_interrupted_addition_leaves_it_half_made(installer: Installer):
    preflight.make_venv("run")
    installer.pip_fails = True
    with pytest.raises(CannotStart):
        preflight.make_venv("test")
    installer.pip_fails = False
    assert installer.made(lambda: preflight.make_venv("run")) == ["venv", "run"]


def test_other_requirements_or_another_python_make_it_anew(installer: Installer, monkeypatch: Patch):
    preflight.make_venv("run")
    monkeypatch.setattr(preflight, "digest", lambda purpose: f"new content of {purpose}.txt")
    assert installer.made(lambda: preflight.make_venv("run")) == ["venv", "run"]
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    assert installer.made(lambda: preflight.make_venv("run")) == ["venv", "run"]


def test_a_copy_in_another_folder_is_made_anew(installer: Installer, monkeypatch: Patch):
    preflight.make_venv("run")
    copy = installer.folder.rename(installer.folder.with_name("copy"))
    installer.folder = copy
    for name, path in (
        ("VENV", copy),
        ("VENV_PYTHON", copy / "bin" / "python"),
        ("MARKER", copy / "made-from.json"),
    ):
        monkeypatch.setattr(preflight, name, str(path))
    assert installer.made(lambda: preflight.make_venv("run")) == ["venv", "run"]
