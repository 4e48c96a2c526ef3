"""The states of a claim, and the only functions that change one."""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import Role
from claims import attachments, entries, indexing, mandates, numbers, versions
from claims.answers import checking
from claims.mandates import Question
from claims.models import Attachment, Claim, ClaimVersion, Draft, InformationRequest, Outcome, State
from claims.versions import Declaration
from ledger import log
from ledger.log import Actor, Standing

BOARDS_CHOICE = frozenset(
    {
        State.UNDER_REVIEW,
        State.RECORDED,
        State.REJECTED_WITHOUT_PREJUDICE,
        State.REJECTED_WITH_PREJUDICE,
    }
)
MOVES: Mapping[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.SUBMITTED}),
    State.SUBMITTED: frozenset({State.NEEDS_FIXING, State.UNDER_REVIEW, State.WITHDRAWN}),
    State.NEEDS_FIXING: frozenset({State.NEEDS_FIXING, State.SUBMITTED, State.WITHDRAWN}),  # one more file
    State.UNDER_REVIEW: frozenset(
        {State.INFORMATION_REQUESTED, State.ELIGIBLE, State.INELIGIBLE, State.WITHDRAWN}
    ),
    State.INFORMATION_REQUESTED: frozenset({State.UNDER_REVIEW, State.WITHDRAWN}),
    State.ELIGIBLE: BOARDS_CHOICE | {State.WITHDRAWN},
    State.INELIGIBLE: BOARDS_CHOICE | {State.WITHDRAWN},
    State.REJECTED_WITHOUT_PREJUDICE: frozenset({State.UNDER_REVIEW}),
    State.REJECTED_WITH_PREJUDICE: frozenset({State.UNDER_REVIEW}),
    State.RECORDED: frozenset(),
    State.WITHDRAWN: frozenset(),
}

AWAITING = frozenset({State.ELIGIBLE, State.INELIGIBLE})
REFILED = frozenset({State.REJECTED_WITHOUT_PREJUDICE, State.WITHDRAWN})
"""After which one may file again about the same, linked and prefilled (rules.md 15)."""
REJECTED = frozenset({State.REJECTED_WITHOUT_PREJUDICE, State.REJECTED_WITH_PREJUDICE})
AMENDABLE = frozenset(
    {
        State.SUBMITTED,
        State.NEEDS_FIXING,
        State.UNDER_REVIEW,
        State.INFORMATION_REQUESTED,
        State.ELIGIBLE,
        State.INELIGIBLE,
    }
)
"""Until the Board has decided (rules.md 15). An amendment after the review takes the claim back to it."""
AFTER_AMENDING = {
    State.NEEDS_FIXING: State.SUBMITTED,
    State.ELIGIBLE: State.UNDER_REVIEW,
    State.INELIGIBLE: State.UNDER_REVIEW,
}
NUMBER_TRIES = 5
LOCK_CLAIM_AND_PERSON = """
    SELECT FROM claims_claim JOIN accounts_user ON accounts_user.id = filed_by_id
    WHERE claims_claim.id = %s FOR NO KEY UPDATE
"""
CLAIMED_BEFORE = "SELECT EXISTS (SELECT FROM claims_claimant WHERE filed_by_id = %s)"


class MoveRefused(Exception):
    """The claim does not change; str() is a translated sentence that says why."""


class AlreadySubmitted(MoveRefused):
    """Somebody (another tab) submitted this claim before: it has its number and receipt."""


class CategoryNotOpen(MoveRefused):
    """The category takes no claims now. The draft is kept."""


class CategoryChanged(MoveRefused):
    """The category has a newer wording, and the claimant has not seen it."""


class NotReady(MoveRefused):
    """The claim cannot be submitted as it is. `problems` says what, question by question."""

    def __init__(self, problems: list[checking.Problem]) -> None:
        super().__init__(_("Some answers must be put right before you can submit."))
        self.problems = problems


class TextsChanged(MoveRefused):
    """The declaration or the privacy notice has a newer wording than the one that was on the page."""


class NotDeclared(MoveRefused):
    """The declaration was not confirmed, or no name stands under it."""


class AlreadyDecided(MoveRefused):
    """The Board has decided on this claim; the decision is about to be written into it."""


class NothingToAnswer(MoveRefused):
    """The request was answered or taken back before, perhaps from another device."""


class FileInfected(MoveRefused):
    """Malware was found in a file that was about to be sent."""


class AnswerEmpty(MoveRefused):
    """Neither a word nor a file."""


