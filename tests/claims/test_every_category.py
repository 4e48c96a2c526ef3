"""Each category of the Ukraine mandate: what a person can answer passes form, JSON Schema and check alike and
comes out of freezing and display as it went in; what is no answer is refused by all three at the same place.

ANSWERS_EXAMPLES=200 tries more of them than a short run does (`make soak`).
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from claims import mandates, versions
from claims.answers import checking, display, schema
from claims.answers.forms import ItemForm, PageForm
from claims.mandates import ANSWER_SECTIONS, Type
from claims.models import Category, Claim, Draft
from tests import make
from tests.claims import typed
from tests.claims.answering import MONEY, PARTIAL, STATES

pytestmark = pytest.mark.django_db

FOLDER = mandates.load_folder(Path(__file__).parents[2] / "mandates" / "ukraine")
CODES = sorted(FOLDER.categories)
several = settings(
    max_examples=int(os.environ.get("ANSWERS_EXAMPLES", "3")),
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)

LETTERS = "абвгґіїєщьюя’ АБВҐЇЄ abcXYZ 0123456789 .,;:-–«»\"'<>&%/()\N{CRYING FACE}"
BAD_DATE = "2022-02-30"
BAKHMUT = {"code": "UA14020010010059145", "name": "Бахмут, Бахмутський район, Донецька область"}


def words(limit, *, lines=False):
    text = st.text(st.sampled_from(LETTERS + ("\n" if lines else "")), min_size=1, max_size=min(limit, 60))
    return text.map(str.strip).filter(bool)


def typeable(question):
    """What somebody can type in and read again word for word."""
    options = [o.id for o in question.options]
    match question.type:
        case Type.TEXT | Type.LONG_TEXT:
            return words(question.max_length, lines=question.type is Type.LONG_TEXT)
        case Type.INTEGER:
            return st.integers(question.minimum or 0, min(question.maximum, 10**9))
        case Type.DECIMAL:
            return st.integers(question.minimum or 0, min(question.maximum, 10**9)).map(str)
        case Type.MONEY:
            return MONEY
        case Type.CHOICE:
            return st.sampled_from(options)
        case Type.MULTIPLE_CHOICE:
            chosen = st.sets(st.sampled_from(options), min_size=1)
            return chosen.map(lambda some: [option for option in options if option in some])
        case Type.YES_NO:
            return st.sampled_from(["yes", "no"])
        case Type.DATE:
            return PARTIAL.filter(lambda day: len(day) == 10)
        case Type.PARTIAL_DATE:
            return PARTIAL
        case Type.PERIOD:
            return st.fixed_dictionaries({"start": PARTIAL}, optional={"ongoing": st.just(True)})
        case Type.COUNTRY:
            return st.sampled_from(["UA", "PL", "DE", "GB"])
        case Type.SETTLEMENT:
            return st.just(BAKHMUT) | words(60).map(lambda name: {"text": name})
        case Type.ADDRESS | Type.PERSON:
            parts = {part: PARTIAL if part == "born" else words(60) for part in question.parts}
            named = {"family_name": parts.pop("family_name")} if question.required else {}
            return st.fixed_dictionaries(named, optional=parts).filter(bool)
        case Type.FRACTION:
            numbers = st.tuples(st.integers(1, 999), st.integers(1, 999))
            return numbers.map(lambda two: f"{min(two)}/{max(two)}")
        case Type.GROUP:
            item = st.fixed_dictionaries({}, optional={f.id: typeable(f) for f in question.fields})
            return st.lists(item.filter(bool), min_size=1, max_size=2)


def mistaken(question):
    """Something that can be typed into the boxes and is no answer, with its place below the question."""
    match question.type:
        case Type.TEXT | Type.LONG_TEXT:
            return "я" * (question.max_length + 1), ""
        case Type.INTEGER:
            return question.maximum + 1, ""
        case Type.DECIMAL:
            return f"{question.maximum + 1}", ""
        case Type.MONEY:
            return {"amount": "1.00", "currency": "QQQ"}, "/currency"
        case Type.CHOICE | Type.YES_NO:
            return "no_such_answer", ""
        case Type.MULTIPLE_CHOICE:
            return ["no_such_answer"], "/0"
        case Type.DATE | Type.PARTIAL_DATE:
            return BAD_DATE, ""
        case Type.PERIOD:
            return {"start": BAD_DATE}, "/start"
        case Type.COUNTRY:
            return "XX", ""
        case Type.SETTLEMENT:
            return {"text": "я" * 301}, "/text"
        case Type.ADDRESS | Type.PERSON:
            part = question.parts[0]
            return {part: "я" * 301}, f"/{part}"
        case Type.FRACTION:
            return "3/2", ""
        case Type.GROUP:
            field = question.fields[0]
            wrong, below = mistaken(field)
            return [{field.id: wrong}], f"/0/{field.id}{below}"


KNOWN_TO_THE_CHECK_ALONE = (Type.DATE, Type.PARTIAL_DATE, Type.PERIOD, Type.FRACTION, Type.DECIMAL)
"""Their mistakes above are the calendar's, a share above 1, a decimal's bounds (claims.answers.schema)."""


@st.composite
def filled_in(draw, code):
    """Answers as somebody gives them from page to page: to many of the questions, and to none not asked."""
    form, _kind = form_of(code)
    answers = {}
    for question in form.questions:
        is_asked = question.ask_if is None or question.ask_if.holds(answers)
        if is_asked and (question.required or draw(st.integers(0, 3))):
            kinds = typeable(question)
            answers[question.id] = draw(kinds if question.required else st.one_of(kinds, kinds, STATES))
    return answers


def form_of(code):
    category, _raw = FOLDER.categories[code]
    (kind,) = category.claimants
    return category.form(kind), kind


def as_typed(form, answers, pages=None):
    """The answers as the pages understand what a person types into their boxes, and what they refuse."""
    understood, refused = {}, set()
    asked = {q.id for q in checking.asked(form, answers)}
    for page in pages or form.pages:
        if page.questions[0].type is Type.GROUP:
            for question in page.questions:
                if question.id in asked & answers.keys():
                    understood[question.id], wrong = items_as_typed(question, answers[question.id])
                    refused |= wrong
            continue
        shown = PageForm(page, form, answers, data=typed.page(page, answers))
        shown.is_valid()
        understood |= {name: answer for name, answer in shown.saved.items() if answer is not None}
        refused |= {f"/{name}" for name in shown.errors}
    return understood, refused


def items_as_typed(question, answer):
    if checking.is_state(answer):
        return answer, set()
    forms = [ItemForm(question, {}, data=typed.item(question, item)) for item in answer]
    wrong = {
        f"/{question.id}/{n}/{name}"
        for n, form in enumerate(forms)
        if not form.is_valid()
        for name in form.errors
    }
    return [form.item for form in forms], wrong


def pointers(errors):
    """Where a JSON Schema validator says that something is wrong, as RFC 6901 pointers."""
    for error in errors:
        if error.validator == "anyOf" and error.context:
            yield from pointers(e for e in error.context if e.schema_path[0] == 0)
        elif error.validator == "oneOf" and error.context:
            yield from pointers(error.context)
        else:
            yield "".join(f"/{step}" for step in error.absolute_path)


@pytest.mark.parametrize("code", CODES)
@several
@given(data=st.data())
def test_what_is_filled_in_passes_everywhere_and_comes_out_unchanged(code, data):
    form, kind = form_of(code)
    answers = data.draw(filled_in(code))
    assert checking.problems(form, answers) == []
    assert list(Draft202012Validator(schema.of_form(form)).iter_errors(answers)) == []
    assert as_typed(form, answers) == (answers, set())

    row = Category.objects.get(code=code)
    claim = Claim(
        category=row, category_version_id=row.newest_id, claimant_kind=kind, language="uk", version=1
    )
    declaration = versions.Declaration.of_current_texts("О. Коваленко", language="uk")
    version, _files = versions.freeze(
        claim, Draft(answers=answers), declaration=declaration, at=datetime(2026, 11, 1, tzinfo=UTC)
    )
    frozen = {}
    for section in ANSWER_SECTIONS:
        frozen |= {name: said["answer"] for name, said in json.loads(getattr(version, section)).items()}
    assert frozen == answers

    shown = {row.question.id: row for _page, rows in display.pages(form, frozen) for row in rows}
    for question in form.questions:
        if question.id in answers:
            assert_shown(question, answers[question.id], shown[question.id])


def assert_shown(question, answer, row):
    if checking.is_state(answer):
        assert row.text in {"I don’t know", "I prefer not to say", "I’ll answer later"}
    elif question.type is Type.GROUP:
        assert [len(item) for item in row.items] == [len(item) for item in answer]
    elif question.type in (Type.TEXT, Type.LONG_TEXT, Type.FRACTION):
        assert row.text == answer
    elif question.type is Type.CHOICE:
        assert row.text == next(o.label.en for o in question.options if o.id == answer)
    else:
        assert row.text
        assert "Please answer again" not in row.text


@pytest.mark.parametrize("code", CODES)
def test_what_is_no_answer_is_refused_everywhere_at_the_same_place(code):
    form, _kind = form_of(code)
    validator = Draft202012Validator(schema.of_form(form))
    answers = make.answers(code)
    assert checking.problems(form, answers) == []
    page_of = {q.id: page for page in form.pages for q in page.questions}
    for question in checking.asked(form, answers):
        wrong, below = mistaken(question)
        changed = {**answers, question.id: wrong}
        still_asked = {q.id for q in checking.asked(form, changed)}
        changed = {name: answer for name, answer in changed.items() if name in still_asked}
        where = f"/{question.id}{below}"
        assert where in {p.pointer for p in checking.problems(form, changed)}, question.id
        if question.type not in KNOWN_TO_THE_CHECK_ALONE and not knows_a_field_of(question):
            assert where in set(pointers(validator.iter_errors(changed))), question.id
        refused = as_typed(form, changed, [page_of[question.id]])[1]
        assert [p for p in refused if where.startswith(p)], question.id


def knows_a_field_of(question):
    return question.type is Type.GROUP and question.fields[0].type in KNOWN_TO_THE_CHECK_ALONE


@pytest.mark.parametrize("code", CODES)
def test_what_nobody_asked_and_what_must_be_answered_is_told_by_check_and_schema(code):
    form, _kind = form_of(code)
    validator = Draft202012Validator(schema.of_form(form))
    answers = make.answers(code)
    for question in form.questions:
        if question.required and question.id in answers:
            without = {name: answer for name, answer in answers.items() if name != question.id}
            assert f"/{question.id}" in {p.pointer for p in checking.problems(form, without)}
            assert not validator.is_valid(without)
    assert not validator.is_valid({**answers, "no_such_question": "yes"})
    assert "/no_such_question" in {
        p.pointer for p in checking.problems(form, {**answers, "no_such_question": "yes"})
    }
