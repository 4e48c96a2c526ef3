"""The whole life of a claim, with acts of everybody in any order: what may never be wrong is looked at after
each of them."""

import contextlib
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone, translation
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.roles import Role
from claims import lifecycle
from claims.models import Claim, Outcome, State
from review import access, assignments, batches, decisions
from review.models import Assignment, Batch, Member, Proposal, Removal
from tests import make
from tests.review.explaining import entries, explains, lapse

REVIEWERS = st.sampled_from(["iryna", "mykola"])
STAFF = st.sampled_from(
    [
        ("iryna", Role.REVIEWER),
        ("mykola", Role.REVIEWER),
        ("senia", Role.SENIOR_REVIEWER),
        ("svitlana", Role.BOARD_SECRETARY),
        ("dariia", Role.EXECUTIVE_DIRECTOR),
        ("bohdan", Role.BOARD_MEMBER),
    ]
)
MOSTLY = {
    role: st.one_of(st.just((name, role)), st.just((name, role)), STAFF)
    for name, role in (
        ("senia", Role.SENIOR_REVIEWER),
        ("dariia", Role.EXECUTIVE_DIRECTOR),
        ("bohdan", Role.BOARD_MEMBER),
    )
}
"""Whose act it is, and now and then somebody else's."""
RECOMMENDATIONS = st.sampled_from(["eligible", "ineligible"])


