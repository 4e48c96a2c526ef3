"""What happened to a claim, as dated sentences for the claimant: read from the open ledger entries."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from claims import entries
from claims.models import Claim, State
from ledger.models import Entry


@dataclass(frozen=True)
class Event:
    at: datetime
    sentence: str


def of(claim: Claim) -> list[Event]:
    """Newest first. Reads the claim's own entries at once, sealed or not: they are the reader's own acts."""
    rows = Entry.objects.filter(claim=claim.public_id, is_open=True).order_by("-id")
    words = {entries.SUBMITTED.name: _("You submitted the claim.")}
    return [Event(e.at, words[e.kind]) for e in rows if e.kind in words]


def now(claim: Claim) -> str:
    """One plain sentence: where the claim stands and what comes next."""
    return {
        State.SUBMITTED: _(
            "We have your claim. Nobody has begun to review it yet; you need not do anything."
        ),
        State.NEEDS_FIXING: _("A file in your claim must be replaced."),
        State.UNDER_REVIEW: _("Your claim is being reviewed. If something is missing, we will ask you."),
        State.INFORMATION_REQUESTED: _("We need more information from you."),
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
