"""Files are scanned for malware after they were received, by ClamAV (CLAMD_URL); without one none is.

Each receipt has its own turn, in which its bytes are read from the storage and scanned, also when the same
bytes were scanned before for somebody else: neither the state of a file nor the time until it changes tells
anybody that others sent it too. Malware that is found quarantines every receipt of these bytes that has had
its turn; who still waits learns it in theirs.

The queue is a table. To take a file is to put it off for longer than any scan lasts, so that what a killed
worker held comes back by itself. The scanner's verdict, its event of custody and the end of waiting are one
transaction.
"""

import hashlib
import logging
from collections.abc import Callable, Generator
from contextlib import closing
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from evidence import clamd, custody, storage
from evidence.frames import Damaged
from evidence.models import CustodyKind, EvidenceFile, Infection, ScanState, WaitingScan
from keys.ring import NotDecrypted
from ledger.log import SYSTEM

TRIES = 3
HELD = timedelta(minutes=15)  # longer than a scan may last: clamd.ANSWERED, and the disk
WAITS = (timedelta(minutes=1), timedelta(minutes=5))  # after each try in vain but the last
RESCANNED_AT_ONCE = 1000

log = logging.getLogger(__name__)


def is_on() -> bool:
    return bool(settings.CLAMD_URL)


def enqueue(evidence_file: EvidenceFile) -> None:
    """Part of the receipt, in its transaction."""
    if is_on():
        WaitingScan.objects.create(evidence_file=evidence_file)


# --- The worker's part ---


def scan_next() -> ScanState | None:
    """Scan the file that has waited longest. Answers what came of it: NOT_SCANNED if it waits for another
    try or is gone; None if none is due. Raises clamd.Away, and then no file has lost a try."""
    if not is_on() or not _due().exists():
        return None
    clamd.ping(settings.CLAMD_URL)
    waiting = _take()
    if waiting is None:
        return None
    file = waiting.evidence_file
    if waiting.tries > TRIES:  # each of them ended with its worker
        log.error("Evidence %s is set aside unscanned: every try ended with its worker.", file.public_id)
        return _record(waiting, ScanState.FAILED)
    try:
        with closing(_content(file)) as content:
            found = clamd.scan(settings.CLAMD_URL, content)
    except clamd.Away:
        _of(waiting).update(due_at=timezone.now(), tries=F("tries") - 1)
        raise
    except clamd.NotLookedAt as reason:
        log.warning("Evidence %s cannot be scanned: %s", file.public_id, reason)
        return _record(waiting, ScanState.FAILED)
    except (clamd.Broken, Damaged, NotDecrypted, OSError) as trouble:
        return _tried_in_vain(waiting, trouble)
    if found:
        log.warning("Malware in evidence %s: %s", file.public_id, found)
    return _record(waiting, ScanState.INFECTED if found else ScanState.CLEAN)


def _due() -> QuerySet[WaitingScan]:
    due = WaitingScan.objects.filter(due_at__lte=timezone.now())
    return due.order_by("is_again", "since", "evidence_file_id")


@transaction.atomic
def _take() -> WaitingScan | None:
    """The file that is next, put off until whoever takes it now is surely done with it or gone."""
    waiting = (
        _due().select_for_update(skip_locked=True, of=("self",)).select_related("evidence_file__blob").first()
    )
    if waiting is None:
        return None
    waiting.tries += 1
    waiting.due_at = timezone.now() + HELD
    waiting.save(update_fields=["tries", "due_at"])
    return waiting


def _of(waiting: WaitingScan) -> QuerySet[WaitingScan]:
    """Its row, as long as nobody else has taken it since and its file is there."""
    return WaitingScan.objects.filter(pk=waiting.pk, tries=waiting.tries)


def _content(file: EvidenceFile) -> Generator[bytes]:
    """The bytes from the storage. Raises Damaged at their end if they are not those that were received."""
    blob = file.blob
    digest = hashlib.sha256()
    with closing(storage.read(blob.stored_name, wrapped_key=blob.wrapped_key, sha256=blob.sha256)) as reader:
        for piece in reader.frames():
            digest.update(piece)
            yield piece
    if digest.hexdigest() != blob.sha256:
        raise Damaged("The stored file does not have the digest that it had when it was received.")


