"""What becomes of a claim under review: asking the claimant, proposing, and confirming by a second person."""

import os
from datetime import date, timedelta

import rfc8785
from django.db import transaction
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import Role
from claims import lifecycle, mandates, versions
from claims.mandates import Reason
from claims.models import Claim, InformationRequest, State
from ledger import log
from review import access, assignments, batches, checklists, entries
from review.access import Refused
from review.assignments import NotNow
from review.checklists import Overtaken
from review.models import LEASE, Ended, Proposal, ProposalState, Recommendation, Removal, Return

MAX_TEXT = 5000  # characters, in a request, a note and what the claimant is told
MAX_DAYS = 365
"""How far away the date may lie by which the claimant is asked to answer."""


class SamePerson(Refused):
    """Who proposed does not confirm."""


class AlreadyClosed(Refused):
    """Somebody else was faster with this proposal."""


class NotComplete(Refused):
    """The checklist of this version has checks without an answer."""


class NotHeard(Refused):
    """The claimant was not told what is missing, or could not answer yet (rules.md 19)."""


class WrongReason(Refused):
    """The reason does not lead to this recommendation, or does not allow rejecting for good."""


class NothingWritten(Refused):
    """A text is missing or too long, or the date does not do."""


@transaction.atomic
def ask(claim: Claim, *, by: User, version_number: int, text: str, due_on: date) -> InformationRequest:
    """Ask the claimant for what is missing, in the reviewer's words, to be answered by `due_on`. The
    claimant is told; the claim waits. A proposal of theirs that was open is void. Raises Refused."""
    claim = lifecycle.lock(claim)
    assignments.hold(claim, by=by)
    checklists.seen_version(claim, version_number)
    _check_under_review(claim)
    text = _written(text)
    today = timezone.localdate(timezone=mandates.current().zone)
    if not today < due_on <= today + timedelta(days=MAX_DAYS):
        raise NothingWritten(_("Choose a date from tomorrow on, at most a year from now."))
    for proposal in Proposal.objects.filter(claim=claim).open():
        _close(proposal, ProposalState.VOID)
    return lifecycle.request_information(
        claim, by=by, office=access.office(by, access.REVIEW), text=text, due_on=due_on
    )


@transaction.atomic
def go_on(claim: Claim, *, by: User) -> None:
    """Take the open request back, or go on without its answer. Raises Refused."""
    claim = lifecycle.lock(claim)
    assignments.hold(claim, by=by)
    request = InformationRequest.objects.filter(claim=claim, answered_at=None, closed_at=None).first()
    if request is None or claim.state != State.INFORMATION_REQUESTED:
        raise NotNow(_("The request has been answered or is no longer open. Read the claim again."))
    lifecycle.close_request(request, by=by, office=access.office(by, access.REVIEW))


@transaction.atomic
def propose(
    claim: Claim,
    *,
    by: User,
    version_number: int,
    recommendation: Recommendation,
    reason: str,
    note: str = "",
    told: str = "",
    with_prejudice: bool = False,
) -> Proposal:
    """Propose that the claim is eligible or ineligible, for another reviewer to confirm. `reason` is one
    of the mandate's, `note` is for colleagues, `told` is added to what the claimant will read. Raises
    Refused."""
    claim = lifecycle.lock(claim)
    assignments.hold(claim, by=by)
    version = checklists.seen_version(claim, version_number)
    _check_under_review(claim)
    for earlier in Proposal.objects.filter(claim=claim).open().select_related("version", "proposed_by"):
        if earlier.version.number == claim.version:
            raise AlreadyClosed(
                _("%(person)s has proposed something already. It waits for another reviewer to confirm it.")
                % {"person": earlier.proposed_by}
            )
        _close(earlier, ProposalState.VOID)
    checklist = checklists.newest(version)
    if checklist is None or not checklists.is_complete(checklist):
        raise NotComplete(_("Answer every check on the checklist first; “unclear” is an answer too."))
    _check_reason(reason, recommendation, with_prejudice)
    if recommendation == Recommendation.INELIGIBLE and not was_heard(claim):
        raise NotHeard(
            _(
                "Before a claim is proposed as not eligible, the claimant must be told what is missing and "
                "have time to answer. Ask them first."
            )
        )
    note, told = _written(note, required=False), _written(told, required=False)
    salt = os.urandom(versions.SALT_BYTES)
    proposal = Proposal.objects.create(
        claim=claim,
        version=version,
        checklist=checklist,
        recommendation=recommendation,
        reason=reason,
        note=note,
        told=told,
        salt=salt,
        digest=log.salted_digest(salt, rfc8785.dumps({"note": note, "told": told})),
        with_prejudice=with_prejudice,
        proposed_by=by,
        proposed_at=timezone.now(),
    )
    log.append(
        entries.PROPOSED,
        by=by.actor,
        office=access.office(by, access.REVIEW),
        claim=claim.public_id,
        version=version.digest,
        facts={
            "proposal": str(proposal.public_id),
            "version_number": version.number,
            "recommendation": proposal.recommendation,
            "reason": reason,
            "with_prejudice": with_prejudice,
            "words": proposal.digest,
        },
    )
    return proposal


