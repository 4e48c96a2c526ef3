"""Verify the whole register from the inside, and name every row that disagrees.

What outsiders can check without us, `python -m ledger.verify` checks. This looks at what only we have: the
tables. In stages, each of which goes through a table by its key in batches: a run that was stopped is taken
up where it was, and takes the same memory however many claims there are.
"""

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.apps import apps
from django.db import models

from claims import histories
from claims.models import Attachment, Claim
from evidence import storage
from evidence.frames import Damaged
from evidence.models import Blob, EvidenceFile
from keys import ring
from ledger import notes, verifying
from ledger.covering import Untold
from ledger.models import Entry, Leaf
from ledger.verifying import Finding, Progress, Stage, snapshot

CLAIMS = 200
FILES = 1000
MOST = 1000  # rows of one kind of disagreement that are named


@dataclass(frozen=True)
class Wanted:
    """What is looked at beside the tables: how many files of evidence are read (None: all), promises that
    were handed in, each with a name, and keys that signed once and are not configured any more."""

    files: int | None = 0
    promises: Sequence[tuple[str, str]] = ()
    former: Sequence[notes.VerifierKey] = ()


@dataclass(frozen=True)
class Step:
    """One batch. `done` of about `total` keys of this stage are behind us."""

    stage: str
    done: int
    total: int
    findings: list[Finding]


def verify(wanted: Wanted, progress: Progress | None = None) -> Iterator[Step]:
    """Each batch as it is done; `progress` is then what to keep in order to go on from there."""
    progress = progress or Progress()
    stages = _stages(wanted, progress)
    names = [*stages]
    for name in names[names.index(progress.stage) if progress.stage in stages else 0 :]:
        if progress.stage != name:
            progress.stage, progress.after, progress.edge = name, -1, []
        stage, model = stages[name]
        total = _largest(model) if model else 0
        for findings in stage():
            progress.findings += len(findings)
            yield Step(name, max(progress.after, 0), total, findings)
    progress.stage, progress.after, progress.edge = "done", -1, []


def _stages(
    wanted: Wanted, progress: Progress
) -> Mapping[str, tuple[Callable[[], Stage], type[models.Model] | None]]:
    return {
        "leaves and tiles": (partial(verifying.leaves, progress), Leaf),
        "entries": (partial(verifying.entries, progress), Entry),
        "checkpoints": (partial(verifying.signed, progress, wanted.former), None),
        "claims": (partial(_claims, progress), Claim),
        "claims that are gone": (partial(_gone, progress), Entry),
        "other tables": (_tables, None),
        "references": (_references, None),
        "evidence": (partial(_evidence, progress, wanted.files), Blob),
        "promises": (lambda: iter([list(verifying.promises(wanted.promises))]), None),
    }


def _largest(model: type[models.Model]) -> int:
    last = model._default_manager.order_by("-pk").values_list("pk", flat=True).first()
    return last or 0


def _claims(progress: Progress) -> Stage:
    decided = histories.decided_batches()
    while True:
        with snapshot():
            claims = list(Claim.objects.filter(pk__gt=progress.after).order_by("pk")[:CLAIMS])
            if not claims:
                return
            findings = list(histories.Batch(claims, decided).findings())
        progress.after = claims[-1].pk
        yield findings


def _gone(progress: Progress) -> Stage:
    while True:
        with snapshot():
            submitted = Entry.objects.filter(pk__gt=progress.after, kind="claim.submitted").order_by("pk")
            rows = list(submitted.values_list("pk", "claim")[:FILES])
            if not rows:
                return
            findings = list(histories.missing([claim for _pk, claim in rows if claim]))
        progress.after = rows[-1][0]
        yield findings


def _tables() -> Stage:
    with snapshot():
        findings = list(histories.whole_tables())
    yield findings


def _references() -> Stage:
    """Rows whose row in another table is gone: joined with it, they would be seen nowhere else."""
    for model in apps.get_models():
        cover = getattr(model, "covered_by", None)
        if cover is None or isinstance(cover, Untold):
            continue
        for field in model._meta.concrete_fields:
            target: Any = field.related_model
            if not isinstance(field, models.ForeignKey) or not getattr(field, "db_constraint", True):
                continue
            dangling = model._default_manager.filter(**{f"{field.attname}__isnull": False}).exclude(
                models.Exists(target._base_manager.filter(pk=models.OuterRef(field.attname)))
            )
            yield [
                Finding.of(model, key, f"{field.attname}: {target._meta.db_table} has no such row")
                for key in dangling.order_by("pk").values_list("pk", flat=True)[:MOST]
            ]


# --- Files ---


def _evidence(progress: Progress, count: int | None) -> Stage:
    """Every row; and the stored bytes of all files, or of so many taken by chance."""
    while True:
        blobs = list(Blob.objects.filter(pk__gt=progress.after).order_by("pk")[:FILES])
        if not blobs:
            break
        progress.after = blobs[-1].pk
        used = set(
            EvidenceFile.objects.filter(blob__in=[blob.pk for blob in blobs]).values_list("blob", flat=True)
        )
        findings = [Finding.of(Blob, blob.pk, says) for blob in blobs if (says := _wrong_row(blob, used))]
        if count is None:
            findings += _wrong_files(blobs)
        yield findings
    yield list(_loose_files())
    if count:
        yield _wrong_files(_some(count))


def _wrong_row(blob: Blob, used: set[int]) -> str:
    sha256 = blob.sha256
    if blob.stored_name.rpartition("-")[0] != f"{sha256[:2]}/{sha256[2:4]}/{sha256}":
        return "stored_name: of another digest"
    if not storage.can_open(blob.wrapped_key, sha256=sha256):
        return "wrapped_key: no key of this installation opens it"
    return "" if blob.pk in used else "no file is of it"


def _loose_files() -> Iterator[Finding]:
    attached = Attachment.objects.filter(evidence_file=models.OuterRef("pk"))
    # The system's own files are those that made-up claims share.
    loose = EvidenceFile.objects.exclude(models.Exists(attached)).exclude(received_by_kind="system")
    for key in loose.order_by("pk").values_list("pk", flat=True)[:MOST]:
        yield Finding.of(EvidenceFile, key, "belongs to no claim")


def _some(count: int) -> list[Blob]:
    """By chance, each as likely as the gap before it is wide."""
    keys = Blob.objects.aggregate(first=models.Min("pk"), last=models.Max("pk"))
    chance = random.SystemRandom()
    found = {}
    for _ in range(count if keys["last"] else 0):
        at = chance.randint(keys["first"], keys["last"])
        blob = Blob.objects.filter(pk__gte=at).order_by("pk").first()
        if blob:
            found[blob.pk] = blob
    return [*found.values()]


def _wrong_files(blobs: Sequence[Blob]) -> list[Finding]:
    return [Finding.of(Blob, blob.pk, says) for blob in blobs if (says := _wrong_file(blob))]


def _wrong_file(blob: Blob) -> str:
    digest, size = hashlib.sha256(), 0
    try:
        reader = storage.read(blob.stored_name, wrapped_key=blob.wrapped_key, sha256=blob.sha256)
        with closing(reader):
            for plain in reader.frames():
                digest.update(plain)
                size += len(plain)
    except ring.NotDecrypted:
        return "its file cannot be opened: no key of this installation opens it"
    except Damaged as damaged:
        return f"its file is damaged: {damaged}"
    except (OSError, ValueError) as error:
        return f"its file cannot be read: {getattr(error, 'strerror', None) or 'the name is none of ours'}"
    if (digest.hexdigest(), size) != (blob.sha256, blob.size_bytes):
        return "its file is not what was received: the digest is another one"
    return ""
