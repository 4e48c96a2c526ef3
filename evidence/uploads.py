"""Evidence comes in: streamed to the storage in constant memory, then linked to one receipt, or gone.

A view asks who is there before a byte of the body is read. Django's CSRF check reads the body, so it has to
come after that, and after the handler that streams it stands ready:

    @csrf_exempt                        # checked below, when we know who is there
    @login_required
    @require_POST
    def add_evidence(request, claim_id):
        claim = get_object_or_404(Claim.objects.visible_to(request.user), pk=claim_id)
        with uploads.receiving(request, limit=..., accepted=...):
            return _add_evidence(request, claim)

    @csrf_protect
    def _add_evidence(request, claim):
        try:
            with transaction.atomic():
                evidence_file = uploads.receive(request.FILES["file"], by=request.user.actor)
                ...
        except uploads.Refused as refusal:
            form.add_error("file", str(refusal))

A file that is refused while it streams is read to its end without being kept, so that the browser shows the
page with the sentence and not a broken connection.
"""

import contextlib
import io
import logging
import time
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import IO, Any

from django.core.files.uploadhandler import FileUploadHandler
from django.db import transaction
from django.http import HttpRequest

from evidence import containers, custody, refusals, scanning, storage
from evidence.frames import Damaged, FrameFile
from evidence.kinds import KINDS, Kind, Mark
from evidence.models import NAME_LENGTH, Blob, CustodyKind, EvidenceFile
from evidence.recognising import Recogniser
from evidence.refusals import Refused
from ledger.log import Actor

LIMIT_BYTES = 2 * 1024**3
CHUNK_BYTES = 256 * 1024
NO_LIMITS: Mapping[str, int] = {}
SWEEP_AFTER = timedelta(hours=24)  # longer than any request lives: what is older belongs to nobody

logger = logging.getLogger(__name__)


class ForeignStorage(Exception):
    """The stored files and the database do not belong together."""


class Incoming:
    """One file that is being sent; it stands in request.FILES. What nobody receives goes when it closes.

    `limit` is its largest size in bytes; `limits` may say another for a family of kinds."""

    def __init__(
        self,
        name: str,
        *,
        limit: int,
        accepted: Collection[str],
        limits: Mapping[str, int] = NO_LIMITS,
    ) -> None:
        self.name = label(name)
        self.size = 0
        self.refusal: Refused | None = None
        self.kind: Kind | None = None
        self.marks: frozenset[Mark] = frozenset()
        self.arrival: storage.Arrival | None = None
        self._limit, self._limits = limit, limits
        self._accepted = accepted
        self._recogniser = Recogniser(accepted)

    def write(self, data: bytes) -> None:
        """Keep the next bytes. After a refusal it does nothing."""
        if self.refusal:
            return
        self.size += len(data)
        try:
            self._recogniser.feed(data)
            self._check_size()
            self.arrival = self.arrival or storage.Arrival()
            self.arrival.write(data)
        except (Refused, OSError) as error:
            self._refuse(error)

    def finish(self) -> None:
        """The sender sent all of it: complete it in the storage, read it back, give it its place, and look
        inside if it is a container."""
        if self.refusal:
            return
        try:
            self._recogniser.finish()
            self._check_size()
            if self.arrival:  # always, as the kind of an empty file is a refusal
                self.arrival.place()
                self.kind, self.marks = self._found(self.arrival)
        except (Refused, Damaged, OSError) as error:
            self._refuse(error)

    def _check_size(self) -> None:
        family = self._recogniser.family  # known after the first kilobytes, or at the end of a smaller file
        if family and self.size > (limit := self._limits.get(family, self._limit)):
            raise refusals.too_large(limit)

    def _found(self, arrival: storage.Arrival) -> tuple[Kind | None, frozenset[Mark]]:
        recogniser = self._recogniser
        if not recogniser.is_container:
            return recogniser.kind, frozenset(recogniser.marks)
        reader = storage.read(arrival.stored_name, wrapped_key=arrival.wrapped_key(), sha256=arrival.sha256)
        with contextlib.closing(reader), io.BufferedReader(FrameFile(reader)) as file:
            kind, marks = containers.look_into(file, arrival.size_bytes, self._accepted)
        return kind, frozenset(marks)

    def close(self) -> None:
        """Django calls this at the end of the request."""
        if self.arrival:
            self.arrival.discard()
            self.arrival = None

    def _refuse(self, error: Exception) -> None:
        if isinstance(error, Refused):
            self.refusal = error
        else:
            logger.error("Evidence could not be stored: %s", error)
            self.refusal = refusals.not_stored()
        self.close()


