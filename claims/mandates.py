"""Read a mandate folder into typed, immutable objects, and check it as a whole.

A mandate is what differs from one conflict to the next: its texts, its categories with their
questions, its regions. Every mistake is reported as file, key and what was expected, because the
people who write these files are lawyers and translators. An unknown key is a mistake too.

    mandate.toml             names, number prefix, regions, notices, consents, tests of eligibility
    claimants/<kind>.toml    pages asked of every claimant of that kind, before and after the category's
    categories/<code>.toml   one category: what it is, its pages of questions, its kinds of evidence
    places.csv               settlements
"""

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import rfc8785
from django.conf import settings
from django.utils.translation import get_language

LANGUAGES = ("uk", "en")
SECTIONS = (
    "core",
    "claimant",
    "contact",
    "identifiers",
    "representative",
    "persons",
    "place",
    "loss",
    "account",
    "sensitive",
    "answers",
    "evidence",
)
ANSWER_SECTIONS = tuple(s for s in SECTIONS if s not in ("core", "evidence"))

Raw = dict[str, Any]
T = TypeVar("T")


class MandateError(Exception):
    """A mistake in a mandate folder; str() names the file, the key and what was expected."""


class ClaimantKind(StrEnum):
    INDIVIDUAL = "individual"
    LEGAL_ENTITY = "legal_entity"
    STATE_BODY = "state_body"


class Type(StrEnum):
    TEXT = "text"
    LONG_TEXT = "long_text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    MONEY = "money"
    CHOICE = "choice"
    MULTIPLE_CHOICE = "multiple_choice"
    YES_NO = "yes_no"
    DATE = "date"
    PARTIAL_DATE = "partial_date"
    PERIOD = "period"
    COUNTRY = "country"
    SETTLEMENT = "settlement"
    ADDRESS = "address"
    PERSON = "person"
    FRACTION = "fraction"
    GROUP = "group"


PERSON_PARTS = ("family_name", "given_name", "patronymic", "earlier_names", "latin_name", "born")
ADDRESS_PARTS = ("street", "building", "unit", "postcode")

FEEDS: Mapping[str, tuple[Type, ...]] = {
    "claimant.name": (Type.PERSON,),
    "claimant.legal_name": (Type.TEXT,),
    "claimant.registration_number": (Type.TEXT,),
    "claimant.country": (Type.COUNTRY,),
    "claimant.identifier": (Type.TEXT,),
    "contact.discreet": (Type.YES_NO,),
    "submitting_as": (Type.CHOICE,),
    "person_covered": (Type.PERSON,),
    "aid": (Type.GROUP,),
    "place": (Type.SETTLEMENT,),
    "event_date": (Type.DATE, Type.PARTIAL_DATE, Type.PERIOD),
    "amount": (Type.MONEY,),
}
"""What an answer means to the register beside its place in the frozen claim: a row or column that
searching needs, who acts, what matching will compare."""

COLUMN_LENGTH = 300
ID_LENGTH = 40
CODE_LENGTH = 12
PREFIX_LENGTH = 6
CURRENCY_LENGTH = 3
OWN_ACCOUNT = "own_account"
SELF = "self"
STEPS_OF_EVERY_CLAIM = ("eligibility", "evidence", OWN_ACCOUNT, "consents", "check", "declaration")

AID_FIELDS: Mapping[str, Type] = {
    "payer": Type.TEXT,
    "kind": Type.CHOICE,
    "status": Type.CHOICE,
    "amount": Type.MONEY,
    "on": Type.PARTIAL_DATE,
    "number": Type.TEXT,
}
"""The fields that a group with `feeds = "aid"` has (rules.md 8)."""


@dataclass(frozen=True)
class Text:
    """One text in every language of the register. `confirmed` is false where a translation is ours."""

    uk: str
    en: str
    confirmed: bool = True

    def __str__(self) -> str:
        return self.uk if (get_language() or "uk").startswith("uk") else self.en


@dataclass(frozen=True)
class Option:
    id: str
    label: Text
    hint: Text | None = None


