"""The settings as a production server and as the demo would load them, each in a process of its own."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from ledger import notes

PRODUCTION = {
    "DATABASE_URL": "postgresql://app:secret@db.example.org/claims",
    "DATABASE_OWNER_URL": "postgresql://owner:secret@db.example.org/claims",
    "SECRET_KEY": "not-the-real-one-but-as-long-as-one-ought-to-be-0123456789",
    "REGISTRY_KEYS": "2026-11:" + base64.b64encode(bytes(range(32))).decode(),
    "LEDGER_ORIGIN": "claims.example.org/log",
    "LEDGER_KEY": base64.b64encode(bytes(range(32))).decode(),
    "LEDGER_PROMISE_KEY": base64.b64encode(bytes(range(1, 33))).decode(),
    "ALLOWED_HOSTS": "claims.example.org",
    "EMAIL_URL": "smtp+starttls://bot:secret@mail.example.org",
    "SITE_URL": "https://claims.example.org",
}


def check(tmp_path: Path, **environ: str | None) -> subprocess.CompletedProcess[str]:
    """`manage.py check --deploy` under production's environment with these changes."""
    given = PRODUCTION | {"REGISTRY_DATA_DIR": str(tmp_path)} | environ
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=settings.BASE_DIR,
        env=kept | {name: value for name, value in given.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_settings_pass_djangos_deployment_check(tmp_path: Path):
    done = check(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "REGISTRY_KEYS", "EMAIL_URL", "SITE_URL", "LEDGER_ORIGIN", "LEDGER_PROMISE_KEY"]
)
def test_on_a_database_of_ones_own_nothing_secret_has_a_default(tmp_path: Path, name: str):
    done = check(tmp_path, **{name: None})
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name} is not set.")
    assert list(tmp_path.iterdir()) == []


def test_keys_that_are_no_keys_stop_the_start(tmp_path: Path):
    assert "keys of 32 bytes" in check(tmp_path, REGISTRY_KEYS="2026:c2hvcnQ=").stderr


def test_the_demo_is_refused_to_other_hosts(tmp_path: Path):
    done = check(tmp_path, REGISTRY_DEMO="1")
    assert done.returncode == 1
    assert "ALLOWED_HOSTS may then hold only 127.0.0.1, localhost, [::1]" in done.stderr


def test_one_role_for_both_purposes_is_refused(tmp_path: Path):
    done = check(tmp_path, DATABASE_OWNER_URL=PRODUCTION["DATABASE_URL"])
    assert done.returncode == 1
    assert "name the same role" in done.stderr


# --- The keys of the log ---


def vkey(of: str = "claims.example.org/log", type_: int = notes.ED25519) -> str:
    return notes.SigningKey.generate(of, type_).verifier.vkey


def test_a_process_that_does_not_sign_needs_the_public_half_alone(tmp_path: Path):
    done = check(tmp_path, LEDGER_KEY=None, LEDGER_VKEY=vkey())
    assert (done.returncode, done.stderr) == (0, "")
    assert check(tmp_path, LEDGER_KEY=None).stderr.startswith("LEDGER_VKEY is not set.")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LEDGER_ORIGIN", "our log", "Write it like an address"),
        ("LEDGER_ORIGIN", "a+b", "Write it like an address"),
        ("LEDGER_KEY", "bm90IGEga2V5", "LEDGER_KEY is no key that signs"),
        (
            "LEDGER_KEY",
            notes.SigningKey.generate("elsewhere").text,
            "in the name elsewhere. It must be of type 1",
        ),
        ("LEDGER_KEY", notes.SigningKey.generate("claims.example.org/log", 4).text, "has a key of type 4"),
        ("LEDGER_PROMISE_KEY", notes.SigningKey.generate("claims.example.org/log").text, "log/promises"),
        ("LEDGER_VKEY", "x", "LEDGER_VKEY has no verifier key"),
        ("LEDGER_VKEY", vkey(), "LEDGER_VKEY is not the public half of LEDGER_KEY"),
        ("LEDGER_OLD_VKEYS", "x", "LEDGER_OLD_VKEYS has no verifier key"),
        ("LEDGER_WITNESSES", vkey("w", 4), "a space and its address: https"),
        ("LEDGER_WITNESSES", f"{vkey('w', 4)} file:///etc/passwd", "a space and its address: https"),
        ("LEDGER_WITNESSES", f"{vkey('w')} http://w.example", "has a key of type 1"),
    ],
    ids=range(12),  # the keys are new in each process
)
def test_keys_of_the_log_that_are_none_stop_the_start(tmp_path: Path, name: str, value: str, said: str):
    done = check(tmp_path, **{name: value})
    assert done.returncode == 1
    assert said in done.stderr
    assert value not in done.stderr or name == "LEDGER_ORIGIN"


def test_witnesses_stand_by_commas_or_line_by_line(tmp_path: Path):
    one, two = f"{vkey('w1', 4)} http://127.0.0.1:1/a", f"{vkey('w2', 4)}   https://w.example/"
    for between in (",", "\n", " ,\n\n"):
        done = check(tmp_path, LEDGER_WITNESSES=f"{one}{between}{two}\n")
        assert (done.returncode, done.stderr) == (0, "")
