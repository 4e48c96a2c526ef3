"""The kinds of ledger entries that claims writes. Open ones are for claimants and partners too
(rules.md 16)."""

from ledger.log import Digest, Kind

SUBMITTED = Kind(
    "claim.submitted",
    is_open=True,
    facts={
        "number": str,
        "version_number": int,
        "category_version": int,
        "claimant_kind": str,
        "assurance": str,
        "signature": str,
        "declaration": str,
        "privacy_notice": str,
        "consents": dict[str, bool] | None,
        "evidence": int,
        "refiles": str | None,
    },
)
AMENDED = Kind(
    "claim.amended",
    is_open=True,
    facts={
        "version_number": int,
        "category_version": int,
        "assurance": str,
        "signature": str,
        "declaration": str,
        "privacy_notice": str,
        "consents": dict[str, bool] | None,
        "evidence": int,
    },
)
WITHDRAWN = Kind("claim.withdrawn", is_open=True)
CONSENTS_CHANGED = Kind(
    "claim.consents_changed", is_open=True, facts={"privacy_notice": str, "consents": dict[str, bool]}
)
REVIEW_STARTED = Kind("claim.review_started", is_open=True)
FIXING_REQUESTED = Kind("claim.fixing_requested", is_open=True, facts={"files": list[str]})
INFORMATION_REQUESTED = Kind(
    "claim.information_requested", is_open=True, facts={"request": str, "due_on": str, "text": Digest}
)
INFORMATION_ANSWERED = Kind(
    "claim.information_answered",
    is_open=True,
    facts={"request": str, "version_number": int, "evidence": int},
)
REQUEST_CLOSED = Kind("claim.request_closed", is_open=True, facts={"request": str})
REVIEW_FINISHED = Kind("claim.review_finished", is_open=True)  # not what it recommends (rules.md 16)
RETURNED = Kind("claim.returned", is_open=True)
DECIDED = Kind(
    "claim.decided",
    is_open=True,
    facts={
        "decision": str,
        "outcome": str,
        "rule": str,
        "decided_on": str,
        "reason": Digest,
        "version_number": int,
    },
)
ERASURE_PROPOSED = Kind(
    "claim.erasure_proposed",
    is_open=False,
    facts={
        "erasure": str,
        "versions": list[Digest],
        "sections": list[str],
        "ground": str,
        "reason": Digest,
    },
)
ERASURE_DROPPED = Kind("claim.erasure_dropped", is_open=False, facts={"erasure": str})
ERASED = Kind(  # open: whoever pulled the claim must forget what went
    "claim.erased",
    is_open=True,
    facts={
        "erasure": str,
        "proposed_by": str,
        "versions": list[Digest],
        "sections": list[str],
        "ground": str,
        "reason": Digest,
    },
)
REOPENED = Kind("claim.reopened", is_open=True, facts={"ground": str, "decided_on": str, "reason": Digest})
MANDATE_LOADED = Kind("mandate.loaded", is_open=True, facts={"digest": Digest})
CATEGORY_VERSION_LOADED = Kind(
    "category.version_loaded",
    is_open=True,
    facts={"category": str, "category_version": int, "digest": Digest},
)
CATEGORY_STATE_CHANGED = Kind(
    "category.state_changed", is_open=True, facts={"category": str, "state_before": str, "state_after": str}
)
