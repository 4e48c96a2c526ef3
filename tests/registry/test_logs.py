"""What is written down of requests and failures: enough to find the mistake, nothing about the person."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.db import IntegrityError, transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory

from accounts.models import User
from registry import logs, middleware
from tests import make
from tests.registry.test_settings import PRODUCTION

pytestmark = pytest.mark.django_db

PERSON = ("Олена", "Коваленко", "olena@example.org", "olena")


def as_written(records: list[logging.LogRecord], form: type[logging.Formatter] = logs.JSONLines) -> str:
    """What production would have written of these records."""
    kept = [record for record in records if logs.ToldElsewhere().filter(record)]
    return "\n".join(form().format(record) for record in kept if logs.RequestIdFilter().filter(record))


def access_lines(caplog: Any) -> list[dict[str, Any]]:
    records = [record for record in caplog.records if record.name == "registry.access"]
    return [json.loads(line) for line in as_written(records).splitlines()]


# --- The access log ---


def test_a_request_is_one_line_of_json(client: Client, caplog: Any):
    caplog.set_level("INFO")
    answer = client.get("/categories/A3.1/?token=secret")
    [line] = access_lines(caplog)
    assert (
        line.items()
        >= {
            "level": "INFO",
            "logger": "registry.access",
            "request_id": answer["X-Request-ID"],
            "method": "GET",
            "route": "categories/<str:code>/",
            "status": 200,
        }.items()
    )
    assert line["duration_ms"] > 0
    assert line["time"].endswith("+00:00")
    assert "A3.1" not in str(line)
    assert "secret" not in str(line)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/", "/"),
        ("/nowhere/olena@example.org/", "no known address"),
        ("/static/olena.css", "static files"),
        ("/account/confirm/a-token-of-olena/", r"account/confirm/(?P<key>[-:\w]+)/$"),
        ("/api/v1/claims/UA-7K4M-2P9Q-F", "api/v1/claims/<str:number>"),
    ],
)
def test_the_route_is_told_and_never_the_path(client: Client, caplog: Any, path: str, route: str):
    caplog.set_level("INFO")
    client.get(path)
    assert [line["route"] for line in access_lines(caplog)] == [route]
    written = as_written(caplog.records)
    assert "olena" not in written
    assert "7K4M" not in written


def test_a_method_that_somebody_made_up_is_not_written_down(client: Client, caplog: Any):
    caplog.set_level("INFO")
    client.generic("OLENA", "/")
    assert [line["method"] for line in access_lines(caplog)] == ["other"]


def test_probes_are_not_written_down(client: Client, caplog: Any):
    caplog.set_level("INFO")
    client.get("/healthz")
    client.get("/readyz")
    assert access_lines(caplog) == []


@pytest.mark.parametrize("read", [0, 1, 2])
def test_an_answer_that_streams_is_told_when_it_is_over(caplog: Any, read: int):
    caplog.set_level("INFO")
    response = middleware.AccessLog(lambda request: StreamingHttpResponse([b"a", b"b"]))(
        RequestFactory().get("/")
    )
    content = iter(response)  # type: ignore[call-overload]
    for _ in range(read):
        next(content)
    assert access_lines(caplog) == []
    response.close()
    assert len(access_lines(caplog)) == 1


# --- What Django and gunicorn say ---


@pytest.fixture
def server_error(client: Client, monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], HttpResponse]:
    def fail_with(error: BaseException) -> Any:
        def fail(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr("claims.context.register", fail)
        monkeypatch.setattr("claims.views.public.render", fail)
        client.raise_request_exception = False
        return client.get("/categories/")

    return fail_with


def test_an_error_is_told_by_route_class_and_place_without_values(server_error: Any, caplog: Any):
    server_error(ValueError("the name Олена Коваленко is too long"))
    [record] = [record for record in caplog.records if record.name == "django.request"]
    line = json.loads(as_written([record]))
    assert line["message"] == "error at categories/"
    assert line["exception"][0] == "builtins.ValueError"
    assert any(place.strip().endswith("fail") for place in line["exception"][1:])
    assert "Олена" not in str(line)


def test_an_error_of_the_database_names_its_code_and_the_constraint(caplog: Any):
    make.user("olena")
    try:
        with transaction.atomic():
            User.objects.create(email="OLENA@example.org")
    except IntegrityError:
        logging.getLogger("claims").exception("not saved")
    line = json.loads(as_written(caplog.records))
    assert line["message"] == "not saved"
    assert "psycopg.errors.UniqueViolation (23505, accounts_user, " in str(line["exception"])
    assert "django.db.utils.IntegrityError" in line["exception"][0]
    assert "olena" not in str(line).lower()


def test_a_message_that_quotes_postgresql_loses_its_detail(caplog: Any):
    logging.getLogger("x").warning("refused: %s", "duplicate key\nDETAIL:  Key (email)=(olena@example.org)")
    for form in (logs.JSONLines, logs.Lines):
        assert "duplicate key" in as_written(caplog.records, form)
        assert "olena" not in as_written(caplog.records, form)


def test_a_traceback_for_people_does_not_quote_the_row_either():
    from_postgresql = "duplicate key\nDETAIL:  Key (email)=(olena@example.org) already exists."
    try:
        raise ValueError(from_postgresql)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "failed", None, sys.exc_info())
    line = as_written([record], logs.Lines)
    assert "duplicate key" in line
    assert "olena" not in line


@pytest.mark.parametrize("headers", [{"Host": "olena.example.org"}])
def test_a_refused_host_is_not_quoted(client: Client, caplog: Any, headers: dict[str, str]):
    assert client.get("/", headers=headers).status_code == 400
    written = as_written(caplog.records)
    assert "django.security.DisallowedHost" in written
    assert "olena" not in written


def test_a_refused_form_is_not_quoted(caplog: Any):
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/account/confirm/a-token-of-olena/", headers={"Origin": "https://olena.example"})
    assert answer.status_code == 403
    written = as_written(caplog.records)
    assert "django.security.csrf" in written
    assert "olena" not in written


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("Error handling request %s %s", ("GET", "/claims/?name=olena")),
        ("Invalid request from ip=203.0.113.5: bad line 'olena'", ()),
    ],
)
def test_gunicorn_quotes_no_request(message: str, arguments: tuple[str, ...]):
    record = logging.LogRecord("gunicorn.error", logging.ERROR, "x.py", 1, message, arguments, None)
    line = json.loads(as_written([record]))
    assert line["message"] == "a request could not be read or handled"


def test_a_crash_is_one_line_of_json_without_values(tmp_path: Any):
    crash = "import django; django.setup(); raise ValueError('Олена')"
    environ = os.environ | PRODUCTION | {"DJANGO_SETTINGS_MODULE": "registry.settings"}
    ended = subprocess.run(
        [sys.executable, "-c", crash], cwd=settings.BASE_DIR, env=environ, capture_output=True, text=True
    )
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert json.loads(line)["exception"] == ["builtins.ValueError", "  <string>:1 <module>"]


def test_an_error_in_a_destructor_is_one_line_of_json_without_values():
    code = (
        "import django; django.setup()\nclass Row:\n    def __del__(self): raise ValueError('Олена')\nRow()"
    )
    environ = os.environ | PRODUCTION | {"DJANGO_SETTINGS_MODULE": "registry.settings"}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, env=environ, capture_output=True, text=True
    )
    assert ended.returncode == 0
    [line] = ended.stderr.splitlines()
    assert json.loads(line)["exception"] == ["builtins.ValueError", "  <string>:3 __del__"]


def test_a_line_cannot_be_forged():
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, 'a\n{"level": "ERROR"}', None, None)
    assert len(as_written([record]).splitlines()) == 1


# --- A person's way through the register ---


def test_nothing_of_a_person_is_in_the_logs_of_their_way(caplog: Any, settings: Any, tmp_path: Any):
    settings.EVIDENCE_DIR = tmp_path
    caplog.set_level("INFO")
    client = Client()
    password = "river lamp seven stones"
    client.post("/account/sign-up/", {"email": "olena@example.org", "password1": password})
    link = next(word for word in mail.outbox[0].body.split() if "/account/confirm/" in word)
    client.post(link.replace(settings.SITE_URL, "").replace("http://testserver", ""))
    client = Client()
    client.post("/account/sign-in/", {"login": "olena@example.org", "password": "not the right one"})
    client.post("/account/password/forgotten/", {"email": "olena@example.org"})
    client.post("/account/sign-in/", {"login": "olena@example.org", "password": password})
    claim = make.draft(by="olena")
    for page in claim.form.pages:
        client.post(f"/claims/{claim.public_id}/questions/{page.id}/", make.answers())
    claim = make.claim(by="olena", files=[make.PDF])
    client.get(f"/claims/{claim.public_id}/?name=Олена")
    written = as_written(caplog.records)
    assert len(access_lines(caplog)) > 7
    for secret in (*PERSON, password, str(claim.public_id), link.rstrip("/").rsplit("/", 1)[-1], "127.0.0.1"):
        assert secret not in written, secret
