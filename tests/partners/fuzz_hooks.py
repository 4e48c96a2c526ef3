"""Loaded by schemathesis itself (SCHEMATHESIS_HOOKS): what no OpenAPI description can say."""

import os
from typing import Any

import schemathesis
from hypothesis import strategies as st

NUMBERS = os.environ["CLAIM_NUMBERS"].split()
LEDGER_SIZE = int(os.environ["LEDGER_SIZE"])
RANGES = {  # the one that cannot be larger, the one that cannot be smaller
    "/api/v1/ledger/proof/inclusion": ("index", "size"),
    "/api/v1/ledger/proof/consistency": ("first", "second"),
    "/api/v1/ledger/entries": ("start", "end"),
}
STREAM = {"end": ["1"], "after_number": NUMBERS}

schemathesis.openapi.format("claim-number", st.sampled_from(NUMBERS))
schemathesis.openapi.format("cursor", st.sampled_from(os.environ["CURSORS"].split()))


@schemathesis.hook
def map_case(context: Any, case: Any) -> Any:
    """Parameters of the stream go with NDJSON and with no others."""
    if case.operation.path == "/api/v1/claims":
        query = case.query or {}
        valid = {name for name, values in STREAM.items() if query.get(name) in values}
        if valid == set(query) and valid:
            case.headers = {**(case.headers or {}), "Accept": "application/x-ndjson"}
        else:
            case.query = {name: value for name, value in query.items() if name not in valid}
    if case.operation.path in RANGES:
        case.query = within_the_log(case.query or {}, *RANGES[case.operation.path])
    return case


def within_the_log(query: dict[str, Any], low: str, high: str) -> dict[str, Any]:
    """What the types allow is possible only up to the size of the log. All else is left alone."""
    numbers = [str(query.get(name, "")) for name in (low, high)]
    fit = all(number.isascii() and number.isdigit() and int(number) < 2**63 for number in numbers)
    if set(query) != {low, high} or not fit or (low != "start" and numbers[1] == "0"):
        return query
    if low == "first" and numbers[0] == "0":
        return query
    small, large = sorted(1 + int(number) % LEDGER_SIZE for number in numbers)
    return {low: small - (low == "index"), high: large}
