"""From the secretariat's batch to the Board's decision in each claim."""

import hashlib
import json
from datetime import timedelta

import pytest
import rfc8785
from django.utils import timezone

from accounts.roles import Role
from claims import lifecycle
from claims.models import Claim, Outcome, State
from review import access, batches, decisions
from review.models import Batch, Member, Removal
from tests import make
from tests.review.explaining import entries, explains, kinds

pytestmark = pytest.mark.django_db


@pytest.fixture
def secretary():
    return make.staff("svitlana", Role.BOARD_SECRETARY)


@pytest.fixture
def director():
    return make.staff("dariia", Role.EXECUTIVE_DIRECTOR)


@pytest.fixture
def board():
    return make.staff("bohdan", Role.BOARD_MEMBER)


def assessed(name, **proposing):
    return make.confirmed(filed_by=name, **proposing)


def decide(batch, by, **given):
    values = {
        "decided_on": timezone.localdate(),
        "legal_basis": "Article 12",
        "seen_digest": batches.paper(batch).digest,
    }
    return batches.decide(batch, by=by, **values | given)


def digest(*rows):
    return hashlib.sha256(rfc8785.dumps(sorted(map(list, rows)))).hexdigest()


# --- Preparing ---


def test_the_secretariat_makes_a_batch(secretary):
    batch = batches.make(" March ", by=secretary)
    assert (batch.title, batch.state, batch.made_by) == ("March", "open", secretary)
    [entry] = entries(kind="batch.made")
    assert (entry["open"], entry["facts"]) == (False, {"batch": str(batch.public_id)})


@pytest.mark.parametrize("title", ["", "x" * 201])
def test_a_batch_has_a_title(title, secretary):
    with pytest.raises(batches.NotDated):
        batches.make(title, by=secretary)


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.SENIOR_REVIEWER, Role.BOARD_MEMBER, Role.AUDITOR])
def test_nobody_else_makes_one(role):
    with pytest.raises(access.NotEntitled):
        batches.make("March", by=make.staff("halyna", role))


def test_confirmed_claims_are_candidates_until_they_are_in_a_batch(secretary):
    claim = assessed("olena")
    make.under_review(filed_by="petro")
    assert list(batches.candidates(secretary)) == [claim]
    make.batch(claim)
    assert list(batches.candidates(secretary)) == []


def test_candidates_go_on_after_the_last_one(secretary):
    claims = [
        assessed("olena"),
        assessed("petro", recommendation="ineligible"),
        assessed("stepan"),
        assessed("oksana", recommendation="ineligible"),
    ]
    listed, after = [], None
    while page := list(batches.candidates(secretary, after)[:1]):
        listed += page
        after = (page[-1].state, page[-1].pk)
    assert listed == [claims[0], claims[2], claims[1], claims[3]]


def test_what_is_recommended_follows_from_the_confirmed_proposal(secretary):
    claims = [
        assessed("olena"),
        assessed("petro", recommendation="ineligible"),
        assessed("stepan", recommendation="ineligible", with_prejudice=True),
    ]
    batch = make.batch(*claims)
    assert dict(batch.members.values_list("claim__filed_by__email", "recommended")) == {
        "olena@example.org": "recorded",
        "petro@example.org": "rejected_without_prejudice",
        "stepan@example.org": "rejected_with_prejudice",
    }


def test_a_member_pins_the_version_and_the_proposal(secretary):
    claim = make.confirmed()
    batch = make.batch(claim)
    member = batch.members.get()
    assert (member.version, member.proposal) == (claim.versions.get(), claim.proposals.get())
    [entry] = entries(claim, kind="batch.member_added")
    assert entry["version"] == member.version.digest
    assert entry["facts"] == {"batch": str(batch.public_id), "recommended": "recorded"}


@pytest.mark.parametrize(
    ("proposing", "recommended"),
    [
        ({}, State.REJECTED_WITHOUT_PREJUDICE),
        ({}, State.REJECTED_WITH_PREJUDICE),
        ({}, State.UNDER_REVIEW),
        ({"recommendation": "ineligible"}, State.RECORDED),
        ({"recommendation": "ineligible"}, State.REJECTED_WITH_PREJUDICE),
    ],
)
def test_the_secretariat_recommends_nothing_that_was_not_confirmed(proposing, recommended, secretary):
    claim = make.confirmed(**proposing)
    batch = batches.make("March", by=secretary)
    with pytest.raises(batches.WrongOutcome, match="does not lead to this outcome"):
        batches.add(batch, [claim], by=secretary, recommended=recommended)


