"""The second stage of `make run`: a whole registry on this machine, to look at (docs/operations.md).

Starts the embedded PostgreSQL, brings the database up to date, starts web server, sealer, worker and a
witness, starts again what dies, and stops all of them when it is told to stop. Runs on `.venv`, after
registry.preflight.
"""

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.request import urlopen

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connections

from ledger import notes
from registry import children, embedded_postgres, messages
from registry import environment as env

READY_SECONDS = 60
STOP_SECONDS = 6
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
STEADY_SECONDS = 60  # a child that lived this long is started again at once
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(Exception):
    """Somebody pressed Ctrl-C or sent SIGTERM."""


@dataclass
class Child:
    """One process that is started again when it dies, at growing intervals."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause: float = field(default=FIRST_PAUSE_SECONDS)
    start_after: float = 0.0

    def start(self, environ: dict[str, str]) -> None:
        self.process = children.spawn(self.command, env=environ, cwd=env.BASE_DIR)
        self.started_at = time.monotonic()

    def ended(self) -> int | None:
        """The exit status if it ended by itself (negative: by a signal), having noted when to try again."""
        if self.process is None or self.process.poll() is None:
            return None
        status = self.process.returncode
        say(f"The {self.name} has ended (exit {status}); it is started again.")
        self.end(signal.SIGKILL)  # its own children, if any are left
        if time.monotonic() - self.started_at > STEADY_SECONDS:
            self.pause = FIRST_PAUSE_SECONDS
        self.start_after = time.monotonic() + self.pause
        self.pause = min(self.pause * 2, LONGEST_PAUSE_SECONDS)
        self.process = None
        return int(status)

    def end(self, how: signal.Signals) -> None:
        """Sends the signal to the process and everything it started."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, how)


def commands(port: int, data_dir: Path) -> dict[str, list[str]]:
    """What runs beside the database. The same three in production (docs/operations.md)."""
    python = sys.executable
    return {
        "web server": [
            *(python, "-m", "gunicorn", "--config", "python:registry.serving", "registry.wsgi"),
            *("--bind", f"127.0.0.1:{port}"),
            *("--graceful-timeout", "4", "--keep-alive", "15"),
            *("--env", f"REGISTRY_DATA_DIR={data_dir}"),
        ],
        "sealer": [python, "manage.py", "sealer"],
        "worker": [python, "manage.py", "worker"],
    }


def demo_witness(data_dir: Path, log: str) -> dict[str, list[str]]:
    """A witness to look at, unless there are others: theirs run on machines of outsiders. Its key stays, its
    port is a new one each time; the settings read both from where they are written here."""
    if env.is_set("LEDGER_WITNESSES"):
        return {}
    folder = data_dir / "witness"
    folder.mkdir(mode=0o700, exist_ok=True)
    key_file = folder / "key"
    if not key_file.exists():
        _write(key_file, notes.SigningKey.generate("registry.local/demo-witness", notes.COSIGNATURE).text)
    key = notes.SigningKey.parse(key_file.read_text().strip()).verifier
    address = f"127.0.0.1:{embedded_postgres.free_port()}"
    _write(data_dir / "ledger" / "witnesses", f"{key.vkey} http://{address}\n")
    serve = [sys.executable, "-m", "ledger.witness", "serve", "--listen", address, "--log", log]
    return {"witness": [*serve, "--key", str(key_file), "--state", str(folder / "state")]}


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(text)
    draft.replace(path)


def main() -> int:
    os.umask(0o077)
    os.environ |= {"REGISTRY_DEMO": "1", "DJANGO_SETTINGS_MODULE": "registry.settings"}
    stop_with_make()
    for number in STOPPING:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores it for us
            signal.signal(number, _raise_stop)
    data_dir = env.data_dir()
    try:
        port = env.integer("PORT", 8000, least=1, most=65535)
        with only_one(data_dir), database(data_dir) as server:
            prepare(data_dir)
            with processes(port, data_dir) as started:
                supervise(started, server, port, data_dir)
    except Stop:
        say("Stopped.")
    except (ImproperlyConfigured, embedded_postgres.Failure, CommandError, CannotRun) as problem:
        say(str(problem))
        return 1
    return 0


class CannotRun(Exception):
    """Says what is wrong and what to do."""


def say(text: str) -> None:
    print(text, flush=True)


def _raise_stop(number: int, frame: FrameType | None) -> NoReturn:
    for later in STOPPING:
        signal.signal(later, signal.SIG_IGN)  # we are stopping already
    raise Stop


