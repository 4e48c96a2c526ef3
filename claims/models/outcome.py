from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from claims.models.claim import Claim, State
from claims.models.version import ClaimVersion
from ledger.covering import Cover, Told
from ledger.models import AppendOnly


class Outcome(AppendOnly):
    """What the Board decided about one version of a claim, as outsiders see it. A correction is a
    further row beside the first. `digest` is SHA-256(salt || reason), in hex; erasing the reason
    takes its salt with it."""

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="outcomes")
    version = models.ForeignKey(ClaimVersion, models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=28, choices=State)
    rule = models.CharField(max_length=80)
    reason = models.TextField(null=True)  # noqa: DJ001 - null is erased
    salt = models.BinaryField(null=True)
    digest = models.CharField(max_length=64)
    decided_on = models.DateField()
    entered_at = models.DateTimeField()

    covered_by: ClassVar[Cover] = Told(
        key=("digest",),
        made={
            "claim.decided": {
                "digest": "facts.reason",
                "claim__public_id": "claim",
                "version__digest": "version",
                "outcome": "facts.outcome",
                "rule": "facts.rule",
                "decided_on": "facts.decided_on",
                "entered_at": "at",
            },
            "claim.reopened": {
                "digest": "facts.reason",
                "claim__public_id": "claim",
                "outcome": "=under_review",
                "rule": "facts.ground",
                "decided_on": "facts.decided_on",
                "entered_at": "at",
            },
        },
        digests={"digest": ("salt", "reason")},
    )
    personal_data: ClassVar[tuple[str, ...]] = ("reason", "salt")
    section_of: ClassVar[dict[str, str | None]] = {"reason": None, "salt": None}
    impersonal_data: ClassVar[tuple[str, ...]] = ("outcome", "rule", "digest")

    class Meta:
        verbose_name = _("outcome")
        verbose_name_plural = _("outcomes")
        constraints = [
            models.CheckConstraint(
                name="outcome_is_one_of_the_boards",
                condition=Q(
                    outcome__in=[
                        State.RECORDED,
                        State.REJECTED_WITHOUT_PREJUDICE,
                        State.REJECTED_WITH_PREJUDICE,
                        State.UNDER_REVIEW,
                    ]
                ),
            ),
            models.CheckConstraint(
                name="outcome_reason_erased_with_salt",
                condition=Q(reason=None, salt=None) | Q(reason__isnull=False, salt__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} of claim {self.claim_id}"
