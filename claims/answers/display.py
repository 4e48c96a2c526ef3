"""Answers in words, in the reader's language, for the check page, receipts and reviewers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from claims.answers import checking
from claims.answers.fields import PART_LABELS
from claims.mandates import FilingForm, Page, Question, Type


@dataclass(frozen=True)
class Row:
    """One question as answered; `items` for a group, each a list of (label, text)."""

    question: Question
    text: str
    is_missing: bool
    items: tuple[tuple[tuple[str, str], ...], ...] = ()


def pages(form: FilingForm, answers: Mapping[str, Any]) -> list[tuple[Page, list[Row]]]:
    """Every page that is asked, with its rows, in order."""
    asked = {q.id for q in checking.asked(form, answers)}
    shown = [(p, [row(q, answers.get(q.id)) for q in p.questions if q.id in asked]) for p in form.pages]
    return [(page, rows) for page, rows in shown if rows]


def row(question: Question, answer: Any) -> Row:
    if answer is None:
        return Row(question, _("Not answered"), True)
    try:
        checking.check(question, answer)
    except checking.NotAnAnswer:  # answered under an older wording
        return Row(question, _("Please answer again: this question was changed"), True)
    if question.type is Type.GROUP and isinstance(answer, list):
        items = tuple(
            tuple((str(f.ask), words(f, item[f.id])) for f in question.fields if f.id in item)
            for item in answer
        )
        return Row(question, "", False, items)
    return Row(question, words(question, answer), checking.is_state(answer) and answer["state"] == "later")


def words(question: Question, answer: Any) -> str:
    """One answer as a sentence or value."""
    if checking.is_state(answer):
        return {
            "unknown": _("I don’t know"),
            "not_said": _("I prefer not to say"),
            "later": _("I’ll answer later"),
        }[answer["state"]]
    match question.type:
        case Type.MONEY:
            return money(Decimal(answer["amount"]), answer["currency"])
        case Type.INTEGER | Type.DECIMAL:
            number = number_format(Decimal(answer).normalize(), use_l10n=True, force_grouping=True)
            return f"{number} {question.unit}" if question.unit else number
        case Type.CHOICE:
            return _option(question, answer)
        case Type.MULTIPLE_CHOICE:
            return "; ".join(_option(question, a) for a in answer)
        case Type.YES_NO:
            return _("Yes") if answer == "yes" else _("No")
        case Type.DATE | Type.PARTIAL_DATE:
            return partial_date(answer)
        case Type.PERIOD:
            if "end" in answer:
                return f"{partial_date(answer['start'])} – {partial_date(answer['end'])}"
            if answer.get("ongoing"):
                return _("from %(start)s, it still goes on") % {"start": partial_date(answer["start"])}
            return _("from %(start)s") % {"start": partial_date(answer["start"])}
        case Type.COUNTRY:
            return checking.countries("uk" if (get_language() or "uk").startswith("uk") else "en").get(
                answer, answer
            )
        case Type.SETTLEMENT:
            return str(answer.get("text") or answer.get("name") or answer.get("code"))
        case Type.PERSON:
            return person(answer)
        case Type.ADDRESS:
            return "; ".join(
                f"{PART_LABELS[part]}: {answer[part]}" for part in question.parts if part in answer
            )
    return str(answer)


def _option(question: Question, answer: str) -> str:
    return next((str(o.label) for o in question.options if o.id == answer), answer)


def person(answer: Mapping[str, str]) -> str:
    """A name as people say it, then what else was given."""
    name = " ".join(answer[p] for p in ("family_name", "given_name", "patronymic") if p in answer)
    rest = [f"{PART_LABELS[p]}: {answer[p]}" for p in ("earlier_names", "latin_name") if p in answer]
    if "born" in answer:
        rest.append(f"{PART_LABELS['born']}: {partial_date(answer['born'])}")
    return "; ".join(filter(None, [name, *rest]))


def partial_date(answer: str) -> str:
    """«березень 2022» or "7 March 2022": only as exact as it was given."""
    if len(answer) == 4:
        return answer
    day = date.fromisoformat((answer + "-01")[:10])
    if len(answer) == 10:
        return date_format(day, "DATE_FORMAT", use_l10n=True)
    month = date_format(day, "F Y", use_l10n=False)
    return month.lower() if (get_language() or "uk").startswith("uk") else month


def money(amount: Decimal, currency: str) -> str:
    return f"{number_format(amount, decimal_pos=2, use_l10n=True, force_grouping=True)} {currency}"