@dataclass(frozen=True)
class Condition:
    """`question` has one of the values `is_any`, or `all`/`any` of other conditions hold."""

    question: str = ""
    is_any: tuple[str, ...] = ()
    all: tuple["Condition", ...] = ()
    any: tuple["Condition", ...] = ()

    def holds(self, answers: Mapping[str, Any]) -> bool:
        if self.all:
            return all(c.holds(answers) for c in self.all)
        if self.any:
            return any(c.holds(answers) for c in self.any)
        answer = answers.get(self.question)
        given = answer if isinstance(answer, list) else [answer]
        return any(isinstance(g, str) and g in self.is_any for g in given)

    def questions(self) -> Iterator[str]:
        if self.question:
            yield self.question
        for c in (*self.all, *self.any):
            yield from c.questions()


@dataclass(frozen=True)
class Question:
    id: str
    type: Type
    ask: Text
    hint: Text | None = None
    section: str = "answers"
    required: bool = False
    required_reason: str = ""
    ask_if: Condition | None = None
    feeds: str = ""
    role: str = ""
    options: tuple[Option, ...] = ()
    unit: Text | None = None
    max_length: int = 0
    minimum: int | None = None
    maximum: int | None = None
    parts: tuple[str, ...] = ()
    fields: tuple["Question", ...] = ()
    item: Text | None = None
    max_items: int = 0
    future: bool = False
    confirmed: bool = True
    source: str = ""


@dataclass(frozen=True)
class Page:
    id: str
    part: str
    title: Text
    questions: tuple[Question, ...]
    intro: Text | None = None
    hard: bool = False


@dataclass(frozen=True)
class Part:
    """One line of a draft's task list."""

    id: str
    title: Text


@dataclass(frozen=True)
class EvidenceType:
    id: str
    name: Text
    hint: Text | None = None


@dataclass(frozen=True)
class ConfusedWith:
    code: str
    when: Text


@dataclass(frozen=True)
class Check:
    id: str
    test: str
    ask: Text


@dataclass(frozen=True)
class ClaimantPages:
    """What every claimant of one kind is asked, around the category's own pages."""

    kind: ClaimantKind
    parts_before: tuple[Part, ...]
    parts_after: tuple[Part, ...]
    pages: tuple[Page, ...]


@dataclass(frozen=True)
class Category:
    code: str
    version: int
    status: str
    group: str
    title: Text
    summary: Text
    claimants: tuple[ClaimantKind, ...]
    sensitive: bool
    source: str
    confirmed: bool
    confused_with: tuple[ConfusedWith, ...]
    prepare: tuple[Text, ...]
    parts: tuple[Part, ...]
    pages: tuple[Page, ...]
    evidence_types: tuple[EvidenceType, ...]
    checklist: tuple[Check, ...]
    common: Mapping[ClaimantKind, ClaimantPages] = field(default_factory=dict, compare=False)

    def form(self, kind: ClaimantKind) -> "FilingForm":
        """Everything that a claimant of `kind` is asked in this category, in the order asked."""
        around = self.common[kind]
        before = {p.id for p in around.parts_before}
        return FilingForm(
            parts=(*around.parts_before, *self.parts, *around.parts_after),
            pages=(
                *(p for p in around.pages if p.part in before),
                *self.pages,
                *(p for p in around.pages if p.part not in before),
            ),
        )


@dataclass(frozen=True)
class FilingForm:
    parts: tuple[Part, ...]
    pages: tuple[Page, ...]

    @property
    def questions(self) -> Iterator[Question]:
        return (q for page in self.pages for q in page.questions)

    def page(self, page_id: str) -> Page | None:
        return next((p for p in self.pages if p.id == page_id), None)


@dataclass(frozen=True)
class Region:
    code: str
    name: Text
    katottg: str


@dataclass(frozen=True)
class Group:
    code: str
    title: Text


@dataclass(frozen=True)
class Notice:
    """A text that people read and agree to; its version is kept with their answer."""

    version: str
    text: Text


@dataclass(frozen=True)
class Consent:
    id: str
    ask: Text
    why: Text


@dataclass(frozen=True)
class EligibilityTest:
    id: str
    ask: Text
    hint: Text | None
    on_no: Text


