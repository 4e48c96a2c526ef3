"""What a made-up claimant answers: walks the questions of a category and answers each by what it is."""

import math
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from itertools import accumulate
from random import Random
from typing import Any

from claims.mandates import SELF, Category, ClaimantKind, Mandate, Question, Type
from claims.seeding import words

Answer = Any


@dataclass(frozen=True)
class Settlement:
    code: str
    name: str
    region: str


@dataclass
class Person:
    family: tuple[str, str]
    given_name: str
    patronymic: str
    is_woman: bool
    born: date

    @property
    def family_name(self) -> str:
        return self.family[self.is_woman]

    @property
    def full_name(self) -> str:
        return f"{self.given_name} {self.patronymic} {self.family_name}"


@dataclass
class Teller:
    """Who tells, and what about. Everything random comes from `random`."""

    random: Random
    mandate: Mandate
    kind: ClaimantKind
    person: Person
    home: Settlement
    happened_on: date
    told_on: date
    language: str
    stories: tuple[str, ...]
    own_name: Answer = None  # as given before, word for word

    def one_of(self, of: Sequence[Any]) -> Any:
        return of[int(self.random.random() * len(of))]

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def digits(self, count: int) -> str:
        return f"{int(self.random.random() * 10**count):0{count}}"

    def day_after(self, day: date, within: int = 400) -> date:
        """Some day after this one on which they could already know of it."""
        return day + timedelta(int(self.random.random() * min(within, max((self.told_on - day).days, 0))))

    def partial(self, day: date) -> str:
        """The day as well as people remember: the whole date, the month, or only the year."""
        sharpness = self.random.random()
        return day.isoformat()[: 10 if sharpness < 0.72 else 7 if sharpness < 0.95 else 4]

    def relative(self) -> Person:
        return somebody(self.random, family=self.person.family)

    def amount(self, typical: float, spread: float = 0.9) -> Answer:
        """Log-normal around what is typical, rounded as people round; nearly always in the first currency."""
        value = typical * math.exp(spread * self.random.gauss(0, 1))
        currencies = self.mandate.currencies
        currency = currencies[0] if self.chance(0.95) else self.one_of(currencies[:3])
        if currency != currencies[0]:
            value /= 40
        step = 10 ** max(int(math.log10(value)) - 1, 0)
        whole = max(round(value / step), 1) * step
        return {"amount": f"{whole}.00", "currency": currency}


def somebody(random: Random, family: tuple[str, str] | None = None) -> Person:
    is_woman = random.random() < 0.56
    father = words.MEN[int(random.random() * len(words.MEN))]
    if is_woman:
        given = words.WOMEN[int(random.random() * len(words.WOMEN))]
    else:
        given = words.MEN[int(random.random() * len(words.MEN))][0]
    return Person(
        family=family or words.FAMILIES[int(random.random() * len(words.FAMILIES))],
        given_name=given,
        patronymic=father[2 if is_woman else 1],
        is_woman=is_woman,
        born=date(1938, 1, 1) + timedelta(int(random.random() * 24_000)),
    )


# --- Answers by what a question is ---

Tell = Callable[[Teller, Question], Answer]


def _named(teller: Teller, who: Person, parts: Sequence[str]) -> Answer:
    in_latin = teller.language == "en"  # they file from abroad, with the passport before them
    family, given = who.family_name, who.given_name
    known = {
        "family_name": words.latin(family) if in_latin else family,
        "given_name": words.latin(given) if in_latin else given,
    }
    if not in_latin and teller.chance(0.93):
        known["patronymic"] = who.patronymic
    if who.is_woman and teller.chance(0.1):
        known["earlier_names"] = teller.one_of(words.FAMILIES)[1]
    if not in_latin and teller.chance(0.3):
        known["latin_name"] = f"{words.latin(given)} {words.latin(family)}"
    if teller.chance(0.95):
        known["born"] = who.born.isoformat() if teller.chance(0.9) else who.born.isoformat()[:4]
    return {part: known[part] for part in parts if part in known}


def _person(teller: Teller, question: Question) -> Answer:
    if question.feeds == "claimant.name":
        return teller.own_name or _named(teller, teller.person, question.parts)
    if question.section == "representative":
        return _named(teller, somebody(teller.random), question.parts)
    return _named(teller, teller.relative(), question.parts)


def _settlement(teller: Teller, question: Question) -> Answer:
    if question.feeds == "place" and teller.chance(0.03):
        return {"text": f"дачний кооператив, {teller.home.name}"}
    return {"code": teller.home.code, "name": teller.home.name}


def _address(teller: Teller, question: Question) -> Answer:
    known = {
        "street": teller.one_of(words.STREETS),
        "building": str(1 + int(150 * teller.random.random() ** 2)),
        "unit": str(1 + int(120 * teller.random.random())),
        "postcode": teller.digits(5),
    }
    left_out = {"unit"} if teller.chance(0.45) else {"postcode"} if teller.chance(0.5) else set()
    return {part: known[part] for part in question.parts if part not in left_out}


