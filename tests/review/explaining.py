"""What the ledger says about a claim, and whether that explains how the claim stands."""

import json
from datetime import timedelta

from django.utils import timezone

from claims import lifecycle
from claims.models import State
from ledger.models import Entry
from review.models import LEASE
from tests import make


def entries(claim=None, kind=None):
    """What the ledger says, oldest first: (kind, facts) of this claim's entries, or all of a kind."""
    rows = Entry.objects.order_by("id")
    if claim:
        rows = rows.filter(claim=claim.public_id)
    if kind:
        rows = rows.filter(kind=kind)
    return [json.loads(row.body) for row in rows]


def explains(claim):
    """Whether the open entries about the claim tell, step by step, how it came to stand as it does: each
    begins where the one before ended, by a move of MOVES, and none gives the recommendation away."""
    claim = make.fresh(claim)
    awaiting = {State.ELIGIBLE, State.INELIGIBLE}
    shown = {str(s): {s} for s in State if s not in awaiting} | {"awaiting_decision": awaiting}
    before = {"category": claim.category.code, "region": None, "state": "draft"}
    for entry in entries(claim):
        if not entry["open"]:
            assert entry["before"] is entry["after"] is None
            continue
        if entry["before"] is None:  # choices of consent, for one, move nothing
            continue
        assert entry["before"]["state"] == before["state"]
        after = entry["after"]
        moved = any(b in lifecycle.MOVES[a] for a in shown[before["state"]] for b in shown[after["state"]])
        assert moved or (after["state"] == before["state"] and entry["kind"] == "claim.amended")
        before = after
    assert before == {
        "category": claim.category.code,
        "region": claim.region or None,
        "state": claim.standing.state,
    }
    return True


def kinds(claim=None):
    """The kinds of the claim's entries, oldest first; of all entries without a claim."""
    return [entry["kind"] for entry in entries(claim)]


def lapse(claim):
    """Let the time of whoever has the claim be over."""
    over = timezone.now() - timedelta(minutes=1)
    claim.assignments.filter(ended_at=None).update(taken_at=over - LEASE, expires_at=over)
