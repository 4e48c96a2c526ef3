"""Who sees which claim and which batch, sensitive ones above all; and that each look is written down."""

import pytest

from accounts.roles import Role
from claims.models import Access, Claim
from review import access, assignments, batches, clearances, decisions
from review.models import Batch, Clearance
from tests import make
from tests.review.explaining import entries, lapse

pytestmark = pytest.mark.django_db


@pytest.fixture
def director():
    return make.staff("dariia", Role.EXECUTIVE_DIRECTOR)


def queue(user):
    return list(access.in_queue(Claim.objects.all(), user).order_by("id"))


def readable(user):
    return list(access.readable_by(Claim.objects.all(), user).order_by("id"))


# --- The queue ---


def test_the_queue_holds_what_is_submitted_or_under_review(reviewer):
    make.draft(by="stepan")
    submitted, reviewed = make.claim(by="olena"), make.under_review(filed_by="petro")
    make.asked(make.under_review(filed_by="oksana"))
    make.confirmed(filed_by="marko")
    assert queue(reviewer("taras")) == [submitted, reviewed]


def test_ones_own_claim_is_not_in_the_queue(reviewer):
    make.claim(by="taras")
    assert queue(reviewer("taras")) == []


def test_free_is_what_nobody_has_and_nothing_is_proposed_about(reviewer):
    free = make.claim(by="olena")
    make.under_review(filed_by="petro")
    over = make.under_review(filed_by="oksana")
    lapse(over)
    proposed = make.proposed(filed_by="marko").claim
    lapse(proposed)
    assert list(access.free(Claim.objects.all()).order_by("id")) == [free, over]


def test_mine_is_what_is_on_my_desk_waiting_or_not(reviewer):
    iryna = reviewer("iryna")
    first, waiting = make.under_review(by="iryna"), make.under_review(by="iryna", filed_by="petro")
    make.asked(waiting)
    make.withdraw(make.under_review(by="iryna", filed_by="oksana"))
    make.under_review(by="mykola", filed_by="marko")
    assert list(access.mine(Claim.objects.all(), iryna).order_by("id")) == [first, waiting]


def test_to_confirm_is_what_others_proposed_about_the_claim_as_it_is(reviewer):
    proposed = make.proposed(by="iryna").claim
    make.amend(make.proposed(by="iryna", filed_by="petro").claim, cause="Ракета.")
    assert list(access.to_confirm(Claim.objects.all(), reviewer("mykola"))) == [proposed]
    assert list(access.to_confirm(Claim.objects.all(), reviewer("iryna"))) == []


# --- Reading ---


def test_a_reviewer_reads_what_is_on_their_desk_and_nothing_else(reviewer):
    make.claim(by="olena")
    mine = make.under_review(by="iryna", filed_by="petro")
    assert readable(reviewer("iryna")) == [mine]
    assert readable(reviewer("mykola")) == []


def test_time_that_is_over_does_not_shut_the_claim_until_somebody_takes_it(reviewer):
    claim = make.under_review(by="iryna")
    lapse(claim)
    assert readable(reviewer("iryna")) == [claim]
    assignments.take(claim, by=reviewer("mykola"))
    assert readable(reviewer("iryna")) == []
    assert list(access.once_held_by(Claim.objects.all(), reviewer("iryna"))) == [claim]


def test_a_proposal_opens_the_claim_to_those_who_could_confirm_it(reviewer):
    claim = make.proposed(by="iryna").claim
    assert readable(reviewer("mykola")) == [claim]
    make.amend(claim, cause="Ракета.")
    assert readable(reviewer("mykola")) == []


def test_who_proposed_and_who_confirmed_read_on_until_the_board_has_decided(reviewer):
    claim = make.confirmed(proposed_by="iryna", by="mykola")
    assert readable(reviewer("iryna")) == readable(reviewer("mykola")) == [claim]
    assert readable(reviewer("taras")) == []
    make.decided(claim)
    batches.apply_decisions()
    assert readable(reviewer("iryna")) == []


def test_a_senior_reviewer_reads_every_claim_that_was_submitted(senior):
    make.draft(by="stepan")
    claims = [make.claim(by="olena"), make.recorded(by="petro"), make.withdraw(make.claim(by="oksana"))]
    assert readable(senior) == claims


