"""/healthz says that the process lives; /readyz names the first part that is not ready."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.test import Client

from registry import health


@pytest.fixture(autouse=True)
def _ask_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_seen_true", set())
    monkeypatch.setattr(health, "SEALER_LATE_AFTER", timedelta(days=1))  # no sealer runs beside these tests


def readiness(client: Client) -> tuple[int, Any]:
    response = client.get("/readyz")
    return response.status_code, response.json()


def test_alive_without_a_database(client: Client):
    assert client.get("/healthz").content == b"alive\n"


@pytest.mark.django_db
def test_ready(client: Client):
    assert readiness(client) == (200, {"ready": True})


@pytest.mark.django_db
def test_not_ready_without_its_database(client: Client, monkeypatch: pytest.MonkeyPatch):
    def away() -> bool:
        raise OperationalError("connection refused")

    monkeypatch.setitem(health.PARTS, "database", away)
    assert readiness(client) == (503, {"ready": False, "not_ready": "database"})


@pytest.mark.committing
def test_not_ready_before_its_migrations(client: Client):
    with connections["owner"].cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    assert readiness(client) == (503, {"ready": False, "not_ready": "migrations"})


@pytest.mark.django_db
def test_not_ready_while_entries_wait_for_the_sealer(client: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(health, "oldest_pending_age", lambda: timedelta(days=2))
    assert readiness(client) == (503, {"ready": False, "not_ready": "sealer"})


@pytest.mark.django_db
def test_what_was_ready_once_is_not_asked_again(client: Client, django_assert_num_queries: Any):
    client.get("/readyz")
    with django_assert_num_queries(2):  # the database, the sealer's queue
        client.get("/readyz")
