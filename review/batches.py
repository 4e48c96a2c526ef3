"""Batches of claims, from the secretariat to the Board's decision and its writing in (rules.md 18 to 20).

A batch is locked before its claims, and claims in the order of their keys. What happens to a claim by
itself (the claimant amends or withdraws it) is seen when the batch is submitted or decided, under the
locks: the claim is taken out then and shown on the paper.
"""

import hashlib
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import rfc8785
from django.db import models, transaction
from django.db.models import QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan  # type: ignore[import-untyped]
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from accounts.roles import Role
from claims import lifecycle, mandates
from claims.mandates import Reason
from claims.models import Claim, InformationRequest, Outcome, State
from ledger import log
from review import access, entries
from review.access import Refused
from review.models import (
    DECIDABLE,
    RECOMMENDABLE,
    Batch,
    BatchState,
    Member,
    Proposal,
    ProposalState,
    Recommendation,
    Removal,
)

MAX_MEMBERS = 500
MAX_NOTE = 5000  # characters
AT_ONCE = 10  # so many workers find something to write
SECRETARIATS_CHOICE = (Removal.MISTAKE, Removal.LATER)
RETURNED = "board"  # the rule of every return to review
"""The rule of an outcome that the Board chose against the recommendation, in words of its own."""

logger = logging.getLogger(__name__)


class Ground(models.TextChoices):
    """The only grounds on which a decision is taken up again (rules.md 15)."""

    ADMINISTRATIVE_ERROR = "administrative_error", gettext_lazy("An administrative error")
    NEW_FACTS = "new_facts", gettext_lazy("New facts")


class NotOpen(Refused):
    """The batch was submitted or decided before, perhaps by somebody else."""


class CannotJoin(Refused):
    """A claim does not await the Board or is in another batch, or the batch is full."""


class WrongOutcome(Refused):
    """The recommendation or the reason does not allow this outcome, or words for the claimant are missing."""


class NothingInIt(Refused):
    """The batch has no claims."""


class Stale(Refused):
    """Claims left the batch since the page was opened. `members` names those that can be told."""

    def __init__(self, message: str, members: Sequence[Member] = ()) -> None:
        super().__init__(message)
        self.members = members


class SamePerson(Refused):
    """Who submitted a batch does not enter the decision on it."""


class NotDated(Refused):
    """The day of the session lies ahead, or a text is missing or too long."""


@dataclass(frozen=True)
class Paper:
    """A batch as it stands now. `members` are sorted by number; `gone` left it or will when it is
    submitted or decided, each with its `removed_because` (not saved yet if the claimant has just changed
    the claim). `digest` is over `members` with what is recommended: the page sends it back as what was
    seen."""

    members: list[Member]
    gone: list[Member]
    digest: str


# --- Preparing ---


@transaction.atomic
def make(title: str, *, by: User) -> Batch:
    """An empty batch. Raises Refused."""
    office = access.office(by, access.PREPARE)
    title = _text(title, limit=200)
    batch = Batch.objects.create(title=title, made_by=by, made_at=timezone.now())
    log.append(entries.BATCH_MADE, by=by.actor, office=office, facts={"batch": str(batch.public_id)})
    return batch


def candidates(user: User, after: tuple[str, int] | None = None) -> QuerySet[Claim]:
    """Claims that await the Board and are in no batch, ordered by (state, id), those after `after`; a
    sensitive one only for who is named for its category. Slice it. To go on, pass the last one's (state,
    id)."""
    return can_join(awaiting(after), user)


def awaiting(after: tuple[str, int] | None = None) -> QuerySet[Claim]:
    """Claims that await the Board, in a batch or not, ordered by (state, id), those after `after`."""
    waiting = Claim.objects.filter(state__in=lifecycle.AWAITING).order_by("state", "id")
    if after:
        waiting = waiting.filter(TupleGreaterThan(Tuple(models.F("state"), models.F("id")), after))
    return waiting


