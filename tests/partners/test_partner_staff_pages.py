"""The register manager's pages: looking at partners, and changing them through the acts."""

from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from accounts.roles import STAFF, Role
from claims.models import Category
from ledger.log import SYSTEM
from partners import agreements
from partners.agreements import DEMO_TERMS
from partners.models import AgreementVersion, Application, Partner
from tests import make
from tests.partners.conftest import Program

pytestmark = pytest.mark.django_db

LIST = reverse("admin:partners_partner_changelist")
PAGES = ["terms", "activity", "credentials", "revoke"]
FORM = {
    "categories": ["A3.1"],
    "all_regions": "on",
    "states": ["recorded"],
    "sections": ["core", "loss"],
}
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def _demo(settings):
    settings.DEMO = True  # no second factor is asked for


def signed_in(role: Role, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(make.user(role.value, role))
    return client


@pytest.fixture
def manager():
    return signed_in(Role.REGISTER_MANAGER)


@pytest.fixture
def ministry(partner):
    return partner(terms=DEMO_TERMS)


def url(page: str, partner: Partner) -> str:
    return reverse(f"admin:partners_partner_{page}", args=[partner.public_id])


def form(partner: Partner, **changes: object) -> dict[str, object]:
    """What the page sends that shows the terms in force now."""
    return FORM | {"seen": agreements.current(partner).digest} | changes


def test_the_index_leads_to_the_partners(manager):
    assert LIST in manager.get(reverse("admin:index")).text


def test_the_list_of_partners(manager, ministry):
    page = manager.get(LIST)
    assert page.status_code == 200
    assert "Ministry" in page.text
    assert url("change", ministry) in page.text


def test_the_terms_stand_there_as_sentences(manager, ministry):
    page = manager.get(url("change", ministry)).text
    for sentence in (
        "The partner sees claims in every category that is not sensitive.",
        "It sees no claims in sensitive categories.",
        "It sees claims from everywhere, and those that name no region.",
        "It sees a claim while its state is: Recorded in the Register.",
        "Of each claim it sees: the frame of the claim: mandate, declaration, signature; who claims; "
        "where it happened; what was lost.",
        "It may not fetch files of evidence.",
        "This partner may use the API.",
    ):
        assert sentence in page


def test_terms_that_name_single_things_name_them(manager, ministry):
    terms = replace(
        DEMO_TERMS,
        categories=("A3.1",),
        regions=("UA-32",),
        sections=("evidence",),
        evidence=True,
        sensitive_categories=("C3.1",),
    )
    agreements.change(ministry, terms, by=SYSTEM)
    page = manager.get(url("change", ministry)).text
    assert f"in these categories: {make.category('A3.1')}." in page
    assert f"in these sensitive categories: {make.category('C3.1')}." in page
    assert "about these regions: Kyiv oblast" in page or "about these regions: Kyiv" in page
    assert "It may fetch files of evidence." in page


def test_terms_change_once_their_words_were_read(manager, ministry):
    shown = manager.post(url("terms", ministry), form(ministry))
    assert agreements.current(ministry) == DEMO_TERMS
    assert f"in these categories: {make.category('A3.1')}." in shown.text
    assert "The partner is told to forget what it will no longer see." in shown.text
    read = shown.context["after"].digest
    assert f'name="read" value="{read}"' in shown.text
    done = manager.post(url("terms", ministry), form(ministry, read=read))
    assert done.url == url("change", ministry)
    assert agreements.current(ministry).categories == ("A3.1",)
    assert AgreementVersion.objects.latest("pk").made_by_kind == "person"


def test_terms_that_were_changed_after_reading_are_shown_again(manager, ministry):
    read = manager.post(url("terms", ministry), form(ministry)).context["after"].digest
    shown = manager.post(url("terms", ministry), form(ministry, states=["recorded", "submitted"], read=read))
    assert shown.status_code == 200
    assert "The partner will see more than now." in shown.text
    assert agreements.current(ministry) == DEMO_TERMS


NARROWED = replace(DEMO_TERMS, sections=("core",))


def check_told_that_the_terms_were_changed(answer, partner):
    assert answer.status_code == 409
    assert "The terms were changed in the meantime." in answer.text
    assert "Of each claim it sees: the frame of the claim: mandate, declaration, signature." in answer.text
    assert f'name="seen" value="{NARROWED.digest}"' in answer.text
    assert 'name="read"' not in answer.text
    assert answer.context["form"]["sections"].value() == ["core", "loss"]
    assert agreements.current(partner) == NARROWED


@pytest.mark.parametrize("step", ["show the words", "put into force"])
def test_a_page_from_before_another_change_does_not_take_it_back(manager, ministry, step):
    sent = form(ministry)
    if step == "put into force":
        sent["read"] = manager.post(url("terms", ministry), sent).context["after"].digest
    agreements.change(ministry, NARROWED, by=SYSTEM)
    check_told_that_the_terms_were_changed(manager.post(url("terms", ministry), sent), ministry)


def test_terms_that_change_while_others_are_put_into_force_are_not_taken_back(manager, ministry, monkeypatch):
    read = manager.post(url("terms", ministry), form(ministry)).context["after"].digest
    sent = form(ministry, read=read)
    current = agreements.current

    def narrowed_once_looked_at(partner):
        monkeypatch.setattr(agreements, "current", current)
        terms = current(partner)
        agreements.change(partner, NARROWED, by=SYSTEM)
        return terms

    monkeypatch.setattr(agreements, "current", narrowed_once_looked_at)
    check_told_that_the_terms_were_changed(manager.post(url("terms", ministry), sent), ministry)


def test_after_comparing_the_terms_come_into_force(manager, ministry):
    agreements.change(ministry, NARROWED, by=SYSTEM)
    read = manager.post(url("terms", ministry), form(ministry)).context["after"].digest
    assert manager.post(url("terms", ministry), form(ministry, read=read)).status_code == 302
    assert agreements.current(ministry).sections == ("core", "loss")


def test_a_page_that_does_not_say_what_it_showed_changes_nothing(manager, ministry):
    read = manager.post(url("terms", ministry), form(ministry)).context["after"].digest
    assert manager.post(url("terms", ministry), FORM | {"read": read}).status_code == 409
    assert agreements.current(ministry) == DEMO_TERMS


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"all_categories": "on"}, "Tick all categories, or single ones, not both."),
        ({"regions": ["UA-32"]}, "Tick all regions, or single ones, not both."),
        ({"states": []}, "states: name at least one."),
        ({"states": ["eligible"]}, "Select a valid choice"),
        ({"evidence": "on"}, "evidence: to fetch files, a partner needs the section evidence"),
        ({"categories": ["A3.1\0"]}, "Select a valid choice"),
    ],
)
def test_terms_that_make_no_sense_are_shown_back(manager, ministry, change, sentence):
    shown = manager.post(url("terms", ministry), form(ministry, **change))
    assert shown.status_code == 200
    assert sentence in shown.text
    assert AgreementVersion.objects.count() == 1


