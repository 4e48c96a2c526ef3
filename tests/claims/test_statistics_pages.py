"""The page of figures and its tables, for everybody."""

import csv
import io
import re
from datetime import date
from html.parser import HTMLParser

import pytest
from django.test import Client
from django.urls import reverse

from accounts.roles import Role
from claims import figures, tiles
from claims.models import Category, ClaimCount, MonthCount
from claims.models.claim import OPEN_STATES
from claims.views import statistics as views
from tests import make

pytestmark = pytest.mark.django_db

PAGE = reverse("claims:statistics")
NAMES = ("states", "categories", "regions", "months")


def table(name):
    return reverse("claims:statistics_table", args=[name])


@pytest.fixture
def published():
    """A publication in which C3.1 is sensitive."""
    Category.objects.filter(code="C3.1").update(sensitive=True)
    for code, region, state, claims in (
        ("A3.1", "UA-32", "submitted", 12_344),
        ("A3.1", "UA-63", "recorded", 1_007),
        ("A3.1", "", "awaiting_decision", 48),
        ("C3.1", "UA-32", "submitted", 31),
    ):
        ClaimCount.objects.create(category=code, region=region, state=state, claims=claims)
        if state != "recorded":
            MonthCount.objects.create(
                month=date(2026, 9, 1), category=code, region=region, submitted=claims, recorded=claims // 3
            )
    return figures.publish()


def read(client, path=PAGE, language="en"):
    answer = client.get(path, {"language": language})
    assert answer.status_code == 200
    return answer.content.decode()