@pytest.mark.parametrize("arrange", [make.claim, make.proposed, make.recorded])
def test_only_a_claim_that_awaits_the_board_joins(arrange, secretary):
    made = arrange()
    claim = made if isinstance(made, Claim) else made.claim
    batch = batches.make("March", by=secretary)
    with pytest.raises(batches.CannotJoin, match="no longer awaits the Board.*Nothing was added"):
        batches.add(batch, [assessed("petro"), claim], by=secretary)
    assert not batch.members.exists()


def test_a_claim_joins_only_with_a_confirmed_proposal(secretary):
    claim = make.claim()
    Claim.objects.filter(pk=claim.pk).update(state=State.ELIGIBLE)  # as seeded ones are
    batch = batches.make("March", by=secretary)
    with pytest.raises(batches.CannotJoin, match="No proposal about .* is confirmed. Nothing was added"):
        batches.add(batch, [claim], by=secretary)


def test_a_claim_is_in_one_batch_at_a_time(secretary):
    claim = make.confirmed()
    make.batch(claim, title="March")
    april = batches.make("April", by=secretary)
    with pytest.raises(batches.CannotJoin, match="is in the batch “March” already"):
        batches.add(april, [claim], by=secretary)


def test_a_claim_amended_and_reviewed_again_joins_another_batch(secretary):
    claim = make.confirmed()
    march = make.batch(claim, title="March")
    amended = make.amend(claim, cause="Ракета.")
    make.under_review(amended, by="taras")
    again = make.confirmed(make.proposed(make.fresh(amended), by="taras"))
    assert list(batches.candidates(secretary)) == [again]
    april = make.batch(again, title="April")
    assert march.members.get().removed_because == "amended"
    assert april.members.get().version.number == 2


def test_a_batch_has_a_limit(monkeypatch, secretary):
    monkeypatch.setattr(batches, "MAX_MEMBERS", 1)
    with pytest.raises(batches.CannotJoin, match="at most 1 claims"):
        make.batch(assessed("olena"), assessed("petro"))


@pytest.mark.parametrize("because", sorted(batches.SECRETARIATS_CHOICE))
def test_the_secretariat_takes_a_claim_out(because, secretary):
    batch = make.batch()
    member = batch.members.get()
    batches.take_out(member, by=secretary, because=because)
    assert batch.members.get().removed_because == because
    assert list(batches.candidates(secretary)) == [member.claim]
    [entry] = entries(member.claim, kind="batch.member_taken_out")
    assert entry["facts"] == {"batch": str(batch.public_id), "because": because}
    with pytest.raises(batches.NotOpen, match="left the batch already"):
        batches.take_out(member, by=secretary, because=because)


def test_what_happens_by_itself_is_not_for_the_secretariat_to_say(secretary):
    with pytest.raises(batches.WrongOutcome):
        batches.take_out(make.batch().members.get(), by=secretary, because=Removal.WITHDRAWN)


@pytest.mark.parametrize(
    ("arrange", "sentence"), [(make.before_the_board, "was submitted"), (make.decided, "has been entered")]
)
def test_a_batch_that_was_submitted_is_not_changed(arrange, sentence, secretary):
    batch = arrange()
    with pytest.raises(batches.NotOpen, match=sentence):
        batches.add(batch, [assessed("petro")], by=secretary)
    with pytest.raises(batches.NotOpen, match=sentence):
        batches.take_out(batch.members.get(), by=secretary, because=Removal.LATER)


# --- Submitting ---


def test_the_executive_director_submits_and_the_members_are_digested(director):
    claims = [assessed("olena"), assessed("petro", recommendation="ineligible")]
    batch = batches.submit(make.batch(*claims), by=director)
    assert (batch.state, batch.submitted_by) == ("submitted", director)
    assert batch.members_digest == digest(
        (claims[0].number, claims[0].versions.get(number=1).digest, "recorded"),
        (claims[1].number, claims[1].versions.get(number=2).digest, "rejected_without_prejudice"),
    )
    [entry] = entries(kind="batch.submitted")
    assert entry["facts"]["members"] == 2
    assert entry["facts"]["digest"] == batch.members_digest


def test_nobody_else_submits(secretary, board):
    for by in (secretary, board):
        with pytest.raises(access.NotEntitled):
            batches.submit(make.batch(assessed(by.email.partition("@")[0] + "s")), by=by)


