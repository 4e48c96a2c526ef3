"""What nobody may break, the database refuses by itself: each constraint and trigger is named and tried."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection
from django.utils import timezone

from accounts.roles import Role
from claims.models import State
from review import batches, clearances
from review.models import (
    Batch,
    BatchState,
    Checklist,
    Clearance,
    Member,
    Proposal,
    ProposalState,
    Removal,
    Return,
)
from tests import make

pytestmark = pytest.mark.django_db


def copied(row, **columns):
    """A further row like this one, as a mistake in our code would write it."""
    values = {f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields}
    del values["id"]
    return type(row).objects.create(**values | columns)


def changed(row, **columns):
    """As a mistake in our code would change the row, past every act."""
    type(row).objects.filter(pk=row.pk).update(**columns)


def assignment():
    return make.under_review().assignments.get()


def checklist():
    return make.proposed().checklist


def returned():
    claim = make.confirmed()
    return Return.objects.create(
        claim=claim,
        proposal=claim.proposals.get(),
        by=make.user("senia"),
        at=timezone.now(),
        note="Read again.",
        salt=bytes(16),
        digest="0" * 64,
    )


def judged(proposal, **columns):
    changed(proposal, **{"state": ProposalState.CONFIRMED, "closed_at": timezone.now()} | columns)


def another_open_proposal():
    copied(make.proposed(), public_id="0" * 32)


def batch(state="open"):
    make_it = {"open": make.batch, "submitted": make.before_the_board, "decided": make.decided}[state]
    return Batch.objects.get(pk=make_it().pk)


def member(state="open"):
    return batch(state).members.get()


def clearance(**columns):
    values = {"person": make.user("iryna"), "category": make.category(), "given_by": make.user("dariia")}
    return Clearance.objects.create(**{**values, "given_at": timezone.now(), **columns})


def clearance_twice():
    clearance()
    clearance()


BOARDS_DECISION = {
    "state": BatchState.DECIDED,
    "decided_at": timezone.now(),
    "decided_on": "2026-03-07",
    "legal_basis": "Article 12",
    "decision_digest": "0" * 64,
}


def entered(**columns):
    submitted = batch("submitted")
    changed(submitted, **{**BOARDS_DECISION, "decided_by": make.user("bohdan"), **columns})


BROKEN = {
    "assignment_one_active_per_claim": [lambda: copied(assignment())],
    "assignment_ended_with_reason": [
        lambda: changed(assignment(), ended_at=timezone.now()),
        lambda: changed(assignment(), ended_because="released"),
        lambda: changed(assignment(), ended_at=timezone.now(), ended_because="bored"),
    ],
    "assignment_expires_after_taking": [
        lambda: changed(assignment(), expires_at=timezone.now() - timedelta(days=1))
    ],
    "checklist_erased_with_salt": [
        lambda: copied(checklist(), answers=None),
        lambda: copied(checklist(), salt=None),
    ],
    "proposal_one_open_per_claim": [another_open_proposal],
    "proposal_recommendation_known": [
        lambda: copied(make.proposed(), public_id="0" * 32, recommendation="perhaps")
    ],
    "proposal_state_known": [
        lambda: changed(make.proposed(), state="lost", closed_at=timezone.now()),
    ],
    "proposal_closed_iff_closing_time": [
        lambda: changed(make.proposed(), closed_at=timezone.now()),
        lambda: changed(make.proposed(), closed_by=make.user("mykola")),
        lambda: changed(make.proposed(), state="void"),
    ],
    "proposal_judged_by_another": [
        lambda: judged(make.proposed(), closed_by=make.user("iryna")),
        lambda: judged(make.proposed(), closed_by=make.user("iryna"), state="sent_back"),
        lambda: judged(make.proposed(), closed_by=None),
    ],
    "proposal_with_prejudice_is_against": [
        lambda: copied(make.proposed(), public_id="0" * 32, with_prejudice=True)
    ],
    "proposal_words_erased_with_salt": [
        lambda: copied(make.proposed(), public_id="0" * 32, salt=None),
        lambda: copied(make.proposed(), public_id="0" * 32, note=None),
        lambda: copied(make.proposed(), public_id="0" * 32, told=None),
    ],
    "return_note_erased_with_salt": [
        lambda: copied(returned(), note=None),
        lambda: copied(returned(), salt=None),
    ],
    "batch_state_known": [
        lambda: changed(
            batch(),
            state="lost",
            submitted_by=make.user("dariia"),
            submitted_at=timezone.now(),
            members_digest="0" * 64,
        )
    ],
    "batch_submitted_by_somebody_with_digest": [
        lambda: changed(batch(), state="submitted"),
        lambda: changed(batch(), submitted_at=timezone.now()),
        lambda: changed(batch(), members_digest="0" * 64),
        lambda: changed(
            batch(), state="submitted", submitted_by=make.user("dariia"), submitted_at=timezone.now()
        ),
    ],
    "batch_decided_on_a_day_with_basis_and_digest": [
        lambda: entered(decided_by=None),
        lambda: entered(decided_at=None),
        lambda: entered(decided_on=None),
        lambda: entered(legal_basis=""),
        lambda: entered(decision_digest=""),
        lambda: entered(state="submitted"),
    ],
    "batch_decided_by_another_than_submitted_it": [lambda: entered(decided_by=make.user("dariia"))],
    "member_one_undecided_batch_per_claim": [lambda: copied(member())],
    "member_recommended_for_the_board": [
        lambda: copied(member(), recommended="under_review"),
        lambda: copied(member(), recommended=""),
    ],
    "member_outcome_is_one_of_the_boards": [lambda: changed(member("submitted"), outcome="eligible")],
    "member_removed_with_reason": [
        lambda: changed(member(), removed_at=timezone.now()),
        lambda: changed(member(), removed_because="later"),
        lambda: changed(member(), removed_at=timezone.now(), removed_because="bored"),
    ],
    "member_decided_or_removed": [
        lambda: changed(
            member("submitted"), outcome="recorded", removed_at=timezone.now(), removed_because="returned"
        )
    ],
    "member_applied_once_decided": [lambda: applied_without_outcome()],
    "clearance_given_once": [clearance_twice],
    "clearance_given_by_another": [lambda: clearance(given_by=make.user("iryna"))],
}


def applied_without_outcome():
    submitted = batch("submitted")
    changed(submitted, **BOARDS_DECISION, decided_by=make.user("bohdan"))
    changed(submitted.members.get(), applied_at=timezone.now())


@pytest.mark.parametrize(("name", "breaks"), [(name, b) for name, several in BROKEN.items() for b in several])
def test_the_database_of_review_refuses(name, breaks):
    with pytest.raises(IntegrityError, match=f'"{name}"'):
        breaks()


def test_every_constraint_of_review_is_tried():
    models = apps.get_app_config("review").get_models()
    assert {c.name for model in models for c in model._meta.constraints} == set(BROKEN)


# --- Triggers ---


@pytest.mark.parametrize(
    "columns",
    [
        {"recommendation": "ineligible"},
        {"reason": "met_on_the_account"},
        {"note": "Other"},
        {"told": "Other"},
        {"digest": "0" * 64},
        {"proposed_at": timezone.now()},
        {"public_id": "0" * 32},
    ],
)
def test_a_proposal_stands_as_it_was_written(columns):
    with pytest.raises(DatabaseError, match="a proposal stands"):
        changed(make.proposed(), **columns)


@pytest.mark.parametrize("to", [{"state": "void"}, {"state": "open", "closed_at": None, "closed_by": None}])
def test_a_confirmed_proposal_never_changes(to):
    confirmed = make.confirmed().proposals.get()
    with pytest.raises(DatabaseError, match="a proposal stands"):
        changed(confirmed, **to)


def test_a_proposal_is_not_deleted():
    with pytest.raises(DatabaseError, match="a proposal stands"):
        Proposal.objects.filter(pk=make.proposed().pk).delete()


@pytest.mark.parametrize("row", [checklist, returned])
def test_what_a_reviewer_wrote_is_kept_as_it_was(row):
    kept = row()
    with pytest.raises(DatabaseError):
        changed(kept, digest="1" * 64)


@pytest.mark.parametrize("model", [Checklist, Return])
def test_the_owner_cannot_change_it_either(model):
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [table]
        )
        assert {f"{table}_append_only", f"{table}_no_truncate"} <= {name for (name,) in cursor.fetchall()}


@pytest.mark.parametrize(
    ("state", "columns"),
    [
        ("open", {"public_id": "0" * 32}),
        ("open", {"made_at": timezone.now()}),
        ("open", {"state": "decided"}),
        ("submitted", {"members_digest": "1" * 64}),
        ("submitted", {"title": "Other"}),
        ("submitted", {"submitted_at": timezone.now()}),
        ("submitted", {"state": "open", "submitted_by": None, "submitted_at": None, "members_digest": ""}),
        ("decided", {"decision_digest": "1" * 64}),
        ("decided", {"legal_basis": "Other"}),
        ("decided", {"decided_on": "2026-01-01"}),
    ],
)
def test_a_submitted_batch_stands(state, columns):
    with pytest.raises(DatabaseError, match="a submitted batch stands"):
        changed(batch(state), **columns)


def test_a_batch_is_not_deleted():
    empty = batches.make("April", by=make.staff("svitlana", Role.BOARD_SECRETARY))
    with pytest.raises(DatabaseError, match="a submitted batch stands"):
        Batch.objects.filter(pk=empty.pk).delete()


@pytest.mark.parametrize(
    ("state", "columns"),
    [
        ("open", {"outcome": "recorded"}),
        ("open", {"recommended": "rejected_without_prejudice"}),
        ("submitted", {"recommended": "rejected_without_prejudice"}),
        ("submitted", {"added_at": timezone.now()}),
        ("submitted", {"outcome": "recorded", "applied_at": timezone.now()}),
        ("decided", {"outcome": "under_review"}),
        ("decided", {"outcome_note": "Other"}),
        ("decided", {"outcome": "", "removed_at": timezone.now(), "removed_because": Removal.LATER}),
    ],
)
def test_a_claim_in_a_batch_stands(state, columns):
    with pytest.raises(DatabaseError, match="a batch stands as submitted"):
        changed(member(state), **columns)


def test_what_was_written_into_a_claim_stays_noted():
    claim = make.recorded()
    with pytest.raises(DatabaseError, match="a batch stands as submitted"):
        changed(claim.memberships.get(), applied_at=None)


def test_a_claim_that_left_a_batch_does_not_come_back():
    left = member()
    batches.take_out(left, by=make.user("svitlana"), because=Removal.LATER)
    with pytest.raises(DatabaseError, match="a batch stands as submitted"):
        changed(left, removed_at=None, removed_because="")


@pytest.mark.parametrize("state", ["submitted", "decided"])
def test_no_claim_joins_a_batch_that_was_submitted(state):
    other = make.confirmed(filed_by="petro")
    with pytest.raises(DatabaseError, match="a batch stands as submitted"):
        copied(
            member(state),
            claim_id=other.pk,
            version_id=other.versions.get().pk,
            proposal_id=other.proposals.get().pk,
            outcome="",
        )


def test_a_member_is_not_deleted():
    with pytest.raises(DatabaseError, match="a batch stands as submitted"):
        Member.objects.filter(pk=member().pk).delete()


@pytest.mark.parametrize(
    "breaks",
    [
        lambda version: copied(checklist(), version_id=version.pk),
        lambda version: copied(make.proposed(), public_id="0" * 32, version_id=version.pk),
        lambda version: copied(member(), version_id=version.pk),
    ],
)
def test_what_is_pinned_is_a_version_of_the_same_claim(breaks):
    other = make.claim(by="petro").versions.get()
    with pytest.raises(IntegrityError, match="the version is of another claim"):
        breaks(other)


@pytest.mark.parametrize(
    "allowed",
    [
        lambda: copied(checklist(), answers=None, salt=None),
        lambda: copied(returned(), note=None, salt=None),
        lambda: judged(make.proposed(), closed_by=make.user("mykola")),
        lambda: changed(make.proposed(), state="void", closed_at=timezone.now()),
        lambda: changed(member("submitted"), outcome=State.RECORDED),
        lambda: changed(member("decided"), applied_at=timezone.now()),
        entered,
        clearance,
    ],
)
def test_the_database_of_review_lets_pass_what_is_right(allowed):
    allowed()


def test_clearances_may_be_taken_away_again():
    given = clearance(given_by=make.staff("dariia", Role.EXECUTIVE_DIRECTOR))
    clearances.withdraw(given, by=make.user("dariia"))
    assert not Clearance.objects.exists()
