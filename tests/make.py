"""What tests need, built by walking the real lifecycle. Names are people: the same name, the same person."""

import tempfile
import uuid
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from allauth.account.models import EmailAddress
from django.test import override_settings
from django.utils import timezone

from accounts import membership
from accounts.models import User
from accounts.roles import Role
from claims import erasure as erasures
from claims import filing, lifecycle, mandates
from claims.mandates import ClaimantKind, Condition, FilingForm, Page, Question, Type
from claims.models import (
    Attachment,
    Category,
    Claim,
    ClaimVersion,
    Erasure,
    Ground,
    InformationRequest,
    State,
)
from claims.models.category import definition
from claims.versions import Declaration
from evidence.uploads import Incoming
from ledger import checkpoints, proofs, sealing
from ledger.log import SYSTEM
from ledger.models import Checkpoint
from review import assignments, batches, checklists, decisions
from review.models import Batch, Proposal, Recommendation

PASSWORD = "correct horse battery staple"
PDF = b"%PDF-1.7\n% what the claimant has\n%%EOF\n"
IRPIN = {"code": "UA32080150010049888", "name": "Ірпінь, Бучанський район, Київська область"}
PARTS = {
    "street": "вул. Шевченка",
    "building": "5-а",
    "unit": "12",
    "postcode": "08200",
    "family_name": "Ґава-О’Коваленко",
    "given_name": "Олена",
    "patronymic": "Іванівна",
    "earlier_names": "Шевченко",
    "latin_name": "Olena Gava",
    "born": "1980-03-07",
}
REQUIRED: Mapping[ClaimantKind, Mapping[str, Any]] = {
    ClaimantKind.INDIVIDUAL: {"full_name": {"family_name": "Коваленко", "given_name": "Олена"}},
    ClaimantKind.LEGAL_ENTITY: {"legal_name": "ТОВ «Млин»"},
    ClaimantKind.STATE_BODY: {"legal_name": "Бучанська міська рада"},
}
"""The answers without which nobody can submit."""


def user(name: str, *roles: Role, language: str = "en") -> User:
    """Somebody who has signed up and confirmed their address, and holds these roles."""
    known = User.objects.with_email(f"{name}@example.org").first()
    if known:
        return known
    person = User.objects.create_user(f"{name}@example.org", PASSWORD, language=language)
    EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
    for role in roles:
        membership.grant(person, role, by=SYSTEM)
    return person


def staff(name: str, role: Role) -> User:
    """Somebody who holds this role, beside those that they have."""
    person = user(name)
    if role not in person.roles:
        membership.grant(person, role, by=SYSTEM)
    return User.objects.get(pk=person.pk)


def category(code: str = "A3.1") -> Category:
    return Category.objects.get(code=code)


def draft(
    code: str = "A3.1", *, by: str = "olena", answers: Mapping[str, Any] | None = None, language: str = "en"
) -> Claim:
    """A draft with these answers; each page that has one counts as gone through."""
    wanted = category(code)
    claim = filing.start(wanted, kind=_kind(wanted), by=user(by), language=language)
    for page in claim.form.pages:
        saved = {q.id: answers[q.id] for q in page.questions if q.id in answers} if answers else {}
        if saved:
            filing.save_page(claim, page, {} if _items(page, saved) else saved, complete=True)
        for item in _items(page, saved):
            filing.save_item(claim, page.questions[0], item, item_id=str(uuid.uuid4()))
    return Claim.objects.select_related("category", "draft").get(pk=claim.pk)


def _items(page: Page, saved: Mapping[str, Any]) -> list[dict[str, Any]]:
    [answer, *_] = saved.values() or [None]
    return answer if page.questions[0].type is Type.GROUP and isinstance(answer, list) else []


def form(code: str = "A3.1") -> FilingForm:
    """Everything that is asked in a category."""
    wanted = category(code)
    return definition(wanted.newest_id or 0).form(_kind(wanted))


def _kind(category: Category) -> ClaimantKind:
    return definition(category.newest_id or 0).claimants[0]


def evidence(
    claim: Claim, content: bytes = PDF, *, name: str = "deed.pdf", type: str = "", description: str = ""
) -> Attachment:
    """A file of the draft, received as a view receives it."""
    rules = mandates.current().evidence
    incoming = Incoming(
        name, limit=rules.max_file_bytes, limits=rules.max_file_bytes_of, accepted=rules.media_types
    )
    incoming.write(content)
    incoming.finish()
    try:
        return filing.attach(claim, incoming, type=type, description=description, by=claim.filed_by)
    finally:
        incoming.close()


def claim(
    code: str = "A3.1",
    *,
    by: str = "olena",
    answers: Mapping[str, Any] | None = None,
    files: Iterable[bytes] = (),
    language: str = "en",
) -> Claim:
    """A submitted claim. Without `answers` it says no more than it must."""
    required = REQUIRED[_kind(category(code))]
    claim = draft(code, by=by, answers={**required, **(answers or {})}, language=language)
    for content in files:
        evidence(claim, content)
    submit(claim)
    return Claim.objects.select_related("category", "claimant", "filed_by").get(pk=claim.pk)