@dataclass(frozen=True)
class EvidenceRules:
    max_file_bytes: int
    max_files: int
    max_draft_bytes: int
    media_types: tuple[str, ...]


@dataclass(frozen=True)
class Mandate:
    id: str
    name: Text
    short_name: Text
    number_prefix: str
    time_zone: str
    time_zone_name: Text
    first_day: date
    currencies: tuple[str, ...]
    quick_exit_url: str
    help_email: str
    evidence: EvidenceRules
    groups: tuple[Group, ...]
    regions: tuple[Region, ...]
    privacy_notice: Notice
    declaration: Notice
    consents: tuple[Consent, ...]
    eligibility: tuple[EligibilityTest, ...]
    content: str = field(repr=False)
    """The RFC 8785 text of mandate.toml, dates as texts."""

    @property
    def digest(self) -> str:
        """SHA-256 of `content`, in hex: a claim carries it, so that what people were asked stays provable."""
        return hashlib.sha256(self.content.encode()).hexdigest()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True)
class Folder:
    """A whole mandate folder as read: `categories` holds (typed, raw) by code."""

    mandate: Mandate
    categories: Mapping[str, tuple[Category, Raw]]


class _Table:
    """One TOML table being read: every key is taken once, and `done` complains of what is left."""

    def __init__(self, data: Any, file: str, path: str = "") -> None:
        self.file, self.path = file, path
        if not isinstance(data, dict):
            raise MandateError(f"{file}: {path.rstrip('.')}: expected a table, found {data!r}")
        self.data = dict(data)

    def fail(self, key: str, expected: str) -> MandateError:
        return MandateError(f"{self.file}: {self.path}{key}: expected {expected}")

    def take(self, key: str, kind: type[T], expected: str, default: Any = ...) -> T:
        value = self.data.pop(key, ...)
        if value is ...:
            if default is ...:
                raise self.fail(key, f"{expected}, but the key is missing")
            return default
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.fail(key, f"{expected}, found {value!r}")
        return value

    def string(self, key: str, default: Any = ...) -> str:
        return self.take(key, str, "a string", default)

    def integer(self, key: str, default: Any = ...) -> Any:
        return self.take(key, int, "a whole number", default)

    def boolean(self, key: str, default: Any = ...) -> bool:
        return self.take(key, bool, "true or false", default)

    def one_of(self, key: str, allowed: Any, default: Any = ...) -> str:
        value = self.string(key, default)
        if value is not default and value not in tuple(allowed):
            raise self.fail(key, f"one of {', '.join(allowed)}, found {value!r}")
        return value

    def identifier(self, key: str = "id") -> str:
        value = self.string(key)
        if not (value.isidentifier() and value.isascii() and value == value.lower()):
            raise self.fail(key, f"small Latin letters, digits and _, found {value!r}")
        if len(value) > ID_LENGTH:
            raise self.fail(key, f"at most {ID_LENGTH} characters, found {value!r}")
        return value

    def strings(self, key: str, default: Any = ...) -> tuple[str, ...]:
        values = self.take(key, list, "a list of strings", default)
        if not all(isinstance(v, str) for v in values):
            raise self.fail(key, "a list of strings")
        return tuple(values)

    def text(self, key: str, default: Any = ...) -> Any:
        value = self.data.pop(key, ...)
        if value is ...:
            if default is ...:
                raise self.fail(key, "a text in uk and en, but the key is missing")
            return default
        return self._text(_Table(value, self.file, f"{self.path}{key}."))

    @staticmethod
    def _text(table: "_Table") -> Text:
        words = {language: table.string(language).strip() for language in LANGUAGES}
        for language, value in words.items():
            if not value:
                raise table.fail(language, "some text, found nothing")
        confirmed = table.boolean("confirmed", True)
        table.done()
        return Text(confirmed=confirmed, **words)

    def rows(self, key: str, read: Callable[["_Table"], T], default: Any = ...) -> tuple[T, ...]:
        """A list of tables, each read by `read`; an `id` or `code` must not come twice."""
        values = self.take(key, list, "a list of tables", default)
        found: list[T] = []
        for n, value in enumerate(values):
            table = _Table(value, self.file, f"{self.path}{key}[{n}].")
            row = read(table)
            table.done()
            found.append(row)
        names = [getattr(r, "id", None) or getattr(r, "code", None) for r in found]
        twice = next((n for n in names if n and names.count(n) > 1), None)
        if twice:
            raise self.fail(key, f"each name once, but {twice!r} comes twice")
        return tuple(found)

    def table(self, key: str) -> "_Table":
        return _Table(self.take(key, dict, "a table"), self.file, f"{self.path}{key}.")

    def done(self) -> None:
        if self.data:
            raise self.fail(next(iter(self.data)), "nothing: this key is not known here")


