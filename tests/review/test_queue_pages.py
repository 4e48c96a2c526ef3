"""The list of claims that wait, finding one by its number, taking, and what the index offers to whom."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.roles import Role
from claims.models import State
from review import assignments
from review.models import Assignment
from review.views import queue
from tests import make
from tests.review.staffed import browser, desk, reviewer, said

pytestmark = pytest.mark.django_db

QUEUE = reverse("review:queue")
LOOKALIKES = str.maketrans("ABCEHIKMOPTXY", "АВСЕНІКМОРТХУ")


@pytest.fixture(autouse=True)
def _demo(settings):
    settings.DEMO = True


@pytest.fixture
def short_pages(monkeypatch):
    monkeypatch.setattr(queue, "ROWS", 3)


def listed(page):
    return [row.claim.number for row in page.context["rows"]]


@pytest.fixture
def at(monkeypatch):
    """From now on it is this moment."""
    return lambda moment: monkeypatch.setattr(timezone, "now", lambda: moment)


def filed(count, **filing):
    return [make.claim(by=f"person{number}", **filing).number for number in range(count)]


# --- What is listed ---


def test_claims_that_are_free_are_listed_oldest_first():
    numbers = filed(3)
    make.under_review(filed_by="petro", by="mykola")
    make.confirmed(filed_by="stepan", proposed_by="taras")
    make.draft(by="dmytro")
    assert listed(reviewer().get(QUEUE)) == numbers


def test_a_claim_that_was_put_back_stands_in_its_place_by_age():
    first = make.under_review(by="mykola")
    later = filed(1)
    assignments.release(first, by=make.staff("mykola", Role.REVIEWER))
    assert listed(reviewer().get(QUEUE)) == [first.number, *later]


def test_a_claim_whose_lease_ended_is_free_again():
    claim = make.under_review(by="mykola")
    now = timezone.now()
    Assignment.objects.update(taken_at=now - timedelta(hours=9), expires_at=now - timedelta(hours=1))
    assert listed(reviewer().get(QUEUE)) == [claim.number]


def test_ones_own_claim_is_not_listed():
    make.claim(by="iryna")
    assert listed(reviewer().get(QUEUE)) == []


def test_a_sensitive_claim_is_listed_only_for_who_is_named(sensitive):
    category = sensitive()
    claim = make.claim()
    client = reviewer()
    assert listed(client.get(QUEUE)) == []
    director = make.staff("dariia", Role.EXECUTIVE_DIRECTOR)
    make.user("iryna").clearances.create(category=category, given_by=director, given_at=timezone.now())
    assert listed(client.get(QUEUE)) == [claim.number]


def test_whose_claims_are_shown_is_chosen_in_the_sentence():
    mine = make.under_review(by="iryna")
    to_confirm = make.proposed(by="mykola", filed_by="petro").claim
    waiting = make.under_review(by="iryna", filed_by="stepan")
    make.asked(waiting)
    client = reviewer()
    assert listed(client.get(QUEUE, {"whose": "mine"})) == [mine.number, waiting.number]
    assert listed(client.get(QUEUE, {"whose": "to_confirm"})) == [to_confirm.number]
    assert listed(client.get(QUEUE, {"whose": "free"})) == []


def test_only_a_senior_reviewer_sees_all_that_is_in_review():
    held, assessed = make.under_review(), make.confirmed(filed_by="petro")
    assert listed(browser("senia", Role.SENIOR_REVIEWER).get(QUEUE, {"whose": "all"})) == [
        held.number,
        assessed.number,
    ]
    page = reviewer("taras").get(QUEUE, {"whose": "all"})
    assert page.context["asked"].whose == "free"


def test_category_region_and_age_narrow_the_list(at):
    today = timezone.now()
    at(today - timedelta(days=31))
    home = make.claim(answers={"katottg": make.IRPIN})
    at(today)
    death = make.claim("A2.1", by="petro")
    client = reviewer()
    assert listed(client.get(QUEUE, {"category": "A2.1"})) == [death.number]
    assert listed(client.get(QUEUE, {"region": home.region})) == [home.number]
    assert listed(client.get(QUEUE, {"older": "30"})) == [home.number]
    assert listed(client.get(QUEUE, {"older": "90"})) == []


@pytest.mark.parametrize(
    "query", ["?whose=x&category=x&region=x&older=x&after=x", "?after=UA-0000-0000-0", "?whose=%00&number="]
)
def test_what_the_list_does_not_know_is_as_if_not_said(query):
    numbers = filed(1)
    page = reviewer().get(QUEUE + query)
    assert page.status_code == 200
    assert listed(page) == numbers


def test_no_name_is_on_the_list():
    make.claim(by="olena")
    text = reviewer().get(QUEUE).text
    assert "Коваленко" not in text
    assert "olena@" not in text


# --- Pages ---


def test_pages_follow_each_other_without_gap_or_repeat_while_claims_arrive(short_pages):
    numbers = filed(7)
    client = reviewer()
    page = client.get(QUEUE)
    seen = listed(page)
    numbers.append(make.claim(by="late").number)
    while page.context["next"]:
        page = client.get(page.context["next"])
        seen += listed(page)
    assert seen == numbers


def test_pages_follow_each_other_across_two_states(short_pages):
    numbers = []
    for number in range(4):
        claim = make.under_review(by="mykola", filed_by=f"held{number}")
        assignments.release(claim, by=make.staff("mykola", Role.REVIEWER))
        numbers += [claim.number, make.claim(by=f"new{number}").number]
    client = reviewer()
    page = client.get(QUEUE)
    seen = listed(page)
    while page.context["next"]:
        page = client.get(page.context["next"])
        seen += listed(page)
    assert seen == numbers


def test_claims_of_the_same_moment_are_all_shown_once(short_pages, at):
    at(timezone.now())
    numbers = filed(5)
    client = reviewer()
    page = client.get(QUEUE)
    assert listed(page) + listed(client.get(page.context["next"])) == numbers


def test_a_page_keeps_what_the_sentence_says(short_pages):
    filed(4, code="A2.1")
    page = reviewer().get(QUEUE, {"category": "A2.1", "older": ""})
    assert "category=A2.1" in page.context["next"]


def test_the_list_costs_the_same_number_of_queries_for_one_claim_and_for_many_and_counts_nothing():
    client = reviewer()

    def queries():
        with CaptureQueriesContext(connection) as captured:
            client.get(QUEUE)
        assert not [q["sql"] for q in captured if "COUNT(" in q["sql"]]
        return len(captured)

    filed(1)
    queries()
    one = queries()
    filed(6)
    assert queries() == one


# --- By number ---


def test_a_number_is_found_as_people_type_it():
    claim = make.under_review()
    client = reviewer()
    for typed in (
        claim.number,
        claim.number.lower(),
        claim.number.replace("-", " "),
        claim.number.translate(LOOKALIKES),
    ):
        assert client.get(QUEUE, {"number": typed}).url == desk(claim)


def test_a_free_claim_is_found_with_a_button_to_take_it():
    claim = make.claim()
    page = reviewer().get(QUEUE, {"number": claim.number})
    assert listed(page) == [claim.number]
    assert desk(claim, "take") in page.text


def test_what_is_no_number_is_said_beside_the_field_and_stays_in_it():
    page = reviewer().get(QUEUE, {"number": "UA-7K4M-2P9Q-G"})
    assert "This is not a claim number." in page.text
    assert 'value="UA-7K4M-2P9Q-G"' in page.text


def test_a_claim_that_one_may_not_see_is_not_found_by_number(sensitive):
    sensitive()
    hidden, decided = make.claim(), make.recorded(code="A2.1", by="petro")
    client = reviewer("taras")
    for claim in (hidden, decided):
        page = client.get(QUEUE, {"number": claim.number})
        assert "No claim with this number waits here for you." in said(page)
        assert listed(page) == []


# --- Taking and putting back ---


def test_taking_a_claim_opens_it():
    claim = make.claim()
    client = reviewer()
    assert client.post(desk(claim, "take")).url == desk(claim)
    assert client.get(desk(claim)).status_code == 200
    assert make.fresh(claim).state == State.UNDER_REVIEW


def test_of_two_who_take_a_claim_the_slower_is_told_who_has_it():
    claim = make.under_review(by="mykola")
    page = reviewer().post(desk(claim, "take"), follow=True)
    assert "mykola@example.org has this claim until" in said(page)


def test_the_oldest_is_taken_in_the_category_of_the_sentence():
    make.claim()
    death = make.claim("A2.1", by="petro")
    client = reviewer()
    assert client.post(reverse("review:take_oldest"), {"category": "A2.1"}).url == desk(death)


def test_where_nothing_is_free_that_is_said():
    assert "No claim is free at the moment." in said(
        reviewer().post(reverse("review:take_oldest"), follow=True)
    )


def test_a_claim_is_put_back():
    claim = make.under_review()
    page = reviewer().post(desk(claim, "release"), follow=True)
    assert f"{claim.number} is free again." in said(page)
    assert listed(page) == [claim.number]


@pytest.mark.parametrize("page", ["take_oldest", "take", "release"])
def test_taking_is_not_done_by_opening_a_page(page):
    """One is led there after signing in again; the button is on the queue."""
    claim = make.claim()
    address = desk(claim, page) if page != "take_oldest" else reverse("review:take_oldest")
    answer = reviewer().get(address)
    assert (answer.status_code, answer.url) == (302, reverse("review:queue"))
    assert make.fresh(claim).state == "submitted"


def test_a_claim_that_is_not_there_is_not_taken():
    assert reviewer().post(reverse("review:take", args=["UA-0000-0000-0"])).status_code == 404


# --- The index of the staff area ---


OFFERED = {
    Role.REVIEWER: ["queue"],
    Role.SENIOR_REVIEWER: ["queue", "figures"],
    Role.BOARD_SECRETARY: ["batches", "board", "figures"],
    Role.EXECUTIVE_DIRECTOR: ["batches", "board", "figures", "clearances", "erasures"],
    Role.DATA_PROTECTION_OFFICER: ["erasures"],
    Role.BOARD_MEMBER: ["board", "figures"],
    Role.AUDITOR: ["board", "figures"],
    Role.TRANSLATOR: [],
}


@pytest.mark.parametrize("role", OFFERED)
def test_the_index_offers_what_the_role_may_open_and_each_link_opens(role):
    client = browser("anna", role)
    names = [page.url_name for page in client.get(reverse("admin:index")).context["staff_pages"]]
    assert [name for name in names if name.startswith("review:")] == [f"review:{n}" for n in OFFERED[role]]
    assert {client.get(reverse(name)).status_code for name in names} == {200}
