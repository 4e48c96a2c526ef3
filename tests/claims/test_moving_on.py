"""What becomes of a submitted claim: each act checks where it stands, writes one entry, and tells outsiders
nothing that is not theirs."""

import hashlib
import json
import uuid

import pytest

from accounts.roles import Role
from claims import lifecycle
from claims.models import Claim, ClaimVersion, InformationRequest, Outcome, State
from claims.versions import Declaration
from ledger.models import Entry
from tests import make
from tests.claims import moving

pytestmark = pytest.mark.django_db

TO_THE_BOARD = {State.ELIGIBLE, State.INELIGIBLE}
REJECTED = {State.REJECTED_WITHOUT_PREJUDICE, State.REJECTED_WITH_PREJUDICE}
UNDECIDED = {
    State.SUBMITTED,
    State.NEEDS_FIXING,
    State.UNDER_REVIEW,
    State.INFORMATION_REQUESTED,
    *TO_THE_BOARD,
}


def entry(kind):
    """The newest entry of this kind, read as its reader would."""
    return json.loads(Entry.objects.filter(kind=kind).latest("id").body)


def told(kind, claim, *, before, after, office, by):
    """The parts of an entry that every act writes alike; returns its facts and version."""
    found = entry(kind)
    assert (found["claim"], found["open"], found["office"]) == (str(claim.public_id), True, office)
    assert found["actor"] == {"kind": "person", "id": str(make.user(by).public_id)}
    assert [found["before"]["state"], found["after"]["state"]] == [before, after]
    return found["facts"], found["version"]


def everything():
    return [list(m.objects.order_by("pk").values()) for m in (Claim, ClaimVersion, InformationRequest, Entry)]


def decide(claim, decision, outcome=State.RECORDED, *, version=None):
    return lifecycle.decide(
        claim,
        decision=decision,
        outcome=outcome,
        version=version or claim.versions.get(number=claim.version),
        rule="all_tests_met",
        reason=moving.REASON,
        decided_on=moving.DECIDED_ON,
        by=make.user("board").actor,
    )


ACTS = {
    "start_review": (moving.under_review, {State.SUBMITTED}),
    "ask_to_replace_file": (moving.to_be_fixed, {State.SUBMITTED, State.NEEDS_FIXING}),
    "request_information": (
        lambda claim: lifecycle.request_information(
            claim, by=make.user("iryna"), office=Role.REVIEWER, text="?", due_on=moving.DUE_ON
        ),
        {State.UNDER_REVIEW},
    ),
    "finish_review": (
        lambda claim: lifecycle.finish_review(
            claim, to=State.ELIGIBLE, by=make.user("petro"), office=Role.REVIEWER
        ),
        {State.UNDER_REVIEW},
    ),
    "return_to_review": (
        lambda claim: lifecycle.return_to_review(claim, by=make.user("petro"), office=Role.SENIOR_REVIEWER),
        TO_THE_BOARD,
    ),
    "withdraw": (moving.withdrawn, UNDECIDED),
    "reopen": (moving.reopened, REJECTED),
}


@pytest.mark.parametrize("state", moving.STATES)
@pytest.mark.parametrize("act", ACTS)
def test_each_act_is_for_some_states_and_leaves_all_others_as_they_are(act, state):
    do, allowed = ACTS[act]
    claim = moving.STATES[state]()
    before = everything()
    if state in allowed:
        do(claim)
        assert everything() != before
    else:
        with pytest.raises(lifecycle.MoveRefused, match="cannot be done while the claim is in the state"):
            do(claim)
        assert everything() == before


@pytest.mark.parametrize("state", moving.STATES)
@pytest.mark.parametrize("outcome", sorted(lifecycle.BOARDS_CHOICE))
def test_the_board_decides_on_what_awaits_it_alone(state, outcome):
    claim = moving.STATES[state]()
    decision = moving.bound(claim) if state in TO_THE_BOARD else uuid.uuid4()
    version = claim.versions.order_by("number").last() or ClaimVersion(number=0)
    if state in TO_THE_BOARD:
        decide(claim, decision, outcome)
        assert moving.again(claim).state == outcome
    else:
        with pytest.raises(lifecycle.MoveRefused):
            decide(claim, decision, outcome, version=version)
        assert moving.again(claim).state == state