def submit(claim: Claim, *, by: User, declaration: Declaration) -> ClaimVersion:
    """Freeze the draft, give it its number, and enter it in the ledger: from here on it is never lost.

    Raises MoveRefused. What was typed stays in the draft then.
    """
    for last in (*(False,) * (NUMBER_TRIES - 1), True):
        try:
            with transaction.atomic():
                return _submit(claim, by=by, declaration=declaration)
        except IntegrityError as error:  # some 45 of 10 million draws meet a number that is taken
            if last or "claim_number_once" not in str(error):
                raise
    raise AssertionError("not reached")


def _submit(claim: Claim, *, by: User, declaration: Declaration) -> ClaimVersion:
    claimed_before = _lock_with_person(claim)
    # Read after the wait for the lock, not with it: that would be as it was before.
    draft = Draft.objects.select_related("claim__category").filter(claim=claim.pk).first()
    if draft is None or not draft.claim.is_draft:
        raise AlreadySubmitted(_("This claim has been submitted already."))
    claim = draft.claim
    if not claim.category.is_open:
        raise CategoryNotOpen(
            _("This category does not take claims at the moment. We keep your draft: nothing is lost.")
        )
    at = timezone.now()
    asked, answers = _checked(claim, draft, declaration)
    before = claim.standing
    claim.claimant = indexing.claimant(claim, asked, answers, claimed_before=claimed_before)
    claim.number = numbers.draw(mandates.current().number_prefix)
    claim.sensitive = claim.category.sensitive
    claim.version = 1
    claim.submitted_at = at
    indexing.fill_columns(claim, asked, answers)
    version, evidence = versions.freeze(claim, draft, declaration=declaration, at=at)
    fields = ["number", "version", "submitted_at", "claimant", "sensitive", *indexing.COLUMNS]
    _move(claim, State.SUBMITTED, at=at, fields=fields)
    version.save(force_insert=True)
    consents = indexing.choose(claim, draft, by=by, at=at)
    indexing.cover(claim, asked, answers)
    Draft.objects.filter(pk=claim.pk).delete()
    log.append(
        entries.SUBMITTED,
        by=by.actor,
        office=indexing.office(claim, asked, answers),
        at=at,
        claim=claim.public_id,
        version=version.digest,
        before=before,
        after=claim.standing,
        facts={
            "number": claim.number,
            "claimant_kind": claim.claimant_kind,
            "refiles": claim.refiles.number if claim.refiles else None,
            "consents": consents,
            "evidence": evidence,
            **_facts(claim, version, declaration),
        },
    )
    return version


@transaction.atomic
def amend(claim: Claim, *, by: User, declaration: Declaration) -> ClaimVersion:
    """Freeze what the claimant changed as a further version beside those before it. The number and the first
    submission date stand; a review that was finished begins again. Raises MoveRefused; what was typed stays.
    """
    claimed_before = _lock_with_person(claim)
    draft = Draft.objects.select_related("claim__category").filter(claim=claim.pk).first()
    if draft is None or draft.claim.is_draft:
        raise AlreadySubmitted(_("These changes have been sent already."))
    claim = draft.claim
    check_amendable(claim)
    claim.category_version_id = draft.category_version_id or claim.category_version_id
    at = timezone.now()
    asked, answers = _checked(claim, draft, declaration)
    before = claim.standing
    claim.claimant = indexing.claimant(claim, asked, answers, claimed_before=claimed_before)
    claim.sensitive = claim.category.sensitive
    claim.version += 1
    indexing.fill_columns(claim, asked, answers)
    unsent = Attachment.objects.filter(claim=claim, request__isnull=False, request__answered_at=None)
    version, evidence = versions.freeze(
        claim, draft, declaration=declaration, at=at, without=unsent.values_list("pk", flat=True)
    )
    fields = ["version", "category_version", "claimant", "sensitive", *indexing.COLUMNS]
    if to := AFTER_AMENDING.get(State(claim.state)):
        claim.reviewed_before = claim.state in AWAITING
        _move(claim, to, at=at, fields=["reviewed_before", *fields])
    else:
        claim.changed_at = at
        claim.save(update_fields=["changed_at", *fields])
    version.save(force_insert=True)
    consents = indexing.choose(claim, draft, by=by, at=at)
    indexing.cover(claim, asked, answers)
    draft.delete()
    log.append(
        entries.AMENDED,
        by=by.actor,
        office=indexing.office(claim, asked, answers),
        at=at,
        claim=claim.public_id,
        version=version.digest,
        before=before,
        after=claim.standing,
        facts={"consents": consents, "evidence": evidence, **_facts(claim, version, declaration)},
    )
    return version


