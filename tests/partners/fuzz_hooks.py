"""Loaded by schemathesis itself (SCHEMATHESIS_HOOKS): what no OpenAPI description can say."""

import os
from typing import Any

import schemathesis

STREAM = {"end": ["1"], "after_number": os.environ["CLAIM_NUMBERS"].split()}


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