# --- What each act writes ---


def test_a_review_begins():
    claim = moving.under_review(make.claim())
    facts, _version = told(
        "claim.review_started", claim, before="submitted", after="under_review", office="reviewer", by="iryna"
    )
    assert facts == {}
    assert claim.state_label == "Under review"


def test_files_to_be_replaced_are_named_by_their_ids():
    claim = moving.to_be_fixed(make.claim(files=[make.PDF]))
    facts, _version = told(
        "claim.fixing_requested",
        claim,
        before="submitted",
        after="needs_fixing",
        office="reviewer",
        by="iryna",
    )
    assert facts == {"files": [str(claim.attachments.get().evidence_file.public_id)]}


def test_a_finished_review_does_not_say_what_it_recommends():
    for to in (State.ELIGIBLE, State.INELIGIBLE):
        claim = moving.awaiting(make.claim(), to)
        facts, version = told(
            "claim.review_finished",
            claim,
            before="under_review",
            after="awaiting_decision",
            office="reviewer",
            by="petro",
        )
        assert (facts, version) == ({}, None)
        assert claim.state_label == "Awaiting the Board’s decision"


def test_a_claim_that_is_returned_is_under_review_again():
    claim = moving.awaiting(make.claim())
    lifecycle.return_to_review(claim, by=make.user("petro"), office=Role.SENIOR_REVIEWER)
    claim = moving.again(claim)
    told(
        "claim.returned",
        claim,
        before="awaiting_decision",
        after="under_review",
        office="senior_reviewer",
        by="petro",
    )
    assert claim.state_label == "Under review again"


def test_a_withdrawn_claim_keeps_its_versions_and_loses_what_was_not_sent(evidence_dir):
    claim = make.claim(files=[make.PDF])
    request = moving.asked(claim)
    moving.add_to_reply(request)
    moving.change(claim, {"cause": "Інакше."})
    make.evidence(claim, b"%PDF-1.7 more")
    claim = moving.withdrawn(claim)
    told(
        "claim.withdrawn",
        claim,
        before="information_requested",
        after="withdrawn",
        office="claimant",
        by="olena",
    )
    assert not hasattr(claim, "draft")
    assert claim.versions.count() == 1
    assert claim.attachments.get().evidence_file.blob.size_bytes == len(make.PDF)
    request.refresh_from_db()
    assert not request.is_open


# --- The Board ---


@pytest.mark.parametrize("outcome", sorted(lifecycle.BOARDS_CHOICE))
def test_a_decision_stands_beside_the_claim_with_its_reason(outcome):
    claim = moving.decided(make.claim(), outcome)
    written = Outcome.objects.get(claim=claim)
    assert (written.outcome, written.rule, written.reason) == (outcome, "all_tests_met", moving.REASON)
    assert (written.decided_on, written.version) == (moving.DECIDED_ON, claim.versions.get())
    assert written.digest == hashlib.sha256(bytes(written.salt) + moving.REASON.encode()).hexdigest()
    assert (claim.bound_by, bool(claim.recorded_at)) == (None, outcome == State.RECORDED)


def test_the_entry_of_a_decision_names_the_version_and_the_digest_of_the_reason():
    claim = moving.decided(make.claim(), State.REJECTED_WITHOUT_PREJUDICE)
    facts, version = told(
        "claim.decided",
        claim,
        before="awaiting_decision",
        after="rejected_without_prejudice",
        office="board_member",
        by="board",
    )
    uuid.UUID(facts.pop("decision"))
    assert facts == {
        "outcome": "rejected_without_prejudice",
        "rule": "all_tests_met",
        "decided_on": "2026-03-07",
        "reason": Outcome.objects.get().digest,
        "version_number": 1,
    }
    assert version == claim.versions.get().digest


def test_a_claim_is_decided_by_the_decision_that_binds_it():
    claim = moving.awaiting(make.claim())
    moving.bound(claim)
    with pytest.raises(lifecycle.MoveRefused):
        decide(claim, uuid.uuid4())
    assert not Outcome.objects.exists()


