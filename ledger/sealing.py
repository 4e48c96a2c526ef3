"""Seal: give committed entries their index, in the order in which the sealer sees them.

One process does this (`manage.py sealer`); started twice by mistake, the two take turns.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from ledger.models import Pending

logger = logging.getLogger(__name__)

BATCH = 10_000
PAUSE = 0.1  # seconds until the next look when fewer than a batch were waiting
LONGEST_PAUSE = 1.0  # seconds until the next try while the database is away


def seal(batch: int = BATCH) -> int:
    """Seal up to `batch` pending entries in a transaction of its own. Returns how many it sealed."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT ledger_seal(%s)", [batch])
        return cursor.fetchone()[0]


def run(is_stopped: Callable[[], bool]) -> None:
    """Seal until stopped, through restarts of the database. Ends between two batches."""
    pause = PAUSE
    while not is_stopped():
        try:
            if seal() == BATCH:
                continue
            pause = PAUSE
        except (OperationalError, InterfaceError) as error:
            logger.warning("Sealing waits for the database: %s", str(error).strip())
            connection.close()
            pause = min(2 * pause, LONGEST_PAUSE)
        time.sleep(pause)


def oldest_pending_age() -> timedelta | None:
    """How long the first entry of the queue has waited to be sealed. None when nothing waits."""
    queue = Pending.objects.order_by("entry_id")
    return queue.annotate(age=Now() - F("since")).values_list("age", flat=True).first()
