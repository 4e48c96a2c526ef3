"""Wait until an entry stands in the log under a signature, for the commands whose next step rests on it."""

import time
from dataclasses import dataclass

from django.conf import settings

from ledger import checkpoints, sealing
from ledger.models import Checkpoint, Entry, Leaf

LOOK_EVERY = 0.3


@dataclass(frozen=True)
class Settled:
    """How far an entry has come: the index of its leaf, and the newest checkpoint if that covers it."""

    index: int | None = None
    checkpoint: Checkpoint | None = None


def settle(entry: Entry, *, seconds: float) -> Settled:
    """Seals and signs where no sealer does. Returns when a published checkpoint covers the entry, or when the
    time is over. Raises checkpoints.Alarm."""
    deadline = time.monotonic() + seconds
    while True:
        settled = how_far(entry)
        if settled.checkpoint is not None or time.monotonic() > deadline:
            return settled
        if settings.LEDGER_KEY:
            _one_turn()
        if how_far(entry).checkpoint is None:
            time.sleep(LOOK_EVERY)


def how_far(entry: Entry) -> Settled:
    index = Leaf.objects.filter(entry=entry.pk).values_list("index", flat=True).first()
    newest = checkpoints.newest()
    return Settled(index, newest if newest and index is not None and newest.size > index else None)


def _one_turn() -> None:
    signer = checkpoints.Signer()
    try:
        with checkpoints.Memory(settings.LEDGER_MEMORY).locked():
            signer.begin()
            while sealing.seal():
                pass
            signer.sign_when_due()
    except checkpoints.Busy:  # a sealer runs here, and does the same
        pass