def test_terms_that_are_in_force_already_are_refused_in_words(manager, ministry):
    agreements.change(ministry, agreements.of_toml(TOML), by=SYSTEM)
    read = manager.post(url("terms", ministry), form(ministry)).context["after"].digest
    page = manager.post(url("terms", ministry), form(ministry, read=read), follow=True)
    assert "These are the terms in force already." in page.text


def test_sensitive_categories_are_offered_apart(manager, ministry):
    Category.objects.update(sensitive=False)
    assert "Sensitive categories" not in manager.get(url("terms", ministry)).text
    Category.objects.filter(code="C3.1").update(sensitive=True)
    assert "Sensitive categories that are included" in manager.get(url("terms", ministry)).text
    wanted = form(ministry, sensitive_categories=["C3.1"])
    read = manager.post(url("terms", ministry), wanted).context["after"].digest
    manager.post(url("terms", ministry), wanted | {"read": read})
    assert agreements.current(ministry).sensitive_categories == ("C3.1",)


TOML = """
categories = ["A3.1"]
regions = "all"
states = ["recorded"]
sections = ["core", "loss"]
"""


def test_a_partner_is_suspended_and_let_in_again(manager, ministry):
    assert "Suspend" in manager.get(url("activity", ministry)).text
    page = manager.post(url("activity", ministry), {"suspend": ""}, follow=True)
    assert "This partner is suspended: none of its tokens is valid." in page.text
    page = manager.post(url("activity", ministry), {"suspend": ""}, follow=True)  # another tab
    assert "This partner is suspended already." in page.text
    page = manager.post(url("activity", ministry), {"resume": ""}, follow=True)
    assert "This partner may use the API." in page.text


