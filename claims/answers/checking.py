"""Is this JSON value an answer to that question? One reading for forms, for partners' filings and
for what is about to be frozen. The JSON Schema (claims.answers.schema) says the same to outsiders."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel import Locale
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from claims import mandates
from claims.answers.parsing import EARLIEST_YEAR, FRACTION, first_day
from claims.mandates import FilingForm, Question, Type

STATES = ("unknown", "not_said", "later")
DECIMAL = re.compile(r"(0|[1-9][0-9]{0,14})(\.[0-9]{1,6})?")
AMOUNT = re.compile(r"(0|[1-9][0-9]{0,14})\.[0-9]{2}")
SHORT = 300
SURROGATE = re.compile("[\ud800-\udfff]")
UKRAINIAN = "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя"
NAMES = ("family_name", "given_name")
"""The parts of a person's name of which a claim needs one (rules.md 1)."""


@dataclass(frozen=True)
class Problem:
    """`pointer` is a JSON pointer below the answers (RFC 6901); `message` a whole sentence."""

    question: str
    pointer: str
    message: str


class NotAnAnswer(ValueError):
    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(message)
        self.pointer = pointer


@lru_cache(maxsize=4)
def countries(language: str) -> dict[str, str]:
    """ISO 3166-1 alpha-2 code to name, sorted by name."""
    names = {
        code: name
        for code, name in Locale(language).territories.items()
        if len(code) == 2 and code.isalpha() and code not in ("EU", "EZ", "UN", "QO", "ZZ", "XA", "XB")
    }
    return dict(sorted(names.items(), key=lambda item: _alphabetical(item[1])))


def _alphabetical(name: str) -> list[int]:
    """Ukrainian letters in their order: by code point і, ї, є and ґ would come after я."""
    return [UKRAINIAN.find(c) if c in UKRAINIAN else ord(c) for c in name.casefold()]


def is_state(answer: Any) -> bool:
    """Whether this is «I don't know», «I prefer not to say» or «later» (rules.md 6)."""
    return isinstance(answer, dict) and set(answer) == {"state"} and answer["state"] in STATES


def asked(form: FilingForm, answers: Mapping[str, Any]) -> Iterator[Question]:
    """The questions whose condition holds. An answer to a question that is not asked counts for nothing."""
    counted: dict[str, Any] = {}
    for question in form.questions:
        if question.ask_if is None or question.ask_if.holds(counted):
            if question.id in answers:
                counted[question.id] = answers[question.id]
            yield question


