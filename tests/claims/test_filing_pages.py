"""Filing in a browser: nothing typed is lost, every step can be repeated, every address is answered."""

import json
import re
import uuid
from dataclasses import asdict
from urllib.parse import urlencode

import pytest
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from claims import filing, mandates
from claims.models import Claim, ClaimVersion, Draft
from claims.models.category import CategoryState
from claims.versions import Declaration
from claims.views import following, held
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def olena(signed_in):
    return signed_in("olena")


def url(name, claim, *rest):
    return reverse(f"claims:{name}", args=[claim.public_id, *rest])


def page(claim, page_id, query=""):
    return url("page", claim, page_id) + query


def said(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def shown(browser, address):
    return browser.get(address).content.decode()


def declared(name="Олена Коваленко"):
    """What the declaration's page sends."""
    return asdict(Declaration.of_current_texts(name, language="en"))


def answers(claim):
    return Draft.objects.get(claim=claim).answers


def close(category, state=CategoryState.CLOSED):
    category.state = state
    category.save()


# --- Categories, and where a claim begins ---


@pytest.mark.parametrize("typed", ["А3.1", "а3.1", "a3.1"])
def test_a_category_is_found_when_its_letter_is_typed_in_cyrillic(client, typed):
    answer = client.get(reverse("claims:category", args=[typed]))
    assert (answer.status_code, answer.url) == (302, "/categories/A3.1/")


@pytest.mark.parametrize("code", ["Z9.9", "A3", "A3.1.1", "%00", "'", "🏠"])
@pytest.mark.parametrize("start", ["/categories/", "/claims/new/"])
def test_a_category_that_does_not_exist_is_not_found(olena, start, code):
    assert olena.get(f"{start}{code}/").status_code == 404


def test_a_category_in_preparation_does_not_exist_for_the_public(client):
    close(make.category(), CategoryState.DRAFT)
    assert client.get("/categories/A3.1/").status_code == 404
    assert "A3.1" not in client.get("/categories/").content.decode()


def codes(answer):
    return [category.code for _group, found in answer.context["groups"] for category, _details in found]


def test_the_list_is_for_one_kind_of_claimant_and_people_come_first(client):
    first = codes(client.get("/categories/"))
    assert first[0] == "A1.1"
    assert first.index("A2.9") + 1 == first.index("A2.10")
    assert codes(client.get("/categories/?for=no_such_kind")) == first
    others = [codes(client.get(f"/categories/?for={kind}")) for kind in ("legal_entity", "state_body")]
    assert [{code[0] for code in found} for found in (first, *others)] == [{"A"}, {"C"}, {"B"}]


def test_looking_at_the_start_begins_nothing(olena):
    assert olena.get(reverse("claims:start", args=["A3.1"])).status_code == 200
    assert not Claim.objects.exists()


def test_starting_leads_to_the_task_list(olena):
    answer = olena.post(reverse("claims:start", args=["A3.1"]))
    assert answer.url == url("claim", Claim.objects.get())


def test_a_closed_category_starts_no_claim_and_says_so(olena):
    close(make.category())
    answer = olena.post(reverse("claims:start", args=["A3.1"]))
    assert answer.url == "/categories/A3.1/"
    assert said(answer) == ["This category does not take claims at the moment."]
    assert not Claim.objects.exists()


def test_what_was_filled_in_from_the_last_claim_is_said(olena):
    make.claim(by="olena")
    answer = olena.post(reverse("claims:start", args=["A3.1"]))
    assert said(answer) == ["We filled in what you told about yourself in your last claim. Look it over."]


@pytest.mark.parametrize("query", ["", "і", " і ", "\x00\x00", "’’", "%%", "ххх"])
def test_places_are_not_suggested_from_less_than_two_letters(client, query):
    assert client.get(reverse("claims:places"), {"q": query}).json() == []


def test_places_are_suggested_from_two_letters_on(client):
    [first, *_] = client.get(reverse("claims:places"), {"q": "Бородянк"}).json()
    assert first["code"] == "UA32080030010080493"


# --- A page of questions ---


def test_continue_keeps_the_answers_and_leads_to_the_next_page_of_the_section(olena):
    claim = make.draft()
    answer = olena.post(page(claim, "damage"), {"damage_level": "damaged", "damage_cause__state": "unknown"})
    assert answer.url == page(claim, "inspection")
    assert answers(claim) == {"damage_level": "damaged", "damage_cause": {"state": "unknown"}}


def test_at_the_end_of_a_section_one_is_led_to_the_task_list(olena):
    claim = make.draft()
    assert olena.post(page(claim, "inspection")).url == url("claim", claim)


def test_one_can_save_and_come_back_later(olena):
    claim = make.draft()
    answer = olena.post(page(claim, "damage"), {"damage_level": "damaged", "leave": "1"})
    assert answer.url == url("claim", claim)
    assert said(answer) == ["Saved. You can go on at any time, on this or another device."]
    assert answers(claim) == {"damage_level": "damaged"}


def test_one_who_came_from_the_check_page_is_led_back_to_it(olena):
    claim = make.draft()
    assert olena.post(page(claim, "damage", "?back=check")).url == url("check", claim)


def test_what_is_wrong_is_said_and_what_is_right_is_kept(olena):
    claim = make.draft()
    sent = {"damage_date_year": "22", "event_date_to_year": "2022"}
    answer = olena.post(page(claim, "when"), sent)
    assert answer.status_code == 200
    assert "Please look again at the following" in answer.content.decode()
    assert answer.content.decode().count("Enter the year with four digits, like 2022.") == 2
    assert answers(claim) == {"event_date_to": "2022"}
    assert Draft.objects.get(claim=claim).pages == []


def test_an_account_of_twenty_thousand_characters_is_kept(olena):
    claim, account = make.draft(), "🕯️" * 10_000
    assert olena.post(page(claim, "story"), {"cause": account}).status_code == 302
    assert answers(claim) == {"cause": account}


def test_a_longer_account_is_said_and_stands_in_its_box(olena):
    claim, account = make.draft(), "а" * 20_001
    answer = olena.post(page(claim, "story"), {"cause": account})
    assert "The text has 20001 characters; at most 20000 fit here." in answer.content.decode()
    assert account in answer.content.decode()


def test_a_date_before_the_first_day_is_explained(olena):
    claim = make.draft()
    answer = olena.post(page(claim, "when"), {"damage_date_year": "2014"})
    assert answer.status_code == 302
    assert "The Register records damage from 24 February 2022 on, and this is earlier." in said(answer)[0]


def test_the_check_page_says_which_date_is_too_early(olena):
    claim = make.draft(answers={"damage_date": "2014"})
    (asked,) = [q.ask for q in claim.form.questions if q.id == "damage_date"]
    shown = olena.get(f"/claims/{claim.public_id}/check/").content.decode()
    assert f"{asked} The Register records damage from 24 February 2022 on," in shown


def test_the_check_page_follows_the_order_of_the_sections(olena):
    claim = make.draft(answers=make.answers())
    shown = olena.get(f"/claims/{claim.public_id}/check/").content.decode()
    headings = re.findall("<h2>(.*?)</h2>", shown)
    assert headings[0] == "Before you begin"
    assert headings[-2:] == ["Evidence", "Who may see your claim"]


def test_sending_a_page_twice_does_no_harm(olena):
    claim = make.draft()
    for _ in range(2):
        assert olena.post(page(claim, "damage"), {"damage_level": "damaged"}).status_code == 302
    draft = Draft.objects.get(claim=claim)
    assert (draft.answers, draft.pages) == ({"damage_level": "damaged"}, ["damage"])


def test_after_back_the_page_shows_what_was_kept(olena):
    claim = make.draft(answers={"damage_level": "damaged"})
    shown = olena.get(page(claim, "damage")).content.decode()
    assert 'value="damaged" id="id_damage_level_0" checked' in " ".join(shown.split())


@pytest.mark.parametrize("name", ["page", "item"])
@pytest.mark.parametrize("page_id", ["no_such_page", "share", "aid"])
def test_a_page_that_does_not_exist_or_is_not_asked_is_not_found(olena, name, page_id):
    assert olena.get(url(name, make.draft(), page_id)).status_code == 404


@pytest.mark.parametrize(("name", "page_id"), [("page", "share"), ("page", "aid"), ("item", "aid")])
def test_an_answer_to_what_is_not_asked_any_more_is_not_kept_and_that_is_said(olena, name, page_id):
    claim = make.draft()
    answer = olena.post(url(name, claim, page_id) + f"?item={NEW}", {"payer": "ООН"})
    assert answer.url == url("claim", claim)
    assert said(answer) == ["Because of another answer of yours, this page is not asked any more."]
    assert answers(claim) == {}


def test_what_was_left_empty_takes_back_no_answer_of_another_device(olena):
    claim = make.draft()
    seen = re.search(r'name="seen" value="(\w+)"', shown(olena, page(claim, "damage")))[1]
    olena.post(page(claim, "damage"), {"damage_level": "damaged", "seen": seen})
    olena.post(page(claim, "damage"), {"damage_cause": "fire", "seen": seen})
    assert answers(claim) == {"damage_level": "damaged", "damage_cause": "fire"}


def test_a_page_without_a_list_has_no_items(olena):
    assert olena.get(url("item", make.draft(), "damage")).status_code == 404


def test_every_step_of_a_submitted_claim_leads_to_the_claim(olena):
    claim = make.claim()
    steps = [
        page(claim, "damage"),
        url("eligibility", claim),
        url("evidence", claim),
        url("own_account", claim),
        url("consents", claim),
        url("check", claim),
        url("discard", claim),
    ]
    for step in steps:
        for answer in (olena.get(step), olena.post(step, {"damage_level": "damaged"})):
            assert answer.url == url("claim", claim)


def test_what_is_sent_while_another_tab_submits_is_refused_kindly(olena, monkeypatch):
    def too_late(*_, **__):
        raise filing.NotADraft("This claim has been submitted already.")

    claim = make.draft()
    monkeypatch.setattr(filing, "save_page", too_late)
    monkeypatch.setattr(filing, "attach", too_late)
    for answer in (
        olena.post(page(claim, "damage"), {"damage_level": "damaged"}),
        olena.post(url("add_evidence", claim), {"file": SimpleUploadedFile("deed.pdf", make.PDF)}),
    ):
        assert answer.url == url("claim", claim)
        assert said(answer)[-1] == "This claim has been submitted already."


def test_without_the_token_of_our_page_no_answer_is_kept():
    claim = make.draft(by="olena")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make.user("olena"))
    assert browser.post(page(claim, "damage"), {"damage_level": "damaged"}).status_code == 403
    assert answers(claim) == {}


