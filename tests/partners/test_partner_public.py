"""What anybody may read of the API: the categories, its description, and the page that explains it."""

import json
import re

import jsonschema
import pytest
from django.db import connection
from django.template.defaultfilters import striptags
from django.test import Client
from django.urls import reverse
from drf_spectacular.validation import validate_schema

from claims import mandates
from claims.mandates import ClaimantKind
from claims.models import Category
from ledger.log import SYSTEM
from partners import agreements, scopes
from partners.agreements import DEMO_TERMS, OPEN_STATES
from partners.api import categories, problems, schema
from partners.api.urls import urlpatterns
from tests import make
from tests.partners.conftest import CHANGES, CLAIMS, SUBMITTED

pytestmark = pytest.mark.django_db

CATEGORIES = reverse("partners:categories")
SCHEMA = reverse("partners:schema")
DOCS = reverse("partners:docs")


def url_of(code: str) -> str:
    return reverse("partners:category", args=[code])


# --- Categories ---


def test_the_categories_are_public(client):
    told = client.get(CATEGORIES).json()
    assert told["next_cursor"] is None
    codes = [line["code"] for line in told["results"]]
    assert sorted(codes) == sorted(Category.objects.values_list("code", flat=True))
    assert codes.index("A2.9") + 1 == codes.index("A2.10")
    home = next(line for line in told["results"] if line["code"] == "A3.1")
    assert home == {
        "code": "A3.1",
        "version": 2,
        "status": "open",
        "group": "A3",
        "title": {
            "uk": Category.objects.get(code="A3.1").title_uk,
            "en": Category.objects.get(code="A3.1").title_en,
        },
        "claimants": ["individual"],
        "sensitive": False,
        "url": "/api/v1/categories/A3.1",
    }


def test_a_category_in_preparation_is_not_shown(client):
    Category.objects.filter(code="A3.1").update(state="draft")
    assert "A3.1" not in [line["code"] for line in client.get(CATEGORIES).json()["results"]]
    assert client.get(url_of("A3.1")).status_code == 404


@pytest.mark.parametrize("code", ["A3.1", "a3.1", "А3.1", "а3,1"])  # the last two with a Cyrillic letter
def test_a_category_is_found_as_people_type_its_code(client, code):
    assert client.get(url_of(code)).json()["code"] == "A3.1"