def problems(form: FilingForm, answers: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with these answers as a whole; empty if they can be frozen. Missing answers are
    wrong only where the mandate requires them."""
    found: list[Problem] = []
    to_ask = {q.id: q for q in asked(form, answers)}
    for question in to_ask.values():
        if question.id not in answers:
            if question.required:
                found.append(Problem(question.id, f"/{question.id}", _needed(question)))
            continue
        try:
            check(question, answers[question.id])
        except NotAnAnswer as error:
            found.append(Problem(question.id, f"/{question.id}{error.pointer}", str(error)))
    for name in answers:
        if name not in to_ask:
            found.append(Problem(name, f"/{name}", _("This question is not asked here.")))
    return found


def check(question: Question, answer: Any) -> None:
    """Raises NotAnAnswer."""
    if is_state(answer):
        if question.required:
            raise NotAnAnswer(_needed(question))
        return
    CHECKS[question.type](question, answer)


def _needed(question: Question) -> str:
    """What to do about a required question that has no answer, and why."""
    if question.type is Type.PERSON:
        return _("Enter at least a family name or a given name.")
    if question.feeds == "event_link":
        return _(
            "What happened abroad can be recorded only if it is linked to an event in Ukraine. "
            "One sentence is enough."
        )
    return _("We need an answer to this question.")


def _string(answer: Any, limit: int, pointer: str = "") -> str:
    if not isinstance(answer, str):
        raise NotAnAnswer(_("This must be a text."), pointer)
    if not answer.strip():
        raise NotAnAnswer(_("This text is empty."), pointer)
    if len(answer) > limit:
        raise NotAnAnswer(_("This text is longer than %(limit)s characters.") % {"limit": limit}, pointer)
    if "\x00" in answer or SURROGATE.search(answer):
        raise NotAnAnswer(_("This text contains a character that cannot be stored."), pointer)
    return answer


def _text(question: Question, answer: Any) -> None:
    _string(answer, question.max_length)


def _integer(question: Question, answer: Any) -> None:
    if not isinstance(answer, int) or isinstance(answer, bool):
        raise NotAnAnswer(_("This must be a whole number."))
    _within_bounds(question, answer)


def _decimal(question: Question, answer: Any) -> None:
    if not isinstance(answer, str) or not DECIMAL.fullmatch(answer):
        raise NotAnAnswer(_("This must be a number written as a text, like 12.5."))
    _within_bounds(question, Decimal(answer))


def _within_bounds(question: Question, number: int | Decimal) -> None:
    low, high = question.minimum or 0, question.maximum or 10**12
    if not low <= number <= high:
        raise NotAnAnswer(_("Enter a number from %(low)s to %(high)s.") % {"low": low, "high": high})


def _money(question: Question, answer: Any) -> None:
    _object(answer, {"amount", "currency"}, required={"amount", "currency"})
    if not isinstance(answer["amount"], str) or not AMOUNT.fullmatch(answer["amount"]):
        raise NotAnAnswer(
            _("This must be an amount with two decimals written as a text, like 1234.50."), "/amount"
        )
    if answer["currency"] not in mandates.current().currencies:
        raise NotAnAnswer(_("Choose one of the currencies offered."), "/currency")


def _choice(question: Question, answer: Any) -> None:
    if answer not in [o.id for o in question.options]:
        raise NotAnAnswer(_("Choose one of the answers offered."))


def _multiple_choice(question: Question, answer: Any) -> None:
    offered = [o.id for o in question.options]
    if not isinstance(answer, list) or not answer:
        raise NotAnAnswer(_("Choose from the answers offered."))
    for n, chosen in enumerate(answer):
        if chosen not in offered:
            raise NotAnAnswer(_("Choose from the answers offered."), f"/{n}")
    if len(set(answer)) != len(answer):
        raise NotAnAnswer(_("Choose each answer once."))


def _yes_no(question: Question, answer: Any) -> None:
    if answer not in ("yes", "no"):
        raise NotAnAnswer(_("Choose one of the answers offered."))


def _when(question: Question, answer: Any, pointer: str = "") -> str:
    if not isinstance(answer, str):
        raise NotAnAnswer(_("This must be a date."), pointer)
    try:
        day = first_day(answer)
    except ValueError:
        raise NotAnAnswer(_("This must be a date like 2022, 2022-03 or 2022-03-07."), pointer) from None
    if day.year < EARLIEST_YEAR:
        raise NotAnAnswer(_("Check the year: it is before %(year)s.") % {"year": EARLIEST_YEAR}, pointer)
    if not question.future and day > today():
        raise NotAnAnswer(_("This date is in the future. Enter the date when it happened."), pointer)
    return answer


def remark(question: Question, answer: Any) -> str:
    """What the claimant should know about an answer that is accepted, or "". A date before the
    mandate's first day is explained, not refused: only the Board decides what it means."""
    if question.feeds != "event_date" or is_state(answer):
        return ""
    last = str(answer.get("end", answer["start"]) if isinstance(answer, dict) else answer)
    goes_on = isinstance(answer, dict) and answer.get("ongoing")
    first = mandates.current().first_day
    if goes_on or last >= first.isoformat()[: len(last)]:
        return ""
    return _(
        "The Register records damage from %(first_day)s on, and this is earlier. If the date is right, "
        "you can go on: tell us in your own words how it is connected with what happened later."
    ) % {"first_day": date_format(first, "DATE_FORMAT")}


def today() -> date:
    """Today where the mandate's dates are judged."""
    return timezone.now().astimezone(mandates.current().zone).date()


def _date(question: Question, answer: Any) -> None:
    if len(_when(question, answer)) != 10:
        raise NotAnAnswer(_("Enter the day, the month and the year."))


def _period(question: Question, answer: Any) -> None:
    _object(answer, {"start", "end", "ongoing"}, required={"start"})
    start = _when(question, answer["start"], "/start")
    if "ongoing" in answer and (answer["ongoing"] is not True or "end" in answer):
        raise NotAnAnswer(_("Give an end date, or say that it still goes on, not both."), "/ongoing")
    if "end" in answer:
        end = _when(question, answer["end"], "/end")
        shared = min(len(start), len(end))
        if end[:shared] < start[:shared]:
            raise NotAnAnswer(_("The end is before the start. Check both dates."), "/end")


def _country(question: Question, answer: Any) -> None:
    if not isinstance(answer, str) or answer not in countries("en"):
        raise NotAnAnswer(_("Choose a country from the list."))


def _settlement(question: Question, answer: Any) -> None:
    if isinstance(answer, dict) and "text" in answer:
        _object(answer, {"text"}, required={"text"})
        _string(answer["text"], SHORT, "/text")
        return
    _object(answer, {"code", "name"}, required={"code"})
    for key, value in answer.items():
        _string(value, SHORT, f"/{key}")


def _parts(question: Question, answer: Any) -> None:
    _object(answer, set(question.parts))
    if not answer:
        raise NotAnAnswer(_("Fill in at least one of the fields."))
    for key, value in answer.items():
        if key == "born":
            _when(question, value, "/born")
        else:
            _string(value, SHORT, f"/{key}")
    if question.type is Type.PERSON and question.required and not answer.keys() & set(NAMES):
        raise NotAnAnswer(_("Enter at least a family name or a given name."))


def _fraction(question: Question, answer: Any) -> None:
    match = FRACTION.fullmatch(answer) if isinstance(answer, str) else None
    if not match or int(match[1]) > int(match[2]):
        raise NotAnAnswer(_("This must be a share like 1/2, at most 1/1."))


def _group(question: Question, answer: Any) -> None:
    if not isinstance(answer, list) or not answer:
        raise NotAnAnswer(_("This must be a list with at least one item."))
    if len(answer) > question.max_items:
        raise NotAnAnswer(_("At most %(limit)s can be listed here.") % {"limit": question.max_items})
    fields = {f.id: f for f in question.fields}
    for n, item in enumerate(answer):
        _object(item, set(fields), pointer=f"/{n}")
        if not item:
            raise NotAnAnswer(_("Fill in at least one of the fields."), f"/{n}")
        for key, value in item.items():
            try:
                check(fields[key], value)
            except NotAnAnswer as error:
                raise NotAnAnswer(str(error), f"/{n}/{key}{error.pointer}") from None


def _object(answer: Any, allowed: set[str], *, required: set[str] = frozenset(), pointer: str = "") -> None:  # type: ignore[assignment]
    if not isinstance(answer, dict):
        raise NotAnAnswer(_("This must be an object."), pointer)
    for key in answer:
        if key not in allowed:
            raise NotAnAnswer(_("This field is not known here."), f"{pointer}/{key}")
    for key in sorted(required):
        if key not in answer:
            raise NotAnAnswer(_("This field is missing."), f"{pointer}/{key}")


CHECKS: Mapping[Type, Callable[[Question, Any], object]] = {
    Type.TEXT: _text,
    Type.LONG_TEXT: _text,
    Type.INTEGER: _integer,
    Type.DECIMAL: _decimal,
    Type.MONEY: _money,
    Type.CHOICE: _choice,
    Type.MULTIPLE_CHOICE: _multiple_choice,
    Type.YES_NO: _yes_no,
    Type.DATE: _date,
    Type.PARTIAL_DATE: _when,
    Type.PERIOD: _period,
    Type.COUNTRY: _country,
    Type.SETTLEMENT: _settlement,
    Type.ADDRESS: _parts,
    Type.PERSON: _parts,
    Type.FRACTION: _fraction,
    Type.GROUP: _group,
}