def _condition(table: _Table) -> Condition:
    for several in ("all", "any"):
        if several in table.data:
            inner = table.rows(several, _condition)
            if not inner:
                raise table.fail(several, "at least one condition")
            return Condition(all=inner) if several == "all" else Condition(any=inner)
    question = table.string("question")
    if "is" in table.data:
        return Condition(question, (table.string("is"),))
    return Condition(question, table.strings("is_any"))


def _option(table: _Table) -> Option:
    option_id = table.identifier()
    hint = table.text("hint", None)
    label = Text(table.string("uk"), table.string("en"), table.boolean("confirmed", True))
    return Option(option_id, label, hint)


def _question(table: _Table, *, in_group: bool = False) -> Question:
    question_id = table.identifier()
    table.path = f"{table.path}({question_id})."
    kind = Type(table.one_of("type", list(Type)))
    values: Raw = {}
    if kind in (Type.CHOICE, Type.MULTIPLE_CHOICE):
        values["options"] = table.rows("options", _option)
        if len(values["options"]) < 2:
            raise table.fail("options", "at least two options")
    elif kind in (Type.TEXT, Type.LONG_TEXT):
        values["max_length"] = table.integer("max_length", 300 if kind is Type.TEXT else 20_000)
    elif kind in (Type.INTEGER, Type.DECIMAL):
        values["minimum"] = table.integer("minimum", 0)
        values["maximum"] = table.integer("maximum", 10**12)
        values["unit"] = table.text("unit", None)
    elif kind in (Type.DATE, Type.PARTIAL_DATE, Type.PERIOD):
        values["future"] = table.boolean("future", False)
    elif kind is Type.PERSON:
        values["parts"] = table.strings("parts", ("family_name", "given_name", "patronymic", "born"))
        if unknown := set(values["parts"]) - set(PERSON_PARTS):
            raise table.fail("parts", f"only {', '.join(PERSON_PARTS)}, found {sorted(unknown)}")
    elif kind is Type.ADDRESS:
        values["parts"] = ADDRESS_PARTS
    elif kind is Type.GROUP:
        if in_group:
            raise table.fail("type", "no group inside a group")
        values["fields"] = table.rows("fields", lambda t: _question(t, in_group=True))
        values["item"] = table.text("item")
        values["max_items"] = table.integer("max_items", 50)
    for key in ("ask_if", "feeds", "required", "role", "section"):
        if in_group and key in table.data:
            raise table.fail(key, "nothing: a field of a group has none")
    ask_if = None
    if "ask_if" in table.data:
        inner = table.table("ask_if")
        ask_if = _condition(inner)
        inner.done()
    feeds = table.one_of("feeds", FEEDS, "")
    if feeds and kind not in FEEDS[feeds]:
        raise table.fail("feeds", f"{feeds} on a question of type {' or '.join(FEEDS[feeds])}")
    return Question(
        id=question_id,
        type=kind,
        ask=table.text("ask"),
        hint=table.text("hint", None),
        section=table.one_of("section", ANSWER_SECTIONS, "answers"),
        required=table.boolean("required", False),
        required_reason=table.string("required_reason", ""),
        ask_if=ask_if,
        feeds=feeds,
        role=table.string("role", ""),
        confirmed=table.boolean("confirmed", True),
        source=table.string("source", ""),
        **values,
    )


