"""Exact figures, for staff: what the public sees rounded and later."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from claims import figures, mandates, statistics
from claims.models import Category
from claims.models.claim import OPEN_STATES
from claims.statistics import NO_REGION
from claims.views.held import PersonRequest
from claims.views.statistics import ELSEWHERE, WORDS, grouped
from ledger import following
from review import access
from review.views.pages import page as staff_page
from review.views.pages import show


@staff_page(access.VIEW_FIGURES)
@require_safe
def page(request: PersonRequest) -> HttpResponse:
    """Numbers of the sensitive categories only for which this person is named."""
    hidden = access.hidden_categories(request.user)
    by_category = statistics.by_state("category", without=hidden)
    by_region = statistics.by_state("region", without=hidden)
    known = Category.objects.exclude(code__in=hidden)
    categories = [(c.code, c.title) for c in sorted(known, key=lambda c: figures.in_order(c.code))]
    regions = [(region.code, str(region.name)) for region in mandates.current().regions]
    return show(
        request,
        "figures",
        _("Exact figures"),
        ledger_index=grouped(following.handled(statistics.FOLLOWER)),
        is_partial=bool(hidden),
        states=[WORDS[state] for state in OPEN_STATES],
        tables=[
            (_("By category"), _table(categories, by_category)),
            (_("By region"), _table([*regions, (NO_REGION, str(ELSEWHERE))], by_region)),
        ],
        months=[
            (month, grouped(submitted), grouped(recorded))
            for month, submitted, recorded in statistics.by_month(without=hidden)
        ],
    )


def _table(rows: Iterable[tuple[str, str]], found: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    """A line for each row and one for all, each with its total first."""
    lines = [(code, name, found.get(code, {})) for code, name in rows]
    total = {state: sum(counts.get(state, 0) for _code, _name, counts in lines) for state in OPEN_STATES}
    return [
        {
            "code": code,
            "name": name,
            "figures": [
                grouped(sum(counts.values())),
                *(grouped(counts.get(state, 0)) for state in OPEN_STATES),
            ],
        }
        for code, name, counts in [*lines, ("", _("All"), total)]
    ]
