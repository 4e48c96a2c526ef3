"""Exact numbers of claims, kept by following the ledger: right after every act, and never counted twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Event

import pytest
from django.db import connection, transaction
from django.utils import timezone

from claims import filing, lifecycle, mandates, statistics
from claims.mandates import ClaimantKind
from claims.models import Category, Claim, ClaimCount, MonthCount
from claims.models.claim import OPEN_STATES, State
from ledger import following, log, sealing
from ledger.models import Follower
from tests import make

pytestmark = pytest.mark.django_db


def follow():
    sealing.seal()
    while statistics.follow():
        pass


def counted():
    follow()
    rows = ClaimCount.objects.filter(claims__gt=0).values_list("category", "region", "state", "claims")
    return {tuple(row[:3]): row[3] for row in rows}


def flows():
    follow()
    return {
        tuple(row[:3]): row[3:]
        for row in MonthCount.objects.values_list("month", "category", "region", "submitted", "recorded")
        if any(row[3:])
    }


def this_month():
    return timezone.localdate(timezone=mandates.current().zone).replace(day=1)


def test_a_submitted_claim_counts_and_a_draft_does_not():
    make.draft()
    make.claim()
    assert sum(counted().values()) == 1
    assert [state for _category, _region, state in counted()] == ["submitted"]


def test_a_claim_counts_in_its_category_and_region():
    question = next(q for q in make.form("A3.1").questions if q.feeds == "place")
    make.claim(answers={question.id: make.IRPIN})
    make.claim("C3.1")
    assert counted() == {("A3.1", "UA-32", "submitted"): 1, ("C3.1", "", "submitted"): 1}


def test_what_is_recommended_is_not_counted():
    make.confirmed(recommendation="eligible")
    make.confirmed(recommendation="ineligible")
    assert counted() == {("A3.1", "", "awaiting_decision"): 2}


def test_a_claim_counts_once_wherever_it_stands():
    make.claim()
    make.asked(make.under_review(filed_by="vira"))
    make.recorded(by="petro")
    make.rejected(by="nina")
    make.withdraw(make.claim(by="oksana"))
    assert counted() == {
        ("A3.1", "", "submitted"): 1,
        ("A3.1", "", "information_requested"): 1,
        ("A3.1", "", "recorded"): 1,
        ("A3.1", "", "rejected_without_prejudice"): 1,
        ("A3.1", "", "withdrawn"): 1,
    }
    assert statistics.differences() == []


def test_a_claim_that_is_filed_again_is_a_claim_of_its_own():
    before = make.withdraw(make.claim())
    kind = ClaimantKind.INDIVIDUAL
    again = filing.start(before.category, kind=kind, by=before.filed_by, language="en", again=before)
    make.submit(again)
    assert counted() == {("A3.1", "", "withdrawn"): 1, ("A3.1", "", "submitted"): 1}
    assert flows() == {(this_month(), "A3.1", ""): (2, 0)}


def test_months_count_submissions_and_recordings_once():
    make.recorded()
    sent_back = make.claim(by="vira")
    lifecycle.ask_to_replace_file(sent_back, by=log.SYSTEM, office="system", files=[])
    make.amend(sent_back)
    assert flows() == {(this_month(), "A3.1", ""): (2, 1)}
    assert statistics.differences() == []


def test_a_claim_whose_place_is_changed_moves_with_its_month():
    question = next(q for q in make.form("A3.1").questions if q.feeds == "place")
    claim = make.claim(answers={question.id: make.IRPIN})
    follow()
    make.amend(claim, **{question.id: {"state": "unknown"}})
    assert counted() == {("A3.1", "", "submitted"): 1}
    assert flows() == {(this_month(), "A3.1", ""): (1, 0)}
    assert statistics.differences() == []


def test_a_month_begins_by_the_clocks_of_the_mandate():
    """In Kyiv it is March already."""
    claim = make.claim()
    at = datetime(2026, 2, 28, 22, 30, tzinfo=UTC)
    follow()
    MonthCount.objects.all().delete()
    with transaction.atomic():
        log.append(
            log.Kind("test.submitted", is_open=True),
            by=log.SYSTEM,
            office="system",
            at=at,
            claim=claim.public_id,
            before=log.Standing("A3.1", None, "draft"),
            after=log.Standing("A3.1", None, "submitted"),
        )
    assert flows() == {(date(2026, 3, 1), "A3.1", ""): (1, 0)}


def test_entries_that_say_nothing_of_a_state_count_nothing():
    claim = make.claim()
    once = counted()
    kind = log.Kind("test.said", is_open=False, facts={"said": str})
    standing = log.Standing("A3.1", None, "draft")
    with transaction.atomic():
        for before, after in ((None, None), (standing, None), (None, standing)):
            log.append(
                kind,
                by=log.SYSTEM,
                office="system",
                claim=claim.public_id,
                before=before,
                after=after,
                facts={"said": '"before":{"state":"draft"},"after":{"state":"recorded"}'},
            )
    assert counted() == once


def test_entries_that_are_not_sealed_are_not_counted():
    follow()
    make.claim()
    while statistics.follow():
        pass
    assert not ClaimCount.objects.filter(claims__gt=0).exists()


def test_following_again_counts_nothing_twice():
    make.claim()
    once = counted()
    assert statistics.follow() == 0
    assert counted() == once


def test_what_fails_halfway_is_not_counted(monkeypatch):
    make.claim()
    sealing.seal()
    before = following.lag(statistics.FOLLOWER)
    count = statistics._count

    def fail(first, last):
        count(first, last)
        raise ZeroDivisionError

    monkeypatch.setattr(statistics, "_count", fail)
    with pytest.raises(ZeroDivisionError):
        statistics.follow()
    assert following.lag(statistics.FOLLOWER) == before
    assert not ClaimCount.objects.exists()


@pytest.mark.parametrize("count", [1, 3])
def test_counting_costs_the_same_queries_for_any_number_of_entries(count, django_assert_num_queries):
    follow()
    for number in range(count):
        make.claim(by=f"person{number}")
    sealing.seal()
    with django_assert_num_queries(8):  # savepoint, make, lock, newest, plan, count, move, release
        assert statistics.follow() == count


def test_the_check_names_what_is_wrong():
    make.claim()
    follow()
    ClaimCount.objects.filter(claims=1).update(claims=7)
    MonthCount.objects.update(submitted=0)
    assert [(d.what, d.category, d.kept, d.found) for d in statistics.differences()] == [
        ("state", "A3.1", 7, 1),
        ("submitted", "A3.1", 0, 1),
    ]


def test_exact_numbers_leave_out_what_one_may_not_know():
    make.claim()
    make.claim("C3.1")
    follow()
    assert statistics.by_state("category", without=()) == {"A3.1": {"submitted": 1}, "C3.1": {"submitted": 1}}
    assert statistics.by_state("region", without=["C3.1"]) == {"": {"submitted": 1}}
    assert statistics.by_month(without=["C3.1"]) == [(this_month(), 1, 0)]


def test_every_state_that_outsiders_see_is_counted():
    shown = {Claim(category=Category(code="A3.1"), state=state).standing.state for state in State}
    assert {*OPEN_STATES, "draft"} == shown


@pytest.mark.committing
def test_catching_up_waits_for_a_worker_that_counts_just_now(monkeypatch):
    monkeypatch.setattr(statistics, "AT_ONCE", 5)
    counting, go_on, count = Event(), Event(), statistics._count

    def slowly(first, last):
        counting.set()
        go_on.wait(20)
        count(first, last)

    def work():
        try:
            return statistics.follow()
        finally:
            connection.close()

    sealing.seal()
    assert statistics.follow() == 5  # the follower is known from now on: no two make its row at once
    monkeypatch.setattr(statistics, "_count", slowly)
    monkeypatch.setattr(statistics.time, "sleep", lambda seconds: go_on.set())
    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(work)
        assert counting.wait(20)
        statistics.catch_up()
        assert worker.result() == 5
    assert following.lag(statistics.FOLLOWER) == 0


@pytest.mark.committing
def test_numbers_are_exact_after_many_people_did_many_things_at_once(evidence_dir):
    """Submissions, withdrawals, a sealer, and two workers that count."""
    done = []

    def act(number):
        try:
            claim = make.claim(by=f"person{number}")
            if number % 3 == 0:
                make.withdraw(claim)
        finally:
            connection.close()

    def work():
        try:
            while not (done and following.lag(statistics.FOLLOWER) == 0):
                sealing.seal()
                statistics.follow()
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        workers = [pool.submit(work) for _ in range(2)]
        for acting in [pool.submit(act, number) for number in range(24)]:
            acting.result()
        sealing.seal()
        done.append(True)
        for worker in workers:
            worker.result()
    assert counted() == {("A3.1", "", "submitted"): 16, ("A3.1", "", "withdrawn"): 8}
    assert statistics.differences() == []
    assert Follower.objects.get(name=statistics.FOLLOWER).next_index > 24
