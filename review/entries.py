"""The kinds of ledger entries that review writes: internal ones (rules.md 16), but for the Board's
decision on a batch, which is open."""

from ledger.log import Digest, Kind

TAKEN = Kind("review.taken", is_open=False, facts={"taken_over_from": str | None})
RELEASED = Kind("review.released", is_open=False, facts={"reviewer": str})
CHECKLIST_SAVED = Kind(
    "review.checklist_saved", is_open=False, facts={"version_number": int, "answers": Digest}
)
PROPOSED = Kind(
    "review.proposed",
    is_open=False,
    facts={
        "proposal": str,
        "version_number": int,
        "recommendation": str,
        "reason": str,
        "with_prejudice": bool,
        "words": Digest,
    },
)
SENT_BACK = Kind("review.sent_back", is_open=False, facts={"proposal": str, "note": Digest})
CONFIRMED = Kind("review.confirmed", is_open=False, facts={"proposal": str, "recommendation": str})
RETURNED = Kind("review.returned", is_open=False, facts={"proposal": str, "note": Digest})
BATCH_MADE = Kind("batch.made", is_open=False, facts={"batch": str})
MEMBER_ADDED = Kind("batch.member_added", is_open=False, facts={"batch": str, "recommended": str})
MEMBER_TAKEN_OUT = Kind("batch.member_taken_out", is_open=False, facts={"batch": str, "because": str})
BATCH_SUBMITTED = Kind(
    "batch.submitted", is_open=False, facts={"batch": str, "members": int, "digest": Digest}
)
BOARD_DECIDED = Kind(
    "board.decided",
    is_open=True,
    facts={"batch": str, "decided_on": str, "members": int, "digest": Digest},
)
CLEARANCE_GIVEN = Kind("clearance.given", is_open=False, facts={"person": str, "category": str})
CLEARANCE_WITHDRAWN = Kind("clearance.withdrawn", is_open=False, facts={"person": str, "category": str})
