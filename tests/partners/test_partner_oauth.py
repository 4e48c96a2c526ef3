"""Tokens: what a client gets for its id and secret, what for anything else, and what is kept of both."""

import base64
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.models import AccessToken, IDToken, RefreshToken
from oauthlib.oauth2 import BackendApplicationClient, InvalidClientError
from pytest_django.live_server_helper import LiveServer
from requests_oauthlib import OAuth2Session

from ledger.log import SYSTEM
from partners import agreements, tokens
from partners.api import oauth
from partners.models import Application
from tests import make
from tests.partners.conftest import CLAIMS, SUBMITTED, TOKEN, Program, post_form

pytestmark = pytest.mark.django_db

REVOKE = reverse("partners:revoke")
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def ministry(partner: Any) -> Program:
    return Program(partner(), "claims:read evidence:read")


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{quote(client_id)}:{quote(secret)}".encode()).decode()


def by_basic(program: Program, url: str = TOKEN, **form: str) -> Any:
    header = basic(program.client_id, program.client_secret)
    body = urlencode({"grant_type": "client_credentials", **form})
    return program.client.post(url, body, content_type=FORM, headers={"authorization": header})


@pytest.mark.parametrize("ask", [Program.ask_token, by_basic])
def test_a_client_gets_a_token_for_an_hour(ministry, ask):
    answer = ask(ministry, scope="claims:read")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"
    told = answer.json()
    assert len(told.pop("access_token")) == 43  # 256 bits in base64
    assert told == {"expires_in": 3600, "token_type": "Bearer", "scope": "claims:read"}


def test_a_token_has_no_scope_that_was_not_asked_for(ministry):
    told = ministry.ask_token().json()
    assert told["scope"] == ""
    ministry.token = told["access_token"]
    assert ministry.get(CLAIMS).status_code == 403


def test_a_token_has_every_scope_that_was_asked_for(ministry):
    assert ministry.ask_token(scope="evidence:read claims:read").json()["scope"] == (
        "evidence:read claims:read"
    )


@pytest.mark.parametrize("scope", ["claims:write", "claims:read claims:write", "read", "*", "openid"])
def test_a_scope_that_does_not_exist_is_refused(ministry, scope):
    answer = ministry.ask_token(scope=scope)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    assert not AccessToken.objects.exists()


def test_a_scope_that_was_not_granted_is_refused(partner):
    answer = Program(partner(), "claims:read").ask_token(scope="claims:read evidence:read")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


# --- Who is refused ---


@pytest.mark.parametrize("ask", [Program.ask_token, by_basic])
def test_a_wrong_secret_is_refused(ministry, ask):
    ministry.client_secret = tokens.new_secret()
    answer = ask(ministry, scope="claims:read")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="registry"'


def test_an_unknown_client_is_refused_in_the_same_words(ministry):
    wrong = ministry.ask_token(client_secret="wrong").content
    ministry.client_id = "x" * 40
    answer = ministry.ask_token()
    assert answer.status_code == 401
    assert answer.content == wrong


def test_revoked_credentials_are_refused_and_their_tokens_void(ministry):
    ministry.token = ministry.ask_token(scope="claims:read").json()["access_token"]
    agreements.revoke_application(Application.objects.get(), by=SYSTEM)
    assert ministry.ask_token().status_code == 401
    assert ministry.get(CLAIMS).status_code == 401
    assert not AccessToken.objects.exists()


def test_a_suspended_partner_gets_no_token(ministry):
    agreements.suspend(ministry.partner, by=SYSTEM)
    answer = ministry.ask_token(scope="claims:read")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_only_so_many_failures_are_answered(ministry):
    for _attempt in range(oauth.FAILURES):
        assert ministry.ask_token(client_secret="wrong").status_code == 401
    answer = ministry.ask_token()  # the right secret
    assert answer.status_code == 429
    assert answer.json()["error"] == "temporarily_unavailable"
    assert 0 < int(answer.headers["Retry-After"]) <= oauth.WINDOW_SECONDS
    assert post_form(ministry.client, REVOKE, token="x", client_id=ministry.client_id).status_code == 429


