from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from claims.mandates import SECTIONS
from claims.models.category import CategoryVersion
from claims.models.claim import Claim
from ledger.covering import Checked, Cover
from ledger.models import AppendOnly


class Assurance(models.TextChoices):
    """How sure we are who filed (rules.md 2). Weak assurance never blocks filing."""

    SELF_DECLARED = "self_declared", _("Self-declared")
    DOCUMENT_SEEN = "document_seen", _("Document seen")
    NATIONAL_E_ID = "national_e_id", _("National e-ID")
    ATTESTED_BY_PARTNER = "attested_by_partner", _("Attested by a partner")


class Signature(models.TextChoices):
    """How a version was signed (rules.md 2)."""

    TYPED_DECLARATION = "typed_declaration", _("Typed declaration")
    QUALIFIED_E_SIGNATURE = "qualified_e_signature", _("Qualified e-signature")
    SIGNED_IN = "signed_in", _("Sent by the claimant, signed in")
    SIGNED_PAPER = "signed_paper", _("Signed paper")


class ClaimVersion(AppendOnly):
    """What was submitted, frozen, cut into sections (docs/ledger.md gives every byte).

    A section is the exact text that was hashed, with its own random salt; both can be erased
    together by law, and everything else stays verifiable. `manifest` is the RFC 8785 text whose
    SHA-256 is `digest`, which the ledger entry carries.
    """

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    category_version = models.ForeignKey(CategoryVersion, models.PROTECT, related_name="+", db_index=False)
    made_at = models.DateTimeField()
    assurance = models.CharField(max_length=24, choices=Assurance)
    signature = models.CharField(max_length=24, choices=Signature)
    manifest = models.TextField()
    digest = models.CharField(max_length=64)

    core = models.TextField(null=True)  # noqa: DJ001 - null is erased, as for every section
    core_salt = models.BinaryField(null=True)
    claimant = models.TextField(null=True)  # noqa: DJ001
    claimant_salt = models.BinaryField(null=True)
    contact = models.TextField(null=True)  # noqa: DJ001
    contact_salt = models.BinaryField(null=True)
    identifiers = models.TextField(null=True)  # noqa: DJ001
    identifiers_salt = models.BinaryField(null=True)
    representative = models.TextField(null=True)  # noqa: DJ001
    representative_salt = models.BinaryField(null=True)
    persons = models.TextField(null=True)  # noqa: DJ001
    persons_salt = models.BinaryField(null=True)
    place = models.TextField(null=True)  # noqa: DJ001
    place_salt = models.BinaryField(null=True)
    loss = models.TextField(null=True)  # noqa: DJ001
    loss_salt = models.BinaryField(null=True)
    account = models.TextField(null=True)  # noqa: DJ001
    account_salt = models.BinaryField(null=True)
    sensitive = models.TextField(null=True)  # noqa: DJ001
    sensitive_salt = models.BinaryField(null=True)
    answers = models.TextField(null=True)  # noqa: DJ001
    answers_salt = models.BinaryField(null=True)
    evidence = models.TextField(null=True)  # noqa: DJ001
    evidence_salt = models.BinaryField(null=True)

    covered_by: ClassVar[Cover] = Checked()
    personal_data: ClassVar[tuple[str, ...]] = tuple(f for s in SECTIONS for f in (s, f"{s}_salt"))
    section_of: ClassVar[dict[str, str | None]] = {f: f.removesuffix("_salt") for f in personal_data}
    impersonal_data: ClassVar[tuple[str, ...]] = ("assurance", "signature", "manifest", "digest")

    class Meta:
        verbose_name = _("claim version")
        verbose_name_plural = _("claim versions")
        constraints = [
            models.UniqueConstraint(fields=["claim", "number"], name="claim_version_number_once"),
            *(
                models.CheckConstraint(
                    name=f"claim_version_{section}_erased_with_salt",
                    condition=Q(**{section: None, f"{section}_salt": None})
                    | Q(**{f"{section}__isnull": False, f"{section}_salt__isnull": False}),
                )
                for section in SECTIONS
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of claim {self.claim_id}"