# --- Lists ---


@pytest.fixture
def shared_home():
    return make.draft(answers={"owned_by": "shares"})


NEW = uuid.UUID(int=1)


def item_url(claim, item=NEW):
    return f"{url('item', claim, 'co_owners')}?item={item}"


def test_an_entry_is_added_changed_and_removed(olena, shared_home):
    offered = re.findall(r"item/\?item=([0-9a-f-]{36})", shown(olena, page(shared_home, "co_owners")))
    olena.post(item_url(shared_home, offered[0]), {"name_given_name": "Ольга", "share": "1/3"})
    assert answers(shared_home)["co_owners"] == [{"name": {"given_name": "Ольга"}, "share": "1/3"}]
    assert f"?item={offered[0]}" in shown(olena, page(shared_home, "co_owners"))
    assert 'value="Ольга"' in shown(olena, item_url(shared_home, offered[0]))
    answer = olena.post(item_url(shared_home, offered[0]), {"share": "½"})
    assert answer.url == page(shared_home, "co_owners")
    assert answers(shared_home)["co_owners"] == [{"share": "1/2"}]
    olena.post(page(shared_home, "co_owners"), {"remove": offered[0]})
    assert "co_owners" not in answers(shared_home)


def test_an_entry_that_is_sent_twice_is_kept_once(olena, shared_home):
    for _ in range(2):
        assert olena.post(item_url(shared_home), {"share": "1/3"}).status_code == 302
    assert answers(shared_home)["co_owners"] == [{"share": "1/3"}]


