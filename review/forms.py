"""What staff type. Forms say what is missing; whether an act may happen at all, the acts say."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.db.models.functions import Length
from django.forms import BoundField
from django.utils import formats, timezone
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_lazy as _

from claims import mandates, numbers, wording
from claims.mandates import EligibilityTest
from claims.models import Category, ClaimVersion, State
from claims.models.erasure import Ground as ErasureGround
from review.batches import Ground
from review.checklists import MAX_NOTE, Answer, Item
from review.decisions import MAX_DAYS, MAX_TEXT
from review.models import RECOMMENDABLE, Recommendation

DAYS_TO_ANSWER = 14
AS_PROPOSED = ""

Tests = list[tuple[EligibilityTest, list[Item]]]


class DayField(forms.DateField):
    """One day; browsers without a calendar take `2026-03-07`, too."""

    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "w20"})

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("error_messages", {})["invalid"] = _("Enter the date as a day, like 2026-03-07.")
        super().__init__(input_formats=["%Y-%m-%d", "%d.%m.%Y"], **kwargs)


def _words(label: Any, *, length: int = MAX_TEXT, missing: Any = "", hint: Any = "") -> forms.CharField:
    """Some lines of text; with `missing` it must be given, and that is what is said when it is not."""
    return forms.CharField(
        label=label,
        help_text=hint,
        max_length=length,
        required=bool(missing),
        error_messages={"required": missing},
        widget=forms.Textarea(attrs={"rows": 4, "data-count": length}),
    )


class ChecklistForm(forms.Form):
    """An answer and a note for each check. It may be saved half done."""

    def __init__(self, tests: Tests, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tests = tests
        self.items = [item.id for _one, items in tests for item in items]
        for _one, items in tests:
            for item in items:
                self.fields[f"check_{item.id}"] = forms.ChoiceField(
                    label=str(item.ask), choices=Answer.choices, required=False, widget=forms.RadioSelect
                )
                self.fields[f"note_{item.id}"] = forms.CharField(
                    label=gettext_lazy("Note"),
                    required=False,
                    max_length=MAX_NOTE,
                    widget=forms.Textarea(attrs={"rows": 1}),
                )

    @property
    def groups(self) -> list[tuple[EligibilityTest, list[tuple[BoundField, BoundField]]]]:
        """Each of the four tests with its checks: the answer and the note."""
        return [
            (test, [(self[f"check_{item.id}"], self[f"note_{item.id}"]) for item in items])
            for test, items in self.tests
        ]

    @property
    def answers(self) -> dict[str, str]:
        return {item: self.cleaned_data[f"check_{item}"] for item in self.items}

    @property
    def notes(self) -> dict[str, str]:
        return {item: self.cleaned_data[f"note_{item}"] for item in self.items}

    @property
    def is_empty(self) -> bool:
        return not any(self.answers.values()) and not any(self.notes.values())

    @staticmethod
    def initial_from(given: dict[str, dict[str, str]]) -> dict[str, str]:
        initial = {f"check_{item}": said["answer"] for item, said in given.items()}
        return initial | {f"note_{item}": said["note"] for item, said in given.items()}


class AskForm(forms.Form):
    ask_text = _words(
        _("What do you need from the claimant?"),
        missing=_("Write what you need, so that the claimant knows what to send."),
        hint=_("The claimant reads these words as they stand. Say what is missing, why, and what would do."),
    )
    ask_due_on = DayField(
        label=_("Answer by"),
        error_messages={"required": _("Choose the day by which you hope for an answer.")},
        help_text=_("A day to work by, not a cut: an answer is taken after it, too."),
    )

    @staticmethod
    def first() -> dict[str, Any]:
        return {"ask_due_on": timezone.localdate() + timedelta(days=DAYS_TO_ANSWER)}

    def clean_ask_due_on(self) -> Any:
        due_on = self.cleaned_data["ask_due_on"]
        today = timezone.localdate()
        if not today < due_on <= today + timedelta(days=MAX_DAYS):
            raise forms.ValidationError(_("Choose a day after today, at most a year from now."))
        return due_on


class ProposeForm(forms.Form):
    """The reason decides what is recommended: nobody can choose two that contradict each other."""

    reason = forms.ChoiceField(
        label=_("What do you propose, and why?"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what you propose.")},
    )
    with_prejudice = forms.BooleanField(
        label=_("Recommend that it cannot be filed again (with prejudice)"), required=False
    )
    told = _words(
        _("What the claimant should be told in addition"),
        hint=_(
            "After the Board’s decision the claimant reads the wording of the reason, then these words. "
            "Write in the claim’s language."
        ),
    )
    note = _words(
        _("For the second reviewer"),
        hint=_("Where to look, and what you doubted. It stays in the house."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reasons = mandates.current().reasons
        self.fields["reason"].choices = [  # type: ignore[attr-defined]
            (name, [(reason.id, str(reason.title)) for reason in reasons if reason.leads_to == value])
            for value, name in Recommendation.choices
        ]
        final = "; ".join(str(reason.title) for reason in reasons if reason.with_prejudice)
        self.fields["with_prejudice"].help_text = _("Possible for these reasons alone: %(reasons)s") % {
            "reasons": final
        }

    def clean(self) -> None:
        reason = mandates.current().reason(self.cleaned_data.get("reason", ""))
        if reason and self.cleaned_data["with_prejudice"] and not reason.with_prejudice:
            self.add_error(
                "with_prejudice", _("The reason you chose does not allow this. Take the tick away.")
            )

    @property
    def recommendation(self) -> Recommendation:
        reason = mandates.current().reason(self.cleaned_data["reason"])
        return Recommendation(reason.leads_to) if reason else Recommendation.INELIGIBLE


class SendBackForm(forms.Form):
    back_note = _words(
        _("What should the first reviewer look at again?"),
        missing=_("Write what should be looked at again."),
        hint=_("They read it on their desk. It stays in the house."),
    )


class ReturnForm(forms.Form):
    return_note = _words(
        _("Why should this claim be reviewed again?"),
        missing=_("Write why: whoever reviews it next reads this."),
    )


# --- Batches and the Board ---


class NewBatchForm(forms.Form):
    title = forms.CharField(
        label=_("Name of the new batch"),
        max_length=200,
        error_messages={"required": _("Give the batch a name, such as “Homes, March 2026, first”.")},
        widget=forms.TextInput(attrs={"class": "w30", "autocomplete": "off"}),
    )


def outcomes(among: Iterable[State]) -> list[tuple[str, Any]]:
    return [(state.value, OUTCOME_WORDS[state]) for state in among]


OUTCOME_WORDS = {
    State.RECORDED: _("Record"),
    State.REJECTED_WITHOUT_PREJUDICE: _("Reject without prejudice"),
    State.REJECTED_WITH_PREJUDICE: _("Reject with prejudice"),
    State.UNDER_REVIEW: _("Return to review"),
}


class AddForm(forms.Form):
    """Claims by number, ticked in the list; whether they can join, the act says."""

    recommended = forms.ChoiceField(label=_("Recommend to the Board"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["recommended"].choices = [  # type: ignore[attr-defined]
            (AS_PROPOSED, _("what its review proposes")),
            *outcomes(RECOMMENDABLE),
        ]

    def clean(self) -> dict[str, Any]:
        ticked = self.data.getlist("numbers")  # type: ignore[attr-defined]
        prefix = mandates.current().number_prefix
        wanted = list(dict.fromkeys(numbers.read(number, prefix=prefix) for number in ticked))
        if not wanted or None in wanted:
            raise forms.ValidationError(_("Tick the claims that should go into this batch."))
        return {**self.cleaned_data, "numbers": wanted}


class DecideForm(forms.Form):
    """The Board's decision: as recommended, with exceptions per claim."""

    decided_on = DayField(
        label=_("Day of the Board’s session"),
        error_messages={"required": _("Enter the day on which the Board decided.")},
    )
    legal_basis = forms.CharField(
        label=_("Legal basis"),
        max_length=300,
        help_text=_(
            "The rule and its edition, such as “Claims Rules, article 21, edition of 26 March 2024”."
        ),
        error_messages={"required": _("Enter the rule by which the Board decided.")},
        widget=forms.TextInput(attrs={"class": "w30"}),
    )
    seen_digest = forms.CharField(max_length=64)

    def clean_decided_on(self) -> Any:
        decided_on = self.cleaned_data["decided_on"]
        if decided_on > timezone.localdate():
            raise forms.ValidationError(_("This day is still to come. Enter the day of the session."))
        return decided_on


