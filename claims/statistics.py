"""Exact numbers of claims, kept by a follower of the ledger: a few thousand rows, however many claims there
are. They are for staff; the public reads claims.figures, which rounds.

Sealed entries alone are counted, in the database and in one statement for many of them. Nobody but this
follower writes the rows, so no submission ever waits for one.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db import connection, transaction
from django.db.models import Sum

from claims import mandates
from claims.models import ClaimCount, MonthCount
from ledger import following

FOLLOWER = "statistics"
AT_ONCE = 20_000  # entries
PAUSE = 0.1  # seconds, while another process counts
NO_REGION = ""

# Leaves and entries are fetched one by one through their keys: statistics from before or after a rush must
# not lead the planner to read the whole ledger for some of them (as in ledger_seal).
PLAN = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL jit = off"

# Where a claim stood is cut out of the entry, not parsed with all of it, which takes three times as long. The
# body is RFC 8785: its keys are sorted, "after" and "before" come before all that could hold such a key too,
# and a quotation mark inside a text is written with a stroke before it.
# A draft is not counted: the act that takes a claim out of that state is its first submission. Where category
# or region of a claim change later, the month in which it was submitted goes with it.
COUNT = """
WITH told AS MATERIALIZED (
    SELECT entry.claim, entry.at,
           split_part(split_part(entry.body, '"before":', 2), '}', 1) || '}' AS before,
           split_part(split_part(entry.body, '"after":', 2), '}', 1) || '}' AS after
    FROM (
        SELECT entry_id FROM ledger_leaf WHERE index BETWEEN %(first)s AND %(last)s ORDER BY index
    ) AS leaf
    JOIN ledger_entry AS entry ON entry.id = leaf.entry_id
    WHERE entry.claim IS NOT NULL
), stood AS MATERIALIZED (
    SELECT claim, at, before::jsonb AS before, after::jsonb AS after
    FROM told WHERE starts_with(before, '{') AND starts_with(after, '{') AND before <> after
), moved AS MATERIALIZED (
    SELECT claim, at, before ->> 'state' AS left_state, after ->> 'state' AS state,
           before ->> 'category' AS left_category, after ->> 'category' AS category,
           coalesce(before ->> 'region', '') AS left_region, coalesce(after ->> 'region', '') AS region
    FROM stood
), counted AS (
    MERGE INTO claims_claimcount AS kept USING (
        SELECT category, region, state, sum(more) AS more FROM (
            SELECT category, region, state, count(*) AS more FROM moved GROUP BY 1, 2, 3
            UNION ALL
            SELECT left_category, left_region, left_state, -count(*) FROM moved
            WHERE left_state <> 'draft' GROUP BY 1, 2, 3
        ) AS change GROUP BY 1, 2, 3
    ) AS change
    ON (kept.category, kept.region, kept.state) = (change.category, change.region, change.state)
    WHEN MATCHED AND change.more <> 0 THEN UPDATE SET claims = kept.claims + change.more
    WHEN NOT MATCHED THEN INSERT (category, region, state, claims)
        VALUES (change.category, change.region, change.state, change.more)
)
MERGE INTO claims_monthcount AS kept USING (
    SELECT date_trunc('month', at AT TIME ZONE %(zone)s)::date AS month, category, region,
           sum(submitted) AS submitted, sum(recorded) AS recorded
    FROM (
        SELECT at, category, region, (left_state = 'draft')::int AS submitted,
               (state = 'recorded' AND left_state <> 'recorded')::int AS recorded
        FROM moved WHERE left_state = 'draft' OR state = 'recorded' AND left_state <> 'recorded'
        UNION ALL
        SELECT submitted_at, side.category, side.region, side.submitted, 0
        FROM moved
        JOIN claims_claim ON public_id = moved.claim
        CROSS JOIN LATERAL (
            VALUES (moved.category, moved.region, 1), (left_category, left_region, -1)
        ) AS side (category, region, submitted)
        WHERE left_state <> 'draft' AND (left_category, left_region) <> (moved.category, moved.region)
    ) AS flow GROUP BY 1, 2, 3
) AS flow
ON (kept.month, kept.category, kept.region) = (flow.month, flow.category, flow.region)
WHEN MATCHED THEN
    UPDATE SET submitted = kept.submitted + flow.submitted, recorded = kept.recorded + flow.recorded
