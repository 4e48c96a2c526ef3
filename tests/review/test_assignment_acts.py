"""Taking a claim, keeping it and putting it back."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.roles import Role
from claims.models import Claim
from review import access, assignments, checklists, decisions
from review.models import LEASE, Assignment
from tests import make
from tests.review.explaining import entries, explains, kinds, lapse

pytestmark = pytest.mark.django_db


def test_taking_a_submitted_claim_starts_its_review(reviewer):
    claim = make.claim()
    given = assignments.take(claim, by=reviewer("iryna"))
    claim = make.fresh(claim)
    assert claim.state == "under_review"
    assert given.expires_at - given.taken_at == LEASE == timedelta(hours=8)
    assert kinds(claim) == ["claim.submitted", "claim.review_started", "review.taken"]
    assert explains(claim)


def test_taking_is_internal_to_the_ledger_and_names_the_office(reviewer):
    claim = make.under_review(by="iryna")
    [entry] = entries(claim, kind="review.taken")
    assert (entry["open"], entry["office"]) == (False, "reviewer")
    assert entry["actor"]["id"] == str(reviewer("iryna").public_id)


def test_a_claim_on_somebody_elses_desk_is_not_taken(reviewer):
    claim = make.under_review(by="iryna")
    with pytest.raises(
        assignments.AlreadyTaken, match=r"iryna@example.org has this claim until .*Take another"
    ):
        assignments.take(claim, by=reviewer("mykola"))


def test_taking_ones_own_claim_again_begins_the_time_anew(reviewer):
    claim = make.under_review(by="iryna")
    lapse(claim)
    again = assignments.take(claim, by=reviewer("iryna"))
    assert not again.is_over
    assert claim.assignments.count() == 1


def test_a_claim_whose_time_is_over_goes_to_who_takes_it(reviewer):
    claim = make.under_review(by="iryna")
    lapse(claim)
    assignments.take(claim, by=reviewer("mykola"))
    first, second = claim.assignments.order_by("id")
    assert (first.ended_because, second.reviewer) == ("taken_over", reviewer("mykola"))
    [_taken, taken_over] = entries(claim, kind="review.taken")
    assert taken_over["facts"] == {"taken_over_from": str(reviewer("iryna").public_id)}


@pytest.mark.parametrize("arrange", [make.confirmed, lambda: make.withdraw(make.claim()), make.recorded])
def test_a_claim_that_is_not_to_be_reviewed_is_not_taken(arrange, reviewer):
    claim = arrange()
    with pytest.raises(assignments.NotNow, match="cannot be taken"):
        assignments.take(claim, by=reviewer("petro"))


def test_a_claim_about_which_something_is_proposed_is_not_taken_by_others(reviewer):
    proposal = make.proposed(by="iryna")
    lapse(proposal.claim)
    with pytest.raises(assignments.NotNow, match="iryna@example.org has proposed"):
        assignments.take(proposal.claim, by=reviewer("mykola"))


def test_nobody_takes_a_claim_that_they_filed(reviewer):
    with pytest.raises(access.OwnClaim, match="You filed this claim"):
        assignments.take(make.claim(by="iryna"), by=reviewer("iryna"))


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.REVIEWER, Role.SENIOR_REVIEWER}))
def test_no_other_role_takes_claims(role):
    claim = make.claim()
    by = make.user("halyna") if role in (Role.CLAIMANT, Role.REPRESENTATIVE) else make.staff("halyna", role)
    with pytest.raises(access.NotEntitled):
        assignments.take(claim, by=by)


def test_a_senior_reviewer_takes_a_claim_that_waits_for_its_claimant(senior, reviewer):
    claim = make.under_review(by="iryna")
    make.asked(claim)
    lapse(claim)
    with pytest.raises(assignments.NotNow):
        assignments.take(claim, by=reviewer("mykola"))
    assert assignments.take(claim, by=senior).reviewer == senior
    decisions.go_on(claim, by=senior)
    assert explains(claim)


# --- The oldest ---


def test_the_oldest_claim_is_taken_first(reviewer):
    first, second = make.claim(by="olena"), make.claim(by="petro")
    assert assignments.take_oldest(by=reviewer("iryna")).claim == first
    assert assignments.take_oldest(by=reviewer("mykola")).claim == second
    assert assignments.take_oldest(by=reviewer("iryna")) is None


def test_a_claim_whose_review_was_begun_goes_before_one_that_was_not(reviewer):
    make.claim(by="olena")
    begun = make.under_review(by="iryna", filed_by="petro")
    assignments.release(begun, by=reviewer("iryna"))
    assert assignments.take_oldest(by=reviewer("mykola")).claim == begun


def test_the_oldest_of_a_category_is_taken(reviewer):
    make.claim("A3.1", by="olena")
    wanted = make.claim("A2.1", by="petro")
    assert assignments.take_oldest(by=reviewer("iryna"), category=wanted.category).claim == wanted


def test_ones_own_filing_is_passed_by(reviewer):
    make.claim(by="iryna")
    assert assignments.take_oldest(by=reviewer("iryna")) is None


def test_what_is_proposed_is_passed_by_until_the_claimant_amends_it(reviewer):
    claim = make.proposed(by="iryna").claim
    lapse(claim)
    assert assignments.take_oldest(by=reviewer("mykola")) is None
    make.amend(claim, cause="Ракета.")
    assert assignments.take_oldest(by=reviewer("mykola")).claim == claim


# --- Keeping and putting back ---


def test_each_act_renews_the_time(reviewer):
    claim = make.under_review(by="iryna")
    lapse(claim)
    make.checked(claim, by="iryna")
    assert not claim.assignments.get().is_over


def save(claim, by):
    return checklists.save(claim, by=by, version_number=claim.version, answers={}, notes={})


def test_time_that_is_over_ends_nothing_while_nobody_else_takes_the_claim(reviewer):
    claim = make.under_review(by="iryna")
    assignments.release(claim, by=reviewer("iryna"))
    save(claim, reviewer("iryna"))
    assert assignments.active(claim).reviewer == reviewer("iryna")
    assert kinds(claim)[-3:] == ["review.released", "review.taken", "review.checklist_saved"]


def test_who_has_lost_the_claim_to_somebody_else_is_told_so(reviewer):
    claim = make.under_review(by="iryna")
    lapse(claim)
    assignments.take(claim, by=reviewer("mykola"))
    with pytest.raises(assignments.LeaseEnded, match="mykola@example.org has taken it.*still here"):
        save(claim, reviewer("iryna"))


def test_who_never_took_the_claim_does_nothing_with_it(reviewer):
    with pytest.raises(assignments.NotYours, match="Take it first"):
        save(make.under_review(by="iryna"), reviewer("mykola"))


def test_a_finished_review_is_on_nobodys_desk(reviewer):
    claim = make.confirmed(proposed_by="iryna")
    assert assignments.active(claim) is None
    with pytest.raises(assignments.NotNow, match="no longer possible: awaiting the board"):
        save(claim, reviewer("iryna"))


def test_a_claim_put_back_is_free(reviewer):
    claim = make.under_review(by="iryna")
    assignments.release(claim, by=reviewer("iryna"))
    assert claim.assignments.get().ended_because == "released"
    assert list(access.free(Claim.objects.all())) == [claim]
    [entry] = entries(claim, kind="review.released")
    assert entry["facts"] == {"reviewer": str(reviewer("iryna").public_id)}


def test_what_nobody_has_is_not_put_back(reviewer):
    with pytest.raises(assignments.NotNow, match="Nobody has this claim"):
        assignments.release(make.claim(), by=reviewer("iryna"))


def test_a_reviewer_does_not_put_back_somebody_elses_claim(reviewer):
    with pytest.raises(assignments.AlreadyTaken, match="iryna@example.org has this claim"):
        assignments.release(make.under_review(by="iryna"), by=reviewer("mykola"))


def test_a_senior_reviewer_puts_back_somebody_elses_claim(senior):
    claim = make.under_review(by="iryna")
    assignments.release(claim, by=senior)
    assert assignments.active(claim) is None
    assert entries(claim, kind="review.released")[0]["office"] == "senior_reviewer"


def test_a_refused_act_leaves_no_trace(reviewer):
    claim = make.under_review(by="iryna")
    before = kinds(claim), Assignment.objects.values_list().get()
    with pytest.raises(access.Refused):
        assignments.take(claim, by=reviewer("mykola"))
    assert before == (kinds(claim), Assignment.objects.values_list().get())


def test_time_is_over_at_its_minute():
    assignment = make.under_review().assignments.get()
    assignment.expires_at = timezone.now()
    assert assignment.is_over


def test_who_had_the_claim_before_does_not_take_it_from_under_a_proposal():
    """Their page is old; the proposal of whoever had it next waits to be confirmed."""
    claim = make.under_review(by="first")
    lapse(claim)
    make.proposed(make.under_review(claim, by="second"), by="second")
    lapse(claim)
    with pytest.raises(assignments.NotNow, match="waits to be confirmed"):
        make.asked(make.fresh(claim), by="first")