@pytest.mark.parametrize("item", ["", "1", "../x", "\x00" * 36])
def test_an_entry_without_a_name_of_ours_is_not_kept(olena, shared_home, item):
    answer = olena.post(item_url(shared_home, item), {"share": "1/3"})
    assert answer.url == page(shared_home, "co_owners")
    assert "co_owners" not in answers(shared_home)


def test_what_is_wrong_in_an_entry_is_said_and_nothing_is_added(olena, shared_home):
    answer = olena.post(item_url(shared_home), {"share": "3/2", "name_given_name": "Ольга"})
    assert "Enter the share as a fraction" in answer.content.decode()
    assert 'value="Ольга"' in answer.content.decode()
    assert "co_owners" not in answers(shared_home)


def test_one_entry_too_many_is_said(olena, shared_home):
    for n in range(20):
        olena.post(item_url(shared_home, uuid.UUID(int=n)), {"share": f"1/{n + 1}"})
    answer = olena.post(item_url(shared_home, uuid.UUID(int=99)), {"share": "1/2"})
    assert said(answer) == ["At most 20 can be listed here."]
    assert "Add another" not in shown(olena, page(shared_home, "co_owners"))


def test_an_empty_list_may_say_why(olena, shared_home):
    olena.post(page(shared_home, "co_owners"), {"state": "unknown"})
    assert answers(shared_home)["co_owners"] == {"state": "unknown"}
    olena.post(page(shared_home, "co_owners"), {"state": ""})
    assert "co_owners" not in answers(shared_home)


