import uuid
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from ledger.covering import Cover, Untold
from ledger.models import AppendOnly


class Access(AppendOnly):
    """Who looked at a claim or one of its files, in which role, and why.

    The table is partitioned by month (see the first migration), so it has no foreign keys of its
    own: rows are kept by public id, and a month leaves as a whole when its time is over.
    """

    pk = models.CompositePrimaryKey("at", "id")
    id = models.UUIDField(default=uuid.uuid4)
    at = models.DateTimeField()
    claim = models.UUIDField(null=True)  # null: many at once, as a partner's pull
    file = models.UUIDField(null=True)
    actor_kind = models.CharField(max_length=12)
    actor_id = models.CharField(max_length=64)
    office = models.CharField(max_length=40)
    purpose = models.CharField(max_length=40)

    covered_by: ClassVar[Cover] = Untold("who looked is no act on a claim, and goes when its month is over")
    personal_data: ClassVar[tuple[str, ...]] = ()
    app_functions: ClassVar[tuple[str, ...]] = ("claims_access_month(date)",)
    impersonal_data: ClassVar[tuple[str, ...]] = ("actor_kind", "actor_id", "office", "purpose")

    class Meta:
        verbose_name = _("access")
        verbose_name_plural = _("accesses")
        indexes = [models.Index(fields=["claim", "-at"], name="access_of_claim")]

    def __str__(self) -> str:
        return f"{self.purpose} of {self.claim}"
