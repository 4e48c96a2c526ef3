"""What an attacker, an old page or an unlucky moment sends to the desk: refused, never a server error."""

import pytest
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from claims.models import State
from review import assignments, batches
from tests import make
from tests.review.explaining import lapse
from tests.review.staffed import browser, desk, reviewer, said

pytestmark = pytest.mark.django_db

NUL = "\0"


@pytest.fixture(autouse=True)
def _demo(settings):
    settings.DEMO = True


@pytest.fixture
def secretary():
    return browser("svitlana", Role.BOARD_SECRETARY)


@pytest.mark.parametrize(
    "page", ["claims/%00/", "claims/%00/take/", "claims/UA-1/", "?after=%00", "?number=%00"]
)
def test_an_address_with_a_nul_or_no_number_is_not_there_or_means_nothing(page):
    where = reverse("review:queue") + page
    assert reviewer().get(where).status_code in (200, 404)
    assert reviewer().post(where).status_code in (404, 405)


def test_a_number_is_understood_in_an_address_however_it_is_typed():
    claim = make.under_review(by="iryna")
    typed = reverse("review:queue") + f"claims/{claim.number.lower().replace('-', '')}/"
    assert reviewer("iryna").get(typed).status_code == 200


def test_a_nul_in_what_the_secretariat_or_director_sends_is_refused(secretary):
    batch = make.batch()

    def page(name):
        return reverse(f"review:{name}", args=[batch.public_id])

    assert secretary.get(page("batch") + "?after=%00").status_code == 200
    assert secretary.post(page("batch_add"), {"numbers": [NUL]}).status_code == 200
    assert secretary.post(page("batch_take_out"), {"number": NUL, "because": "later"}).status_code == 404
    director = browser("dariia", Role.EXECUTIVE_DIRECTOR)
    person = str(User.objects.first().public_id)
    sent = {"person": person, "category": NUL}
    assert director.post(reverse("review:clearance_withdraw"), sent).status_code == 404
    assert reviewer().post(reverse("review:take_oldest"), {"category": NUL}).status_code == 302


def decision(batch, **typed):
    return {
        "decided_on": "2026-03-07",
        "legal_basis": "Rules, article 21",
        "seen_digest": batches.paper(batch).digest,
    } | typed


def test_a_nul_in_words_of_the_board_is_refused_and_the_rest_stays():
    claim = make.confirmed()
    batch = make.before_the_board(claim)
    sent = {f"outcome_{claim.number}": "under_review", f"note_{claim.number}": f"Look{NUL} again"}
    where = reverse("review:decide", args=[batch.public_id])
    page = browser("bohdan", Role.BOARD_MEMBER).post(where, decision(batch, **sent))
    assert page.status_code == 409
    assert "holds a character that cannot be kept" in said(page)
    assert "Rules, article 21" in page.text


def test_who_enters_the_boards_decision_second_reads_what_they_typed():
    claim = make.confirmed()
    batch = make.before_the_board(claim)
    sent = decision(
        batch, **{f"outcome_{claim.number}": "under_review", f"note_{claim.number}": "Перевірте частку."}
    )
    make.decided(submitted=batch)
    where = reverse("review:decide", args=[batch.public_id])
    page = browser("borys", Role.BOARD_MEMBER).post(where, sent)
    assert page.status_code == 409
    assert "Return to review. Перевірте частку." in said(page)
    assert "Rules, article 21" in said(page)


def test_words_about_a_claim_that_left_the_paper_meanwhile_are_shown():
    stays, goes = make.confirmed(), make.confirmed(filed_by="petro")
    batch = make.before_the_board(stays, goes)
    sent = decision(batch, **{f"outcome_{goes.number}": "under_review", f"note_{goes.number}": "Look again."})
    make.withdraw(goes)
    page = browser("bohdan", Role.BOARD_MEMBER).post(reverse("review:decide", args=[batch.public_id]), sent)
    assert page.status_code == 409
    assert "Look again." in said(page)


def test_the_board_chooses_a_reason_with_another_outcome():
    claim = make.confirmed(recommendation="ineligible")
    batch = make.before_the_board(claim)
    sent = {
        f"outcome_{claim.number}": "recorded",
        f"reason_{claim.number}": "met_on_the_account",
        f"note_{claim.number}": "The account convinces.",
    }
    where = reverse("review:decide", args=[batch.public_id])
    assert browser("bohdan", Role.BOARD_MEMBER).post(where, decision(batch, **sent)).status_code == 302
    batches.apply_decisions()
    assert claim.outcomes.get().rule == "met_on_the_account"


@pytest.mark.parametrize("state", ["sensitive", "own", "unknown"])
def test_no_place_in_a_list_can_be_made_up_from_a_number(state, secretary):
    """It would tell how a claim stands that one may not see."""
    seen = make.confirmed(filed_by="petro")
    hidden = make.confirmed(recommendation="ineligible", filed_by="svitlana" if state == "own" else "olena")
    if state == "sensitive":
        type(hidden).objects.filter(pk=hidden.pk).update(sensitive=True)
    number = "UA-0000-0000-0" if state == "unknown" else hidden.number
    batch = batches.make("March", by=make.staff("svitlana", Role.BOARD_SECRETARY))
    where = reverse("review:batch", args=[batch.public_id])
    assert seen.number in secretary.get(f"{where}?after={number}").text
    waiting = make.claim(by="petro")
    assert waiting.number in reviewer().get(f"{reverse('review:queue')}?after={number}").text


def test_a_senior_reviewer_takes_a_claim_whose_reviewer_is_gone_while_it_waits_for_an_answer():
    claim = make.under_review(by="iryna")
    make.asked(claim, by="iryna")
    lapse(claim)
    senior = browser("senia", Role.SENIOR_REVIEWER)
    assert desk(claim, "take") in senior.get(desk(claim)).text
    senior.post(desk(claim, "take"))
    assert assignments.active(claim).reviewer == make.user("senia")
    senior.post(desk(claim, "go_on"))
    assert make.fresh(claim).state == State.UNDER_REVIEW


def test_a_superuser_with_one_office_reads_a_paper_in_it():
    batch = make.before_the_board()
    auditor = browser("andrii", Role.AUDITOR)
    User.objects.filter(email="andrii@example.org").update(is_superuser=True)
    assert auditor.get(reverse("review:paper", args=[batch.public_id])).status_code == 200
