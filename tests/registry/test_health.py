"""/healthz says that the process lives; /readyz tells of each part, and names the first that is not ready."""

import base64
import io
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.test import Client
from django.utils import timezone

from evidence import uploads
from evidence.models import WaitingScan
from keys import ring
from ledger.log import Actor
from registry import health

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@pytest.fixture(autouse=True)
def _ask_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_seen_true", set())
    monkeypatch.setattr(health, "SEALER_LATE_AFTER", timedelta(days=1))  # no sealer runs beside these tests


def readiness(client: Client) -> tuple[int, Any]:
    response = client.get("/readyz")
    return response.status_code, response.json()


def test_alive_without_a_database(client: Client):
    assert client.get("/healthz").content == b"alive\n"


def not_ready(client: Client) -> str:
    status, told = readiness(client)
    assert (status, told["ready"]) == (503, False)
    return told["not_ready"]


@pytest.mark.django_db
def test_ready(client: Client):
    parts = dict.fromkeys(health.PARTS, True)
    assert readiness(client) == (200, {"ready": True, "parts": parts, "scanning": "off"})


@pytest.mark.django_db
def test_it_says_whether_files_are_scanned_and_is_ready_all_the_same(client: Client, settings: Any):
    settings.CLAMD_URL = "unix:///nowhere/clamd"
    assert readiness(client)[1]["scanning"] == "on"
    uploads.receive_stream(io.BytesIO(PDF), name="a.pdf", by=Actor("person", "olena"))
    assert readiness(client)[1]["scanning"] == "on"
    WaitingScan.objects.update(since=timezone.now() - timedelta(hours=1))
    status, told = readiness(client)
    assert (status, told["ready"], told["scanning"]) == (200, True, "late")


@pytest.mark.django_db
def test_not_ready_without_its_database(client: Client, monkeypatch: pytest.MonkeyPatch):
    def away() -> bool:
        raise OperationalError("connection refused")

    monkeypatch.setitem(health.PARTS, "database", away)
    status, told = readiness(client)
    assert (status, told["ready"], told["not_ready"]) == (503, False, "database")
    assert told["parts"] == {
        "database": False,
        "migrations": None,  # nobody knows
        "mandate": None,
        "sealer": None,
        "keys": None,
        "evidence": True,
    }


@pytest.mark.django_db
def test_a_database_that_goes_away_between_two_questions_is_what_is_told(
    client: Client, monkeypatch: pytest.MonkeyPatch
):
    def away() -> bool:
        raise OperationalError("server closed the connection")

    monkeypatch.setitem(health.PARTS, "sealer", away)
    status, told = readiness(client)
    assert (status, told["not_ready"]) == (503, "database")
    assert told["parts"]["sealer"] is None


@pytest.mark.committing
def test_not_ready_before_its_migrations(client: Client):
    with connections["owner"].cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    assert not_ready(client) == "migrations"


@pytest.mark.django_db
def test_not_ready_while_the_log_does_not_fit_what_was_signed(
    client: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(health.checkpoints, "alarm", lambda: "It was cut back.")
    assert not_ready(client) == "sealer"


@pytest.mark.django_db
def test_not_ready_while_entries_wait_for_the_sealer(client: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(health, "oldest_pending_age", lambda: timedelta(days=2))
    assert not_ready(client) == "sealer"


@pytest.mark.django_db
def test_all_that_is_not_ready_is_told_and_the_first_of_it_named(
    client: Client, monkeypatch: pytest.MonkeyPatch
):
    for part in ("sealer", "evidence"):
        monkeypatch.setitem(health.PARTS, part, lambda: False)
    status, told = readiness(client)
    assert (status, told["not_ready"]) == (503, "sealer")
    assert [part for part, ready in told["parts"].items() if not ready] == ["sealer", "evidence"]


@pytest.mark.django_db
def test_not_ready_where_evidence_cannot_be_written(client: Client, settings: Any, tmp_path: Path):
    (tmp_path / "evidence").write_text("in the way")
    settings.EVIDENCE_DIR = tmp_path / "evidence"
    assert not_ready(client) == "evidence"


@pytest.mark.django_db
def test_not_ready_with_keys_that_do_not_open_the_evidence(client: Client, settings: Any):
    uploads.receive_stream(io.BytesIO(PDF), name="deed.pdf", by=Actor("person", "1"))
    settings.REGISTRY_KEYS = ring.check("other:" + base64.b64encode(os.urandom(32)).decode())
    assert not_ready(client) == "keys"


@pytest.mark.django_db
def test_probes_come_by_address(client: Client, settings: Any):
    settings.ALLOWED_HOSTS = ["claims.example.org"]
    for path in ("/healthz", "/readyz"):
        assert client.get(path, headers={"Host": "10.0.0.5:8000"}).status_code == 200
    assert client.get("/", headers={"Host": "10.0.0.5:8000"}).status_code == 400


@pytest.mark.django_db
def test_what_was_ready_once_is_not_asked_again(client: Client, django_assert_num_queries: Any):
    client.get("/readyz")
    with django_assert_num_queries(4):  # the database, the sealer’s queue, its alarm, and a closed log
        client.get("/readyz")
