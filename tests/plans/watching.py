"""Which statements a page runs and how PostgreSQL carries them out: told by auto_explain, as notices.

So every statement is seen with what its plan really read: those of functions, triggers and COPY too.
"""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from django.db import connection

from review import looking

TELLS: dict[str, str] = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "notice",
    "auto_explain.log_nested_statements": "on",
}
"""What a role is set to so that it is told; PostgreSQL's superuser does that."""

MOST_ROWS = 10_000  # that one node of a plan may read (architecture, 3.12)
LARGE = 5_000  # rows from which on a table is not read from its beginning to its end
OURS = ("claims_", "ledger_", "review_", "evidence_", "accounts_", "account_", "partners_")
COUNTS = re.compile(r"\bcount\s*\(", re.IGNORECASE)
OFFSET = re.compile(r"\bOFFSET\s+(\d+)", re.IGNORECASE)

Node = dict[str, Any]


@dataclass(frozen=True)
class Exception_:
    """What may stand, and why."""

    page: str  # how its name begins
    problem: str  # how it begins
    reason: str


EXCEPTIONS: tuple[Exception_, ...] = (
    Exception_(
        "application/x-ndjson",
        "looks at",
        "A stream reads all that the terms cover, 10,000 claims at a time; tables of some rows (categories) "
        "are read for each of them.",
    ),
    Exception_(
        "task statistics.follow", "looks at", "No page waits for it, and it reads 20,000 entries at once."
    ),
    Exception_(
        "task statistics.follow",
        "counts claims_claim",
        "It counts entries, of which few are about a claim whose category or region changed.",
    ),
    Exception_(
        "POST review:batch_add", "counts review_member", "A batch has 500 members at most, found by index."
    ),
)


@dataclass(frozen=True)
class Finding:
    page: str
    problem: str
    node: str
    statement: str

    def __str__(self) -> str:
        return f"{self.page}: {self.problem}\n    {self.node}\n    {self.statement}"

    def is_expected(self, exceptions: Iterable[Exception_]) -> bool:
        return any(
            self.page.startswith(known.page) and self.problem.startswith(known.problem)
            for known in exceptions
        )


@dataclass
class Watch:
    """What was seen and found wrong. `large` are the names of the tables of many rows."""

    large: frozenset[str]
    findings: list[Finding] = field(default_factory=list)
    statements: int = 0

    @contextmanager
    def page(self, name: str) -> Iterator[None]:
        """Judge every statement that runs within it."""
        told: list[str] = []

        def note(diagnostic: psycopg.errors.Diagnostic) -> None:
            told.append(diagnostic.message_primary or "")

        connection.ensure_connection()
        session = connection.connection
        session.add_notice_handler(note)
        try:
            yield
        finally:
            session.remove_notice_handler(note)
        plans = [text.partition("plan:\n")[2] for text in told]
        for plan in filter(None, plans):
            self._judge(name, json.loads(plan))

    def check(self) -> None:
        """Fails with all that was found since the last check."""
        found, self.findings = self.findings, []
        distinct = dict.fromkeys(str(f) for f in found if not f.is_expected(EXCEPTIONS))
        assert self.statements, "no statement was seen"
        if distinct:
            pytest.fail(f"{len(distinct)} plans do not hold:\n" + "\n".join(distinct), pytrace=False)

    def _judge(self, page: str, told: Node) -> None:
        self.statements += 1
        statement = " ".join(told["Query Text"].split())
        skipped = OFFSET.search(statement)
        # So many a page looks at in any case; further pages go on from a place, and skip nothing.
        has_pages = skipped is not None and int(skipped[1]) > looking.AT_MOST
        problems = [("skips rows by OFFSET", told["Plan"])] if has_pages else []
        for node, above in _nodes(told["Plan"]):
            problems += [(problem, node) for problem in self._problems(node)]
            if COUNTS.search(statement) and self._is_counted(node, above):
                problems.append((f"counts {node['Relation Name']} without a limit", node))
        for problem, node in problems:
            self.findings.append(Finding(page, problem, _line(node), _short(statement)))

    def _problems(self, node: Node) -> Iterator[str]:
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in self.large:
            yield f"reads all of {node['Relation Name']}"
        small = node["Node Type"] in ("Materialize", "Nested Loop") and self._is_of_few(node["Plans"][-1])
        if _read(node) > MOST_ROWS and not small:
            yield f"looks at {_read(node):,.0f} rows"

    def _is_of_few(self, node: Node) -> bool:
        """Whether it reads a table of some rows alone, as the categories, which may be done for each row."""
        tables = {inner["Relation Name"] for inner, _above in _nodes(node) if "Relation Name" in inner}
        return bool(tables) and not tables & self.large

    def _is_counted(self, node: Node, above: list[Node]) -> bool:
        kinds = [parent["Node Type"] for parent in above]
        return (
            node.get("Relation Name") in self.large
            and "Aggregate" in kinds
            and "Limit" not in kinds[kinds.index("Aggregate") :]
        )


def large_tables() -> frozenset[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > %s", [LARGE])
        return frozenset(name for (name,) in cursor if name.startswith(OURS))


def _nodes(plan: Node, above: tuple[Node, ...] = ()) -> Iterator[tuple[Node, list[Node]]]:
    yield plan, list(above)
    for part in plan.get("Plans", ()):
        yield from _nodes(part, (*above, plan))


def _read(node: Node) -> float:
    """How many rows the node looked at, over all times that it was run. (An index that is searched with a
    condition on a later column alone reads more: `Index Searches` tells.)"""
    removed = sum(count for name, count in node.items() if name.startswith("Rows Removed by"))
    return float(node.get("Actual Loops", 0) * (node.get("Actual Rows", 0) + removed))


def _line(node: Node) -> str:
    where = " ".join(str(node[key]) for key in ("Relation Name", "Index Name") if key in node)
    conditions = "; ".join(
        f"{key}: {node[key]}" for key in ("Index Cond", "Filter", "Join Filter") if key in node
    )
    return _short(f"{node['Node Type']} {where} ({_read(node):,.0f} rows) {conditions}")


def _short(text: str, length: int = 500) -> str:
    return text if len(text) <= length else f"{text[: length * 2 // 3]} … {text[-length // 3 :]}"
