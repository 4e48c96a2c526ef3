"""What goes on behind the pages: notices follow the ledger and are sent, and the house is kept in order.

One long-lived process does this (`manage.py worker`); several do no harm.
"""

import logging
import time
from collections.abc import Callable

from django.contrib.sessions.models import Session
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from accounts import joining
from claims import access, notices
from evidence import uploads

log = logging.getLogger(__name__)

PAUSE = 0.5  # seconds until the next look when nothing was to be done
LONGEST_PAUSE = 5.0  # seconds until the next try while the database is away
HOUSEKEEPING_EVERY = 3600.0  # seconds


def run(is_stopped: Callable[[], bool]) -> None:
    """Work until stopped, through restarts of the database."""
    pause, housekept = PAUSE, -HOUSEKEEPING_EVERY
    while not is_stopped():
        try:
            if time.monotonic() - housekept >= HOUSEKEEPING_EVERY:
                housekept = time.monotonic()
                keep_house()
            busy = notices.follow() + notices.send_due(limit=5)
            pause = PAUSE
            if busy:
                continue
        except (OperationalError, InterfaceError) as error:
            log.warning("The worker waits for the database: %s", str(error).strip())
            connection.close()
            pause = min(2 * pause, LONGEST_PAUSE)
        time.sleep(pause)


def keep_house() -> None:
    """Partitions for the coming months; sessions that are over, sign-ups never confirmed and files half
    received go. One chore that fails does not keep the others, or the notices, from being done."""
    chores = (
        access.make_partitions,
        _remove_old_sessions,
        joining.remove_unconfirmed,
        uploads.sweep_partials,
    )
    for chore in chores:
        try:
            chore()
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("%s failed", chore.__name__)


def _remove_old_sessions() -> None:
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
