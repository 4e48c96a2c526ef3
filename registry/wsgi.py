"""The web server's entry: `gunicorn registry.wsgi`."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "registry.settings")


class Malformed(Exception):
    """The head of the request cannot be read. Says nothing of it: what it holds is nobody's business."""


class Request(WSGIRequest):
    """Django reads the header Content-Type before its first middleware runs, and lets what is wrong with it
    pass to the server, as an error of ours."""

    def __init__(self, environ: dict[str, Any]) -> None:
        try:
            super().__init__(environ)
        except ValueError:
            raise Malformed from None


_handler = get_wsgi_application()
_handler.request_class = Request


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    try:
        return _handler(environ, start_response)
    except Malformed:
        response = _bad_request(environ.get("PATH_INFO", ""))
        start_response(f"400 {response.reason_phrase}", list(response.items()))
        return response


def _bad_request(path: str) -> HttpResponse:
    from partners.api import problems  # noqa: PLC0415 - once Django is set up
    from registry.middleware import HEADERS  # noqa: PLC0415

    if path.startswith(problems.PREFIX):
        response = problems.bad_request()
    else:
        response = HttpResponse("Bad request\n", status=400, content_type="text/plain; charset=utf-8")
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response
