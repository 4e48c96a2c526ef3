"""What happened to a claim, as dated sentences for the claimant: read from the open ledger entries."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from claims import entries
from claims.models import Claim, InformationRequest, State
from ledger.models import Entry


@dataclass(frozen=True)
class Event:
    at: datetime
    sentence: str
    act: int
    """Its place among the open acts on the claim, from 1: by this its receipt is found (claims.receipts)."""
    request: InformationRequest | None = None


@dataclass(frozen=True)
class Story:
    events: list[Event]
    files_to_replace: list[str]
    """The public ids of the files that were last asked to be replaced."""


def of(claim: Claim, requests: Iterable[InformationRequest]) -> Story:
    """Newest first. Reads the claim's own entries at once, sealed or not: this is the claimant's own page."""
    rows = list(Entry.objects.filter(claim=claim.public_id, is_open=True).order_by("-id"))
    asked = {str(request.public_id): request for request in requests}
    events = []
    for act, row in zip(range(len(rows), 0, -1), rows, strict=True):
        facts = json.loads(row.body)["facts"]
        if told := _sentence(row.kind, facts):
            events.append(Event(row.at, told, act, asked.get(facts.get("request", ""))))
    to_replace = (
        json.loads(r.body)["facts"]["files"] for r in rows if r.kind == entries.FIXING_REQUESTED.name
    )
    return Story(events, next(to_replace, []))


def sentence(entry: Entry) -> str:
    """What the entry says of its claim."""
    return _sentence(entry.kind, json.loads(entry.body)["facts"])


def _sentence(kind: str, facts: dict[str, Any]) -> str:
    """ "You ..." is the claimant's own act, "We ..." the Register's."""
    if kind == entries.DECIDED.name:
        return {
            State.RECORDED: _("The Board decided to record your claim in the Register."),
            State.REJECTED_WITHOUT_PREJUDICE: _(
                "The Board decided not to record your claim. You can file again."
            ),
            State.REJECTED_WITH_PREJUDICE: _(
                "The Board decided not to record your claim. It cannot be filed again."
            ),
            State.UNDER_REVIEW: _("The Board sent your claim back to us for further review."),
        }[State(facts["outcome"])]
    return {
        entries.SUBMITTED.name: _("You submitted the claim."),
        entries.AMENDED.name: _("You changed the claim."),
        entries.WITHDRAWN.name: _("You withdrew the claim."),
        entries.CONSENTS_CHANGED.name: _("You changed who may see your claim."),
        entries.REVIEW_STARTED.name: _("We began to review your claim."),
        entries.FIXING_REQUESTED.name: _("We asked you to replace a file."),
        entries.INFORMATION_REQUESTED.name: _("We asked you for more information."),
        entries.INFORMATION_ANSWERED.name: _("You answered our question."),
        entries.REQUEST_CLOSED.name: _("We closed our question. You need not answer it any more."),
        entries.REVIEW_FINISHED.name: _("We finished the review. The Board will decide on your claim."),
        entries.RETURNED.name: _("We took your claim back for further review."),
        entries.ERASED.name: _("We erased a part of your claim under data-protection law."),
        entries.REOPENED.name: _("The Board opened your claim again. We review it once more."),
    }.get(kind, "")


def now(claim: Claim) -> str:
    """One plain sentence: where the claim stands and what comes next."""
    return {
        State.SUBMITTED: _(
            "We have your claim. Nobody has begun to review it yet; you need not do anything."
        ),
        State.NEEDS_FIXING: _("A file in your claim cannot be opened. Add it again, and we go on."),
        State.UNDER_REVIEW: _("Your claim is being reviewed. If something is missing, we will ask you."),
        State.INFORMATION_REQUESTED: _("We need more information from you to go on."),
        State.ELIGIBLE: _("The review is finished. The Board will decide on your claim."),
        State.INELIGIBLE: _("The review is finished. The Board will decide on your claim."),
        State.RECORDED: _(
            "Your claim is recorded in the Register. This is not a decision about payment: "
            "a claims commission will decide on that."
        ),
        State.REJECTED_WITHOUT_PREJUDICE: _("Your claim was not recorded. You can file again."),
        State.REJECTED_WITH_PREJUDICE: _("Your claim was not recorded, and it cannot be filed again."),
        State.WITHDRAWN: _("You withdrew this claim. You can file again at any time."),
    }[State(claim.state)]