def test_a_list_with_entries_goes_on_with_them(olena, shared_home):
    olena.post(item_url(shared_home), {"share": "1/3"})
    assert olena.post(page(shared_home, "co_owners"), {"state": "unknown"}).status_code == 302
    assert answers(shared_home)["co_owners"] == [{"share": "1/3"}]


# --- Before, beside and after the questions ---


def test_a_no_is_explained_and_stops_nobody(olena):
    claim = make.draft()
    answer = olena.post(url("eligibility", claim), {"in_territory": "no"})
    assert "Please read this, then go on" in answer.content.decode()
    assert url("claim", claim) in answer.content.decode()
    assert Draft.objects.get(claim=claim).eligibility == {"in_territory": "no"}


def test_a_no_is_explained_once(olena):
    claim = make.draft()
    olena.post(url("eligibility", claim), {"in_territory": "no"})
    assert olena.post(url("eligibility", claim), {"in_territory": "no"}).url == url("claim", claim)


def test_consents_are_off_until_they_are_ticked(olena):
    claim = make.draft()
    assert " checked" not in shown(olena, url("consents", claim))
    olena.post(url("consents", claim), {"research": "on"})
    consents = Draft.objects.get(claim=claim).consents
    assert consents["notice"] == mandates.current().privacy_notice.version
    assert [name for name, given in consents["choices"].items() if given] == ["research"]
    olena.post(url("consents", claim))
    assert not any(Draft.objects.get(claim=claim).consents["choices"].values())


def test_an_own_account_is_kept(olena):
    claim = make.draft()
    olena.post(url("own_account", claim), {"text": "Документи згоріли.\r\nСвідок — сусід."})
    assert Draft.objects.get(claim=claim).own_account == "Документи згоріли.\nСвідок — сусід."


def test_the_check_page_shows_every_answer_and_counts_what_is_missing(olena):
    claim = make.draft(answers={"damage_level": "destroyed", "damage_cause": {"state": "not_said"}})
    shown = olena.get(url("check", claim)).content.decode()
    assert "Destroyed" in shown
    assert "I prefer not to say" in shown
    assert "questions are not answered. They may stay so" in shown
    assert "You have not looked at this section. Everything in it is off." in shown


def test_the_check_page_says_what_must_be_put_right_and_where(olena):
    shown = olena.get(url("check", claim := make.draft())).content.decode()
    assert "These must be put right before you can submit" in shown
    assert page(claim, "name", "?back=check") in shown


def test_a_category_that_was_changed_meanwhile_is_shown_before_one_goes_on(olena, newer_wording):
    claim = make.draft(answers={**make.REQUIRED["individual"], "rddp_notice": "№ 5"})
    newer_wording(
        "A3.1",
        lambda c: next(p for p in c["pages"] if p["id"] == "inspection")["questions"][0].update(type="money"),
    )
    for step in (url("check", claim), page(claim, "inspection")):
        assert olena.get(step).url == url("claim", claim)
    assert "The questions in this category were changed since you began." in shown(olena, url("claim", claim))
    assert "The questions in this category" not in shown(olena, url("claim", claim))
    assert "№ 5" not in shown(olena, url("check", claim))
    assert olena.get(page(claim, "inspection")).status_code == 200


