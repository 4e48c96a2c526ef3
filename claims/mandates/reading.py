"""TOML to typed objects. Every key is known or a mistake, named with its file and what was expected."""

import json
import tomllib
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import rfc8785
from django.conf import settings

from claims.mandates.authoring import check_category
from claims.mandates.types import (
    ADDRESS_PARTS,
    ANSWER_SECTIONS,
    CURRENCY_LENGTH,
    FEEDS,
    ID_LENGTH,
    LANGUAGES,
    PERSON_PARTS,
    PREFIX_LENGTH,
    Category,
    Check,
    ClaimantKind,
    ClaimantPages,
    Condition,
    ConfusedWith,
    Consent,
    EligibilityTest,
    EvidenceRules,
    EvidenceType,
    Folder,
    Group,
    Mandate,
    MandateError,
    Notice,
    Option,
    Page,
    Part,
    Question,
    Raw,
    Reason,
    Region,
    Text,
    Type,
)
from evidence.kinds import KINDS, Family

T = TypeVar("T")
WAYS = ("eligible", "ineligible")  # what a reviewer may recommend


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


def _reason(table: _Table) -> Reason:
    reason = Reason(
        id=table.identifier(),
        leads_to=table.one_of("leads_to", WAYS),
        title=table.text("title"),
        told=table.text("told"),
        with_prejudice=table.boolean("with_prejudice", False),
        source=table.string("source", ""),
    )
    if reason.with_prejudice and reason.leads_to == "eligible":
        raise table.fail("with_prejudice", "false where a reason leads to eligible")
    return reason


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


def _limits(table: _Table) -> dict[str, int]:
    found = {str(family): table.integer(family) for family in Family if family in table.data}
    table.done()
    return found


def _mandate(raw: Raw, file: str) -> Mandate:
    table = _Table(raw, file)
    evidence = table.table("evidence")
    limits = evidence.table("max_file_bytes_of") if "max_file_bytes_of" in evidence.data else None
    rules = EvidenceRules(
        max_file_bytes=evidence.integer("max_file_bytes"),
        max_file_bytes_of=_limits(limits) if limits else {},
        max_files=evidence.integer("max_files"),
        max_draft_bytes=evidence.integer("max_draft_bytes"),
        media_types=evidence.strings("media_types"),
    )
    if unknown := sorted(set(rules.media_types) - set(KINDS)):
        raise evidence.fail("media_types", f"kinds of evidence that we know, found {unknown}")
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
        reasons=table.rows("reasons", _reason),
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
    for way in WAYS:
        if not any(reason.leads_to == way for reason in result.reasons):
            raise table.fail("reasons", f"at least one that leads to {way}")
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
        check_category(parsed, name)
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