def can_join(claims: QuerySet[Claim], user: User) -> QuerySet[Claim]:
    """Those of the claims that this person can put into a batch now."""
    waiting = claims.filter(state__in=lifecycle.AWAITING, bound_by=None).exclude(filed_by=user)
    cleared = models.Q(sensitive=False) | models.Q(category__in=user.clearances.values("category"))
    return access.in_no_batch(waiting.filter(cleared)).select_related("category")


@transaction.atomic
def add(batch: Batch, claims: Iterable[Claim], *, by: User, recommended: State | None = None) -> list[Member]:
    """Put claims into an open batch, all of them or none. Without `recommended`: recorded if confirmed as
    eligible, otherwise rejected as the confirmed proposal says. Raises Refused."""
    office = access.office(by, access.PREPARE)
    batch = _lock(batch, BatchState.OPEN)
    wanted = _lock_claims(claim.pk for claim in claims)
    for claim in wanted:
        access.check_not_own(claim, by)
    access.check_cleared(wanted, by)
    if len(wanted) + batch.members.undecided().count() > MAX_MEMBERS:
        raise CannotJoin(
            _("A batch holds at most %(limit)s claims. Make another one for the others.")
            % {"limit": MAX_MEMBERS}
        )
    for member in Member.objects.undecided().filter(claim__in=wanted).select_related("batch", "version"):
        claim = next(claim for claim in wanted if claim.pk == member.claim_id)
        if because := _gone(member, claim):  # amended and reviewed again since: it can join another batch
            _take_out(member, claim, by=by, office=office, because=because)
        else:
            raise CannotJoin(
                _("%(number)s is in the batch “%(batch)s” already. Nothing was added.")
                % {"number": claim.number, "batch": member.batch.title}
            )
    proposals = _standing(wanted)
    now = timezone.now()
    members = []
    for claim in wanted:
        proposal = proposals.get(claim.pk)
        if proposal is None and claim.state in lifecycle.AWAITING:
            raise CannotJoin(
                _("No proposal about %(number)s as it stands is confirmed. Nothing was added; choose again.")
                % {"number": claim.number}
            )
        if claim.state not in lifecycle.AWAITING or claim.bound_by or proposal is None:
            raise CannotJoin(
                _("%(number)s no longer awaits the Board: %(state)s. Nothing was added; choose again.")
                % {"number": claim.number, "state": claim.state_label.lower()}
            )
        outcome = recommended or _default(proposal)
        if outcome not in RECOMMENDABLE or not _agrees(outcome, proposal):
            raise WrongOutcome(
                _("The confirmed proposal about %(number)s does not lead to this outcome. Nothing was added.")
                % {"number": claim.number}
            )
        members.append(
            Member(
                batch=batch,
                claim=claim,
                version=proposal.version,
                proposal=proposal,
                recommended=outcome,
                added_by=by,
                added_at=now,
            )
        )
    for member in Member.objects.bulk_create(members):
        log.append(
            entries.MEMBER_ADDED,
            by=by.actor,
            office=office,
            claim=member.claim.public_id,
            version=member.version.digest,
            facts={"batch": str(batch.public_id), "recommended": member.recommended},
        )
    return members


@transaction.atomic
def take_out(member: Member, *, by: User, because: Removal) -> None:
    """Take a claim out of an open batch again. `because` is one of SECRETARIATS_CHOICE. Raises Refused."""
    office = access.office(by, access.PREPARE)
    if because not in SECRETARIATS_CHOICE:
        raise WrongOutcome(_("Choose why the claim leaves the batch."))
    _lock(member.batch, BatchState.OPEN)
    [claim] = _lock_claims([member.claim_id])
    member = Member.objects.select_related("batch", "version").get(pk=member.pk)
    access.check_may_work_on(claim, by)
    if member.removed_at:
        raise NotOpen(_("This claim has left the batch already."))
    _take_out(member, claim, by=by, office=office, because=because)


def take_out_of_undecided(claim: Claim, *, by: User, office: Role, because: Removal) -> None:
    """Part of another act, which has locked the claim: it leaves the undecided batch that it may be in."""
    for member in (
        Member.objects.undecided().filter(claim=claim, outcome="").select_related("batch", "version")
    ):
        _take_out(member, claim, by=by, office=office, because=because)


