"""Forms with one field of each shape."""

from typing import Any

from django import forms


class Parts(forms.MultiWidget):
    template_name = "forms/widgets/date_parts.html"

    def decompress(self, value):
        return value or [None] * len(self.widgets)

    def get_context(self, name, value, attrs):
        context = super().get_context(name, value, attrs)
        context["widget"]["parts"] = [
            {"label": f"Part {n}", "hint": "", "subwidget": subwidget}
            for n, subwidget in enumerate(context["widget"]["subwidgets"], start=1)
        ]
        return context


class Radios(forms.RadioSelect):
    def create_option(self, name, value, *args, **kwargs):
        option = super().create_option(name, value, *args, **kwargs)
        return option | {
            "hint": "Spouses, for example" if value == "joint" else "",
            "divider": value == "other",
        }


class Date(forms.MultiValueField):
    widget = Parts([forms.TextInput()] * 3)

    def __init__(self, **kwargs):
        super().__init__([forms.CharField()] * 3, **kwargs)

    def compress(self, values):
        return values


class Questions(forms.Form):
    name = forms.CharField(label="Full name", help_text="As in <any> paper")
    owner = forms.ChoiceField(
        label="Who owned the home?",
        help_text="On that day",
        choices=[("me", "Only me"), ("joint", "Me and others"), ("other", "Something else")],
        widget=Radios,
    )
    born = Date(label="When were you born?", help_text="The year is enough")
    agreed = forms.BooleanField(label="It is true", help_text="As far as I know")


class Optional(Questions):
    state = forms.ChoiceField(
        label="Can’t answer this now?",
        required=False,
        choices=[("unknown", "I don’t know"), ("later", "I’ll answer later")],
        widget=forms.RadioSelect,
    )


class Settlement(forms.MultiWidget):
    template_name = "forms/widgets/settlement.html"
    candidates: tuple[dict[str, Any], ...] = ()

    def __init__(self):
        super().__init__([forms.TextInput({"data-suggest": "/places/?q="}), forms.HiddenInput()])

    def decompress(self, value):
        return value or ["", ""]

    def get_context(self, name, value, attrs):
        context = super().get_context(name, value, attrs)
        context["widget"]["candidates"] = self.candidates
        return context
