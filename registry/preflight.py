"""The first stage of `make run` and `make test`: looks whether they can work, and makes `.venv`.

Runs on the system's Python with the standard library alone, so that whatever is missing is said in one
sentence (and, for that, in a syntax that Pythons older than ours understand too).

    python3 -m registry.preflight run     checks, installs requirements/run.txt, hands over to registry.launch
    python3 -m registry.preflight test    installs requirements/test.txt, which holds all of run.txt too
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

BASE_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(BASE_DIR, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
MARKER = os.path.join(VENV, "made-from.json")  # written last: a venv without it is half made
OLDEST_PYTHON = (3, 11)
FREE_BYTES = 2500000000  # what the first start needs, and what evidence leaves free
LEFTOVER_SECONDS = 10


class CannotStart(Exception):
    """Says what is wrong and what to do."""


def main(purpose):
    try:
        check_python()
        if purpose == "run":
            data_dir, port = data_dir_from_environment(), port_from_environment()
            check_data_dir(data_dir)
            check_disk(data_dir)
            check_not_running(data_dir)
            end_leftovers(data_dir)
            check_port(port)
        make_venv(purpose)
    except CannotStart as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        sys.exit("Stopped.")
    if purpose == "run":
        os.chdir(BASE_DIR)
        os.environ.update(PORT=str(port), REGISTRY_DATA_DIR=data_dir)
        os.execv(VENV_PYTHON, [VENV_PYTHON, "-m", "registry.launch"])  # noqa: S606 -- our own interpreter


# --- What is there ---


def check_python():
    wanted = ".".join(map(str, OLDEST_PYTHON))
    if sys.version_info < OLDEST_PYTHON:
        raise CannotStart(
            f"This is Python {sys.version_info[0]}.{sys.version_info[1]}, and the registry needs {wanted} or "
            f"newer. Install it and run `make run PYTHON=python{wanted}`."
        )
    try:
        import ensurepip  # noqa: F401, PLC0415 -- whether they are there is the question
        import venv  # noqa: F401, PLC0415
    except ImportError:
        raise CannotStart(
            "This Python cannot make virtual environments. On Debian or Ubuntu install python3-venv "
            "(`sudo apt install python3-venv`) and try again."
        ) from None


def data_dir_from_environment():
    given = os.environ.get("REGISTRY_DATA_DIR", "").strip()
    return os.path.abspath(os.path.expanduser(given)) if given else os.path.join(BASE_DIR, "var")


def port_from_environment():
    given = os.environ.get("PORT", "").strip() or "8000"
    if not given.isdigit() or not 1 <= int(given) <= 65535:
        raise CannotStart(f"PORT is {given!r}. Write a whole number from 1 to 65535.")
    return int(given)


def check_data_dir(data_dir):
    probe = os.path.join(data_dir, ".writable")
    try:
        os.makedirs(data_dir, mode=0o700, exist_ok=True)
        with open(probe, "w"):
            pass
        os.remove(probe)
    except OSError as problem:
        raise CannotStart(
            f"The data folder {data_dir} cannot be written to ({problem.strerror}). Make it writable for "
            "you, or choose another one: `make run REGISTRY_DATA_DIR=/path/to/folder`."
        ) from None


def check_disk(*folders):
    for folder in (BASE_DIR, *folders):
        free = shutil.disk_usage(folder).free
        if free < FREE_BYTES:
            raise CannotStart(
                f"Only {free // 10**6} MB are free for {folder}, and the registry needs "
                f"{FREE_BYTES // 10**6} MB to start. Make room, or choose a "
                "folder on another disk with REGISTRY_DATA_DIR=."
            )


def check_not_running(data_dir):
    """The launcher holds this lock for as long as it lives."""
    with open(os.path.join(data_dir, "launch.lock"), "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotStart(
                f"A registry already runs on the data folder {data_dir}. Stop it first (Ctrl-C where it "
                "runs), or start another one beside it: "
                "`make run PORT=8001 REGISTRY_DATA_DIR=/path/to/folder`."
            ) from None


def check_port(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as problem:
            raise CannotStart(
                f"Port {port} cannot be used ({problem.strerror}). Stop the program that uses it, or choose "
                f"another one: `make run PORT={port + 1 if port < 65535 else 8000}`."
            ) from None


def end_leftovers(data_dir):
    """Ends what a killed launcher has left running: known by the data folder in its environment."""
    try:
        with open(os.path.join(data_dir, "processes.json")) as file:
            pids = json.load(file)
    except (OSError, ValueError):
        return
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while time.monotonic() < deadline:
        left = [pid for pid in processes_of_groups(pids.values()) if is_ours(pid, data_dir)]
        if not left:
            return
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def processes_of_groups(groups):
    """Each process leads a group of its own; its children may have outlived it."""
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit():
            with contextlib.suppress(OSError):
                if os.getpgid(int(name)) in groups:
                    yield int(name)


def is_ours(pid, data_dir):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return f"REGISTRY_DATA_DIR={data_dir}".encode() in file.read().split(b"\0")
    except OSError:
        return False


# --- The virtual environment ---


def make_venv(purpose):
    """`.venv` with what `purpose` needs. One that was made for tests serves `make run` as well."""
    # Its scripts name the folder, so a copy of it elsewhere is not sound.
    made = {"python": ".".join(map(str, sys.version_info[:2])), "folder": VENV, "run": digest("run")}
    wanted = {"run": made["run"], "test": digest("test")}
    has = read_marker()
    sound = os.path.exists(VENV_PYTHON) and all(has.get(name) == value for name, value in made.items())
    if sound and has.get(purpose) == wanted[purpose]:
        return
    if not sound:
        print("Making .venv", flush=True)
        shutil.rmtree(VENV, ignore_errors=True)
        if subprocess.call([sys.executable, "-m", "venv", VENV]) != 0:  # noqa: S603
            raise CannotStart(
                "The virtual environment .venv could not be made; the lines above say why. On Debian or "
                "Ubuntu python3-venv must be installed (`sudo apt install python3-venv`)."
            )
    else:
        os.remove(MARKER)
    print(f"Installing requirements/{purpose}.txt (once; a minute or so)", flush=True)
    install = [VENV_PYTHON, "-m", "pip", "install", "--require-hashes", "--only-binary=:all:", "--no-input"]
    install += ["--disable-pip-version-check", "-r", requirements(purpose)]
    if subprocess.call(install) != 0:  # noqa: S603
        raise CannotStart(
            "The dependencies could not be installed; the lines above say why. Most often the network is the "
            "reason: check it (or pip's proxy and index settings) and run the same command again."
        )
    made[purpose] = wanted[purpose]
    with open(MARKER, "w") as file:
        json.dump(made, file)


def requirements(purpose):
    return os.path.join(BASE_DIR, "requirements", f"{purpose}.txt")


def digest(purpose):
    with open(requirements(purpose), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def read_marker():
    try:
        with open(MARKER) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


if __name__ == "__main__":
    main(sys.argv[1])
