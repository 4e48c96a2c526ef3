"""What every answer of this server carries: strict security headers and the request's id; and its line in the
log."""

import logging
import re
import time
import uuid
from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.shortcuts import render
from django.utils import timezone

from claims import mandates
from ledger.log import LogClosed
from partners.api import problems
from registry import health, logs, web_metrics

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

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

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


class Language(LocaleMiddleware):
    """An answer that says its language itself is the same for everybody, so that whoever keeps it for others
    (a content network the log's tiles) need not keep one for each language that is asked for."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return (
            response
            if response.has_header("Content-Language")
            else super().process_response(request, response)
        )


class ClosedLog:
    """A closed log refuses every act, wherever it began. What needs no ledger is still saved: drafts."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        if not isinstance(exception, LogClosed):
            return None
        if request.path.startswith(problems.PREFIX):
            return problems.response(problems.CLOSED, str(exception))
        return render(request, "503.html", {"said": str(exception)}, status=503)


class MandateTime:
    """Times are shown as the clocks of the mandate's country show them."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with timezone.override(mandates.current().zone):
            return self.get_response(request)


class Probes:
    """/healthz and /readyz are asked by load balancers: by address instead of host name."""

    views = {"/healthz": health.healthz, "/readyz": health.readyz}

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.views.get(request.path, self.get_response)(request)


class RequestId:
    """Our proxy's X-Request-ID when it looks like one, otherwise a new one; it stands in every log line."""

    _acceptable = re.compile(r"[A-Za-z0-9-]{8,64}")

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "") if settings.PROXY_NAMES_REQUESTS else ""
        name = given if self._acceptable.fullmatch(given) else uuid.uuid4().hex
        token = logs.request_id.set(name)
        try:
            response = self.get_response(request)
        finally:
            logs.request_id.reset(token)
        response.headers["X-Request-ID"] = name
        return response


class AccessLog:
    """One line for each request, once its answer is out, and its time for Prometheus. The route is told,
    never the path: paths hold ids and tokens."""

    logger = logging.getLogger("registry.access")

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self.get_response(request)
        if request.path in Probes.views:  # asked every second, and told by what asks
            return response
        # As Django closes its requests: called once the last byte is out, or nobody wants the rest.
        tell = partial(self._tell, request, response, began, logs.request_id.get())
        response._resource_closers.append(tell)  # type: ignore[attr-defined]
        return response

    def _tell(self, request: HttpRequest, response: HttpResponseBase, began: float, request_id: str) -> None:
        seconds = time.perf_counter() - began
        method, route = _method(request), _route(request)
        web_metrics.observe(method, route, response.status_code, seconds)
        self.logger.info(
            "%s %s %s %.0f ms",
            method,
            route,
            response.status_code,
            1000 * seconds,
            extra={
                "request_id": request_id,
                "facts": {
                    "method": method,
                    "route": route,
                    "status": response.status_code,
                    "duration_ms": round(1000 * seconds, 1),
                },
            },
        )


def _method(request: HttpRequest) -> str:
    """One that HTTP knows: what a stranger invents is no word for our logs."""
    return request.method if request.method in METHODS else "other"


def _route(request: HttpRequest) -> str:
    """The pattern of the address, as `claims/<uuid:claim_id>/`."""
    if request.resolver_match:
        return request.resolver_match.route or "/"
    return "static files" if request.path.startswith(settings.STATIC_URL) else "no known address"
