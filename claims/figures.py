"""What the public is told in numbers: a publication a week, which stands as it was made (docs/statistics.md).

Whoever keeps every publication and compares them learns no number under 10 (rules.md 26):
- Each figure is rounded to the nearest 10 by itself; a total is rounded, not added up from what was rounded.
- All figures change together, once a week.
- A sensitive category stands in no regional figure. Its own figures, and its part in every nationwide one,
  change once a month. That part is rounded before it is added, so that the other claims, whose numbers change
  weekly, never show it from another side.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from claims import mandates, statistics
from claims.models import Category, ClaimCount, MonthCount, Publication
from claims.models.claim import OPEN_STATES, State
from claims.statistics import NO_REGION, Count, Flow
from ledger import following

ROUNDED_TO = 10
LEAST_APART = timedelta(days=3)  # the first figures may come on a Sunday
MONTH_AT_LEAST = timedelta(days=27)  # first Mondays lie 28 or 35 days apart

Content = dict[str, Any]


class AlreadyPublished(Exception):
    """This week's figures stand; str() is a translated sentence."""


@dataclass(frozen=True)
class Part:
    """What one sensitive category counts in the publications of a month: claims by state, and by month those
    submitted and those recorded. Exact."""

    states: Mapping[str, int] = field(default_factory=dict)
    months: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """The parts of all sensitive categories, taken on the day `since` at this index of the ledger."""

    since: date
    ledger_index: int
    parts: Mapping[str, Part]

    @property
    def text(self) -> str:
        told = {"since": self.since.isoformat(), "ledger_index": self.ledger_index}
        return json.dumps(told | {"parts": {code: asdict(part) for code, part in self.parts.items()}})

    @classmethod
    def of_text(cls, text: str) -> "Kept":
        told = json.loads(text)
        parts = {
            code: Part(part["states"], {month: (s, r) for month, (s, r) in part["months"].items()})
            for code, part in told["parts"].items()
        }
        return cls(date.fromisoformat(told["since"]), told["ledger_index"], parts)


def newest() -> Publication | None:
    return Publication.objects.defer("kept").order_by("-id").first()


def publish_due() -> int:
    """Make this week's publication if there is none yet, once everything sealed is counted. Answers how many
    were made."""
    if _stands(timezone.now()) or following.lag(statistics.FOLLOWER) >= statistics.AT_ONCE:
        return 0
    try:
        publish()
    except AlreadyPublished:  # by another worker, just now
        return 0
    return 1


@transaction.atomic
def publish(*, again: bool = False) -> Publication:
    """Publish what is counted. Raises AlreadyPublished if this week's figures stand; `again` makes others
    beside them, sensitive ones too, which only a demonstration may."""
    ledger_index = following.hold(statistics.FOLLOWER)  # from here on the counts stand still
    made_at = timezone.now()
    today = _today(made_at)
    if _stands(made_at) and not again:
        raise AlreadyPublished(_("The figures of this week are published already. They stand until Monday."))
    before = Publication.objects.order_by("-id").first()
    counts = [Count(*row) for row in ClaimCount.objects.values_list("category", "region", "state", "claims")]
    by_month = MonthCount.objects.values("month", "category").annotate(s=Sum("submitted"), r=Sum("recorded"))
    flows = [Flow(f["month"], f["category"], NO_REGION, f["s"], f["r"]) for f in by_month]
    categories = dict(Category.objects.public().values_list("code", "sensitive"))
    kept = _kept(
        None if again or before is None else Kept.of_text(before.kept),
        Kept(today, ledger_index, _parts(counts, flows, {c for c, is_so in categories.items() if is_so})),
    )
    content = {
        "publication": today.isoformat(),
        "made_at": made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "ledger_index": ledger_index,
        "rounded_to": ROUNDED_TO,
        "sensitive": {"publication": kept.since.isoformat(), "ledger_index": kept.ledger_index},
    } | rounded_figures(
        counts,
        flows,
        kept.parts,
        categories=sorted(categories, key=in_order),
        regions=[region.code for region in mandates.current().regions],
        until=today,
    )
    return Publication.objects.create(
        week=_week(today),
        edition=Publication.objects.filter(week=_week(today)).count() + 1,
        made_at=made_at,
        ledger_index=ledger_index,
        content=json.dumps(content),
        kept=kept.text,
    )


