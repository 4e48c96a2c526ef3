"""Where the register stands, in numbers, for Prometheus (docs/operations.md says what to watch).

The worker serves them on METRICS_PORT. They are read from the database when asked for, so that several
workers say the same, and no more often than every few seconds. Each question is bounded: by an index, by a
count that stops, or by PostgreSQL's own estimate; and by a time limit. Labels are states, followers and
tasks: never people, never combinations that grow.
"""

import logging
import math
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import wraps
from typing import Any
from wsgiref.simple_server import WSGIServer

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Max, QuerySet
from django.utils import timezone
from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, start_http_server
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from claims.models import Claim, Notice, Outcome, State
from claims.models.claim import AWAITING_DECISION
from claims.models.notice import NoticeState
from evidence import scanning, storage
from evidence.models import EvidenceFile, ScanState, WaitingScan
from ledger import checkpoints, stamping
from ledger.models import Entry, Follower, Leaf, Pending
from ledger.sealing import oldest_pending_age
from review import access, looking
from review.models import Member

KEPT_SECONDS = 5.0
LONGEST_QUESTION_MS = 2_000
COUNTED = 10_000  # beyond it counting stops

WAITING: dict[str, tuple[State, ...]] = {
    **{
        state.value: (state,)
        for state in (
            State.SUBMITTED,
            State.NEEDS_FIXING,
            State.UNDER_REVIEW,
            State.INFORMATION_REQUESTED,
        )
    },
    AWAITING_DECISION: (State.ELIGIBLE, State.INELIGIBLE),
}

log = logging.getLogger(__name__)

REGISTRY = CollectorRegistry()
TASK_FAILURES = Counter(
    "registry_worker_task_failures", "Tasks of this worker that failed", ["task"], registry=REGISTRY
)
SCANS = Counter("registry_scans", "Scans of this worker, by what came of them", ["result"], registry=REGISTRY)
for _result in ScanState:  # so that the first failure is an increase
    SCANS.labels(_result.value)
LAST_TURN = Gauge(
    "registry_worker_last_turn_timestamp_seconds",
    "When this worker last began a turn through its tasks",
    registry=REGISTRY,
)
ProcessCollector(registry=REGISTRY)


def serve(host: str, port: int) -> tuple[WSGIServer, threading.Thread]:
    """In threads of their own, until the process ends or the server is shut down. Raises OSError."""
    return start_http_server(port, addr=host, registry=REGISTRY)


class FromDatabase(Collector):
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._read: list[Metric] = []

    def describe(self) -> Iterable[Metric]:
        return ()  # nothing is asked before somebody scrapes

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            if time.monotonic() - self._read_at >= KEPT_SECONDS:
                try:
                    self._read = list(read())
                finally:
                    connection.close()  # each scrape is a thread of its own
                self._read_at = time.monotonic()
            return list(self._read)


REGISTRY.register(FromDatabase())


def read() -> Iterator[Metric]:
    """What cannot be read just now is left out; `registry_database_up` says whether that is the database."""
    yield from _asked(storage_figures)
    up = _answers()
    yield _gauge("registry_database_up", "1 if the database answers", up)
    if up:
        for question in QUESTIONS:
            yield from _asked(_limited(question))


def _answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _asked(question: Callable[[], Iterable[Metric]]) -> list[Metric]:
    try:
        return list(question())
    except (DatabaseError, OSError) as error:
        log.warning("Figures of %s could not be read: %s", question.__name__, type(error).__name__)
        return []


# --- The questions ---


def storage_figures() -> Iterator[Metric]:
    yield _gauge(
        "registry_uploads_in_progress",
        "Files that are being received, or were left half received",
        storage.arriving(),
    )
    free = shutil.disk_usage(settings.EVIDENCE_DIR).free
    yield _gauge("registry_evidence_free_bytes", "Free on the disk of the evidence", free)


def claims() -> Iterator[Metric]:
    waiting = GaugeMetricFamily(
        "registry_claims_waiting",
        f"Claims that wait in a state: counted up to {COUNTED}, beyond it PostgreSQL's estimate",
        labels=["state"],
    )
    for label, states in WAITING.items():
        count = _count(Claim.objects.filter(state__in=states).order_by("state", "submitted_at", "id"))
        waiting.add_metric([label], count if count < COUNTED else max(COUNTED, _estimate(states)))
    yield waiting
    since: list[datetime] = []
    for state in access.QUEUED:  # one at a time: each has its index by age
        claims = Claim.objects.filter(state=state)
        found, seen_to = looking.first(claims, access.free, 1, by=("submitted_at", "id"))
        if seen_to:  # thousands that are not free, and then perhaps one that is
            since.append(seen_to[0])
        since += [claim.submitted_at for claim in found if claim.submitted_at]
    age = (timezone.now() - min(since)).total_seconds() if since else 0
    yield _gauge(
        "registry_oldest_unassigned_claim_seconds",
        "Since the oldest submitted claim that is on nobody's desk was submitted; 0 if there is none",
        age,
    )


def ledger() -> Iterator[Metric]:
    delay = oldest_pending_age()
    yield _gauge(
        "registry_ledger_pending_entries", "Entries that wait for their index", _count(Pending.objects.all())
    )
    yield _gauge(
        "registry_ledger_oldest_pending_seconds",
        "How long the first entry of the queue has waited for its index: the delay of sealing",
        delay.total_seconds() if delay else 0,
    )
    last = Leaf.objects.aggregate(last=Max("index"))["last"]
    sealed = 0 if last is None else last + 1
    yield CounterMetricFamily("registry_ledger_sealed_entries", "Entries that have an index", value=sealed)
    lag = GaugeMetricFamily(
        "registry_follower_lag_entries", "Sealed entries that a follower has not handled", labels=["follower"]
    )
    for name, next_index in Follower.objects.values_list("name", "next_index"):
        lag.add_metric([name], max(0, sealed - next_index))
    yield lag


