"""Telling people that there is news: a follower of the ledger writes what is owed, the worker sends it.

Mail says nothing personal: the number, and where to read on. Who asked for discreet contact gets none.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import F
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from accounts.models import User
from claims import entries
from claims.models import Claim, Notice
from claims.models.notice import NoticeState
from ledger import following
from ledger.models import Entry

FOLLOWER = "notices"
TOLD = tuple(
    kind.name
    for kind in (
        entries.SUBMITTED,
        entries.REVIEW_STARTED,
        entries.FIXING_REQUESTED,
        entries.INFORMATION_REQUESTED,
        entries.INFORMATION_ANSWERED,
        entries.REQUEST_CLOSED,
        entries.AMENDED,
        entries.WITHDRAWN,
        entries.REVIEW_FINISHED,
        entries.RETURNED,
        entries.DECIDED,
        entries.REOPENED,
        entries.ERASED,
    )
)
"""The kinds of entries that the claimant is told of; each has its letter in templates/claims/mail/."""

NOBODY = "@seeded.example.org"
"""Where the people of claims.seeding have their addresses: nobody is there to read a letter."""

WAITS = [timedelta(minutes=m) for m in (1, 5, 30, 120, 360, 720, 1440)]
"""How long to wait after each failed try; after the last one the notice is given up and logged."""

log = logging.getLogger(__name__)


def follow() -> int:
    """Write a notice for each new ledger entry that somebody is told of. Answers entries read."""
    return following.follow(FOLLOWER, _owe)


def _owe(sealed: list[tuple[int, Entry]]) -> None:
    told = [(index, entry) for index, entry in sealed if entry.kind in TOLD]
    public_ids = [entry.claim for _index, entry in told]
    writable = list(Claim.objects.filter(public_id__in=public_ids, discreet=False))
    # Asked by their keys: to join a few claims with all people, the planner would read all people.
    people = User.objects.filter(pk__in={claim.filed_by_id for claim in writable})
    made_up = set(people.filter(email__endswith=NOBODY).values_list("pk", flat=True))
    claims = {claim.public_id: claim for claim in writable if claim.filed_by_id not in made_up}
    Notice.objects.bulk_create(
        Notice(
            claim=claims[entry.claim],
            recipient_id=claims[entry.claim].filed_by_id,
            entry_index=index,
            kind=entry.kind,
        )
        for index, entry in told
        if entry.claim in claims
    )


def send_due(limit: int = 50) -> int:
    """Send what is due, one after the other. A notice is marked before it is sent, so a crash delays it and
    does not repeat it at once. Answers how many were sent."""
    sent = 0
    for _turn in range(limit):
        notice = _take()
        if notice is None:
            break
        try:
            _send(notice)
        except OSError as error:  # the mail server is away: SMTPException is one too
            log.warning("notice %s not sent: %s", notice.pk, type(error).__name__)
            continue
        Notice.objects.filter(pk=notice.pk).update(state=NoticeState.SENT, sent_at=timezone.now())
        sent += 1
    return sent


@transaction.atomic
def _take() -> Notice | None:
    """The notice that is due longest, due again later; None when there is none, or it is given up."""
    notice = (
        Notice.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(state=NoticeState.WAITING, due_at__lte=timezone.now())
        .select_related("claim", "recipient")
        .order_by("due_at")
        .first()
    )
    if notice is None:
        return None
    if notice.claim.discreet:  # asked for since
        Notice.objects.filter(pk=notice.pk).update(state=NoticeState.GIVEN_UP)
        return None
    if notice.attempts >= len(WAITS):
        log.error("notice %s given up after %s tries", notice.pk, notice.attempts)
        Notice.objects.filter(pk=notice.pk).update(state=NoticeState.GIVEN_UP)
        return None
    Notice.objects.filter(pk=notice.pk).update(
        attempts=F("attempts") + 1, due_at=timezone.now() + WAITS[notice.attempts]
    )
    return notice


def _send(notice: Notice) -> None:
    with translation.override(notice.recipient.language):
        context = {
            "number": notice.claim.number,
            "state": notice.claim.state_label,
            "link": settings.SITE_URL + reverse("claims:claim", args=[notice.claim.public_id]),
        }
        template = f"claims/mail/{notice.kind.replace('.', '_')}.txt"
        subject, _newline, message = render_to_string(template, context).partition("\n")
        send_mail(
            subject=subject.strip(),
            message=message.lstrip(),
            from_email=None,
            recipient_list=[notice.recipient.email],
        )
