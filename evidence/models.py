"""Files as received. Nothing here knows what a claim is: who may read a file is the caller's business."""

import uuid
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from evidence.kinds import Mark
from ledger.covering import Checked, Cover, Untold
from ledger.models import AppendOnly

NAME_LENGTH = 255


class Blob(models.Model):
    """Bytes that somebody sent: stored once, encrypted, never changed, gone with their last receipt.

    The database refuses to change what is recorded here, except `wrapped_key`, which the owner renews.
    """

    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    media_type = models.CharField(max_length=127)  # found in the content, never taken from the sender
    marks = ArrayField(models.CharField(max_length=16), default=list, db_default=[])  # seen when it came in
    stored_name = models.CharField(max_length=128)
    wrapped_key = models.BinaryField()
    stored_at = models.DateTimeField(default=timezone.now)

    covered_by: ClassVar[Cover] = Checked(beside=("stored_at", "marks"))
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = (
        "sha256",
        "media_type",
        "marks",
        "stored_name",
        "wrapped_key",
    )
    # To lock a row takes a right to update some column; `stored_at` is one that never changes (trigger).
    app_rights: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "DELETE", "UPDATE (stored_at)")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="evidence_blob_sha256_unique", fields=["sha256"]),
            models.UniqueConstraint(name="evidence_blob_stored_name_unique", fields=["stored_name"]),
            models.CheckConstraint(
                name="evidence_blob_sha256_is_hex", condition=Q(sha256__regex=r"^[0-9a-f]{64}$")
            ),
            models.CheckConstraint(name="evidence_blob_not_empty", condition=Q(size_bytes__gt=0)),
            models.CheckConstraint(
                name="evidence_blob_marks_known", condition=Q(marks__contained_by=Mark.values)
            ),
        ]

    def __str__(self) -> str:
        return self.sha256

    @property
    def advice(self) -> list[str]:
        """What its sender can do about its marks."""
        return [advice for mark in Mark if mark in self.marks and (advice := mark.advice)]


class ScanState(models.TextChoices):
    NOT_SCANNED = "not_scanned", _("Not scanned")
    CLEAN = "clean", _("No malware found")
    INFECTED = "infected", _("Malware found")
    FAILED = "failed", _("Could not be scanned")


class EvidenceFile(models.Model):
    """One person's receipt of a blob. Two people who send the same bytes hold two receipts.

    `name` is what the sender called the file: a label to be shown, never a path or a statement of its kind.
    """

    public_id = models.UUIDField(default=uuid.uuid4, editable=False)
    blob = models.ForeignKey(Blob, models.PROTECT, related_name="evidence_files")
    name = models.CharField(max_length=NAME_LENGTH)
    received_at = models.DateTimeField(default=timezone.now)
    received_by_kind = models.CharField(max_length=16)
    received_by_id = models.CharField(max_length=64, blank=True)
    scan_state = models.CharField(max_length=16, choices=ScanState, default=ScanState.NOT_SCANNED)
    scanned_at = models.DateTimeField(null=True, blank=True)

    covered_by: ClassVar[Cover] = Checked(
        beside=("received_by_kind", "received_by_id", "scan_state", "scanned_at")
    )
    personal_data: ClassVar[tuple[str, ...]] = ("name",)
    section_of: ClassVar[dict[str, str | None]] = {"name": "evidence"}  # of a claim
    impersonal_data: ClassVar[tuple[str, ...]] = ("received_by_kind", "received_by_id", "scan_state")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="evidence_file_public_id_unique", fields=["public_id"]),
            models.CheckConstraint(
                name="evidence_file_scan_state_known", condition=Q(scan_state__in=ScanState.values)
            ),
            models.CheckConstraint(
                name="evidence_file_scanned_iff_scan_time",
                condition=Q(scan_state=ScanState.NOT_SCANNED, scanned_at=None)
                | ~Q(scan_state=ScanState.NOT_SCANNED) & Q(scanned_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class WaitingScan(models.Model):
    """A file that waits for a scanner. The row goes when it was scanned, or tried too often."""

    evidence_file = models.OneToOneField(
        EvidenceFile, models.CASCADE, primary_key=True, related_name="waiting_scan"
    )
    is_again = models.BooleanField(default=False)  # it was in the queue before: new ones come first
    since = models.DateTimeField(default=timezone.now)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)

    covered_by: ClassVar[Cover] = Untold("a queue: what came of it stands in the file and in its custody")
    personal_data: ClassVar[tuple[str, ...]] = ()

    class Meta:
        indexes = [
            models.Index(name="evidence_scan_queue", fields=["is_again", "since", "evidence_file"]),
        ]

    def __str__(self) -> str:
        return f"scan of evidence {self.pk}"


class Infection(models.Model):
    """A file in which malware was found, until whoever has it in a claim is told (scanning.tell)."""

    evidence_file = models.OneToOneField(EvidenceFile, models.CASCADE, primary_key=True, related_name="+")

    covered_by: ClassVar[Cover] = Untold("a queue: that malware was found stands in the file's custody")
    personal_data: ClassVar[tuple[str, ...]] = ()

    def __str__(self) -> str:
        return f"malware in evidence {self.pk}"


class CustodyKind(models.TextChoices):
    RECEIVED = "received", pgettext_lazy("custody", "Received")
    VIEWED = "viewed", pgettext_lazy("custody", "Viewed")
    DOWNLOADED = "downloaded", pgettext_lazy("custody", "Downloaded")
    REMOVED = "removed", pgettext_lazy("custody", "Removed")
    SCANNED = "scanned", pgettext_lazy("custody", "Scanned for malware")
    QUARANTINED = "quarantined", pgettext_lazy("custody", "Quarantined")


class CustodyEvent(AppendOnly):
    """Who did what with a file, when, and the digest it had.

    It outlives the receipt, so it names it by its public id and not by a foreign key: what was removed
    stays provable.
    """

    evidence_public_id = models.UUIDField()
    kind = models.CharField(max_length=16, choices=CustodyKind)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(default=timezone.now)
    sha256 = models.CharField(max_length=64)

    covered_by: ClassVar[Cover] = Untold("a touch of a file is no act on a claim; what was submitted is")
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("kind", "actor_kind", "actor_id", "sha256")

    class Meta:
        indexes = [models.Index(name="evidence_custody_of_a_file", fields=["evidence_public_id", "id"])]
        constraints = [
            models.CheckConstraint(
                name="evidence_custody_kind_known", condition=Q(kind__in=CustodyKind.values)
            ),
            models.CheckConstraint(
                name="evidence_custody_sha256_is_hex", condition=Q(sha256__regex=r"^[0-9a-f]{64}$")
            ),
            models.CheckConstraint(name="evidence_custody_names_its_actor", condition=~Q(actor_kind="")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.evidence_public_id}"