def confirm(proposal: Proposal, *, by: User) -> Proposal:
    """Finish the review as somebody else proposed it. Raises Refused: SamePerson (the database refuses
    that too), AlreadyClosed, or Overtaken, and then the proposal is void."""
    with transaction.atomic():
        claim, proposal, overtaken = _meet(proposal, by=by)
        if not overtaken:
            _close(proposal, ProposalState.CONFIRMED, by=by)
            current = assignments.active(claim)
            if current:
                assignments.end(current, because=Ended.REVIEWED)
            office = access.office(by, access.REVIEW)
            lifecycle.finish_review(claim, to=State(proposal.recommendation), by=by, office=office)
            log.append(
                entries.CONFIRMED,
                by=by.actor,
                office=office,
                claim=claim.public_id,
                version=proposal.version.digest,
                facts={"proposal": str(proposal.public_id), "recommendation": proposal.recommendation},
            )
    if overtaken:  # raised outside, so that the proposal stays void
        raise overtaken
    return proposal


def send_back(proposal: Proposal, *, by: User, note: str) -> Proposal:
    """Do not confirm: `note` says why, and the claim is on the desk of whoever proposed. Raises Refused as
    `confirm` does."""
    note = _written(note)
    with transaction.atomic():
        claim, proposal, overtaken = _meet(proposal, by=by)
        if not overtaken:
            _close(proposal, ProposalState.SENT_BACK, by=by, note=note)
            current = assignments.active(claim)
            if current and current.reviewer_id == proposal.proposed_by_id:
                current.expires_at = timezone.now() + LEASE
                current.save(update_fields=["expires_at"])
            log.append(
                entries.SENT_BACK,
                by=by.actor,
                office=access.office(by, access.REVIEW),
                claim=claim.public_id,
                version=proposal.version.digest,
                facts={
                    "proposal": str(proposal.public_id),
                    "note": log.salted_digest(bytes(proposal.salt or b""), note.encode()),
                },
            )
    if overtaken:
        raise overtaken
    return proposal


@transaction.atomic
def return_to_review(claim: Claim, *, by: User, note: str) -> Return:
    """Back to review, by a senior reviewer and before the Board has decided. `note` says why, to whoever
    reviews it next; the claim leaves the batch that it is in. Raises Refused."""
    access.office(by, access.RETURN)
    note = _written(note)
    claim = lifecycle.lock(claim)
    access.check_may_work_on(claim, by)
    if claim.bound_by:
        raise NotNow(_("The Board has decided on this claim. It can no longer be returned."))
    if claim.state not in lifecycle.AWAITING:
        raise NotNow(
            _("Only a claim that awaits the Board is returned: %(state)s.") % {"state": claim.state_label}
        )
    proposal = standing(claim)
    lifecycle.return_to_review(claim, by=by, office=Role.SENIOR_REVIEWER)
    batches.take_out_of_undecided(claim, by=by, office=Role.SENIOR_REVIEWER, because=Removal.RETURNED)
    salt = os.urandom(versions.SALT_BYTES)
    returned = Return.objects.create(
        claim=claim,
        proposal=proposal,
        by=by,
        at=timezone.now(),
        note=note,
        salt=salt,
        digest=log.salted_digest(salt, note.encode()),
    )
    log.append(
        entries.RETURNED,
        by=by.actor,
        office=Role.SENIOR_REVIEWER,
        claim=claim.public_id,
        version=proposal.version.digest,
        facts={"proposal": str(proposal.public_id), "note": returned.digest},
    )
    return returned