def paper(batch: Batch) -> Paper:
    """What is in the batch now, and what left it. Reads only: three queries, whatever the number of
    claims."""
    members = batch.members.select_related("claim__category").order_by("claim__number")
    # Not joined: to join 500 rows with all proposals, the planner would read all proposals.
    members = members.prefetch_related("version", "proposal")
    standing: list[Member] = []
    gone: list[Member] = []
    for member in members:
        because = None if batch.state == BatchState.DECIDED else _gone(member, member.claim)
        if member.removed_at is None and because:
            member.removed_because = because
        (gone if member.removed_because else standing).append(member)
    return Paper(standing, gone, _digest(standing))


@transaction.atomic
def submit(batch: Batch, *, by: User) -> Batch:
    """Lay the batch before the Board. Claims that were changed, withdrawn or returned since they were
    added are taken out. Raises Refused."""
    office = access.office(by, access.SUBMIT)
    batch = _lock(batch, BatchState.OPEN)
    members, _left = _settle(batch, by=by, office=office)
    if not members:
        raise NothingInIt(_("There is no claim in this batch. Add claims before you submit it."))
    for member in members:
        access.check_not_own(member.claim, by)
    access.check_cleared([member.claim for member in members], by)
    batch.state = BatchState.SUBMITTED
    batch.submitted_by, batch.submitted_at = by, timezone.now()
    batch.members_digest = _digest(members)
    batch.save(update_fields=["state", "submitted_by", "submitted_at", "members_digest"])
    log.append(
        entries.BATCH_SUBMITTED,
        by=by.actor,
        office=office,
        at=batch.submitted_at,
        facts={"batch": str(batch.public_id), "members": len(members), "digest": batch.members_digest},
    )
    return batch


# --- Deciding ---


@transaction.atomic
def decide(
    batch: Batch,
    *,
    by: User,
    decided_on: date,
    legal_basis: str,
    seen_digest: str,
    outcomes: Mapping[int, State] | None = None,
    reasons: Mapping[int, str] | None = None,
    notes: Mapping[int, str] | None = None,
) -> Batch:
    """Enter the Board's decision of `decided_on` on a submitted batch: one act for all its claims.
    `outcomes` maps a member's key to what the Board decided otherwise than recommended, `reasons` to the
    mandate's reason for that, `notes` to its words for the claimant; `seen_digest` is the `Paper.digest` of
    the page. From here the claims are bound; `apply_decisions` writes the outcome into each. Raises Refused:
    Stale if a claim left the batch since the page was opened."""
    office = access.office(by, access.DECIDE)
    batch = _lock(batch, BatchState.SUBMITTED)
    if by.pk == batch.submitted_by_id:
        raise SamePerson(_("You submitted this batch, so another member of the Board enters the decision."))
    legal_basis = _text(legal_basis, limit=300)
    if decided_on > timezone.localdate(timezone=mandates.current().zone):
        raise NotDated(_("The day of the Board’s session lies ahead. Enter the decision once it is taken."))
    members, left = _settle(batch, by=by, office=office)
    if _digest(members) != seen_digest:
        raise _stale(members, left, seen_digest)
    for member in members:
        access.check_may_work_on(member.claim, by)
    _write_outcomes(members, outcomes or {}, reasons or {}, notes or {})
    batch.state = BatchState.DECIDED
    batch.decided_by, batch.decided_at = by, timezone.now()
    batch.decided_on, batch.legal_basis = decided_on, legal_basis
    batch.decision_digest = _digest(members, decided=True)
    Member.objects.bulk_update(members, ["outcome", "outcome_reason", "outcome_note"])
    batch.save(
        update_fields=["state", "decided_by", "decided_at", "decided_on", "legal_basis", "decision_digest"]
    )
    lifecycle.bind([member.claim for member in members], decision=batch.public_id)
    log.append(
        entries.BOARD_DECIDED,
        by=by.actor,
        office=office,
        at=batch.decided_at,
        facts={
            "batch": str(batch.public_id),
            "decided_on": decided_on.isoformat(),
            "members": len(members),
            "digest": batch.decision_digest,
        },
    )
    return batch


