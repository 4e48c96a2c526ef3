"""What a program pulls, what each bad request gets instead, and what is written down of it."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core import signing
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.models import AccessToken

from claims.models import Access
from evidence.models import CustodyEvent, EvidenceFile
from ledger.log import SYSTEM
from partners import agreements
from partners.api import views
from partners.api.urls import urlpatterns
from partners.models import Partner
from tests import make
from tests.partners.conftest import CHANGES, CLAIMS, SUBMITTED

pytestmark = pytest.mark.django_db

PROBLEM = "application/problem+json"
NDJSON = "application/x-ndjson"
WITH_EVIDENCE = replace(SUBMITTED, sections=(*SUBMITTED.sections, "evidence"), evidence=True)
NOWHERE = "00000000-0000-4000-8000-000000000000"


def url_of(claim: Any) -> str:
    return reverse("partners:claim", args=[claim.number])


def file_of(claim: Any) -> str:
    file = claim.attachments.get().evidence_file
    return reverse("partners:evidence", args=[claim.number, file.public_id])


def problem(answer: Any, status: int, kind: str) -> dict[str, Any]:
    """The problem, having looked that it is one and tells nothing of our inside."""
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == PROBLEM
    assert answer.headers["Content-Language"] == "en"
    told = answer.json()
    assert told["status"] == status
    assert told["type"] == f"{reverse('partners:docs')}#problem-{kind}"
    assert "Traceback" not in answer.text
    return told


# --- Pulling ---


def test_a_page_of_claims_in_the_order_of_their_numbers(program):
    numbers = sorted(make.claim(by=name).number for name in ("olena", "taras", "iryna"))
    ministry = program()
    first = ministry.get(CLAIMS, limit=2)
    assert [claim["number"] for claim in first.json()["results"]] == numbers[:2]
    second = ministry.get(CLAIMS, limit=2, cursor=first.json()["next_cursor"])
    assert [claim["number"] for claim in second.json()["results"]] == numbers[2:]
    assert second.json()["next_cursor"] is None
    assert first.headers["Ledger-Index"].lstrip("-").isdigit()


def test_everything_as_a_stream(program):
    numbers = sorted(make.claim(by=name).number for name in ("olena", "taras", "iryna"))
    ministry = program()
    answer = ministry.get(CLAIMS, accept=NDJSON, end=1)
    assert answer.headers["Content-Type"] == NDJSON
    assert answer.headers["Ledger-Index"].lstrip("-").isdigit()
    assert answer.headers["X-Accel-Buffering"] == "no"  # nginx hands each line on as it comes
    *claims, end = map(json.loads, answer.getvalue().splitlines())
    assert [claim["number"] for claim in claims] == numbers
    assert end == {"type": "end", "count": 3}
    resumed = ministry.get(CLAIMS, accept=NDJSON, after_number=numbers[1].lower().replace("-", " "))
    assert [json.loads(line)["number"] for line in resumed.getvalue().splitlines()] == numbers[2:]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"category": "A3.1"}, 1),
        ({"category": "а3,1"}, 1),  # Cyrillic, as the official pages write it
        ({"category": "A2.1"}, 0),
        ({"region": "UA-32"}, 1),
        ({"region": "UA-05"}, 0),
        ({"state": "submitted"}, 1),
        ({"state": "recorded"}, 0),
    ],
)
def test_filters_narrow_what_the_agreement_covers(program, query, found):
    make.claim("A3.1", answers=make.answers("A3.1"))
    assert len(program().get(CLAIMS, **query).json()["results"]) == found


def test_one_claim_by_its_number_however_it_is_typed(program):
    claim = make.claim()
    ministry = program()
    told = ministry.get(url_of(claim)).json()
    assert told["number"] == claim.number
    assert set(told["sections"]) == {"core", "claimant", "place", "loss"}
    assert ministry.get(url_of(claim).lower()).json() == told


def test_what_the_agreement_does_not_cover_is_not_there(program):
    claim = make.claim()
    ministry = program(terms=replace(SUBMITTED, categories=("A2.1",)))
    nothing = problem(ministry.get(reverse("partners:claim", args=["UA-0000-0000-0"])), 404, "not-found")
    assert problem(ministry.get(url_of(claim)), 404, "not-found") == nothing
    assert ministry.get(CLAIMS).json()["results"] == []


def test_evidence_byte_for_byte(program):
    claim = make.claim(files=[make.PDF])
    answer = program(terms=WITH_EVIDENCE, scopes="evidence:read").get(file_of(claim))
    assert answer.getvalue() == make.PDF
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_evidence_needs_its_scope_and_an_agreement_that_includes_it(program):
    claim = make.claim(files=[make.PDF])
    problem(program("Court", WITH_EVIDENCE).get(file_of(claim)), 403, "insufficient-scope")
    problem(program(scopes="evidence:read").get(file_of(claim)), 404, "not-found")
    narrow = replace(WITH_EVIDENCE, categories=("A2.1",))
    problem(program("Fund", narrow, "evidence:read").get(file_of(claim)), 404, "not-found")


def test_evidence_with_malware_is_given_to_nobody(program):
    claim = make.claim(files=[make.PDF])
    EvidenceFile.objects.update(scan_state="infected", scanned_at=timezone.now())
    ministry = program(terms=WITH_EVIDENCE, scopes="evidence:read")
    problem(ministry.get(file_of(claim)), 403, "file-quarantined")
    assert not looks("evidence")


@pytest.mark.parametrize("file", [NOWHERE, "x", "\0", "../../etc/passwd"])
def test_evidence_that_is_not_there(program, file):
    claim = make.claim(files=[make.PDF])
    ministry = program(terms=WITH_EVIDENCE, scopes="evidence:read")
    problem(ministry.get(f"{url_of(claim)}/evidence/{file}".replace("\0", "%00")), 404, "not-found")


def test_evidence_of_another_claim_is_not_had_through_ones_own(program):
    seen, unseen = make.claim(files=[make.PDF]), make.claim("A2.1", by="taras", files=[make.PDF])
    ministry = program(terms=replace(WITH_EVIDENCE, categories=("A3.1",)), scopes="evidence:read")
    file = unseen.attachments.get().evidence_file.public_id
    problem(ministry.get(reverse("partners:evidence", args=[seen.number, file])), 404, "not-found")


def test_changes_go_on_for_ever(program):
    told = program().get(CHANGES).json()
    assert set(told) == {"results", "next_after"}
    again = program().get(CHANGES, after=told["next_after"], limit=1000).json()
    assert again == {"results": [], "next_after": told["next_after"]}


# --- What is written down ---


def looks(purpose: str) -> list[tuple]:
    rows = Access.objects.filter(purpose=purpose)
    return list(rows.values_list("claim", "file", "actor_kind", "actor_id", "office"))


@pytest.mark.parametrize("accept", ["application/json", NDJSON])
def test_a_pull_is_written_down_once(program, accept):
    make.claim()
    make.claim(by="taras")
    ministry = program()
    ministry.get(CLAIMS, accept=accept)
    assert looks("pull") == [(None, None, "partner", str(ministry.partner.public_id), "partner")]


def test_reading_one_claim_is_written_down(program):
    claim = make.claim()
    ministry = program()
    ministry.get(url_of(claim))
    assert looks("read") == [(claim.public_id, None, "partner", str(ministry.partner.public_id), "partner")]


def test_fetching_evidence_is_written_down_twice(program):
    """In who read the claim, and in the custody of the file."""
    claim = make.claim(files=[make.PDF])
    ministry = program(terms=WITH_EVIDENCE, scopes="evidence:read")
    ministry.get(file_of(claim)).getvalue()
    actor, file = str(ministry.partner.public_id), claim.attachments.get().evidence_file.public_id
    assert looks("evidence") == [(claim.public_id, file, "partner", actor, "partner")]
    touched = CustodyEvent.objects.latest("pk")
    assert (touched.kind, touched.actor_kind, touched.actor_id) == ("downloaded", "partner", actor)


def test_what_was_refused_is_not_written_down(program):
    ministry = program()
    ministry.get(reverse("partners:claim", args=["UA-0000-0000-0"]))
    ministry.get(CLAIMS, limit=0)
    assert not Access.objects.exists()


# --- Who is refused ---

SECURED = [CLAIMS, CHANGES, f"{CLAIMS}/UA-7K4M-2P9Q-F", f"{CLAIMS}/UA-7K4M-2P9Q-F/evidence/{NOWHERE}"]


@pytest.mark.parametrize("url", SECURED)
@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer x", "Bearer é", "Bearer \x00", "bearer x y", "Basic eDp5", "x"]
)
def test_without_a_valid_token_nobody_is_let_in(client, url, header):
    answer = client.get(url, headers={} if header is None else {"authorization": header})
    problem(answer, 401, "not-authenticated")
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="registry"')


def test_a_token_in_the_address_is_none(program):
    ministry = program()
    problem(ministry.client.get(CLAIMS, {"access_token": ministry.token}), 401, "not-authenticated")


def test_an_expired_token_is_refused(program):
    ministry = program()
    AccessToken.objects.update(expires=timezone.now() - timedelta(seconds=1))
    answer = ministry.get(CLAIMS)
    problem(answer, 401, "not-authenticated")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_suspended_partner_is_refused_at_once_and_let_in_again(program):
    ministry = program()
    agreements.suspend(Partner.objects.get(), by=SYSTEM)
    problem(ministry.get(CLAIMS), 401, "not-authenticated")
    agreements.resume(Partner.objects.get(), by=SYSTEM)
    assert ministry.get(CLAIMS).status_code == 200


@pytest.mark.parametrize("url", SECURED)
def test_a_token_without_the_scope_is_refused(program, url):
    ministry = program(scopes="")
    answer = ministry.get(url)
    problem(answer, 403, "insufficient-scope")
    needed = "evidence:read" if "evidence" in url else "claims:read"
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer realm="registry", error="insufficient_scope", scope="{needed}"'
    )


def test_somebody_signed_in_as_a_person_is_nobody_here(client):
    client.force_login(make.user("olena"))
    problem(client.get(CLAIMS), 401, "not-authenticated")


# --- What cannot be understood ---

NOT_LIMITS = [0, -1, 1001, 10**9, 10**30, "abc", "", "1.5", "1e2", "1_0", "１０", " 5", "5\0", "\0", "null"]
NOT_INDEXES = [-2, 2**63, 10**30, "abc", "", "1.0", "\0", "１"]
NOT_CURSORS = ["", "x", "\0", "a:b", "x" * 301, ":" * 50, "é"]
BAD = [
    *((CLAIMS, "limit", value) for value in NOT_LIMITS),
    *((CHANGES, "limit", value) for value in NOT_LIMITS),
    *((CHANGES, "after", value) for value in NOT_INDEXES),
    *((CLAIMS, "cursor", value) for value in NOT_CURSORS),
    *((CLAIMS, "category", value) for value in ["Z9.9", "", "\0", "A3.1\0"]),
    *((CLAIMS, "region", value) for value in ["UA-99", "", "\0", "ua-32"]),
    *((CLAIMS, "state", value) for value in ["eligible", "ineligible", "draft", "", "\0"]),
    *((url, "offset", "1") for url in SECURED),
    *((url, "format", "json") for url in SECURED),
    *((url, "\0", "\0") for url in SECURED),
    *((reverse("partners:categories"), name, "1") for name in ("limit", "x\0")),
    (reverse("partners:schema"), "format", "yaml"),
    (reverse("partners:category", args=["A3.1"]), "version", "1"),
]


@pytest.mark.parametrize(("url", "name", "value"), BAD, ids=[f"{u} {n}={v!r}"[:60] for u, n, v in BAD])
def test_a_parameter_that_cannot_be_understood_is_named(program, url, name, value):
    answer = program(scopes="claims:read evidence:read").get(url, **{name: value})
    told = problem(answer, 400, "invalid-request")
    assert [error["parameter"] for error in told["errors"]] == [name]
    assert told["errors"][0]["detail"]


def test_every_mistake_is_named_at_once(program):
    told = problem(program().get(CLAIMS, limit=0, state="eligible", page=2), 400, "invalid-request")
    assert {error["parameter"] for error in told["errors"]} == {"limit", "state", "page"}


def test_a_parameter_sent_twice_is_refused(program):
    told = problem(program().get(f"{CLAIMS}?limit=1&limit=2"), 400, "invalid-request")
    assert told["errors"] == [{"parameter": "limit", "detail": "This parameter may be sent once only."}]


def test_parameters_of_the_stream_go_with_the_stream(program):
    ministry = program()
    told = problem(ministry.get(CLAIMS, end=1, after_number="UA-7K4M-2P9Q-F"), 400, "invalid-request")
    assert {error["parameter"] for error in told["errors"]} == {"end", "after_number"}
    told = problem(ministry.get(CLAIMS, accept=NDJSON, limit=5, state="submitted"), 400, "invalid-request")
    assert {error["parameter"] for error in told["errors"]} == {"limit", "state"}
    told = problem(ministry.get(CLAIMS, accept=NDJSON, after_number="UA-1"), 400, "invalid-request")
    assert told["errors"] == [{"parameter": "after_number", "detail": "Expected the number of a claim."}]


def test_a_cursor_is_good_for_the_partner_it_was_made_for_alone(program):
    for name in ("olena", "taras"):
        make.claim(by=name)
    cursor = program().get(CLAIMS, limit=1).json()["next_cursor"]
    told = problem(program("Court").get(CLAIMS, cursor=cursor), 400, "invalid-request")
    assert told["errors"] == [{"parameter": "cursor", "detail": "This is no cursor that you got here."}]
    assert program().get(CLAIMS, cursor=cursor).status_code == 200


def test_a_forged_cursor_is_refused(program):
    ministry = program()
    object_ = [str(ministry.partner.public_id), ""]
    for forged in (
        signing.Signer(key="guessed", salt="partners.cursor").sign_object(object_),
        signing.Signer(salt="another purpose").sign_object(object_),
        views.cursors.sign_object(object_)[:-1],
        views.cursors.sign_object([NOWHERE, ""]),
    ):
        problem(ministry.get(CLAIMS, cursor=forged), 400, "invalid-request")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "application/problem+json", "x", "\x00/"])
@pytest.mark.parametrize("url", [CLAIMS, CHANGES, reverse("partners:categories"), reverse("partners:schema")])
def test_a_form_that_we_do_not_have_is_refused(program, url, accept):
    problem(program().get(url, accept=accept), 406, "not-acceptable")


@pytest.mark.parametrize("accept", ["*/*", "application/*", "application/json; q=0.5, text/html"])
def test_whoever_takes_json_gets_it(program, accept):
    assert program().get(CLAIMS, accept=accept).headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options", "trace", "head"])
@pytest.mark.parametrize("url", SECURED)
def test_claims_are_only_read(program, url, method):
    ministry = program(scopes="claims:read evidence:read")
    answer = getattr(ministry.client, method)(url, headers={"authorization": f"Bearer {ministry.token}"})
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET"
    assert answer.headers["Content-Type"] == PROBLEM


@pytest.mark.parametrize(
    "path", ["/api/", "/api/v1/", "/api/v1/claims/", "/api/v2/claims", "/api/v1/nothing%00"]
)
def test_an_address_that_is_none_is_a_problem_too(client, path):
    problem(client.get(path), 404, "not-found")


def test_elsewhere_a_page_is_shown(client):
    answer = client.get("/apiary")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_host_that_is_not_ours_is_a_problem(client):
    problem(client.get(CLAIMS, headers={"host": "evil.example"}), 400, "invalid-request")


def test_too_many_parameters_are_a_problem(program):
    query = "&".join(f"a{n}=1" for n in range(4000))
    problem(program().get(f"{CLAIMS}?{query}"), 400, "invalid-request")


def test_a_mistake_of_ours_is_logged_and_tells_nothing(program, monkeypatch, caplog):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr("partners.feed.page", broken)
    answer = program().get(CLAIMS)
    problem(answer, 500, "server-error")
    assert "inside" not in answer.text
    assert "the inside" in caplog.text


def test_a_partners_pull_asks_little_of_the_database(program, django_assert_max_num_queries):
    for name in ("olena", "taras", "iryna"):
        make.claim(by=name)
    ministry = program()
    with django_assert_max_num_queries(8) as few:
        ministry.get(CLAIMS, limit=1)
    one = len(few)
    with django_assert_max_num_queries(one):
        ministry.get(CLAIMS, limit=3)


# --- The list of what is public ---

PUBLIC = {"token", "revoke", "categories", "category", "statistics", "schema", "docs"}
PUBLIC |= {"checkpoint", "vkeys", "tile", "inclusion", "consistency"}


def test_every_address_is_public_by_intent_or_names_its_scope():
    for pattern in urlpatterns:
        view = getattr(pattern.callback, "cls", None)
        scope = getattr(view, "required_scope", None)
        assert (pattern.name in PUBLIC) == (scope is None), pattern.name
        if scope is not None:
            assert view.permission_classes
            assert view.authentication_classes
