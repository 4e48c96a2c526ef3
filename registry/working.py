"""What goes on behind the pages: notices follow the ledger and are sent, decisions of the Board are written
into claims one after the other, files are scanned for malware, figures are counted and published, checkpoints
get outside time, and the house is kept in order.

One long-lived process does this (`manage.py worker`); several do no harm.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.contrib.sessions.models import Session
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from accounts import joining
from claims import access, figures, notices, replacing, statistics
from evidence import clamd, scanning, uploads
from evidence.models import ScanState
from ledger import stamping
from registry import metrics
from review import batches

log = logging.getLogger(__name__)

PAUSE = 0.5  # seconds until the next look when nothing was to be done
LONGEST_PAUSE = 5.0  # seconds until the next try while the database is away
HOUSEKEEPING_EVERY = 3600.0  # seconds
SCAN_ENDS_WITHIN = 20.0  # seconds that a scan may go on after SIGTERM; what it held comes back by itself


def run(is_stopped: Callable[[], bool]) -> None:
    """Work until stopped, through restarts of the database."""
    with _scanning_beside():
        _work(is_stopped)


def _work(is_stopped: Callable[[], bool]) -> None:
    pause, housekept = PAUSE, -HOUSEKEEPING_EVERY
    while not is_stopped():
        metrics.LAST_TURN.set_to_current_time()
        try:
            if time.monotonic() - housekept >= HOUSEKEEPING_EVERY:
                housekept = time.monotonic()
                keep_house()
            done = [_done(task) for task in tasks()]
            pause = LONGEST_PAUSE if None in done else PAUSE
            if any(done):
                continue
        except (OperationalError, InterfaceError) as error:
            log.warning("The worker waits for the database: %s", str(error).strip())
            connection.close()
            pause = min(2 * pause, LONGEST_PAUSE)
        time.sleep(pause)


def tasks() -> tuple[Callable[[], int], ...]:
    """Each does a little and answers how much: 0 when there is nothing to do."""
    return (
        notices.follow,
        replacing.ask_for_replacements,
        _send_notices,
        batches.apply_decisions,
        statistics.follow,
        figures.publish_due,
        stamping.stamp_due,
    )


def _send_notices() -> int:
    return notices.send_due(limit=5)  # mail is slow, and decisions wait behind it


def keep_house() -> None:
    """Partitions for the coming months; sessions that are over, sign-ups never confirmed and files half
    received go."""
    chores = (
        access.make_partitions,
        _remove_old_sessions,
        joining.remove_unconfirmed,
        uploads.sweep_partials,
    )
    for chore in chores:
        _done(chore)


def _done(task: Callable[[], int | None]) -> int | None:
    """What the task answers, or None if it failed: that keeps no other from being done. A database that is
    away does."""
    try:
        return task() or 0
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("%s failed", task.__name__)
        metrics.TASK_FAILURES.labels(task.__name__.strip("_")).inc()
        return None


@contextmanager
def _scanning_beside() -> Iterator[None]:
    """In a thread of its own, so that a scanner that hangs holds up no letter and no decision."""
    if not scanning.is_on():
        yield
        return
    stopped = threading.Event()
    thread = threading.Thread(target=scan_files, args=[stopped], name="scanning", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(SCAN_ENDS_WITHIN)


def scan_files(stopped: threading.Event) -> None:
    """One after the other, until stopped, through restarts of scanner and database."""
    is_away = False
    try:
        while not stopped.is_set():
            pause = PAUSE
            try:
                result = scanning.scan_next()
                if result is not None:
                    metrics.SCANS.labels(result.value).inc()
                    pause = LONGEST_PAUSE if result == ScanState.NOT_SCANNED else 0
                    is_away = False
            except clamd.Away as away:
                if not is_away:
                    log.error("The scanner is away: %s. Files wait for it.", away)
                is_away, pause = True, LONGEST_PAUSE
            except (OperationalError, InterfaceError) as error:
                log.warning("Scanning waits for the database: %s", str(error).strip())
                connection.close()
                pause = LONGEST_PAUSE
            except Exception:
                log.exception("scan_next failed")
                metrics.TASK_FAILURES.labels("scan_next").inc()
                pause = LONGEST_PAUSE
            stopped.wait(pause)
    finally:
        connection.close()


def _remove_old_sessions() -> None:
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
