"""What authors of a mandate must mind beyond the form of a file. Checked when a folder is loaded, not when a
stored version is read again: a rule that comes later must not make old claims unreadable."""

from collections.abc import Iterator

from claims.mandates.types import (
    ABROAD,
    AID_FIELDS,
    CODE_LENGTH,
    COLUMN_LENGTH,
    ID_LENGTH,
    OWN_ACCOUNT,
    PLACE_KINDS,
    REPLIES,
    SELF,
    STEPS_OF_EVERY_CLAIM,
    Category,
    ClaimantKind,
    Condition,
    FilingForm,
    MandateError,
    Question,
    Type,
)


def check_category(category: Category, file: str) -> None:
    if len(category.code) > CODE_LENGTH:
        raise MandateError(f"{file}: code: expected at most {CODE_LENGTH} characters")
    if category.version < 1:
        raise MandateError(f"{file}: version: expected a number from 1, found {category.version}")
    for kind in category.claimants:
        if kind not in category.common:
            raise MandateError(f"{file}: claimants: expected a file claimants/{kind}.toml for {kind}")
        _check_form(category.form(kind), file)
        name = "claimant.name" if kind is ClaimantKind.INDIVIDUAL else "claimant.legal_name"
        if not any(q.required and q.feeds == name for q in category.form(kind).questions):
            raise MandateError(f'claimants/{kind}.toml: expected a required question with feeds = "{name}"')


def _check_form(form: FilingForm, file: str) -> None:
    """Names are unique, pages belong to a part, and a condition looks back to an earlier page: a page
    can then be asked as a whole, without JavaScript."""
    parts = [p.id for p in form.parts]
    seen: dict[str, Question] = {}
    for page in form.pages:
        if page.part not in parts:
            raise MandateError(f"{file}: page {page.id}: part: expected one of {', '.join(parts)}")
        if page.id in STEPS_OF_EVERY_CLAIM:
            raise MandateError(f"{file}: page {page.id}: expected another name: every claim has such a step")
        for question in page.questions:
            _check_question(question, file)
            if question.id in seen or question.id in [q.id for q in page.questions if q is not question]:
                raise MandateError(f"{file}: question {question.id}: expected a name used once")
            for name in question.ask_if.questions() if question.ask_if else ():
                _check_condition(question, seen.get(name), name, file)
        seen |= {q.id: q for q in page.questions}
    _check_abroad(form, file)
    for several in (parts, [p.id for p in form.pages]):
        twice = next((n for n in several if several.count(n) > 1), None)
        if twice:
            raise MandateError(f"{file}: {twice}: expected a name used once")


def _check_abroad(form: FilingForm, file: str) -> None:
    """What happened abroad needs its link to an event in the territory (rules.md, third test)."""
    for where in form.questions:
        if where.feeds == "place_kind" and ABROAD in {o.id for o in where.options}:
            wanted = Condition(where.id, (ABROAD,))
            if not any(q.feeds == "event_link" and q.required and q.ask_if == wanted for q in form.questions):
                raise MandateError(
                    f'{file}: question {where.id}: expected a required question with feeds = "event_link", '
                    f'asked if {where.id} is "{ABROAD}"'
                )


def _check_condition(question: Question, target: Question | None, name: str, file: str) -> None:
    where = f"{file}: question {question.id}: ask_if"
    if target is None:
        raise MandateError(f"{where}: expected a question of an earlier page, found {name!r}")
    if target.type is Type.YES_NO:
        allowed = {"yes", "no"}
    elif target.type in (Type.CHOICE, Type.MULTIPLE_CHOICE):
        allowed = {o.id for o in target.options}
    else:
        raise MandateError(f"{where}: expected {name} to be a choice or yes/no question")
    assert question.ask_if is not None  # noqa: S101 - for the type checker; the caller looked
    for condition in _leaves(question.ask_if):
        if condition.question == name and not set(condition.is_any) <= allowed:
            raise MandateError(f"{where}: expected answers of {name} ({', '.join(sorted(allowed))})")


def _leaves(condition: Condition) -> Iterator[Condition]:
    if condition.question:
        yield condition
    for c in (*condition.all, *condition.any):
        yield from _leaves(c)


def _check_question(question: Question, file: str) -> None:
    def fail(key: str, expected: str) -> MandateError:
        return MandateError(f"{file}: ({question.id}).{key}: expected {expected}")

    if question.id in (OWN_ACCOUNT, REPLIES):
        raise fail("id", "another name: what every claim has has this one")
    if len(question.role) > ID_LENGTH:
        raise fail("role", f"at most {ID_LENGTH} characters, found {question.role!r}")
    if question.required and not question.required_reason:
        raise fail("required_reason", "the reason why this one must be answered (rules.md 6)")
    in_a_column = question.feeds not in ("", "event_link")
    fed = question.fields if question.feeds == "aid" else (question,) if in_a_column else ()
    if any(q.max_length > COLUMN_LENGTH for q in fed):
        raise fail("max_length", f"at most {COLUMN_LENGTH}, because the answer feeds {question.feeds}")
    if question.feeds == "submitting_as" and SELF not in {o.id for o in question.options}:
        raise fail("options", f"one with the id {SELF}: who does not choose it acts for somebody else")
    if question.feeds == "place_kind" and not {o.id for o in question.options} <= set(PLACE_KINDS):
        raise fail("options", f"only {', '.join(PLACE_KINDS)}, because the answer feeds place_kind")
    if question.feeds == "person_covered" and question.type is Type.GROUP and not question.person_field:
        raise fail("fields", "exactly one of type person, because each item is a person covered")
    if question.feeds == "aid":
        for f in question.fields:
            if AID_FIELDS.get(f.id) is not f.type:
                raise fail("fields", f"only {dict(AID_FIELDS)}, found {f.id} of type {f.type}")