def rounded_figures(
    counts: Iterable[Count],
    flows: Iterable[Flow],
    parts: Mapping[str, Part],
    *,
    categories: Sequence[str],
    regions: Sequence[str],
    until: date,
) -> Content:
    """Every public figure. The categories in `parts` are sensitive: whatever `counts` and `flows` say of them
    is left aside, and all that is told of them are figures of `parts`, each rounded by itself."""
    submitted, recorded = Counter[str](), Counter[str]()  # by category
    there, recorded_there = Counter[str](), Counter[str]()  # by region
    states = Counter[str]()
    submitted_in, recorded_in = Counter[str](), Counter[str]()  # by month
    for count in counts:
        if count.category not in parts:
            submitted[count.category] += count.claims
            there[count.region] += count.claims
            states[count.state] += count.claims
            if count.state == State.RECORDED:
                recorded[count.category] += count.claims
                recorded_there[count.region] += count.claims
    for flow in flows:
        if flow.category not in parts:
            submitted_in[_month(flow.month)] += flow.submitted
            recorded_in[_month(flow.month)] += flow.recorded

    own = {code: sum(part.states.values()) for code, part in parts.items()}
    own_recorded = {code: part.states.get(State.RECORDED, 0) for code, part in parts.items()}
    own_states = Counter[str]()
    own_in, own_recorded_in = Counter[str](), Counter[str]()
    for part in parts.values():
        own_states.update(part.states)
        own_in.update({month: s for month, (s, _r) in part.months.items()})
        own_recorded_in.update({month: r for month, (_s, r) in part.months.items()})

    in_months = {
        month: (
            rounded(submitted_in[month]) + rounded(own_in[month]),
            rounded(recorded_in[month]) + rounded(own_recorded_in[month]),
        )
        for month in {*submitted_in, *recorded_in, *own_in, *own_recorded_in}
    }
    return {
        "submitted": rounded(submitted.total()) + sum(map(rounded, own.values())),
        "states": [
            {"state": state, "claims": rounded(states[state]) + rounded(own_states[state])}
            for state in OPEN_STATES
        ],
        "categories": [
            {
                "category": code,
                "sensitive": code in parts,
                "submitted": rounded(own.get(code, submitted[code])),
                "recorded": rounded(own_recorded.get(code, recorded[code])),
            }
            for code in categories
        ],
        "regions": [
            {
                "region": code or None,
                "submitted": rounded(there[code]),
                "recorded": rounded(recorded_there[code]),
            }
            for code in (*regions, NO_REGION)
        ],
        "months": [
            {
                "month": month,
                "submitted": in_months.get(month, (0, 0))[0],
                "recorded": in_months.get(month, (0, 0))[1],
            }
            for month in _months([month for month, shown in in_months.items() if any(shown)], until)
        ],
    }


def rounded(count: int) -> int:
    """To the nearest 10; 5 goes up. So 0 stands for 0 to 4 claims, 10 for 5 to 14."""
    return (count + ROUNDED_TO // 2) // ROUNDED_TO * ROUNDED_TO


def _kept(before: Kept | None, now: Kept) -> Kept:
    """What the sensitive categories count in this publication: as in the one before, until a month is over. A
    category that became sensitive since is taken as it is now, one that no longer is goes."""
    if before is None:
        return now
    is_over = _month(before.since) != _month(now.since) and now.since - before.since >= MONTH_AT_LEAST
    if is_over:
        return now
    return Kept(
        before.since,
        before.ledger_index,
        {code: before.parts.get(code, part) for code, part in now.parts.items()},
    )


def _parts(counts: Iterable[Count], flows: Iterable[Flow], sensitive: Collection[str]) -> Mapping[str, Part]:
    states = {code: Counter[str]() for code in sensitive}
    months: dict[str, dict[str, tuple[int, int]]] = {code: {} for code in sensitive}
    for count in counts:
        if count.category in sensitive:
            states[count.category][count.state] += count.claims
    for flow in flows:
        if flow.category in sensitive:
            months[flow.category][_month(flow.month)] = (flow.submitted, flow.recorded)
    return {code: Part(dict(states[code]), months[code]) for code in sorted(sensitive)}


def _months(shown: Collection[str], until: date) -> Iterable[str]:
    """Every month from the first that has a figure, so that a gap is seen as one."""
    if shown:
        year, month = map(int, min(shown).split("-"))
        while (name := f"{year:04}-{month:02}") <= max(_month(until), *shown):
            yield name
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def _stands(now: datetime) -> bool:
    """Whether this week's figures are there, or some so young that others would tell single acts apart."""
    of_this_week = Q(week__gte=_week(_today(now)))
    return Publication.objects.filter(of_this_week | Q(made_at__gt=now - LEAST_APART)).exists()


def _today(now: datetime | None = None) -> date:
    return timezone.localdate(now, mandates.current().zone)


def _week(day: date) -> date:
    """Its Monday."""
    return day - timedelta(days=day.weekday())


def _month(day: date) -> str:
    return day.isoformat()[:7]


def in_order(code: str) -> tuple[Any, ...]:
    """A3.2 before A3.10."""
    return tuple(int(part) if part.isdigit() else part for part in re.findall(r"\d+|\D+", code))
