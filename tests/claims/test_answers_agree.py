"""Form, JSON Schema and check read one declaration alike: whatever JSON comes, they say the same of it, but
for what claims.answers.schema says that a schema cannot know."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from claims import mandates
from claims.answers import checking, schema
from claims.answers.forms import PageForm
from claims.mandates import ClaimantKind, Type
from tests.claims.answering import ANY_JSON, nearly, valid

CATEGORY, _RAW = mandates.load_folder(Path(__file__).parent / "sample_mandate").categories["S1"]
FORM = CATEGORY.form(ClaimantKind.INDIVIDUAL)
QUESTIONS = {q.id: q for q in FORM.questions}
CONDITIONAL = {q.id for q in FORM.questions if q.ask_if}
SCHEMA = schema.of_form(FORM)
VALIDATOR = Draft202012Validator(SCHEMA)
LATER = {"state": "later"}
NAME = {"full_name": {"family_name": "Коваленко"}}

NOT_IN_A_SCHEMA = {
    "Check the year: it is before 1900.",
    "Enter a number from 0 to 1000.",
    "The end is before the start. Check both dates.",
    "This date is in the future. Enter the date when it happened.",
    "This must be a date like 2022, 2022-03 or 2022-03-07.",
    "This must be a share like 1/2, at most 1/1.",
    "This must be a whole number.",
    "This text contains a character that cannot be stored.",
}
"""The calendar, today, bounds of numbers in texts, 12.0 for 12, halves of surrogate pairs."""


def verdict(question, value):
    """What the check says: "" if it is an answer, else its sentence."""
    try:
        checking.check(question, value)
    except checking.NotAnAnswer as refusal:
        return str(refusal)
    return ""


# --- One answer ---


@pytest.mark.parametrize("name", QUESTIONS)
@given(st.data())
def test_every_answer_of_the_type_passes_check_and_schema(name, data):
    answer = data.draw(valid(QUESTIONS[name]))
    assert verdict(QUESTIONS[name], answer) == ""
    assert Draft202012Validator(SCHEMA["properties"][name]).is_valid(answer)


@pytest.mark.parametrize("name", QUESTIONS)
@given(st.data())
def test_check_and_schema_refuse_the_same_values(name, data):
    value = data.draw(nearly(valid(QUESTIONS[name])) | ANY_JSON)
    said = verdict(QUESTIONS[name], value)
    if Draft202012Validator(SCHEMA["properties"][name]).is_valid(value):
        assert said in {"", *NOT_IN_A_SCHEMA}
    else:
        assert said.endswith(".")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("about", "2022-02-30"),
        ("about", "1899"),
        ("day", "2022-00-07"),
        ("day", "9999-01-01"),
        ("away", {"start": "2022-03", "end": "2022-02"}),
        ("area_m2", "1000.5"),
        ("share", "3/2"),
        ("rooms", 12.0),
        ("story", "\ud800"),
        ("aid", [{"on": "2022-02-30"}]),
    ],
)
def test_what_a_schema_cannot_know_is_refused_by_the_check_alone(name, value):
    assert Draft202012Validator(SCHEMA["properties"][name]).is_valid(value)
    assert verdict(QUESTIONS[name], value) in NOT_IN_A_SCHEMA


@pytest.mark.parametrize("name", [q.id for q in QUESTIONS.values() if not q.required])
@pytest.mark.parametrize("state", ["unknown", "not_said", "later"])
def test_not_knowing_not_saying_and_later_answer_every_question_that_is_not_required(name, state):
    assert verdict(QUESTIONS[name], {"state": state}) == ""
    assert Draft202012Validator(SCHEMA["properties"][name]).is_valid({"state": state})


def test_a_required_question_is_not_answered_by_not_saying():
    assert verdict(QUESTIONS["link"], {"state": "not_said"}).endswith("One sentence is enough.")
    assert verdict(QUESTIONS["full_name"], {"state": "not_said"}) == (
        "Enter at least a family name or a given name."
    )
    assert not Draft202012Validator(SCHEMA["properties"]["full_name"]).is_valid({"state": "not_said"})


def test_a_name_that_is_required_has_a_family_name_or_a_given_name():
    only_born = {"born": "1980", "patronymic": "Іванівна"}
    assert verdict(QUESTIONS["full_name"], only_born) == "Enter at least a family name or a given name."
    assert verdict(QUESTIONS["child"], only_born) == ""
    assert not Draft202012Validator(SCHEMA["properties"]["full_name"]).is_valid(only_born)


def test_a_text_of_the_greatest_length_is_judged_in_no_time():
    long_text = {**SCHEMA["properties"]["story"], "anyOf": [schema._short(20_000)]}
    assert not Draft202012Validator(long_text).is_valid("а" * 19_999 + "\x00")


# --- All answers together ---


@st.composite
def answers(draw):
    """Answers to some of the questions, asked or not, most of them valid."""
    given = dict(draw(st.sampled_from([NAME, {}])))
    choosers = draw(st.sets(st.sampled_from(["kind", "harm", "insured", "insurer", "whereabouts"])))
    for name in choosers | draw(st.sets(st.sampled_from(list(QUESTIONS)), max_size=4)):
        values = valid(QUESTIONS[name])
        given[name] = draw(st.one_of(values, values, values, nearly(values)))
    return {**given, **draw(st.sampled_from([{}, {}, {}, {"no_such_question": "yes"}]))}


@given(answers())
def test_check_and_schema_judge_whole_answers_alike(given_answers):
    found = {problem.message for problem in checking.problems(FORM, given_answers)}
    if VALIDATOR.is_valid(given_answers):
        assert found <= NOT_IN_A_SCHEMA
    else:
        assert found


def refused_as_not_asked(name, counted):
    return any(error.schema is False for error in VALIDATOR.iter_errors({name: LATER, **counted}))


@given(answers())
def test_form_check_and_schema_ask_the_same_questions(given_answers):
    asked = {q.id for q in checking.asked(FORM, given_answers)}
    counted = {name: answer for name, answer in given_answers.items() if name in asked}
    singles = {q.id for q in QUESTIONS.values() if q.type is not Type.GROUP}
    pages = [p for p in FORM.pages if p.questions[0].type is not Type.GROUP]
    assert {name for name in CONDITIONAL if not refused_as_not_asked(name, counted)} == asked & CONDITIONAL
    assert {q.id for page in pages for q in PageForm(page, FORM, counted).asked} == asked & singles


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("given_answers", "problem"),
    [
        ({}, ("full_name", "/full_name", "Enter at least a family name or a given name.")),
        ({**NAME, "shoe": "41"}, ("shoe", "/shoe", "This question is not asked here.")),
        ({**NAME, "kind": "house", "colour": "red"}, ("colour", "/colour", "is not asked here.")),
        ({**NAME, "insurer": "private"}, ("insurer", "/insurer", "This question is not asked here.")),
        ({**NAME, "loss": {"amount": "12", "currency": "UAH"}}, ("loss", "/loss/amount", "two decimals")),
        ({**NAME, "aid": [{"payer": "ООН"}, {"on": "2022-13"}]}, ("aid", "/aid/1/on", "must be a date like")),
        ({**NAME, "whereabouts": "abroad"}, ("link", "/link", "if it is linked to an event in Ukraine")),
        ({**NAME, "child": {"nick": "Оля"}}, ("child", "/child/nick", "This field is not known here.")),
    ],
)
def test_a_problem_names_question_place_and_what_to_do(given_answers, problem):
    [found] = checking.problems(FORM, given_answers)
    assert (found.question, found.pointer) == problem[:2]
    assert problem[2] in found.message


@pytest.mark.parametrize(
    ("given_answers", "asked"),
    [
        ({}, []),
        ({"kind": "car"}, ["colour"]),
        ({"kind": "house", "insured": "yes"}, ["insurer"]),
        ({"kind": "other", "insured": "yes"}, []),
        ({"kind": "other", "insured": "yes", "harm": ["theft", "fire"]}, ["insurer"]),
        ({"kind": "house", "insured": "yes", "insurer": "private"}, ["insurer", "policy"]),
        ({"kind": "house", "insured": "yes", "insurer": "state"}, ["insurer"]),
        ({"kind": "house", "insured": "no", "insurer": "private"}, []),
        ({"kind": {"state": "unknown"}, "insured": "yes"}, []),
    ],
)
def test_a_condition_looks_at_answers_that_are_asked_themselves(given_answers, asked):
    assert [q.id for q in checking.asked(FORM, given_answers) if q.id in CONDITIONAL] == asked
