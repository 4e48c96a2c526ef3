"""Papers of the Board, entering its decision, reopening; naming people for sensitive categories."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.roles import Role
from claims.models import Access, Category, State
from review import batches
from review.models import BatchState, Clearance, Member
from tests import make
from tests.review.staffed import browser, said

pytestmark = pytest.mark.django_db

BOARD, REOPEN, CLEARANCES = (reverse(f"review:{page}") for page in ("board", "reopen", "clearances"))


@pytest.fixture(autouse=True)
def _demo(settings):
    settings.DEMO = True


@pytest.fixture
def member():
    return browser("bohdan", Role.BOARD_MEMBER)


@pytest.fixture
def director():
    return browser("dariia", Role.EXECUTIVE_DIRECTOR)


def page_of(batch, page="paper"):
    return reverse(f"review:{page}", args=[batch.public_id])


def decision(batch, **typed):
    """What the page sends, with what was seen on it."""
    return {
        "decided_on": timezone.localdate().isoformat(),
        "legal_basis": "Rules, article 21",
        "seen_digest": batches.paper(batch).digest,
    } | typed


# --- The paper ---


def test_the_paper_shows_what_the_board_needs_and_no_names(member):
    eligible = make.confirmed(answers={"katottg": make.IRPIN})
    ineligible = make.confirmed(filed_by="petro", recommendation="ineligible", reason="harm_not_shown")
    page = member.get(page_of(make.before_the_board(eligible, ineligible)))
    words = said(page)
    for shown in (
        eligible.number,
        ineligible.number,
        "Kyiv",
        "The harm itself is not shown",
        "asked, answered",
    ):
        assert shown in words
    assert "not asked" in words
    for hidden in ("Коваленко", "olena@", "petro@"):
        assert hidden not in page.text


def test_a_claim_that_left_is_shown_with_why(member):
    changed, stays = make.confirmed(), make.confirmed(filed_by="petro")
    batch = make.before_the_board(changed, stays)
    make.amend(changed, damage_date="2022-03-08")
    page = member.get(page_of(batch))
    assert [row.member.claim.number for row in page.context["gone"]] == [changed.number]
    assert "The claimant changed the claim" in said(page)
    assert "1 claim was taken out" in said(page)


def test_who_opens_a_paper_is_written_down(member):
    member.get(page_of(make.before_the_board()))
    [look] = Access.objects.filter(purpose="board_paper")
    assert (look.claim, look.office, look.actor_id) == (
        None,
        "board_member",
        str(make.user("bohdan").public_id),
    )


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Role.BOARD_MEMBER, 200),
        (Role.AUDITOR, 200),
        (Role.BOARD_SECRETARY, 200),
        (Role.EXECUTIVE_DIRECTOR, 200),
        (Role.REVIEWER, 403),
        (Role.SENIOR_REVIEWER, 403),
        (Role.REGISTER_MANAGER, 403),
    ],
)
def test_who_reads_papers(role, status):
    batch = make.before_the_board()
    client = browser("anna", role)
    assert client.get(BOARD).status_code == status
    assert client.get(page_of(batch)).status_code == status


def test_a_batch_in_preparation_is_no_paper(member):
    batch = make.batch()
    assert member.get(page_of(batch)).status_code == 404
    assert batch.title not in member.get(BOARD).text


def test_a_paper_with_a_sensitive_claim_is_there_only_for_who_is_named(member):
    batch = make.before_the_board()
    claim = batch.members.get().claim
    type(claim).objects.filter(pk=claim.pk).update(sensitive=True)
    assert member.get(page_of(batch)).status_code == 404
    Clearance.objects.create(
        person=make.user("bohdan"),
        category=claim.category,
        given_by=make.staff("dariia", Role.EXECUTIVE_DIRECTOR),
        given_at=timezone.now(),
    )
    assert member.get(page_of(batch)).status_code == 200


def test_the_paper_costs_the_same_number_of_queries_however_many_claims(member):
    def queries(batch):
        with CaptureQueriesContext(connection) as captured:
            member.get(page_of(batch))
        return len(captured)

    small = make.before_the_board()
    queries(small)
    large = make.before_the_board(*[make.confirmed(filed_by=f"person{n}") for n in range(4)])
    assert queries(large) == queries(small)


# --- The decision ---


def test_the_decision_is_entered_as_recommended(member):
    batch = make.before_the_board()
    page = member.post(page_of(batch, "decide"), decision(batch), follow=True)
    assert "The Board’s decision is entered." in said(page)
    batch.refresh_from_db()
    assert (batch.state, batch.legal_basis) == (BatchState.DECIDED, "Rules, article 21")
    assert Member.objects.get().outcome == State.RECORDED


def test_the_board_decides_otherwise_about_one_claim(member):
    first, second = make.confirmed(), make.confirmed(filed_by="petro")
    batch = make.before_the_board(first, second)
    otherwise = {f"outcome_{first.number}": "under_review", f"note_{first.number}": "Потрібна ще дата."}
    member.post(page_of(batch, "decide"), decision(batch, **otherwise))
    outcomes = dict(Member.objects.values_list("claim__number", "outcome"))
    assert outcomes == {first.number: State.UNDER_REVIEW, second.number: State.RECORDED}
    assert "Потрібна ще дата." in member.get(page_of(batch)).text


def test_an_exception_without_words_comes_back_with_everything_as_typed(member):
    claim = make.confirmed()
    batch = make.before_the_board(claim)
    page = member.post(
        page_of(batch, "decide"),
        decision(batch, legal_basis="Стаття 21", **{f"outcome_{claim.number}": "under_review"}),
    )
    assert page.status_code == 409
    assert f"Write for the claimant of {claim.number}" in said(page)
    assert "Стаття 21" in page.text
    assert '<option value="under_review" selected>' in page.text


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ({"decided_on": ""}, "Enter the day on which the Board decided."),
        ({"decided_on": "soon"}, "Enter the date as a day, like 2026-03-07."),
        ({"decided_on": "9999-12-31"}, "This day is still to come."),
        ({"legal_basis": " "}, "Enter the rule by which the Board decided."),
    ],
)
def test_what_is_missing_is_said_beside_it_and_in_the_summary(member, typed, error):
    batch = make.before_the_board()
    page = member.post(page_of(batch, "decide"), decision(batch, **typed))
    assert page.text.count(error) == 2
    batch.refresh_from_db()
    assert batch.state == BatchState.SUBMITTED


def test_an_outcome_that_the_board_cannot_choose_is_refused(member):
    claim = make.confirmed()
    batch = make.before_the_board(claim)
    page = member.post(page_of(batch, "decide"), decision(batch, **{f"outcome_{claim.number}": "withdrawn"}))
    assert page.status_code == 409


def test_a_paper_that_changed_since_it_was_opened_is_shown_as_it_is_now(member):
    changed, stays = make.confirmed(), make.confirmed(filed_by="petro")
    batch = make.before_the_board(changed, stays)
    typed = decision(batch, **{f"note_{stays.number}": "Мої слова"})
    make.withdraw(changed)
    page = member.post(page_of(batch, "decide"), typed)
    assert page.status_code == 409
    assert f"1 claim was taken out since you opened the page: {changed.number}." in page.context["refusal"]
    assert "Мої слова" in page.text
    typed["seen_digest"] = page.context["digest"]
    assert member.post(page_of(batch, "decide"), typed).status_code == 302


def test_a_decision_is_entered_once(member):
    batch = make.before_the_board()
    typed = decision(batch)
    member.post(page_of(batch, "decide"), typed)
    page = member.post(page_of(batch, "decide"), typed)
    assert page.status_code == 409
    assert "has been entered already" in said(page)


def test_who_submitted_does_not_decide():
    make.staff("dariia", Role.BOARD_MEMBER)
    batch = make.before_the_board(by="dariia")
    page = browser("dariia", Role.EXECUTIVE_DIRECTOR).post(page_of(batch, "decide"), decision(batch))
    assert page.status_code == 409
    assert "You submitted this batch" in said(page)


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.BOARD_SECRETARY, Role.EXECUTIVE_DIRECTOR])
def test_who_reads_the_paper_without_deciding_has_no_form(role):
    batch = make.before_the_board()
    client = browser("anna", role)
    assert "decide/" not in client.get(page_of(batch)).text
    assert client.post(page_of(batch, "decide"), decision(batch)).status_code == 403


# --- Reopening ---


def reopening(claim, **typed):
    return {
        "number": claim.number,
        "ground": "new_facts",
        "reason": "Знайшлося фото.",
        "decided_on": timezone.localdate().isoformat(),
    } | typed


def test_the_board_reopens_a_claim_that_was_not_recorded(member):
    claim = make.rejected()
    page = member.post(REOPEN, reopening(claim, number=claim.number.lower()), follow=True)
    assert f"{claim.number} is under review again." in said(page)
    assert make.fresh(claim).state == State.UNDER_REVIEW


def test_a_claim_that_cannot_be_reopened_is_said_beside_the_number_with_the_words_kept(member):
    page = member.post(REOPEN, reopening(make.recorded()))
    assert page.text.count("No claim with this number can be reopened.") == 2
    assert "Знайшлося фото." in page.text


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ({"number": "UA-1"}, "This is not a claim number."),
        ({"ground": ""}, "Choose one of the two grounds"),
        ({"reason": ""}, "Write the reason: the claimant reads it."),
        (
            {"decided_on": (timezone.now() + timedelta(days=2)).date().isoformat()},
            "This day is still to come.",
        ),
    ],
)
def test_a_reopening_says_what_is_missing(member, typed, error):
    page = member.post(REOPEN, reopening(make.rejected(), **typed))
    assert page.text.count(error) == 2


def test_only_the_board_reopens():
    for role in (Role.AUDITOR, Role.EXECUTIVE_DIRECTOR, Role.SENIOR_REVIEWER):
        assert browser("anna", role).get(REOPEN).status_code == 403
        make.user("anna").memberships.all().delete()


# --- Sensitive categories ---


def test_the_director_names_somebody_and_takes_it_back(director, sensitive):
    category = sensitive()
    iryna = make.staff("iryna", Role.REVIEWER)
    page = director.post(CLEARANCES, {"email": "Iryna@example.org", "category": "A3.1"}, follow=True)
    assert "iryna@example.org is named." in said(page)
    assert Clearance.objects.get().person == iryna
    typed = {"person": iryna.public_id, "category": category.code}
    director.post(reverse("review:clearance_withdraw"), typed)
    assert not Clearance.objects.exists()


def test_sensitive_categories_are_offered_in_their_order(director):
    Category.objects.exclude(code__in=["A2.10", "A2.3", "A2.9"]).update(sensitive=False)
    codes = re.findall('<option value="([^"]*)"', director.get(CLEARANCES).text)
    assert codes == ["A2.3", "A2.9", "A2.10"]


def test_an_address_that_nobody_has_is_said_beside_it(director, sensitive):
    sensitive()
    page = director.post(CLEARANCES, {"email": "nobody@example.org", "category": "A3.1"})
    assert page.text.count("Nobody has an account with this address.") == 2


def test_who_meets_no_claims_is_not_named(director, sensitive):
    sensitive()
    make.user("olena")
    page = director.post(CLEARANCES, {"email": "olena@example.org", "category": "A3.1"})
    assert page.status_code == 409
    assert "None of this person’s roles meets claims." in said(page)
    assert 'value="olena@example.org"' in page.text


def test_a_category_that_is_not_sensitive_is_not_offered(director):
    make.staff("iryna", Role.REVIEWER)
    page = director.post(CLEARANCES, {"email": "iryna@example.org", "category": "A3.1"})
    assert page.status_code == 200
    assert not Clearance.objects.exists()
    assert "A3.1 " not in said(page)


def test_only_the_director_names_people():
    client = browser("anna", Role.SENIOR_REVIEWER)
    assert client.get(CLEARANCES).status_code == 403
    assert client.post(reverse("review:clearance_withdraw")).status_code == 403


@pytest.mark.parametrize("person", ["", "x", "00000000-0000-4000-8000-000000000000"])
def test_a_naming_that_is_not_there_is_not_taken_back(director, person):
    typed = {"person": person, "category": "A3.1"}
    assert director.post(reverse("review:clearance_withdraw"), typed).status_code == 404