def test_nobody_reads_as_staff_what_they_filed():
    make.claim(by="senia")
    assert readable(make.staff("senia", Role.SENIOR_REVIEWER)) == []


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.REVIEWER, Role.SENIOR_REVIEWER}))
def test_nobody_else_reads_claims(role):
    make.proposed()
    by = make.user("halyna") if role in (Role.CLAIMANT, Role.REPRESENTATIVE) else make.staff("halyna", role)
    assert readable(by) == []


def test_a_look_is_written_down_with_its_purpose(reviewer, senior):
    claim = make.proposed(by="iryna").claim
    for who in (reviewer("iryna"), reviewer("mykola")):
        access.record_view(claim, who)
    other = make.claim(by="petro")
    access.record_view(other, senior)
    rows = Access.objects.order_by("at").values_list("claim", "actor_id", "office", "purpose")
    assert list(rows) == [
        (claim.public_id, str(reviewer("iryna").public_id), "reviewer", "review"),
        (claim.public_id, str(reviewer("mykola").public_id), "reviewer", "confirmation"),
        (other.public_id, str(senior.public_id), "senior_reviewer", "senior"),
    ]


def test_a_look_at_a_confirmed_claim_is_for_confirmation(reviewer):
    access.record_view(make.confirmed(by="mykola"), reviewer("mykola"))
    assert Access.objects.get().purpose == "confirmation"


# --- Sensitive categories ---


def cleared(user, category, director):
    clearances.give(user, category, by=director)
    return user


def test_a_sensitive_claim_does_not_exist_for_who_is_not_named(sensitive, reviewer, senior, director):
    category = sensitive()
    claim = make.claim()
    named = cleared(reviewer("iryna"), category, director)
    assert queue(reviewer("mykola")) == readable(senior) == []
    assert assignments.take_oldest(by=reviewer("mykola")) is None
    with pytest.raises(access.NotCleared, match="Only people whom the executive director has named"):
        assignments.take(claim, by=reviewer("mykola"))
    assert queue(named) == [claim]
    assert assignments.take_oldest(by=named).claim == claim
    assert readable(named) == [claim]


def test_being_named_for_another_category_does_not_help(sensitive, reviewer, director):
    sensitive("A3.1")
    make.claim("A3.1")
    cleared(reviewer("iryna"), sensitive("A2.1"), director)
    assert queue(reviewer("iryna")) == []


def test_a_clearance_taken_back_shuts_the_claim_at_once(sensitive, reviewer, director):
    category = sensitive()
    cleared(reviewer("iryna"), category, director)
    claim = make.under_review(by="iryna")
    clearances.withdraw(Clearance.objects.get(), by=director)
    assert readable(reviewer("iryna")) == []
    with pytest.raises(access.NotCleared):
        make.checked(claim, by="iryna")


def test_a_proposal_about_a_sensitive_claim_is_confirmed_by_who_is_named(sensitive, reviewer, director):
    category = sensitive()
    cleared(reviewer("iryna"), category, director)
    proposal = make.proposed(by="iryna")
    with pytest.raises(access.NotCleared):
        decisions.confirm(proposal, by=reviewer("mykola"))
    decisions.confirm(proposal, by=cleared(reviewer("taras"), category, director))


@pytest.fixture
def sensitive_claim(sensitive, reviewer, director):
    category = sensitive()
    for name in ("iryna", "mykola"):
        cleared(reviewer(name), category, director)
    return make.confirmed()


def test_a_sensitive_claim_joins_a_batch_by_who_is_named(sensitive_claim, director):
    secretary = make.staff("svitlana", Role.BOARD_SECRETARY)
    assert list(batches.candidates(secretary)) == []
    with pytest.raises(access.NotCleared):
        make.batch(sensitive_claim)
    cleared(secretary, sensitive_claim.category, director)
    assert list(batches.candidates(secretary)) == [sensitive_claim]
    make.batch(sensitive_claim)