def submit(draft: Claim, *, name: str = "Олена Коваленко", language: str = "en") -> None:
    declaration = Declaration.of_current_texts(name, language=language)
    lifecycle.submit(draft, by=draft.filed_by, declaration=declaration)


def answers(code: str = "A3.1", **given: Any) -> dict[str, Any]:
    """A plausible answer to every question of a category. Where a condition waits for an answer, that one
    is chosen, so that as much as possible is asked; `given` decides otherwise."""
    waited_for: dict[str, str] = {}
    questions = list(form(code).questions)
    for question in questions:
        for condition in _leaves(question.ask_if):
            waited_for.setdefault(condition.question, condition.is_any[0])
    said: dict[str, Any] = {}
    for question in questions:
        if question.ask_if is None or question.ask_if.holds(said):
            said[question.id] = given.get(question.id) or plausible(question, waited_for.get(question.id))
    return said


def _leaves(condition: Condition | None) -> Iterable[Condition]:
    if condition is None:
        return
    if condition.question:
        yield condition
    for inner in (*condition.all, *condition.any):
        yield from _leaves(inner)


def plausible(question: Question, choice: str | None = None) -> Any:
    """What somebody could answer; `choice` is the option to take where there are options."""
    first = next((o.id for o in question.options), "")
    parts = {part: PARTS[part] for part in question.parts}
    return {
        Type.TEXT: f"вул. Шевченка 5 ({question.id})"[: question.max_length],
        Type.LONG_TEXT: "Ми були вдома.\nПотім прилетіло. 😢",
        Type.INTEGER: max(question.minimum or 0, 3),
        Type.DECIMAL: "54.5",
        Type.MONEY: {"amount": "125000.50", "currency": "UAH"},
        Type.CHOICE: choice or first,
        Type.MULTIPLE_CHOICE: [o.id for o in question.options if o.id in (first, choice)],
        Type.YES_NO: choice or "no",
        Type.DATE: "2022-03-07",
        Type.PARTIAL_DATE: "2022-03",
        Type.PERIOD: {"start": "2022-03", "end": "2022-04-02"},
        Type.COUNTRY: "PL",
        Type.SETTLEMENT: IRPIN,
        Type.ADDRESS: parts,
        Type.PERSON: parts,
        Type.FRACTION: "1/2",
        Type.GROUP: [{field.id: plausible(field) for field in question.fields}],
    }[question.type]


# --- From the queue to the Register ---


def fresh(claim: Claim) -> Claim:
    return Claim.objects.select_related("category", "claimant", "filed_by").get(pk=claim.pk)


def amend(claim: Claim, **answers: Any) -> Claim:
    """The claimant changes these answers in a submitted claim."""
    claim = fresh(claim)
    filing.reopen(claim, by=claim.filed_by)
    for page in claim.form.pages:
        saved = {q.id: answers[q.id] for q in page.questions if q.id in answers}
        if saved:
            filing.save_page(claim, page, saved, complete=True)
    declaration = Declaration.of_current_texts("Олена Коваленко", language="en")
    lifecycle.amend(claim, by=claim.filed_by, declaration=declaration)
    return fresh(claim)


def withdraw(claim: Claim) -> Claim:
    lifecycle.withdraw(claim, by=claim.filed_by)
    return fresh(claim)


def under_review(
    submitted: Claim | None = None, *, by: str = "iryna", filed_by: str = "olena", **filed: Any
) -> Claim:
    """A claim on a reviewer's desk; `filed` is what `claim` takes."""
    submitted = submitted or claim(by=filed_by, **filed)
    assignments.take(submitted, by=staff(by, Role.REVIEWER))
    return fresh(submitted)


def asked(claim: Claim, *, by: str = "iryna", text: str = "Add a photograph.") -> InformationRequest:
    return decisions.ask(
        claim,
        by=staff(by, Role.REVIEWER),
        version_number=claim.version,
        text=text,
        due_on=timezone.localdate() + timedelta(days=30),
    )


def answered(claim: Claim, *, by: str = "iryna", reply: str = "There is none.") -> Claim:
    """A claim under review whose claimant was asked for something and has answered."""
    lifecycle.answer_request(asked(claim, by=by), by=claim.filed_by, reply=reply)
    return fresh(claim)


def checked(claim: Claim, *, by: str = "iryna", answer: str = "yes") -> None:
    """Every check of the checklist answered alike."""
    checks = checklists.tests(claim.versions.get(number=claim.version))
    checklists.save(
        claim,
        by=staff(by, Role.REVIEWER),
        version_number=claim.version,
        answers={item.id: answer for _test, items in checks for item in items},
        notes={},
    )


