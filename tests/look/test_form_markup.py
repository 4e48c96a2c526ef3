"""How a form field becomes HTML: labels, hints and errors belong to their control."""

import re
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.template.loader import render_to_string
from django.utils import translation
from sample_forms import Optional, Parts, Questions, Settlement


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


class Reader(HTMLParser):
    """The elements in their order, each with its attributes and the text within it."""

    def __init__(self, markup: Any) -> None:
        super().__init__()
        self.elements: list[SimpleNamespace] = []
        self._open: list[SimpleNamespace] = []
        self.feed(str(markup))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = SimpleNamespace(
            tag=tag, text="", inside=[e.tag for e in self._open], attributes=dict(attrs)
        )
        self.elements.append(element)
        if tag not in ("input", "img", "br", "link", "meta"):
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str) -> list[SimpleNamespace]:
        return [e for e in self.elements if e.tag == tag]

    def one(self, tag: str) -> SimpleNamespace:
        [element] = self.all(tag)
        return element

    def by_id(self, name: str) -> SimpleNamespace:
        [element] = [e for e in self.elements if e.attributes.get("id") == name]
        return element

    def said_with(self, element: SimpleNamespace) -> list[str]:
        """What a screen reader adds to this element."""
        names = (element.attributes.get("aria-describedby") or "").split()
        return [" ".join(self.by_id(name).text.split()) for name in names]


def group(name: str, *, sent: dict[str, str] | None = None, form: type[forms.Form] = Questions) -> Reader:
    return Reader(form(sent)[name].as_field_group())


def test_a_label_names_its_control():
    page = group("name")
    assert page.one("label").attributes["for"] == page.one("input").attributes["id"]
    assert page.one("label").text == "Full name"


def test_a_hint_is_said_with_its_control_and_escaped():
    page = group("name")
    assert page.said_with(page.one("input")) == ["As in <any> paper"]


def test_an_error_is_said_with_its_control():
    page = group("name", sent={"name": ""})
    assert page.said_with(page.one("input")) == ["As in <any> paper", "Error: This field is required."]
    assert page.one("input").attributes["aria-invalid"] == "true"


@pytest.mark.parametrize("name", ["owner", "born"])
def test_several_controls_stand_in_a_fieldset_that_carries_question_hint_and_error(name):
    page = group(name, sent={})
    label, hint = Questions().fields[name].label, Questions().fields[name].help_text
    assert page.one("legend").text == label
    assert page.said_with(page.one("fieldset")) == [hint, "Error: This field is required."]


def test_each_option_has_its_label_and_its_own_hint():
    page = group("owner")
    joint = page.all("input")[1]
    assert [label.attributes["for"] for label in page.all("label")] == [
        radio.attributes["id"] for radio in page.all("input")
    ]
    assert page.said_with(joint) == ["Spouses, for example"]


def test_a_divider_stands_before_its_option():
    text = " ".join(str(Questions()["owner"].as_field_group()).split())
    assert re.search(r'<p class="or">or</p> <div class="choice"> <input [^>]*value="other"', text)


def test_each_part_has_a_label():
    page = group("born")
    assert [(label.text, label.attributes["for"]) for label in page.all("label")] == [
        ("Part 1", "id_born_0"),
        ("Part 2", "id_born_1"),
        ("Part 3", "id_born_2"),
    ]


def test_parts_of_parts_stand_in_a_group_of_their_own():
    class Period(forms.Form):
        stay = forms.Field(
            label="When?", widget=Parts([Parts([forms.TextInput()] * 2), forms.CheckboxInput()])
        )

    page = group("stay", form=Period)
    assert [legend.text.strip() for legend in page.all("legend")] == ["When?", "Part 1"]
    assert [(label.text, label.attributes["for"]) for label in page.all("label")] == [
        ("Part 1", "id_stay_0_0"),
        ("Part 2", "id_stay_0_1"),
        ("Part 2", "id_stay_1"),
    ]


def test_a_single_checkbox_has_its_label_beside_it():
    page = group("agreed", sent={})
    assert page.said_with(page.one("input")) == ["As far as I know", "Error: This field is required."]
    assert page.one("label").text == "It is true"


@pytest.mark.parametrize(("name", "within"), [("name", "h1"), ("owner", "legend")])
def test_the_only_question_of_a_page_is_its_heading(name, within):
    class OneQuestion(Questions):
        heading_is_question = True

    page = group(name, form=OneQuestion)
    assert page.one("h1").text == Questions().fields[name].label
    assert within in [*page.one("h1").inside, "h1"]


def test_a_long_answer_says_how_long_it_may_be():
    class Account(forms.Form):
        account = forms.CharField(widget=forms.Textarea({"data-count": 500}))

    page = group("account", form=Account)
    assert page.by_id("id_account_count").text == "Up to 500 characters."


def test_a_whole_form_shows_each_field_once():
    page = Reader(Questions())
    assert [e.attributes["name"] for e in page.all("input")] == [
        "name", "owner", "owner", "owner", "born_0", "born_1", "born_2", "agreed",
    ]  # fmt: skip


def test_the_summary_leads_to_each_error():
    form = Questions({"name": "Олена", "owner": "me"})
    links = Reader(render_to_string("components/error_summary.html", {"form": form})).all("a")
    markup = Reader(form)
    assert [link.attributes["href"] for link in links] == ["#id_born", "#id_agreed"]
    assert [markup.by_id(link.attributes["href"][1:]).tag for link in links] == ["div", "input"]


def test_without_errors_there_is_no_summary():
    assert render_to_string("components/error_summary.html", {"form": Questions()}).strip() == ""


class Place(forms.Form):
    place = forms.Field(label="Where was it?", widget=Settlement())


def test_a_settlement_is_typed_beside_a_hidden_code():
    page = group("place", form=Place)
    assert [(e.attributes["type"], e.attributes["name"]) for e in page.all("input")] == [
        ("text", "place_0"),
        ("hidden", "place_1"),
    ]
    assert page.one("label").text == "City, town or village"


def test_a_settlement_of_many_is_asked_back_as_radios_under_the_name_of_the_code(monkeypatch):
    rows = (
        {"code": "UA1", "label": "Ivanivka, Odesa oblast"},
        {"code": "UA2", "label": "Ivanivka, Kherson oblast"},
    )
    monkeypatch.setattr(Settlement, "candidates", rows)
    radios = group("place", form=Place).all("input")[1:]
    assert [(e.attributes["type"], e.attributes["name"], e.attributes["value"]) for e in radios] == [
        ("radio", "place_1", "UA1"),
        ("radio", "place_1", "UA2"),
    ]


def question(sent: dict[str, str] | None = None) -> Reader:
    form = Optional(sent)
    asked = {"field": form["name"], "state_field": form["state"], "is_heading": True, "intro": ""}
    return Reader(render_to_string("forms/question.html", {"question": asked}))


def test_a_question_can_be_left_open_in_a_fold_named_so():
    page = question()
    assert page.one("summary").text == "Can’t answer this now?"
    assert "open" not in page.one("details").attributes
    assert [e.attributes["value"] for e in page.all("input") if "details" in e.inside] == ["unknown", "later"]


def test_the_fold_is_open_when_it_was_used():
    assert "open" in question({"state": "later"}).one("details").attributes


def test_a_question_without_that_choice_has_no_fold():
    asked = {"field": Questions()["name"], "state_field": None, "is_heading": False, "intro": "Why we ask"}
    page = Reader(render_to_string("forms/question.html", {"question": asked}))
    assert page.all("details") == []
    assert page.one("p").text == "Why we ask"
