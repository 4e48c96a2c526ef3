from typing import ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from claims.models.claim import Claim
from claims.models.request import InformationRequest
from claims.models.version import ClaimVersion
from evidence.models import EvidenceFile
from ledger.covering import Checked, Cover


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    def filed(self) -> Self:
        """Those that stand in a frozen version."""
        return self.filter(_is_frozen())

    def unsent(self) -> Self:
        """Those of drafts, and of changes and answers that were not sent."""
        return self.filter(~_is_frozen())


def _is_frozen() -> Exists:
    """As the trigger on the table judges it."""
    name = Cast(OuterRef("evidence_file__public_id"), models.TextField())
    versions = ClaimVersion.objects.filter(claim=OuterRef("claim"))
    return Exists(versions.filter(evidence__contains=name))


class Attachment(models.Model):
    """A piece of evidence in a claim: the file as received, and what the claimant says that it is.
    `request` names the request that it answers. Once in a frozen version it stays (a trigger),
    until the lists of all versions that name it are erased by law."""

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="attachments", db_index=False)
    evidence_file = models.ForeignKey(EvidenceFile, models.PROTECT, related_name="+")
    type = models.CharField(max_length=60, blank=True)
    description = models.CharField(max_length=2000, blank=True)
    request = models.ForeignKey(
        InformationRequest, models.PROTECT, null=True, related_name="files", db_index=False
    )
    added_at = models.DateTimeField(auto_now_add=True)

    objects = AttachmentQuerySet.as_manager()

    covered_by: ClassVar[Cover] = Checked(beside=("request", "added_at"))
    personal_data: ClassVar[tuple[str, ...]] = ("description",)
    section_of: ClassVar[dict[str, str | None]] = {"description": "evidence"}
    impersonal_data: ClassVar[tuple[str, ...]] = ("type",)

    class Meta:
        verbose_name = _("piece of evidence")
        verbose_name_plural = _("pieces of evidence")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["claim", "evidence_file"], name="attachment_once_in_a_claim"),
        ]

    def __str__(self) -> str:
        return f"evidence {self.pk} in claim {self.claim_id}"
