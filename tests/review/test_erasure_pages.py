"""Erasing by law on the pages of the staff area: found by number, proposed, carried out by another person."""

import pytest
from django.urls import reverse

from accounts.roles import Role
from claims import versions
from claims.models import Erasure
from ledger import sealing
from review import clearances
from tests import make
from tests.review import staffed

pytestmark = pytest.mark.django_db

PAGE = reverse("review:erasures")
SENT = {"version": "", "sections": ["account"], "ground": "unlawful", "reason": "It names a witness."}


@pytest.fixture(autouse=True)
def _demo(settings):
    settings.DEMO = True


@pytest.fixture
def officer():
    return staffed.browser("denys", Role.DATA_PROTECTION_OFFICER)


@pytest.fixture
def director():
    return staffed.browser("dariia", Role.EXECUTIVE_DIRECTOR)


def of_claim(claim):
    return reverse("review:erasure_propose", args=[claim.number])


def of(erasure, page="erasure"):
    return reverse(f"review:{page}", args=[erasure.public_id])


def test_the_index_offers_it_to_whom_it_concerns(officer):
    assert "Erasing by law" in officer.get(reverse("admin:index")).text
    assert "Erasing by law" not in staffed.reviewer().get(reverse("admin:index")).text


def test_an_officer_finds_a_claim_by_its_number(officer):
    claim = make.claim()
    typed = claim.number.lower().replace("-", " ")
    assert officer.get(PAGE, {"number": typed}).url == of_claim(claim)
    assert "There is no claim with this number." in officer.get(PAGE, {"number": "UA-0"}).text


def test_what_the_claim_says_is_not_shown_only_about_what_it_says_something(officer):
    claim = make.claim(answers={"cause": "Ракета."})
    page = officer.get(of_claim(claim)).text
    assert "Ракета" not in page
    assert "Коваленко" not in page
    assert "the claimant’s own account" in page


def test_from_the_proposal_to_the_erasure(officer, director):
    claim = make.claim(answers={"cause": "Ракета."})
    answer = officer.post(of_claim(claim), SENT)
    erasure = Erasure.objects.get()
    assert answer.url == of(erasure)
    assert "Another person than the one who proposed it carries it out." in officer.get(of(erasure)).text
    page = staffed.said(director.get(of(erasure)))
    assert "From version 1: the claimant’s own account" in page
    assert "It names a witness." in page
    done = director.post(of(erasure), {"number": claim.number.lower()}, follow=True)
    assert "Erased. The claimant and the partners are told." in done.text
    assert versions.erased(claim.versions.get()) == ["account"]
    assert "Carried out" in director.get(PAGE).text


def test_nobody_erases_without_typing_the_number(director):
    erasure = make.erasure(make.claim(), "account")
    for typed in ("", make.claim(by="petro").number):
        answer = director.post(of(erasure), {"number": typed})
        assert "Error:" in answer.text
    assert versions.erased(erasure.claim.versions.get()) == []


def test_who_proposed_is_refused(officer):
    erasure = make.erasure(make.claim(), "account")
    answer = officer.post(of(erasure), {"number": erasure.claim.number})
    assert answer.status_code == 409
    assert "another person must carry it out" in answer.text


def test_a_proposal_that_was_overtaken_is_refused_and_can_be_given_up(director):
    erasure = make.erasure(make.claim(), "account")
    make.amend(erasure.claim)
    answer = director.post(of(erasure), {"number": erasure.claim.number})
    assert answer.status_code == 409
    assert "There is a newer version of this claim." in answer.text
    assert "Given up" in director.post(of(erasure, "erasure_drop"), follow=True).text
    assert director.post(of(erasure, "erasure_drop")).status_code == 409


def test_what_is_missing_in_a_proposal_is_said_and_what_was_typed_stays(officer):
    answer = officer.post(of_claim(make.claim()), {"reason": "It names a witness."})
    assert "Choose what is to be erased." in answer.text
    assert "Choose the ground." in answer.text
    assert "It names a witness." in answer.text


def test_a_second_proposal_is_refused_with_a_sentence(officer):
    claim = make.claim()
    make.erasure(claim, "loss")
    answer = officer.post(of_claim(claim), SENT)
    assert answer.status_code == 409
    assert "An erasure in this claim is proposed already." in answer.text


def test_one_version_can_be_chosen(officer):
    claim = make.amend(make.claim(answers={"cause": "Перше."}), cause="Друге.")
    officer.post(of_claim(claim), SENT | {"version": "1"})
    assert Erasure.objects.get().version == claim.versions.get(number=1)


def test_a_sensitive_claim_does_not_exist_for_who_is_not_named(officer, director, sensitive):
    category = sensitive()
    claim = make.claim()
    assert officer.get(of_claim(claim)).status_code == 404
    assert "There is no claim with this number." in officer.get(PAGE, {"number": claim.number}).text
    named = make.staff("denys", Role.DATA_PROTECTION_OFFICER)
    clearances.give(named, category, by=make.staff("dariia", Role.EXECUTIVE_DIRECTOR))
    erasure = make.erasure(claim, "account")
    assert officer.get(of(erasure)).status_code == 200
    assert director.get(of(erasure)).status_code == 404
    assert claim.number not in director.get(PAGE).text


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_asks_the_database_as_often_for_three_as_for_one(
    officer, rows, django_assert_max_num_queries
):
    for n in range(rows):
        make.erasure(make.claim(by=f"person{n}"), "account")
    with django_assert_max_num_queries(12):
        page = officer.get(PAGE)
    assert page.text.count('class="number"') == rows


# --- The desk afterwards ---


def test_the_desk_says_that_a_part_was_erased_and_shows_the_rest():
    claim = make.under_review(answers={"cause": "Ракета."}, files=[make.PDF])
    claim = make.answered(claim, reply="Договір згорів.")
    make.erased(claim, "account", "evidence")
    page = staffed.reviewer().get(staffed.desk(claim)).text
    assert "A part of this claim was erased under data-protection law." in page
    assert "The list of the evidence was erased by law, and its files with it." in page
    assert "The text was erased." in page
    assert "Договір згорів." not in page


def test_what_was_erased_is_not_shown_as_changed():
    claim = make.under_review(answers={"cause": "Ракета."}, files=[make.PDF])
    claim = make.amend(claim, cause="Друге.")
    make.erased(claim, "account", "evidence", version=claim.versions.get(number=2))
    page = staffed.said(staffed.reviewer().get(staffed.desk(claim)))
    assert "Ракета." not in page
    assert "Files taken out" not in page


def test_a_file_of_an_erased_list_is_gone_from_the_desk():
    claim = make.under_review(files=[make.PDF])
    file_id = claim.attachments.get().evidence_file.public_id
    make.erased(claim, "evidence")
    assert staffed.reviewer().get(staffed.desk(claim, "file", file_id)).status_code == 404


def test_the_story_on_the_desk_tells_who_proposed_and_who_erased():
    claim = make.under_review()
    make.erased(claim, "account")
    sealing.seal()
    page = staffed.said(staffed.reviewer().get(staffed.desk(claim)))
    assert "denys@example.org proposed to erase a part of the claim by law." in page
    assert "dariia@example.org erased a part of the claim by law." in page
