"""The public figures as JSON."""

import json

import jsonschema
import pytest
from django.urls import reverse

from claims import figures
from claims.models import Category, ClaimCount
from partners.api import problems, schema

pytestmark = pytest.mark.django_db

STATISTICS = reverse("partners:statistics")


@pytest.fixture
def published():
    Category.objects.filter(code="C3.1").update(sensitive=True)
    for region, claims in (("UA-32", 123), ("", 31)):
        ClaimCount.objects.create(category="A3.1", region=region, state="submitted", claims=claims)
    ClaimCount.objects.create(category="C3.1", region="UA-32", state="recorded", claims=78)
    return figures.publish()


def test_the_figures_are_public_and_as_they_were_published(client, published):
    answer = client.get(STATISTICS)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.content.decode() == published.content


def test_it_tells_every_table_and_as_of_when(client, published):
    told = client.get(STATISTICS).json()
    assert told["ledger_index"] == published.ledger_index
    assert (told["rounded_to"], told["submitted"]) == (10, 230)
    assert told["states"][0] == {"state": "submitted", "claims": 150}
    home = {"category": "A3.1", "sensitive": False, "submitted": 150, "recorded": 0}
    assert home in told["categories"]
    assert {"category": "C3.1", "sensitive": True, "submitted": 80, "recorded": 80} in told["categories"]
    assert {"region": "UA-32", "submitted": 120, "recorded": 0} in told["regions"]
    assert told["regions"][-1] == {"region": None, "submitted": 30, "recorded": 0}
    assert told["sensitive"] == {
        "publication": told["publication"],
        "ledger_index": published.ledger_index,
    }


def test_what_is_kept_of_sensitive_claims_never_leaves(client, published):
    assert '"parts"' in published.kept
    assert '"parts"' not in client.get(STATISTICS).content.decode()


def test_it_is_as_described(client, published):
    described = schema.document()
    told = {**described["components"]["schemas"]["Statistics"], "components": described["components"]}
    jsonschema.validate(client.get(STATISTICS).json(), told)
    assert set(told["required"]) == set(client.get(STATISTICS).json())


def test_nothing_is_sent_again_to_whoever_has_it(client, published):
    first = client.get(STATISTICS)
    assert first.headers["Cache-Control"] == "public, max-age=300"
    again = client.get(STATISTICS, headers={"if-none-match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_before_the_first_publication_there_is_nothing(client):
    answer = client.get(STATISTICS)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, problems.MEDIA_TYPE)
    assert json.loads(answer.content)["detail"] == "The first figures are not published yet."


@pytest.mark.parametrize("claims", [1, 3])
def test_it_costs_one_query(client, claims, django_assert_num_queries):
    for number in range(claims):
        ClaimCount.objects.create(category="A3.1", region=f"UA-{30 + number}", state="submitted", claims=99)
    figures.publish()
    with django_assert_num_queries(1):
        client.get(STATISTICS)


def test_unknown_parameters_are_refused(client, published):
    assert client.get(STATISTICS, {"region": "UA-32"}).status_code == 400
