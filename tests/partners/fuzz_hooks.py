"""Loaded by schemathesis itself (SCHEMATHESIS_HOOKS): what no OpenAPI description can say."""

import os
from typing import Any

import schemathesis
from hypothesis import strategies as st

NUMBERS = os.environ["CLAIM_NUMBERS"].split()
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
    return case