def _check_question(question: Question, file: str) -> None:
    def fail(key: str, expected: str) -> MandateError:
        return MandateError(f"{file}: ({question.id}).{key}: expected {expected}")

    if question.id == OWN_ACCOUNT:
        raise fail("id", "another name: the own account of every claim has this one")
    if len(question.role) > ID_LENGTH:
        raise fail("role", f"at most {ID_LENGTH} characters, found {question.role!r}")
    if question.required and not question.required_reason:
        raise fail("required_reason", "the reason why this one must be answered (rules.md 6)")
    if question.required and question.ask_if:
        raise fail("required", "false on a question that is asked under a condition")
    fed = question.fields if question.feeds == "aid" else (question,) if question.feeds else ()
    if any(q.max_length > COLUMN_LENGTH for q in fed):
        raise fail("max_length", f"at most {COLUMN_LENGTH}, because the answer feeds {question.feeds}")
    if question.feeds == "submitting_as" and SELF not in {o.id for o in question.options}:
        raise fail("options", f"one with the id {SELF}: who does not choose it acts for somebody else")
    if question.feeds == "aid":
        for f in question.fields:
            if AID_FIELDS.get(f.id) is not f.type:
                raise fail("fields", f"only {dict(AID_FIELDS)}, found {f.id} of type {f.type}")


def _part(table: _Table) -> Part:
    return Part(table.identifier(), table.text("title"))


def _page(table: _Table) -> Page:
    page_id = table.identifier()
    table.path = f"{table.path}({page_id})."
    page = Page(
        id=page_id,
        part=table.string("part"),
        title=table.text("title"),
        intro=table.text("intro", None),
        hard=table.boolean("hard", False),
        questions=table.rows("questions", _question),
    )
    if not page.questions:
        raise table.fail("questions", "at least one question")
    if len(page.questions) > 1 and any(q.type is Type.GROUP for q in page.questions):
        raise table.fail("questions", "a group alone on its page")
    return page


def claimant_pages(raw: Raw, file: str) -> ClaimantPages:
    """The pages around a category's own, as read from claimants/<kind>.toml."""
    table = _Table(raw, file)
    pages = ClaimantPages(
        kind=ClaimantKind(table.one_of("kind", list(ClaimantKind))),
        parts_before=table.rows("parts_before", _part),
        parts_after=table.rows("parts_after", _part),
        pages=table.rows("pages", _page),
    )
    table.done()
    return pages


def _confused_with(table: _Table) -> ConfusedWith:
    return ConfusedWith(table.string("code"), table.text("when"))


def _evidence_type(table: _Table) -> EvidenceType:
    return EvidenceType(table.identifier(), table.text("name"), table.text("hint", None))


def _check(table: _Table) -> Check:
    return Check(table.identifier(), table.string("test"), table.text("ask"))


def _kinds(table: _Table) -> tuple[ClaimantKind, ...]:
    kinds = table.strings("claimants")
    if not kinds or not set(kinds) <= set(ClaimantKind):
        raise table.fail("claimants", f"some of {', '.join(ClaimantKind)}, found {list(kinds)}")
    return tuple(map(ClaimantKind, kinds))


def category(raw: Raw, file: str) -> Category:
    """One category with the pages around its own. `raw` is {"format": 1, "category": ..., "claimants":
    {kind: ...}}, the very object that a CategoryVersion keeps. Raises MandateError.

    What was loaded once must stay readable for ever, so whatever this reader refuses some day belongs into
    a new format; what authors must mind beyond that is checked by `load_folder` alone.
    """
    common = {
        ClaimantKind(kind): claimant_pages(pages, f"claimants/{kind}.toml")
        for kind, pages in raw["claimants"].items()
    }
    table = _Table(raw["category"], file)
    result = Category(
        code=table.string("code"),
        version=table.integer("version"),
        status=table.one_of("status", ("draft", "open", "suspended", "closed")),
        group=table.string("group"),
        title=table.text("title"),
        summary=table.text("summary"),
        claimants=_kinds(table),
        sensitive=table.boolean("sensitive", False),
        source=table.string("source", ""),
        confirmed=table.boolean("confirmed", True),
        confused_with=table.rows("confused_with", _confused_with, ()),
        prepare=tuple(
            _Table._text(_Table(t, file, f"prepare[{n}]."))
            for n, t in enumerate(table.take("prepare", list, "a list", []))
        ),
        parts=table.rows("parts", _part),
        pages=table.rows("pages", _page),
        evidence_types=table.rows("evidence_types", _evidence_type),
        checklist=table.rows("checklist", _check, ()),
        common=common,
    )
    table.done()
    return result