def test_credentials_are_shown_once(manager, ministry):
    page = manager.post(url("credentials", ministry), {"scopes": ["claims:read"]})
    client_id, secret = page.context["issued"]
    assert client_id in page.text
    assert secret in page.text
    assert "no-store" in page.headers["Cache-Control"]
    for other in (url("change", ministry), url("credentials", ministry), LIST):
        assert secret not in manager.get(other).text
    made = Application.objects.get()
    assert (made.client_id, made.scopes) == (client_id, "claims:read")


@pytest.mark.parametrize("scopes", [[], ["claims:write"], ["\0"]])
def test_credentials_need_a_scope_that_there_is(manager, ministry, scopes):
    assert manager.post(url("credentials", ministry), {"scopes": scopes}).status_code == 200
    assert not Application.objects.exists()


def test_credentials_are_made_void_after_asking(manager, ministry):
    program = Program(ministry, "claims:read")
    ask = f"{url('revoke', ministry)}?client={program.client_id}"
    assert ask in manager.get(url("change", ministry)).text
    assert "void for ever" in manager.get(ask).text
    page = manager.post(url("revoke", ministry), {"client": program.client_id}, follow=True)
    assert "Void since" in page.text
    assert program.ask_token().status_code == 401


def test_credentials_of_another_partner_are_not_had_through_this_one(manager, ministry, partner):
    other = Program(partner("Court"), "claims:read")
    assert manager.post(url("revoke", ministry), {"client": other.client_id}).status_code == 404
    assert manager.post(url("revoke", ministry), {"client": "\0"}).status_code == 404
    assert other.ask_token().status_code == 200


@pytest.mark.parametrize("page", ["change", *PAGES])
def test_a_partner_that_is_not_there(manager, page):
    answer = manager.get(reverse(f"admin:partners_partner_{page}", args=[NOBODY]))
    assert answer.status_code == 404


def test_nothing_is_added_changed_or_deleted_past_the_acts(manager, ministry):
    assert manager.get(reverse("admin:partners_partner_add")).status_code == 403
    assert manager.get(url("delete", ministry)).status_code in (403, 404)
    assert manager.post(
        LIST, {"action": "delete_selected", "_selected_action": [ministry.pk]}
    ).status_code in (
        200,
        302,
    )
    manager.post(url("change", ministry), {"name": "Another"})
    assert Partner.objects.get().name == "Ministry"


VIEWERS = {Role.REGISTER_MANAGER, Role.EXECUTIVE_DIRECTOR, Role.AUDITOR}


@pytest.mark.parametrize("role", sorted(STAFF))
def test_who_looks_at_partners_and_who_manages_them(ministry, role):
    Program(ministry, "claims:read")
    staff = signed_in(Role(role))
    sees = 200 if role in VIEWERS else 403
    assert staff.get(LIST).status_code == sees
    page = staff.get(url("change", ministry))
    assert page.status_code == sees
    manages = role == Role.REGISTER_MANAGER
    if sees == 200:
        assert (url("terms", ministry) in page.text) == manages
        assert (url("revoke", ministry) in page.text) == manages
    client_id = Application.objects.get().client_id
    for name in PAGES:
        there = f"{url(name, ministry)}?client={client_id}"
        assert staff.get(there).status_code == (200 if manages else 403)
        if not manages:
            assert staff.post(there, {"suspend": "", "scopes": ["claims:read"], **FORM}).status_code == 403
    if not manages:
        assert Application.objects.count() == 1
        assert Partner.objects.get().is_active
        assert AgreementVersion.objects.count() == 1


@pytest.mark.parametrize("language", ["uk", "en"])
def test_every_page_is_shown_in_both_languages_without_inline_style_or_script(ministry, language):
    program = Program(ministry, "claims:read")
    manager = signed_in(Role.REGISTER_MANAGER, language)
    for page in ("change", *PAGES):
        answer = manager.get(f"{url(page, ministry)}?client={program.client_id}")
        assert f'lang="{language}"' in answer.text
        assert "style=" not in answer.text
        assert "<script>" not in answer.text