def stamps() -> Iterator[Metric]:
    waited, end = stamping.unstamped_age(), stamping.soonest_end()
    yield _gauge(
        "registry_ledger_unstamped_seconds",
        "How long the first checkpoint after the last stamped one has waited for outside time; 0 if none",
        waited.total_seconds() if waited else 0,
    )
    yield _gauge(
        "registry_ledger_stamp_ends_seconds",
        "Until the first stamp of outside time ends if it is not renewed; infinite if there is none",
        math.inf if end is None else end.total_seconds(),
    )


def signed() -> Iterator[Metric]:
    """What was signed of the ledger. Before the first checkpoint everything sealed is unsigned."""
    yield _gauge(
        "registry_ledger_alarm",
        "1 while the log does not fit what was signed of it, and nothing is sealed",
        bool(checkpoints.alarm()),
    )
    newest = checkpoints.newest()
    last = Leaf.objects.aggregate(last=Max("index"))["last"]
    sealed, size = 0 if last is None else last + 1, newest.size if newest else 0
    age = (timezone.now() - newest.signed_at).total_seconds() if newest else sealed and float("inf")
    yield _gauge("registry_ledger_checkpoint_size", "Entries in the newest published checkpoint", size)
    yield _gauge("registry_ledger_checkpoint_age_seconds", "Since it was published", max(0.0, age))
    yield _gauge("registry_ledger_unsigned_entries", "Sealed entries that it does not have", sealed - size)
    yield _gauge(
        "registry_ledger_witnesses_missing",
        "Witnesses of ours that have not countersigned it",
        checkpoints.missing_cosignatures(newest) if newest else 0,
    )


def notices() -> Iterator[Metric]:
    waiting = Notice.objects.filter(state=NoticeState.WAITING)
    yield _gauge("registry_notices_waiting", "Letters that are not sent yet", _count(waiting))
    failing = waiting.filter(attempts__gt=0)
    yield _gauge("registry_notices_failing", "Letters of these that were tried in vain", _count(failing))
    due = waiting.order_by("due_at").values_list("due_at", flat=True).first()
    overdue = max(0.0, (timezone.now() - due).total_seconds()) if due else 0
    yield _gauge("registry_notices_overdue_seconds", "How long the first letter is overdue", overdue)


def decisions() -> Iterator[Metric]:
    waiting = _count(Member.objects.to_be_applied())
    yield _gauge(
        "registry_decisions_to_write", "Decisions of the Board that are not yet written into claims", waiting
    )


def scans() -> Iterator[Metric]:
    yield _gauge(
        "registry_scans_waiting",
        f"Files that wait to be scanned for malware, up to {COUNTED}",
        _count(WaitingScan.objects.all()),
    )
    since = scanning.oldest_since()
    age = (timezone.now() - since).total_seconds() if since else 0
    yield _gauge("registry_scans_oldest_seconds", "How long the next file has waited for its first scan", age)


def made() -> Iterator[Metric]:
    """By their sequences, which cost nothing to ask. What was rolled back has taken a number too."""
    for name, text, model in (
        ("registry_claims_begun", "Claims begun, drafts included", Claim),
        ("registry_files_received", "Files of evidence received", EvidenceFile),
        ("registry_decisions_made", "Outcomes written into claims", Outcome),
        ("registry_ledger_entries", "Entries written to the ledger", Entry),
    ):
        table = connection.ops.quote_name(model._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_sequence_last_value(pg_get_serial_sequence(%s, 'id')::regclass)", [table]
            )
            yield CounterMetricFamily(name, f"{text}, by their sequence", value=cursor.fetchone()[0] or 0)


QUESTIONS: tuple[Callable[[], Iterable[Metric]], ...] = (
    claims,
    ledger,
    signed,
    stamps,
    notices,
    decisions,
    scans,
    made,
)

# --- Small parts ---


def _limited(question: Callable[[], Iterable[Metric]]) -> Callable[[], list[Metric]]:
    """In a transaction of its own, which may be rolled back, and whose statements have a time limit."""

    @wraps(question)
    def asked() -> list[Metric]:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(LONGEST_QUESTION_MS)])
            return list(question())

    return asked


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _count(rows: QuerySet[Any]) -> int:
    return rows[:COUNTED].count()


def _estimate(states: Iterable[State]) -> float:
    """How many claims PostgreSQL believes to be in these states, from its last ANALYZE."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(found.share) * max(class.reltuples), 0)"
            " FROM pg_class AS class JOIN pg_namespace AS space ON space.oid = class.relnamespace"
            " JOIN pg_stats AS stats ON (stats.schemaname, stats.tablename) = (space.nspname, class.relname)"
            " CROSS JOIN unnest(stats.most_common_vals::text::text[], stats.most_common_freqs)"
            " AS found(state, share)"
            " WHERE class.oid = %s::regclass AND stats.attname = 'state' AND found.state = ANY(%s::text[])",
            [connection.ops.quote_name(Claim._meta.db_table), [state.value for state in states]],
        )
        return float(cursor.fetchone()[0])