def stop_with_make() -> None:
    """`make` that is killed cannot tell us. Started by hand, we outlive the shell like any other program."""
    if "MAKELEVEL" in os.environ:
        children.die_with_parent(signal.SIGTERM)


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """One launcher for one data folder."""
    with (data_dir / "launch.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotRun(f"A registry already runs on {data_dir}. Stop it first.") from None
        yield


@contextmanager
def database(data_dir: Path) -> Iterator[embedded_postgres.Server]:
    """The embedded server. Demo accounts must never get into another database."""
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL"):
        if env.is_set(name):
            raise CannotRun(
                f"{name} is set, and `make run` is a demonstration with a database of its own. "
                "Unset DATABASE_URL and DATABASE_OWNER_URL (and their _FILE forms) and try again."
            )
    say("Starting the database")
    server = embedded_postgres.Server(data_dir)
    with embedded_postgres.in_use(data_dir):
        try:
            server.start()
            yield server
        finally:
            server.stop()


def prepare(data_dir: Path) -> None:
    """Everything that must be true before the first page; quick when it is already."""
    messages.compile_catalogue()
    django.setup()
    say("Bringing the database up to date")
    call_command("migrate", interactive=False, verbosity=0)
    call_command("load_mandate")
    collect_static(data_dir / "static")
    call_command("make_demo_accounts")
    connections.close_all()


def collect_static(folder: Path) -> None:
    from django.contrib.staticfiles.finders import get_finders  # noqa: PLC0415 -- needs django.setup()

    found = hashlib.sha256(django.__version__.encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            file = Path(storage.path(path))
            found.update(f"{file} {file.stat().st_mtime_ns} {file.stat().st_size}\n".encode())
    stamp = folder / ".made-from"
    if not stamp.exists() or stamp.read_text() != found.hexdigest():
        say("Collecting static files")
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        stamp.write_text(found.hexdigest())


@contextmanager
def processes(port: int, data_dir: Path) -> Iterator[list[Child]]:
    say("Starting web server, sealer, worker and a witness")
    witness = demo_witness(data_dir, settings.LEDGER_VKEY)
    started = [Child(name, command) for name, command in (witness | commands(port, data_dir)).items()]
    try:
        start_waiting(started, data_dir)
        yield started
    finally:
        end_all(started)
        (data_dir / "processes.json").unlink(missing_ok=True)


def start_waiting(started: list[Child], data_dir: Path) -> None:
    """Starts those that do not run and whose pause is over; writes down what runs, for the next launcher."""
    now = time.monotonic()
    due = [child for child in started if child.process is None and child.start_after <= now]
    for child in due:
        child.start(dict(os.environ) | {"REGISTRY_DATA_DIR": str(data_dir)})
    if due:
        pids = {child.name: child.process.pid for child in started if child.process is not None}
        (data_dir / "processes.json").write_text(json.dumps(pids))


def end_all(started: list[Child]) -> None:
    for child in started:
        child.end(signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for child in started:
        if child.process is not None:
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.0, deadline - time.monotonic()))
            child.end(signal.SIGKILL)
            child.process.wait()
            child.process = None


def is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):  # noqa: S310 -- our own address
            return True
    except (HTTPException, OSError):
        return False


def greet(port: int, data_dir: Path) -> None:
    address = f"http://127.0.0.1:{port}"
    say(
        f"\nThe registry runs at {address}/\n"
        f"  demo accounts   {data_dir / 'demo-accounts.json'}\n"
        f"  sent e-mail     {address}/demo/mail/\n"
        f"  staff           {address}/admin/\n"
        f"  checkpoint      {address}/api/v1/ledger/checkpoint\n"
        "Ctrl-C stops it; your data stays.\n"
    )


def supervise(started: list[Child], server: embedded_postgres.Server, port: int, data_dir: Path) -> NoReturn:
    """Until Stop is raised. Raises CannotRun if a process ends by itself before the first page was ready."""
    ready, deadline = False, time.monotonic() + READY_SECONDS
    while True:
        if not server.is_running():
            say("The database has ended; starting it and all others again.")
            end_all(started)  # its port may change, and they read it when they start
            server.start()
        for child in started:
            ended = child.ended()
            if ended is not None and ended > 0 and not ready:
                raise CannotRun(f"The {child.name} does not start (exit {ended}). Its own words stand above.")
        start_waiting(started, data_dir)
        if not ready and is_ready(port):
            ready = True
            greet(port, data_dir)
        elif not ready and time.monotonic() > deadline:
            raise CannotRun(
                f"The web server was not ready within {READY_SECONDS} seconds. "
                f"http://127.0.0.1:{port}/readyz would say what it waits for; the lines above may say why."
            )
        time.sleep(0.5 if ready else 0.1)


if __name__ == "__main__":
    sys.exit(main())
