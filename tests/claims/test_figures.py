"""What is published, read as somebody reads it who keeps every publication and wants to know more.

The first half needs no database: figures are a function of counts. docs/statistics.md has the reasoning.
"""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from claims import figures, mandates, statistics, tiles
from claims.figures import Part, rounded, rounded_figures
from claims.models import Category, ClaimCount, MonthCount, Publication
from claims.models.claim import OPEN_STATES
from claims.statistics import Count, Flow
from ledger import following, sealing
from registry import working
from tests import make

CATEGORIES = ["A2.3", "A3.1", "A3.2", "C3.1"]
SENSITIVE = "A2.3"
REGIONS = ["UA-32", "UA-46", "UA-63"]
TODAY = date(2026, 11, 23)

counts_of = st.builds(
    Count,
    st.sampled_from([code for code in CATEGORIES if code != SENSITIVE]),
    st.sampled_from([*REGIONS, ""]),
    st.sampled_from(OPEN_STATES),
    st.integers(0, 30),
)
flows_of = st.builds(
    Flow,
    st.sampled_from([date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)]),
    st.sampled_from([code for code in CATEGORIES if code != SENSITIVE]),
    st.just(""),
    st.integers(0, 30),
    st.integers(0, 30),
)
parts_of = st.builds(
    Part,
    st.dictionaries(st.sampled_from(OPEN_STATES), st.integers(0, 30)),
    st.dictionaries(
        st.sampled_from(["2026-10", "2026-11"]), st.tuples(st.integers(0, 30), st.integers(0, 30))
    ),
)


def told(counts, flows=(), part=None):
    return rounded_figures(
        counts, flows, {SENSITIVE: part or Part()}, categories=CATEGORIES, regions=REGIONS, until=TODAY
    )


def all_figures(told):
    yield told["submitted"]
    for table in ("states", "categories", "regions", "months"):
        for line in told[table]:
            yield from (value for value in line.values() if type(value) is int)


def figure(told, table, key, value, what="submitted"):
    return next((line[what] for line in told[table] if line[key] == value), 0)


@pytest.mark.parametrize(
    ("count", "shown"), [(0, 0), (4, 0), (5, 10), (9, 10), (14, 10), (15, 20), (994, 990), (995, 1000)]
)
def test_a_figure_is_rounded_to_the_nearest_ten(count, shown):
    assert rounded(count) == shown


@given(st.lists(counts_of), st.lists(flows_of), parts_of)
def test_every_figure_is_a_multiple_of_ten(counts, flows, part):
    assert [n for n in all_figures(told(counts, flows, part)) if n % 10] == []


@given(st.lists(counts_of))
def test_a_figure_is_rounded_by_itself_and_totals_before_rounding(counts):
    shown = told(counts)
    for table, key, of in (
        ("categories", "category", lambda c: c.category),
        ("regions", "region", lambda c: c.region or None),
    ):
        exact = Counter()
        for count in counts:
            exact[of(count)] += count.claims
        assert {line[key]: line["submitted"] for line in shown[table] if line["submitted"]} == {
            name: rounded(n) for name, n in exact.items() if rounded(n)
        }
    assert shown["submitted"] == rounded(sum(count.claims for count in counts))


@given(st.lists(counts_of, unique_by=lambda c: (c.category, c.region, c.state)), st.data())
def test_nothing_tells_two_numbers_of_the_same_ten_apart_where_all_totals_stay_in_theirs(counts, data):
    """Figures know of a number its ten and nothing else."""
    moved = data.draw(counts_of.filter(lambda c: c.claims > 0))
    before, after = told(counts), told([*counts, moved])
    exact = {
        "category": sum(c.claims for c in counts if c.category == moved.category),
        "region": sum(c.claims for c in counts if c.region == moved.region),
        "state": sum(c.claims for c in counts if c.state == moved.state),
        "all": sum(c.claims for c in counts),
    }
    recorded = [c for c in counts if c.state == "recorded"]
    if moved.state == "recorded":
        exact["recorded in category"] = sum(c.claims for c in recorded if c.category == moved.category)
        exact["recorded in region"] = sum(c.claims for c in recorded if c.region == moved.region)
    if all(rounded(n) == rounded(n + moved.claims) for n in exact.values()):
        assert before == after


