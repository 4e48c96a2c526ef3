"""Forms around a piece of evidence."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from claims import mandates
from claims.answers import parsing
from claims.mandates import EvidenceRules, EvidenceType
from evidence.kinds import KINDS, Family, named

OWN_ACCOUNT_LENGTH = 20_000


class LongText(forms.CharField):
    """Text of any script, kept as typed but for line ends and outer space."""

    def __init__(self, *, limit: int, **kwargs: Any) -> None:
        super().__init__(required=False, strip=False, **kwargs)
        self.limit = limit
        self.validators = []  # the parser says what is wrong in our words

    def clean(self, value: Any) -> str:
        try:
            return parsing.text(value or "", max_length=self.limit)
        except parsing.Unreadable as error:
            raise forms.ValidationError(str(error)) from None


class DescribeForm(forms.Form):
    """What a file shows, in the claimant's words."""

    def __init__(self, types: Iterable[EvidenceType], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("Choose, if you like")), *((t.id, str(t.name)) for t in types)]
        self.fields["type"] = forms.ChoiceField(choices=choices, required=False, label=_("What is it?"))
        self.fields["description"] = LongText(
            limit=2000,
            label=_("What does it show?"),
            help_text=_("A few words, for example: certificate, page 2, March 2022."),
            widget=forms.Textarea({"rows": 2, "data-count": 2000}),
        )


class AddEvidenceForm(DescribeForm):
    """`file` only carries the input and its errors: the bytes went to the storage while they came in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"] = evidence_field(_("File"))
        self.order_fields(["type", "description", "file"])


class SeveralFiles(forms.FileInput):
    allow_multiple_selected = True


def evidence_field(label: str) -> forms.Field:
    rules = mandates.current().evidence
    kinds = [KINDS[media_type] for media_type in rules.media_types]
    return forms.Field(
        required=False,
        label=label,
        help_text=_("What we take: %(kinds)s. You can choose several at once.")
        % {"kinds": named(rules.media_types)},
        widget=SeveralFiles(
            {
                "multiple": True,
                "accept": ",".join(e for kind in kinds for e in kind.extensions),
                "data-max": max(rules.max_file_bytes, *rules.max_file_bytes_of.values()),
            }
        ),
    )


def largest_file(rules: EvidenceRules) -> str:
    """How large a file may be, in words: the limit, and those of the kinds that have another."""
    usual = filesizeformat(rules.max_file_bytes)
    others = [
        f"{Family(name).label}: {filesizeformat(size)}" for name, size in rules.max_file_bytes_of.items()
    ]
    return f"{usual} ({', '.join(others)})" if others else usual


class OwnAccountForm(forms.Form):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["text"] = LongText(
            limit=OWN_ACCOUNT_LENGTH,
            label=_("What would you like to tell in your own words?"),
            help_text=_(
                "Your own account counts as evidence. You can say why you have no documents, "
                "and who could confirm what happened. You can also leave this empty."
            ),
            widget=forms.Textarea({"rows": 12, "data-count": OWN_ACCOUNT_LENGTH}),
        )
