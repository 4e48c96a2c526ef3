"""What goes on behind the pages: notices follow the ledger and are sent, decisions of the Board are written
into claims one after the other, figures are counted and published, checkpoints get outside time, and the
house is kept in order.

One long-lived process does this (`manage.py worker`); several do no harm.
"""

import logging
import time
from collections.abc import Callable

from django.contrib.sessions.models import Session
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from accounts import joining
from claims import access, figures, notices, statistics
from evidence import uploads
from ledger import stamping
from registry import metrics
from review import batches

log = logging.getLogger(__name__)

PAUSE = 0.5  # seconds until the next look when nothing was to be done
LONGEST_PAUSE = 5.0  # seconds until the next try while the database is away
HOUSEKEEPING_EVERY = 3600.0  # seconds


def run(is_stopped: Callable[[], bool]) -> None:
    """Work until stopped, through restarts of the database."""
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


def _remove_old_sessions() -> None:
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
