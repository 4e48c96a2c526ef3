"""What made-up claimants answer: walks the questions of a category and answers each by what it is.

Most of it is told once and used by many claims: a `Telling` is a whole set of answers, written out as the
sections of a frozen version, with holes for what is each claim's own: names, places, addresses, numbers, the
day and the amount.
"""

import json
import math
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from hashlib import sha256
from itertools import accumulate
from json.encoder import encode_basestring
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from claims import indexing, versions
from claims.answers import checking
from claims.filing import EARLIER_CLAIM, STATED
from claims.mandates import (
    ANSWER_SECTIONS,
    OWN_ACCOUNT,
    PLACE_KINDS,
    SECTIONS,
    SELF,
    Category,
    ClaimantKind,
    Mandate,
    Question,
    Type,
)
from claims.models import Claim
from claims.seeding import words
from claims.seeding.rows import LENGTH

if TYPE_CHECKING:
    from claims.seeding.ground import Weighed

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
    form: "Form"
    person: Person
    home: Settlement
    happened_on: date
    told_on: date
    language: str
    shelters: Sequence[Settlement]
    for_themselves: bool = True

    @property
    def is_body(self) -> bool:
        return self.form.kind is ClaimantKind.STATE_BODY

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
        step = 10 ** max(int(math.log10(max(value, 1))) - 1, 0)
        whole = max(round(value / step), 1) * step
        return {"amount": f"{whole}.00", "currency": currency}


