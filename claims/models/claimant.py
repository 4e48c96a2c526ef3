import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from claims.mandates import BY_QUESTION, ClaimantKind
from ledger.covering import Checked, Cover


class Claimant(models.Model):
    """Who claims: a person, a legal entity or a State body, as named in the last version submitted.

    Several claims of one claimant share the row. Dates of birth are partial: `1980`, `1980-03` or
    `1980-03-07`.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=16, choices=[(k.value, k.value) for k in ClaimantKind])
    filed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="claimants")
    family_name = models.CharField(max_length=300, blank=True)
    given_name = models.CharField(max_length=300, blank=True)
    patronymic = models.CharField(max_length=300, blank=True)
    born = models.CharField(max_length=10, blank=True)
    legal_name = models.CharField(max_length=300, blank=True)
    registration_number = models.CharField(max_length=300, blank=True)
    country = models.CharField(max_length=3, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    erased_at = models.DateTimeField(null=True)  # by law: then there is no name

    covered_by: ClassVar[Cover] = Checked(beside=("public_id", "country", "created_at"))
    personal_data: ClassVar[tuple[str, ...]] = (
        "family_name",
        "given_name",
        "patronymic",
        "born",
        "legal_name",
        "registration_number",
        "country",
    )
    section_of: ClassVar[dict[str, str | None]] = dict.fromkeys(personal_data, BY_QUESTION)
    impersonal_data: ClassVar[tuple[str, ...]] = ("kind",)

    class Meta:
        verbose_name = _("claimant")
        verbose_name_plural = _("claimants")
        constraints = [
            models.CheckConstraint(
                name="claimant_individual_has_a_personal_name",
                condition=~Q(kind=ClaimantKind.INDIVIDUAL.value)
                | (
                    Q(legal_name="", registration_number="")
                    & (~Q(family_name="") | ~Q(given_name="") | Q(erased_at__isnull=False))
                ),
            ),
            models.CheckConstraint(
                name="claimant_organisation_has_a_legal_name",
                condition=Q(kind=ClaimantKind.INDIVIDUAL.value)
                | (
                    (~Q(legal_name="") | Q(erased_at__isnull=False))
                    & Q(family_name="", given_name="", patronymic="", born="")
                ),
            ),
            models.CheckConstraint(
                name="claimant_kind_known", condition=Q(kind__in=[k.value for k in ClaimantKind])
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)

    @property
    def name(self) -> str:
        return self.legal_name or " ".join(filter(None, (self.given_name, self.patronymic, self.family_name)))