def _tried_in_vain(waiting: WaitingScan, trouble: Exception) -> ScanState:
    is_last = waiting.tries == TRIES
    later = timezone.now() if is_last else timezone.now() + WAITS[waiting.tries - 1]
    if not _of(waiting).update(due_at=later):
        return ScanState.NOT_SCANNED  # it was removed meanwhile
    log.error(
        "Evidence %s could not be scanned (try %d of %d): %s",
        waiting.evidence_file.public_id,
        waiting.tries,
        TRIES,
        trouble,
    )
    return _record(waiting, ScanState.FAILED) if is_last else ScanState.NOT_SCANNED


@transaction.atomic
def _record(waiting: WaitingScan, state: ScanState) -> ScanState:
    """Write down what came of it, once: NOT_SCANNED if another worker did, or the file is gone."""
    concerned = Q(pk=waiting.pk)
    if state == ScanState.INFECTED:
        concerned |= Q(blob=waiting.evidence_file.blob_id) & ~Q(scan_state=ScanState.NOT_SCANNED)
    rows = EvidenceFile.objects.filter(concerned).select_related("blob").order_by("pk")
    files = list(rows.select_for_update(no_key=True, of=("self",)))  # in one order, against deadlocks
    mine = next((file for file in files if file.pk == waiting.pk), None)
    done, _each = _of(waiting).delete()
    if mine is None or not done:
        return ScanState.NOT_SCANNED
    if state == ScanState.FAILED:
        # What an earlier scan found out still holds.
        EvidenceFile.objects.filter(pk=mine.pk, scan_state=ScanState.NOT_SCANNED).update(
            scan_state=state, scanned_at=timezone.now()
        )
        return state
    if mine.scan_state == ScanState.INFECTED and state == ScanState.CLEAN:  # it was a mistake
        Infection.objects.filter(pk=mine.pk).delete()
    changed = [file for file in files if file == mine or file.scan_state != state]
    EvidenceFile.objects.filter(pk__in=[file.pk for file in changed]).update(
        scan_state=state, scanned_at=timezone.now()
    )
    custody.record(mine, CustodyKind.SCANNED, by=SYSTEM)
    if state == ScanState.INFECTED:
        for file in files:
            if file.scan_state != ScanState.INFECTED:  # as it was before
                custody.record(file, CustodyKind.QUARANTINED, by=SYSTEM)
                Infection.objects.bulk_create([Infection(evidence_file=file)], ignore_conflicts=True)
    return state


# --- For those who follow ---


@transaction.atomic(durable=True)
def tell(handle: Callable[[list[int]], None], limit: int = 50) -> int:
    """Hand the keys of files in which malware was found to `handle`, each once, and forget them in the same
    transaction. Answers how many. What `handle` raises leaves them to be told again."""
    rows = Infection.objects.select_for_update(skip_locked=True).order_by("evidence_file_id")
    found = list(rows.values_list("evidence_file_id", flat=True)[:limit])
    if found:
        handle(found)
        Infection.objects.filter(pk__in=found).delete()
    return len(found)


def oldest_since() -> datetime | None:
    """Since when the file that is next has waited for its first scan."""
    first = WaitingScan.objects.filter(is_again=False).order_by("since", "evidence_file_id")
    return first.values_list("since", flat=True).first()


# --- By hand ---


def rescan(*, since: datetime, at_most: int, below: int | None = None) -> tuple[int, int | None]:
    """Put the files received since then into the queue once more, behind those that wait for their first
    scan; the newest first, `at_most` so many. Answers how many, and the key from which to go on `below`, None
    when all were met. What is known of a file stays until it is scanned again."""
    queued = 0
    while queued < at_most:
        with transaction.atomic():
            newest = EvidenceFile.objects.order_by("-pk")
            if below is not None:
                newest = newest.filter(pk__lt=below)
            # Locked, so that none is removed before its row in the queue is there.
            rows = newest.select_for_update(no_key=True)[:RESCANNED_AT_ONCE]
            met = list(rows.values_list("pk", "received_at"))
            wanted = [pk for pk, received_at in met if received_at >= since]
            if not wanted:  # keys grow with time but for seconds: so many older ones in a row are the rest
                return queued, None
            taken = wanted[: at_most - queued]
            WaitingScan.objects.bulk_create(
                [WaitingScan(evidence_file_id=pk, is_again=True) for pk in taken], ignore_conflicts=True
            )
        queued += len(taken)
        below = met[-1][0] if taken == wanted else taken[-1]
    return queued, below
