"""`manage.py create_partner` and `change_agreement`, as an operator uses them."""

import re

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from ledger.models import Entry
from partners import agreements
from partners.agreements import DEMO_TERMS
from partners.models import AgreementVersion, Application, Partner
from tests.partners.conftest import CLAIMS, TOKEN, post_form

pytestmark = pytest.mark.django_db

TERMS = """
categories = ["A3.1"]
regions = "all"
states = ["recorded"]
sections = ["core"]
"""


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "terms.toml"
    path.write_text(TERMS)
    return path


def credentials(printed: str) -> tuple[str, str]:
    """Id and secret, each on its own line, and nothing else."""
    found = re.fullmatch(r"client_id: (\S+)\nclient_secret: (\S+)\n", printed)
    assert found, printed
    return found[1], found[2]


def run(capsys, *words: str) -> str:
    call_command(*words)
    return capsys.readouterr().out


def test_a_new_partner_can_pull_with_what_was_printed(capsys, client):
    client_id, secret = credentials(run(capsys, "create_partner", "Ministry X", "--scopes", "claims:read"))
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    token = post_form(client, TOKEN, scope="claims:read", **form).json()["access_token"]
    answer = client.get(CLAIMS, headers={"authorization": f"Bearer {token}"})
    assert answer.json() == {"results": [], "next_cursor": None}


def test_without_a_file_the_demo_agreement_holds(capsys):
    run(capsys, "create_partner", "Ministry X", "--scopes", "claims:read")
    assert agreements.current(Partner.objects.get(name="Ministry X")) == DEMO_TERMS


def test_with_a_file_its_terms_hold(capsys, file):
    run(capsys, "create_partner", "Ministry X", "--scopes", "claims:read", "--agreement", str(file))
    assert agreements.current(Partner.objects.get()).categories == ("A3.1",)


@pytest.mark.parametrize("scopes", ["claims:read evidence:read", "claims:read,evidence:read"])
def test_scopes_are_separated_by_spaces_or_commas(capsys, scopes):
    run(capsys, "create_partner", "Ministry X", "--scopes", scopes)
    assert Application.objects.get().scopes == "claims:read evidence:read"


def test_an_unknown_scope_creates_nothing_and_names_those_that_there_are():
    with pytest.raises(CommandError, match="no scope 'claims:all'. Known are claims:read, evidence:read"):
        call_command("create_partner", "Ministry X", "--scopes", "claims:all")
    assert not Partner.objects.exists()
    assert not Entry.objects.filter(kind="partner.created").exists()


def test_a_file_with_a_mistake_creates_nothing_and_names_it(file):
    file.write_text(TERMS + "evidnce = true")
    with pytest.raises(CommandError, match="terms.toml: evidnce: unknown key"):
        call_command("create_partner", "Ministry X", "--agreement", str(file))
    assert not Partner.objects.exists()


def test_a_name_that_is_taken_is_refused_with_what_to_do(capsys):
    run(capsys, "create_partner", "Ministry X")
    with pytest.raises(CommandError, match="already. Give it further credentials with --add"):
        call_command("create_partner", "ministry x", "--scopes", "claims:read")
    assert Application.objects.count() == 1


def test_a_partner_is_given_further_credentials(capsys):
    first = credentials(run(capsys, "create_partner", "Ministry X"))
    second = credentials(run(capsys, "create_partner", "Ministry X", "--scopes", "claims:read", "--add"))
    assert first != second
    assert Partner.objects.get().applications.count() == 2
    assert AgreementVersion.objects.count() == 1


def test_further_credentials_are_for_a_partner_that_there_is():
    with pytest.raises(CommandError, match="There is no partner of the name Ministry X"):
        call_command("create_partner", "Ministry X", "--add")


def test_further_credentials_do_not_change_the_terms(capsys, file):
    run(capsys, "create_partner", "Ministry X")
    with pytest.raises(CommandError, match="change_agreement"):
        call_command("create_partner", "Ministry X", "--add", "--agreement", str(file))


def test_terms_are_replaced_by_those_of_a_file(capsys, file):
    run(capsys, "create_partner", "Ministry X")
    printed = run(capsys, "change_agreement", "Ministry X", str(file))
    assert printed == "Ministry X: version 2 of the agreement is in force.\n"
    assert agreements.current(Partner.objects.get()).categories == ("A3.1",)
    with pytest.raises(CommandError, match="in force already"):
        call_command("change_agreement", "Ministry X", str(file))


def test_terms_of_nobody_are_not_changed(file):
    with pytest.raises(CommandError, match="There is no partner of the name Ministry X"):
        call_command("change_agreement", "Ministry X", str(file))