@pytest.mark.parametrize("code", ["Z9.9", "%00", "A3.1%00", "x" * 500])
def test_a_category_that_is_not_there(client, code):
    answer = client.get(f"{CATEGORIES}/{code}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, problems.MEDIA_TYPE)


@pytest.mark.parametrize("code", ["A2.1", "A3.1", "C3.1"])
def test_answers_that_can_be_filed_fit_the_schema(client, code):
    told = client.get(url_of(code)).json()
    validator = jsonschema.Draft202012Validator(told["answers_schema"])
    validator.check_schema(told["answers_schema"])
    assert list(validator.iter_errors(make.answers(code))) == []
    assert list(validator.iter_errors({"nonsense": 1})) != []
    assert told["answers_schema"] == told["schemas"][told["claimants"][0]]


@pytest.mark.parametrize("code", ["A2.1", "A3.1", "C3.1"])
def test_every_question_is_told_in_both_languages(client, code):
    told = client.get(url_of(code)).json()
    asked = {q["id"]: q for page in told["pages"] for q in page["questions"]}
    for kind in told["claimants"]:
        assert set(told["schemas"][kind]["properties"]) == {
            q["id"] for page in told["pages"] if kind in page["claimants"] for q in page["questions"]
        }
    for question in asked.values():
        assert question["ask"]["uk"]
        assert question["ask"]["en"]
        assert question["type"]


def test_pages_stand_in_the_order_asked(client):
    told = client.get(url_of("A3.1")).json()
    asked = make.form("A3.1")
    assert [page["id"] for page in told["pages"]] == [page.id for page in asked.pages]


def test_each_kind_of_claimant_has_its_own_pages_around_those_of_the_category(monkeypatch):
    raw, other = (json.loads(Category.objects.get(code=code).newest.content) for code in ("A3.1", "C3.1"))
    raw["claimants"] |= other["claimants"]
    raw["category"]["claimants"] = list(raw["claimants"])
    both = mandates.category(raw, "A3.1")
    monkeypatch.setattr(categories, "definition", lambda _version: both)
    told = categories.whole(make.category("A3.1"))
    assert told["claimants"] == list(raw["claimants"])
    assert len(told["claimants"]) > 1
    for kind in told["claimants"]:
        shown = [page["id"] for page in told["pages"] if kind in page["claimants"]]
        assert shown == [page.id for page in both.form(ClaimantKind(kind)).pages]


def test_whoever_has_the_categories_is_not_sent_them_again(client):
    first = client.get(CATEGORIES)
    assert first.headers["Cache-Control"] == "public, max-age=300"
    again = client.get(CATEGORIES, headers={"if-none-match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    Category.objects.filter(code="A3.1").update(state="closed")
    assert client.get(CATEGORIES, headers={"if-none-match": first.headers["ETag"]}).status_code == 200


def test_the_categories_cost_one_query_each_list(client, django_assert_num_queries):
    client.get(CATEGORIES)  # definitions are then remembered
    with django_assert_num_queries(1):
        client.get(CATEGORIES)


@pytest.mark.parametrize("url", [CATEGORIES, SCHEMA, DOCS])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_what_is_public_is_only_read(client, url, method):
    answer = getattr(client, method)(url)
    assert (answer.status_code, answer.headers["Content-Type"]) == (405, problems.MEDIA_TYPE)
    assert answer.headers["Allow"] == "GET, HEAD"
    assert client.head(url).status_code == 200


ADDRESSES = [
    *(re.sub(r"<[^>]*>", "x", f"/api/v1/{pattern.pattern}") for pattern in urlpatterns),
    *("/api/", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/docs/", "/api/v2/claims"),
]


@pytest.mark.parametrize("url", ADDRESSES)
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options", "trace"])
def test_programs_have_no_form_token_and_no_address_answers_them_with_a_page(url, method):
    answer = getattr(Client(enforce_csrf_checks=True), method)(url)
    assert answer.status_code in (400, 401, 404, 405)
    assert answer.headers["Content-Type"] in (problems.MEDIA_TYPE, "application/json")


# --- The description ---


def test_the_description_is_valid_openapi(client):
    described = client.get(SCHEMA).json()
    assert described["openapi"].startswith("3.1.")
    validate_schema(described)


def test_every_schema_in_the_description_is_valid_json_schema(client):
    for told in client.get(SCHEMA).json()["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(told)


def test_every_address_is_described(client):
    paths = set(client.get(SCHEMA).json()["paths"])
    routes = {re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern)) for pattern in urlpatterns}
    assert paths == {f"/api/v1/{route}" for route in routes - {"docs"}}


def test_the_description_says_which_scope_an_address_needs(client):
    described = client.get(SCHEMA).json()
    needed = {path: told["get"]["security"] for path, told in described["paths"].items() if "claims" in path}
    assert needed[CLAIMS] == [{"oauth2": ["claims:read"]}]
    assert needed["/api/v1/claims/{number}/evidence/{file_id}"] == [{"oauth2": ["evidence:read"]}]
    flow = described["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]
    assert flow["scopes"] == {
        "claims:read": "Read the claims that the agreement covers and follow their changes.",
        "evidence:read": "Fetch the evidence of those claims, where the agreement includes evidence.",
        "ledger:read": "Read the entries of the ledger about those claims, to check the log with them.",
    }


def test_the_description_is_in_english_whoever_asks(client):
    assert client.get(SCHEMA, headers={"accept-language": "uk"}).content == (
        client.get(SCHEMA, headers={"accept-language": "en"}).content
    )


def test_the_description_names_the_states_that_leave_the_house_and_no_other(client):
    text = client.get(SCHEMA).text
    assert "eligible" not in text
    parameters = json.loads(text)["paths"][CLAIMS]["get"]["parameters"]
    state = next(parameter for parameter in parameters if parameter["name"] == "state")
    assert state["schema"]["enum"] == list(OPEN_STATES)


def test_a_new_category_is_in_the_description_at_once(client):
    def codes() -> list[str]:
        parameters = client.get(SCHEMA).json()["paths"][CLAIMS]["get"]["parameters"]
        return next(p for p in parameters if p["name"] == "category")["schema"]["enum"]

    assert "A3.1" in codes()
    Category.objects.filter(code="A3.1").update(state="draft")
    assert "A3.1" not in codes()


def fitting(name: str) -> jsonschema.Draft202012Validator:
    described = schema.document()
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": described["components"]},
        format_checker=jsonschema.FormatChecker(),
    )


def test_what_is_answered_is_what_is_described(client, program):
    make.claim(answers=make.answers("A3.1"), files=[make.PDF])
    ministry = program()
    for name, answer in {
        "Claims": ministry.get(CLAIMS),
        "Changes": ministry.get(CHANGES),
        "Problem": ministry.get(CLAIMS, limit=0),
        "Categories": client.get(CATEGORIES),
        "WholeCategory": client.get(url_of("A3.1")),
        "IssuedToken": ministry.ask_token(scope="claims:read"),
        "OAuthError": ministry.ask_token(client_secret="wrong"),
    }.items():
        assert [error.message for error in fitting(name).iter_errors(answer.json())] == []


def test_a_recorded_claim_is_as_described(program):
    make.recorded(by="olena")
    told = program(terms=DEMO_TERMS).get(CLAIMS).json()
    assert told["results"][0]["outcome"]["outcome"] == "recorded"
    assert [error.message for error in fitting("Claims").iter_errors(told)] == []


def test_changes_are_as_described(program):
    ministry = program()
    make.withdraw(make.claim())
    agreements.change(ministry.partner, DEMO_TERMS, by=SYSTEM)
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger_seal(10000)")
    told = ministry.get(CHANGES, limit=1000).json()
    assert {change["type"] for change in told["results"]} == {"gone", "agreement"}
    assert [error.message for error in fitting("Changes").iter_errors(told)] == []
    agreements.change(ministry.partner, SUBMITTED, by=SYSTEM)
    told = ministry.get(CHANGES, limit=1000).json()
    assert {change["type"] for change in told["results"]} == {"claim", "gone", "agreement"}
    assert [error.message for error in fitting("Changes").iter_errors(told)] == []


# --- The page ---

WORDS = {
    "en": ["For partner systems", "A first pull", "Scopes", "Problems"],
    "uk": ["Для партнерських систем", "Перше отримання", "Дозволи", "Помилки"],
}


@pytest.mark.parametrize("language", WORDS)
def test_the_page_is_in_both_languages(client, language):
    page = client.get(DOCS, headers={"accept-language": language}).text
    assert f'<html lang="{language}"' in page
    for words in WORDS[language]:
        assert words in page


def test_the_page_shows_every_address_scope_and_problem(client):
    page = client.get(DOCS, headers={"accept-language": "en"}).text
    words = striptags(page)
    for path, operations in schema.document()["paths"].items():
        for method in operations:
            assert f"{method.upper()} {path}" in words
    for name, sentence in scopes.SENTENCES.items():
        assert f"<code>{name}</code>" in page
        assert str(sentence) in words
    for kind in problems.KINDS:
        assert f'id="problem-{kind.code}"' in page


def test_every_link_within_the_page_leads_somewhere(client):
    page = client.get(DOCS).text
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_the_page_needs_no_script_and_no_style_of_its_own(client):
    answer = client.get(DOCS)
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert "<style" not in answer.text
    assert "style=" not in answer.text
    assert re.findall(r"<script(?![^>]* src=)", answer.text) == []
