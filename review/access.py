"""Who sees which claim and which batch, and in which role somebody acts. The one place for it.

Permissions say what a role does at all; here stands which rows. What is not readable does not exist (404).
"""

import uuid

from django.db.models import BooleanField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import PERMISSIONS, Role
from claims import access, erasure, lifecycle
from claims.models import Category, Claim, State
from review.models import Assignment, Batch, BatchState, Clearance, Member, Proposal

REVIEW = "review.review_claims"
RETURN = "review.return_claims"
PREPARE = "review.prepare_batches"
SUBMIT = "review.submit_batches"
CLEAR = "review.give_clearance"
DECIDE = "review.decide_batches"
VIEW_BATCHES = "review.view_batches"
VIEW_FIGURES = "claims.view_statistics"
PROPOSE_ERASURE = erasure.PROPOSE
CARRY_OUT_ERASURE = erasure.CARRY_OUT

QUEUED = (State.SUBMITTED, State.UNDER_REVIEW)
AT_ONCE = 2_000
"""Of more claims on one desk, or proposals to be confirmed, the rest is shown when these are done."""

ON_A_DESK = (*QUEUED, State.INFORMATION_REQUESTED)


class Refused(Exception):
    """The act was not done; str() is a translated sentence that says what happened and what to do."""


class NotEntitled(Refused):
    """No role of this person does this."""


class OwnClaim(Refused):
    """Nobody works on a claim that they filed."""


class NotCleared(Refused):
    """The category is sensitive and the person is not named for it."""


# --- Roles ---


def office(by: User, permission: str) -> Role:
    """The role in which this person does what the permission allows. Raises NotEntitled."""
    for role in Role:
        if role in by.roles and permission in PERMISSIONS[role]:
            return role
    raise NotEntitled(_("None of your roles allows this. The executive director gives roles."))


# --- Claims ---


def in_queue(claims: QuerySet[Claim], user: User) -> QuerySet[Claim]:
    """Claims that this person may have on their desk: submitted or under review, whoever has them now."""
    return _of_others_and_cleared(claims.filter(state__in=QUEUED), user)


def takeable_by(claims: QuerySet[Claim], user: User) -> QuerySet[Claim]:
    """Claims that this person may take if nobody has them: a senior reviewer also one that waits for an
    answer, whose reviewer may be gone."""
    states = ON_A_DESK if Role.SENIOR_REVIEWER in user.roles else QUEUED
    return _of_others_and_cleared(claims.filter(state__in=states), user)


def free(claims: QuerySet[Claim]) -> QuerySet[Claim]:
    """Those of the queue that can be taken now: on nobody's desk (or the time is over) and not proposed."""
    return claims.exclude(_has(_held_now())).exclude(_has(_confirmable()))


def in_no_batch(claims: QuerySet[Claim]) -> QuerySet[Claim]:
    """Those that are in no batch, as they are now, on which the Board's decision is still to be written."""
    undecided = Member.objects.undecided()
    return claims.exclude(_has(undecided.filter(claim=OuterRef("pk"), version__number=OuterRef("version"))))


def mine(claims: QuerySet[Claim], user: User) -> QuerySet[Claim]:
    """Claims on this person's desk, those that wait for the claimant's answer too; of a very full desk not
    all."""
    held = Assignment.objects.filter(reviewer=user, ended_at=None).order_by("claim")
    found = claims.filter(pk__in=_keys(held), state__in=ON_A_DESK)
    return _of_others_and_cleared(found, user)


def to_confirm(claims: QuerySet[Claim], user: User) -> QuerySet[Claim]:
    """Claims about which somebody else has proposed something that this person can confirm; where very many
    wait for that, not all of them."""
    proposed = Proposal.objects.open().exclude(proposed_by=user).order_by("claim")
    of_others = _confirmable().exclude(proposed_by=user)
    found = claims.filter(_has(of_others), pk__in=_keys(proposed), state=State.UNDER_REVIEW)
    return _of_others_and_cleared(found, user)


def readable_by(claims: QuerySet[Claim], user: User) -> QuerySet[Claim]:
    """Claims whose contents this person may open now: on their desk, proposed by somebody else and to be
    confirmed, proposed or confirmed by themselves while the Board's decision is awaited; a senior reviewer
    opens every submitted claim. Never one that they filed, and a sensitive one only if named for it."""
    if Role.SENIOR_REVIEWER in user.roles:
        seen = ~Q(state=State.DRAFT)
    elif Role.REVIEWER in user.roles:
        own = Proposal.objects.confirmed().filter(
            Q(proposed_by=user) | Q(closed_by=user), claim=OuterRef("pk"), version__number=F("claim__version")
        )
        seen = (
            _has(_active().filter(reviewer=user)) & Q(state__in=ON_A_DESK)
            | _has(_confirmable())
            | _has(own) & Q(state__in=lifecycle.AWAITING)
        )
    else:
        return claims.none()
    return _of_others_and_cleared(claims.filter(seen), user)