@given(st.lists(counts_of), st.lists(flows_of), parts_of)
def test_a_sensitive_category_stands_in_no_regional_figure(counts, flows, part):
    assert told(counts, flows, part)["regions"] == told(counts, flows)["regions"]


@given(st.lists(counts_of), st.lists(flows_of), parts_of)
def test_what_is_counted_of_a_sensitive_category_this_week_is_in_no_figure(counts, flows, part):
    """Only what was taken at the beginning of the month is."""
    new = [Count(SENSITIVE, "UA-32", "submitted", 50), Count(SENSITIVE, "", "recorded", 7)]
    this_week = [Flow(date(2026, 11, 1), SENSITIVE, "", 50, 7)]
    assert told([*counts, *new], [*flows, *this_week], part) == told(counts, flows, part)


@given(st.lists(counts_of), st.lists(flows_of), parts_of)
def test_the_part_of_a_sensitive_category_in_a_total_is_its_own_rounded_figure(counts, flows, part):
    """So however often the others change, the difference is the figure that is published anyway."""
    whole, without = told(counts, flows, part), told(counts, flows)
    own = figure(whole, "categories", "category", SENSITIVE)
    assert whole["submitted"] - without["submitted"] == own == rounded(sum(part.states.values()))
    for state in OPEN_STATES:
        difference = figure(whole, "states", "state", state, "claims") - figure(
            without, "states", "state", state, "claims"
        )
        assert difference == rounded(part.states.get(state, 0))


@given(st.lists(counts_of), st.integers(0, 4), st.integers(0, 4))
def test_whether_a_sensitive_category_has_none_or_four_claims_is_never_seen(counts, one, other):
    shown = [told(counts, (), Part({"submitted": n}, {"2026-11": (n, 0)} if n else {})) for n in (one, other)]
    assert shown[0] == shown[1]


@given(st.lists(flows_of))
def test_the_first_month_that_is_shown_says_nothing_of_a_smaller_one_before(flows):
    months = told([], flows)["months"]
    assert not months or months[0]["submitted"] or months[0]["recorded"]
    assert [line["month"] for line in months] == ["2026-09", "2026-10", "2026-11"][3 - len(months) :]


def least_and_most(shown):
    """What a figure alone tells of the number behind it."""
    return max(shown - 5, 0), shown + 4


def narrowed(shown_total, shown_parts):
    """What somebody learns of each part who knows that the parts add up to the total."""
    least, most = least_and_most(shown_total)
    bounds = [least_and_most(part) for part in shown_parts]
    lows, highs = sum(low for low, _high in bounds), sum(high for _low, high in bounds)
    return [(max(low, least - highs + high), min(high, most - lows + low)) for low, high in bounds]


@given(st.lists(st.integers(0, 40), min_size=9, max_size=40))
def test_totals_never_give_back_a_number_under_ten(exact):
    """At worst, with every part at the very end of its ten, a few values stay possible; never one alone."""
    total, parts = rounded(sum(exact)), [rounded(n) for n in exact]
    for n, (least, most) in zip(exact, narrowed(total, parts), strict=True):
        assert least <= n <= most
        if n < 10:
            assert most - least >= 1


def test_a_total_of_parts_that_are_all_nearly_five_gives_none_of_them_back():
    assert set(narrowed(rounded(9 * 4), [0] * 9)) == {(3, 4)}
    assert set(narrowed(rounded(28 * 4), [0] * 28)) == {(0, 4)}


# --- From week to week ---


@pytest.fixture
def calendar(monkeypatch):
    """Turns the calendar: `calendar("2026-11-02")` is noon of that day."""

    def turn(day):
        now = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) + timedelta(hours=12)
        monkeypatch.setattr(timezone, "now", lambda: now)

    turn("2026-11-02")
    return turn


@pytest.fixture
def sensitive(db):
    Category.objects.filter(code="C3.1").update(sensitive=True)


def count(code="A3.1", region="UA-32", state="submitted", claims=1, month="2026-11-01"):
    """As the follower would have counted."""
    row, _new = ClaimCount.objects.get_or_create(
        category=code, region=region, state=state, defaults={"claims": 0}
    )
    row.claims += claims
    row.save()
    flow, _new = MonthCount.objects.get_or_create(
        category=code, region=region, month=month, defaults={"submitted": 0, "recorded": 0}
    )
    flow.submitted += claims
    flow.save()


