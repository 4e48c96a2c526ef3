"""The embedded database starts from whatever a crash has left, and says what to do where it cannot."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from registry import children, embedded_postgres
from registry.embedded_postgres import APP, DATABASE, OWNER, SUPERUSER, Failure, Server

QUICK = embedded_postgres.SETTINGS | {"fsync": "off", "shared_buffers": "16MB"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a stopped server in it, behind a folder that only we may enter."""
    closed = tmp_path_factory.mktemp("closed")
    closed.chmod(0o700)
    server = Server(closed / "data", settings=QUICK)
    server.start()
    server.stop()
    return server.data_dir


@pytest.fixture
def server(made: Path) -> Iterator[Server]:
    server = Server(made, settings=QUICK)
    yield server
    server.stop()


def count_rows(server: Server) -> int:
    with server.connect(APP) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def test_two_roles_of_which_neither_is_superuser(server: Server):
    server.start()
    with server.connect(OWNER) as connection:
        roles = connection.execute(
            "SELECT rolname, rolsuper, rolcreatedb FROM pg_roles WHERE rolname LIKE 'registry%' ORDER BY 1"
        ).fetchall()
        (owner,) = connection.execute(
            "SELECT datdba::regrole::text FROM pg_database WHERE datname = %s", [DATABASE]
        ).fetchall()
    assert roles == [(APP, False, False), (OWNER, False, True)]
    assert owner == (OWNER,)


def test_a_password_is_asked_for_and_no_socket_is_there(server: Server):
    server.start()
    port = server.facts()["port"]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host="127.0.0.1", port=port, user=OWNER, password="guess", dbname=DATABASE)
    with server.connect(SUPERUSER) as connection:
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)


def test_checksums_are_on_and_text_is_utf8(server: Server):
    server.start()
    with server.connect(OWNER) as connection:
        assert connection.execute("SHOW data_checksums").fetchone() == ("on",)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)


def test_passwords_are_for_the_owner_of_the_folder_alone(made: Path):
    assert stat.S_IMODE((made / "postgres.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_starting_what_runs_does_nothing(server: Server):
    server.start()
    pid = server.pid()
    Server(server.data_dir, settings=QUICK).start()
    assert server.pid() == pid


def test_after_kill_9_it_starts_again_with_what_was_committed(server: Server):
    server.start()
    with server.connect(OWNER) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute(f"GRANT SELECT ON kept TO {APP}")
        connection.execute("INSERT INTO kept VALUES (1)")
    os.kill(server.pid() or 0, signal.SIGKILL)
    server.start()
    assert count_rows(server) == 1


def test_a_pid_file_that_names_some_other_program_does_not_hinder(server: Server):
    pid_file = server.folder / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{server.folder}\n1\n1\n\n127.0.0.1\n\nready\n")
    assert not server.is_running()
    server.start()
    assert server.pid() != os.getpid()


def test_when_its_port_is_taken_it_takes_another(server: Server):
    port = server.facts()["port"]
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        server.start()
    assert server.facts()["port"] != port
    assert embedded_postgres.databases(server.data_dir)["default"]["PORT"] == server.facts()["port"]


def test_it_dies_with_the_process_that_started_it(server: Server, until: Callable[..., None]):
    code = (
        "import sys, time; from pathlib import Path; from registry.embedded_postgres import Server;"
        "Server(Path(sys.argv[1])).start(); print('started', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(server.data_dir)], cwd=settings.BASE_DIR, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        assert server.is_running()
        parent.kill()
    until(lambda: server.pid() is None)


def test_a_command_has_it_for_its_own_time(server: Server):
    with embedded_postgres.running(server.data_dir):
        assert server.is_running()
        with embedded_postgres.running(server.data_dir):
            pass
        assert server.is_running(), "the first command still uses it"
    assert server.pid() is None


def test_a_command_leaves_the_launchers_server_alone(server: Server):
    with embedded_postgres.in_use(server.data_dir):
        server.start()
        with embedded_postgres.running(server.data_dir):
            pass
        assert server.is_running()


def test_a_half_made_folder_is_made_anew(tmp_path: Path):
    (tmp_path / "postgres.new" / "base").mkdir(parents=True)
    server = Server(tmp_path, settings=QUICK)
    server.start()
    server.stop()
    assert sorted(path.name for path in tmp_path.glob("postgres.new*")) == []


def test_a_folder_of_another_version_is_refused(made: Path, tmp_path: Path):
    shutil.copy(made / "postgres.json", tmp_path)
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(Failure, match="made by PostgreSQL 17, and this release brings PostgreSQL 18"):
        Server(tmp_path).start()


def test_lost_passwords_are_told_apart_from_an_empty_folder(tmp_path: Path):
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("18\n")
    with pytest.raises(Failure, match=r"postgres\.json .* is missing or damaged"):
        Server(tmp_path).start()


def test_wrong_passwords_end_the_start_at_once(server: Server):
    facts = server.facts()
    wrong = facts | {"passwords": dict.fromkeys(facts["passwords"], "wrong")}
    server.facts_file.write_text(json.dumps(wrong))
    try:
        with pytest.raises(Failure, match="refuses us"):
            server.start()
    finally:
        server.facts_file.write_text(json.dumps(facts))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")
def test_root_without_setpriv_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(Failure, match="setpriv .* is missing. Install it, run this as an ordinary user"):
        Server(tmp_path).start()


def test_before_the_first_start_settings_can_be_loaded(tmp_path: Path):
    assert embedded_postgres.databases(tmp_path)["default"]["USER"] == APP
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_has_ended_has_no_command_line():
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert children.command_line(child.pid) == ""
