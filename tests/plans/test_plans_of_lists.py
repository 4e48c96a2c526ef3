"""No page, call or task reads a table of many claims from end to end, or more rows than a page may."""

import html
import json
import re
from dataclasses import replace
from itertools import product
from urllib.parse import urlencode

import pytest
from django.db import connection, transaction
from django.db.models import Count
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from claims import figures
from claims.models import Category, Claim, State
from ledger import sealing
from ledger.log import SYSTEM
from partners import agreements, feed
from partners.agreements import DEMO_TERMS, OPEN_STATES
from registry import metrics, working
from review.models import Batch
from review.views.queue import OLDER, WHOSE
from tests import make
from tests.permissions import test_table as permissions
from tests.permissions import world
from tests.plans import ground
from tests.plans.browsing import browser

pytestmark = pytest.mark.django_db

OFTEN = 6
QUEUE = reverse("review:queue")
FURTHER = re.compile(r'href="([^"]*(?:after|older)=[^"]*)"')
CATEGORIES = ("", "A3.1")  # the largest
SENSITIVE = "A2.5"
REGIONS = ("", "UA-63")


VISITS = []


def visit(*kinds):
    """What is done once for each kind, or once, and then taken back."""

    def decorate(do):
        VISITS.extend((do, (kind,)) for kind in kinds)
        if not kinds:
            VISITS.append((do, ()))
        return do

    return decorate


def test_no_page_call_or_task_reads_a_large_table(subtests, watch):
    """In one test, so that one process makes the register and the others go on with other tests."""
    for do, kind in VISITS:
        with subtests.test(msg=" ".join((do.__name__, *(getattr(k, "__name__", str(k)[:40]) for k in kind)))):
            before = transaction.savepoint()
            try:
                do(watch, *kind)
            finally:
                transaction.savepoint_rollback(before)
            watch.check()


def further(answer):
    """The address of the page that follows."""
    found = FURTHER.search(answer.text)
    return html.unescape(found[1]) if found else None


def walk(browser, address, pages=2):
    for _page in range(pages):
        answer = browser.get(address)
        address = further(answer)
        if address is None:
            return
        if address.startswith("?"):
            address = answer.request["PATH_INFO"] + address


# --- The queue ---


@visit("reviewer", "senior")
def every_sentence_above_the_queue(watch, who):
    staff = browser(watch, who)
    for whose, category, region, older in product(WHOSE, CATEGORIES, REGIONS, OLDER):
        if older in ("", "90"):
            said = {"whose": whose, "category": category, "region": region, "older": older}
            walk(staff, f"{QUEUE}?{urlencode(said)}")
    for whose in WHOSE:
        walk(staff, f"{QUEUE}?whose={whose}&category={SENSITIVE}")


@visit()
def one_claim_is_found_and_taken(watch):
    staff = browser(watch, "reviewer")
    number = Claim.objects.filter(state="submitted", sensitive=False).values_list("number").first()[0]
    staff.get(f"{QUEUE}?number={number}")
    staff.post(reverse("review:take_oldest"))
    staff.post(reverse("review:take_oldest"), category="A2.1")


# --- Every address that there is ---


@visit(*product(world.GROUPS, ("GET", "POST")))
def every_address_of_the_project(watch, asked):
    """Opened by one whom tests/permissions lets in; an act is done and taken back."""
    group, method = asked
    table, cases, sessions = permissions.read(), world.GROUPS[group](), world.sign_in()
    for case in cases:
        statuses = dict(zip(world.COLUMNS, table.get((method, str(case)), ()), strict=False))
        who = next((w for w, s in statuses.items() if s.endswith("+")), None)
        who = who or next((w for w, s in statuses.items() if s == "200"), None)
        if who is None:
            continue
        client = Client(headers={"accept-language": "en"}, raise_request_exception=False)
        if sessions[who]:
            client.cookies["sessionid"] = sessions[who]
        before = transaction.savepoint()
        with watch.page(f"{method} {case} for {who}"):
            answer = client.get(case.url) if method == "GET" else client.post(case.url, case.sent)
            list(answer)
        assert answer.status_code < 500 or "readyz" in str(case), (case, answer.status_code)
        transaction.savepoint_rollback(before)


