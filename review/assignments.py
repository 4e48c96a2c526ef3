"""Who has which claim on their desk. A claim is on one desk at a time, and stays there for eight hours after
the last act; then others may take it."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import Role
from claims import lifecycle
from claims.models import Category, Claim, State
from ledger import log
from review import access, entries, looking
from review.access import Refused
from review.models import LEASE, Assignment, Ended, Proposal


class AlreadyTaken(Refused):
    """Somebody else has the claim on their desk."""


class NotNow(Refused):
    """In its present state the claim is on nobody's desk, or this is not done with it."""


class LeaseEnded(Refused):
    """The person's time with the claim was over, and somebody else has it now."""


class NotYours(Refused):
    """The claim is not on this person's desk and never was."""


@transaction.atomic
def take(claim: Claim, *, by: User) -> Assignment:
    """Put the claim on the desk of `by`; the review starts if it has not. Their own claim again: the time
    begins anew. Raises Refused, AlreadyTaken above all."""
    office = access.office(by, access.REVIEW)
    claim = lifecycle.lock(claim)
    access.check_may_work_on(claim, by)
    senior = Role.SENIOR_REVIEWER in by.roles
    if claim.state not in (access.ON_A_DESK if senior else access.QUEUED):
        raise NotNow(
            _("This claim cannot be taken: %(state)s. Take another one.")
            % {"state": claim.state_label.lower()}
        )
    current = active(claim)
    if current and current.reviewer_id == by.pk:
        return _renew(current)
    if current and not current.is_over:
        raise AlreadyTaken(_taken(current))
    proposal = Proposal.objects.filter(claim=claim).confirmable().select_related("proposed_by").first()
    if proposal:
        raise NotNow(
            _("%(person)s has proposed something about this claim. Confirm it or send it back.")
            % {"person": proposal.proposed_by}
        )
    return _give(claim, by=by, office=office, taken_from=current)


@transaction.atomic
def take_oldest(*, by: User, category: Category | None = None) -> Assignment | None:
    """Take the claim that has waited longest, one whose review was begun before one that was not; None if
    there is nothing to take. Claims that somebody else is taking just now are passed by."""
    access.office(by, access.REVIEW)

    def free(claims: QuerySet[Claim]) -> QuerySet[Claim]:
        free = access.free(access.in_queue(claims, by))
        return free.select_for_update(skip_locked=True, no_key=True, of=("self",))

    claims = Claim.objects.filter(category=category) if category else Claim.objects.all()
    for state in (State.UNDER_REVIEW, State.SUBMITTED):  # one state at a time: each has its index by age
        for claim in looking.everywhere(claims.filter(state=state), free, 1, by=("submitted_at", "id")):
            return take(claim, by=by)
    return None


@transaction.atomic
def release(claim: Claim, *, by: User) -> None:
    """Put the claim back. A senior reviewer does it for others too. Raises Refused."""
    office = access.office(by, access.REVIEW)
    claim = lifecycle.lock(claim)
    current = active(claim)
    if current is None:
        raise NotNow(_("Nobody has this claim at the moment."))
    if current.reviewer_id != by.pk:
        if Role.SENIOR_REVIEWER not in by.roles:
            raise AlreadyTaken(_taken(current))
        access.check_may_work_on(claim, by)
        office = Role.SENIOR_REVIEWER
    end(current, because=Ended.RELEASED)
    log.append(
        entries.RELEASED,
        by=by.actor,
        office=office,
        claim=claim.public_id,
        facts={"reviewer": str(current.reviewer.public_id)},
    )


def hold(claim: Claim, *, by: User) -> Assignment:
    """The lease of `by` on this claim, which the caller has locked; its time begins anew. One that was
    over is taken again without a word while nobody else has the claim. Raises LeaseEnded, NotYours or
    another Refused."""
    office = access.office(by, access.REVIEW)
    access.check_may_work_on(claim, by)
    current = active(claim)
    if current and current.reviewer_id == by.pk:
        return _renew(current)
    if not Assignment.objects.filter(claim=claim, reviewer=by).exists():
        raise NotYours(_("This claim is not on your desk. Take it first."))
    if current and not current.is_over:
        raise LeaseEnded(
            _(
                "Your time with this claim was over, and %(person)s has taken it. Nothing was saved; what "
                "you typed is still here for you to copy."
            )
            % {"person": current.reviewer}
        )
    if Proposal.objects.confirmable().filter(claim=claim).exclude(proposed_by=by).exists():
        raise NotNow(_("Somebody has made a proposal about this claim, and it waits to be confirmed."))
    if claim.state not in access.ON_A_DESK:
        raise NotNow(_("This is no longer possible: %(state)s.") % {"state": claim.state_label.lower()})
    return _give(claim, by=by, office=office, taken_from=current)


def active(claim: Claim) -> Assignment | None:
    """Whose desk the claim is on, their time over or not."""
    return Assignment.objects.filter(claim=claim, ended_at=None).select_related("reviewer").first()


def end(assignment: Assignment, *, because: Ended) -> None:
    """Part of another act, which has locked the claim and writes the ledger entry."""
    assignment.ended_at, assignment.ended_because = timezone.now(), because
    assignment.save(update_fields=["ended_at", "ended_because"])


def _renew(assignment: Assignment) -> Assignment:
    assignment.expires_at = timezone.now() + LEASE
    assignment.save(update_fields=["expires_at"])
    return assignment


def _give(claim: Claim, *, by: User, office: Role, taken_from: Assignment | None) -> Assignment:
    if claim.state == State.SUBMITTED:
        lifecycle.start_review(claim, by=by, office=office)
    if taken_from:
        end(taken_from, because=Ended.TAKEN_OVER)
    now = timezone.now()
    given = Assignment.objects.create(claim=claim, reviewer=by, taken_at=now, expires_at=now + LEASE)
    log.append(
        entries.TAKEN,
        by=by.actor,
        office=office,
        claim=claim.public_id,
        facts={"taken_over_from": taken_from and str(taken_from.reviewer.public_id)},
    )
    return given


def _taken(current: Assignment) -> str:
    until = formats.date_format(timezone.localtime(current.expires_at), "DATETIME_FORMAT")
    return _("%(person)s has this claim until %(until)s. Take another one.") % {
        "person": current.reviewer,
        "until": until,
    }