def _facts(claim: Claim, version: ClaimVersion, declaration: Declaration) -> dict[str, Any]:
    """What the ledger says of every version that the claimant signed."""
    return {
        "version_number": version.number,
        "category_version": claim.definition.version,
        "assurance": version.assurance,
        "signature": version.signature,
        "declaration": declaration.version,
        "privacy_notice": declaration.notice_version,
    }


def check_amendable(claim: Claim) -> None:
    """Raises MoveRefused once the Board has decided or the claimant has withdrawn."""
    if claim.bound_by:
        raise AlreadyDecided(_decided())
    if claim.state not in AMENDABLE:
        raise MoveRefused(
            _("This claim can no longer be changed: it stands as “%(state)s”.") % {"state": claim.state_label}
        )


def _decided() -> str:
    return _("The Board has decided on this claim in the meantime. You will read its decision here shortly.")


def _lock_with_person(claim: Claim) -> bool:
    """Lock the claim and whoever filed it: two of their claims at once would otherwise make two claimants of
    one. Answers whether they are a claimant already."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_CLAIM_AND_PERSON, [claim.pk])
        cursor.execute(CLAIMED_BEFORE, [claim.filed_by_id])
        (claimed_before,) = cursor.fetchone()
    return bool(claimed_before)


def _checked(claim: Claim, draft: Draft, declaration: Declaration) -> tuple[list[Question], dict[str, Any]]:
    """What is asked and what was answered. Raises MoveRefused if it cannot be frozen as it is."""
    if claim.is_outdated:
        raise CategoryChanged(
            _("The questions in this category were changed since you began. Look at your answers again.")
        )
    mandate = mandates.current()
    if (declaration.version, declaration.notice_version) != (
        mandate.declaration.version,
        mandate.privacy_notice.version,
    ):
        raise TextsChanged(_("These texts were changed in the meantime. Please read them again."))
    if not declaration.typed_name.strip():
        raise NotDeclared(_("Type your full name under the declaration."))
    asked = list(checking.asked(claim.form, draft.answers))
    answers = {q.id: draft.answers[q.id] for q in asked if q.id in draft.answers}
    if problems := checking.problems(claim.form, answers):
        raise NotReady(problems)
    _refuse_infected(claim)
    if draft.consents and draft.consents["notice"] != mandate.privacy_notice.version:
        raise TextsChanged(
            _("The privacy notice was changed since you chose who may see your claim. Choose again, please.")
        )
    return asked, answers


def _refuse_infected(claim: Claim, request: InformationRequest | None = None) -> None:
    if name := attachments.infected(claim, request=request):
        raise FileInfected(
            _(
                "Malware was found in the file “%(name)s”, so it cannot be sent. Take it out and go on; if "
                "you can, add another copy, for example a new photograph."
            )
            % {"name": name}
        )


# --- Withdrawing, and asking for what is missing ---


@transaction.atomic
def withdraw(claim: Claim, *, by: User) -> None:
    """At the claimant's request, until the Board has decided. They can file again. What they had begun and
    not sent goes: changes, and files for an answer."""
    locked = lock(claim)
    before = locked.standing
    if locked.bound_by:
        raise AlreadyDecided(_decided())
    at = timezone.now()
    _move(locked, State.WITHDRAWN, at=at)
    Draft.objects.filter(claim=locked).delete()
    attachments.remove(Attachment.objects.filter(claim=locked), by=by.actor)
    InformationRequest.objects.filter(claim=locked, answered_at=None, closed_at=None).update(closed_at=at)
    _enter(entries.WITHDRAWN, locked, by=by.actor, office=Role.CLAIMANT, at=at, before=before)


@transaction.atomic
def start_review(claim: Claim, *, by: User, office: Role) -> None:
    locked = lock(claim)
    before = locked.standing
    if locked.state != State.SUBMITTED:  # other ways lead to the same state, each with its own act
        raise MoveRefused(_cannot(locked))
    at = timezone.now()
    _move(locked, State.UNDER_REVIEW, at=at)
    _enter(entries.REVIEW_STARTED, locked, by=by.actor, office=office, at=at, before=before)


@transaction.atomic
def ask_to_replace_file(claim: Claim, *, by: Actor, office: str, files: Sequence[UUID]) -> None:
    """A file cannot be opened or is infected (rules.md 15). The claimant replaces it by an amendment. Asked
    once more while they do, `files` are all that are to be replaced."""
    locked = lock(claim)
    before = locked.standing
    at = timezone.now()
    _move(locked, State.NEEDS_FIXING, at=at)
    facts = {"files": [str(file) for file in files]}
    _enter(entries.FIXING_REQUESTED, locked, by=by, office=office, at=at, before=before, facts=facts)


@transaction.atomic
def request_information(
    claim: Claim, *, by: User, office: Role, text: str, due_on: date
) -> InformationRequest:
    """Ask the claimant for what is missing, in the reviewer's words. They are told and can answer by `due_on`
    (and later: it is a date to work by, not a cut)."""
    locked = lock(claim)
    before = locked.standing
    at = timezone.now()
    _move(locked, State.INFORMATION_REQUESTED, at=at)
    salt = os.urandom(versions.SALT_BYTES)
    request = InformationRequest.objects.create(
        claim=locked,
        text=text,
        salt=salt,
        digest=log.salted_digest(salt, text.encode()),
        asked_by=by,
        asked_at=at,
        due_on=due_on,
    )
    facts = {"request": str(request.public_id), "due_on": due_on.isoformat(), "text": request.digest}
    _enter(
        entries.INFORMATION_REQUESTED, locked, by=by.actor, office=office, at=at, before=before, facts=facts
    )
    return request


@transaction.atomic
def answer_request(request: InformationRequest, *, by: User, reply: str) -> ClaimVersion:
    """The claimant's words and the files added to the request, as a further version; the review goes on.
    Raises NothingToAnswer or AnswerEmpty; the reply and its files stay then."""
    claim, request = open_request(request)
    reply = reply.strip()
    if not reply and not request.files.exists():
        raise AnswerEmpty(_("Write an answer or add a file."))
    _refuse_infected(claim, request)
    before = claim.standing
    at = timezone.now()
    claim.version += 1
    version, evidence = versions.supplement(claim, request, reply=reply, at=at)
    version.save(force_insert=True)
    _move(claim, State.UNDER_REVIEW, at=at, fields=["version"])
    request.reply, request.answered_at, request.answered_in = "", at, version
    request.save(update_fields=["reply", "answered_at", "answered_in"])
    facts = {"request": str(request.public_id), "version_number": version.number, "evidence": evidence}
    _enter(
        entries.INFORMATION_ANSWERED,
        claim,
        by=by.actor,
        office=Role.CLAIMANT,
        at=at,
        before=before,
        version=version.digest,
        facts=facts,
    )
    return version


def open_request(request: InformationRequest) -> tuple[Claim, InformationRequest]:
    """The claim, locked, and the request, read again. Raises NothingToAnswer unless it waits for an answer.
    Call inside a transaction."""
    claim = lock(request.claim)
    request = InformationRequest.objects.get(pk=request.pk)
    if not request.is_open:
        raise NothingToAnswer(_("This request has been answered or is no longer open."))
    return claim, request


@transaction.atomic
def close_request(request: InformationRequest, *, by: User, office: Role) -> None:
    """Go on without an answer, or because the request was a mistake."""
    claim, request = open_request(request)
    before = claim.standing
    at = timezone.now()
    _move(claim, State.UNDER_REVIEW, at=at)
    request.closed_at = at
    request.save(update_fields=["closed_at"])
    facts = {"request": str(request.public_id)}
    _enter(entries.REQUEST_CLOSED, claim, by=by.actor, office=office, at=at, before=before, facts=facts)


# --- From the finished review to the Board's decision ---


@transaction.atomic
def finish_review(claim: Claim, *, to: State, by: User, office: Role) -> None:
    """The review ends with a recommendation, which outsiders do not learn (rules.md 16). `to` is ELIGIBLE or
    INELIGIBLE. What was recommended, by whom, and who confirmed it is review's to keep."""
    locked = lock(claim)
    before = locked.standing
    at = timezone.now()
    _move(locked, to, at=at)
    _enter(entries.REVIEW_FINISHED, locked, by=by.actor, office=office, at=at, before=before)


