"""Errors as RFC 9457 problem details, for everything under /api/ but the token endpoints.

A problem names its kind by a URI that leads to its explanation on the documentation page. Nothing in one
tells what is inside: no trace, no name of a table, nothing of a claim that the partner may not see.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.urls import reverse
from rest_framework import exceptions

from partners.api.authentication import CHALLENGE

MEDIA_TYPE = "application/problem+json"
PREFIX = "/api/"
LONGEST_NAME = 100


@dataclass(frozen=True)
class Kind:
    """`code` is stable: it is the last part of the problem's `type`."""

    code: str
    status: int
    title: str
    meaning: str


INVALID = Kind(
    "invalid-request",
    400,
    "The request cannot be understood",
    "A parameter is unknown, repeated, missing or has a value that is not possible. `errors` names each.",
)
UNAUTHENTICATED = Kind(
    "not-authenticated",
    401,
    "No valid access token",
    "The token is missing, unknown, expired or revoked, or the partner is suspended. Ask for a new one.",
)
SCOPE = Kind(
    "insufficient-scope",
    403,
    "The token lacks a scope",
    "The token is valid but was not given the scope that WWW-Authenticate names. Ask for it by name.",
)
NOT_FOUND = Kind(
    "not-found",
    404,
    "There is nothing here",
    "The address is wrong, or names something that the agreement does not cover: both look the same.",
)
METHOD = Kind(
    "method-not-allowed", 405, "The method is not allowed", "The header Allow names those that are."
)
NOT_ACCEPTABLE = Kind(
    "not-acceptable", 406, "No such representation", "The header Accept names no form in which we can answer."
)
MEDIA = Kind(
    "unsupported-media-type", 415, "The content type is not supported", "Send the type that is documented."
)
SERVER = Kind(
    "server-error",
    500,
    "Something went wrong on our side",
    "It was logged. Try again later, and name the X-Request-ID of the answer if it stays.",
)
UNREADABLE = Kind(
    "file-unreadable",
    503,
    "The file cannot be opened at the moment",
    "It was logged, and somebody looks after it. Try again later.",
)
QUARANTINED = Kind(
    "file-quarantined",
    403,
    "Malware was found in the file",
    "It is kept as it was received, and given to nobody. Its digest in the claim stands.",
)
CLOSED = Kind(
    "log-closed",
    503,
    "The log is closed",
    "The register has ended and takes nothing new. Everything can still be read.",
)
KINDS = (
    INVALID,
    UNAUTHENTICATED,
    SCOPE,
    NOT_FOUND,
    METHOD,
    NOT_ACCEPTABLE,
    MEDIA,
    SERVER,
    UNREADABLE,
    QUARANTINED,
    CLOSED,
)


class Invalid(exceptions.APIException):
    """The request cannot be understood; `errors` are (parameter, sentence)."""

    status_code = 400

    def __init__(self, *errors: tuple[str, str]) -> None:
        super().__init__()
        self.errors = errors


class InsufficientScope(exceptions.PermissionDenied):
    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope


def response(
    kind: Kind,
    detail: str,
    *,
    errors: Iterable[tuple[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    body: dict[str, Any] = {
        "type": f"{reverse('partners:docs')}#problem-{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
    }
    if errors := list(errors):
        body["errors"] = [{"detail": said, "parameter": name[:LONGEST_NAME]} for name, said in errors]
    return HttpResponse(
        json.dumps(body, ensure_ascii=False),
        status=kind.status,
        content_type=MEDIA_TYPE,
        headers={"Content-Language": "en", "Cache-Control": "no-store", **(headers or {})},
    )


def handle(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """Django REST framework asks this what to answer. None lets Django log the error and answer 500."""
    match error:
        case Invalid():
            return response(INVALID, "Correct what `errors` names.", errors=error.errors)
        case exceptions.ParseError():
            return response(INVALID, "The body cannot be read.")
        case exceptions.NotAuthenticated():
            return response(UNAUTHENTICATED, "Send a bearer token.", headers=_challenge())
        case exceptions.AuthenticationFailed():
            return response(
                UNAUTHENTICATED,
                "The access token is unknown, expired or revoked. Ask for a new one.",
                headers=_challenge('error="invalid_token"'),
            )
        case InsufficientScope():
            return response(
                SCOPE,
                f"This needs a token with the scope {error.scope}.",
                headers=_challenge(f'error="insufficient_scope", scope="{error.scope}"'),
            )
        case Http404() | exceptions.NotFound():
            return not_found()
        case exceptions.MethodNotAllowed():
            return response(METHOD, "This address does not take that method.")
        case exceptions.NotAcceptable():
            return response(NOT_ACCEPTABLE, "Ask for application/json, or for what is documented here.")
        case exceptions.UnsupportedMediaType():
            return response(MEDIA, "Send the body in the type that is documented here.")
        case PermissionDenied() | exceptions.PermissionDenied():
            return response(SCOPE, "This token may not do that.")
    return None


def _challenge(*reasons: str) -> dict[str, str]:
    return {"WWW-Authenticate": ", ".join([CHALLENGE, *reasons])}


def not_found() -> HttpResponse:
    return response(NOT_FOUND, "There is nothing at this address, or nothing that your agreement covers.")


def bad_request() -> HttpResponse:
    return response(INVALID, "The request is malformed.")


def server_error() -> HttpResponse:
    return response(SERVER, "The error was logged.")