def once_held_by(claims: QuerySet[Claim], user: User) -> QuerySet[Claim]:
    """Claims that were on this person's desk at some time: to tell them that it ended, and nothing more."""
    return claims.filter(_has(Assignment.objects.filter(claim=OuterRef("pk"), reviewer=user)))


def reopenable_by(claims: QuerySet[Claim], user: User) -> QuerySet[Claim]:
    """Claims that the Board did not record and that this member may reopen for it."""
    if Role.BOARD_MEMBER not in user.roles:
        return claims.none()
    return _of_others_and_cleared(claims.filter(state__in=lifecycle.REJECTED), user)


def erasable_by(claims: QuerySet[Claim], user: User) -> QuerySet[Claim]:
    """Claims in which this person may erase by law: submitted, of others, sensitive ones only if named for
    them. What they say is not shown."""
    return _of_others_and_cleared(claims.exclude(state=State.DRAFT), user)


def hidden_categories(user: User) -> set[str]:
    """The codes of sensitive categories for which this person is not named: to them, none of its claims
    exist, nor their number (rules.md 13)."""
    named = Clearance.objects.filter(person=user, category=OuterRef("pk"))
    hidden = Category.objects.filter(sensitive=True).exclude(Exists(named))
    return set(hidden.values_list("code", flat=True))


def check_may_work_on(claim: Claim, by: User) -> None:
    """Raises OwnClaim or NotCleared."""
    check_not_own(claim, by)
    check_cleared([claim], by)


def check_not_own(claim: Claim, by: User) -> None:
    """Raises OwnClaim."""
    if claim.filed_by_id == by.pk:
        raise OwnClaim(_("You filed this claim yourself, so somebody else works on it."))


def check_cleared(claims: list[Claim], by: User) -> None:
    """Raises NotCleared if one of the claims is sensitive and this person not named for its category."""
    needed = {claim.category_id for claim in claims if claim.sensitive}
    if needed and Clearance.objects.filter(person=by, category__in=needed).count() < len(needed):
        raise NotCleared(
            _(
                "This category is sensitive. Only people whom the executive director has named for it "
                "work on its claims."
            )
        )


def record_view(claim: Claim, user: User, file: uuid.UUID | None = None) -> None:
    """Write down that this person looked at a claim that is readable to them, or at a piece of its
    evidence."""
    role = office(user, REVIEW)
    if Assignment.objects.filter(claim=claim, reviewer=user, ended_at=None).exists():
        purpose = "review"
    elif Proposal.objects.filter(claim=claim, version__number=claim.version).confirmable().exists():
        purpose = "confirmation"
    elif role == Role.REVIEWER and Role.SENIOR_REVIEWER not in user.roles:
        purpose = "confirmation"  # their own proposal or confirmation, while the Board's decision is awaited
    else:
        role, purpose = Role.SENIOR_REVIEWER, "senior"
    access.record(claim, by=user.actor, office=role, purpose=purpose, file=file)


# --- Batches ---


def batches_readable_by(batches: QuerySet[Batch], user: User) -> QuerySet[Batch]:
    """Batches that this person may open: the secretariat and the director all of them, the Board and auditors
    once submitted. One that holds a sensitive claim only if named for its category, and none that holds a
    claim which they filed: a claimant does not learn what is recommended (rules.md 16)."""
    if user.roles.isdisjoint({Role.BOARD_SECRETARY, Role.EXECUTIVE_DIRECTOR}):
        if user.roles.isdisjoint({Role.BOARD_MEMBER, Role.AUDITOR}):
            return batches.none()
        batches = batches.exclude(state=BatchState.OPEN)
    hidden = Member.objects.filter(batch=OuterRef("pk"), claim__sensitive=True).exclude(
        claim__category__in=_cleared(user)
    )
    own = Member.objects.filter(batch=OuterRef("pk"), claim__filed_by=user)
    return batches.exclude(_has(hidden)).exclude(_has(own))


# --- Parts of the questions above ---


def _has(rows: QuerySet) -> Q:
    """Whether there are such rows, asked of each claim or batch by itself, by index. Of EXISTS the planner
    may think that it is better answered for all at once, and reads a whole table for one page."""
    found = Subquery(rows.order_by().values(there=Value(True))[:1], output_field=BooleanField())
    return Q(Coalesce(found, Value(False)))


def _keys(rows: QuerySet) -> list[int]:
    """The claims of these rows, looked up first: few, whatever the planner thinks of them."""
    return list(rows.values_list("claim", flat=True)[:AT_ONCE])


def _active() -> QuerySet[Assignment]:
    return Assignment.objects.filter(claim=OuterRef("pk"), ended_at=None)


def _held_now() -> QuerySet[Assignment]:
    return _active().filter(expires_at__gt=timezone.now())


def _confirmable() -> QuerySet[Proposal]:
    return Proposal.objects.confirmable().filter(claim=OuterRef("pk"))


def _cleared(user: User) -> QuerySet:
    return Clearance.objects.filter(person=user).values("category")


def _of_others_and_cleared(claims: QuerySet[Claim], user: User) -> QuerySet[Claim]:
    return claims.exclude(filed_by=user).filter(Q(sensitive=False) | Q(category__in=_cleared(user)))
