"""Claims as partners get them: one JSON object for each, composed by PostgreSQL from the frozen sections.

A section is embedded as the text that was hashed. Nothing parses or writes it again, so that a partner can
check its digest. Page, single claim and stream are made by the same SELECT, in the order of the numbers.

Whoever pulls and then follows `changes` from the pull's `Ledger-Index` misses nothing. The index N is read
before the first claim is. An entry is sealed after its act was committed, so all acts up to N are visible in
every snapshot taken later, which each block of a stream is. An act that a block does not show is therefore
sealed later than N, and `changes?after=N` brings it. An act that it does show may be sealed later too: then
it comes once more, which is harmless. (With a standby, this holds if both are read from the same one.)

Numbers never change and are compared by the database alone, so a claim can neither be passed over between
two blocks nor come twice.
"""

import json
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Max

from claims.models import Category, State
from claims.models.claim import AWAITING_DECISION
from ledger.models import Leaf
from partners.agreements import Terms

WINDOW = 10_000  # claims that one statement of a stream looks at, whether or not the terms cover them
WINDOW_OF_A_PAGE, WINDOWS_OF_A_PAGE = 1_000, 10
CHUNK_BYTES = 128 * 1024
# PostgreSQL sends a row in each message: in front of the first one stands the format's header, in each one
# the number of columns (2 bytes) and the length of the text (4).
_HEADER_BYTES, _FIELD_BYTES = 19, 6

Parameters = dict[str, Any]


# --- The SELECT ---


def _time(column: str) -> str:
    return f"""to_char({column} AT TIME ZONE 'UTC', '\\"YYYY-MM-DD"T"HH24:MI:SS.US"Z"\\"')"""


def _hex(column: str) -> str:
    return f"to_json(encode({column}, 'hex'))"


def _object(members: dict[str, str]) -> str:
    """SQL for a JSON object of these members, each SQL for a JSON text, or NULL for null."""
    begun = "{"
    parts = []
    for name, sql in members.items():
        parts.append(f"""'{begun}"{name}":', coalesce(({sql})::text, 'null')""")
        begun = ","
    return f"concat({', '.join(parts)}, '}}')" if parts else "'{}'"


_OUTCOME = _object(
    {
        "outcome": "to_json(outcome.outcome)",
        "rule": "to_json(outcome.rule)",
        "decided_on": "to_json(outcome.decided_on)",
        "reason": "to_json(outcome.reason)",
        "salt": _hex("outcome.salt"),
        "digest": "to_json(outcome.digest)",
    }
)
_MEMBERS = {
    "number": "to_json(claim.number)",
    "category": "SELECT to_json(code) FROM claims_category WHERE id = claim.category_id",
    "category_version": "SELECT version FROM claims_categoryversion WHERE id = frozen.category_version_id",
    "claimant_kind": "to_json(claim.claimant_kind)",
    "region": "to_json(nullif(claim.region, ''))",
    "state": (
        f"to_json(CASE WHEN claim.state IN ('{State.ELIGIBLE}', '{State.INELIGIBLE}')"
        f" THEN '{AWAITING_DECISION}' ELSE claim.state END)"
    ),
    "submitted_at": _time("claim.submitted_at"),
    "recorded_at": _time("claim.recorded_at"),
    "version": "frozen.number",
    "version_digest": "to_json(frozen.digest)",
    "made_at": _time("frozen.made_at"),
    "assurance": "to_json(frozen.assurance)",
    "signature": "to_json(frozen.signature)",
    # A claim that the Board has returned or reopened keeps showing what was decided last.
    "outcome": (
        f"SELECT {_OUTCOME} FROM claims_outcome AS outcome"  # noqa: S608 - own SQL
        f" WHERE outcome.claim_id = claim.id AND outcome.outcome <> '{State.UNDER_REVIEW}'"
        " ORDER BY outcome.id DESC LIMIT 1"
    ),
}
# Claims are found and put in order before anything is composed, which OFFSET 0 makes the planner keep to: it
# would otherwise sort the finished texts, some kilobytes each.
_SELECT = """
SELECT {columns}
FROM (
    SELECT * FROM claims_claim
    WHERE {where} AND category_id = ANY(%(categories)s::bigint[]) AND state = ANY(%(states)s::text[])
        AND (%(regions)s::text[] IS NULL OR region = ANY(%(regions)s::text[]))
    ORDER BY number LIMIT %(limit)s::bigint OFFSET 0
) AS claim
CROSS JOIN LATERAL (
    SELECT * FROM claims_claimversion WHERE claim_id = claim.id AND number = claim.version OFFSET 0
) AS frozen
ORDER BY claim.number
"""
_WITHIN = "number > %(after)s AND number <= %(upto)s"
_WINDOW = """
SELECT max(number), count(*) FROM (
    SELECT number FROM claims_claim WHERE number > %s ORDER BY number LIMIT %s
) AS numbers
"""


def _claim(terms: Terms) -> str:
    """SQL for a claim's object with the sections that were granted."""
    return _object(
        {
            **_MEMBERS,
            "erased": f"num_nulls({_salts(terms)}) > 0" if terms.sections else "false",
            "sections": _object({name: f"frozen.{name}" for name in terms.sections}),
            "salts": _object({name: _hex(f"frozen.{name}_salt") for name in terms.sections}),
            "manifest": "frozen.manifest",
        }
    )


def _salts(terms: Terms) -> str:
    return ", ".join(f"frozen.{name}_salt" for name in terms.sections)