def test_failures_of_one_client_or_place_do_not_keep_others_out(ministry, partner):
    for _attempt in range(oauth.FAILURES):
        ministry.ask_token(client_secret="wrong")
    assert Program(partner("Court"), "").ask_token().status_code == 200
    ministry.client = Client(REMOTE_ADDR="192.0.2.7")
    assert ministry.ask_token().status_code == 200


def test_after_a_while_failures_are_forgotten(ministry):
    for _attempt in range(oauth.FAILURES):
        ministry.ask_token(client_secret="wrong")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE registry_cache SET expires = now() - interval '1 second'")
    assert ministry.ask_token().status_code == 200


# --- Requests that are none ---

MALFORMED = {
    "nothing": {},
    "no grant type": {"scope": "claims:read"},
    "an unknown grant type": {"grant_type": "magic"},
    "a NUL in the grant type": {"grant_type": "client_credentials\0"},
    "a NUL in the scope": {"grant_type": "client_credentials", "scope": "claims:read\0"},
    "a NUL in the id": {"grant_type": "client_credentials", "client_id": "a\0b"},
    "a NUL in the secret": {"grant_type": "client_credentials", "client_secret": "a\0b"},
}


@pytest.mark.parametrize("form", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_request_is_refused(client, form):
    answer = post_form(client, TOKEN, **form)
    assert answer.status_code == 400
    assert answer.json()["error"] in ("invalid_request", "unsupported_grant_type")


@pytest.mark.parametrize(
    "grant",
    [
        "password",
        "authorization_code",
        "refresh_token",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ],
)
def test_no_other_way_to_get_a_token_is_open(ministry, grant):
    answer = ministry.ask_token(
        grant_type=grant, username="olena@example.org", password="x", code="x", refresh_token="x"
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
    assert not any(model.objects.exists() for model in (AccessToken, RefreshToken, IDToken))


BAD_HEADERS = [
    "Basic",
    "Basic ====",
    "Basic é",
    "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
    "Basic " + base64.b64encode(b"no-colon").decode(),
    "Basic " + base64.b64encode(b"a%00b:c").decode(),
    "Bearer x",
    "Digest x",
    "\x00",
]


@pytest.mark.parametrize("header", BAD_HEADERS)
@pytest.mark.parametrize("url", [TOKEN, REVOKE])
def test_a_malformed_authorization_header_is_refused(client, url, header):
    answer = client.post(
        url, "grant_type=client_credentials", content_type=FORM, headers={"authorization": header}
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"grant_type": "client_credentials"}', "application/json"),
        (b"grant_type=client_credentials", "text/plain"),
        (b"grant_type=client_credentials", "multipart/form-data; boundary=x"),
        (b"grant_type=client_credentials", FORM + "; charset=utf-7"),
        (b"grant_type=client_credentials&grant_type=client_credentials", FORM),
        (b"&".join(b"a%d=1" % n for n in range(4000)), FORM),
        (b"grant_type=" + b"x" * 6_000_000, FORM),
        (b"\xff\xfe%zz&&&===", FORM),
        (b"grant_type=client_credentials&encoding=rot13", FORM),
    ],
)
def test_a_body_that_is_no_form_is_refused(client, body, kind):
    answer = client.post(TOKEN, body, content_type=kind)
    assert answer.status_code in (400, 401)
    assert answer.json()["error"] in ("invalid_request", "invalid_client")


def test_parameters_in_the_address_are_refused(ministry):
    url = f"{TOKEN}?client_id={ministry.client_id}"
    answer = post_form(ministry.client, url, grant_type="client_credentials", client_secret="x")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_client_proves_itself_in_one_way_only(ministry):
    answer = by_basic(ministry, client_secret=ministry.client_secret)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    answer = by_basic(ministry, client_id="another")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("url", [TOKEN, REVOKE])
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "options", "trace"])
def test_tokens_are_asked_for_by_post(client, method, url):
    answer = getattr(client, method)(url)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert answer.headers["Content-Type"] == "application/problem+json"


# --- Taking back ---


@pytest.mark.parametrize("hint", ["", "access_token", "something"])
def test_a_token_is_taken_back(ministry, hint):
    ministry.token = ministry.ask_token(scope="claims:read").json()["access_token"]
    answer = by_basic(ministry, REVOKE, token=ministry.token, token_type_hint=hint)
    assert (answer.status_code, answer.content) == (200, b"")
    assert ministry.get(CLAIMS).status_code == 401
    assert by_basic(ministry, REVOKE, token=ministry.token).status_code == 200


