"""Every answer carries the strict policy; a view may set its own."""

import logging
import sys

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from registry import logs, middleware

pytestmark = pytest.mark.django_db

STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


@pytest.mark.parametrize("path", ["/", "/categories/", "/account/sign-in/", "/nowhere/", "/healthz"])
def test_every_page_carries_the_strict_policy(client: Client, path: str):
    headers = client.get(path).headers
    assert headers["Content-Security-Policy"] == STRICT
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"


def test_a_policy_that_a_view_has_set_stays():
    def view(request: object) -> HttpResponse:
        return HttpResponse(headers={"Content-Security-Policy": "sandbox"})

    response = middleware.SecurityHeaders(view)(RequestFactory().get("/"))
    assert response.headers["Content-Security-Policy"] == "sandbox"


def test_the_proxys_request_id_comes_back(client: Client):
    assert client.get("/healthz", headers={"X-Request-ID": "abc-12345678"})["X-Request-ID"] == "abc-12345678"


def test_a_request_id_that_could_break_a_log_line_is_replaced(client: Client):
    given = "forged\nline"
    assert len(client.get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"]) == 32


def test_a_logged_traceback_does_not_quote_the_row():
    from_postgresql = "duplicate key\nDETAIL:  Key (email)=(olena@example.org) already exists."
    try:
        raise ValueError(from_postgresql)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "failed", None, sys.exc_info())
    line = logs.Formatter("{message}", style="{").format(record)
    assert "duplicate key" in line
    assert "olena" not in line
