"""How the ledger covers a table: each append-only model, and each one about claims, says so in `covered_by`.

`Told` rows are told by entries, column by column: which rows there must be is replayed from the entries and
held against the table. `Checked` tables have a check of their own, beside the verification that knows them.
`Untold` ones the ledger says nothing about, for a reason that stands there. A column that is `beside` is one
that no entry vouches for, though its table is covered.

What stands in a column is written as a source: "facts.role" and "actor.id" are read from the entry's body,
"=open" is the text after the sign, "about" its time to within a minute, "words.facts.scopes" a list joined by
spaces, and "salted.facts.note" a digest that the column has together with the row's salt.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import zip_longest
from typing import Any

import rfc8785

A_MINUTE = 60  # between an act's own times and that of its entry

Sources = Mapping[str, str]  # a column, or one beyond a foreign key: "claim__public_id"
Body = Mapping[str, Any]  # of an entry, with its "id"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """An entry of this kind writes `sets` into the rows for which `match` holds: the newest, or `every` one.
    With `only_with` it does so if the entry has that fact."""

    kind: str
    match: Sources
    sets: Sources
    every: bool = False
    only_with: str = ""


@dataclass(frozen=True)
class Told:
    """`key` are the columns by which entries name a row; where several rows have one key, they come in the
    order of their entries. `each` names the fact of which every member makes a row ("each.key" and
    "each.value").
    `digests` maps a column that holds a hex digest to the salt's column (or "") and those that were digested;
    `lapses` a column to the two values of which a row takes the second by itself once its claim moved on.
    `also` answers what else is wrong with the row of a key, "" for nothing."""

    key: tuple[str, ...]
    made: Mapping[str, Sources]
    changed: tuple[Change, ...] = ()
    removed: Mapping[str, Sources] = field(default_factory=dict)
    each: str = ""
    digests: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lapses: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    also: Callable[[Any], str] | None = None
    beside: tuple[str, ...] = ()

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset({*self.made, *self.removed, *(change.kind for change in self.changed)})

    @property
    def columns(self) -> list[str]:
        """All that is asked of the table."""
        told = [*self.key]
        for sources in (*self.made.values(), *(change.sets for change in self.changed)):
            told += sources
        for column, inputs in self.digests.items():
            told += [column, *filter(None, inputs)]
        return list(dict.fromkeys(told))


@dataclass(frozen=True)
class Checked:
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Untold:
    because: str


Cover = Told | Checked | Untold


# --- Replaying ---


@dataclass
class _Expected:
    """A row as the entries tell it, and how many entries had been read when it was made."""

    columns: dict[str, tuple[str, Body, Any]]  # the source, the entry, and the member of `each`
    after: int


def disagreements(cover: Told, entries: Sequence[Body], rows: Iterable[Row]) -> Iterator[tuple[Any, str]]:
    """The key of each row (None: there is none) that is not as the entries tell, oldest first, and what is
    wrong with it. `rows` hold "pk" and the columns of `cover`, in the order in which they were made."""
    expected: dict[tuple[str, ...], list[_Expected]] = {}
    for told in _replayed(cover, entries):
        named = tuple(_wanted(*told.columns[column])[0] for column in cover.key)
        expected.setdefault(named, []).append(told)
    actual: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        actual.setdefault(tuple(text(row[column]) for column in cover.key), []).append(row)
    last_move = max((at for at, e in enumerate(entries) if e["kind"].startswith("claim.")), default=-1)
    for named in [*expected, *(key for key in actual if key not in expected)]:
        for told, row in zip_longest(expected.get(named, ()), actual.get(named, ())):
            if row is None:
                yield None, f"the row {', '.join(named)} is missing, of which the ledger tells"
            elif told is None:
                yield row["pk"], "no entry tells of this row"
            else:
                wrong = [
                    column
                    for column, source in told.columns.items()
                    if not _agrees(row[column], row, *source)
                    and not (last_move > told.after and _lapsed(cover, column, row[column], *source))
                ]
                if wrong := sorted({*wrong, *_wrong_digests(cover, row)}):
                    yield row["pk"], f"{', '.join(wrong)}: not as the ledger tells"


def _replayed(cover: Told, entries: Sequence[Body]) -> list[_Expected]:
    rows: list[_Expected] = []
    for at, entry in enumerate(entries):
        kind = entry["kind"]
        for change in cover.changed:
            if change.kind == kind and (not change.only_with or _inside(entry, f"facts.{change.only_with}")):
                matching = [row for row in reversed(rows) if _matches(row, change.match, entry)]
                for row in matching if change.every else matching[:1]:
                    row.columns.update(_sourced(change.sets, entry))
        if kind in cover.removed:
            rows = [row for row in rows if not _matches(row, cover.removed[kind], entry)]
        if kind in cover.made:
            members: list[Any] = [None]
            if cover.each:
                several = _inside(entry, cover.each)
                members = [*several.items()] if isinstance(several, dict) else []
            rows += [_Expected(_sourced(cover.made[kind], entry, member), at) for member in members]
    return rows


def _sourced(sources: Sources, entry: Body, member: Any = None) -> dict[str, tuple[str, Body, Any]]:
    return {column: (source, entry, member) for column, source in sources.items()}


def _matches(row: _Expected, match: Sources, entry: Body) -> bool:
    """A column that no entry has told yet is empty."""
    return all(
        (_wanted(*row.columns[column])[0] if column in row.columns else "") == _wanted(source, entry, None)[0]
        for column, source in match.items()
    )


def _agrees(value: Any, row: Row, source: str, entry: Body, member: Any) -> bool:
    wanted, how = _wanted(source, entry, member)
    if how == "about":
        if not isinstance(value, datetime):
            return False
        return abs((value - datetime.fromisoformat(wanted)).total_seconds()) < A_MINUTE
    if how == "salted":
        return _digest(bytes(row["salt"] or b""), str(value).encode()) == wanted
    return text(value) == wanted


def _lapsed(cover: Told, column: str, value: Any, source: str, entry: Body, member: Any) -> bool:
    return (_wanted(source, entry, member)[0], text(value)) == cover.lapses.get(column)


def _wrong_digests(cover: Told, row: Row) -> Iterator[str]:
    for column, (salt, *fields) in cover.digests.items():
        values = {name: row[name] for name in fields}
        if None in values.values() or (salt and row[salt] is None):
            yield column
            continue
        data = str(values[fields[0]]).encode() if len(fields) == 1 else rfc8785.dumps(values)
        if _digest(bytes(row[salt]) if salt else b"", data) != row[column]:
            yield column


def _digest(salt: bytes, data: bytes) -> str:
    return hashlib.sha256(salt + data).hexdigest()


def _wanted(source: str, entry: Body, member: Any) -> tuple[str, str]:
    """What the column must hold, as a text, and how it is compared."""
    if source.startswith("="):
        return source[1:], ""
    if source == "about":
        return entry["at"], "about"
    how, _dot, path = source.partition(".")
    if how == "each":
        return text(member[0] if path == "key" else member[1]), ""
    if how == "words":
        return text(_inside(entry, path)).replace("\n", " "), ""
    if how == "salted":
        return text(_inside(entry, path)), "salted"
    return text(_inside(entry, source)), ""


def _inside(entry: Body, path: str) -> Any:
    value: Any = entry
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def text(value: Any) -> str:
    """The same text for what a column and an entry mean alike: nothing is empty, times are in UTC."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case date():
            return value.isoformat()
        case list() | tuple():
            return "\n".join(map(text, value))
        case _:
            return str(value)