def test_a_decision_is_written_once():
    claim = moving.awaiting(make.claim())
    decision = moving.bound(claim)
    decide(claim, decision)
    with pytest.raises(lifecycle.MoveRefused):
        decide(claim, decision)
    assert Outcome.objects.count() == 1


def test_a_decision_about_another_version_is_not_written():
    claim = moving.awaiting(moving.amended(make.claim()))
    with pytest.raises(lifecycle.MoveRefused):
        decide(claim, moving.bound(claim), version=claim.versions.get(number=1))
    assert moving.again(claim).state == State.ELIGIBLE


@pytest.mark.parametrize("outcome", [State.ELIGIBLE, State.WITHDRAWN, State.SUBMITTED])
def test_the_board_has_four_choices(outcome):
    claim = moving.awaiting(make.claim())
    with pytest.raises(lifecycle.MoveRefused):
        decide(claim, moving.bound(claim), outcome)


@pytest.mark.parametrize(
    "act",
    [
        moving.withdrawn,
        lambda claim: moving.change(claim, {}),
        moving.send_changes,
        lambda claim: lifecycle.return_to_review(claim, by=make.user("petro"), office=Role.SENIOR_REVIEWER),
    ],
)
def test_once_the_board_has_decided_nobody_else_moves_the_claim(act):
    claim = moving.awaiting(make.claim())
    moving.change(claim, {"cause": "Інакше."})
    moving.bound(claim)
    with pytest.raises(lifecycle.AlreadyDecided, match="You will read its decision here shortly"):
        act(claim)
    assert moving.again(claim).state == State.ELIGIBLE


@pytest.mark.parametrize("state", sorted(REJECTED))
def test_a_rejected_claim_that_is_reopened_keeps_the_first_decision(state):
    claim = moving.reopened(moving.decided(make.claim(), state))
    facts, _version = told(
        "claim.reopened", claim, before=state, after="under_review", office="board_member", by="board"
    )
    first, second = Outcome.objects.filter(claim=claim).order_by("id")
    assert (first.outcome, second.outcome, second.rule) == (state, State.UNDER_REVIEW, "new_facts")
    assert facts == {"ground": "new_facts", "decided_on": "2026-03-07", "reason": second.digest}
    assert claim.state_label == "Under review again"


def test_a_reopened_claim_can_be_decided_again():
    claim = moving.reopened(moving.decided(make.claim(), State.REJECTED_WITH_PREJUDICE))
    claim = moving.decided(claim, State.RECORDED)
    assert claim.recorded_at
    assert list(Outcome.objects.order_by("id").values_list("outcome", flat=True)) == [
        "rejected_with_prejudice",
        "under_review",
        "recorded",
    ]


def test_who_acts_is_not_named_in_what_outsiders_read():
    moving.decided(make.claim())
    for body in Entry.objects.filter(is_open=True).values_list("body", flat=True):
        assert not any(word in body for word in ("eligible", "iryna", "petro", "@", moving.REASON[:10]))


# --- Changing ---


@pytest.mark.parametrize("state", moving.STATES)
def test_a_claim_can_be_changed_until_the_board_has_decided(state):
    claim = moving.STATES[state]()
    if state in UNDECIDED:
        assert moving.amended(claim).version == 2
    else:
        with pytest.raises(lifecycle.MoveRefused, match="can no longer be changed"):
            moving.change(claim, {})


@pytest.mark.parametrize(
    ("before", "after", "again"),
    [
        (State.SUBMITTED, State.SUBMITTED, False),
        (State.NEEDS_FIXING, State.SUBMITTED, False),
        (State.UNDER_REVIEW, State.UNDER_REVIEW, False),
        (State.INFORMATION_REQUESTED, State.INFORMATION_REQUESTED, False),
        (State.ELIGIBLE, State.UNDER_REVIEW, True),
        (State.INELIGIBLE, State.UNDER_REVIEW, True),
    ],
)
def test_a_change_takes_a_finished_review_back_and_ends_the_wait_for_a_file(before, after, again):
    claim = moving.STATES[before]()
    changed = moving.amended(claim)
    assert (changed.state, changed.reviewed_before) == (after, again)
    found = entry("claim.amended")
    assert found["before"]["state"] == claim.standing.state
    assert found["after"]["state"] == changed.standing.state


