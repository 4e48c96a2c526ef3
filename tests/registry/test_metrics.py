"""What Prometheus is told: figures that are right, cheap to ask and of nobody in particular."""

import logging
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from django.conf import settings as ours
from django.db import OperationalError, connection
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest

from claims.models import Notice, State
from evidence.models import WaitingScan
from ledger import sealing
from registry import metrics, web_metrics, working
from registry.embedded_postgres import free_port
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_evidence(settings: Any, tmp_path: Any) -> None:
    settings.EVIDENCE_DIR = tmp_path


def figures() -> dict[str, float]:
    """By name, with the value of the one label behind it."""
    samples = [sample for metric in metrics.read() for sample in metric.samples]
    return {" ".join((sample.name, *sample.labels.values())): sample.value for sample in samples}


def test_claims_that_wait_are_counted_by_state():
    make.claim()
    make.under_review(make.claim(by="petro"))
    make.draft(by="maria")
    told = figures()
    assert told["registry_claims_waiting submitted"] == 1
    assert told["registry_claims_waiting under_review"] == 1
    assert told["registry_claims_waiting awaiting_decision"] == 0
    assert "registry_claims_waiting draft" not in told


def test_what_reviewers_recommend_is_not_told():
    assert {"eligible", "ineligible"}.isdisjoint(metrics.WAITING)


def test_counting_stops_and_postgresqls_estimate_goes_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metrics, "COUNTED", 1)
    monkeypatch.setattr(metrics, "_estimate", lambda states: 123_456.0)
    make.claim()
    assert figures()["registry_claims_waiting submitted"] == 123_456


def test_the_estimate_is_zero_where_postgresql_knows_nothing_and_never_below_what_was_counted(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(metrics, "COUNTED", 1)
    make.claim()
    assert metrics._estimate([State.SUBMITTED]) >= 0
    assert figures()["registry_claims_waiting submitted"] >= 1


def test_the_oldest_claim_on_nobodys_desk():
    assert figures()["registry_oldest_unassigned_claim_seconds"] == 0
    make.under_review(make.claim())  # on a desk
    assert figures()["registry_oldest_unassigned_claim_seconds"] == 0
    make.claim(by="petro")
    assert 0 < figures()["registry_oldest_unassigned_claim_seconds"] < 60


def test_the_ledger_and_its_followers():
    make.claim()
    told = figures()
    assert told["registry_ledger_pending_entries"] > 0
    assert told["registry_ledger_oldest_pending_seconds"] > 0
    sealing.seal()
    told = figures()
    assert told["registry_ledger_pending_entries"] == told["registry_ledger_oldest_pending_seconds"] == 0
    for task in working.tasks():
        task()
    assert figures()["registry_follower_lag_entries notices"] == 0
    make.claim(by="petro")
    sealing.seal()
    assert figures()["registry_follower_lag_entries notices"] > 0


def test_letters_that_wait_fail_or_are_overdue():
    make.claim()
    sealing.seal()
    working.notices.follow()
    Notice.objects.update(due_at=timezone.now() - timedelta(hours=1), attempts=2)
    told = figures()
    assert told["registry_notices_waiting"] == told["registry_notices_failing"] == 1
    assert 3600 <= told["registry_notices_overdue_seconds"] < 3700
    working.notices.send_due()
    assert figures()["registry_notices_waiting"] == 0


def test_files_received_and_those_on_their_way(settings: Any):
    before = figures()
    claim = make.draft()
    make.evidence(claim)
    (settings.EVIDENCE_DIR / "incoming" / "half").touch()
    told = figures()
    assert told["registry_files_received_total"] == before["registry_files_received_total"] + 1
    assert told["registry_claims_begun_total"] == before["registry_claims_begun_total"] + 1
    assert told["registry_uploads_in_progress"] == 1
    assert told["registry_evidence_free_bytes"] > 0


def test_files_that_wait_for_their_scan(settings: Any):
    told = figures()
    assert told["registry_scans_waiting"] == told["registry_scans_oldest_seconds"] == 0
    settings.CLAMD_URL = "unix:///nowhere/clamd"
    make.evidence(make.draft())
    WaitingScan.objects.update(since=timezone.now() - timedelta(hours=1))
    told = figures()
    assert told["registry_scans_waiting"] == 1
    assert 3600 <= told["registry_scans_oldest_seconds"] < 3700
    WaitingScan.objects.update(is_again=True)  # what is scanned again has time
    assert figures()["registry_scans_oldest_seconds"] == 0


def test_decisions_of_the_board_that_wait_to_be_written_in():
    before = figures()
    make.decided(make.confirmed())
    assert figures()["registry_decisions_to_write"] == 1
    working.batches.apply_decisions()
    told = figures()
    assert told["registry_decisions_to_write"] == 0
    assert told["registry_decisions_made_total"] == before["registry_decisions_made_total"] + 1


def test_a_database_that_is_away_is_told_and_the_rest_left_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metrics, "_answers", lambda: False)
    told = figures()
    assert told.pop("registry_database_up") == 0
    assert set(told) == {"registry_uploads_in_progress", "registry_evidence_free_bytes"}