def publish(**how):
    return json.loads(figures.publish(**how).content)


def without_dates(content):
    dated = ("publication", "made_at", "ledger_index")
    return {name: value for name, value in content.items() if name not in dated}


@pytest.mark.django_db
def test_the_first_figures_are_published_at_once_and_then_every_monday(calendar):
    calendar("2026-11-05")  # a Thursday
    made = []
    for day in ("2026-11-05", "2026-11-08", "2026-11-09", "2026-11-15", "2026-11-16"):
        calendar(day)
        made.append(figures.publish_due())
    assert made == [1, 0, 1, 0, 1]


@pytest.mark.django_db
def test_figures_that_came_on_a_weekend_are_not_followed_by_others_on_monday(calendar):
    made = []
    for day in ("2026-11-07", "2026-11-09", "2026-11-10", "2026-11-11", "2026-11-16"):
        calendar(day)
        made.append(figures.publish_due())
    assert made == [1, 0, 1, 0, 1]


@pytest.mark.django_db
def test_monday_begins_by_the_clocks_of_the_mandate(monkeypatch):
    sunday_evening = datetime(2026, 11, 8, 22, 30, tzinfo=UTC)  # half past midnight in Kyiv
    monkeypatch.setattr(timezone, "now", lambda: sunday_evening)
    assert publish()["publication"] == "2026-11-09"


@pytest.mark.django_db
def test_figures_are_not_published_while_much_is_still_to_be_counted(calendar, monkeypatch):
    make.claim()
    sealing.seal()
    monkeypatch.setattr(statistics, "AT_ONCE", 1)
    assert figures.publish_due() == 0
    while statistics.follow():
        pass
    assert figures.publish_due() == 1


@pytest.mark.django_db
def test_a_publication_says_as_of_what_it_is(calendar):
    make.claim()
    sealing.seal()
    while statistics.follow():
        pass
    content = publish()
    assert content["ledger_index"] == following.handled(statistics.FOLLOWER) > 0
    assert (content["publication"], content["rounded_to"]) == ("2026-11-02", 10)


@pytest.mark.django_db
def test_a_week_has_one_publication(calendar):
    figures.publish()
    calendar("2026-11-08")
    count(claims=500)
    with pytest.raises(figures.AlreadyPublished, match="until Monday"):
        figures.publish()
    assert Publication.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "what", ["UPDATE claims_publication SET content = ''", "DELETE FROM claims_publication"]
)
def test_a_publication_is_never_changed(calendar, what):
    figures.publish()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(what)


@pytest.mark.django_db
def test_two_registers_that_differ_in_sensitive_claims_look_alike_until_the_month_is_over(
    calendar, sensitive
):
    count(claims=40)
    count("C3.1", claims=20)
    publish()
    seen = []
    for more in (0, 300):
        with transaction.atomic():
            count("C3.1", claims=more)
            months = []
            for day in ("2026-11-09", "2026-11-16", "2026-11-23", "2026-11-30"):
                calendar(day)
                months.append(without_dates(publish()))
            seen.append(months)
            transaction.set_rollback(True)
    assert seen[0] == seen[1]


@pytest.mark.django_db
def test_sensitive_figures_change_with_the_first_publication_of_a_month(calendar, sensitive):
    count("C3.1", claims=20)
    publish()
    count("C3.1", claims=300)
    shown = []
    for day in ("2026-11-30", "2026-12-07"):
        calendar(day)
        content = publish()
        shown.append((figure(content, "categories", "category", "C3.1"), content["submitted"]))
    assert shown == [(20, 20), (320, 320)]


@pytest.mark.django_db
def test_sensitive_figures_stand_for_a_month_even_if_the_first_came_on_its_last_day(calendar, sensitive):
    calendar("2026-07-31")
    publish()
    count("C3.1", claims=300)
    shown = {}
    for day in ("2026-08-03", "2026-08-10", "2026-08-17", "2026-08-24", "2026-08-31"):
        calendar(day)
        shown[day] = publish()["submitted"]
    assert shown == dict.fromkeys(list(shown)[:-1], 0) | {"2026-08-31": 300}