def test_number_and_first_day_stay_and_the_columns_follow():
    claim = make.claim(
        answers={"claim_amount": {"amount": "5.00", "currency": "EUR"}, "others_may_see": "no"}
    )
    changed = moving.amended(
        claim,
        {
            "claim_amount": {"amount": "7.00", "currency": "UAH"},
            "katottg": make.IRPIN,
            "others_may_see": "yes",
            "full_name": {"family_name": "Шевченко", "given_name": "Олена"},
        },
    )
    assert (changed.number, changed.submitted_at) == (claim.number, claim.submitted_at)
    assert (str(changed.amount), changed.currency, changed.region) == ("7.00", "UAH", "UA-32")
    assert (changed.discreet, changed.claimant.family_name) == (True, "Шевченко")
    assert changed.changed_at > claim.changed_at


def test_what_is_taken_back_empties_the_columns():
    claim = make.claim(answers={"claim_amount": {"amount": "5.00", "currency": "EUR"}, "katottg": make.IRPIN})
    changed = moving.amended(claim, {"claim_amount": None, "katottg": {"state": "unknown"}})
    assert (changed.amount, changed.currency, changed.region, changed.place) == (None, "", "", None)


def test_persons_and_aid_are_those_of_the_newest_version():
    claim = make.claim("A2.1", answers=make.answers("A2.1"))
    persons, aid = list(claim.persons_covered.values()), list(claim.aid_items.values())
    assert persons
    assert aid
    changed = moving.amended(claim, {"deceased": {"family_name": "Коваленко", "given_name": "Іван"}})
    assert list(changed.persons_covered.values_list("given_name", flat=True))[0] == "Іван"
    assert (changed.persons_covered.count(), changed.aid_items.count()) == (len(persons), len(aid))


def test_the_entry_of_a_change_says_what_was_sent():
    claim = moving.amended(make.claim(files=[make.PDF]), {"katottg": make.IRPIN}, files=[b"%PDF-1.7 more"])
    facts, version = told(
        "claim.amended", claim, before="submitted", after="submitted", office="claimant", by="olena"
    )
    assert [entry("claim.amended")[s]["region"] for s in ("before", "after")] == [None, "UA-32"]
    assert version == claim.versions.get(number=2).digest
    current = Declaration.of_current_texts("", language="en")
    assert facts == {
        "version_number": 2,
        "category_version": 2,
        "assurance": "self_declared",
        "signature": "typed_declaration",
        "declaration": current.version,
        "privacy_notice": current.notice_version,
        "evidence": 2,
    }


def test_a_change_is_sent_once():
    claim = make.claim()
    moving.change(claim, {"cause": "Інакше."})
    moving.send_changes(claim)
    with pytest.raises(lifecycle.AlreadySubmitted, match="sent already"):
        moving.send_changes(claim)
    assert claim.versions.count() == 2


@pytest.mark.parametrize(
    ("answers", "name", "refusal"),
    [
        ({"damage_date": "2999"}, "Олена", lifecycle.NotReady),
        ({"full_name": None}, "Олена", lifecycle.NotReady),
        ({}, "  ", lifecycle.NotDeclared),
    ],
)
def test_a_change_is_checked_as_a_claim_is(answers, name, refusal):
    claim = make.claim()
    moving.change(claim, answers)
    with pytest.raises(refusal):
        moving.send_changes(claim, name=name)
    claim = Claim.objects.select_related("draft").get(pk=claim.pk)
    assert (claim.version, claim.versions.count()) == (1, 1)
    assert {k: claim.draft.answers.get(k) for k in answers} == answers


def test_a_draft_is_submitted_and_not_amended():
    with pytest.raises(lifecycle.AlreadySubmitted):
        moving.send_changes(make.draft(answers=make.REQUIRED["individual"]))


def test_a_claim_can_be_changed_after_its_category_closed():
    claim = make.claim()
    claim.category.state = "closed"
    claim.category.save()
    assert moving.amended(claim, {"cause": "Інакше."}).version == 2