class EvidenceUploadHandler(FileUploadHandler):
    """Streams each file of a multipart request into an Incoming. Set up by `receiving`."""

    chunk_size = CHUNK_BYTES

    def __init__(
        self,
        request: HttpRequest,
        *,
        limit: int,
        limits: Mapping[str, int],
        accepted: Collection[str],
        files: int,
    ) -> None:
        super().__init__(request)
        self._limit, self._limits, self._accepted, self._files = limit, limits, accepted, files
        self._count = 0
        self._current: Incoming | None = None

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        super().new_file(field_name, file_name, *args, **kwargs)
        self._current = Incoming(file_name, limit=self._limit, limits=self._limits, accepted=self._accepted)
        self._count += 1
        if self._count > self._files:
            self._current.refusal = refusals.too_many()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if self._current:
            self._current.write(raw_data)

    def file_complete(self, file_size: int) -> Any:
        complete, self._current = self._current, None
        if complete:
            complete.finish()
        return complete

    def upload_interrupted(self) -> None:
        """The sender went away, or the request is broken: what came of this file is no file."""
        if self._current:
            self._current.close()
            self._current = None


@contextlib.contextmanager
def receiving(
    request: HttpRequest,
    *,
    limit: int = LIMIT_BYTES,
    limits: Mapping[str, int] = NO_LIMITS,
    accepted: Collection[str] = tuple(KINDS),
    files: int = 1,
) -> Iterator[None]:
    """Within it the request's files go to the storage, as Incoming objects in request.FILES.

    `limit` is the largest size of one file in bytes, `limits` another one for a family of kinds, `accepted`
    the media types, `files` how many at a time.
    Files that nobody receives are removed when Django closes the request, after the answer is out, so that
    the time of the answer tells nothing either.
    """
    handler = EvidenceUploadHandler(request, limit=limit, limits=limits, accepted=accepted, files=files)
    request.upload_handlers = [handler]
    try:
        yield
    finally:
        handler.upload_interrupted()


def receive_stream(
    stream: IO[bytes],
    *,
    name: str,
    by: Actor,
    limit: int = LIMIT_BYTES,
    limits: Mapping[str, int] = NO_LIMITS,
    accepted: Collection[str] = tuple(KINDS),
) -> EvidenceFile:
    """The same for programs: read the stream to its end and receive it. Raises Refused."""
    incoming = Incoming(name, limit=limit, limits=limits, accepted=accepted)
    try:
        while not incoming.refusal and (data := stream.read(CHUNK_BYTES)):
            incoming.write(data)
        incoming.finish()
        return receive(incoming, by=by)
    finally:
        incoming.close()


@transaction.atomic
def receive(incoming: Incoming, *, by: Actor, name: str | None = None) -> EvidenceFile:
    """Give the sender a receipt of the file. Raises Refused; then nothing of it is kept.

    The bytes lie complete in the storage before any row refers to them, so a crash leaves at most a stored
    file that nobody refers to (see `sweep_orphans`). Bytes that we hold already are not kept twice, and the
    sender learns nothing of that: both cases take the same steps.
    """
    if incoming.refusal:
        raise incoming.refusal
    blob = _blob(incoming)
    evidence_file = EvidenceFile.objects.create(
        blob=blob,
        name=incoming.name if name is None else label(name),
        received_by_kind=by.kind,
        received_by_id=by.id,
    )
    custody.record(evidence_file, CustodyKind.RECEIVED, by=by)
    scanning.enqueue(evidence_file)
    return evidence_file


