"""The public figures: one page, and each of its tables as CSV.

All of it is a function of the newest publication and the language: no session, no cookie, so that it may be
kept by whoever stands between. In the language of the browser, or as `?language=` says.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_safe

from claims import figures, mandates, tiles
from claims.answers.display import partial_date
from claims.mandates import LANGUAGES, Text
from claims.models import Category
from claims.models.claim import AWAITING_DECISION, State
from claims.tiles import Tile

KEPT = "public, max-age=300"
Rows = Iterable[Sequence[Any]]

WORDS = {
    State.SUBMITTED.value: gettext_lazy("Submitted, not yet looked at"),
    State.NEEDS_FIXING.value: gettext_lazy("A file must be replaced"),
    State.UNDER_REVIEW.value: gettext_lazy("Under review"),
    State.INFORMATION_REQUESTED.value: gettext_lazy("More information needed"),
    AWAITING_DECISION: gettext_lazy("Awaiting the Board’s decision"),
    State.RECORDED.value: gettext_lazy("Recorded in the Register"),
    State.REJECTED_WITHOUT_PREJUDICE.value: gettext_lazy("Not recorded, can be filed again"),
    State.REJECTED_WITH_PREJUDICE.value: gettext_lazy("Not recorded, cannot be filed again"),
    State.WITHDRAWN.value: gettext_lazy("Withdrawn at the claimant’s request"),
}
"""What the states are called for everybody; claimants read the same in words to them (rules.md 17)."""

ELSEWHERE = pgettext_lazy("region of a claim", "In no region: at sea, abroad or not stated")
SHADES = 5
TILE = 100  # units of the drawing
CHART_WIDTH, CHART_HEIGHT = 720, 200


@require_safe
def page(request: HttpRequest) -> HttpResponseBase:
    """The page of figures. Two queries, whatever they say."""
    asked = request.GET.get("language")
    language = asked if asked in LANGUAGES else translation.get_language() or settings.LANGUAGE_CODE
    with translation.override(language):
        published = figures.newest()
        shown = {} if published is None else _shown(json.loads(published.content))
        context = {
            "published": published,
            "languages": [(code, name, code == language) for code, name in settings.LANGUAGES],
            # As everybody sees it, whoever asks: what is kept for one reader may be given to another.
            "user": AnonymousUser(),
            "messages": (),
            **shown,
        }
        answer = render(request, "claims/statistics.html", context)
    answer.headers["Content-Language"] = language
    if published is None:
        answer.headers["Cache-Control"] = "no-store"
        return answer
    if asked != language:
        patch_vary_headers(answer, ["Accept-Language", "Cookie"])
    return _kept(request, answer)


@require_safe
def table(request: HttpRequest, name: str) -> HttpResponseBase:
    """One table as CSV in UTF-8, both languages side by side."""
    rows_of = TABLES.get(name)
    published = figures.newest() if rows_of else None
    if rows_of is None or published is None:
        raise Http404(_("There is no such table."))
    content = json.loads(published.content)
    text = io.StringIO()
    writer = csv.writer(text)
    for row in rows_of(content):
        writer.writerow([_cell(value) for value in row])
    file = f"{name}-{content['publication']}.csv"
    answer = HttpResponse(
        text.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )
    return _kept(request, answer)


def _kept(request: HttpRequest, answer: HttpResponse) -> HttpResponseBase:
    """May be kept for some minutes, and is not sent again to whoever has it."""
    etag = f'"{hashlib.sha256(answer.content).hexdigest()}"'
    answer.headers["ETag"], answer.headers["Cache-Control"] = etag, KEPT
    return get_conditional_response(request, etag=etag, response=answer) or answer


# --- The page ---


def _shown(content: figures.Content) -> dict[str, Any]:
    mandate = mandates.current()
    by_state = {line["state"]: line["claims"] for line in content["states"]}
    regions = {line["region"]: line for line in content["regions"]}
    sensitive = content["sensitive"]
    has_sensitive = any(line["sensitive"] for line in content["categories"])
    return {
        "made_on": date.fromisoformat(content["publication"]),
        "ledger_index": grouped(content["ledger_index"]),
        "sensitive_on": date.fromisoformat(sensitive["publication"]) if has_sensitive else None,
        "sensitive_index": grouped(sensitive["ledger_index"]),
        "headline": [
            (_("Claims submitted"), grouped(content["submitted"])),
            (WORDS[State.UNDER_REVIEW], grouped(by_state[State.UNDER_REVIEW])),
            (WORDS[AWAITING_DECISION], grouped(by_state[AWAITING_DECISION])),
            (WORDS[State.RECORDED], grouped(by_state[State.RECORDED])),
        ],
        "states": [(WORDS[state], grouped(claims)) for state, claims in by_state.items()],
        "groups": _groups(content["categories"]),
        "regions": [
            {"name": region.name, **_both(regions[region.code])}
            for region in sorted(mandate.regions, key=lambda region: _alphabet(str(region.name)))
            if region.code in regions
        ],
        "elsewhere": {"name": ELSEWHERE, **_both(regions[None])},
        "map": _map({code: line["submitted"] for code, line in regions.items() if code}),
        "charts": [_chart(name, title, content["months"]) for name, title in SERIES.items()],
        "months": [{"name": _month(line["month"]), **_both(line)} for line in reversed(content["months"])],
    }


def grouped(number: int) -> str:
    """12,340, or 12 340 in Ukrainian."""
    comma = "," if (translation.get_language() or "").startswith("en") else "\N{NO-BREAK SPACE}"
    return f"{number:,}".replace(",", comma)


def _both(line: dict[str, Any]) -> dict[str, str]:
    return {"submitted": grouped(line["submitted"]), "recorded": grouped(line["recorded"])}


def _groups(lines: list[dict[str, Any]]) -> list[tuple[str, Text | str, list[dict[str, Any]]]]:
    """The categories under the letters that say who claims: for people, for the State, for companies."""
    known = {category.code: category for category in Category.objects.all()}
    titles: dict[str, Text | str] = {group.code: group.title for group in mandates.current().groups}
    found: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        code = line["category"]
        title = known[code].title if code in known else ""
        found.setdefault(code[:1], []).append({**line, "title": title, **_both(line)})
    return [(letter, titles.get(letter, ""), found[letter]) for letter in sorted(found)]


UKRAINIAN = "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя"


def _alphabet(name: str) -> list[int]:
    """Sorts Ukrainian names as a reader looks for them: Є, І and Ґ where they belong."""
    return [
        1000 + UKRAINIAN.index(letter) if letter in UKRAINIAN else ord(letter) for letter in name.casefold()
    ]


def _month(month: str) -> str:
    return date_format(date.fromisoformat(f"{month}-01"), "F Y")


def _map(by_region: dict[str, int]) -> dict[str, Any] | None:
    placed = [tile for tile in tiles.current() if tile.region in by_region]
    if not placed:
        return None
    step = _step(max(by_region.values()))
    return {
        "width": TILE * (1 + max(tile.column for tile in placed)),
        "height": TILE * (1 + max(tile.row for tile in placed)),
        "tiles": [_tile(tile, by_region[tile.region], step) for tile in placed],
        "legend": [
            {
                "shade": shade,
                "from": grouped(shade * step),
                "to": grouped((shade + 1) * step - figures.ROUNDED_TO),
            }
            for shade in range(SHADES)
        ],
        "most": max(by_region.values()),
    }


def _tile(tile: Tile, claims: int, step: int) -> dict[str, Any]:
    left, top = tile.column * TILE, tile.row * TILE
    return {
        "x": left + 2,
        "y": top + 2,
        "middle": left + TILE // 2,
        "name_at": top + 42,
        "figure_at": top + 74,
        "name": tile.short,
        "figure": _short(claims),
        "shade": min(claims // step, SHADES - 1),
    }


def _short(claims: int) -> str:
    """Fits a tile."""
    return (
        grouped(claims) if claims < 1_000_000 else _("%(millions)s M") % {"millions": f"{claims / 1e6:.2f}"}
    )


def _step(most: int) -> int:
    """The width of a shade: a plain number, so that all shades together reach the largest figure."""
    size = figures.ROUNDED_TO
    while True:
        for first in (1, 2, 3, 4, 5, 6, 8):
            if first * size * SHADES > most:
                return first * size
        size *= 10


SERIES = {
    "submitted": gettext_lazy("Claims submitted in each month"),
    "recorded": gettext_lazy("Claims recorded in each month"),
}


def _chart(name: str, title: Any, months: list[dict[str, Any]]) -> dict[str, Any]:
    """A bar for each month. All places are whole units: a comma in one would break the drawing."""
    values = [line[name] for line in months]
    most = max(values, default=0)
    top = _ceiling(most)
    bars = []
    for n, value in enumerate(values):
        left, right = n * CHART_WIDTH // len(values), (n + 1) * CHART_WIDTH // len(values)
        height = value * CHART_HEIGHT // top
        bars.append(
            {"x": left, "y": CHART_HEIGHT - height, "width": max(right - left - 2, 1), "height": height}
        )
    return {
        "name": name,
        "title": title,
        "bars": bars,
        "years": [
            {"x": n * CHART_WIDTH // len(months), "year": line["month"][:4]}
            for n, line in enumerate(months)
            if line["month"].endswith("-01") or (n == 0 and line["month"][5:] <= "06")
        ],
        "lines": [
            {"y": CHART_HEIGHT - CHART_HEIGHT * part // 2, "figure": grouped(top * part // 2)}
            for part in (1, 2)
        ],
        "first": _month(months[0]["month"]) if months else "",
        "last": _month(months[-1]["month"]) if months else "",
        "most": grouped(most),
        "most_in": partial_date(months[values.index(most)]["month"]) if months else "",
    }


def _ceiling(most: int) -> int:
    """The end of the scale: 2, 4, 5 or 10 with zeros, so that its half is a plain number too."""
    size = 10
    while size * 10 < most:
        size *= 10
    return next(size * first for first in (2, 4, 6, 8, 10) if size * first >= most)


# --- The tables ---


def _cell(value: Any) -> str:
    """As it stands, but no text that a spreadsheet would take for a formula."""
    text = str(value)
    return f"'{text}" if text[:1] in tuple("=+-@\t\r\n") else text


def _states(content: figures.Content) -> Rows:
    yield "publication", "state", "name_uk", "name_en", "claims"
    for line in content["states"]:
        yield (content["publication"], line["state"], *_in_both(WORDS[line["state"]]), line["claims"])


def _categories(content: figures.Content) -> Rows:
    known = {category.code: category for category in Category.objects.all()}
    yield "publication", "category", "title_uk", "title_en", "sensitive", "submitted", "recorded"
    for line in content["categories"]:
        category = known[line["category"]]
        sensitive = "yes" if line["sensitive"] else "no"
        names = (category.title_uk, category.title_en)
        yield content["publication"], category.code, *names, sensitive, line["submitted"], line["recorded"]


def _regions(content: figures.Content) -> Rows:
    names = {region.code: (region.name.uk, region.name.en) for region in mandates.current().regions}
    yield "publication", "region", "name_uk", "name_en", "submitted", "recorded"
    for line in content["regions"]:
        name = names.get(line["region"]) or _in_both(ELSEWHERE)
        yield content["publication"], line["region"] or "", *name, line["submitted"], line["recorded"]


def _months(content: figures.Content) -> Rows:
    yield "publication", "month", "submitted", "recorded"
    for line in content["months"]:
        yield content["publication"], line["month"], line["submitted"], line["recorded"]


def _in_both(words: Any) -> tuple[str, ...]:
    def said(language: str) -> str:
        with translation.override(language):
            return str(words)

    return tuple(map(said, LANGUAGES))


TABLES: dict[str, Callable[[figures.Content], Rows]] = {
    "states": _states,
    "categories": _categories,
    "regions": _regions,
    "months": _months,
}
