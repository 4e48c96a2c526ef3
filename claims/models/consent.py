from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from claims.models.claim import Claim
from ledger.covering import Cover, Told
from ledger.models import AppendOnly


class ConsentQuerySet(models.QuerySet["Consent"]):
    def newest(self) -> Self:
        """What counts now: the last choice for each purpose of each claim."""
        return self.order_by("claim", "purpose", "-id").distinct("claim", "purpose")


class Consent(AppendOnly):
    """One choice for one purpose, under one version of the privacy notice. The newest row counts;
    each is also a ledger entry (rules.md 11)."""

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="consents", db_index=False)
    purpose = models.CharField(max_length=40)
    given = models.BooleanField()
    notice_version = models.CharField(max_length=40)
    chosen_at = models.DateTimeField()
    chosen_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    objects = ConsentQuerySet.as_manager()

    covered_by: ClassVar[Cover] = Told(
        key=("claim__public_id", "purpose"),
        each="facts.consents",
        made=dict.fromkeys(
            ("claim.submitted", "claim.amended", "claim.consents_changed"),
            {
                "claim__public_id": "claim",
                "purpose": "each.key",
                "given": "each.value",
                "notice_version": "facts.privacy_notice",
                "chosen_at": "at",
                "chosen_by__public_id": "actor.id",
            },
        ),
    )
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("purpose", "notice_version")

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        indexes = [models.Index(fields=["claim", "purpose", "-id"], name="consent_newest")]

    def __str__(self) -> str:
        return f"{self.purpose} in claim {self.claim_id}"