def _blob(incoming: Incoming) -> Blob:
    """The blob of these bytes, locked, so that nobody removes it before our receipt is there."""
    arrival, kind = incoming.arrival, incoming.kind
    if arrival is None or kind is None:
        raise ValueError("This file was received already, or never sent to its end.")
    while True:
        mine = Blob(
            sha256=arrival.sha256,
            size_bytes=arrival.size_bytes,
            media_type=kind.media_type,
            marks=sorted(incoming.marks),
            stored_name=arrival.stored_name,
            wrapped_key=arrival.wrapped_key(),
        )
        Blob.objects.bulk_create([mine], ignore_conflicts=True)  # waits for another sender of the same bytes
        blob = Blob.objects.select_for_update(no_key=True).filter(sha256=arrival.sha256).first()
        if blob is None:
            continue  # theirs was there and is removed: now ours can be
        if blob.stored_name == arrival.stored_name:
            incoming.arrival = None  # ours is the one that stays; any other copy goes with the request
        return blob


@transaction.atomic
def remove(evidence_file: EvidenceFile, *, by: Actor) -> None:
    """Take back one receipt; the bytes go with the last one. For drafts, and for what is erased by law.

    That there was such a file, and its digest, stays in its custody events. To remove it again does nothing.
    """
    locked = EvidenceFile.objects.select_for_update().filter(pk=evidence_file.pk).first()
    if locked is None:
        return
    blob = Blob.objects.select_for_update().get(pk=locked.blob_id)
    custody.record(locked, CustodyKind.REMOVED, by=by)
    locked.delete()
    if not blob.evidence_files.exists():
        blob.delete()
        transaction.on_commit(partial(storage.delete, blob.stored_name), robust=True)


def sweep_partials(*, older_than: timedelta = SWEEP_AFTER) -> int:
    """Delete what crashes left half received; how many files. Raises ValueError for less than 24 hours."""
    abandoned = list(storage.abandoned_before(_moment(older_than)))
    for path in abandoned:
        path.unlink(missing_ok=True)
    return len(abandoned)


def sweep_orphans(*, set_aside: bool = False, older_than: timedelta = SWEEP_AFTER) -> int:
    """How many stored files no row names. With `set_aside` they are moved out of the store.

    They are never destroyed here: crashes leave some, but where an older database was restored they are the
    evidence received since. Raises ValueError for less than 24 hours, and ForeignStorage.
    """
    orphans: list[str] = []
    any_known = False
    for names in storage.stored_before(_moment(older_than)):
        known = set(Blob.objects.filter(stored_name__in=names).values_list("stored_name", flat=True))
        any_known = any_known or bool(known)
        orphans += [name for name in names if name not in known]
    if set_aside and orphans and not any_known:
        raise ForeignStorage("No stored file belongs to this database. Is it the right one? None was moved.")
    if set_aside:
        for name in orphans:
            storage.set_aside(name, on=datetime.now(UTC).date())
    return len(orphans)


def _moment(older_than: timedelta) -> float:
    if older_than < SWEEP_AFTER:
        raise ValueError("Only files older than 24 hours are surely left over.")
    return time.time() - older_than.total_seconds()


def label(name: str) -> str:
    """The sender's name for a file, as it can be kept and shown.

    Control characters, halves of surrogate pairs and marks that turn the direction of writing (with which
    "exe.jpg" can be made to look like "gpj.exe") become U+FFFD. Of a long name the middle goes.
    """
    shown = "".join("\ufffd" if _is_unfit(character) else character for character in name).strip()
    if len(shown) > NAME_LENGTH:
        shown = f"{shown[:200]}…{shown[-(NAME_LENGTH - 201) :]}"
    return shown or "unnamed"


def _is_unfit(character: str) -> bool:
    return (
        unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
        or "\u202a" <= character <= "\u202e"
        or "\u2066" <= character <= "\u2069"
    )
