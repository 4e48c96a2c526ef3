import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from claims.models.claim import Claim
from claims.models.version import ClaimVersion
from ledger.covering import Change, Cover, Told


class InformationRequest(models.Model):
    """What a reviewer asked the claimant for. `reply` is what the claimant has typed so far; once sent, it
    stands in the claim version `answered_in`, and the files sent with it are pieces of its evidence.

    `digest` is SHA-256(salt || text), in hex. The database lets the question itself never change.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    claim = models.ForeignKey(Claim, models.PROTECT, related_name="requests")
    text = models.TextField(null=True)  # noqa: DJ001 - null is erased
    salt = models.BinaryField(null=True)
    digest = models.CharField(max_length=64)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    due_on = models.DateField()  # ends at 23:59 in the mandate's time zone (rules.md 22)
    reply = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True)
    answered_in = models.ForeignKey(ClaimVersion, models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)

    covered_by: ClassVar[Cover] = Told(
        key=("public_id",),
        made={
            "claim.information_requested": {
                "public_id": "facts.request",
                "claim__public_id": "claim",
                "digest": "facts.text",
                "asked_by__public_id": "actor.id",
                "asked_at": "at",
                "due_on": "facts.due_on",
                "answered_at": "=",
                "answered_in__digest": "=",
                "closed_at": "=",
            }
        },
        changed=(
            Change(
                "claim.information_answered",
                match={"public_id": "facts.request"},
                sets={"answered_at": "at", "answered_in__digest": "version"},
            ),
            Change("claim.request_closed", match={"public_id": "facts.request"}, sets={"closed_at": "at"}),
            Change(
                "claim.withdrawn",
                match={"claim__public_id": "claim", "answered_at": "=", "closed_at": "="},
                sets={"closed_at": "at"},
                every=True,
            ),
        ),
        digests={"digest": ("salt", "text")},
        beside=("reply",),
    )
    personal_data: ClassVar[tuple[str, ...]] = ("text", "salt", "reply")
    section_of: ClassVar[dict[str, str | None]] = {"text": None, "salt": None, "reply": "account"}
    impersonal_data: ClassVar[tuple[str, ...]] = ("digest",)

    class Meta:
        verbose_name = _("information request")
        verbose_name_plural = _("information requests")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["claim"],
                name="information_request_one_open_per_claim",
                condition=Q(answered_at=None, closed_at=None),
            ),
            models.CheckConstraint(
                name="information_request_erased_with_salt",
                condition=Q(text=None, salt=None) | Q(text__isnull=False, salt__isnull=False),
            ),
            models.CheckConstraint(
                name="information_request_answered_in_a_version",
                condition=Q(answered_at=None, answered_in=None)
                | Q(answered_at__isnull=False, answered_in__isnull=False, closed_at=None, reply=""),
            ),
        ]

    def __str__(self) -> str:
        return f"request {self.public_id}"

    @property
    def is_open(self) -> bool:
        return self.answered_at is None and self.closed_at is None