def test_a_batch_is_submitted_once(director):
    batch = make.before_the_board()
    with pytest.raises(batches.NotOpen, match="was submitted in the meantime"):
        batches.submit(batch, by=director)


def test_an_empty_batch_is_not_submitted(secretary, director):
    with pytest.raises(batches.NothingInIt, match="Add claims"):
        batches.submit(batches.make("March", by=secretary), by=director)


def amended(claim, _senior):
    make.amend(claim, cause="Ракета.")


def withdrawn(claim, _senior):
    make.withdraw(claim)


def returned(claim, senior):
    decisions.return_to_review(claim, by=senior, note="Why")


LEAVES = pytest.mark.parametrize("leave", [amended, withdrawn, returned])


@LEAVES
def test_a_claim_that_changed_is_taken_out_at_submission_and_shown(leave, director, senior):
    stays, goes = assessed("olena"), assessed("petro")
    batch = make.batch(stays, goes)
    leave(goes, senior)
    before = batches.paper(batch)
    assert [m.claim for m in before.members] == [stays]
    assert [(m.claim, m.removed_because) for m in before.gone] == [(goes, leave.__name__)]
    batch = batches.submit(batch, by=director)
    assert batch.members_digest == before.digest
    after = batches.paper(batch)
    assert [(m.claim, m.removed_because) for m in after.gone] == [(goes, leave.__name__)]
    assert after.gone[0].removed_at is not None


def test_a_batch_whose_claims_all_left_is_not_submitted(director):
    batch = make.batch(make.confirmed())
    make.withdraw(batch.members.get().claim)
    with pytest.raises(batches.NothingInIt):
        batches.submit(batch, by=director)


# --- Deciding ---


def test_the_board_decides_on_all_claims_in_one_act(board):
    claims = [assessed("olena"), assessed("petro", recommendation="ineligible")]
    batch = decide(make.before_the_board(*claims), board)
    assert (batch.state, batch.decided_by, batch.legal_basis) == ("decided", board, "Article 12")
    assert batch.decision_digest == batch.members_digest  # as recommended
    for claim in map(make.fresh, claims):
        assert claim.bound_by == batch.public_id
        assert claim.state in lifecycle.AWAITING
    [entry] = entries(kind="board.decided")
    assert (entry["open"], entry["claim"], entry["office"]) == (True, None, "board_member")
    assert entry["facts"] == {
        "batch": str(batch.public_id),
        "decided_on": timezone.localdate().isoformat(),
        "members": 2,
        "digest": batch.decision_digest,
    }


def test_from_then_on_the_claimant_changes_nothing():
    claim = make.confirmed()
    make.decided(claim)
    with pytest.raises(lifecycle.AlreadyDecided):
        make.withdraw(claim)
    with pytest.raises(lifecycle.AlreadyDecided):
        make.amend(claim, cause="Ракета.")


def test_nobody_else_decides(secretary, director, senior):
    batch = make.before_the_board()
    for by in (secretary, director, senior):
        with pytest.raises(access.NotEntitled):
            decide(batch, by)


def test_who_submitted_does_not_decide():
    both = make.staff("dariia", Role.BOARD_MEMBER)
    with pytest.raises(batches.SamePerson, match="another member of the Board"):
        decide(
            make.before_the_board(by="dariia"), make.staff(both.email.partition("@")[0], Role.BOARD_MEMBER)
        )


def test_no_member_of_the_board_decides_on_a_claim_that_they_filed(board):
    with pytest.raises(access.OwnClaim):
        decide(make.before_the_board(assessed("bohdan")), board)


def test_what_was_not_submitted_is_not_decided(board):
    with pytest.raises(batches.NotOpen, match="has not been submitted yet"):
        decide(make.batch(), board)


def test_a_decision_is_entered_once(board):
    batch = make.decided()
    with pytest.raises(batches.NotOpen, match="entered already"):
        decide(batch, board)


@pytest.mark.parametrize(
    "given",
    [
        {"decided_on": timezone.localdate() + timedelta(days=2)},
        {"legal_basis": " "},
        {"legal_basis": "x" * 301},
    ],
)
def test_a_decision_has_a_day_and_a_basis(given, board):
    with pytest.raises(batches.NotDated):
        decide(make.before_the_board(), board, **given)