def standing(claim: Claim) -> Proposal:
    """The confirmed proposal by which a claim awaits the Board."""
    return Proposal.objects.confirmed().select_related("version").filter(claim=claim).latest("id")


def was_heard(claim: Claim) -> bool:
    """Whether the claimant was told what is missing, and has answered or had all of the due date to do so."""
    return claim.pk in batches.heard([claim.pk])


def reasons(recommendation: Recommendation) -> list[Reason]:
    """The mandate's reasons that lead to a recommendation, to choose from."""
    return [reason for reason in mandates.current().reasons if reason.leads_to == recommendation]


def _meet(proposal: Proposal, *, by: User) -> tuple[Claim, Proposal, Overtaken | None]:
    """Lock the claim, read the proposal again, and see whether `by` may judge it. One that the claimant
    overtook becomes void here, and the caller raises what is returned once that is committed."""
    access.office(by, access.REVIEW)
    claim = lifecycle.lock(proposal.claim)
    access.check_may_work_on(claim, by)
    proposal = Proposal.objects.select_related("version", "proposed_by", "closed_by").get(pk=proposal.pk)
    if not proposal.is_open:
        raise AlreadyClosed(_closed(proposal))
    if claim.state != State.UNDER_REVIEW or proposal.version.number != claim.version:
        _close(proposal, ProposalState.VOID)
        return claim, proposal, Overtaken(_overtaken(claim))
    if proposal.proposed_by_id == by.pk:
        raise SamePerson(_("You proposed this yourself; another reviewer must confirm it or send it back."))
    return claim, proposal, None


def _close(proposal: Proposal, state: ProposalState, *, by: User | None = None, note: str = "") -> None:
    proposal.state = state
    proposal.closed_by, proposal.closed_at, proposal.closing_note = by, timezone.now(), note
    proposal.save(update_fields=["state", "closed_by", "closed_at", "closing_note"])


def _closed(proposal: Proposal) -> str:
    if proposal.closed_by is None:
        return _("This proposal was overtaken: the claim went another way. Read the claim again.")
    named = {
        "person": proposal.closed_by,
        "at": formats.date_format(timezone.localtime(proposal.closed_at), "DATETIME_FORMAT"),
    }
    if proposal.state == ProposalState.CONFIRMED:
        return _("%(person)s confirmed this proposal on %(at)s. There is nothing left to do.") % named
    return _("%(person)s sent this proposal back on %(at)s. There is nothing left to do.") % named


def _overtaken(claim: Claim) -> str:
    if claim.state == State.WITHDRAWN:
        return _("The claimant has withdrawn this claim. The proposal is void; there is nothing left to do.")
    return _(
        "The claimant changed the claim after this proposal. It is void; the claim must be read and proposed "
        "again."
    )


def _check_under_review(claim: Claim) -> None:
    if claim.state != State.UNDER_REVIEW:
        raise NotNow(
            _("This is not possible now: %(state)s. Read the claim again.")
            % {"state": claim.state_label.lower()}
        )


def _check_reason(reason_id: str, recommendation: Recommendation, with_prejudice: bool) -> None:
    reason = mandates.current().reason(reason_id)
    if reason is None or reason.leads_to != recommendation:
        raise WrongReason(_("This reason does not lead to this recommendation. Choose one of those listed."))
    if with_prejudice and not reason.with_prejudice:
        raise WrongReason(_("For this reason a claim is not rejected for good: the claimant can file again."))


def _written(text: str, *, required: bool = True) -> str:
    text = text.strip()
    if required and not text:
        raise NothingWritten(_("Write what the other person needs to know."))
    if len(text) > MAX_TEXT:
        raise NothingWritten(
            _("The text has more than %(limit)s characters. Shorten it.") % {"limit": MAX_TEXT}
        )
    return text
