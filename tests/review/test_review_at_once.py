"""Two people at the same moment: one wins, the other is told what happened, and the ledger explains the rest.
With real commits, on connections of their own."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.utils import timezone, translation

from accounts.roles import Role
from claims import filing, lifecycle
from claims.models import Claim, Outcome
from claims.versions import Declaration
from ledger.models import Entry
from review import assignments, batches, checklists, decisions
from review.models import Assignment, Batch, Proposal
from tests import make
from tests.review.explaining import entries, explains, kinds, lapse

pytestmark = pytest.mark.committing


def on_its_own(act):
    """Run the act on a connection of its own; give what it returned or refused."""
    try:
        with translation.override("en"):
            return act()
    except Exception as error:  # noqa: BLE001 - the tests look at it
        return error
    finally:
        connection.close()


def at_once(*acts):
    """Run the acts at the same moment. Gives what each returned or refused."""
    barrier = threading.Barrier(len(acts))

    def run(act):
        barrier.wait(timeout=10)
        return on_its_own(act)

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def in_turn(first, second):
    """Run `second` while `first` is done and not yet committed: it must wait, and then see what happened."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            did = first()
            waiting = pool.submit(on_its_own, second)
            _wait_until_blocked()
        return did, waiting.result(timeout=10)


def _wait_until_blocked():
    with connection.cursor() as cursor:
        for _turn in range(1000):
            cursor.execute("SELECT pg_stat_clear_snapshot(), pg_sleep(0.01)")
            cursor.execute(
                "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.rowcount:
                return
    raise AssertionError("Nobody waits.")


def one_wins(outcomes, refusal):
    """Exactly one did it, every other was refused so. Gives the sentences of the others."""
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert [type(outcome) for outcome in refused] == [refusal] * (len(outcomes) - 1), outcomes
    return [str(outcome) for outcome in refused]


def reviewers(*names):
    return [make.staff(name, Role.REVIEWER) for name in names]


# --- Reviewers ---


def test_of_reviewers_who_take_a_claim_at_once_one_has_it():
    claim = make.claim()
    people = reviewers("iryna", "mykola", "taras")
    outcomes = at_once(*(lambda by=by: assignments.take(claim, by=by) for by in people))
    told = one_wins(outcomes, assignments.AlreadyTaken)
    holder = Assignment.objects.get().reviewer
    assert all(sentence.startswith(f"{holder} has this claim until") for sentence in told)
    assert kinds(claim).count("review.taken") == 1
    assert explains(claim)


def test_of_reviewers_who_take_a_claim_over_at_once_one_has_it():
    claim = make.under_review(by="iryna")
    lapse(claim)
    outcomes = at_once(*(lambda by=by: assignments.take(claim, by=by) for by in reviewers("mykola", "taras")))
    one_wins(outcomes, assignments.AlreadyTaken)
    assert Assignment.objects.filter(ended_at=None).count() == 1


def test_reviewers_who_take_the_oldest_at_once_get_different_claims():
    claims = [make.claim(by=name) for name in ("olena", "petro", "oksana")]
    people = reviewers("iryna", "mykola", "taras")
    outcomes = at_once(*(lambda by=by: assignments.take_oldest(by=by) for by in people))
    assert {given.claim_id for given in outcomes} == {claim.pk for claim in claims}


def test_who_typed_while_the_claim_was_taken_over_is_told_so():
    claim = make.under_review(by="iryna")
    lapse(claim)
    iryna, mykola = reviewers("iryna", "mykola")
    _taken, refused = in_turn(
        lambda: assignments.take(claim, by=mykola),
        lambda: checklists.save(claim, by=iryna, version_number=1, answers={}, notes={}),
    )
    assert isinstance(refused, assignments.LeaseEnded)
    assert "mykola@example.org has taken it" in str(refused)


def test_of_two_who_confirm_at_once_one_does():
    proposal = make.proposed(by="iryna")
    people = reviewers("mykola", "taras")
    outcomes = at_once(*(lambda by=by: decisions.confirm(proposal, by=by) for by in people))
    [told] = one_wins(outcomes, decisions.AlreadyClosed)
    assert told.startswith(f"{Proposal.objects.get().closed_by} confirmed this proposal on")
    claim = make.fresh(proposal.claim)
    assert claim.state == "eligible"
    assert kinds(claim).count("claim.review_finished") == kinds(claim).count("review.confirmed") == 1
    assert explains(claim)


def test_of_confirming_and_sending_back_at_once_one_is_done():
    proposal = make.proposed(by="iryna")
    mykola, taras = reviewers("mykola", "taras")
    outcomes = at_once(
        lambda: decisions.confirm(proposal, by=mykola),
        lambda: decisions.send_back(proposal, by=taras, note="Why"),
    )
    one_wins(outcomes, decisions.AlreadyClosed)
    assert explains(proposal.claim)


# --- The claimant meanwhile ---


def amending(claim):
    """What the claimant typed, to be sent."""
    filing.reopen(claim, by=claim.filed_by)
    declaration = Declaration.of_current_texts("Олена Коваленко", language="en")
    return lambda: lifecycle.amend(claim, by=claim.filed_by, declaration=declaration)


def withdrawing(claim):
    return lambda: lifecycle.withdraw(claim, by=claim.filed_by)


def confirming(proposal, name="mykola"):
    [by] = reviewers(name)
    return lambda: decisions.confirm(proposal, by=by)


def test_a_claim_amended_first_is_not_confirmed():
    proposal = make.proposed()
    _amended, refused = in_turn(amending(proposal.claim), confirming(proposal))
    assert isinstance(refused, decisions.Overtaken)
    assert "changed the claim after this proposal" in str(refused)
    assert Proposal.objects.get().state == "void"
    assert make.fresh(proposal.claim).state == "under_review"
    assert explains(proposal.claim)


def test_a_claim_confirmed_first_and_then_amended_is_under_review_again():
    proposal = make.proposed()
    in_turn(confirming(proposal), amending(proposal.claim))
    claim = make.fresh(proposal.claim)
    assert (claim.state, claim.version, claim.reviewed_before) == ("under_review", 2, True)
    assert Proposal.objects.get().state == "confirmed"
    assert kinds(claim)[-3:] == ["claim.review_finished", "review.confirmed", "claim.amended"]
    assert explains(claim)


def test_confirm_against_amend():
    proposal = make.proposed()
    confirmed, amended = at_once(confirming(proposal), amending(proposal.claim))
    assert not isinstance(amended, Exception)
    assert isinstance(confirmed, Proposal | decisions.Overtaken)
    claim = make.fresh(proposal.claim)
    assert (claim.state, claim.version) == ("under_review", 2)
    assert not Proposal.objects.open().exists()
    assert explains(claim)


def proposing(claim):
    make.checked(claim)
    [by] = reviewers("iryna")
    return lambda: decisions.propose(
        claim, by=by, version_number=claim.version, recommendation="eligible", reason="all_tests_met"
    )


def test_about_a_claim_withdrawn_first_nothing_is_proposed():
    claim = make.under_review()
    _withdrawn, refused = in_turn(withdrawing(claim), proposing(claim))
    assert isinstance(refused, assignments.NotNow)
    assert "withdrawn at your request" in str(refused)
    assert not Proposal.objects.exists()
    assert explains(claim)


def test_propose_against_withdraw():
    claim = make.under_review()
    proposed, withdrawn = at_once(proposing(claim), withdrawing(claim))
    assert withdrawn is None
    assert isinstance(proposed, Proposal | assignments.NotNow)
    assert make.fresh(claim).state == "withdrawn"
    assert not Proposal.objects.confirmable().exists()
    assert explains(claim)


def test_confirm_against_withdraw():
    proposal = make.proposed()
    confirmed, withdrawn = at_once(confirming(proposal), withdrawing(proposal.claim))
    assert withdrawn is None
    assert isinstance(confirmed, Proposal | decisions.Overtaken)
    assert make.fresh(proposal.claim).state == "withdrawn"
    assert explains(proposal.claim)


# --- The Board ---


def deciding(batch, name="bohdan"):
    by, seen = make.staff(name, Role.BOARD_MEMBER), batches.paper(batch).digest
    return lambda: batches.decide(
        batch, by=by, decided_on=timezone.localdate(), legal_basis="Article 12", seen_digest=seen
    )


def submitting(batch, name):
    by = make.staff(name, Role.EXECUTIVE_DIRECTOR)
    return lambda: batches.submit(batch, by=by)


def test_of_two_directors_who_submit_at_once_one_does():
    batch = make.batch()
    [told] = one_wins(at_once(submitting(batch, "dariia"), submitting(batch, "maryna")), batches.NotOpen)
    assert told == "This batch was submitted in the meantime. It can no longer be changed."
    assert len(entries(kind="batch.submitted")) == 1


def test_of_two_members_of_the_board_who_decide_at_once_one_does():
    batch = make.before_the_board()
    [told] = one_wins(at_once(deciding(batch, "bohdan"), deciding(batch, "bohdana")), batches.NotOpen)
    assert told == "The Board’s decision on this batch has been entered already."
    assert len(entries(kind="board.decided")) == 1


def test_a_claim_withdrawn_first_is_not_decided():
    stays, goes = make.confirmed(filed_by="olena"), make.confirmed(filed_by="petro")
    batch = make.before_the_board(stays, goes)
    _withdrawn, refused = in_turn(withdrawing(goes), deciding(batch))
    assert isinstance(refused, batches.Stale)
    assert goes.number in str(refused)
    assert Batch.objects.get().state == "submitted"
    assert explains(goes)


def test_a_claim_decided_first_is_not_withdrawn():
    claim = make.confirmed()
    _decided, refused = in_turn(deciding(make.before_the_board(claim)), withdrawing(claim))
    assert isinstance(refused, lifecycle.AlreadyDecided)
    assert "The Board has decided on this claim" in str(refused)
    batches.apply_decisions()
    assert make.fresh(claim).state == "recorded"
    assert explains(claim)


def test_decide_against_withdraw():
    claim = make.confirmed()
    decided, withdrawn = at_once(deciding(make.before_the_board(claim)), withdrawing(claim))
    assert isinstance(decided, Exception) != isinstance(withdrawn, Exception)
    assert isinstance(decided, Batch | batches.Stale)
    assert withdrawn is None or isinstance(withdrawn, lifecycle.AlreadyDecided)
    batches.apply_decisions()
    assert make.fresh(claim).state == ("withdrawn" if withdrawn is None else "recorded")
    assert explains(claim)


def test_decide_against_amend():
    claim = make.confirmed()
    decided, amended = at_once(deciding(make.before_the_board(claim)), amending(claim))
    assert isinstance(decided, Exception) != isinstance(amended, Exception)
    batches.apply_decisions()
    assert make.fresh(claim).state == ("recorded" if isinstance(decided, Batch) else "under_review")
    assert explains(claim)


def test_decide_against_a_return_by_a_senior_reviewer():
    claim = make.confirmed()
    batch, senior = make.before_the_board(claim), make.staff("senia", Role.SENIOR_REVIEWER)
    decided, returned = at_once(
        deciding(batch), lambda: decisions.return_to_review(claim, by=senior, note="Why")
    )
    assert isinstance(decided, Exception) != isinstance(returned, Exception)
    batches.apply_decisions()
    assert make.fresh(claim).state == ("recorded" if isinstance(decided, Batch) else "under_review")
    assert explains(claim)


def test_a_claim_is_added_to_one_of_two_batches_at_once():
    claim = make.confirmed()
    secretary = make.staff("svitlana", Role.BOARD_SECRETARY)
    march, april = batches.make("March", by=secretary), batches.make("April", by=secretary)
    outcomes = at_once(*(lambda b=b: batches.add(b, [claim], by=secretary) for b in (march, april)))
    one_wins(outcomes, batches.CannotJoin)
    assert claim.memberships.count() == 1


def test_two_acts_on_the_same_many_claims_do_not_wait_for_each_other_forever():
    claims = [make.confirmed(filed_by=name) for name in ("olena", "petro", "oksana", "marko")]
    secretary = make.staff("svitlana", Role.BOARD_SECRETARY)
    march, april = batches.make("March", by=secretary), batches.make("April", by=secretary)
    outcomes = at_once(
        lambda: batches.add(march, claims, by=secretary),
        lambda: batches.add(april, claims[::-1], by=secretary),
    )
    one_wins(outcomes, batches.CannotJoin)


# --- Writing decisions in ---


def decided_on_several(number):
    claims = [make.confirmed(filed_by=f"claimant{n}") for n in range(number)]
    make.decided(*claims)
    return claims


def written(claims):
    """How many decisions were written in, each claim's once."""
    per_claim = [claim.outcomes.count() for claim in claims]
    assert set(per_claim) <= {0, 1}
    assert Entry.objects.filter(kind="claim.decided").count() == sum(per_claim)
    return sum(per_claim)


def test_a_crash_in_the_middle_loses_and_repeats_nothing(monkeypatch):
    claims = decided_on_several(5)
    assert batches.apply_decisions(limit=2) == 2
    decide, turns = lifecycle.decide, []

    def crash(claim, **given):
        turns.append(claim)
        if len(turns) == 2:
            raise SystemError("power cut")
        return decide(claim, **given)

    monkeypatch.setattr(lifecycle, "decide", crash)
    with pytest.raises(SystemError):
        batches.apply_decisions()
    assert written(claims) == 2
    monkeypatch.undo()
    assert batches.apply_decisions() == 3
    assert written(claims) == 5
    assert batches.apply_decisions() == 0
    assert all(explains(claim) for claim in claims)
    assert set(Claim.objects.values_list("state", "bound_by")) == {("recorded", None)}


def test_two_workers_at_once_write_each_decision_once():
    claims = decided_on_several(8)

    def work():
        done = 0
        while count := batches.apply_decisions(limit=2):
            done += count
        return done

    assert sum(at_once(work, work)) + batches.apply_decisions() == 8
    assert written(claims) == 8
    assert all(explains(claim) for claim in claims)


def test_a_worker_passes_by_what_another_has_in_hand():
    decided_on_several(3)
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        assert batches.apply_decisions(limit=2) == 2
        assert pool.submit(on_its_own, batches.apply_decisions).result(timeout=10) == 1


def test_writing_in_against_withdrawing():
    claim = make.confirmed()
    make.decided(claim)
    applied, withdrawn = at_once(batches.apply_decisions, withdrawing(claim))
    assert isinstance(withdrawn, lifecycle.MoveRefused)
    batches.apply_decisions()
    assert applied in (0, 1)
    assert make.fresh(claim).state == "recorded"
    assert Outcome.objects.count() == 1
    assert explains(claim)
