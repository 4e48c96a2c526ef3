"""Seal: give committed entries their index, in the order in which the sealer sees them, and grow the tree
over them.

One process does this (`manage.py sealer`); started twice by mistake, the two take turns.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from ledger.models import Pending

logger = logging.getLogger(__name__)

BATCH = 10_000
TILES = 160  # of 256 entries: four batches, so that a tree that is behind catches up
PAUSE = 0.1  # seconds until the next look when fewer than a batch were waiting
LONGEST_PAUSE = 1.0  # seconds until the next try while the database is away


class Watch(Protocol):
    """Who knows what was signed (ledger.checkpoints), and so whether this is the log of which it was."""

    def may_seal(self) -> bool: ...

    def database_was_away(self) -> None:
        """It may have come back as another one: an older backup, a standby that lacks the last entries."""


def seal(batch: int = BATCH) -> int:
    """Seal up to `batch` pending entries and grow the tree, in a transaction of its own. Returns how many it
    sealed."""
    return _turn(batch)[0]


def run(is_stopped: Callable[[], bool], watch: Watch | None = None) -> None:
    """Seal until stopped, through restarts of the database. Ends between two batches."""
    pause = PAUSE
    while not is_stopped():
        try:
            if watch is None or watch.may_seal():
                sealed, grown = _turn(BATCH)
                if sealed == BATCH or grown >= TILES:
                    continue
            pause = PAUSE
        except (OperationalError, InterfaceError) as error:
            logger.warning("Sealing waits for the database: %s", str(error).strip())
            connection.close()
            if watch is not None:
                watch.database_was_away()
            pause = min(2 * pause, LONGEST_PAUSE)
        time.sleep(pause)


def _turn(batch: int) -> tuple[int, int]:
    """How many entries were sealed, and how many tiles are new."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT sealed, ledger_grow(%s) FROM ledger_seal(%s) AS sealed", [TILES, batch])
        sealed, grown = cursor.fetchone()
        return sealed, grown


def oldest_pending_age() -> timedelta | None:
    """How long the first entry of the queue has waited to be sealed. None when nothing waits."""
    queue = Pending.objects.order_by("entry_id")
    return queue.annotate(age=Now() - F("since")).values_list("age", flat=True).first()