def proposed(
    reviewed: Claim | None = None,
    *,
    by: str = "iryna",
    recommendation: str = "eligible",
    reason: str = "",
    note: str = "",
    told: str = "",
    with_prejudice: bool = False,
    **filed: Any,
) -> Proposal:
    """A proposal that waits to be confirmed, about a claim under review (or a new one)."""
    recommendation = Recommendation(recommendation)
    reviewed = reviewed or under_review(by=by, **filed)
    if recommendation == Recommendation.INELIGIBLE and not decisions.was_heard(reviewed):
        reviewed = answered(reviewed, by=by)
    checked(reviewed, by=by)
    default = "before_first_day" if with_prejudice else decisions.reasons(recommendation)[0].id
    return decisions.propose(
        reviewed,
        by=staff(by, Role.REVIEWER),
        version_number=reviewed.version,
        recommendation=recommendation,
        reason=reason or default,
        note=note,
        told=told,
        with_prejudice=with_prejudice,
    )


def confirmed(
    proposal: Proposal | None = None, *, by: str = "mykola", proposed_by: str = "iryna", **proposing: Any
) -> Claim:
    """A claim that awaits the Board; `proposing` is what `proposed` takes."""
    proposal = proposal or proposed(by=proposed_by, **proposing)
    decisions.confirm(proposal, by=staff(by, Role.REVIEWER))
    return fresh(proposal.claim)


def batch(*claims: Claim, title: str = "March", by: str = "svitlana") -> Batch:
    """A batch that the secretariat prepares, with these claims (or a new one)."""
    secretary = staff(by, Role.BOARD_SECRETARY)
    made = batches.make(title, by=secretary)
    batches.add(made, claims or [confirmed()], by=secretary)
    return made


def before_the_board(*claims: Claim, by: str = "dariia") -> Batch:
    return batches.submit(batch(*claims), by=staff(by, Role.EXECUTIVE_DIRECTOR))


def decided(
    *claims: Claim,
    submitted: Batch | None = None,
    outcomes: Mapping[int, State] | None = None,
    reasons: Mapping[int, str] | None = None,
    notes: Mapping[int, str] | None = None,
    on: date | None = None,
    by: str = "bohdan",
) -> Batch:
    """A batch on which the Board has decided; nothing is written into its claims yet. `outcomes`,
    `reasons` and `notes` are by the claim's key."""
    submitted = submitted or before_the_board(*claims)
    paper = batches.paper(submitted)
    members = {member.claim_id: member.pk for member in paper.members}
    return batches.decide(
        submitted,
        by=staff(by, Role.BOARD_MEMBER),
        decided_on=on or timezone.localdate(),
        legal_basis="Rules of procedure, article 12, edition of 2026",
        seen_digest=paper.digest,
        outcomes={members[key]: outcome for key, outcome in (outcomes or {}).items()},
        reasons={members[key]: reason for key, reason in (reasons or {}).items()},
        notes={members[key]: note for key, note in (notes or {}).items()},
    )


def recorded(*, by: str = "olena", **filed: Any) -> Claim:
    """A claim in the Register; `by` and `filed` are what `claim` takes."""
    assessed = confirmed(filed_by=by, **filed)
    decided(assessed)
    batches.apply_decisions()
    return fresh(assessed)


def rejected(*, by: str = "olena", for_good: bool = False, **filed: Any) -> Claim:
    """A claim that the Board did not record."""
    assessed = confirmed(recommendation="ineligible", with_prejudice=for_good, filed_by=by, **filed)
    decided(assessed)
    batches.apply_decisions()
    return fresh(assessed)


# --- Erased by law ---


def erasure(
    claim: Claim,
    *sections: str,
    version: ClaimVersion | None = None,
    reason: str = "The claimant asked for it.",
    by: str = "denys",
) -> Erasure:
    """What a data-protection officer proposes to erase: in all versions, if none is given."""
    return erasures.propose(
        claim,
        version=version,
        sections=sections,
        ground=Ground.CONSENT_WITHDRAWN,
        reason=reason,
        by=staff(by, Role.DATA_PROTECTION_OFFICER),
        office=Role.DATA_PROTECTION_OFFICER,
    )


def carried_out(proposed: Erasure, *, by: str = "dariia") -> Claim:
    person = staff(by, Role.EXECUTIVE_DIRECTOR)
    erasures.carry_out(proposed, by=person, office=Role.EXECUTIVE_DIRECTOR)
    return fresh(proposed.claim)


def erased(claim: Claim, *sections: str, version: ClaimVersion | None = None) -> Claim:
    """A claim from which these sections were erased by law."""
    return carried_out(erasure(claim, *sections, version=version))


# --- The log ---


def checkpoint() -> Checkpoint:
    """What waits is sealed, and a checkpoint of everything is published."""
    proofs.kept.clear()  # of logs that other tests have rolled back
    while sealing.seal():
        pass
    with tempfile.TemporaryDirectory() as folder:
        memory = Path(folder) / "last-checkpoint"
        if before := checkpoints.newest():
            memory.write_text(before.note)
        with override_settings(LEDGER_MEMORY=memory):
            checkpoints.sign()
    return Checkpoint.objects.latest("id")
