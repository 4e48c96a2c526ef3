"""Checklist, request, proposal and confirmation: nobody decides alone, and nothing is decided unseen."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.roles import Role
from claims.models import ClaimVersion, InformationRequest
from ledger import log
from review import access, assignments, batches, checklists, decisions
from review.models import Checklist, Proposal, Recommendation
from tests import make
from tests.review.explaining import entries, explains, kinds, lapse

pytestmark = pytest.mark.django_db


def version(claim):
    return ClaimVersion.objects.get(claim=claim, number=claim.version)


def save(claim, reviewer, *, answers=None, notes=None, number=None):
    return checklists.save(
        claim,
        by=reviewer("iryna"),
        version_number=number or claim.version,
        answers=answers or {},
        notes=notes or {},
    )


def propose(claim, by, **given):
    values = {"recommendation": Recommendation.ELIGIBLE, "reason": "all_tests_met"} | given
    return decisions.propose(claim, by=by, **{"version_number": claim.version, **values})


# --- The checklist ---


def test_the_checklist_has_the_four_tests_with_the_categorys_checks():
    tests = checklists.tests(version(make.claim()))
    assert [test.id for test, _items in tests] == [
        "eligible_claimant",
        "on_or_after_first_day",
        "in_territory",
        "caused_by_aggression",
    ]
    assert [item.id for item in tests[2][1]] == ["home_in_ukraine"]


def test_a_test_without_checks_of_the_category_is_asked_itself(monkeypatch):
    claim = make.claim()
    bare = type("Category", (), {"checklist": ()})()
    monkeypatch.setattr(checklists, "definition", lambda _version: bare)
    tests = checklists.tests(version(claim))
    assert [[item.id for item in items] for _test, items in tests] == [[t.id] for t, _items in tests]


def test_a_checklist_is_kept_as_it_was_saved_and_the_newest_counts(reviewer):
    claim = make.under_review()
    save(claim, reviewer, answers={"damage_shown": "unclear"}, notes={"damage_shown": " Фото темне. "})
    save(claim, reviewer, answers={"damage_shown": "yes"})
    newest = checklists.newest(version(claim))
    assert newest.given["damage_shown"] == {"answer": "yes", "note": ""}
    oldest = Checklist.objects.earliest("id")
    assert oldest.given["damage_shown"] == {"answer": "unclear", "note": "Фото темне."}
    assert oldest.digest == log.salted_digest(bytes(oldest.salt), oldest.answers.encode())


def test_the_ledger_knows_a_checklist_by_its_digest_alone(reviewer):
    claim = make.under_review()
    saved = save(claim, reviewer, notes={"damage_shown": "Фото темне."})
    [entry] = entries(claim, kind="review.checklist_saved")
    assert entry["facts"] == {"version_number": 1, "answers": saved.digest}
    assert not entry["open"]


def test_the_same_checklist_is_not_kept_twice(reviewer):
    claim = make.under_review()
    assert save(claim, reviewer) == save(claim, reviewer)
    assert Checklist.objects.count() == 1


@pytest.mark.parametrize(
    "given",
    [
        {"answers": {"damage_shown": "perhaps"}},
        {"answers": {"no_such_check": "yes"}},
        {"notes": {"no_such_check": "Text"}},
    ],
)
def test_only_the_checks_of_the_version_are_answered(given, reviewer):
    with pytest.raises(checklists.NotAnAnswer, match="Open the claim again"):
        save(make.under_review(), reviewer, **given)


def test_a_note_that_is_too_long_is_refused(reviewer):
    with pytest.raises(checklists.NotAnAnswer, match="more than 2000 characters"):
        save(make.under_review(), reviewer, notes={"damage_shown": "x" * 2001})


def test_a_checklist_of_a_version_that_was_overtaken_is_refused(reviewer):
    claim = make.amend(make.under_review(), cause="Ракета.")
    with pytest.raises(checklists.Overtaken, match="changed this claim since you opened it"):
        save(claim, reviewer, number=1)


# --- Asking ---


def test_the_claimant_is_asked_in_the_reviewers_words(reviewer):
    claim = make.under_review()
    request = make.asked(claim, text=" Додайте фото. ")
    assert make.fresh(claim).state == "information_requested"
    assert request.text == "Додайте фото."
    [entry] = entries(claim, kind="claim.information_requested")
    assert (entry["office"], entry["open"]) == ("reviewer", True)
    assert explains(claim)


def ask(claim, reviewer, text="Add a photograph.", days=30, number=None):
    today = timezone.localdate()
    decisions.ask(
        claim,
        by=reviewer("iryna"),
        version_number=number or claim.version,
        text=text,
        due_on=today + timedelta(days=days),
    )


@pytest.mark.parametrize("given", [{"text": "  "}, {"text": "x" * 5001}, {"days": 0}, {"days": 366}])
def test_a_request_has_words_and_a_day_within_a_year(given, reviewer):
    with pytest.raises(decisions.NothingWritten):
        ask(make.under_review(), reviewer, **given)


def test_a_request_about_a_version_that_was_overtaken_is_refused(reviewer):
    claim = make.amend(make.under_review(), cause="Ракета.")
    with pytest.raises(checklists.Overtaken):
        ask(claim, reviewer, number=1)


def test_nobody_asks_twice_at_a_time(reviewer):
    claim = make.under_review()
    ask(claim, reviewer)
    with pytest.raises(decisions.NotNow, match="more information needed"):
        ask(claim, reviewer)


def test_asking_makes_the_open_proposal_void(reviewer):
    proposal = make.proposed()
    ask(proposal.claim, reviewer)
    proposal.refresh_from_db()
    assert (proposal.state, proposal.closed_by) == ("void", None)


def test_the_review_goes_on_without_an_answer(reviewer):
    claim = make.under_review()
    ask(claim, reviewer)
    decisions.go_on(claim, by=reviewer("iryna"))
    assert make.fresh(claim).state == "under_review"
    assert explains(claim)


def test_it_does_not_go_on_when_the_claimant_was_faster(reviewer):
    claim = make.answered(make.under_review())
    with pytest.raises(decisions.NotNow, match="answered or is no longer open"):
        decisions.go_on(claim, by=reviewer("iryna"))


# --- Proposing ---


def test_a_proposal_pins_the_version_and_the_checklist():
    proposal = make.proposed(note="For colleagues.", told="За фото.")
    assert proposal.version == version(proposal.claim)
    assert proposal.checklist == checklists.newest(proposal.version)
    assert make.fresh(proposal.claim).state == "under_review"


def test_the_ledger_keeps_a_proposal_to_the_house_and_its_words_outside():
    proposal = make.proposed(note="For colleagues.", told="За фото.")
    [entry] = entries(proposal.claim, kind="review.proposed")
    assert not entry["open"]
    assert entry["version"] == proposal.version.digest
    assert entry["facts"] == {
        "proposal": str(proposal.public_id),
        "version_number": 1,
        "recommendation": "eligible",
        "reason": "all_tests_met",
        "with_prejudice": False,
        "words": log.salted_digest(
            bytes(proposal.salt), b'{"note":"For colleagues.","told":"' + "За фото.".encode() + b'"}'
        ),
    }


def test_a_proposal_needs_a_checklist(reviewer):
    with pytest.raises(decisions.NotComplete, match="Answer every check"):
        propose(make.under_review(), reviewer("iryna"))


def test_a_proposal_needs_a_whole_checklist(reviewer):
    claim = make.under_review()
    save(claim, reviewer, answers={"damage_shown": "yes"})
    with pytest.raises(decisions.NotComplete):
        propose(claim, reviewer("iryna"))


def test_a_proposal_needs_a_checklist_of_this_version(reviewer):
    claim = make.under_review()
    make.checked(claim)
    claim = make.answered(claim)
    with pytest.raises(decisions.NotComplete):
        propose(claim, reviewer("iryna"))


def test_unclear_is_an_answer(reviewer):
    claim = make.under_review()
    make.checked(claim, answer="unclear")
    assert propose(claim, reviewer("iryna")).is_open


@pytest.mark.parametrize(
    "given",
    [
        {"reason": "no_such_reason"},
        {"reason": "cause_not_shown"},
        {"recommendation": Recommendation.INELIGIBLE, "reason": "all_tests_met"},
        {"with_prejudice": True},
        {
            "recommendation": Recommendation.INELIGIBLE,
            "reason": "cause_not_shown",
            "with_prejudice": True,
        },
    ],
)
def test_the_reason_must_lead_to_what_is_proposed(given, reviewer):
    claim = make.answered(make.under_review())
    make.checked(claim)
    with pytest.raises(decisions.WrongReason):
        propose(claim, reviewer("iryna"), **given)


def test_for_a_named_ground_a_claim_may_be_rejected_for_good():
    proposal = make.proposed(recommendation="ineligible", with_prejudice=True)
    assert (proposal.reason, proposal.with_prejudice) == ("before_first_day", True)


def ineligible(claim, reviewer):
    make.checked(claim)
    return propose(
        claim, reviewer("iryna"), recommendation=Recommendation.INELIGIBLE, reason="cause_not_shown"
    )


def test_no_claim_is_proposed_as_ineligible_before_the_claimant_was_asked(reviewer):
    with pytest.raises(decisions.NotHeard, match="Ask them first"):
        ineligible(make.under_review(), reviewer)


def test_nor_after_a_request_that_was_taken_back_before_its_day(reviewer):
    claim = make.under_review()
    ask(claim, reviewer)
    decisions.go_on(claim, by=reviewer("iryna"))
    with pytest.raises(decisions.NotHeard):
        ineligible(claim, reviewer)


def test_but_after_an_answer(reviewer):
    assert ineligible(make.answered(make.under_review()), reviewer).is_open


def test_or_once_the_day_is_over(reviewer):
    claim = make.under_review()
    ask(claim, reviewer)
    InformationRequest.objects.update(due_on=timezone.localdate() - timedelta(days=1))
    decisions.go_on(claim, by=reviewer("iryna"))
    assert ineligible(make.fresh(claim), reviewer).is_open


def test_the_last_day_itself_is_the_claimants(reviewer):
    claim = make.under_review()
    ask(claim, reviewer)
    InformationRequest.objects.update(due_on=timezone.localdate())
    assert not decisions.was_heard(claim)


def test_one_proposal_at_a_time(reviewer):
    proposal = make.proposed()
    with pytest.raises(decisions.AlreadyClosed, match="iryna@example.org has proposed something already"):
        propose(proposal.claim, reviewer("iryna"))


def test_what_is_proposed_about_an_older_version_is_refused(reviewer):
    claim = make.amend(make.under_review(), cause="Ракета.")
    with pytest.raises(checklists.Overtaken):
        propose(claim, reviewer("iryna"), version_number=1)


def test_a_new_proposal_makes_the_overtaken_one_void(reviewer):
    overtaken = make.proposed()
    claim = make.amend(overtaken.claim, cause="Ракета.")
    make.checked(claim)
    assert propose(claim, reviewer("iryna")).is_open
    overtaken.refresh_from_db()
    assert overtaken.state == "void"


def test_nothing_is_proposed_while_the_claimant_is_asked(reviewer):
    claim = make.under_review()
    make.checked(claim)
    ask(claim, reviewer)
    with pytest.raises(decisions.NotNow):
        propose(claim, reviewer("iryna"))


def test_nothing_is_proposed_without_the_claim_on_ones_desk(reviewer):
    with pytest.raises(assignments.NotYours):
        propose(make.under_review(by="iryna"), reviewer("mykola"))


@pytest.mark.parametrize("text", ["note", "told"])
def test_texts_of_a_proposal_have_a_limit(text, reviewer):
    claim = make.under_review()
    make.checked(claim)
    with pytest.raises(decisions.NothingWritten, match="more than 5000 characters"):
        propose(claim, reviewer("iryna"), **{text: "x" * 5001})


# --- Confirming ---


@pytest.mark.parametrize("recommendation", ["eligible", "ineligible"])
def test_another_reviewer_confirms_and_the_review_is_finished(recommendation, reviewer):
    proposal = make.proposed(recommendation=recommendation)
    confirmed = decisions.confirm(proposal, by=reviewer("mykola"))
    claim = make.fresh(proposal.claim)
    assert (claim.state, claim.standing.state) == (recommendation, "awaiting_decision")
    assert (confirmed.state, confirmed.closed_by) == ("confirmed", reviewer("mykola"))
    assert claim.assignments.get().ended_because == "reviewed"
    assert kinds(claim)[-2:] == ["claim.review_finished", "review.confirmed"]
    assert explains(claim)


def test_no_open_entry_gives_the_recommendation_away():
    claim = make.confirmed(recommendation="ineligible")
    said = [json.dumps(entry) for entry in entries(claim) if entry["open"]]
    assert not [text for text in said if "eligible" in text]


@pytest.mark.parametrize(
    "judge",
    [
        lambda proposal, by: decisions.confirm(proposal, by=by),
        lambda proposal, by: decisions.send_back(proposal, by=by, note="Read the deed."),
    ],
)
class TestJudging:
    def test_nobody_judges_their_own_proposal(self, judge, reviewer):
        with pytest.raises(decisions.SamePerson, match="another reviewer must confirm"):
            judge(make.proposed(by="iryna"), reviewer("iryna"))

    def test_a_senior_reviewer_does_not_either(self, judge, senior):
        proposal = make.proposed(by="senia")
        with pytest.raises(decisions.SamePerson):
            judge(proposal, senior)

    def test_nobody_judges_a_claim_that_they_filed(self, judge, reviewer):
        with pytest.raises(access.OwnClaim):
            judge(make.proposed(filed_by="mykola"), reviewer("mykola"))

    @pytest.mark.parametrize("role", [Role.BOARD_SECRETARY, Role.EXECUTIVE_DIRECTOR, Role.BOARD_MEMBER])
    def test_no_other_role_judges(self, judge, role):
        proposal = make.proposed()
        with pytest.raises(access.NotEntitled):
            judge(proposal, make.staff("halyna", role))

    def test_who_comes_second_is_told_who_was_first(self, judge, reviewer):
        proposal = make.proposed()
        make.confirmed(proposal, by="mykola")
        with pytest.raises(decisions.AlreadyClosed, match="mykola@example.org confirmed this proposal on"):
            judge(proposal, reviewer("taras"))

    def test_an_amendment_makes_the_proposal_void(self, judge, reviewer):
        proposal = make.proposed()
        make.amend(proposal.claim, cause="Ракета.")
        with pytest.raises(decisions.Overtaken, match="changed the claim after this proposal"):
            judge(proposal, reviewer("mykola"))
        proposal.refresh_from_db()
        assert (proposal.state, proposal.closed_by) == ("void", None)
        with pytest.raises(decisions.AlreadyClosed, match="was overtaken"):
            judge(proposal, reviewer("mykola"))

    def test_a_withdrawal_makes_the_proposal_void(self, judge, reviewer):
        proposal = make.proposed()
        make.withdraw(proposal.claim)
        with pytest.raises(decisions.Overtaken, match="has withdrawn this claim"):
            judge(proposal, reviewer("mykola"))
        assert Proposal.objects.get().state == "void"


def test_who_sent_back_is_named(reviewer):
    proposal = make.proposed()
    decisions.send_back(proposal, by=reviewer("mykola"), note="Read the deed.")
    with pytest.raises(decisions.AlreadyClosed, match="mykola@example.org sent this proposal back on"):
        decisions.confirm(proposal, by=reviewer("taras"))


def test_a_proposal_sent_back_is_on_the_desk_of_who_made_it(reviewer):
    proposal = make.proposed(by="iryna")
    claim = proposal.claim
    lapse(claim)
    sent = decisions.send_back(proposal, by=reviewer("mykola"), note="Прочитайте акт.")
    assert (sent.state, sent.closing_note) == ("sent_back", "Прочитайте акт.")
    assert not assignments.active(claim).is_over
    assert make.fresh(claim).state == "under_review"
    [entry] = entries(claim, kind="review.sent_back")
    assert entry["facts"]["note"] == log.salted_digest(bytes(sent.salt), "Прочитайте акт.".encode())
    assert propose(claim, reviewer("iryna")).is_open


def test_sending_back_needs_words(reviewer):
    with pytest.raises(decisions.NothingWritten):
        decisions.send_back(make.proposed(), by=reviewer("mykola"), note=" ")


# --- Returning ---


def test_a_senior_reviewer_returns_an_assessed_claim(senior):
    claim = make.confirmed()
    returned = decisions.return_to_review(claim, by=senior, note="The deed is of another flat.")
    claim = make.fresh(claim)
    assert (claim.state, claim.state_label) == ("under_review", "Under review again")
    assert returned.proposal == claim.proposals.get()
    assert kinds(claim)[-2:] == ["claim.returned", "review.returned"]
    assert explains(claim)


def test_a_returned_claim_leaves_its_batch(senior):
    claim = make.confirmed()
    batch = make.before_the_board(claim)
    decisions.return_to_review(claim, by=senior, note="The deed is of another flat.")
    assert batch.members.get().removed_because == "returned"
    assert "batch.member_taken_out" in kinds(claim)


def test_a_reviewer_does_not_return_claims(reviewer):
    claim = make.confirmed()
    with pytest.raises(access.NotEntitled):
        decisions.return_to_review(claim, by=reviewer("iryna"), note="Why")


def test_what_the_board_has_decided_is_not_returned(senior):
    claim = make.confirmed()
    make.decided(claim)
    with pytest.raises(decisions.NotNow, match="The Board has decided"):
        decisions.return_to_review(claim, by=senior, note="Why")


@pytest.mark.parametrize("arrange", [make.under_review, make.recorded])
def test_only_what_awaits_the_board_is_returned(arrange, senior):
    with pytest.raises(decisions.NotNow, match="Only a claim that awaits"):
        decisions.return_to_review(arrange(), by=senior, note="Why")


def test_a_return_needs_words(senior):
    with pytest.raises(decisions.NothingWritten):
        decisions.return_to_review(make.confirmed(), by=senior, note="")


def test_the_board_reviews_a_claim_by_its_newest_proposal(senior, reviewer):
    claim = make.confirmed()
    decisions.return_to_review(claim, by=senior, note="Why")
    assignments.take(claim, by=reviewer("taras"))
    second = make.proposed(make.fresh(claim), by="taras", reason="met_on_the_account")
    make.confirmed(second, by="iryna")
    assert decisions.standing(claim) == second
    assert batches.paper(make.batch(claim)).members[0].proposal == second
