"""A submitted claim moved on by lifecycle alone, past the rules of review, for the tests of lifecycle."""

import uuid
from collections.abc import Iterable
from datetime import date
from typing import Any

from accounts.roles import Role
from claims import filing, lifecycle, mandates, requests
from claims.models import Attachment, Claim, ClaimVersion, InformationRequest, State
from claims.versions import Declaration
from evidence.uploads import Incoming
from tests import make

QUESTION = "Будь ласка, надішліть договір.\n\nЯкщо його немає, напишіть <чому>."
REASON = "Заява відповідає всім чотирьом критеріям.\n\nРада & Секретаріат"
DUE_ON = date(2030, 1, 31)
DECIDED_ON = date(2026, 3, 7)


def again(claim: Claim) -> Claim:
    """The claim as it is now."""
    return Claim.objects.select_related("category", "claimant", "filed_by").get(pk=claim.pk)


def change(claim: Claim, answers: dict[str, Any]) -> None:
    """Begin to change a claim, or go on with it."""
    filing.reopen(claim, by=claim.filed_by)
    for page in claim.form.pages:
        if saved := {q.id: answers[q.id] for q in page.questions if q.id in answers}:
            filing.save_page(claim, page, saved, complete=True)


def send_changes(claim: Claim, *, name: str = "Олена Коваленко") -> ClaimVersion:
    declaration = Declaration.of_current_texts(name, language="en")
    return lifecycle.amend(claim, by=claim.filed_by, declaration=declaration)


def amended(claim: Claim, answers: dict[str, Any] | None = None, *, files: Iterable[bytes] = ()) -> Claim:
    change(claim, answers or {})
    for content in files:
        make.evidence(claim, content)
    send_changes(claim)
    return again(claim)


def under_review(claim: Claim) -> Claim:
    lifecycle.start_review(claim, by=make.user("iryna"), office=Role.REVIEWER)
    return again(claim)


def to_be_fixed(claim: Claim) -> Claim:
    files = list(claim.attachments.values_list("evidence_file__public_id", flat=True))
    lifecycle.ask_to_replace_file(claim, by=make.user("iryna").actor, office=Role.REVIEWER, files=files)
    return again(claim)


def asked(claim: Claim, text: str = QUESTION, *, due_on: date = DUE_ON) -> InformationRequest:
    if claim.state == State.SUBMITTED:
        under_review(claim)
    by = make.user("iryna")
    return lifecycle.request_information(claim, by=by, office=Role.REVIEWER, text=text, due_on=due_on)


def add_to_reply(
    request: InformationRequest, content: bytes = make.PDF, *, name: str = "lease.pdf"
) -> Attachment:
    """A file for the answer, received as a view receives it."""
    rules = mandates.current().evidence
    incoming = Incoming(
        name, limit=rules.max_file_bytes, limits=rules.max_file_bytes_of, accepted=rules.media_types
    )
    incoming.write(content)
    incoming.finish()
    try:
        return requests.attach(request, incoming, by=request.claim.filed_by)
    finally:
        incoming.close()


def replied(request: InformationRequest, text: str = "Договір згорів.") -> ClaimVersion:
    return lifecycle.answer_request(request, by=request.claim.filed_by, reply=text)


def closed(request: InformationRequest) -> None:
    lifecycle.close_request(request, by=make.user("iryna"), office=Role.REVIEWER)


def awaiting(claim: Claim, to: State = State.ELIGIBLE) -> Claim:
    if claim.state == State.SUBMITTED:
        under_review(claim)
    lifecycle.finish_review(claim, to=to, by=make.user("petro"), office=Role.REVIEWER)
    return again(claim)


def bound(claim: Claim) -> uuid.UUID:
    """The Board has decided on the claim, and the decision is not written into it yet."""
    decision = uuid.uuid4()
    lifecycle.bind([claim], decision=decision)
    return decision


def decided(claim: Claim, outcome: State = State.RECORDED, *, reason: str = REASON) -> Claim:
    if claim.state not in lifecycle.AWAITING:
        claim = awaiting(claim)
    lifecycle.decide(
        claim,
        decision=bound(claim),
        outcome=outcome,
        version=claim.versions.get(number=claim.version),
        rule="all_tests_met",
        reason=reason,
        decided_on=DECIDED_ON,
        by=make.user("board").actor,
    )
    return again(claim)


def reopened(claim: Claim) -> Claim:
    lifecycle.reopen(
        claim, by=make.user("board"), ground="new_facts", reason="Знайшовся договір.", decided_on=DECIDED_ON
    )
    return again(claim)


STATES = {
    State.DRAFT: lambda: make.draft(answers=make.REQUIRED["individual"]),
    State.SUBMITTED: make.claim,
    State.NEEDS_FIXING: lambda: to_be_fixed(make.claim(files=[make.PDF])),
    State.UNDER_REVIEW: lambda: under_review(make.claim()),
    State.INFORMATION_REQUESTED: lambda: again(asked(make.claim()).claim),
    State.ELIGIBLE: lambda: awaiting(make.claim()),
    State.INELIGIBLE: lambda: awaiting(make.claim(), State.INELIGIBLE),
    State.RECORDED: lambda: decided(make.claim()),
    State.REJECTED_WITHOUT_PREJUDICE: lambda: decided(make.claim(), State.REJECTED_WITHOUT_PREJUDICE),
    State.REJECTED_WITH_PREJUDICE: lambda: decided(make.claim(), State.REJECTED_WITH_PREJUDICE),
    State.WITHDRAWN: lambda: withdrawn(make.claim()),
}
"""A claim in each state."""


def withdrawn(claim: Claim) -> Claim:
    lifecycle.withdraw(claim, by=claim.filed_by)
    return again(claim)