# --- What crowds the front of the lists ---


def sensitive_in_front():
    """The oldest 30,000 of the queue are of a category for which the reviewer is not named."""
    hidden = Category.objects.get(code="A2.6")
    oldest = Claim.objects.filter(state="submitted").order_by("submitted_at").values("pk")[:30_000]
    Claim.objects.filter(pk__in=oldest).update(sensitive=True, category=hidden)
    return {}


HOLD = """
    INSERT INTO review_assignment (claim_id, reviewer_id, taken_at, expires_at, ended_because)
    SELECT id, %s, now(), now() + interval '8 hours', '' FROM claims_claim AS claim
    WHERE state IN ('submitted', 'under_review') AND region LIKE %s
    ON CONFLICT (claim_id) WHERE ended_at IS NULL DO UPDATE SET expires_at = excluded.expires_at
"""


def held(region):
    with connection.cursor() as cursor:
        cursor.execute(HOLD, [ground.person("senior").pk, region])


def everything_held_by_others():
    held("%")
    return {}


def a_region_with_none_free():
    held("UA-63")
    return {"region": "UA-63"}


@visit(sensitive_in_front, everything_held_by_others, a_region_with_none_free)
def a_queue_of_which_little_is_for_this_person(watch, crowd):
    narrowed = crowd()
    staff = browser(watch, "reviewer")
    for whose in ("free", "mine", "to_confirm"):
        for category in ("", "A3.1"):
            walk(staff, f"{QUEUE}?{urlencode({'whose': whose, 'category': category, **narrowed})}")
    staff.post(reverse("review:take_oldest"))
    walk(browser(watch, "senior"), f"{QUEUE}?{urlencode({'whose': 'all', **narrowed})}")
    scrape(watch)


@visit()
def what_crowds_the_queue_is_passed_page_by_page(watch):
    sensitive_in_front()
    Claim.objects.filter(state="under_review").update(sensitive=True, category=make.category("A2.6"))
    staff = browser(watch, "reviewer")
    address, pages, found = QUEUE, 0, []
    while not found:
        answer = staff.get(address)
        found = answer.context["rows"]
        pages, address = pages + 1, QUEUE + (further(answer) or "").removeprefix(QUEUE)
    assert 5 <= pages <= 20


@visit()
def nothing_on_the_desk(watch):
    novice = make.staff("nova", Role.REVIEWER)
    for said in product(CATEGORIES, REGIONS):
        walk(browser(watch, novice), f"{QUEUE}?whose=mine&category={said[0]}&region={said[1]}")


@visit()
def all_that_await_the_board_are_in_batches(watch):
    batch = Batch.objects.filter(state="open").first()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO review_member (batch_id, claim_id, version_id, proposal_id, recommended,"
            " added_by_id, added_at, outcome, outcome_reason, outcome_note, removed_because)"
            " SELECT %s, claim.id, proposal.version_id, proposal.id, 'recorded', %s, now(), '', '', '', ''"
            " FROM claims_claim AS claim JOIN review_proposal AS proposal ON proposal.claim_id = claim.id"
            " WHERE claim.state = 'eligible' AND NOT EXISTS (SELECT FROM review_member AS member"
            " WHERE member.claim_id = claim.id)",
            [batch.pk, batch.made_by_id],
        )
    other = Batch.objects.filter(state="open").last()
    walk(browser(watch, "secretary"), reverse("review:batch", args=[other.public_id]))


# --- Lists ---


@visit()
def batches_of_which_none_is_for_this_person(watch):
    """The director is not named for the sensitive categories of which each batch has a claim."""
    walk(browser(watch, "director"), reverse("review:batches"))
    walk(browser(watch, "director"), reverse("review:board"))


@visit("secretary", "board")
def batches_and_papers(watch, who):
    staff = browser(watch, who)
    for name in ("review:batches", "review:board"):
        if name == "review:batches" and who == "board":
            continue
        walk(staff, reverse(name))
    for state in ("open", "submitted", "decided"):
        for batch in Batch.objects.filter(state=state).order_by("-id")[:1]:
            if state == "open" and who != "board":
                walk(staff, reverse("review:batch", args=[batch.public_id]))
            if state != "open":
                staff.get(reverse("review:paper", args=[batch.public_id]))