@LEAVES
def test_a_paper_that_changed_since_it_was_opened_is_not_decided(leave, board, senior):
    claims = [assessed(name) for name in ("olena", "petro", "stepan")]
    batch = make.before_the_board(*claims)
    leave(claims[0], senior)
    seen = batches.paper(batch).digest
    leave(claims[1], senior)
    with pytest.raises(batches.Stale) as refused:
        decide(batch, board, seen_digest=seen)
    assert str(refused.value) == (
        f"1 claim was taken out since you opened the page: {claims[1].number}. Look at the paper again."
    )
    leave(claims[2], senior)
    with pytest.raises(batches.Stale, match="2 claims were taken out since you opened the page"):
        decide(batch, board, seen_digest=seen)
    assert not Claim.objects.filter(bound_by__isnull=False).exists()


def test_a_digest_from_elsewhere_is_stale(board):
    with pytest.raises(batches.Stale, match="Look at it again"):
        decide(make.before_the_board(), board, seen_digest="0" * 64)


@LEAVES
def test_a_claim_that_left_is_shown_and_not_decided(leave, board, senior):
    stays, goes = assessed("olena"), assessed("petro")
    batch = make.before_the_board(stays, goes)
    leave(goes, senior)
    batch = decide(batch, board)
    batches.apply_decisions()
    assert make.fresh(stays).state == "recorded"
    assert not make.fresh(goes).outcomes.exists()
    paper = batches.paper(batch)
    assert [m.claim for m in paper.members] == [stays]
    assert [(m.claim, m.removed_because) for m in paper.gone] == [(goes, leave.__name__)]
    assert batch.members_digest != batch.decision_digest


REASONS = {State.RECORDED: "all_tests_met", State.REJECTED_WITHOUT_PREJUDICE: "harm_not_shown"}


def outcome(claim, state, note="", reason=None):
    """The Board decides this about the claim."""
    notes = {claim.pk: note} if note else {}
    reasons = {claim.pk: reason or REASONS.get(state, "")}
    batch = make.decided(claim, outcomes={claim.pk: state}, reasons=reasons, notes=notes)
    batches.apply_decisions()
    return batch


def test_the_board_returns_a_claim_with_its_reason():
    claim = make.confirmed()
    batch = outcome(claim, State.UNDER_REVIEW, "Перевірте частку.")
    claim = make.fresh(claim)
    assert (claim.state, claim.reviewed_before) == ("under_review", True)
    [written] = Outcome.objects.all()
    assert (written.outcome, written.rule, written.reason) == ("under_review", "board", "Перевірте частку.")
    assert batch.decision_digest == digest((claim.number, written.version.digest, "under_review"))
    assert explains(claim)


@pytest.mark.parametrize("state", [State.UNDER_REVIEW, State.REJECTED_WITHOUT_PREJUDICE])
def test_what_the_board_decides_otherwise_needs_words_for_the_claimant(state):
    claim = make.answered(make.under_review())
    claim = make.confirmed(make.proposed(claim))
    with pytest.raises(batches.WrongOutcome, match="Write for the claimant"):
        outcome(claim, state)


def test_what_the_board_decides_otherwise_reads_as_if_it_had_been_proposed_so():
    """A rule of its own would tell outsiders what had been recommended (rules.md 16)."""
    claim = make.confirmed(recommendation="ineligible", told="Only the first reviewer says this.")
    outcome(claim, State.RECORDED, "The Board finds the tests met.")
    assert make.fresh(claim).state == "recorded"
    written = Outcome.objects.get()
    assert written.rule == "all_tests_met"
    assert written.reason == (
        "The claim meets all four tests of eligibility.\n\nThe Board finds the tests met."
    )


@pytest.mark.parametrize("reason", ["harm_not_shown", "no_such_reason"])
def test_what_the_board_decides_otherwise_has_a_reason_that_leads_to_it(reason):
    claim = make.confirmed(recommendation="ineligible")
    with pytest.raises(batches.WrongOutcome, match="Choose the reason for"):
        outcome(claim, State.RECORDED, "Words", reason=reason)


def test_the_board_rejects_nothing_unless_the_claimant_was_told_what_is_missing():
    with pytest.raises(batches.WrongOutcome, match="was not told what is missing. Return it"):
        outcome(make.confirmed(), State.REJECTED_WITHOUT_PREJUDICE, "Reason")


def test_a_request_that_was_taken_back_at_once_told_the_claimant_nothing():
    claim = make.under_review()
    make.asked(claim)
    decisions.go_on(claim, by=make.staff("iryna", Role.REVIEWER))
    claim = make.confirmed(make.proposed(make.fresh(claim)))
    with pytest.raises(batches.WrongOutcome, match="was not told what is missing"):
        outcome(claim, State.REJECTED_WITHOUT_PREJUDICE, "Reason")