@transaction.atomic
def return_to_review(claim: Claim, *, by: User, office: Role) -> None:
    """Back to review by a senior before the Board has decided. The reason is kept in review."""
    locked = lock(claim)
    before = locked.standing
    if locked.bound_by:
        raise AlreadyDecided(_decided())
    if locked.state not in AWAITING:
        raise MoveRefused(_cannot(locked))
    at = timezone.now()
    locked.reviewed_before = True
    _move(locked, State.UNDER_REVIEW, at=at, fields=["reviewed_before"])
    _enter(entries.RETURNED, locked, by=by.actor, office=office, at=at, before=before)


def bind(claims: Iterable[Claim], *, decision: UUID) -> None:
    """The Board has decided on these claims, locked by the caller: from now on nobody withdraws or amends
    them, and `decide` writes the decision into one after the other."""
    Claim.objects.filter(pk__in=[claim.pk for claim in claims]).update(bound_by=decision)


@transaction.atomic
def decide(
    claim: Claim,
    *,
    decision: UUID,
    outcome: State,
    version: ClaimVersion,
    rule: str,
    reason: str,
    decided_on: date,
    by: Actor,
) -> Outcome:
    """Write the Board's decision into one claim: RECORDED, one of REJECTED, or UNDER_REVIEW (returned).
    `by` entered the decision for the Board; `reason` is for the claimant to read."""
    locked = lock(claim)
    if locked.bound_by != decision or outcome not in BOARDS_CHOICE or version.number != locked.version:
        raise MoveRefused(_cannot(locked))
    before = locked.standing
    at = timezone.now()
    locked.bound_by = None
    locked.recorded_at = at if outcome == State.RECORDED else None
    locked.reviewed_before = True
    _move(locked, outcome, at=at, fields=["bound_by", "recorded_at", "reviewed_before"])
    written = _write_outcome(locked, version, outcome, rule, reason, decided_on, at)
    facts = {
        "decision": str(decision),
        "outcome": outcome.value,
        "rule": rule,
        "decided_on": decided_on.isoformat(),
        "reason": written.digest,
        "version_number": version.number,
    }
    _enter(
        entries.DECIDED,
        locked,
        by=by,
        office=Role.BOARD_MEMBER,
        at=at,
        before=before,
        version=version.digest,
        facts=facts,
    )
    return written


