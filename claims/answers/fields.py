"""A question as a form field: what is typed is read (claims.answers.parsing), then checked as any
answer is (claims.answers.checking). Nothing is compulsory here: what is missing is said at the end."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from claims import mandates
from claims.answers import checking, parsing
from claims.mandates import Question, Type
from claims.models.place import Place, folded

Read = Callable[[Any], Any]
CANDIDATES = 12
NOT_LISTED = "-"

PART_LABELS: Mapping[str, Any] = {
    "family_name": gettext_lazy("Family name"),
    "given_name": gettext_lazy("Given name"),
    "patronymic": gettext_lazy("Patronymic, if there is one"),
    "earlier_names": gettext_lazy("Earlier names, if any"),
    "latin_name": gettext_lazy("Name in Latin letters, as in a passport"),
    "born": gettext_lazy("Date of birth"),
    "street": gettext_lazy("Street"),
    "building": gettext_lazy("Building"),
    "unit": gettext_lazy("Flat or premises"),
    "postcode": gettext_lazy("Postcode"),
}
AUTOCOMPLETE = {"family_name": "family-name", "given_name": "given-name", "postcode": "postal-code"}


class PartsWidget(forms.MultiWidget):
    """Several boxes for one answer. `parts` maps a part's name to (label, widget); the answer is a JSON
    object with a member for each part that was filled in."""

    def __init__(self, template: str, parts: Mapping[str, tuple[Any, forms.Widget]]) -> None:
        self.template_name = f"forms/widgets/{template}.html"
        self.labels = [label for label, _widget in parts.values()]
        self.names = list(parts)
        super().__init__({name: widget for name, (_label, widget) in parts.items()})

    def decompress(self, value: Any) -> list[Any]:
        return [value.get(name) if isinstance(value, dict) else None for name in self.names]

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["parts"] = [
            {"label": label, "hint": "", "subwidget": subwidget}
            for label, subwidget in zip(self.labels, context["widget"]["subwidgets"], strict=True)
        ]
        return context


class DateWidget(PartsWidget):
    def __init__(self) -> None:
        box = {"inputmode": "numeric", "autocomplete": "off"}
        super().__init__(
            "date_parts",
            {
                "day": (gettext_lazy("Day"), forms.TextInput({**box, "class": "w2"})),
                "month": (gettext_lazy("Month"), forms.TextInput({**box, "class": "w2"})),
                "year": (gettext_lazy("Year"), forms.TextInput({**box, "class": "w4"})),
            },
        )

    def decompress(self, value: Any) -> list[Any]:
        year, month, day = (*(value.split("-") if isinstance(value, str) else ()), "", "", "")[:3]
        return [day.lstrip("0"), month.lstrip("0"), year]


class SettlementWidget(PartsWidget):
    """A name typed, and the place meant by it: chosen from suggestions, or asked back as radios."""

    def __init__(self) -> None:
        self.candidates: list[Place] = []
        box = forms.TextInput({"data-suggest": "/places/?q=", "autocomplete": "off"})
        super().__init__("settlement", {"name": ("", box), "code": ("", forms.HiddenInput())})

    def decompress(self, value: Any) -> list[Any]:
        if not isinstance(value, dict):
            return ["", ""]
        return [value.get("text") or value.get("name", ""), value.get("code", "")]

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        if self.candidates:
            rows = [{"code": p.code, "label": p.label} for p in self.candidates]
            context["widget"]["candidates"] = [
                *rows,
                {"code": NOT_LISTED, "label": _("None of these: keep what I wrote")},
            ]
        return context


class OptionsMixin:
    """Radios or checkboxes whose options carry hints."""

    hints: Mapping[str, str] = {}

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)  # type: ignore[misc]
        option["hint"] = self.hints.get(str(value), "")
        return option


class Radios(OptionsMixin, forms.RadioSelect):
    pass


class Checkboxes(OptionsMixin, forms.CheckboxSelectMultiple):
    pass


class AnswerField(forms.Field):
    def __init__(self, question: Question, read: Read, widget: forms.Widget, hint: str = "") -> None:
        self.question, self.read = question, read
        hints = [str(question.hint or ""), hint]
        super().__init__(
            required=False, label=str(question.ask), help_text=" ".join(filter(None, hints)), widget=widget
        )

    def clean(self, value: Any) -> Any:
        """The answer, or None where nothing was given."""
        try:
            answer = self.read(value)
            if answer is not None:
                checking.check(self.question, answer)
        except (parsing.Unreadable, checking.NotAnAnswer) as error:
            raise forms.ValidationError(str(error)) from None
        return answer


class SettlementField(AnswerField):
    widget: SettlementWidget

    def clean(self, value: Any) -> Any:
        name, code = (part or "" for part in value or ("", ""))
        try:
            name = parsing.text(name, max_length=checking.SHORT)
        except parsing.Unreadable as error:
            raise forms.ValidationError(str(error)) from None
        if not name:
            return None
        if code == NOT_LISTED:
            return {"text": name}
        words = re.sub(r".*\((.*)\)", r"\1", name)  # suggestions in English have it so
        town = folded(words.partition(",")[0])
        found = list(Place.objects.named(words)[: CANDIDATES + 1]) if town else []
        exact = [p for p in found if town in (p.folded_uk, p.folded_en)]
        # The code of Бучач may still be there when somebody changes the text to Буча: the text counts.
        known = Place.objects.filter(pk=code.replace("\x00", ""), kind__in=Place.KINDS)
        chosen = known.first() if code else None
        names = (chosen.folded_uk, chosen.folded_en) if chosen else ()
        if chosen and (town in names or (found and not exact and any(town in n for n in names))):
            return {"code": chosen.code, "name": chosen.official_name}
        labelled = [p for p in exact if folded(name) in (folded(p.label), folded(p.official_name))]
        if len(only := labelled or exact) == 1:
            return {"code": only[0].code, "name": only[0].official_name}
        if not found:
            return {"text": name}
        self.widget.candidates = (exact or found)[:CANDIDATES]
        if len(exact or found) > CANDIDATES:
            raise forms.ValidationError(
                _("There are many places with this name. Add the district after a comma, or choose below.")
            )
        raise forms.ValidationError(
            _("There are several places with this name. Choose the right one, or keep what you wrote.")
        )


def field(question: Question) -> AnswerField:
    """The form field that asks this question. A group is asked item by item instead."""
    return FIELDS[question.type](question)


def _blank(raw: Any) -> bool:
    return all(_blank(r) for r in raw) if isinstance(raw, list) else raw in (None, "") or not str(raw).strip()


def _text_field(question: Question) -> AnswerField:
    def read(raw: Any) -> Any:
        return parsing.text(raw or "", max_length=question.max_length) or None

    if question.type is Type.LONG_TEXT:
        widget: forms.Widget = forms.Textarea({"rows": 8, "data-count": question.max_length})
    else:
        widget = forms.TextInput()
    return AnswerField(question, read, widget)


def _number_field(question: Question) -> AnswerField:
    places = 0 if question.type is Type.INTEGER else 6

    def read(raw: Any) -> Any:
        if _blank(raw):
            return None
        value = parsing.number(raw, places=places, thousands=places == 0)
        return int(value) if question.type is Type.INTEGER else f"{value.normalize():f}"

    return AnswerField(
        question, read, forms.TextInput({"class": "w10", "inputmode": "decimal"}), str(question.unit or "")
    )


def _money_field(question: Question) -> AnswerField:
    currencies = mandates.current().currencies
    widget = PartsWidget(
        "money",
        {
            "amount": (gettext_lazy("Amount"), forms.TextInput({"class": "w10", "inputmode": "decimal"})),
            "currency": (gettext_lazy("Currency"), forms.Select(choices=[(c, c) for c in currencies])),
        },
    )

    def read(raw: Any) -> Any:
        amount, currency = raw or ("", None)
        if _blank(amount):
            return None
        value = parsing.number(amount, places=2, thousands=True)
        return {"amount": f"{value:.2f}", "currency": currency}

    return AnswerField(question, read, widget, _("For example 1 234,50"))


def _choice_field(question: Question) -> AnswerField:
    if question.type is Type.YES_NO:
        choices = [("yes", _("Yes")), ("no", _("No"))]
    else:
        choices = [(o.id, str(o.label)) for o in question.options]
    widget: Any = (Checkboxes if question.type is Type.MULTIPLE_CHOICE else Radios)(choices=choices)
    widget.hints = {o.id: str(o.hint or "") for o in question.options}
    hint = _("You can choose several.") if question.type is Type.MULTIPLE_CHOICE else ""
    order = [value for value, _label in choices]

    def read(raw: Any) -> Any:
        if isinstance(raw, list):
            known = [value for value in order if value in raw]
            return known + [r for r in raw if r not in order] or None
        return raw or None

    return AnswerField(question, read, widget, hint)


def _read_date(raw: Any) -> str | None:
    return None if _blank(raw) else parsing.partial_date(*(part or "" for part in raw))


def _date_field(question: Question) -> AnswerField:
    if question.type is Type.DATE:
        hint = _("For example 7 3 2022")
    else:
        hint = _("For example 7 3 2022. If you remember only the year, fill in the year alone.")
    return AnswerField(question, _read_date, DateWidget(), hint)


def _period_field(question: Question) -> AnswerField:
    widget = PartsWidget(
        "period",
        {
            "start": (gettext_lazy("From"), DateWidget()),
            "end": (gettext_lazy("Until"), DateWidget()),
            "ongoing": (gettext_lazy("It still goes on"), forms.CheckboxInput()),
        },
    )

    def read(raw: Any) -> Any:
        start, end, ongoing = raw or (None, None, False)
        if _blank(start):
            if ongoing or not _blank(end):
                raise parsing.Unreadable(_("Enter when it began. The year alone is enough."))
            return None
        period: dict[str, Any] = {"start": _read_date(start)}
        if not _blank(end):
            period["end"] = _read_date(end)
        if ongoing:
            period["ongoing"] = True
        return period

    return AnswerField(question, read, widget, _("If you remember only the year, fill in the year alone."))


def _country_field(question: Question) -> AnswerField:
    names = checking.countries("uk" if (get_language() or "uk").startswith("uk") else "en")
    first = [("UA", names["UA"])]
    choices = [("", ""), *first, *((c, n) for c, n in names.items() if c != "UA")]
    return AnswerField(question, lambda raw: raw or None, forms.Select(choices=choices))


def _parts_field(question: Question) -> AnswerField:
    template = "person" if question.type is Type.PERSON else "address"
    widgets: dict[str, tuple[Any, forms.Widget]] = {}
    for part in question.parts:
        attrs = (
            {"autocomplete": AUTOCOMPLETE[part]}
            if part in AUTOCOMPLETE and question.section == "claimant"
            else {}
        )
        box = DateWidget() if part == "born" else forms.TextInput({"autocomplete": "off", **attrs})
        widgets[part] = (PART_LABELS[part], box)

    def read(raw: Any) -> Any:
        answer = {}
        for part, value in zip(question.parts, raw or [], strict=True):
            if _blank(value):
                continue
            if part == "born":
                try:
                    answer[part] = _read_date(value)
                except parsing.Unreadable as error:  # names of many parts: say which one
                    raise parsing.Unreadable(f"{PART_LABELS[part]}: {error}") from None
            else:
                answer[part] = parsing.text(value, max_length=checking.SHORT)
        return answer or None

    return AnswerField(question, read, PartsWidget(template, widgets))


def _fraction_field(question: Question) -> AnswerField:
    def read(raw: Any) -> Any:
        return None if _blank(raw) else parsing.fraction(raw)

    return AnswerField(question, read, forms.TextInput({"class": "w10"}))


def _settlement_field(question: Question) -> AnswerField:
    return SettlementField(question, lambda raw: raw, SettlementWidget())


FIELDS: Mapping[Type, Callable[[Question], AnswerField]] = {
    Type.TEXT: _text_field,
    Type.LONG_TEXT: _text_field,
    Type.INTEGER: _number_field,
    Type.DECIMAL: _number_field,
    Type.MONEY: _money_field,
    Type.CHOICE: _choice_field,
    Type.MULTIPLE_CHOICE: _choice_field,
    Type.YES_NO: _choice_field,
    Type.DATE: _date_field,
    Type.PARTIAL_DATE: _date_field,
    Type.PERIOD: _period_field,
    Type.COUNTRY: _country_field,
    Type.SETTLEMENT: _settlement_field,
    Type.ADDRESS: _parts_field,
    Type.PERSON: _parts_field,
    Type.FRACTION: _fraction_field,
}