@pytest.mark.parametrize("proposing", [{}, {"recommendation": "ineligible"}])
def test_nothing_is_rejected_for_good_unless_the_mandate_names_the_ground(proposing):
    with pytest.raises(batches.WrongOutcome, match="cannot be rejected for good"):
        outcome(make.confirmed(**proposing), State.REJECTED_WITH_PREJUDICE, "Reason", reason="harm_not_shown")


def test_the_board_may_reject_for_good_on_such_a_ground_though_it_was_not_recommended():
    claim = make.confirmed(recommendation="ineligible", reason="before_first_day")
    outcome(claim, State.REJECTED_WITH_PREJUDICE)
    assert make.fresh(claim).state == "rejected_with_prejudice"


def test_the_board_may_be_milder_than_recommended():
    claim = make.confirmed(recommendation="ineligible", with_prejudice=True)
    outcome(claim, State.REJECTED_WITHOUT_PREJUDICE)
    assert make.fresh(claim).state == "rejected_without_prejudice"


@pytest.mark.parametrize("state", ["eligible", "withdrawn", "lost"])
def test_there_are_no_other_outcomes(state):
    with pytest.raises(batches.WrongOutcome, match="not a claim or an outcome"):
        outcome(make.confirmed(), state, "Reason")


@pytest.mark.parametrize("given", [{"outcomes": {0: State.UNDER_REVIEW}}, {"notes": {0: "Reason"}}])
def test_the_board_decides_on_nothing_outside_the_batch(given, board):
    with pytest.raises(batches.WrongOutcome, match="not a claim or an outcome"):
        decide(make.before_the_board(), board, **given)


def test_words_for_the_claimant_have_a_limit():
    with pytest.raises(batches.WrongOutcome, match="more than 5000 characters"):
        outcome(make.confirmed(), State.UNDER_REVIEW, "x" * 5001)


def test_a_refused_decision_changes_nothing(board):
    claims = [assessed("olena"), assessed("petro")]
    batch = make.before_the_board(*claims)
    make.withdraw(claims[0])
    before = (
        len(entries()),
        list(Member.objects.order_by("pk").values_list()),
        Batch.objects.values_list().get(),
    )
    member = batch.members.get(claim=claims[1])
    with pytest.raises(batches.WrongOutcome):
        decide(batch, board, outcomes={member.pk: State.UNDER_REVIEW})
    after = (
        len(entries()),
        list(Member.objects.order_by("pk").values_list()),
        Batch.objects.values_list().get(),
    )
    assert before == after


# --- Writing it in ---


def test_the_decision_is_written_into_each_claim():
    claims = [assessed("olena"), assessed("petro", recommendation="ineligible")]
    batch = make.decided(*claims)
    assert batches.apply_decisions() == 2
    assert [make.fresh(claim).state for claim in claims] == ["recorded", "rejected_without_prejudice"]
    for claim in claims:
        [entry] = entries(claim, kind="claim.decided")
        assert entry["facts"]["decision"] == str(batch.public_id)
        assert entry["actor"]["id"] == str(batch.decided_by.public_id)
        assert claim.memberships.get().applied_at
        assert explains(claim)


def test_writing_in_again_does_nothing():
    make.decided()
    assert batches.apply_decisions() == 1
    before = kinds()
    assert batches.apply_decisions() == 0
    assert kinds() == before


def test_decisions_are_written_in_chunks():
    make.decided(*(assessed(name) for name in ("olena", "petro", "stepan")))
    assert [batches.apply_decisions(limit=2) for _turn in range(3)] == [2, 1, 0]


def test_what_is_not_decided_is_not_written_in():
    make.before_the_board()
    assert batches.apply_decisions() == 0


@pytest.mark.parametrize(
    ("language", "reason"),
    [
        ("en", "The claim meets all four tests of eligibility."),
        ("uk", "Заява відповідає всім чотирьом критеріям прийнятності."),
    ],
)
def test_the_claimant_reads_the_reason_in_their_language_with_what_was_added(language, reason):
    claim = make.confirmed(language=language, told="Частка 1/2.")
    make.decided(claim, notes={claim.pk: "Рада дякує."})
    batches.apply_decisions()
    assert Outcome.objects.get().reason == f"{reason}\n\nЧастка 1/2.\n\nРада дякує."
    assert Outcome.objects.get().rule == "all_tests_met"