class Life(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self._undo = contextlib.ExitStack()
        self._undo.enter_context(transaction.atomic())
        self._undo.callback(transaction.set_rollback, True)
        self._undo.enter_context(translation.override("en"))

    def teardown(self):
        self._undo.close()

    @initialize()
    def filed(self):
        self.claim = make.claim(by="olena")
        self.open_entries = self._moves_told()

    def act(self, act):
        """Do it, or be refused, which changes nothing."""
        self.claim = make.fresh(self.claim)
        before = self.claim.state, len(entries())
        try:
            with transaction.atomic():
                act()
        except (access.Refused, lifecycle.MoveRefused):
            self.claim = make.fresh(self.claim)
            assert (self.claim.state, len(entries())) == before
            return
        self.claim = make.fresh(self.claim)
        told = self._moves_told() - self.open_entries
        self.open_entries += told
        if told <= 1:  # more is several acts of `make`
            assert told == (self.claim.state != before[0])
            assert self.claim.state == before[0] or self.claim.state in lifecycle.MOVES[State(before[0])]

    def _moves_told(self):
        """How many open entries tell of a change of state. The recommendation shows in none."""
        return sum(1 for e in entries(self.claim) if e["open"] and e["before"] and e["before"] != e["after"])

    # --- What people do ---

    @rule(who=STAFF)
    def take(self, who):
        self.act(lambda: assignments.take(self.claim, by=make.staff(*who)))

    @rule(who=STAFF)
    def release(self, who):
        self.act(lambda: assignments.release(self.claim, by=make.staff(*who)))

    @rule()
    def time_passes(self):
        lapse(self.claim)

    @rule(by=REVIEWERS)
    def check(self, by):
        self.act(lambda: make.checked(self.claim, by=by))

    @rule(by=REVIEWERS)
    def ask(self, by):
        self.act(lambda: make.asked(self.claim, by=by))

    @rule(who=STAFF)
    def go_on(self, who):
        self.act(lambda: decisions.go_on(self.claim, by=make.staff(*who)))

    @rule(by=REVIEWERS, recommendation=RECOMMENDATIONS)
    def propose(self, by, recommendation):
        reason = decisions.reasons(recommendation)[0].id
        self.act(
            lambda: decisions.propose(
                self.claim,
                by=make.staff(by, Role.REVIEWER),
                version_number=self.claim.version,
                recommendation=recommendation,
                reason=reason,
            )
        )

    @rule(recommendation=RECOMMENDATIONS, steps=st.integers(1, 4))
    def the_usual_way(self, recommendation, steps):
        """What would come next if all went well: random acts alone would seldom reach the Board."""
        for _step in range(steps):
            self.act(lambda: self._usual_act(recommendation))

    def _usual_act(self, recommendation):
        claim, proposal = self.claim, Proposal.objects.filter(claim=self.claim).confirmable().first()
        member = Member.objects.undecided().filter(claim=claim).last()
        if proposal:
            make.confirmed(proposal, by="mykola" if proposal.proposed_by == make.user("iryna") else "iryna")
        elif claim.state in access.QUEUED:
            lapse(claim)
            make.proposed(make.under_review(claim), recommendation=recommendation)
        elif claim.state == State.INFORMATION_REQUESTED:
            lifecycle.answer_request(claim.requests.last(), by=claim.filed_by, reply="There is none.")
        elif claim.bound_by:
            batches.apply_decisions()
        elif claim.state in lifecycle.AWAITING and not member:
            make.before_the_board(claim)
        elif claim.state in lifecycle.AWAITING and member.batch.state == "submitted":
            make.decided(submitted=member.batch)

    @rule(who=STAFF)
    def confirm(self, who):
        if proposal := Proposal.objects.filter(claim=self.claim).last():
            self.act(lambda: decisions.confirm(proposal, by=make.staff(*who)))

    @rule(who=STAFF)
    def send_back(self, who):
        if proposal := Proposal.objects.filter(claim=self.claim).last():
            self.act(lambda: decisions.send_back(proposal, by=make.staff(*who), note="Why"))

    @rule(who=MOSTLY[Role.SENIOR_REVIEWER])
    def return_it(self, who):
        self.act(lambda: decisions.return_to_review(self.claim, by=make.staff(*who), note="Why"))

    @rule()
    def put_in_a_batch(self):
        self.act(lambda: make.batch(self.claim))

    @rule()
    def take_out(self):
        if member := Member.objects.filter(claim=self.claim).last():
            by = make.staff("svitlana", Role.BOARD_SECRETARY)
            self.act(lambda: batches.take_out(member, by=by, because=Removal.LATER))

    @rule(who=MOSTLY[Role.EXECUTIVE_DIRECTOR])
    def submit(self, who):
        if batch := Batch.objects.last():
            self.act(lambda: batches.submit(batch, by=make.staff(*who)))

    @rule(who=MOSTLY[Role.BOARD_MEMBER], otherwise=st.sampled_from([None, *lifecycle.BOARDS_CHOICE]))
    def decide(self, who, otherwise):
        if (batch := Batch.objects.last()) is None:
            return
        paper = batches.paper(batch)
        chosen = {member.pk: otherwise for member in paper.members} if otherwise else {}
        self.act(
            lambda: batches.decide(
                batch,
                by=make.staff(*who),
                decided_on=timezone.localdate(),
                legal_basis="Article 12",
                seen_digest=paper.digest,
                outcomes=chosen,
                notes=dict.fromkeys(chosen, "Why"),
            )
        )

    @rule()
    def write_in(self):
        self.act(batches.apply_decisions)

    @rule(who=MOSTLY[Role.BOARD_MEMBER])
    def reopen(self, who):
        self.act(
            lambda: batches.reopen(
                self.claim,
                by=make.staff(*who),
                ground=batches.Ground.NEW_FACTS,
                reason="Why",
                decided_on=timezone.localdate() - timedelta(days=1),
            )
        )

    # --- What the claimant does ---

    @rule()
    def amend(self):
        self.act(lambda: make.amend(self.claim, cause=f"Ракета {self.claim.version}."))

    @rule()
    def answer(self):
        if request := self.claim.requests.last():
            self.act(
                lambda: lifecycle.answer_request(request, by=self.claim.filed_by, reply="There is none.")
            )

    @rule(really=st.integers(0, 9))
    def withdraw(self, really):
        if not really:
            self.act(lambda: make.withdraw(self.claim))

    # --- What is never otherwise ---

    @invariant()
    def the_ledger_explains_the_state(self):
        if hasattr(self, "claim"):
            assert explains(self.claim)

    @invariant()
    def no_open_entry_tells_the_recommendation(self):
        for entry in entries():
            if entry["open"]:
                told = {str(entry[at]["state"]) for at in ("before", "after") if entry[at]}
                assert told.isdisjoint({"eligible", "ineligible"})
                assert {"eligible", "ineligible"}.isdisjoint(map(str, entry["facts"].values()))

    @invariant()
    def one_of_each_at_most(self):
        assert Assignment.objects.filter(ended_at=None).count() <= 1
        assert Proposal.objects.open().count() <= 1
        assert Member.objects.undecided().count() <= 1

    @invariant()
    def a_recorded_or_rejected_claim_was_decided_by_several(self):
        for claim in Claim.objects.filter(state__in=[State.RECORDED, *lifecycle.REJECTED]):
            outcome = Outcome.objects.filter(claim=claim).latest("id")
            member = Member.objects.filter(claim=claim, applied_at__isnull=False).latest("id")
            assert (outcome.outcome, outcome.version_id) == (member.outcome, member.version_id)
            people = {
                member.proposal.proposed_by_id,
                member.proposal.closed_by_id,
                member.batch.submitted_by_id,
                member.batch.decided_by_id,
            }
            assert len(people) == 4
            assert claim.bound_by is None


@pytest.mark.django_db
def test_no_order_of_acts_breaks_the_rules():
    bounded = settings(
        max_examples=16,
        stateful_step_count=30,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Life, settings=bounded)
