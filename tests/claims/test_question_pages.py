"""A page of questions as a form: what is valid is kept beside what is not; what was meant is found out."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.http import QueryDict
from django.utils import translation

from claims import mandates
from claims.answers import checking, display
from claims.answers.forms import ItemForm, PageForm
from claims.mandates import ClaimantKind, FilingForm, Page, Text, Type
from tests import make
from tests.claims import typed

pytestmark = pytest.mark.django_db

SAMPLE = mandates.load_folder(Path(__file__).parent / "sample_mandate").categories["S1"][0]
FORM = SAMPLE.form(ClaimantKind.INDIVIDUAL)
NOT_NOW = "You answered, and also chose not to answer now. Keep one of the two."
BORODIANKA = {"code": "UA32080030010080493", "name": "Бородянка, Бучанський район, Київська область"}


def send(page, sent, before=None, whole=FORM):
    """Post a page; gives the form after it was looked at."""
    post = QueryDict(mutable=True)
    for name, value in sent.items():
        post.setlist(name, value) if isinstance(value, list) else post.update({name: value})
    form = PageForm(whole.page(page) if isinstance(page, str) else page, whole, before or {}, data=post)
    form.is_valid()
    return form


def say(question, sent, before=None):
    """Post a page with this question alone. Gives what is kept of it, or the sentence that refuses it."""
    asked = next(q for q in FORM.questions if q.id == question)
    page = Page(id="p", part="what", title=Text("", ""), questions=(asked,))
    whole = FilingForm(parts=FORM.parts, pages=(page,))
    form = send(page, sent, before, whole)
    return form.errors[question][0] if form.errors else form.saved[question]


# --- Keeping ---


def test_what_is_valid_is_kept_beside_what_is_not():
    form = send("numbers", {"rooms": "сто", "area_m2": "54,5", "loss_amount": "12", "loss_currency": "EUR"})
    assert form.saved == {
        "area_m2": "54.5",
        "loss": {"amount": "12.00", "currency": "EUR"},
        "share": None,
    }
    assert list(form.errors) == ["rooms"]


def test_what_was_typed_wrongly_stands_in_its_box_to_be_put_right():
    form = send("numbers", {"rooms": "сто", "loss_amount": "1,2,3", "loss_currency": "EUR"})
    assert 'value="сто"' in str(form["rooms"])
    assert 'value="1,2,3"' in str(form["loss"])
    assert '<option value="EUR" selected' in str(form["loss"])


def test_an_empty_box_takes_an_answer_back():
    assert say("story", {"story": " "}, before={"story": "Було."}) is None


def test_only_questions_that_are_asked_are_read():
    form = send("colour", {"colour": "red"}, before={"kind": "house"})
    assert form.saved == {}


# --- «I don't know», «I prefer not to say», «I'll answer later» ---


@pytest.mark.parametrize("state", ["unknown", "not_said", "later"])
def test_not_answering_has_a_meaning_that_is_kept(state):
    assert say("rooms", {"rooms__state": state}) == {"state": state}


def test_to_answer_and_not_to_answer_at_once_is_asked_back():
    assert say("rooms", {"rooms": "3", "rooms__state": "unknown"}) == NOT_NOW


def test_an_answer_that_is_new_counts_before_a_state_that_was_kept():
    assert say("rooms", {"rooms": "3", "rooms__state": "later"}, before={"rooms": {"state": "later"}}) == 3


def test_a_state_that_is_new_counts_before_an_answer_that_was_kept():
    assert say("rooms", {"rooms": "3", "rooms__state": "unknown"}, before={"rooms": 3}) == {
        "state": "unknown"
    }


def test_both_new_are_asked_back_whatever_was_kept():
    assert say("rooms", {"rooms": "4", "rooms__state": "unknown"}, before={"rooms": 3}) == NOT_NOW
    kept = {"rooms": {"state": "later"}}
    assert say("rooms", {"rooms": "4", "rooms__state": "unknown"}, before=kept) == NOT_NOW


def test_a_state_can_be_taken_back():
    assert say("rooms", {"rooms__state": ""}, before={"rooms": {"state": "later"}}) is None


def test_a_state_that_does_not_exist_is_refused():
    form = send("numbers", {"rooms": "3", "rooms__state": "forgotten"})
    assert list(form.errors) == ["rooms__state"]


def test_a_required_question_cannot_be_left_to_a_state():
    form = send("name", {"full_name__state": "not_said", "full_name_family_name": "Коваленко"})
    assert "full_name__state" not in form.fields
    assert form.saved == {"full_name": {"family_name": "Коваленко"}}


# --- Types ---


@pytest.mark.parametrize(
    ("question", "sent", "kept"),
    [
        ("rooms", {"rooms": " 12 "}, 12),
        ("area_m2", {"area_m2": "1 000"}, "1000"),
        ("area_m2", {"area_m2": "54,50"}, "54.5"),
        (
            "loss",
            {"loss_amount": "1 234,50", "loss_currency": "UAH"},
            {"amount": "1234.50", "currency": "UAH"},
        ),
        ("loss", {"loss_amount": "", "loss_currency": "UAH"}, None),
        ("share", {"share": "50 %"}, "1/2"),
        ("harm", {"harm": ["flood", "fire"]}, ["fire", "flood"]),
        ("day", {"day_day": "7", "day_month": "3", "day_year": "2022"}, "2022-03-07"),
        ("about", {"about_month": "3", "about_year": "2022"}, "2022-03"),
        ("away", {"away_start_year": "2022", "away_ongoing": "on"}, {"start": "2022", "ongoing": True}),
        ("away", {"away_start_year": "2022", "away_end_year": "2024"}, {"start": "2022", "end": "2024"}),
        ("country", {"country": "PL"}, "PL"),
        ("house", {"house_street": "Шевченка", "house_unit": " "}, {"street": "Шевченка"}),
        (
            "child",
            {"child_given_name": "О’Ксана", "child_born_year": "2015"},
            {"given_name": "О’Ксана", "born": "2015"},
        ),
        ("story", {"story": "\u202bעברית\u202c 🕯️\r\nі далі"}, "\u202bעברית\u202c 🕯️\nі далі"),
    ],
)
def test_what_is_typed_becomes_an_answer(question, sent, kept):
    assert say(question, sent) == kept


@pytest.mark.parametrize(
    ("question", "sent", "sentence"),
    [
        ("rooms", {"rooms": "0"}, "Enter a number from 1 to 100."),
        ("rooms", {"rooms": "2,5"}, "Enter a whole number, without a comma."),
        ("rooms", {"rooms": "three"}, "Enter a whole number in digits, like 25."),
        ("area_m2", {"area_m2": "1001"}, "Enter a number from 0 to 1000."),
        ("loss", {"loss_amount": "5", "loss_currency": "ZWL"}, "Choose one of the currencies offered."),
        ("kind", {"kind": "boat"}, "Choose one of the answers offered."),
        ("harm", {"harm": ["fire", "meteor"]}, "Choose from the answers offered."),
        ("day", {"day_year": "2022"}, "Enter the day, the month and the year."),
        ("day", {"day_day": "1", "day_month": "1", "day_year": "2999"}, "This date is in the future."),
        (
            "about",
            {"about_day": "30", "about_month": "2", "about_year": "2022"},
            "This day is not in the calendar.",
        ),
        ("away", {"away_end_year": "2022"}, "Enter when it began. The year alone is enough."),
        ("away", {"away_ongoing": "on"}, "Enter when it began. The year alone is enough."),
        ("away", {"away_start_year": "2023", "away_end_year": "2022"}, "The end is before the start."),
        (
            "away",
            {"away_start_year": "2022", "away_end_year": "2023", "away_ongoing": "on"},
            "Give an end date, or say that it still goes on, not both.",
        ),
        ("country", {"country": "XX"}, "Choose a country from the list."),
        ("share", {"share": "3/2"}, "Enter the share as a fraction, like 1/2,"),
        ("story", {"story": "до\x00після"}, "The text contains a hidden character that cannot be stored."),
        ("story", {"story": "а" * 201}, "The text has 201 characters; at most 200 fit here."),
        (
            "child",
            {"child_born_day": "31", "child_born_month": "2", "child_born_year": "2015"},
            "Date of birth: This day is not in the calendar.",
        ),
        ("full_name", {"full_name_patronymic": "Іванівна"}, "Enter at least a family name or a given name."),
        (
            "full_name",
            {"full_name_family_name": "а" * 301},
            "The text has 301 characters; at most 300 fit here.",
        ),
    ],
)
def test_what_cannot_be_meant_is_said_next_to_the_question(question, sent, sentence):
    assert say(question, sent).startswith(sentence)


def test_a_date_in_the_future_may_be_right_where_the_mandate_says_so():
    assert say("away", {"away_start_year": "2022", "away_end_year": "2099"}) == {
        "start": "2022",
        "end": "2099",
    }


@pytest.mark.parametrize(("hour", "is_today"), [(21, False), (22, True)])
def test_what_is_today_is_judged_by_the_clocks_of_the_mandates_country(monkeypatch, hour, is_today):
    monkeypatch.setattr(checking.timezone, "now", lambda: datetime(2026, 1, 9, hour, 30, tzinfo=UTC))
    said = say("day", {"day_day": "10", "day_month": "1", "day_year": "2026"})
    assert (said == "2026-01-10") is is_today


def test_a_date_before_the_first_day_is_explained_and_not_refused():
    about = next(q for q in FORM.questions if q.id == "about")
    assert say("about", {"about_year": "2014"}) == "2014"
    assert checking.remark(about, "2014").startswith("The Register records damage from 24 February 2022 on,")
    assert checking.remark(about, "2022-02-23")
    assert not checking.remark(about, "2022-02-24")
    assert not checking.remark(about, "2022")
    assert not checking.remark(about, {"state": "unknown"})


def test_an_item_needs_at_least_one_answer():
    group = next(q for q in FORM.questions if q.id == "aid")
    empty, one = ItemForm(group, {}, data={}), ItemForm(group, {}, data={"payer": "ООН"})
    assert not empty.is_valid()
    assert empty.non_field_errors() == ["Fill in at least one of the fields, or go back."]
    assert one.is_valid()
    assert one.item == {"payer": "ООН"}


# --- Places ---


def town(name, code="", language="uk"):
    with translation.override(language):
        return say("town", {"town_name": name, "town_code": code})


def candidates(name):
    form = send("places", {"town_name": name})
    return [
        c["code"] for c in form["town"].field.widget.get_context("town", None, {})["widget"]["candidates"]
    ]


@pytest.mark.parametrize(
    "name",
    [
        "Бородянка",
        "бородянка",
        " БОРОДЯНКА ",
        "Borodianka",
        "borodianka",
        BORODIANKA["name"],
        "Бородянка, Київська область",
    ],
)
def test_a_name_that_only_one_place_has_is_understood(name):
    assert town(name) == BORODIANKA


def test_a_place_is_kept_under_its_official_name_whatever_the_language():
    assert town("Borodianka", language="en") == BORODIANKA


@pytest.mark.parametrize("name", ["Бучанський район", "Buchanskyi raion", "Київська область"])
def test_who_knows_only_the_district_or_region_names_that(name):
    assert town(name)["code"] in ("UA32080000000084076", "UA32000000000030281")


@pytest.mark.parametrize("name", ["Кам'янське", "Кам’янське", "Камʼянське", "Камянське", "Kamianske"])
def test_an_apostrophe_is_typed_in_many_ways(name):
    assert "UA12040150010056523" in candidates(name)


def test_a_name_that_several_places_have_is_asked_back_with_towns_first():
    assert candidates("Буча") == ["UA32080070010087821", "UA32080130030091226", "-"]
    assert town("Буча", language="en") == (
        "There are several places with this name. Choose the right one, or keep what you wrote."
    )


def test_many_places_are_spoken_of_only_where_not_all_with_the_name_are_shown():
    """Many begin like Львів; only three are called so, and each is there to choose."""
    assert len(candidates("Львів")) == 4
    assert town("Львів", language="en").startswith("There are several places with this name.")
    assert town("Іванівка", language="en").startswith("There are many places with this name.")


def test_of_several_places_the_chosen_one_counts():
    assert town("Буча", code="UA32080130030091226") == {
        "code": "UA32080130030091226",
        "name": "Буча, Дмитрівська територіальна громада, Бучанський район, Київська область",
    }


def test_a_place_that_was_kept_is_understood_again():
    assert town(BORODIANKA["name"], code=BORODIANKA["code"]) == BORODIANKA


def test_none_of_these_keeps_the_own_words():
    assert town("Буча", code="-") == {"text": "Буча"}


def test_a_place_that_nobody_knows_is_kept_in_the_own_words():
    assert town("Хутір за лісом") == {"text": "Хутір за лісом"}
    assert town(",") == {"text": ","}


@pytest.mark.parametrize("code", [BORODIANKA["code"], "UA99", "\x00", "UA32000000000030281"])
def test_a_code_that_does_not_belong_to_what_was_typed_counts_for_nothing(code):
    assert town("Гостомель", code=code)["code"] == "UA32080110010033149"


def test_the_code_of_a_place_with_a_longer_name_does_not_count_any_more():
    assert town("Буча", code="UA61060070010075450", language="en").startswith("There are several places")
    assert town("Бучач", code="UA61060070010075450")["code"] == "UA61060070010075450"


def test_part_of_a_name_is_enough_once_the_place_was_chosen():
    assert BORODIANKA["code"] in candidates("Бородян")
    assert town("Бородян", code=BORODIANKA["code"]) == BORODIANKA


def test_a_code_without_a_name_is_no_answer():
    assert town("", code=BORODIANKA["code"]) is None


@pytest.mark.parametrize("name", ["%", "_", "\\", "'; DROP TABLE claims_place; --"])
def test_signs_of_the_database_are_only_letters(name):
    assert town(name) == {"text": name}


def test_a_nul_in_a_name_is_refused():
    assert town("Бу\x00ча", language="en").startswith("The text contains a hidden character")


# --- Every question of the Ukraine mandate ---


def forms():
    folder = mandates.load_folder(Path(__file__).parents[2] / "mandates" / "ukraine")
    return [
        (c.code, kind.value, c.form(kind)) for c, _raw in folder.categories.values() for kind in c.claimants
    ]


@pytest.mark.parametrize("language", ["uk", "en"])
@pytest.mark.parametrize(("code", "kind", "whole"), forms())
def test_every_question_is_shown_and_takes_an_answer(code, kind, whole, language):
    open_to_all = FilingForm(
        parts=whole.parts,
        pages=tuple(
            replace(p, questions=tuple(replace(q, ask_if=None) for q in p.questions)) for p in whole.pages
        ),
    )
    with translation.override(language):
        for page in open_to_all.pages:
            plausible = {q.id: make.plausible(q) for q in page.questions}
            if page.questions[0].type is Type.GROUP:
                [group] = page.questions
                item = plausible[group.id][0]
                form = ItemForm(group, item, data=querydict(typed.item(group, item)))
                assert form.is_valid(), form.errors
                assert form.item == item
            else:
                form = send(page, typed.page(page, plausible), whole=open_to_all)
                assert not form.errors
                assert form.saved == plausible
            for question in page.questions:
                assert str(getattr(question.ask, language)) in form.as_div() or question.type is Type.GROUP
                assert display.row(question, plausible[question.id])


def querydict(sent):
    post = QueryDict(mutable=True)
    for name, value in sent.items():
        post.setlist(name, value) if isinstance(value, list) else post.update({name: value})
    return post