def test_nobody_takes_back_the_token_of_another(ministry, partner):
    ministry.token = ministry.ask_token(scope="claims:read").json()["access_token"]
    court = Program(partner("Court"), "claims:read")
    assert by_basic(court, REVOKE, token=ministry.token).status_code == 200
    assert ministry.get(CLAIMS).status_code == 200


def test_whoever_takes_back_proves_who_they_are(ministry):
    ministry.token = ministry.ask_token(scope="claims:read").json()["access_token"]
    answer = post_form(ministry.client, REVOKE, token=ministry.token, client_id=ministry.client_id)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert post_form(ministry.client, REVOKE, token=ministry.token).status_code == 401
    assert ministry.get(CLAIMS).status_code == 200


def test_a_request_to_take_nothing_back_is_malformed(ministry):
    answer = by_basic(ministry, REVOKE)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


# --- What is kept ---


def everything_kept() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT concat((SELECT string_agg(a::text, ' ') FROM partners_application AS a),"
            " (SELECT string_agg(t::text, ' ') FROM oauth2_provider_accesstoken AS t),"
            " (SELECT string_agg(c::text, ' ') FROM registry_cache AS c))"
        )
        return cursor.fetchone()[0]


def test_neither_secrets_nor_tokens_are_kept_in_clear(ministry):
    token = ministry.ask_token(scope="claims:read").json()["access_token"]
    kept = everything_kept()
    assert ministry.client_secret not in kept
    assert token not in kept
    assert AccessToken.objects.get().token == ""


def test_neither_secrets_nor_tokens_are_logged_even_when_everything_is(ministry, caplog):
    caplog.set_level(logging.DEBUG)
    ministry.token = ministry.ask_token(scope="claims:read").json()["access_token"]
    ministry.get(CLAIMS)
    by_basic(ministry, REVOKE, token=ministry.token)
    wrong = ministry.ask_token(client_secret="wrong-but-perhaps-of-somebody-else")
    assert wrong.status_code == 401
    for secret in (ministry.client_secret, ministry.token, "wrong-but-perhaps"):
        assert secret not in caplog.text


def test_expired_tokens_are_removed_when_the_next_is_issued(ministry):
    ministry.ask_token()
    AccessToken.objects.update(expires=timezone.now() - timedelta(seconds=1))
    ministry.ask_token()
    assert AccessToken.objects.count() == 1


def test_checking_a_secret_is_quick():
    """Strangers must not be able to keep the server busy with wrong ones."""
    kept = tokens.hashed(tokens.new_secret())
    assert all(not tokens.fits(str(n), kept) for n in range(10_000))  # minutes, with a hash for passwords


# --- Somebody else's reading of OAuth ---


@pytest.fixture
def address(own_database: str, settings: Any) -> Iterator[str]:
    """Where the site is served over a real socket. (pytest-django's own fixture would flush the database.)"""
    settings.ALLOWED_HOSTS = ["localhost"]
    server = LiveServer("localhost")
    yield server.url
    server.stop()


@pytest.mark.committing
def test_a_standard_oauth2_client_gets_a_token_and_pulls(address, monkeypatch, partner):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # the test server has no TLS
    claim = make.claim()
    ministry = Program(partner(terms=SUBMITTED), "claims:read")
    client = BackendApplicationClient(client_id=ministry.client_id, scope="claims:read")
    with OAuth2Session(client=client) as session:
        token = session.fetch_token(address + TOKEN, client_secret=ministry.client_secret)
        assert token["scope"] == ["claims:read"]
        answer = session.get(address + CLAIMS)
        assert [found["number"] for found in answer.json()["results"]] == [claim.number]
        streamed = session.get(
            f"{address}{CLAIMS}?end=1", headers={"Accept": "application/x-ndjson"}, stream=True
        )
        assert len(list(streamed.iter_lines())) == 2
        with pytest.raises(InvalidClientError):
            session.fetch_token(address + TOKEN, client_secret="wrong")