class ReopenForm(forms.Form):
    number = forms.CharField(
        label=_("Number of the claim"),
        widget=forms.TextInput(attrs={"class": "w20", "autocomplete": "off"}),
        error_messages={"required": _("Enter the number of the claim.")},
    )
    ground = forms.ChoiceField(
        label=_("Why does the Board reopen it?"),
        choices=Ground.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one of the two grounds: there is no third.")},
    )
    reason = _words(
        _("What the claimant is told"),
        missing=_("Write the reason: the claimant reads it."),
        hint=_("Write in the claim’s language."),
    )
    decided_on = DayField(
        label=_("Day of the Board’s session"),
        error_messages={"required": _("Enter the day on which the Board decided.")},
    )

    def clean_number(self) -> str:
        number = numbers.read(self.cleaned_data["number"], prefix=mandates.current().number_prefix)
        if number is None:
            raise forms.ValidationError(NOT_A_NUMBER)
        return number

    clean_decided_on = DecideForm.clean_decided_on


NOT_A_NUMBER = _("This is not a claim number. One looks like UA-7K4M-2P9Q-F; check each character.")


class ClearanceForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail address of the person"),
        widget=forms.EmailInput(attrs={"class": "w30", "autocomplete": "off"}),
        error_messages={"required": _("Enter the address with which the person signs in.")},
    )
    category = forms.ModelChoiceField(
        label=_("Sensitive category"),
        queryset=Category.objects.filter(sensitive=True).order_by("group", Length("code"), "code"),
        to_field_name="code",
        empty_label=None,
        error_messages={"required": _("Choose a category.")},
    )