def test_a_category_that_closed_meanwhile_keeps_the_draft_and_says_so(olena):
    claim = make.draft(answers=make.answers())
    close(claim.category)
    sentence = "This category stopped taking claims while you were writing. Your draft is kept"
    for step in (url("claim", claim), url("check", claim)):
        assert sentence in olena.get(step).content.decode()
    answer = olena.post(url("declaration", claim), declared("Олена"))
    assert answer.url == url("check", claim)
    assert said(answer) == [
        "This category does not take claims at the moment. We keep your draft: nothing is lost."
    ]
    assert answers(claim) == claim.draft.answers


# --- Submitting ---


def test_submitting_leads_to_a_receipt_with_number_and_digests(olena):
    claim = make.draft(answers=make.answers())
    attachment = make.evidence(claim)
    answer = olena.post(url("declaration", claim), declared("Олена Коваленко"))
    assert answer.url == url("receipt", claim)
    shown = olena.get(answer.url).content.decode()
    claim.refresh_from_db()
    for expected in (claim.number, ClaimVersion.objects.get().digest, attachment.evidence_file.blob.sha256):
        assert expected in shown


def test_a_declaration_without_a_name_is_asked_back(olena):
    claim = make.draft(answers=make.answers())
    answer = olena.post(url("declaration", claim), declared(" "))
    assert "Type your full name under the declaration." in answer.content.decode()
    assert Claim.objects.get().is_draft


def test_texts_that_changed_meanwhile_are_shown_again(olena):
    claim = make.draft(answers=make.answers())
    answer = olena.post(url("declaration", claim), {**declared(), "version": "2019"})
    assert answer.url == url("declaration", claim)
    assert said(answer) == ["These texts were changed in the meantime. Please read them again."]


def test_the_declaration_is_signed_in_the_language_in_which_it_was_read(olena):
    claim = make.draft(answers=make.answers())
    fields = re.findall(
        r'type="hidden" name="(\w+)" value="([^"]*)"', shown(olena, url("declaration", claim))
    )
    olena.post(
        url("declaration", claim), {**dict(fields), "typed_name": "Олена"}, headers={"accept-language": "uk"}
    )
    assert json.loads(ClaimVersion.objects.get().core)["declaration"]["language"] == "en"


@pytest.mark.parametrize("missing", ["language", "version", "notice_version"])
def test_a_declaration_that_does_not_say_what_was_read_is_not_taken(olena, missing):
    claim = make.draft(answers=make.answers())
    sent = {name: value for name, value in declared().items() if name != missing}
    assert olena.post(url("declaration", claim), sent).status_code == 200
    assert Claim.objects.get().is_draft


def test_a_claim_that_is_not_ready_leads_to_the_check_page(olena):
    claim = make.draft()
    answer = olena.post(url("declaration", claim), declared("Олена"))
    assert answer.url == url("check", claim)
    assert said(answer) == ["Some answers must be put right before you can submit."]


def test_submitting_twice_makes_one_claim(olena):
    claim = make.draft(answers=make.answers())
    for _ in range(2):
        answer = olena.post(url("declaration", claim), declared("Олена Коваленко"))
    assert answer.url == url("receipt", claim)  # the one receipt, in both tabs
    assert ClaimVersion.objects.count() == 1


def test_the_page_of_a_submitted_claim_tells_its_story(olena):
    claim = make.claim()
    shown = olena.get(url("claim", claim)).content.decode()
    assert claim.number in shown
    assert "We have your claim. Nobody has begun to review it yet; you need not do anything." in shown
    assert "You submitted the claim." in shown


def test_a_draft_has_no_receipt_yet(olena):
    claim = make.draft()
    assert olena.get(url("receipt", claim)).url == url("claim", claim)


def test_a_draft_is_deleted_after_asking(olena):
    claim = make.draft()
    assert "This cannot be undone." in olena.get(url("discard", claim)).content.decode()
    assert Claim.objects.exists()
    assert olena.post(url("discard", claim)).url == reverse("claims:list")
    assert not Claim.objects.exists()
    assert olena.post(url("discard", claim)).status_code == 404