@transaction.atomic
def reopen(claim: Claim, *, by: User, ground: str, reason: str, decided_on: date) -> Outcome:
    """By the Board alone, for an administrative error or new facts (rules.md 15); `ground` says which."""
    locked = lock(claim)
    before = locked.standing
    if locked.state not in REJECTED:
        raise MoveRefused(_cannot(locked))
    at = timezone.now()
    locked.reviewed_before = True
    _move(locked, State.UNDER_REVIEW, at=at, fields=["reviewed_before"])
    version = ClaimVersion.objects.get(claim=locked, number=locked.version)
    written = _write_outcome(locked, version, State.UNDER_REVIEW, ground, reason, decided_on, at)
    facts = {"ground": ground, "decided_on": decided_on.isoformat(), "reason": written.digest}
    _enter(entries.REOPENED, locked, by=by.actor, office=Role.BOARD_MEMBER, at=at, before=before, facts=facts)
    return written


def _write_outcome(
    claim: Claim,
    version: ClaimVersion,
    outcome: State,
    rule: str,
    reason: str,
    decided_on: date,
    at: datetime,
) -> Outcome:
    salt = os.urandom(versions.SALT_BYTES)
    return Outcome.objects.create(
        claim=claim,
        version=version,
        outcome=outcome,
        rule=rule,
        reason=reason,
        salt=salt,
        digest=log.salted_digest(salt, reason.encode()),
        decided_on=decided_on,
        entered_at=at,
    )


def lock(claim: Claim) -> Claim:
    """The claim's row, locked and read again. Every act on a submitted claim begins with it."""
    return (
        Claim.objects.select_for_update(no_key=True, of=("self",)).select_related("category").get(pk=claim.pk)
    )


def _move(claim: Claim, to: State, *, at: datetime, fields: Sequence[str] = ()) -> None:
    """The one place where a state changes. The caller has locked the row and read it again."""
    if to not in MOVES[State(claim.state)]:
        raise MoveRefused(_cannot(claim))
    claim.state = to
    claim.changed_at = at
    claim.save(update_fields=["state", "changed_at", *fields])


def _cannot(claim: Claim) -> str:
    return _("This cannot be done while the claim is in the state “%(state)s”.") % {
        "state": claim.state_label
    }


def _enter(
    kind: log.Kind,
    claim: Claim,
    *,
    by: Actor,
    office: str,
    at: datetime,
    before: Standing,
    version: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    log.append(
        kind,
        by=by,
        office=str(office),
        at=at,
        claim=claim.public_id,
        version=version,
        before=before,
        after=claim.standing,
        facts=facts,
    )
