"""What tests need, built by walking the real lifecycle. Names are people: the same name, the same person."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from allauth.account.models import EmailAddress

from accounts import membership
from accounts.models import User
from accounts.roles import Role
from claims import filing, lifecycle, mandates
from claims.mandates import ClaimantKind, Condition, FilingForm, Page, Question, Type
from claims.models import Attachment, Category, Claim
from claims.models.category import definition
from claims.versions import Declaration
from evidence.uploads import Incoming
from ledger.log import SYSTEM

PASSWORD = "correct horse battery staple"
PDF = b"%PDF-1.7\n% what the claimant has\n"
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
    incoming = Incoming(name, limit=rules.max_file_bytes, accepted=rules.media_types)
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