@visit()
def staff_find_people_and_see_exact_figures(watch):
    director = browser(watch, "director")
    someone = User.objects.filter(email__contains="seeded").first()
    people = reverse("admin:accounts_user_changelist")
    for query in ("", f"?q={someone.email}", "?q=nobody", "?p=2", "?o=1", "?is_active__exact=1&e=1"):
        director.get(people + query)
    director.get(reverse("admin:claims_category_changelist"))
    director.get(reverse("review:figures"))
    director.get(reverse("review:clearances"))


@visit(*State)
def a_claim_on_the_desk_and_for_its_claimant(watch, state):
    for claim in Claim.objects.filter(state=state).select_related("filed_by").order_by("id")[:3]:
        claimant = browser(watch, claim.filed_by)
        claimant.get(reverse("claims:claim", args=[claim.public_id]))
        if state != "draft" and not claim.sensitive:
            browser(watch, "senior").get(reverse("review:claim", args=[claim.number]))


@visit()
def a_claimant_of_many_claims(watch):
    claimant = User.objects.annotate(n=Count("claims_filed")).order_by("-n").first()
    Claim.objects.filter(state="draft", id__gt=80_000).update(filed_by=claimant)
    walk(browser(watch, claimant), reverse("claims:list"), pages=3)


@visit()
def public_pages(watch):
    figures.publish()
    anybody = browser(watch, None)
    for name in ("claims:home", "claims:categories", "claims:statistics", "partners:statistics", "healthz"):
        anybody.get(reverse(name))
    anybody.get(reverse("claims:places") + "?q=Київ", named="places")


# --- Partners ---

EVERYTHING = replace(DEMO_TERMS, states=OPEN_STATES)
NARROW = replace(EVERYTHING, categories=("C1.1",), regions=("UA-21",))
"""Fewer than one claim in 10,000."""


class Program:
    def __init__(self, watch, terms):
        partner = agreements.create("Ministry of plans", terms=terms, by=SYSTEM)
        client_id, secret = agreements.add_application(partner, scopes=["claims:read"], by=SYSTEM)
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        form["scope"] = "claims:read"
        self.client, self.watch = Client(), watch
        form_type = "application/x-www-form-urlencoded"
        with watch.page("token"):
            answer = self.client.post(reverse("partners:token"), urlencode(form), content_type=form_type)
        self.headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def get(self, name, accept="application/json", **query):
        address = f"{reverse(name)}?{urlencode(query)}"
        with self.watch.page(f"{accept} {address}"):
            answer = self.client.get(address, headers={**self.headers, "accept": accept})
            body = b"".join(answer)
        assert answer.status_code == 200, body
        return body


@visit(EVERYTHING, NARROW)
def a_partner_pulls(watch, terms):
    program = Program(watch, terms)
    for category, region, state in product(
        ("", "C1.1"), ("", "UA-21"), ("", "submitted", "awaiting_decision")
    ):
        said = {"category": category, "region": region, "state": state}
        said = {name: value for name, value in said.items() if value}
        for _page in range(2):
            page = json.loads(program.get("partners:claims", **said))
            if page["next_cursor"] is None:
                break
            said["cursor"] = page["next_cursor"]
    last = feed.ledger_index()
    for after in (-1, last // 2, last - 1000, last):
        program.get("partners:changes", after=after)
    program.get("partners:claims", accept="application/x-ndjson", end=1)


# --- What goes on behind the pages ---


@visit()
def what_the_worker_does(watch):
    """Each several times: PostgreSQL may then keep a plan for any parameters."""
    for task in OFTEN * working.tasks():
        with watch.page(f"task {task.__module__.partition('.')[2]}.{task.__name__}"):
            task()
    with watch.page("sealing"):
        sealing.seal()


@visit()
def housekeeping(watch):
    with watch.page("housekeeping"):
        working.keep_house()


@visit()
def figures_for_prometheus(watch):
    for _time in range(OFTEN):
        scrape(watch)


def scrape(watch):
    with watch.page("metrics"):
        list(metrics.read())
    with connection.cursor() as cursor:  # the time limit of a scrape ends with its transaction
        cursor.execute("SET LOCAL statement_timeout = 0")