def _covered(
    terms: Terms, category: str | None = None, region: str | None = None, state: str | None = None
) -> Parameters:
    """The claims that the terms cover, narrowed to a category, region or open state."""
    categories = list(Category.objects.values_list("pk", "code", "sensitive"))
    sensitive = {code for _pk, code, is_sensitive in categories if is_sensitive}
    states = [s for s in terms.states if state in (None, s)]
    if AWAITING_DECISION in states:
        states += [State.ELIGIBLE.value, State.INELIGIBLE.value]
    regions = terms.regions
    if region is not None:
        regions = (region,) if regions is None or region in regions else ()
    return {
        "categories": [
            pk
            for pk, code, _is_sensitive in categories
            if terms.covers_category(code, sensitive) and category in (None, code)
        ],
        "states": states,
        "regions": None if regions is None else list(regions),
    }


def _window(after: str, size: int) -> tuple[str, bool]:
    """The last of the next numbers that one statement looks at, and whether there may be more."""
    with connection.cursor() as cursor:
        cursor.execute(_WINDOW, [after, size])
        upto, count = cursor.fetchone()
    return upto or after, count == size


# --- What the API asks for ---


@dataclass(frozen=True)
class Page:
    """`last` is where the next page begins, None if nothing was looked at. With `more`, a page may have fewer
    claims than asked for, even none: then the terms cover few of the many that it had to look at."""

    lines: list[str]
    last: str | None
    more: bool


def page(
    terms: Terms,
    *,
    after: str | None,
    limit: int,
    category: str | None = None,
    region: str | None = None,
    state: str | None = None,
) -> Page:
    """The next `limit` claims whose number is above `after`."""
    columns = f"claim.number, {_claim(terms)}"
    statement = _SELECT.format(columns=columns, where=_WITHIN)
    covered = _covered(terms, category, region, state)
    last, more = after or "", True
    rows: list[tuple[str, str]] = []
    for _window_of_the_page in range(WINDOWS_OF_A_PAGE):
        upto, more = _window(last, WINDOW_OF_A_PAGE)
        with connection.cursor() as cursor:
            wanted = limit + 1 - len(rows)
            cursor.execute(statement, {**covered, "after": last, "upto": upto, "limit": wanted})
            rows += cursor.fetchall()
        last = upto
        if len(rows) > limit:
            last, more = rows[limit - 1][0], True
        if not more or len(rows) > limit:
            break
    return Page(lines=[line for _number, line in rows[:limit]], last=last or None, more=more)


def one(terms: Terms, number: str) -> str | None:
    """The claim of this number, None if there is none or the terms do not cover it."""
    statement = _SELECT.format(columns=_claim(terms), where="number = %(number)s")
    with connection.cursor() as cursor:
        cursor.execute(statement, {**_covered(terms), "number": number, "limit": 1})
        row = cursor.fetchone()
    return row and row[0]


def files(terms: Terms, number: str) -> frozenset[str]:
    """The public ids of the files of this claim that the partner may fetch: those of its newest version, if
    the terms cover the claim and include evidence."""
    if not terms.evidence:
        return frozenset()
    statement = _SELECT.format(columns="frozen.evidence", where="number = %(number)s")
    with connection.cursor() as cursor:
        cursor.execute(statement, {**_covered(terms), "number": number, "limit": 1})
        row = cursor.fetchone()
    return frozenset(file["id"] for file in json.loads(row[0] or "[]")) if row else frozenset()


def ledger_index() -> int:
    """The last sealed index, -1 if there is none. Read it before the claims, never after."""
    index = Leaf.objects.aggregate(last=Max("index"))["last"]
    return -1 if index is None else int(index)


def stream(terms: Terms, *, after: str | None = None, end: bool = False) -> Iterator[bytes]:
    """Every covered claim with a number above `after`, as lines of JSON in chunks; with `end`, one more line
    that says how many there were, by which a reader knows that nothing was cut off.

    Do not use the database otherwise between two chunks: its connection is busy.
    """
    statement = _SELECT.format(columns=_claim(terms), where=_WITHIN)
    last, more, count = after or "", True, 0
    while more:
        upto, more = _window(last, WINDOW)
        # Without a limit: claims may have been submitted in the window since its end was looked up.
        block = {**_covered(terms), "after": last, "upto": upto, "limit": None}
        with closing(_copied(statement, block)) as rows:
            for lines in _chunks(rows):
                count += len(lines)
                yield b"\n".join((*lines, b""))
        last = upto
    if end:
        yield b'{"type":"end","count":%d}\n' % count


def _copied(statement: str, parameters: Parameters) -> Generator[memoryview, None, None]:
    """The rows of a SELECT of one text column, exactly as they are, by COPY in its binary format: that is
    20 % faster than as CSV, which looks at each character, and there is nothing to quote or to undo.

    Whoever stops in the middle must close this (as the end of a response does): the COPY is cancelled then,
    and the connection can be used again.
    """
    connection.ensure_connection()
    command = f"COPY ({statement}) TO STDOUT (FORMAT binary)"
    with (
        connection.wrap_database_errors,
        # Not Django's cursor, whose `copy` takes no parameters when statements are logged.
        connection.connection.cursor() as cursor,
        cursor.copy(command, parameters) as copy,
    ):
        before = _HEADER_BYTES + _FIELD_BYTES
        while message := copy.read():
            if len(message) > before:  # what is shorter is the end of the format
                yield message[before:]
            before = _FIELD_BYTES


def _chunks(rows: Iterable[memoryview]) -> Iterator[list[memoryview]]:
    chunk, size = [], 0
    for row in rows:
        chunk.append(row)
        size += len(row)
        if size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