def _day(teller: Teller, question: Question) -> date:
    if question.feeds == "event_date":
        return teller.happened_on
    return teller.day_after(teller.happened_on)


def _period(teller: Teller, question: Question) -> Answer:
    start = _day(teller, question)
    if teller.chance(0.2):
        return {"start": teller.partial(start), "ongoing": True}
    end = teller.day_after(start, within=200).isoformat()
    return {"start": start.isoformat()[:7], "end": end if teller.chance(0.6) else end[:7]}


def _country(teller: Teller, question: Question) -> Answer:
    abroad = {"claimant": 0.02, "place": 1.0}.get(question.section, 0.25)
    return teller.one_of(words.ABROAD) if teller.chance(abroad) else "UA"


def _integer(teller: Teller, question: Question) -> Answer:
    low = question.minimum or 0
    high = low + 12 if question.maximum is None else min(question.maximum, low + 12)
    return low + int((high - low + 1) * teller.random.random() ** 2)


def _decimal(teller: Teller, question: Question) -> Answer:
    low = question.minimum or 0
    return f"{min(low + 28 + 120 * teller.random.random() ** 2, question.maximum or 10**9):.1f}"


def _money(teller: Teller, question: Question) -> Answer:
    typical = 420_000 if teller.kind is ClaimantKind.INDIVIDUAL else 6_000_000
    return teller.amount(typical if question.feeds == "amount" else typical / 12)


def _yes_no(teller: Teller, question: Question) -> Answer:
    return "yes" if teller.chance(0.05 if question.feeds == "contact.discreet" else 0.35) else "no"


def _likely(question: Question) -> tuple[tuple[str, ...], list[float]]:
    """The options, the likelier first: what is for everybody else comes last in all lists."""
    shares = [
        20.0 if o.id == SELF else 0.1 if o.id.startswith("other") else 1 / (1 + n / 3)
        for n, o in enumerate(question.options)
    ]
    return tuple(o.id for o in question.options), list(accumulate(shares))


def _choice(question: Question) -> Tell:
    ids, sums = _likely(question)

    def tell(teller: Teller, question: Question) -> Answer:
        return ids[bisect(sums, teller.random.random() * sums[-1])]

    return tell


def _multiple(question: Question) -> Tell:
    ids, sums = _likely(question)

    def tell(teller: Teller, question: Question) -> Answer:
        first = bisect(sums, teller.random.random() * sums[-1])
        second = first + 1 if teller.chance(0.2) and first + 1 < len(ids) else first
        return [ids[first]] if first == second else [ids[first], ids[second]]

    return tell


def _group(question: Question) -> Tell:
    fields = [(f, teller_of(f)) for f in question.fields]

    def tell(teller: Teller, question: Question) -> Answer:
        items = []
        for _item in range(min(1 + int(3 * teller.random.random() ** 2), question.max_items)):
            said = {f.id: answer(teller, f) for f, answer in fields if teller.chance(0.85)}
            items.append(said or {fields[0][0].id: fields[0][1](teller, fields[0][0])})
        return items

    return tell


def story(teller: Teller, *, most: int = 5) -> str:
    count = 2 + int((most - 1) * teller.random.random())
    told = " ".join(teller.random.sample(teller.stories, min(count, len(teller.stories))))
    return f"{told}\n\n{teller.one_of(words.ANYTHING)}" if teller.chance(0.3) else told


def _long_text(teller: Teller, question: Question) -> Answer:
    if question.section == "account":
        return story(teller)[: question.max_length].strip()
    return " ".join(teller.random.sample(words.CALCULATIONS, 1 + teller.chance(0.3)))[: question.max_length]


def company(teller: Teller) -> str:
    if teller.kind is ClaimantKind.STATE_BODY:
        return str(teller.one_of(words.BODIES).format(n=1 + int(40 * teller.random.random())))
    name = teller.one_of(words.COMPANY_STEMS) + teller.one_of(words.COMPANY_ENDS)
    return f"{teller.one_of(words.COMPANY_FORMS)} «{name}-{1 + int(300 * teller.random.random())}»"


def _written_number(teller: Teller) -> str:
    return f"{teller.one_of('АБВКМНТ')}{teller.one_of('АЕКМО')}-{teller.digits(6)}"


Text = Callable[[Teller], str]
FED: Mapping[str, Text] = {
    "claimant.legal_name": company,
    "claimant.registration_number": lambda t: t.digits(8),
    "claimant.identifier": lambda t: t.digits(10),
}
BY_NAME: tuple[tuple[str, Text], ...] = (
    ("phone", lambda t: f"+380 {t.one_of(('50', '63', '66', '67', '95', '97'))} {t.digits(3)} {t.digits(4)}"),
    ("edrpou", lambda t: t.digits(8)),
    ("number", _written_number),
    ("document", _written_number),
    ("notice", lambda t: f"№ {t.digits(5)}/{t.told_on.year}"),
    ("address", lambda t: f"{t.home.name}, {t.one_of(words.STREETS)}, {1 + int(90 * t.random.random())}"),
    ("place", lambda t: t.one_of(words.WHERE)),
    ("position", lambda t: t.one_of(words.POSITIONS)),
    ("authority", lambda t: t.one_of(words.RIGHTS)),
    ("former_name", company),
    ("owner_name", company),
    ("holder_name", company),
    ("name", lambda t: t.relative().full_name),
    ("payer", lambda t: t.one_of(words.PAYERS)),
    ("body", lambda t: t.one_of(words.AUTHORITIES)),
    ("stage", lambda t: t.one_of(words.STAGES)),
    ("description", lambda t: t.one_of(words.ASSETS)),
)
"""By a part of the question's id: what short texts of this name hold."""