def somebody(random: Random, family: tuple[str, str] | None = None) -> Person:
    chance = random.random
    is_woman = chance() < 0.56
    father = words.MEN[int(chance() * len(words.MEN))]
    if is_woman:
        given = words.WOMEN[int(chance() * len(words.WOMEN))]
    else:
        given = words.MEN[int(chance() * len(words.MEN))][0]
    return Person(
        family=family or words.FAMILIES[int(chance() * len(words.FAMILIES))],
        given_name=given,
        patronymic=father[2 if is_woman else 1],
        is_woman=is_woman,
        born=words.EARLIEST_BIRTH + timedelta(int(chance() * 24_000)),
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
    if question.feeds == "claimant.name" and teller.for_themselves:
        return _named(teller, teller.person, question.parts)
    if question.section == "representative":  # whoever signs in
        return _named(teller, teller.person, question.parts)
    return _named(teller, teller.relative(), question.parts)


def _settlement(teller: Teller, question: Question) -> Answer:
    if question.feeds == "place" and teller.chance(0.03):
        return {"text": f"дачний кооператив, {teller.home.name}"}
    place = teller.home
    if question.feeds != "place" and any(part in question.id for part in words.SHELTERING):
        place = teller.one_of(teller.shelters)
    return {"code": place.code, "name": place.name}


def _address(teller: Teller, question: Question) -> Answer:
    known = {
        "street": teller.one_of(words.STREETS),
        "building": str(1 + int(150 * teller.random.random() ** 2)),
        "unit": str(1 + int(120 * teller.random.random())),
        "postcode": teller.digits(5),
    }
    left_out = "unit" if teller.chance(0.45) else "postcode" if teller.chance(0.5) else ""
    return {part: known[part] for part in question.parts if part != left_out}


def _day(teller: Teller, question: Question) -> date:
    if question.feeds == "event_date":
        return teller.happened_on
    if any(part in question.id for part in words.LONG_BEFORE):
        return teller.happened_on - timedelta(200 + int(6000 * teller.random.random() ** 2))
    return teller.day_after(teller.happened_on)


def _period(teller: Teller, question: Question) -> Answer:
    start = _day(teller, question)
    if teller.chance(0.2):
        return {"start": teller.partial(start), "ongoing": True}
    end = teller.day_after(start, within=200).isoformat()
    return {"start": start.isoformat()[:7], "end": end if teller.chance(0.6) else end[:7]}


def _country(teller: Teller, question: Question) -> Answer:
    if question.id == "to_country":
        return teller.one_of(words.TAKEN_TO)
    abroad = {"claimant": 0.02, "place": 1.0}.get(question.section, 0.25)
    return teller.one_of(words.ABROAD) if teller.chance(abroad) else "UA"


def _integer(teller: Teller, question: Question) -> Answer:
    low = max(question.minimum or 0, 1)
    high = low + 12 if question.maximum is None else min(question.maximum, low + 12)
    return low + int((high - low + 1) * teller.random.random() ** 2)


def _decimal(teller: Teller, question: Question) -> Answer:
    low = question.minimum or 0
    return f"{min(low + 28 + 120 * teller.random.random() ** 2, question.maximum or 10**9):.1f}"


def _money(teller: Teller, question: Question) -> Answer:
    return teller.amount(teller.form.amounts if question.feeds == "amount" else teller.form.amounts / 12)


def _yes_no(teller: Teller, question: Question) -> Answer:
    return "yes" if teller.chance(0.05 if question.feeds == "contact.discreet" else 0.35) else "no"


def _likely(question: Question) -> tuple[tuple[str, ...], list[float]]:
    """The options, the likelier first: what is for everybody else comes last in all lists."""
    usual = {SELF, PLACE_KINDS[0]} if question.feeds in ("submitting_as", "place_kind") else set()
    shares = [
        20.0 if o.id in usual else 0.1 if o.id.startswith("other") else 1 / (1 + n / 3)
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
    """Some sentences in one paragraph."""
    count = 2 + int((most - 1) * teller.random.random())
    return " ".join(teller.random.sample(teller.form.stories, min(count, len(teller.form.stories))))


def _long_text(teller: Teller, question: Question) -> Answer:
    if question.feeds == "event_link":
        told = teller.one_of(words.LINKS)
    elif question.section in ("account", "sensitive"):
        told = story(teller)
        if teller.chance(0.3):
            told = f"{told}\n\n{teller.one_of(words.ANYTHING)}"
    else:
        told = " ".join(teller.random.sample(words.CALCULATIONS, 1 + teller.chance(0.3)))
    return told[: question.max_length].strip()


def company(teller: Teller) -> str:
    if teller.is_body:
        body = teller.one_of(words.BODIES)
        return str(body.format(n=1 + int(40 * teller.random.random()), place=teller.home.name.split(",")[0]))
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


def _any_of(of: Sequence[str]) -> Text:
    return lambda teller: str(teller.one_of(of))


def _right(teller: Teller) -> str:
    of = words.RIGHTS if teller.form.kind is ClaimantKind.INDIVIDUAL else words.RIGHTS_OF_BODIES
    return str(teller.one_of(of))


BY_NAME: tuple[tuple[str, Text], ...] = (
    ("phone", lambda t: f"+380 {t.one_of(('50', '63', '66', '67', '95', '97'))} {t.digits(3)} {t.digits(4)}"),
    ("geo_point", lambda t: f"{46 + 5 * t.random.random():.4f}, {30 + 9 * t.random.random():.4f}"),
    ("edrpou", lambda t: t.digits(8)),
    ("employer_code", lambda t: t.digits(8)),
    ("notice", lambda t: f"№ {t.digits(5)}/{t.told_on.year}"),
    ("reference", lambda t: f"№ {t.digits(3)} від {t.told_on.strftime('%d.%m.%Y')}"),
    ("address", lambda t: f"{t.home.name}, {t.one_of(words.STREETS)}, {1 + int(90 * t.random.random())}"),
    ("craft_name", _any_of(words.CRAFTS)),
    ("sea_", _any_of(words.AT_SEA)),
    ("place", _any_of(words.WHERE)),
    ("moved_", _any_of(words.WHERE)),
    ("position", _any_of(words.POSITIONS)),
    ("job", _any_of(words.JOBS)),
    ("employer", company),
    ("institution", _any_of(words.INSTITUTIONS)),
    ("activity", _any_of(words.ACTIVITIES)),
    ("property_use", _any_of(words.ACTIVITIES)),
    ("right", _right),
    ("authority", _right),
    ("former_name", company),
    ("owner_name", company),
    ("holder_name", company),
    ("object_name", _any_of(words.OBJECTS)),
    ("serves", _any_of(words.SERVED)),
    ("works", _any_of(words.WORKS)),
    ("part", _any_of(words.WORKS)),
    ("what", _any_of(words.THINGS)),
    ("number", _written_number),
    ("document", _written_number),
    ("certificate", _written_number),
    ("register", _written_number),
    ("name", lambda t: t.relative().full_name),
    ("witnesses", lambda t: f"{t.relative().full_name}, {somebody(t.random).full_name}"),
    ("relation", _any_of(words.RELATIONS)),
    ("payer", _any_of(words.PAYERS)),
    ("paid_from", _any_of(words.PAYERS)),
    ("programme", _any_of(words.PAYERS)),
    ("body", _any_of(words.AUTHORITIES)),
    ("stage", _any_of(words.STAGES)),
    ("description", lambda t: t.one_of(words.WORKS if t.is_body else words.ASSETS)),
)
"""By a part of the question's id: what short texts of this name hold."""


def _text(question: Question) -> Tell:
    by_name = (text for part, text in BY_NAME if part in question.id)
    text = FED.get(question.feeds) or next(by_name, _any_of(words.REMARKS))
    if question.id == "name":  # of a place where people are held
        text = _any_of(words.PREMISES)
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

ANSWERED = {"claimant": 1.0, "place": 0.95, "loss": 0.6, "account": 0.7, "sensitive": 0.5, "persons": 0.95}
ALWAYS = ("submitting_as", "event_date", "person_covered", "place_kind")
SELDOM = ("geo_point", "former_name", "registry_number", "confirmation_number")
STATES = ({"state": "unknown"}, {"state": "unknown"}, {"state": "later"}, {"state": "not_said"})
OWN_TYPES = (Type.PERSON, Type.SETTLEMENT, Type.ADDRESS)
OWN_FEEDS = ("event_date", "amount", "person_covered", *FED)
OWN_SECTIONS = ("contact", "identifiers")


@dataclass(frozen=True)
class Step:
    question: Question
    tell: Tell
    answered: float
    is_own: bool
    """Whether each claim answers it for itself. Nothing is asked or not asked because of such an answer."""


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
        form = self.definition.form(self.kind)
        self.pages = form.pages
        self.steps = [Step(q, teller_of(q), _answered(q), _is_own(q)) for q in form.questions]
        around = self.definition.common[self.kind]
        parts = {part.id for part in around.parts_before}
        self.opening = frozenset(q.id for p in around.pages if p.part in parts for q in p.questions)
        self.stories = words.of_category(words.STORIES, self.code, words.ANYTHING)
        self.share = words.of_category(words.SHARES, self.code, 1.0) / len(self.definition.claimants)
        self.manifest = hollow(
            {
                "format": versions.FORMAT,
                "claim": "{}",
                "number": "{}",
                "version": "<>",
                "category": self.code,
                "category_version": self.definition.version,
                "sections": dict.fromkeys(SECTIONS, "{}"),
            }
        )
        self.amounts = words.of_category(words.AMOUNTS, self.code, 200_000.0)


def _answered(question: Question) -> float:
    if question.required or question.feeds in ALWAYS:
        return 1.0
    if question.id in SELDOM:
        return 0.05
    return ANSWERED.get(question.section, 0.6)


def _is_own(question: Question) -> bool:
    return (
        question.type in OWN_TYPES
        or question.feeds in OWN_FEEDS
        or (question.type is Type.TEXT and question.section in OWN_SECTIONS)
    )


def told(teller: Teller, opening: Random) -> dict[str, Answer]:
    """The answers, in the order asked. Those that a person begins with depend on `opening` alone."""
    answers: dict[str, Answer] = {}
    form, everything_else = teller.form, teller.random
    for step in form.steps:
        question = step.question
        if question.ask_if is not None and not question.ask_if.holds(answers):
            continue
        teller.random = opening if question.id in form.opening else everything_else
        if step.answered == 1.0 or teller.chance(step.answered):
            answers[question.id] = step.tell(teller, question)
        elif teller.chance(0.1):
            answers[question.id] = teller.one_of(STATES)
        if question.feeds == "submitting_as":
            teller.for_themselves = answers[question.id] == SELF
    teller.random = everything_else
    return answers


# --- What many claims tell alike ---

# RFC 8785 for what occurs here: keys in ASCII, no floats. rfc8785 itself takes ten times as long.
json_text = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def hollow(content: Mapping[str, Any]) -> str:
    """Its JSON text as a format: "{name}" in it stands for a text, "<name>" for JSON of any kind; without a
    name they are filled in their order."""
    text = json_text(content).replace("%", "%%")
    for found, put in (('"{', '"%('), ('}"', ')s"'), ('"<', "%("), ('>"', ")s")):
        text = text.replace(found, put)
    return text.replace("%()s", "%s")


def written(answer: Answer) -> str:
    """json_text for what claims answer for themselves, most of which are texts and objects of texts."""
    if type(answer) is str:
        return encode_basestring(answer)
    if type(answer) is dict and True not in answer.values():
        return object_of({k: encode_basestring(said) for k, said in answer.items()})
    return json_text(answer)


def object_of(texts: Mapping[str, str]) -> str:
    """The JSON object whose values have these texts."""
    return "{" + ",".join([f'"{name}":{texts[name]}' for name in sorted(texts)]) + "}"


class Telling:
    """A set of answers, and which of them (`own`) each claim gives for itself. Days are counted from the
    mandate's first; `homes` is what a claim's place is drawn from."""

    def __init__(
        self, teller: Teller, opening: Random, homes: "Weighed", *, first: int, day: int, told_day: int
    ) -> None:
        self.homes, self.first_day, self.day, self.told_day = homes, first, day, told_day
        form = teller.form
        self.answers = told(teller, opening)
        self.own_account = story(teller, most=3) if teller.chance(0.2) else ""
        self.for_themselves = teller.for_themselves
        steps = [step for step in form.steps if step.question.id in self.answers]
        self.asked = [step.question for step in steps]
        real = [q for q in self.asked if not checking.is_state(self.answers[q.id])]
        given = {q.id for q in real}
        self.own = [(s.question, s.tell) for s in steps if s.is_own and s.question.id in given]
        self.fed: dict[str, list[Question]] = {}
        for question in real:
            if question.feeds:
                self.fed.setdefault(question.feeds, []).append(question)
        self.first = {feeds: questions[0].id for feeds, questions in self.fed.items()}
        self.kept = frozenset(
            q.id for q in real if self.for_themselves and q.id in form.opening and q.section in KEPT
        )
        claim = Claim(claimant_kind=form.kind.value)
        indexing.fill_columns(
            claim, real, {n: a for n, a in self.answers.items() if n != self.first.get("place")}
        )
        self.place_kind, self.discreet = claim.place_kind, claim.discreet
        self.office = indexing.office(claim, real, self.answers)
        self.aid = [_aid_item(item) for q in self.fed.get("aid", ()) for item in self.answers[q.id]]
        self._sections: dict[frozenset[str], list[Section]] = {}

    def kept_from(self, earlier: "Telling") -> frozenset[str]:
        """The questions whose answers a person takes over from the claim told as `earlier`: not those that
        depend on where and when it happened."""
        own, then = {question.id for question, _tell in self.own}, earlier.answers
        both = self.kept & earlier.kept
        return frozenset(name for name in both if name in own or self.answers[name] == then[name])

    @cached_property
    def texts(self) -> dict[str, str]:
        """The answers in JSON."""
        return {name: written(answer) for name, answer in self.answers.items()}

    def sections(self, earlier: frozenset[str]) -> Sequence["Section"]:
        """The answers as a frozen version holds them, those of `earlier` taken from an earlier claim."""
        found = self._sections.get(earlier)
        if found is None:
            found = self._sections[earlier] = [self._section(name, earlier) for name in ANSWER_SECTIONS]
        return found

    def _section(self, section: str, earlier: frozenset[str]) -> "Section":
        own = {question.id for question, _tell in self.own}
        said = {}
        for question in self.asked:
            if question.section == section:
                name = question.id
                answer = f"%({name})s" if name in own else written(self.answers[name]).replace("%", "%%")
                said[name] = answer, EARLIER_CLAIM if name in earlier else STATED
        if section == "account" and self.own_account:
            said[OWN_ACCOUNT] = written(self.own_account).replace("%", "%%"), STATED
        text = ",".join(f'"{n}":{{"answer":{said[n][0]},"origin":"{said[n][1]}"}}' for n in sorted(said))
        text = f"{{{text}}}"
        if own & said.keys():
            return text, None
        return "", frozen(*with_salt((text % {}).encode()))


def _aid_item(item: Mapping[str, Any]) -> tuple[Any, ...]:
    """As a row of AidItem has it, after the claim."""
    said = {name: answer for name, answer in item.items() if not checking.is_state(answer)}
    money = said.get("amount") or {"amount": None, "currency": ""}
    texts = [said.get(name, "") for name in ("payer", "kind", "status")]
    return (*texts, money["amount"], money["currency"], said.get("on", ""), said.get("number", ""))


SALT_LENGTH = LENGTH(versions.SALT_BYTES)


class Frozen(NamedTuple):
    """A section of a version: the two columns as COPY reads them, what stands in the manifest, the text."""

    columns: bytes
    digest: str
    text: bytes


def frozen(text: bytes, salt: bytes) -> Frozen:
    columns = b"%b%b%b%b" % (LENGTH(len(text)), text, SALT_LENGTH, salt)
    return Frozen(columns, sha256(salt + text).hexdigest(), text)


def with_salt(text: bytes) -> tuple[bytes, bytes]:
    """Whichever process gets to it first, the salt is the same; that it can be guessed harms nobody here."""
    return text, sha256(b"made up" + text).digest()[: versions.SALT_BYTES]


Section = tuple[str, Frozen | None]
"""The text with %(question)s for an answer of the claim's own; without such answers it is frozen once for all
claims that tell it."""
KEPT = ("claimant", "contact", "identifiers", "representative")
"""The sections that a further claim of the same person begins with (claims.filing)."""
