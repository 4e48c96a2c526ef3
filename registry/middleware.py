"""What every answer of this server carries: strict security headers and the request's id."""

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from claims import mandates
from registry import logs

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

Handler = Callable[[HttpRequest], HttpResponseBase]


class SecurityHeaders:
    """A view that needs another policy (evidence does) sets its own header; this leaves it alone."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response


class MandateTime:
    """Times are shown as the clocks of the mandate's country show them."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with timezone.override(mandates.current().zone):
            return self.get_response(request)


class RequestId:
    """The proxy's X-Request-ID when it looks like one, otherwise a new one; it stands in every log line."""

    _acceptable = re.compile(r"[A-Za-z0-9-]{8,64}")

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        name = given if self._acceptable.fullmatch(given) else uuid.uuid4().hex
        token = logs.request_id.set(name)
        try:
            response = self.get_response(request)
        finally:
            logs.request_id.reset(token)
        response.headers["X-Request-ID"] = name
        return response