def _check_category(category: Category, file: str) -> None:
    if len(category.code) > CODE_LENGTH:
        raise MandateError(f"{file}: code: expected at most {CODE_LENGTH} characters")
    if category.version < 1:
        raise MandateError(f"{file}: version: expected a number from 1, found {category.version}")
    for kind in category.claimants:
        if kind not in category.common:
            raise MandateError(f"{file}: claimants: expected a file claimants/{kind}.toml for {kind}")
        _check_form(category.form(kind), file)
        name = "claimant.name" if kind is ClaimantKind.INDIVIDUAL else "claimant.legal_name"
        if not any(q.required and q.feeds == name for q in category.form(kind).questions):
            raise MandateError(f'claimants/{kind}.toml: expected a required question with feeds = "{name}"')


def _check_form(form: FilingForm, file: str) -> None:
    """Names are unique, pages belong to a part, and a condition looks back to an earlier page: a page
    can then be asked as a whole, without JavaScript."""
    parts = [p.id for p in form.parts]
    seen: dict[str, Question] = {}
    for page in form.pages:
        if page.part not in parts:
            raise MandateError(f"{file}: page {page.id}: part: expected one of {', '.join(parts)}")
        if page.id in STEPS_OF_EVERY_CLAIM:
            raise MandateError(f"{file}: page {page.id}: expected another name: every claim has such a step")
        for question in page.questions:
            _check_question(question, file)
            if question.id in seen or question.id in [q.id for q in page.questions if q is not question]:
                raise MandateError(f"{file}: question {question.id}: expected a name used once")
            for name in question.ask_if.questions() if question.ask_if else ():
                _check_condition(question, seen.get(name), name, file)
        seen |= {q.id: q for q in page.questions}
    for several in (parts, [p.id for p in form.pages]):
        twice = next((n for n in several if several.count(n) > 1), None)
        if twice:
            raise MandateError(f"{file}: {twice}: expected a name used once")


def _check_condition(question: Question, target: Question | None, name: str, file: str) -> None:
    where = f"{file}: question {question.id}: ask_if"
    if target is None:
        raise MandateError(f"{where}: expected a question of an earlier page, found {name!r}")
    if target.type is Type.YES_NO:
        allowed = {"yes", "no"}
    elif target.type in (Type.CHOICE, Type.MULTIPLE_CHOICE):
        allowed = {o.id for o in target.options}
    else:
        raise MandateError(f"{where}: expected {name} to be a choice or yes/no question")
    assert question.ask_if is not None  # noqa: S101 - for the type checker; the caller looked
    for condition in _leaves(question.ask_if):
        if condition.question == name and not set(condition.is_any) <= allowed:
            raise MandateError(f"{where}: expected answers of {name} ({', '.join(sorted(allowed))})")


def _leaves(condition: Condition) -> Iterator[Condition]:
    if condition.question:
        yield condition
    for c in (*condition.all, *condition.any):
        yield from _leaves(c)