def test_what_was_filed_can_be_read_and_taken_home(olena):
    claim = make.claim(answers=make.answers(damage_level="destroyed", full_name={"family_name": "Коваленко"}))
    text = shown(olena, url("filed", claim))
    for expected in ("Destroyed", "Коваленко", "125,000.50 UAH"):
        assert expected in text
    kept = olena.get(url("filed_file", claim))
    assert kept.headers["Content-Disposition"] == f'attachment; filename="{claim.number}.json"'
    assert kept.json()["digest"] == claim.versions.get().digest


def test_the_file_of_a_discreet_claim_has_a_name_that_says_nothing(olena):
    claim = make.claim(answers={"others_may_see": "yes"})
    assert (
        olena.get(url("filed_file", claim)).headers["Content-Disposition"]
        == 'attachment; filename="file.json"'
    )


@pytest.mark.parametrize("name", ["filed", "filed_file"])
def test_a_draft_was_not_filed(olena, name):
    assert olena.get(url(name, make.draft())).status_code == 404


# --- The list of one's claims ---


def test_claims_are_listed_newest_first_a_page_at_a_time(olena, monkeypatch):
    monkeypatch.setattr(following, "CLAIMS_A_PAGE", 2)
    claims = [make.draft(by="olena") for _ in range(3)][::-1]
    first = olena.get(reverse("claims:list"))
    assert list(first.context["claims"]) == claims[:2]
    older = olena.get(f"{reverse('claims:list')}?older={claims[1].public_id}")
    assert list(older.context["claims"]) == claims[2:]


@pytest.mark.parametrize("older", ["1", "x", "00000000-0000-4000-8000-000000000000"])
def test_a_list_after_something_else_is_not_found(olena, older):
    assert olena.get(f"{reverse('claims:list')}?older={older}").status_code == 404


def test_a_list_after_somebody_elses_claim_is_not_found(olena):
    assert olena.get(f"{reverse('claims:list')}?older={make.draft(by='petro').public_id}").status_code == 404


# --- A session that ended meanwhile ---


@pytest.fixture
def signed_out(signed_in):
    """A browser whose session ended: it had one."""
    browser = signed_in("olena")
    Session.objects.all().delete()
    return browser


def type_and_send(browser, address, **typed):
    return browser.post(address, urlencode(typed), content_type="application/x-www-form-urlencoded")


def test_what_was_typed_when_the_session_ended_is_shown_after_signing_in(signed_out):
    claim = make.draft(by="olena")
    asked = type_and_send(signed_out, page(claim, "story"), cause="Ракета влучила в дім.")
    assert asked.url.startswith(f"{reverse('account_login')}?next=")
    back = signed_out.post(asked.url, {"login": "olena@example.org", "password": make.PASSWORD})
    assert back.url == page(claim, "story")
    text = shown(signed_out, back.url)
    assert "Ракета влучила в дім." in text
    assert "You were signed out in between. What you typed is here: look it over" in text
    assert answers(claim) == {}


def test_what_was_typed_is_shown_on_its_own_page_and_once(signed_out):
    claim = make.draft(by="olena")
    type_and_send(signed_out, page(claim, "story"), cause="Ракета.")
    signed_out.force_login(make.user("olena"))
    texts = [shown(signed_out, page(claim, name)) for name in ("where", "story", "story")]
    assert ["Ракета." in text for text in texts] == [False, True, False]


def test_another_person_who_signs_in_does_not_see_what_was_typed(signed_out):
    claim = make.draft(by="olena")
    type_and_send(signed_out, page(claim, "story"), cause="Ракета.")
    signed_out.force_login(make.user("petro"))
    assert signed_out.get(page(claim, "story")).status_code == 404


@pytest.mark.parametrize(("letters", "is_kept"), [(20_000, True), (60_000, False)])
def test_what_is_too_large_for_a_session_is_not_kept(signed_out, letters, is_kept):
    claim = make.draft(by="olena")
    assert type_and_send(signed_out, page(claim, "story"), cause="а" * letters).status_code == 302
    assert (held.HELD in signed_out.session) is is_kept