def test_a_batch_with_a_sensitive_claim_does_not_exist_for_who_is_not_named(sensitive_claim, director):
    other = make.staff("maryna", Role.EXECUTIVE_DIRECTOR)
    cleared(make.staff("svitlana", Role.BOARD_SECRETARY), sensitive_claim.category, director)
    batch = make.batch(sensitive_claim)
    with pytest.raises(access.NotCleared):
        batches.submit(batch, by=other)
    assert list(access.batches_readable_by(Batch.objects.all(), other)) == []
    cleared(other, sensitive_claim.category, director)
    batch = batches.submit(batch, by=other)
    board = make.staff("bohdan", Role.BOARD_MEMBER)
    assert list(access.batches_readable_by(Batch.objects.all(), board)) == []
    with pytest.raises(access.NotCleared):
        make.decided(submitted=batch)
    cleared(board, sensitive_claim.category, director)
    assert list(access.batches_readable_by(Batch.objects.all(), board)) == [batch]
    make.decided(submitted=batch)


@pytest.mark.parametrize(
    ("role", "states"),
    [
        (Role.BOARD_SECRETARY, ["open", "submitted", "decided"]),
        (Role.EXECUTIVE_DIRECTOR, ["open", "submitted", "decided"]),
        (Role.BOARD_MEMBER, ["submitted", "decided"]),
        (Role.AUDITOR, ["submitted", "decided"]),
        (Role.REVIEWER, []),
        (Role.SENIOR_REVIEWER, []),
        (Role.SUPPORT_AGENT, []),
    ],
)
def test_who_sees_batches(role, states):
    for arrange, name in ((make.batch, "olena"), (make.before_the_board, "petro"), (make.decided, "marko")):
        arrange(make.confirmed(filed_by=name))
    user = make.staff("halyna", role)
    seen = access.batches_readable_by(Batch.objects.all(), user).order_by("id")
    assert [batch.state for batch in seen] == states


def test_the_board_sees_what_it_may_reopen(sensitive_claim):
    rejected = make.rejected(by="petro", code="A2.1")
    make.recorded(by="oksana", code="A2.1")
    board = make.staff("bohdan", Role.BOARD_MEMBER)
    assert list(access.reopenable_by(Claim.objects.all(), board)) == [rejected]
    assert not access.reopenable_by(Claim.objects.all(), make.user("iryna")).exists()


# --- Naming people ---


def test_the_director_names_people(sensitive, reviewer, director):
    given = clearances.give(reviewer("iryna"), sensitive(), by=director)
    assert given.given_by == director
    [entry] = entries(kind="clearance.given")
    assert (entry["open"], entry["office"]) == (False, "executive_director")
    assert entry["facts"] == {"person": str(reviewer("iryna").public_id), "category": "A3.1"}
    clearances.withdraw(given, by=director)
    assert not Clearance.objects.exists()
    [entry] = entries(kind="clearance.withdrawn")
    assert entry["facts"] == {"person": str(reviewer("iryna").public_id), "category": "A3.1"}


def test_nobody_else_names_people(sensitive, reviewer, senior):
    category = sensitive()
    for by in (senior, make.staff("bohdan", Role.BOARD_MEMBER)):
        with pytest.raises(access.NotEntitled):
            clearances.give(reviewer("iryna"), category, by=by)


def test_nobody_names_themselves(sensitive, director):
    with pytest.raises(clearances.NotGiven, match="another executive director"):
        clearances.give(director, sensitive(), by=director)


def test_nobody_is_named_for_a_category_that_is_not_sensitive(reviewer, director):
    with pytest.raises(clearances.NotGiven, match="not sensitive"):
        clearances.give(reviewer("iryna"), make.category(), by=director)


def test_only_who_may_meet_claims_is_named(sensitive, director):
    with pytest.raises(clearances.NotGiven, match="Give them a role first"):
        clearances.give(make.staff("halyna", Role.TRANSLATOR), sensitive(), by=director)


def test_nobody_is_named_twice_or_taken_back_twice(sensitive, reviewer, director):
    given = clearances.give(reviewer("iryna"), sensitive(), by=director)
    with pytest.raises(clearances.NotGiven, match="already"):
        clearances.give(reviewer("iryna"), make.category(), by=director)
    clearances.withdraw(given, by=director)
    with pytest.raises(clearances.NotGiven, match="any more"):
        clearances.withdraw(given, by=director)
