"""Answers in words, in the reader's language, only as exact as they were given."""

from pathlib import Path

import pytest
from django.utils import translation

from claims import mandates
from claims.answers import display
from claims.mandates import ClaimantKind

SAMPLE = mandates.load_folder(Path(__file__).parent / "sample_mandate").categories["S1"][0]
FORM = SAMPLE.form(ClaimantKind.INDIVIDUAL)
QUESTIONS = {q.id: q for q in FORM.questions}
NBSP = "\u00a0"


@pytest.mark.parametrize(
    ("question", "answer", "in_ukrainian", "in_english"),
    [
        ("story", "Було.\nСтало.", "Було.\nСтало.", "Було.\nСтало."),
        ("rooms", 3, "3", "3"),
        ("area_m2", "1000", f"1{NBSP}000 м²", "1,000 m²"),
        ("area_m2", "54.5", "54,5 м²", "54.5 m²"),
        (
            "loss",
            {"amount": "1234567.50", "currency": "UAH"},
            f"1{NBSP}234{NBSP}567,50 UAH",
            "1,234,567.50 UAH",
        ),
        ("kind", "car", "Авто", "Car"),
        ("harm", ["fire", "flood"], "Вогонь; Вода", "Fire; Water"),
        ("insured", "yes", "Так", "Yes"),
        ("about", "2022", "2022", "2022"),
        ("about", "2022-03", "березень 2022", "March 2022"),
        ("about", "2022-03-07", "7 березня 2022 р.", "7 March 2022"),
        ("away", {"start": "2022", "end": "2023-01"}, "2022 – січень 2023", "2022 – January 2023"),
        ("away", {"start": "2022", "ongoing": True}, "від: 2022, ще триває", "from 2022, it still goes on"),
        ("country", "PL", "Польща", "Poland"),
        ("town", {"text": "Хутір"}, "Хутір", "Хутір"),
        ("town", {"code": "UA1", "name": "Ірпінь, Київська область"}, "Ірпінь, Київська область", None),
        (
            "house",
            {"street": "Шевченка", "unit": "5"},
            "Вулиця: Шевченка; Квартира або приміщення: 5",
            "Street: Шевченка; Flat or premises: 5",
        ),
        (
            "child",
            {"given_name": "Оля", "born": "2015-05"},
            "Оля; Дата народження: травень 2015",
            "Оля; Date of birth: May 2015",
        ),
        ("share", "1/2", "1/2", "1/2"),
        ("share", {"state": "unknown"}, "Не знаю", "I don’t know"),
        ("share", {"state": "not_said"}, "Волію не відповідати", "I prefer not to say"),
        ("share", {"state": "later"}, "Відповім пізніше", "I’ll answer later"),
    ],
)
def test_an_answer_is_said_in_the_readers_language(question, answer, in_ukrainian, in_english):
    for language, words in (("uk", in_ukrainian), ("en", in_english or in_ukrainian)):
        with translation.override(language):
            assert display.row(QUESTIONS[question], answer).text == words


def test_a_list_is_said_entry_by_entry():
    aid = [{"payer": "ООН", "amount": {"amount": "5.00", "currency": "EUR"}}, {"on": "2023"}]
    assert display.row(QUESTIONS["aid"], aid).items == (
        (("From whom?", "ООН"), ("How much?", "5.00 EUR")),
        (("When?", "2023"),),
    )


def test_an_entry_is_said_in_the_order_in_which_it_was_asked():
    """PostgreSQL and the frozen version keep the members of an object in an order of their own."""
    stored = {"on": "2023", "payer": "ООН", "amount": {"currency": "EUR", "amount": "5.00"}}
    (entry,) = display.row(QUESTIONS["aid"], [stored]).items
    assert [label for label, _words in entry] == ["From whom?", "How much?", "When?"]


@pytest.mark.parametrize(
    ("answer", "is_missing"),
    [(None, True), ({"state": "later"}, True), ({"state": "unknown"}, False), ("1/2", False), ("half", True)],
)
def test_what_is_still_to_be_answered_is_told_apart(answer, is_missing):
    assert display.row(QUESTIONS["share"], answer).is_missing is is_missing


def test_only_what_is_asked_is_shown_page_by_page():
    shown = display.pages(FORM, {"kind": "car", "colour": "red", "insurer": "state"})
    assert "colour" in [page.id for page, _rows in shown]
    assert "insurer" not in [page.id for page, _rows in shown]
