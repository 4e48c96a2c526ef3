"""Batches: made by the secretariat, submitted by the director; refusals keep what was ticked."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.roles import Role
from claims.models import State
from review import batches
from review.models import Batch, BatchState, Member
from review.views import batches as views
from tests import make
from tests.review.staffed import browser, said

pytestmark = pytest.mark.django_db

BATCHES = reverse("review:batches")


@pytest.fixture(autouse=True)
def _demo(settings):
    settings.DEMO = True


@pytest.fixture
def secretary():
    return browser("svitlana", Role.BOARD_SECRETARY)


@pytest.fixture
def director():
    return browser("dariia", Role.EXECUTIVE_DIRECTOR)


def empty(title="March"):
    return batches.make(title, by=make.staff("svitlana", Role.BOARD_SECRETARY))


def page_of(batch, page="batch"):
    return reverse(f"review:{page}", args=[batch.public_id])


def offered(page):
    return [candidate.claim.number for candidate in page.context["candidates"]]


def test_a_batch_is_made_and_opened(secretary):
    answer = secretary.post(BATCHES, {"title": "Житло, березень"})
    batch = Batch.objects.get()
    assert batch.title == "Житло, березень"
    assert answer.url == page_of(batch)


def test_a_batch_needs_a_name(secretary):
    page = secretary.post(BATCHES, {"title": " "})
    assert page.text.count("Give the batch a name") == 2
    assert not Batch.objects.exists()


def test_the_director_makes_no_batch(director):
    assert "<h1>Batches</h1>" in director.post(BATCHES, {"title": "x"}).text
    assert not Batch.objects.exists()


def test_batches_are_listed_newest_first_and_go_on(secretary, monkeypatch):
    monkeypatch.setattr(views, "BATCHES_A_PAGE", 2)
    made = [empty(f"Batch {n}") for n in range(5)]
    shown, address = [], BATCHES
    while address:
        page = secretary.get(address)
        shown += page.context["batches"]
        older = page.context["older"]
        address = older and f"{BATCHES}?older={older.public_id}"
    assert shown == made[::-1]


@pytest.mark.parametrize("older", ["x", "00000000-0000-4000-8000-000000000000"])
def test_a_page_after_a_batch_that_is_not_there_is_not_there(secretary, older):
    assert secretary.get(BATCHES, {"older": older}).status_code == 404


def test_confirmed_claims_are_offered_and_added_as_their_review_proposes(secretary):
    eligible = make.confirmed()
    ineligible = make.confirmed(filed_by="petro", recommendation="ineligible")
    make.under_review(filed_by="stepan")
    batch = empty()
    assert sorted(offered(secretary.get(page_of(batch)))) == sorted([eligible.number, ineligible.number])
    typed = {"numbers": [eligible.number, ineligible.number], "recommended": ""}
    page = secretary.post(page_of(batch, "batch_add"), typed, follow=True)
    assert "2 claims were added." in said(page)
    members = dict(Member.objects.values_list("claim__number", "recommended"))
    assert members == {
        eligible.number: State.RECORDED,
        ineligible.number: State.REJECTED_WITHOUT_PREJUDICE,
    }
    assert offered(page) == []


def test_candidates_go_on_without_gap_or_repeat(secretary, monkeypatch):
    monkeypatch.setattr(views, "CANDIDATES_A_PAGE", 2)
    waiting = [make.confirmed(filed_by=f"person{n}").number for n in range(3)]
    waiting += [make.confirmed(filed_by=f"other{n}", recommendation="ineligible").number for n in range(2)]
    shown, address = [], page_of(empty())
    while address:
        page = secretary.get(address)
        shown += offered(page)
        address = page.context["next"]
    assert sorted(shown) == sorted(waiting)
    assert len(shown) == 5


def test_without_a_tick_nothing_is_added(secretary):
    make.confirmed()
    page = secretary.post(page_of(empty(), "batch_add"), {"recommended": ""})
    assert "Tick the claims that should go into this batch." in page.text


def test_a_refused_addition_keeps_the_ticks(secretary):
    taken, free = make.confirmed(), make.confirmed(filed_by="petro")
    batch = empty()
    make.batch(taken, title="Another")
    typed = {"numbers": [taken.number, free.number], "recommended": ""}
    page = secretary.post(page_of(batch, "batch_add"), typed)
    assert page.status_code == 409
    assert f"{taken.number} is in the batch “Another” already." in said(page)
    assert [c.claim.number for c in page.context["candidates"] if c.is_ticked] == [free.number]


def test_a_number_that_is_not_there_is_refused(secretary):
    typed = {"numbers": [make.claim(by="svitlana").number], "recommended": ""}
    page = secretary.post(page_of(empty(), "batch_add"), typed)
    assert page.status_code == 409
    assert "One of these claims is not there." in said(page)


def test_a_sensitive_claim_is_neither_offered_nor_added(secretary, sensitive):
    sensitive()
    claim = make.claim()
    type(claim).objects.filter(pk=claim.pk).update(sensitive=False)
    claim = make.confirmed(make.proposed(make.under_review(claim)))
    type(claim).objects.filter(pk=claim.pk).update(sensitive=True)
    batch = empty()
    assert offered(secretary.get(page_of(batch))) == []
    page = secretary.post(page_of(batch, "batch_add"), {"numbers": [claim.number], "recommended": ""})
    assert "One of these claims is not there." in said(page)
    assert not Member.objects.exists()


@pytest.mark.parametrize("because", ["later", "mistake"])
def test_a_claim_is_taken_out_with_the_reason_chosen(secretary, because):
    batch = make.batch()
    member = batch.members.get()
    typed = {"number": member.claim.number, "because": because}
    page = secretary.post(page_of(batch, "batch_take_out"), typed, follow=True)
    member.refresh_from_db()
    assert member.removed_because == because
    assert "Taken out" in said(page)


@pytest.mark.parametrize("typed", [{}, {"because": "amended"}, {"number": "UA-1", "because": "later"}])
def test_what_the_page_does_not_offer_is_not_there(secretary, typed):
    batch = make.batch()
    typed = {"number": batch.members.get().claim.number} | typed
    assert secretary.post(page_of(batch, "batch_take_out"), typed).status_code == 404


def test_the_director_submits_and_is_shown_the_paper(director):
    batch = make.batch()
    assert director.post(page_of(batch, "batch_submit")).url == page_of(batch, "paper")
    batch.refresh_from_db()
    assert batch.state == BatchState.SUBMITTED


def test_an_empty_batch_is_not_submitted(director):
    page = director.post(page_of(empty(), "batch_submit"))
    assert page.status_code == 409
    assert "There is no claim in this batch." in said(page)


def test_a_batch_that_was_submitted_meanwhile_is_not_changed(secretary):
    batch, free = make.before_the_board(), make.confirmed(filed_by="petro")
    page = secretary.post(page_of(batch, "batch_add"), {"numbers": [free.number], "recommended": ""})
    assert page.status_code == 409
    assert "This batch was submitted in the meantime." in said(page)


def test_the_secretary_does_not_submit_and_the_director_does_not_add(secretary, director):
    batch = make.batch()
    assert secretary.post(page_of(batch, "batch_submit")).status_code == 403
    assert director.post(page_of(batch, "batch_add")).status_code == 403
    assert "batch_submit" not in secretary.get(page_of(batch)).text


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.BOARD_MEMBER, Role.AUDITOR])
def test_batches_in_preparation_are_not_for_other_roles(role):
    batch = make.batch()
    client = browser("anna", role)
    assert client.get(BATCHES).status_code == 403
    assert client.get(page_of(batch)).status_code == 403


def test_a_batch_names_nobody_who_claims(secretary):
    text = secretary.get(page_of(make.batch(make.confirmed()))).text
    assert "Коваленко" not in text
    assert "olena@" not in text


def test_the_page_costs_the_same_number_of_queries_however_many_claims(secretary):
    def queries(batch):
        with CaptureQueriesContext(connection) as captured:
            secretary.get(page_of(batch))
        return len(captured)

    small = make.batch(title="Small")
    make.confirmed(filed_by="waits0")
    queries(small)
    few = queries(small)
    large = make.batch(*[make.confirmed(filed_by=f"person{n}") for n in range(3)], title="Large")
    make.confirmed(filed_by="waits1")
    assert queries(large) == few
