from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from claims.models.claim import Claim
from ledger.covering import Cover, Untold


class NoticeState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    SENT = "sent", _("Sent")
    GIVEN_UP = "given_up", _("Given up")


class Notice(models.Model):
    """A message owed to a person about one ledger entry. Written once by the follower of the ledger,
    sent by the worker; the text is made when it is sent and not kept."""

    claim = models.ForeignKey(Claim, models.CASCADE, related_name="notices")
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    entry_index = models.BigIntegerField()
    kind = models.CharField(max_length=40)
    state = models.CharField(max_length=12, choices=NoticeState, default=NoticeState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)

    covered_by: ClassVar[Cover] = Untold("a letter tells of an act, and is none")
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("kind", "state")

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        constraints = [
            models.UniqueConstraint(
                fields=["recipient", "entry_index"], name="notice_once_for_an_entry_and_person"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="notice_waiting", condition=Q(state=NoticeState.WAITING))
        ]

    def __str__(self) -> str:
        return f"{self.kind} about claim {self.claim_id}"
