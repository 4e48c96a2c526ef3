"""Append to the ledger: every act of the register writes one entry, in its own transaction."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from types import NoneType, UnionType
from typing import Any, get_args
from uuid import UUID

import rfc8785
from django.db import DEFAULT_DB_ALIAS, DatabaseError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ledger.models import BODY_BYTES, SALT_BYTES, Entry

FORMAT = "registry-entry/1"
MAX_TEXT = 200  # characters. Codes, numbers, dates: free text stays outside, named by a salted digest.
CLOSED = "LC001"  # the SQLSTATE of what closes the log
MAX_INT = 2**53 - 1  # JSON readers disagree on larger ones: they are written as strings, like decimals.


class FactsRefused(ValueError):
    """What was to be entered does not fit its kind. Says which kind and which fact, never the value."""


class LogClosed(Exception):
    """The log has ended (ledger.closing). Says so to whoever wanted to act."""


class Digest(str):
    """The type of a fact: a SHA-256 in 64 lower-case hex digits. Any str of that shape fits."""

    __slots__ = ()


@dataclass(frozen=True)
class Actor:
    """Who acted, opaque to the ledger. `kind` is "person", "partner" or "system"."""

    kind: str
    id: str


SYSTEM = Actor("system", "")


@dataclass(frozen=True)
class Standing:
    """How a claim stood before or after an act: what an agreement's coverage is judged by."""

    category: str
    region: str | None
    state: str


@dataclass(frozen=True)
class Kind:
    """A kind of entry, with its closed schema of facts: name -> str, int, bool, Digest, list[str],
    list[Digest] or dict[str, bool]. A fact declared as `str | None` (and so on) may be absent or None.

    Open kinds are for claimants and partners too, all others internal (rules.md 16).
    """

    name: str
    is_open: bool
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for fact, declared in self.facts.items():
            if _type(declared) not in _TYPES:
                raise TypeError(f"{self.name}: {declared!r} is no type that the fact {fact} can have.")


def append(
    kind: Kind,
    *,
    by: Actor,
    office: str,
    at: datetime | None = None,
    claim: UUID | None = None,
    version: str | None = None,
    before: Standing | None = None,
    after: Standing | None = None,
    facts: Mapping[str, Any] | None = None,
    using: str = DEFAULT_DB_ALIAS,
) -> Entry:
    """Enter one act. `office` is the role in which `by` acted, `version` a claim version's hex digest.

    Raises FactsRefused, and LogClosed once the log has ended; and TransactionManagementError outside
    transaction.atomic, because an entry stands or falls with its act.
    """
    if not transaction.get_connection(using).in_atomic_block:
        raise transaction.TransactionManagementError(f"{kind.name} must be entered in its act's transaction.")
    at = at or timezone.now()
    if timezone.is_naive(at):
        raise FactsRefused(f"{kind.name}: at has no time zone.")
    if not (version is None or _is_digest(version)):
        raise FactsRefused(f"{kind.name}: version must be 64 lower-case hex digits.")
    body = {
        "format": FORMAT,
        "kind": kind.name,
        "open": kind.is_open,
        "at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "actor": asdict(by),
        "office": office,
        "claim": claim and str(claim),
        "version": version,
        "before": before and asdict(before),
        "after": after and asdict(after),
        "facts": _fitting(kind, facts or {}),
    }
    salt, text = os.urandom(SALT_BYTES), _canonical(kind, body)
    try:
        return Entry.objects.using(using).create(salt=salt, body=text)
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", None) != CLOSED:
            raise
        raise LogClosed(
            _("The register is closed: it takes nothing new and changes nothing. What you saved stays.")
        ) from None


def salted_digest(salt: bytes, data: bytes) -> str:
    """Hex SHA-256(salt || data): how a fact names free text, which itself stays outside the ledger."""
    return hashlib.sha256(salt + data).hexdigest()


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _is_list(value: object, of: Callable[[object], bool]) -> bool:
    return isinstance(value, list | tuple) and all(map(of, value))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_TYPES: dict[Any, tuple[str, Callable[[Any], bool]]] = {
    str: ("a text", _is_text),
    int: ("an integer", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    bool: ("true or false", lambda value: isinstance(value, bool)),
    Digest: ("64 lower-case hex digits", _is_digest),
    list[str]: ("a list of texts", lambda value: _is_list(value, _is_text)),
    list[Digest]: ("a list of 64 lower-case hex digits each", lambda value: _is_list(value, _is_digest)),
    dict[str, bool]: (
        "texts that are each true or false",
        lambda value: (
            isinstance(value, dict)
            and all(isinstance(name, str) and isinstance(yes, bool) for name, yes in value.items())
        ),
    ),
}


def _type(declared: Any) -> Any:
    """The type of a fact, whether it is declared as optional or not."""
    if isinstance(declared, UnionType):
        types = [member for member in get_args(declared) if member is not NoneType]
        return types[0] if len(types) == 1 else declared
    return declared


def _fitting(kind: Kind, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts as they are entered. Raises FactsRefused if they are not what the kind declares."""
    if unknown := sorted(facts.keys() - kind.facts.keys()):
        raise FactsRefused(f"{kind.name}: knows no fact {', '.join(unknown)}.")
    entered = {}
    for fact, declared in kind.facts.items():
        value = facts.get(fact)
        if value is None:
            if _type(declared) is declared:
                raise FactsRefused(f"{kind.name}: the fact {fact} is missing.")
            continue
        what, fits = _TYPES[_type(declared)]
        if not fits(value):
            raise FactsRefused(f"{kind.name}: the fact {fact} must be {what}.")
        entered[fact] = value
    return entered


def _canonical(kind: Kind, body: dict[str, Any]) -> str:
    """RFC 8785 text of the body. Raises FactsRefused for what JSON readers would not agree on."""
    for where, value in _inside("", body):
        if problem := _problem(value):
            raise FactsRefused(f"{kind.name}: {where} {problem}.")
    canonical = rfc8785.dumps(body)
    if len(canonical) > BODY_BYTES:
        raise FactsRefused(f"{kind.name}: the entry has {len(canonical)} bytes, more than {BODY_BYTES}.")
    return canonical.decode()


def _inside(where: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every key and every single value inside, with the path to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield where, key
            yield from _inside(f"{where}.{key}".lstrip("."), inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _inside(where, inner)
    else:
        yield where, value


def _problem(value: object) -> str | None:
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            return f"is longer than {MAX_TEXT} characters"
        if "\0" in value:
            return "holds a NUL"
        if re.search("[\ud800-\udfff]", value):
            return "holds half a surrogate pair"
    elif isinstance(value, float):
        return "is a float; write it as a text"
    elif isinstance(value, int) and abs(value) > MAX_INT:
        return "is an integer above 2^53; write it as a text"
    return None