@transaction.atomic
def apply_decisions(limit: int = 100) -> int:
    """Write decisions of the Board into at most `limit` claims, in one transaction; the worker calls it
    until it answers 0. Done again it does nothing; claims that another worker has in hand are passed by."""
    waiting = Member.objects.to_be_applied().order_by("claim").values_list("claim", flat=True)
    some = list(waiting[: AT_ONCE * limit])  # first, by their own index: the planner may think of all claims
    claims = Claim.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
    locked = claims.filter(pk__in=some, bound_by__isnull=False).order_by("pk")[:limit]
    keys = [claim.pk for claim in locked]
    due = Member.objects.to_be_applied().filter(claim__in=keys).order_by("claim")
    written = 0
    for member in due.select_related("batch__decided_by", "claim__category", "version", "proposal"):
        try:
            _write_in(member)
        except lifecycle.MoveRefused:  # it cannot be; and if so, the others are not kept waiting
            logger.exception("decision %s not written into claim %s", member.batch_id, member.claim_id)
            continue
        written += 1
    return written


@transaction.atomic
def reopen(claim: Claim, *, by: User, ground: Ground, reason: str, decided_on: date) -> Outcome:
    """Take a claim that was not recorded up again, for the Board; `reason` is for the claimant to read.
    Raises Refused."""
    access.office(by, access.DECIDE)
    if ground not in Ground.values:
        raise WrongOutcome(_("A claim is taken up again for an administrative error or for new facts alone."))
    reason = _text(reason, limit=MAX_NOTE)
    if decided_on > timezone.localdate(timezone=mandates.current().zone):
        raise NotDated(_("The day of the Board’s session lies ahead. Enter the decision once it is taken."))
    claim = lifecycle.lock(claim)
    access.check_may_work_on(claim, by)
    if claim.state not in lifecycle.REJECTED:
        raise WrongOutcome(
            _("Only a claim that was not recorded is taken up again: %(state)s.")
            % {"state": claim.state_label.lower()}
        )
    return lifecycle.reopen(claim, by=by, ground=str(ground), reason=reason, decided_on=decided_on)


# --- The steps of it ---


def _lock(batch: Batch, state: BatchState) -> Batch:
    """The batch's row, locked and read again. Raises NotOpen if it is not in this state any more."""
    batch = Batch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    if batch.state != state:
        raise NotOpen(
            {
                BatchState.OPEN: _(
                    "This batch has not been submitted yet. The executive director submits it."
                ),
                BatchState.SUBMITTED: _(
                    "This batch was submitted in the meantime. It can no longer be changed."
                ),
                BatchState.DECIDED: _("The Board’s decision on this batch has been entered already."),
            }[BatchState(batch.state)]
        )
    return batch


def _lock_claims(keys: Iterable[int]) -> list[Claim]:
    """Claims locked in the order of their keys, so that two acts on many never wait for each other."""
    claims = Claim.objects.select_for_update(no_key=True, of=("self",)).select_related("category")
    return list(claims.filter(pk__in=list(keys)).order_by("pk"))


def _settle(batch: Batch, *, by: User, office: Role) -> tuple[list[Member], list[Member]]:
    """Lock the claims of the locked batch; take out those that changed since they were added. Answers who
    stays, sorted by number, and all who left."""
    locked = {c.pk: c for c in _lock_claims(batch.members.undecided().values_list("claim", flat=True))}
    standing: list[Member] = []
    left: list[Member] = []
    for member in batch.members.select_related("claim", "batch", "version", "proposal").order_by(
        "claim__number"
    ):
        if member.removed_at is None:
            member.claim = locked[member.claim_id]
            if because := _gone(member, member.claim):
                _take_out(member, member.claim, by=by, office=office, because=because)
        (left if member.removed_at else standing).append(member)
    return standing, left