def test_what_was_typed_is_kept_encrypted_and_without_the_token_of_the_page(signed_out):
    claim = make.draft(by="olena")
    type_and_send(signed_out, page(claim, "story"), cause="missile", csrfmiddlewaretoken="t" * 32)
    assert "missile" not in str(signed_out.session[held.HELD])
    signed_out.force_login(make.user("olena"))
    assert "t" * 32 not in shown(signed_out, page(claim, "story"))


def test_one_address_cannot_fill_the_database_with_what_it_types(signed_out, monkeypatch):
    monkeypatch.setattr(held, "HELD_AT_MOST", 1)
    claim = make.draft(by="olena")
    type_and_send(signed_out, page(claim, "story"), cause="Перше.")
    type_and_send(signed_out, page(claim, "where"), katottg_name="Друге")
    assert signed_out.session[held.HELD]["path"] == page(claim, "story")


def test_large_files_of_somebody_who_is_signed_out_are_not_even_read(signed_out, evidence_dir):
    sent = {
        "file": SimpleUploadedFile("deed.pdf", make.PDF + bytes(held.MAX_BYTES)),
        "description": "Договір",
    }
    assert signed_out.post(url("add_evidence", make.draft(by="olena")), sent).status_code == 302
    assert held.HELD not in signed_out.session
    assert not evidence_dir.exists()


def test_words_beside_a_file_are_kept_when_the_session_ended_and_the_file_is_not(signed_out, evidence_dir):
    claim = make.draft(by="olena")
    sent = {"file": SimpleUploadedFile("deed.pdf", make.PDF), "description": "Договір", "type": ""}
    signed_out.post(url("add_evidence", claim), sent)
    assert not evidence_dir.exists()
    signed_out.force_login(make.user("olena"))
    text = shown(signed_out, url("add_evidence", claim))
    assert "Договір" in text
    assert "You were signed out in between." in text
    assert not claim.attachments.exists()


def test_nobody_puts_words_into_the_mouth_of_who_is_signed_out():
    claim = make.draft(by="olena")
    browser = Client(enforce_csrf_checks=True)
    assert browser.post(url("add_evidence", claim), {"description": "Не моє"}).status_code == 403
    assert held.HELD not in browser.session


def test_pages_of_a_claim_are_kept_by_no_browser_or_proxy(olena, client):
    claim, submitted = make.draft(by="olena"), make.claim(by="olena", files=[make.PDF])
    file_id = submitted.attachments.get().evidence_file.public_id
    for address in (
        reverse("claims:list"),
        url("claim", claim),
        page(claim, "story"),
        url("evidence", claim),
        url("check", claim),
        url("receipt", submitted),
        url("file", submitted, file_id),
    ):
        for browser in (olena, client):
            answer = browser.get(address)
            assert "no-store" in answer.headers["Cache-Control"]
            list(answer)  # a file that is not read to its end stays open


# --- How often the database is asked ---


def queries(count, browser, address):
    with count() as counted:
        assert browser.get(address).status_code == 200
    return len(counted)


@pytest.fixture
def count(django_assert_max_num_queries):
    return lambda: django_assert_max_num_queries(60)


def test_one_and_three_claims_are_listed_with_the_same_queries(olena, count):
    make.draft(by="olena")
    one = queries(count, olena, reverse("claims:list"))
    make.claim(by="olena")
    make.draft("A2.1", by="olena")
    assert queries(count, olena, reverse("claims:list")) == one


@pytest.mark.parametrize("name", ["claim", "receipt"])
def test_one_and_three_files_of_a_claim_are_shown_with_the_same_queries(olena, count, name):
    one = make.claim(by="olena", files=[make.PDF])
    three = make.claim(by="olena", files=[make.PDF, make.PDF, b"%PDF-1.7 third"])
    assert queries(count, olena, url(name, one)) == queries(count, olena, url(name, three))


@pytest.mark.parametrize("name", ["claim", "evidence", "check"])
def test_one_and_three_files_of_a_draft_are_shown_with_the_same_queries(olena, count, name):
    few, many = make.draft(by="olena"), make.draft(by="olena", answers=make.answers())
    make.evidence(few)
    for content in (make.PDF, b"%PDF-1.7 second", b"%PDF-1.7 third"):
        make.evidence(many, content)
    assert queries(count, olena, url(name, few)) == queries(count, olena, url(name, many))