@pytest.mark.django_db
def test_other_figures_change_weekly_whatever_sensitive_ones_do(calendar, sensitive):
    publish()
    count(claims=30)
    calendar("2026-11-09")
    assert publish()["submitted"] == 30


@pytest.mark.django_db
def test_a_category_that_is_no_longer_sensitive_is_counted_like_others(calendar, sensitive):
    count("C3.1", claims=20)
    publish()
    Category.objects.filter(code="C3.1").update(sensitive=False)
    count("C3.1", claims=20)
    calendar("2026-11-09")
    content = publish()
    assert (
        figure(content, "regions", "region", "UA-32")
        == figure(content, "categories", "category", "C3.1")
        == 40
    )


@pytest.mark.django_db
def test_a_category_that_becomes_sensitive_leaves_the_regions_and_then_stands_still(calendar):
    count("C3.1", claims=60)
    assert figure(publish(), "regions", "region", "UA-32") == 60
    Category.objects.filter(code="C3.1").update(sensitive=True)
    calendar("2026-11-09")
    content = publish()
    assert figure(content, "regions", "region", "UA-32") == 0
    assert figure(content, "categories", "category", "C3.1") == 60
    count("C3.1", claims=60)
    calendar("2026-11-16")
    assert figure(publish(), "categories", "category", "C3.1") == 60


# --- By hand ---


@pytest.mark.django_db
def test_figures_are_published_by_hand_once_a_week(calendar, capsys, settings):
    settings.LOCAL = False
    make.claim()
    sealing.seal()
    call_command("publish_statistics")
    assert f"as of entry {Publication.objects.get().ledger_index} of" in capsys.readouterr().out
    with pytest.raises(CommandError, match="published already"):
        call_command("publish_statistics")
    with pytest.raises(CommandError, match="demonstrations alone"):
        call_command("publish_statistics", "--again")
    assert Publication.objects.count() == 1


@pytest.mark.django_db
def test_a_demonstration_publishes_as_often_as_it_likes(calendar, sensitive, settings):
    settings.LOCAL = True
    call_command("publish_statistics")
    count("C3.1", claims=50)
    call_command("publish_statistics", "--again")
    assert json.loads(figures.newest().content)["submitted"] == 50
    assert sorted(Publication.objects.values_list("edition", flat=True)) == [1, 2]


@pytest.mark.committing
def test_two_workers_publish_a_week_once():
    ready = Barrier(2)

    def work():
        try:
            ready.wait(20)
            return figures.publish_due()
        finally:
            connection.close()

    while statistics.follow():
        pass
    with ThreadPoolExecutor(2) as pool:
        made = [worker.result() for worker in [pool.submit(work) for _ in range(2)]]
    assert sorted(made) == [0, 1]
    assert Publication.objects.count() == 1


def test_codes_stand_in_the_order_in_which_people_count():
    assert sorted(["A3.10", "B1.1", "A3.2"], key=figures.in_order) == ["A3.2", "A3.10", "B1.1"]


def test_the_map_has_a_tile_for_every_region():
    placed = {tile.region for tile in tiles.current()}
    assert placed == {region.code for region in mandates.current().regions}


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("UA-32,-1,0,К,K", "whole numbers"),
        ("UA-32,x,0,К,K", "whole numbers"),
        ("UA-32,0,0,К,K\nUA-32,1,0,К,K", "once"),
        ("UA-32,0,0,К,K\nUA-46,0,0,Л,L", "once"),
    ],
)
def test_a_mistake_in_the_map_is_named(tmp_path, line, wrong):
    file = tmp_path / "tiles.csv"
    file.write_text(f"{','.join(tiles.COLUMNS)}\n{line}\n")
    with pytest.raises(mandates.MandateError, match=wrong):
        tiles.read(file)


def test_a_mandate_need_not_have_a_map(tmp_path):
    assert tiles.read(tmp_path / "tiles.csv") == ()
    (tmp_path / "tiles.csv").write_text("region\n")
    with pytest.raises(mandates.MandateError, match="header"):
        tiles.read(tmp_path / "tiles.csv")


@pytest.mark.django_db
def test_the_worker_counts_and_publishes():
    make.claim()
    sealing.seal()
    for _turn in range(2):
        for task in working.tasks():
            task()
    assert ClaimCount.objects.get(state="submitted").claims == 1
    assert Publication.objects.count() == 1