def _gone(member: Member, claim: Claim) -> Removal | None:
    """Why the claim can no longer be decided as it was added, None if it can."""
    if claim.state == State.WITHDRAWN:
        return Removal.WITHDRAWN
    if claim.version != member.version.number:
        return Removal.AMENDED
    if claim.state not in lifecycle.AWAITING:
        return Removal.RETURNED
    return None


def _take_out(member: Member, claim: Claim, *, by: User, office: Role, because: Removal) -> None:
    member.removed_at, member.removed_because = timezone.now(), because
    member.save(update_fields=["removed_at", "removed_because"])
    log.append(
        entries.MEMBER_TAKEN_OUT,
        by=by.actor,
        office=office,
        claim=claim.public_id,
        version=member.version.digest,
        facts={"batch": str(member.batch.public_id), "because": str(because)},
    )


def _standing(claims: Sequence[Claim]) -> dict[int, Proposal]:
    """The confirmed proposal of each claim about its present version, the newest if it was reviewed twice."""
    proposals = Proposal.objects.filter(
        claim__in=claims, state=ProposalState.CONFIRMED, version__number=models.F("claim__version")
    )
    return {proposal.claim_id: proposal for proposal in proposals.select_related("version").order_by("id")}


def _default(proposal: Proposal) -> State:
    if proposal.recommendation == Recommendation.ELIGIBLE:
        return State.RECORDED
    return State.REJECTED_WITH_PREJUDICE if proposal.with_prejudice else State.REJECTED_WITHOUT_PREJUDICE


def _agrees(outcome: State, proposal: Proposal) -> bool:
    """Whether the outcome follows from what was confirmed; otherwise the Board gives reasons of its own."""
    if proposal.recommendation == Recommendation.ELIGIBLE:
        return outcome == State.RECORDED
    if outcome == State.REJECTED_WITH_PREJUDICE:
        return _for_good(mandates.current().reason(proposal.reason))
    return outcome == State.REJECTED_WITHOUT_PREJUDICE


def _for_good(reason: Reason | None) -> bool:
    """Whether the mandate names the reason as one for which a claim is rejected for good (rules.md 19)."""
    return reason is not None and reason.with_prejudice


def _write_outcomes(
    members: list[Member],
    outcomes: Mapping[int, State],
    reasons: Mapping[int, str],
    notes: Mapping[int, str],
) -> None:
    """Raises WrongOutcome for one that the Board cannot choose, or that needs a reason or words and has none.

    The reason is one of the mandate's for every outcome: a rule of its own for what the Board decided
    otherwise would tell the world what had been recommended (rules.md 16)."""
    keys = {member.pk for member in members}
    if not {*outcomes, *reasons, *notes} <= keys or not set(outcomes.values()) <= set(DECIDABLE):
        raise WrongOutcome(_("This is not a claim or an outcome of this batch. Open the paper again."))
    were_heard = heard([member.claim_id for member in members])
    for member in members:
        member.outcome = outcomes.get(member.pk, State(member.recommended))
        member.outcome_note = notes.get(member.pk, "").strip()
        number = {"number": member.claim.number, "limit": MAX_NOTE}
        if "\0" in member.outcome_note:
            raise WrongOutcome(
                _("The text about %(number)s holds a character that cannot be kept. Type it again.") % number
            )
        if len(member.outcome_note) > MAX_NOTE:
            raise WrongOutcome(_("The text about %(number)s has more than %(limit)s characters.") % number)
        if _agrees(State(member.outcome), member.proposal):
            continue
        reason = mandates.current().reason(reasons.get(member.pk, ""))
        leads_to = Recommendation.ELIGIBLE if member.outcome == State.RECORDED else Recommendation.INELIGIBLE
        if member.outcome == State.UNDER_REVIEW:
            reason = None
        elif reason is None or reason.leads_to != leads_to:
            raise WrongOutcome(
                _("Choose the reason for %(number)s: one that leads to what the Board decided.") % number
            )
        else:
            member.outcome_reason = reason.id
        if member.outcome == State.REJECTED_WITH_PREJUDICE and not _for_good(reason):
            raise WrongOutcome(
                _("%(number)s cannot be rejected for good: its reason does not allow that.") % number
            )
        if member.outcome in lifecycle.REJECTED and member.claim_id not in were_heard:
            raise WrongOutcome(
                _(
                    "%(number)s cannot be rejected: the claimant was not told what is missing. Return it to "
                    "review."
                )
                % number
            )
        if not member.outcome_note:
            raise WrongOutcome(
                _("Write for the claimant of %(number)s why the Board decides otherwise than recommended.")
                % number
            )