def _text(question: Question) -> Tell:
    by_name = (text for part, text in BY_NAME if part in question.id)
    text = FED.get(question.feeds) or next(by_name, lambda t: str(t.one_of(words.REMARKS)))
    limit = question.max_length

    def tell(teller: Teller, question: Question) -> Answer:
        return text(teller)[:limit].strip()

    return tell


TELLS: Mapping[Type, Tell] = {
    Type.LONG_TEXT: _long_text,
    Type.INTEGER: _integer,
    Type.DECIMAL: _decimal,
    Type.MONEY: _money,
    Type.YES_NO: _yes_no,
    Type.DATE: lambda teller, question: _day(teller, question).isoformat(),
    Type.PARTIAL_DATE: lambda teller, question: teller.partial(_day(teller, question)),
    Type.PERIOD: _period,
    Type.COUNTRY: _country,
    Type.SETTLEMENT: _settlement,
    Type.ADDRESS: _address,
    Type.PERSON: _person,
    Type.FRACTION: lambda teller, question: teller.one_of(("1/2", "1/2", "1/3", "1/4", "2/3")),
}
OF_QUESTION: Mapping[Type, Callable[[Question], Tell]] = {
    Type.TEXT: _text,
    Type.CHOICE: _choice,
    Type.MULTIPLE_CHOICE: _multiple,
    Type.GROUP: _group,
}


def teller_of(question: Question) -> Tell:
    make = OF_QUESTION.get(question.type)
    return make(question) if make else TELLS[question.type]


# --- A category's questions, ready to be asked many times ---

ANSWERED = {"claimant": 1.0, "place": 0.95, "loss": 0.92, "account": 0.9, "sensitive": 0.7, "persons": 0.95}
SELDOM = ("geo_point", "former_name", "registry_number")
STATES = ({"state": "unknown"}, {"state": "unknown"}, {"state": "later"}, {"state": "not_said"})


@dataclass(frozen=True)
class Step:
    question: Question
    tell: Tell
    answered: float


@dataclass
class Form:
    """What is asked of one kind of claimant in one category, in the version that takes claims now."""

    category_id: int
    version_id: int
    code: str
    sensitive: bool
    definition: Category
    kind: ClaimantKind
    steps: list[Step] = field(init=False)

    def __post_init__(self) -> None:
        self.steps = [Step(q, teller_of(q), _answered(q)) for q in self.definition.form(self.kind).questions]

    @cached_property
    def opening(self) -> frozenset[str]:
        """The questions whose answers a further claim of the same person begins with."""
        around = self.definition.common[self.kind]
        parts = {part.id for part in around.parts_before}
        return frozenset(q.id for page in around.pages if page.part in parts for q in page.questions)

    @cached_property
    def stories(self) -> tuple[str, ...]:
        fed = {step.question.feeds for step in self.steps}
        if "person_covered" in fed:
            return words.PERSON
        if self.kind is not ClaimantKind.INDIVIDUAL:
            return words.COMPANY
        asks_address = any(s.question.type is Type.ADDRESS for s in self.steps)
        return words.HOME if asks_address else words.ANYTHING

    @cached_property
    def share(self) -> float:
        """How many claims it gets beside others: most are people's, and most of those about property."""
        fed = {step.question.feeds for step in self.steps}
        by_kind = {
            ClaimantKind.INDIVIDUAL: 10.0,
            ClaimantKind.LEGAL_ENTITY: 2.0,
            ClaimantKind.STATE_BODY: 1.0,
        }
        return by_kind[self.kind] * (3.0 if "amount" in fed else 1.0) / len(self.definition.claimants)


def _answered(question: Question) -> float:
    if question.required or question.feeds in ("submitting_as", "event_date", "person_covered"):
        return 1.0
    if question.id in SELDOM:
        return 0.05
    return ANSWERED.get(question.section, 0.75)


def told(form: Form, teller: Teller, known: Mapping[str, Answer]) -> tuple[list[Question], dict[str, Answer]]:
    """The questions asked, and the answers; `known` are those of an earlier claim, which stay."""
    asked: list[Question] = []
    answers: dict[str, Answer] = {}
    random = teller.random.random
    for step in form.steps:
        question = step.question
        if question.ask_if is not None and not question.ask_if.holds(answers):
            continue
        asked.append(question)
        if question.id in known:
            answers[question.id] = known[question.id]
        elif step.answered == 1.0 or random() < step.answered:
            answers[question.id] = step.tell(teller, question)
        elif random() < 0.1:
            answers[question.id] = teller.one_of(STATES)
    return asked, answers
