"""What a mandate is made of: typed and immutable."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

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
BY_QUESTION = "by question"
"""Where a model says from which section of a claim a field comes (`section_of`): that of the question which
it answers. None there: from no section, as what staff wrote."""
ANSWER_SECTIONS = tuple(s for s in SECTIONS if s not in ("core", "evidence"))

Raw = dict[str, Any]


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
    "person_covered": (Type.PERSON, Type.GROUP),
    "aid": (Type.GROUP,),
    "place": (Type.SETTLEMENT,),
    "place_kind": (Type.CHOICE,),
    "event_link": (Type.TEXT, Type.LONG_TEXT),
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
REPLIES = "information_requests"
"""What section `account` holds beside the answers to questions: no question can have one of these names."""
SELF = "self"
ABROAD = "abroad"
PLACE_KINDS = ("territory", "maritime_zone", "vessel", "aircraft", ABROAD)
"""Where something can have happened: the answers of a question with `feeds = "place_kind"`. What happened
abroad counts only with a link to an event in the territory, asked by one with `feeds = "event_link"`."""
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

    @property
    def person_field(self) -> str:
        """The field of a group that names a person; "" if there is none, or several."""
        persons = [f.id for f in self.fields if f.type is Type.PERSON]
        return persons[0] if len(persons) == 1 else ""


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
class Reason:
    """Why a claim is eligible or ineligible, as reviewers choose it. `told` is what the claimant reads once
    the Board has decided so; `with_prejudice` marks a ground on which a claim may be rejected for good."""

    id: str
    leads_to: str
    title: Text
    told: Text
    with_prejudice: bool
    source: str


@dataclass(frozen=True)
class EvidenceRules:
    """`max_file_bytes_of` says another limit than `max_file_bytes` for a family of kinds."""

    max_file_bytes: int
    max_file_bytes_of: Mapping[str, int]
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
    reasons: tuple[Reason, ...]
    content: str = field(repr=False)
    """The RFC 8785 text of mandate.toml, dates as texts."""

    @property
    def digest(self) -> str:
        """SHA-256 of `content`, in hex: a claim carries it, so that what people were asked stays provable."""
        return hashlib.sha256(self.content.encode()).hexdigest()

    def reason(self, reason_id: str) -> Reason | None:
        return next((r for r in self.reasons if r.id == reason_id), None)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True)
class Folder:
    """A whole mandate folder as read: `categories` holds (typed, raw) by code."""

    mandate: Mandate
    categories: Mapping[str, tuple[Category, Raw]]
