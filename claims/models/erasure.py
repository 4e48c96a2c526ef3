import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from claims.mandates import SECTIONS
from claims.models.claim import Claim
from claims.models.version import ClaimVersion
from ledger.covering import Change, Cover, Told


class Ground(models.TextChoices):
    """Why the law lets something go that was submitted. A reason in words goes with it."""

    NOT_NEEDED = "not_needed", _("It is no longer needed for what it was given for")
    CONSENT_WITHDRAWN = "consent_withdrawn", _("The person took back the consent on which it rested")
    OBJECTION = "objection", _("The person objected, and nothing outweighs that")
    UNLAWFUL = "unlawful", _("It should never have been kept")
    LEGAL_DUTY = "legal_duty", _("A law or a court orders it")


class ErasureState(models.TextChoices):
    PROPOSED = "proposed", _("To be carried out by another person")
    CARRIED_OUT = "carried_out", _("Carried out")
    DROPPED = "dropped", _("Not carried out")


class Erasure(models.Model):
    """What a data-protection officer proposes to erase from a claim by law; another person carries it out.
    Changed in claims.erasure alone.

    `version` null means all of them, of which `seen_version` was the newest. `digest` is
    SHA-256(salt || reason), in hex.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    claim = models.ForeignKey(Claim, models.PROTECT, related_name="erasures")
    version = models.ForeignKey(ClaimVersion, models.PROTECT, null=True, related_name="+")
    seen_version = models.PositiveIntegerField()
    sections = ArrayField(models.CharField(max_length=16))
    ground = models.CharField(max_length=20, choices=Ground)
    reason = models.TextField()
    salt = models.BinaryField()
    digest = models.CharField(max_length=64)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=ErasureState, default=ErasureState.PROPOSED)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)

    # Once carried out or given up nothing changes (trigger).
    app_rights: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (state, closed_by_id, closed_at)")
    app_functions: ClassVar[tuple[str, ...]] = ("claims_erase(bigint)",)
    covered_by: ClassVar[Cover] = Told(
        key=("public_id",),
        made={
            "claim.erasure_proposed": {
                "public_id": "facts.erasure",
                "claim__public_id": "claim",
                "sections": "facts.sections",
                "ground": "facts.ground",
                "digest": "facts.reason",
                "proposed_by__public_id": "actor.id",
                "proposed_at": "at",
                "state": "=proposed",
                "closed_by__public_id": "=",
                "closed_at": "=",
            }
        },
        changed=tuple(
            Change(
                kind,
                match={"public_id": "facts.erasure"},
                sets={"state": f"={state}", "closed_by__public_id": "actor.id", "closed_at": "at"},
            )
            for kind, state in (("claim.erased", "carried_out"), ("claim.erasure_dropped", "dropped"))
        ),
        digests={"digest": ("salt", "reason")},
        beside=("version", "seen_version"),
    )
    personal_data: ClassVar[tuple[str, ...]] = ("reason", "salt")
    impersonal_data: ClassVar[tuple[str, ...]] = ("ground", "state", "digest")
    section_of: ClassVar[dict[str, str | None]] = {"reason": None, "salt": None}

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        indexes = [models.Index(fields=["state", "-id"], name="erasure_by_state")]
        constraints = [
            models.UniqueConstraint(
                fields=["claim"],
                name="erasure_one_proposed_per_claim",
                condition=Q(state=ErasureState.PROPOSED),
            ),
            models.CheckConstraint(
                name="erasure_of_some_sections",
                condition=Q(sections__contained_by=list(SECTIONS)) & ~Q(sections=[]),
            ),
            models.CheckConstraint(name="erasure_ground_known", condition=Q(ground__in=Ground.values)),
            models.CheckConstraint(name="erasure_state_known", condition=Q(state__in=ErasureState.values)),
            models.CheckConstraint(
                name="erasure_closed_by_somebody_at_some_time",
                condition=Q(state=ErasureState.PROPOSED, closed_by=None, closed_at=None)
                | ~Q(state=ErasureState.PROPOSED) & Q(closed_by__isnull=False, closed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="erasure_carried_out_by_another",
                condition=~Q(state=ErasureState.CARRIED_OUT) | ~Q(closed_by=F("proposed_by")),
            ),
        ]

    def __str__(self) -> str:
        return f"erasure {self.public_id}"

    @property
    def is_proposed(self) -> bool:
        return self.state == ErasureState.PROPOSED
