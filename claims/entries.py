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
    },
)
MANDATE_LOADED = Kind("mandate.loaded", is_open=True, facts={"digest": Digest})
CATEGORY_VERSION_LOADED = Kind(
    "category.version_loaded",
    is_open=True,
    facts={"category": str, "category_version": int, "digest": Digest},
)
CATEGORY_STATE_CHANGED = Kind(
    "category.state_changed", is_open=True, facts={"category": str, "state_before": str, "state_after": str}
)
