from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ledger.covering import Cover, Untold
from ledger.models import AppendOnly


class ClaimCount(models.Model):
    """How many submitted claims stand so now: exact, and for staff alone. `state` is as outsiders see it
    (rules.md 16), `region` is "" where the claim names none. Kept by claims.statistics, from the ledger."""

    category = models.CharField(max_length=12)
    region = models.CharField(max_length=8, blank=True)
    state = models.CharField(max_length=28)
    claims = models.BigIntegerField()

    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("category", "region", "state")

    class Meta:
        verbose_name = _("number of claims")
        verbose_name_plural = _("numbers of claims")
        constraints = [
            models.UniqueConstraint(fields=["category", "region", "state"], name="claim_count_once"),
            models.CheckConstraint(name="claim_count_not_negative", condition=Q(claims__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.claims} of {self.category} {self.region} {self.state}"


class MonthCount(models.Model):
    """How many claims were submitted for the first time, and how many recorded, in a month of the mandate's
    time zone: exact, and for staff alone. `month` is its first day; category and region are today's."""

    month = models.DateField()
    category = models.CharField(max_length=12)
    region = models.CharField(max_length=8, blank=True)
    submitted = models.BigIntegerField()
    recorded = models.BigIntegerField()

    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("category", "region")

    class Meta:
        verbose_name = _("number of claims in a month")
        verbose_name_plural = _("numbers of claims in a month")
        constraints = [
            models.UniqueConstraint(fields=["month", "category", "region"], name="month_count_once"),
            models.CheckConstraint(
                name="month_count_not_negative", condition=Q(submitted__gte=0, recorded__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.submitted} and {self.recorded} of {self.category} {self.region} in {self.month:%Y-%m}"


class Publication(AppendOnly):
    """What the public was told in a week, for ever. `content` is the JSON that the API serves, byte for byte;
    `kept` holds the exact counts of the sensitive categories from which all publications of a month are made,
    and never leaves. `edition` is above 1 only in demonstrations."""

    week = models.DateField()
    edition = models.PositiveIntegerField(default=1)
    made_at = models.DateTimeField()
    ledger_index = models.BigIntegerField()
    content = models.TextField()
    kept = models.TextField()

    covered_by: ClassVar[Cover] = Untold("figures are counted from the ledger, and can be again")
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("content", "kept")

    class Meta:
        verbose_name = _("publication of figures")
        verbose_name_plural = _("publications of figures")
        constraints = [
            models.UniqueConstraint(fields=["week", "edition"], name="publication_once"),
        ]

    def __str__(self) -> str:
        return f"figures of {self.week}"