WHEN NOT MATCHED THEN INSERT (month, category, region, submitted, recorded)
    VALUES (flow.month, flow.category, flow.region, flow.submitted, flow.recorded)
"""

# What the rows should hold, from the claims themselves.
FOUND = """
WITH claim AS (
    SELECT category.code AS category, claim.region, submitted_at, recorded_at,
           CASE WHEN claim.state IN ('eligible', 'ineligible') THEN 'awaiting_decision' ELSE claim.state END
               AS state
    FROM claims_claim AS claim JOIN claims_category AS category ON category.id = category_id
    WHERE claim.state <> 'draft'
), found (what, category, region, value, claims) AS (
    SELECT 'state', category, region, state, count(*) FROM claim GROUP BY 2, 3, 4
    UNION ALL
    SELECT flow.what, category, region,
           date_trunc('month', flow.at AT TIME ZONE %(zone)s)::date::text, count(*)
    FROM claim CROSS JOIN LATERAL (
        VALUES ('submitted', submitted_at), ('recorded', recorded_at)
    ) AS flow (what, at)
    WHERE flow.at IS NOT NULL GROUP BY 1, 2, 3, 4
), kept (what, category, region, value, claims) AS (
    SELECT 'state', category, region, state, claims FROM claims_claimcount
    UNION ALL
    SELECT flow.what, category, region, month::text, flow.claims
    FROM claims_monthcount CROSS JOIN LATERAL (
        VALUES ('submitted', submitted), ('recorded', recorded)
    ) AS flow (what, claims)
)
SELECT what, category, region, value, coalesce(kept.claims, 0), coalesce(found.claims, 0)
FROM kept FULL JOIN found USING (what, category, region, value)
WHERE coalesce(kept.claims, 0) <> coalesce(found.claims, 0)
ORDER BY 1, 2, 3, 4
"""


@dataclass(frozen=True)
class Difference:
    """A number that is not what the claims say. `what` is "state", "submitted" or "recorded", `value` the
    state or the month."""

    what: str
    category: str
    region: str
    value: str
    kept: int
    found: int


@dataclass(frozen=True)
class Count:
    """Exact: how many claims of a category and region stand in a state now."""

    category: str
    region: str
    state: str
    claims: int


@dataclass(frozen=True)
class Flow:
    """Exact: how many claims of a category and region were submitted and recorded in a month."""

    month: date
    category: str
    region: str
    submitted: int
    recorded: int


def follow() -> int:
    """Count what the next sealed entries changed. Answers how many entries were read."""
    return following.follow_indexes(FOLLOWER, _count, AT_ONCE)


def catch_up() -> None:
    """Until everything is counted that is sealed now, by this process or by a worker beside it."""
    upto = following.handled(FOLLOWER) + following.lag(FOLLOWER)
    while following.handled(FOLLOWER) < upto:
        if not follow():
            time.sleep(PAUSE)


def _count(first: int, last: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(PLAN)
        cursor.execute(COUNT, {"first": first, "last": last, "zone": mandates.current().time_zone})


def by_state(of: str, *, without: Collection[str]) -> dict[str, dict[str, int]]:
    """Exact: claims by "category" or "region" and then by state. `without` are categories left out."""
    told: dict[str, dict[str, int]] = {}
    rows = ClaimCount.objects.exclude(category__in=without).values_list(of, "state")
    for value, state, claims in rows.annotate(Sum("claims")).order_by():
        told.setdefault(value, {})[state] = claims
    return told


def by_month(*, without: Collection[str]) -> list[tuple[date, int, int]]:
    """Exact: months, the newest first, with the claims submitted and recorded in them."""
    rows = MonthCount.objects.exclude(category__in=without).values_list("month")
    return list(rows.annotate(Sum("submitted"), Sum("recorded")).order_by("-month"))


@transaction.atomic
def differences() -> list[Difference]:
    """Where the numbers kept are not those of the claims; none, if all is well. It reads every claim, and is
    right only while nothing is submitted or decided and the follower has read everything."""
    with connection.cursor() as cursor:
        cursor.execute(FOUND, {"zone": mandates.current().time_zone})
        return [Difference(*row) for row in cursor.fetchall()]
