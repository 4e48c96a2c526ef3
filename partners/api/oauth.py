"""The two addresses of OAuth 2: a token for a client's id and secret (RFC 6749), and taken back (RFC 7009).

The request is read strictly here and handed to the library as a plain form, because the library would
answer some malformed ones with a server error and others too kindly.
"""

import base64
import binascii
import hashlib
import json
import time
from collections.abc import Mapping
from urllib.parse import unquote_plus, urlencode

from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from oauth2_provider.oauth2_backends import get_oauthlib_core
from oauthlib.oauth2 import OAuth2Error
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.views import APIView

from partners.api import serializers

FORM = "application/x-www-form-urlencoded"
FAILURES = 10  # wrong secrets for one client from one place
WINDOW_SECONDS = 300


class Malformed(Exception):
    """str() says what, in English, for `error_description`."""


class OAuthView(APIView):
    """Reads the form, counts failures, asks the library."""

    authentication_classes = ()
    permission_classes = ()
    parser_classes = (FormParser,)
    http_method_names = ["post"]
    fields: tuple[str, ...]
    endpoint: str  # of oauthlib's server

    def post(self, request: Request) -> HttpResponse:
        try:
            given = self._read(request._request)
        except Malformed as error:
            return _answer(400, "invalid_request", str(error))
        key = _key(request._request, given.get("client_id", ""))
        if seconds := _seconds_to_wait(key):
            refusal = _answer(
                429, "temporarily_unavailable", "Too many failed attempts. Wait, then try again."
            )
            refusal.headers["Retry-After"] = str(seconds)
            return refusal
        try:
            ask = getattr(get_oauthlib_core().server, self.endpoint)
            headers, body, status = ask("/", "POST", urlencode(given), {"Content-Type": FORM})
        except OAuth2Error as error:
            headers, body, status = error.headers, error.json, error.status_code
        if status == 401:
            _count_failure(key)
            headers["WWW-Authenticate"] = 'Basic realm="registry"'
        return _respond(status, body, headers)

    def _read(self, request: HttpRequest) -> dict[str, str]:
        """The parameters that we know, with the client's id and secret among them wherever they came from.
        Others are ignored, as RFC 6749 asks."""
        if request.content_type != FORM:
            raise Malformed(f"Send the parameters as {FORM}.")
        if request.META.get("QUERY_STRING"):
            raise Malformed("Send the parameters in the body, not in the address.")
        try:
            sent = list(request.POST.lists())
        except (BadRequest, SuspiciousOperation):
            raise Malformed("The body is too large, or not in UTF-8.") from None
        given: dict[str, str] = {}
        for name, values in sent:
            if name not in self.fields:
                continue
            if len(values) > 1:
                raise Malformed(f"{name} was sent more than once.")
            if values[0]:
                given[name] = values[0]
        if "Authorization" in request.headers:
            if "client_secret" in given:
                raise Malformed("Send the client's secret in one way only.")
            client_id, client_secret = _basic(request.headers["Authorization"])
            if given.get("client_id", client_id) != client_id:
                raise Malformed("Two different values of client_id were sent.")
            given |= {"client_id": client_id, "client_secret": client_secret}
        if any("\0" in value for value in given.values()):
            raise Malformed("A parameter holds a NUL.")
        return given


class Token(OAuthView):
    fields = ("grant_type", "scope", "client_id", "client_secret")
    endpoint = "create_token_response"

    @extend_schema(**serializers.TOKEN)
    def post(self, request: Request) -> HttpResponse:
        return super().post(request)


class Revoke(OAuthView):
    fields = ("token", "token_type_hint", "client_id", "client_secret")
    endpoint = "create_revocation_response"

    @extend_schema(**serializers.REVOKE)
    def post(self, request: Request) -> HttpResponse:
        return super().post(request)


def _basic(header: str) -> tuple[str, str]:
    """Id and secret of HTTP Basic, each form-encoded inside (RFC 6749, 2.3.1)."""
    scheme, _space, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise Malformed("Authenticate the client with HTTP Basic, or with client_id and client_secret.")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
        client_id, client_secret = text.split(":", 1)
    except (binascii.Error, ValueError):
        raise Malformed("The header Authorization is malformed.") from None
    return unquote_plus(client_id), unquote_plus(client_secret)


def _key(request: HttpRequest, client_id: str) -> str:
    place = f"{ratelimit.get_ip(request)} {client_id}"
    return f"partners:failed:{hashlib.sha256(place.encode()).hexdigest()}"


def _seconds_to_wait(key: str) -> int:
    failures, until = cache.get(key, (0, 0.0))
    return max(1, round(until - time.time())) if failures >= FAILURES else 0


def _count_failure(key: str) -> None:
    failures, until = cache.get(key, (0, time.time() + WINDOW_SECONDS))
    cache.set(key, (failures + 1, until), max(1, until - time.time()))


def _answer(status: int, error: str, description: str) -> HttpResponse:
    return _respond(status, json.dumps({"error": error, "error_description": description}), {})


def _respond(status: int, body: str, headers: Mapping[str, str]) -> HttpResponse:
    kept = {"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"}
    return HttpResponse(body, status=status, headers={**kept, **headers})
