"""A page of a category as a Django form. What is valid is kept even when something beside it is not."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from claims.answers import checking
from claims.answers.fields import Radios, field
from claims.mandates import FilingForm, Page, Question

STATE = "__state"


class PageForm(forms.Form):
    """The questions of one page that are asked, given what was answered before.

    After `is_valid`, `saved` maps each question that was understood to its answer, None where it was
    left empty. Every question that is not required can also be answered «I don't know», «I prefer not
    to say» or «later», in a field beside it.
    """

    def __init__(
        self, page: Page, whole: FilingForm, answers: Mapping[str, Any], *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        asked = {q.id for q in checking.asked(whole, answers)}
        self.asked = [q for q in page.questions if q.id in asked]
        self.answers = answers
        self.saved: dict[str, Any] = {}
        self.heading_is_question = len(self.asked) == 1
        for question in self.asked:
            answer: Any = answers.get(question.id)
            state = answer["state"] if checking.is_state(answer) else ""
            self.fields[question.id] = field(question)
            self.initial[question.id] = None if state else answer
            if not question.required:
                self.fields[question.id + STATE] = _state_field(bool(state))
                self.initial[question.id + STATE] = state

    @property
    def questions(self) -> list[dict[str, Any]]:
        """What templates/forms/question.html shows, one for each question."""
        return [
            {
                "field": self[q.id],
                "state_field": self[q.id + STATE] if q.id + STATE in self.fields else None,
                "is_heading": self.heading_is_question,
                "intro": "",
            }
            for q in self.asked
        ]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        for question in self.asked:
            if question.id not in given:
                continue
            answer, state = given[question.id], given.get(question.id + STATE) or ""
            before = self.answers.get(question.id)
            if answer is not None and state:
                # A radio cannot be taken back without a script: of the two, what is new counts.
                if before == {"state": state}:
                    state = ""
                elif answer == before:
                    answer = None
                else:
                    self.add_error(
                        question.id, _("You answered, and also chose not to answer now. Keep one of the two.")
                    )
                    continue
            self.saved[question.id] = {"state": state} if state else answer
        return given


class ItemForm(forms.Form):
    """One item of a repeated group. `item` is its JSON object after `is_valid`."""

    def __init__(self, question: Question, item: Mapping[str, Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.item: dict[str, Any] = {}
        for inner in question.fields:
            self.fields[inner.id] = field(inner)
            self.initial[inner.id] = item.get(inner.id)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        self.item = {name: answer for name, answer in given.items() if answer is not None}
        if not self.item and not self.errors:
            raise forms.ValidationError(_("Fill in at least one of the fields, or go back."))
        return given


class StateForm(forms.Form):
    """Under an empty list: why nothing is listed."""

    def __init__(self, answer: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        state = answer["state"] if checking.is_state(answer) else ""
        self.fields["state"] = _state_field(bool(state))
        self.initial["state"] = state


def _state_field(is_set: bool) -> forms.ChoiceField:
    choices = [
        ("unknown", _("I don’t know")),
        ("not_said", _("I prefer not to say")),
        ("later", _("I’ll answer later")),
    ]
    if is_set:
        choices.append(("", _("I can answer now")))
    return forms.ChoiceField(
        choices=choices, required=False, widget=Radios, label=_("Can’t answer this now?")
    )