def test_one_claim_that_cannot_be_written_does_not_keep_the_others(monkeypatch, caplog):
    claims = [assessed("olena"), assessed("petro")]
    make.decided(*claims)
    decide_one = lifecycle.decide

    def refuse_the_first(claim, **given):
        if claim == claims[0]:
            raise lifecycle.MoveRefused
        return decide_one(claim, **given)

    monkeypatch.setattr(lifecycle, "decide", refuse_the_first)
    assert batches.apply_decisions() == 1
    assert [make.fresh(claim).state for claim in claims] == ["eligible", "recorded"]
    assert "not written into claim" in caplog.text


# --- Reopening ---


def reopen(claim, by, **given):
    values = {
        "ground": batches.Ground.NEW_FACTS,
        "reason": "Знайшовся акт.",
        "decided_on": timezone.localdate(),
    }
    return batches.reopen(claim, by=by, **values | given)


@pytest.mark.parametrize("for_good", [False, True])
def test_the_board_takes_a_rejected_claim_up_again(for_good, board):
    claim = make.rejected(for_good=for_good)
    written = reopen(claim, board)
    claim = make.fresh(claim)
    assert (claim.state, claim.state_label) == ("under_review", "Under review again")
    assert (written.rule, written.reason) == ("new_facts", "Знайшовся акт.")
    assert list(access.free(access.in_queue(Claim.objects.all(), make.user("taras")))) == [claim]
    assert explains(claim)


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"ground": "pity"}, batches.WrongOutcome),
        ({"reason": " "}, batches.NotDated),
        ({"decided_on": timezone.localdate() + timedelta(days=2)}, batches.NotDated),
    ],
)
def test_it_is_taken_up_again_on_two_grounds_alone_with_words(given, refusal, board):
    with pytest.raises(refusal):
        reopen(make.rejected(), board, **given)


@pytest.mark.parametrize("arrange", [make.confirmed, make.recorded])
def test_only_a_rejected_claim_is_taken_up_again(arrange, board):
    with pytest.raises(batches.WrongOutcome, match="Only a claim that was not recorded"):
        reopen(arrange(), board)


def test_only_the_board_takes_it_up_again(director, senior):
    for by in (director, senior):
        with pytest.raises(access.NotEntitled):
            reopen(make.rejected(by=by.email.partition("@")[0] + "s"), by)


def test_a_reopened_claim_goes_all_the_way_again(board):
    claim = make.rejected()
    reopen(claim, board)
    again = make.under_review(make.fresh(claim), by="taras")
    again = make.confirmed(make.proposed(again, by="taras"))
    make.decided(again)
    batches.apply_decisions()
    assert make.fresh(claim).state == "recorded"
    assert list(claim.outcomes.order_by("id").values_list("outcome", flat=True)) == [
        "rejected_without_prejudice",
        "under_review",
        "recorded",
    ]
    assert json.loads(claim.versions.latest("number").manifest)["version"] == 2
    assert explains(claim)


# --- Nobody handles, or learns of, what they filed themselves ---


def test_who_filed_a_claim_neither_finds_it_among_candidates_nor_adds_or_submits_it():
    claim = make.confirmed(recommendation="ineligible", filed_by="svitlana")
    svitlana = make.staff("svitlana", Role.BOARD_SECRETARY)
    own = batches.make("Own", by=svitlana)
    assert list(batches.candidates(svitlana)) == []
    with pytest.raises(access.OwnClaim):
        batches.add(own, [claim], by=svitlana)
    other = make.staff("solomiia", Role.BOARD_SECRETARY)
    assert list(batches.candidates(other)) == [claim]
    [member] = batches.add(own, [claim], by=other)
    with pytest.raises(access.OwnClaim):
        batches.take_out(member, by=svitlana, because=Removal.LATER)
    with pytest.raises(access.OwnClaim):
        batches.submit(own, by=make.staff("svitlana", Role.EXECUTIVE_DIRECTOR))


@pytest.mark.parametrize("role", [Role.BOARD_MEMBER, Role.AUDITOR, Role.EXECUTIVE_DIRECTOR])
def test_a_paper_with_ones_own_claim_is_not_there(role):
    batch = make.before_the_board(make.confirmed(filed_by="bohdan"))
    assert list(access.batches_readable_by(Batch.objects.all(), make.staff("bohdan", role))) == []
    assert list(access.batches_readable_by(Batch.objects.all(), make.staff("borys", role))) == [batch]
