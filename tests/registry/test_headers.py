"""Every answer carries the strict policy; a view may set its own."""

import io
import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from registry import middleware
from registry.wsgi import application

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


UNREADABLE = ["text/plain; a*=zzz''b", "text/plain; a*=undefined''%41", "text/plain; charset=a\0b"]


def of_the_server(path: str, content_type: str) -> tuple[str, dict[str, str], bytes]:
    """Through the entry that the web server calls."""
    answered: list[Any] = []
    environ = RequestFactory()._base_environ(
        PATH_INFO=path, CONTENT_TYPE=content_type, **{"wsgi.input": io.BytesIO()}
    )
    answer = application(environ, lambda status, headers, *_: answered.extend((status, dict(headers))))
    return answered[0], answered[1], b"".join(answer)


@pytest.mark.parametrize("content_type", UNREADABLE)
@pytest.mark.parametrize(
    ("path", "form"),
    [("/", "text/plain; charset=utf-8"), ("/api/v1/claims", "application/problem+json"), ("/кирилиця", None)],
)
def test_a_content_type_that_cannot_be_read_is_the_callers_error(path, form, content_type, caplog):
    path = path.encode().decode("latin-1")  # as WSGI has it
    status, headers, body = of_the_server(path, content_type)
    assert status == "400 Bad Request"
    assert headers["Content-Type"] == form or form is None
    assert headers.items() >= middleware.HEADERS.items()
    if form == "application/problem+json":
        assert json.loads(body)["type"] == "/api/v1/docs#problem-invalid-request"
    assert caplog.records == []


@pytest.mark.parametrize("content_type", ["", "text/plain; charset=utf-8", "text/plain; a*=utf-8''b", ";;="])
def test_any_other_content_type_is_passed_on(content_type):
    status, headers, _body = of_the_server("/healthz", content_type)
    assert status == "200 OK"
    assert "X-Request-ID" in headers


def test_a_policy_that_a_view_has_set_stays():
    def view(request: object) -> HttpResponse:
        return HttpResponse(headers={"Content-Security-Policy": "sandbox"})

    response = middleware.SecurityHeaders(view)(RequestFactory().get("/"))
    assert response.headers["Content-Security-Policy"] == "sandbox"


def test_the_proxys_request_id_comes_back(client: Client, settings: Any):
    settings.PROXY_NAMES_REQUESTS = True
    assert client.get("/healthz", headers={"X-Request-ID": "abc-12345678"})["X-Request-ID"] == "abc-12345678"


def test_nobody_but_a_proxy_of_ours_names_requests(client: Client):
    assert client.get("/healthz", headers={"X-Request-ID": "abc-12345678"})["X-Request-ID"] != "abc-12345678"


@pytest.mark.parametrize("given", ["forged\nline", "short", "x" * 65, "with space", "кирилиця"])
def test_a_request_id_that_could_break_a_log_line_is_replaced(client: Client, settings: Any, given: str):
    settings.PROXY_NAMES_REQUESTS = True
    assert len(client.get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"]) == 32