class FindClaimForm(forms.Form):
    number = forms.CharField(
        label=_("Claim number"),
        widget=forms.TextInput(attrs={"class": "w20", "autocomplete": "off"}),
        error_messages={"required": _("Enter the number of the claim.")},
    )


class ProposeErasureForm(forms.Form):
    version = forms.ChoiceField(
        label=_("In which version?"),
        initial="",
        required=False,
        widget=forms.RadioSelect,
        help_text=_("Later versions mostly repeat what earlier ones say."),
    )
    sections = forms.MultipleChoiceField(
        label=_("What is to be erased?"),
        choices=list(wording.SECTIONS.items()),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose what is to be erased.")},
        help_text=_("The frame of the claim holds the name typed under the declaration, too."),
    )
    ground = forms.ChoiceField(
        label=_("On which legal ground?"),
        choices=ErasureGround.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose the ground.")},
    )
    reason = _words(
        _("Why"),
        missing=_("Write why this must go, so that the other person can judge it."),
        hint=_("Do not repeat what is to be erased: these words stay."),
    )

    def __init__(self, versions: list[ClaimVersion], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        one = _("Version %(number)s of %(day)s alone")
        self.fields["version"].choices = [  # type: ignore[attr-defined]
            ("", _("In all versions")),
            *((str(v.number), one % {"number": v.number, "day": _day(v.made_at)}) for v in versions),
        ]


class CarryOutErasureForm(forms.Form):
    """The number is typed, so that nobody erases by a slip of the finger."""

    number = forms.CharField(
        label=_("To confirm, type the number of the claim"),
        widget=forms.TextInput(attrs={"class": "w20", "autocomplete": "off"}),
        error_messages={"required": _("Type the number of the claim.")},
    )

    def __init__(self, expected: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected

    def clean_number(self) -> str:
        typed = numbers.read(self.cleaned_data["number"], prefix=mandates.current().number_prefix)
        if typed != self.expected:
            raise forms.ValidationError(_("This is not the number of this claim. Compare each character."))
        return typed


def _day(at: datetime) -> str:
    return formats.date_format(timezone.localtime(at), "DATE_FORMAT")