def heard(claims: Collection[int]) -> set[int]:
    """Of these claims (by key), those whose claimants were told what is missing, and have answered or had all
    of the due date to do so (rules.md 19)."""
    zone, now = mandates.current().zone, timezone.now()
    asked = InformationRequest.objects.filter(claim__in=claims)
    return {
        request.claim_id
        for request in asked.only("claim", "answered_at", "closed_at", "due_on")
        if request.answered_at or timezone.localdate(request.closed_at or now, timezone=zone) > request.due_on
    }


def _write_in(member: Member) -> None:
    by = member.batch.decided_by
    agrees = _agrees(State(member.outcome), member.proposal)
    decided_on = member.batch.decided_on
    if by is None or decided_on is None:  # the database refuses it
        raise lifecycle.MoveRefused
    lifecycle.decide(
        member.claim,
        decision=member.batch.public_id,
        outcome=State(member.outcome),
        version=member.version,
        rule=_rule(member, agrees=agrees) or RETURNED,
        reason=_told(member, agrees=agrees),
        decided_on=decided_on,
        by=by.actor,
    )
    member.applied_at = timezone.now()
    member.save(update_fields=["applied_at"])


def _rule(member: Member, *, agrees: bool) -> str:
    return member.proposal.reason if agrees else member.outcome_reason


def _told(member: Member, *, agrees: bool) -> str:
    """What the claimant reads: the reason in the language of the claim, what the reviewer added to it if the
    Board follows them, the Board's words."""
    reason = mandates.current().reason(_rule(member, agrees=agrees))
    added = member.proposal.told if agrees else ""
    with translation.override(member.claim.language):
        title = str(reason.told) if reason else ""
    return "\n\n".join(text for text in (title, added, member.outcome_note) if text)


def _digest(members: Iterable[Member], *, decided: bool = False) -> str:
    """SHA-256, in hex, of the RFC 8785 list of [number, version digest, outcome], sorted by number."""
    rows = [[m.claim.number, m.version.digest, str(m.outcome if decided else m.recommended)] for m in members]
    return hashlib.sha256(rfc8785.dumps(sorted(rows))).hexdigest()


def _stale(members: list[Member], left: list[Member], seen: str) -> Stale:
    """Tells who left since the page was opened: the last to leave, put back, make the digest that was
    seen."""
    left = sorted(left, key=_left_at, reverse=True)
    for number in range(1, len(left) + 1):
        since = left[:number]
        if _digest([*members, *since]) == seen:
            numbers = ", ".join(member.claim.number or "" for member in since)
            return Stale(
                ngettext(
                    "%(count)s claim was taken out since you opened the page: %(numbers)s. "
                    "Look at the paper again.",
                    "%(count)s claims were taken out since you opened the page: %(numbers)s. "
                    "Look at the paper again.",
                    number,
                )
                % {"count": number, "numbers": numbers},
                since,
            )
    return Stale(_("The paper has changed since you opened the page. Look at it again."))


def _left_at(member: Member) -> datetime:
    """When a claim left: found only now to be amended or withdrawn, then when that happened."""
    times = [at for at in (member.removed_at, member.claim.changed_at) if at]
    return min(times)


def _text(text: str, *, limit: int) -> str:
    text = text.strip()
    if not text:
        raise NotDated(_("Something is missing. Fill in every field."))
    if len(text) > limit:
        raise NotDated(_("The text has more than %(limit)s characters. Shorten it.") % {"limit": limit})
    return text