def _mandate(raw: Raw, file: str) -> Mandate:
    table = _Table(raw, file)
    evidence = table.table("evidence")
    rules = EvidenceRules(
        max_file_bytes=evidence.integer("max_file_bytes"),
        max_files=evidence.integer("max_files"),
        max_draft_bytes=evidence.integer("max_draft_bytes"),
        media_types=evidence.strings("media_types"),
    )
    evidence.done()
    result = Mandate(
        id=table.identifier(),
        name=table.text("name"),
        short_name=table.text("short_name"),
        number_prefix=table.string("number_prefix"),
        time_zone=table.string("time_zone"),
        time_zone_name=table.text("time_zone_name"),
        first_day=table.take("first_day", date, "a date like 2022-02-24"),
        currencies=table.strings("currencies"),
        quick_exit_url=table.string("quick_exit_url"),
        help_email=table.string("help_email"),
        evidence=rules,
        groups=table.rows("groups", lambda t: Group(t.string("code"), t.text("title"))),
        regions=table.rows(
            "regions", lambda t: Region(t.string("code"), t.text("name"), t.string("katottg"))
        ),
        privacy_notice=_notice(table.table("privacy_notice")),
        declaration=_notice(table.table("declaration")),
        consents=table.rows("consents", lambda t: Consent(t.identifier(), t.text("ask"), t.text("why"))),
        eligibility=table.rows(
            "eligibility",
            lambda t: EligibilityTest(t.identifier(), t.text("ask"), t.text("hint", None), t.text("on_no")),
        ),
        content=_canonical(raw),
    )
    table.done()
    if not (
        result.number_prefix.isascii() and result.number_prefix.isalnum() and result.number_prefix.isupper()
    ):
        raise table.fail("number_prefix", "capital Latin letters and digits")
    if len(result.number_prefix) > PREFIX_LENGTH:
        raise table.fail("number_prefix", f"at most {PREFIX_LENGTH} characters")
    for name in ("privacy_notice", "declaration"):
        if len(getattr(result, name).version) > ID_LENGTH:
            raise table.fail(f"{name}.version", f"at most {ID_LENGTH} characters")
    if any(len(c) != CURRENCY_LENGTH for c in result.currencies):
        raise table.fail("currencies", "codes of ISO 4217, like EUR")
    try:
        ZoneInfo(result.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise table.fail("time_zone", f"a time zone's name, found {result.time_zone!r}") from error
    return result


def _canonical(raw: Raw) -> str:
    dates_as_texts = json.loads(json.dumps(raw, default=str))
    return rfc8785.dumps(dates_as_texts).decode()


def _notice(table: _Table) -> Notice:
    notice = Notice(table.string("version"), table.text("text"))
    table.done()
    return notice


def _read(path: Path, root: Path) -> Raw:
    name = str(path.relative_to(root))
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MandateError(f"{name}: expected this file in {root}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MandateError(f"{name}: expected TOML in UTF-8: {error}") from None


def load_folder(root: Path) -> Folder:
    """Read and check a whole mandate folder. Raises MandateError at the first mistake."""
    mandate = _mandate(_read(root / "mandate.toml", root), "mandate.toml")
    claimants: Raw = {}
    for path in sorted((root / "claimants").glob("*.toml")):
        raw = _read(path, root)
        if claimant_pages(raw, f"claimants/{path.name}").kind != path.stem:
            raise MandateError(f"claimants/{path.name}: kind: expected {path.stem!r}, as the file is named")
        claimants[path.stem] = raw
    categories: dict[str, tuple[Category, Raw]] = {}
    for path in sorted((root / "categories").glob("*.toml")):
        name = f"categories/{path.name}"
        own = _read(path, root)
        kinds = own.get("claimants")
        around = {k: claimants[k] for k in claimants if isinstance(kinds, list) and k in kinds}
        raw = {"format": 1, "category": own, "claimants": around}
        parsed = category(raw, name)
        _check_category(parsed, name)
        if parsed.code != path.stem:
            raise MandateError(f"{name}: code: expected {path.stem!r}, as the file is named")
        if parsed.group not in {g.code for g in mandate.groups}:
            raise MandateError(f"{name}: group: expected a code of [[groups]] in mandate.toml")
        tests = {t.id for t in mandate.eligibility}
        for check in parsed.checklist:
            if check.test not in tests:
                raise MandateError(
                    f"{name}: checklist ({check.id}): test: expected one of {', '.join(sorted(tests))}"
                )
        categories[parsed.code] = (parsed, raw)
    if not categories:
        raise MandateError(f"categories: expected at least one category in {root}")
    return Folder(mandate, categories)


@lru_cache(maxsize=1)
def current() -> Mandate:
    """The mandate that this deployment serves (`MANDATE`), read once per process."""
    return _mandate(_read(settings.MANDATE_DIR / "mandate.toml", settings.MANDATE_DIR), "mandate.toml")