def words(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def rows(client, name):
    return list(csv.DictReader(io.StringIO(client.get(table(name)).content.decode())))


def test_before_the_first_publication_the_page_says_so(client):
    answer = client.get(PAGE, headers={"accept-language": "en"})
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert "first figures are being prepared" in answer.content.decode()
    assert client.get(table("states")).status_code == 404


def test_the_page_says_as_of_when_and_of_which_entry(client, published):
    shown = words(read(client))
    day = f"{published.made_at.day} {published.made_at:%B %Y}"
    assert f"As of {day} , entry {published.ledger_index:,} of the Register’s ledger." in shown


def test_the_page_shows_rounded_figures_alone(client, published):
    shown = words(read(client))
    assert "Claims submitted 13,430" in shown
    for exact in ("12,344", "1,007", "13,399", "12344", " 48 ", " 31 "):
        assert exact not in shown


def test_nothing_on_the_page_promises_payment(client, published):
    assert "Recording a claim is not payment." in words(read(client))


def test_the_page_speaks_both_languages(client, published):
    """As the browser asks, or as the address says."""
    assert '<html lang="uk"' in read(client, language="uk")
    assert "Kharkiv" in read(client)
    assert "Харків" in read(client, language="uk")
    answer = client.get(PAGE, headers={"accept-language": "en"})
    assert answer.headers["Content-Language"] == "en"
    assert '<html lang="en"' in answer.content.decode()
    assert '<html lang="uk"' in client.get(PAGE, {"language": "xx"}).content.decode()


def test_the_map_shows_every_region_once_with_its_name_and_figure(client, published):
    html = read(client)
    assert html.count('class="amount"') == len(tiles.current()) == 27
    assert 'role="img" aria-labelledby="map-title map-about"' in html
    assert "In no region: at sea, abroad or not stated: 50" in words(html)


def test_sensitive_categories_are_named_as_such_and_in_no_region(client, published):
    shown = words(read(client))
    assert "(changes once a month) 30 0" in shown
    assert "Claims in sensitive categories are not counted here." in shown
    assert next(r for r in rows(client, "regions") if r["region"] == "UA-32")["submitted"] == "12340"


def test_every_drawing_has_its_table(client, published):
    html = read(client)
    for caption in ("Claims by region", "Claims by month", "Claims by category", "Claims by state"):
        assert f'<caption class="hidden">{caption}</caption>' in html


def test_the_page_is_well_formed_without_style_or_script_of_its_own(client, published):
    html = read(client)
    assert not re.search(r"\sstyle=|<style|<script(?![^>]*src=)|\son[a-z]+=", html)
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    HTMLParser().feed(html)


def test_it_is_the_same_for_whoever_asks(client, published, signed_in):
    staff = signed_in("maryna", Role.REGISTER_MANAGER)
    anybody = Client(headers={"accept-language": "en"})
    assert staff.get(PAGE).content == anybody.get(PAGE).content
    answer = anybody.get(PAGE)
    assert not answer.cookies
    assert (answer.headers["Cache-Control"], answer.headers["Vary"]) == (
        "public, max-age=300",
        "Accept-Language, Cookie",
    )


@pytest.mark.parametrize("path", [f"{PAGE}?language=en", *map(table, NAMES)])
def test_what_is_known_already_is_not_sent_again(client, published, path):
    first = client.get(path)
    again = client.get(path, headers={"if-none-match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def test_other_figures_have_another_tag(client, published):
    tag = client.get(PAGE).headers["ETag"]
    ClaimCount.objects.filter(state="submitted").update(claims=70_000)
    assert client.get(PAGE).headers["ETag"] == tag
    figures.publish(again=True)
    assert client.get(PAGE).headers["ETag"] != tag


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_asks_the_database_twice(client, count, django_assert_num_queries):
    for number in range(count):
        ClaimCount.objects.create(category="A3.1", region=f"UA-{30 + number}", state="submitted", claims=99)
        month = date(2026, number + 1, 1)
        MonthCount.objects.create(category="A3.1", region="", month=month, submitted=99, recorded=99)
    figures.publish()
    with django_assert_num_queries(2):
        client.get(PAGE)
    for name in NAMES:
        with django_assert_num_queries(2 if name == "categories" else 1):
            client.get(table(name))


def test_tables_have_stable_columns_and_both_languages(client, published):
    day = timezone_day(published)
    assert rows(client, "states")[0] == {
        "publication": day,
        "state": "submitted",
        "name_uk": views._in_both(views.WORDS["submitted"])[0],
        "name_en": "Submitted, not yet looked at",
        "claims": "12370",
    }
    assert [row["state"] for row in rows(client, "states")] == list(OPEN_STATES)
    home = next(row for row in rows(client, "categories") if row["category"] == "A3.1")
    assert (home["sensitive"], home["submitted"], home["recorded"]) == ("no", "13400", "1010")
    assert home["title_uk"] == Category.objects.get(code="A3.1").title_uk
    assert rows(client, "regions")[-1]["region"] == ""
    assert rows(client, "regions")[-1]["submitted"] == "50"
    assert rows(client, "months")[0] == {
        "publication": day,
        "month": "2026-09",
        "submitted": "12420",
        "recorded": "4140",
    }


def timezone_day(publication):
    return figures._today(publication.made_at).isoformat()


def test_a_table_is_a_file_in_utf_8(client, published):
    answer = client.get(table("regions"))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == (
        f'attachment; filename="regions-{timezone_day(published)}.csv"'
    )
    assert "Харківська область" in answer.content.decode()


def test_there_is_no_other_table(client, published):
    assert client.get(table("claims")).status_code == 404


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_title_is_taken_for_a_formula(client, text):
    Category.objects.filter(code="A3.1").update(title_uk=text)
    figures.publish()
    home = next(row for row in rows(client, "categories") if row["category"] == "A3.1")
    assert home["title_uk"] == f"'{text}"


def test_the_page_is_found_from_the_front_page_and_from_the_foot_of_every_page(client):
    assert read(client, "/").count(f'href="{PAGE}"') == 2
    assert f'href="{PAGE}"' in read(client, reverse("claims:help"))


@pytest.mark.parametrize(
    ("most", "step"), [(0, 10), (40, 10), (50, 20), (99, 20), (18_270, 4_000), (990_000, 200_000)]
)
def test_five_shades_reach_the_largest_figure(most, step):
    assert views._step(most) == step
    assert most < views._step(most) * views.SHADES


def test_a_shade_that_stands_for_one_figure_names_it_once(client):
    figures.publish()
    legend = read(client).partition('class="legend"')[2].partition("</ul>")[0]
    assert [words(line) for line in re.findall("<li>(.*?)</li>", legend)] == ["0", "10", "20", "30", "40"]


@pytest.mark.parametrize(("most", "ceiling"), [(0, 20), (20, 20), (90, 100), (110, 200), (32_350, 40_000)])
def test_a_scale_ends_at_a_plain_number(most, ceiling):
    assert views._ceiling(most) == ceiling


def test_a_figure_of_millions_still_fits_its_tile():
    assert (views._short(999_990), views._short(1_234_560)) == ("999,990", "1.23 M")


def test_regions_are_sorted_by_the_ukrainian_alphabet():
    names = ["Ірпінь", "Житомир", "Єва", "Яготин", "Їжакевичі", "Йосипівка", "Ґава", "Дніпро"]
    assert sorted(names, key=views._alphabet) == [
        "Ґава",
        "Дніпро",
        "Єва",
        "Житомир",
        "Ірпінь",
        "Їжакевичі",
        "Йосипівка",
        "Яготин",
    ]


def test_a_claim_in_a_page_is_never_named(client, published):
    claim = make.claim()
    assert claim.number not in read(client)
