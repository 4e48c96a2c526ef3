from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from claims.models.claim import Claim
from claims.models.request import InformationRequest
from evidence.models import EvidenceFile


class Attachment(models.Model):
    """A piece of evidence in a claim: the file as received, and what the claimant says that it is.
    `request` names the request that it answers. Once in a frozen version it stays (a trigger)."""

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="attachments")
    evidence_file = models.ForeignKey(EvidenceFile, models.PROTECT, related_name="+")
    type = models.CharField(max_length=60, blank=True)
    description = models.CharField(max_length=2000, blank=True)
    request = models.ForeignKey(InformationRequest, models.PROTECT, null=True, related_name="files")
    added_at = models.DateTimeField(auto_now_add=True)

    personal_data: ClassVar[tuple[str, ...]] = ("description",)
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