def test_a_question_that_takes_too_long_is_left_out_and_the_others_are_told(
    monkeypatch: pytest.MonkeyPatch, caplog: Any
):
    def slow() -> Any:
        connection.cursor().execute("SELECT pg_sleep(5)")

    monkeypatch.setattr(metrics, "LONGEST_QUESTION_MS", 50)
    monkeypatch.setattr(metrics, "QUESTIONS", (slow, metrics.notices))
    with caplog.at_level(logging.WARNING):
        told = figures()
    assert told["registry_notices_waiting"] == 0
    assert "Figures of slow could not be read: OperationalError" in caplog.messages


def test_questions_read_no_table_of_claims_from_end_to_end(django_assert_max_num_queries: Any):
    with django_assert_max_num_queries(52) as asked:
        figures()
    for query in asked:
        if 'FROM "claims_claim"' in query["sql"]:
            assert "LIMIT" in query["sql"]


def test_scrapes_that_come_at_once_ask_once(monkeypatch: pytest.MonkeyPatch):
    asked: list[int] = []
    monkeypatch.setattr(metrics, "read", lambda: asked.append(1) or iter(()))
    monkeypatch.setattr(metrics.connection, "close", lambda: None)
    collector = metrics.FromDatabase()
    collector.collect()
    collector.collect()
    assert asked == [1]


def test_a_task_that_fails_is_counted():
    def fail() -> int:
        raise RuntimeError("no")

    working._done(fail)
    told = generate_latest(
        metrics.REGISTRY.restricted_registry(["registry_worker_task_failures_total"])
    ).decode()
    assert 'registry_worker_task_failures_total{task="fail"} 1.0' in told


def test_a_database_error_of_a_task_is_left_to_the_worker():
    def away() -> int:
        raise OperationalError("away")

    with pytest.raises(OperationalError):
        working._done(away)


@pytest.mark.committing
def test_they_are_served_on_a_port_of_their_own(monkeypatch: pytest.MonkeyPatch):
    registry = CollectorRegistry()
    registry.register(metrics.FromDatabase())
    monkeypatch.setattr(metrics, "REGISTRY", registry)
    port = free_port()
    server, thread = metrics.serve("127.0.0.1", port)
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:  # noqa: S310
            said = answer.read().decode()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert "registry_database_up 1.0" in said


def test_an_empty_folder_for_figures_of_processes_counts_as_none(tmp_path: Path):
    code = (
        "from registry import web_metrics\n"
        "from prometheus_client import Counter\n"
        "Counter('tried', 'Tried', registry=None).inc()\n"
        "web_metrics.observe('GET', '/', 200, 0.1)"
    )
    environ = os.environ | {web_metrics.FOLDER: "", "PYTHONPATH": str(ours.BASE_DIR)}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environ, check=True)
    assert list(tmp_path.iterdir()) == []
