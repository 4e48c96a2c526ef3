"""Partners that follow while others act end with what a fresh pull shows, whatever commits late.

CHANGES_SECONDS sets for how long the writers act (`make soak`: a minute).
"""

import json
import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from uuid import uuid4

import pytest
from django.db import connection, transaction

from accounts.roles import Role
from claims import filing, lifecycle
from claims.mandates import SECTIONS
from claims.models import Claim, InformationRequest, State
from ledger import log, sealing
from partners import agreements, changes, feed
from partners.agreements import OPEN_STATES, Terms
from tests import make

pytestmark = pytest.mark.committing

SECONDS = float(os.environ.get("CHANGES_SECONDS", "4"))
WRITERS = 8
REFUSALS = (lifecycle.MoveRefused, filing.FilingRefused)
PLACES = (make.IRPIN, {"code": "UA14020010010059145", "name": "Бахмут"})  # in two regions

ALL = Terms(categories=None, regions=None, states=OPEN_STATES, sections=SECTIONS)
IN_REVIEW = replace(ALL, states=("under_review", "information_requested", "awaiting_decision"))
DECIDED = replace(ALL, states=("recorded", "rejected_without_prejudice", "rejected_with_prejudice"))
IRPINS = replace(ALL, regions=("UA-32",), states=("submitted", "under_review", "recorded"))
TERMS = (
    ALL,
    IN_REVIEW,
    DECIDED,
    IRPINS,
    replace(ALL, categories=("A2.1",)),
    replace(IRPINS, categories=("A3.1",), states=("submitted", "recorded", "withdrawn")),
)


class Writer:
    """Somebody who does what can be done to whichever claim, unless somebody else was faster."""

    FITTING = {
        State.SUBMITTED: ["amend", "start_review", "start_review", "withdraw"],
        State.UNDER_REVIEW: ["amend", "request_information", "finish_review", "finish_review", "withdraw"],
        State.INFORMATION_REQUESTED: ["answer_request", "answer_request", "close_request", "withdraw"],
        State.ELIGIBLE: ["decide", "decide", "return_to_review", "amend"],
        State.INELIGIBLE: ["decide", "decide", "return_to_review", "withdraw"],
        State.REJECTED_WITHOUT_PREJUDICE: ["reopen"],
        State.REJECTED_WITH_PREJUDICE: ["reopen"],
    }

    def __init__(self, seed, claims):
        self.random = random.Random(seed)  # noqa: S311
        self.claims = claims
        self.done = Counter()
        self.name = f"writer{seed}"
        self.by = make.user(self.name)

    def act(self):
        claim = make.fresh(Claim(pk=self.random.choice(self.claims)))
        name = self.random.choice(self.FITTING.get(claim.state, ["submit"]))
        if self.random.random() < 0.2:
            name = "submit"
        try:
            getattr(self, name)(claim)
            self.done[name] += 1
        except REFUSALS:
            self.done["refused"] += 1

    def submit(self, _claim):
        code = self.random.choice(("A3.1", "A3.1", "A2.1"))
        place = {"katottg": self.random.choice(PLACES)} if code == "A3.1" else {}
        self.claims.append(make.claim(code, by=self.name, answers=place).pk)

    def amend(self, claim):
        place = {"katottg": self.random.choice(PLACES)} if claim.category.code == "A3.1" else {}
        make.amend(claim, cause=f"Ракета {self.random.random()}.", **place)

    def withdraw(self, claim):
        lifecycle.withdraw(claim, by=claim.filed_by)

    def start_review(self, claim):
        lifecycle.start_review(claim, by=self.by, office=Role.REVIEWER)

    def request_information(self, claim):
        lifecycle.request_information(
            claim, by=self.by, office=Role.REVIEWER, text="Додайте фото.", due_on=date(2026, 4, 1)
        )

    def answer_request(self, claim):
        lifecycle.answer_request(self.open_request(claim), by=claim.filed_by, reply="Фото немає.")

    def close_request(self, claim):
        lifecycle.close_request(self.open_request(claim), by=self.by, office=Role.REVIEWER)

    def open_request(self, claim):
        return InformationRequest.objects.filter(claim=claim).latest("id")

    def finish_review(self, claim):
        to = self.random.choice((State.ELIGIBLE, State.INELIGIBLE))
        lifecycle.finish_review(claim, to=to, by=self.by, office=Role.REVIEWER)

    def return_to_review(self, claim):
        lifecycle.return_to_review(claim, by=self.by, office=Role.SENIOR_REVIEWER)

    def decide(self, claim):
        decision = uuid4()
        with transaction.atomic():
            locked = lifecycle.lock(claim)
            if locked.state not in lifecycle.AWAITING or locked.bound_by:
                return
            lifecycle.bind([locked], decision=decision)
        lifecycle.decide(
            locked,
            decision=decision,
            outcome=self.random.choice(sorted(lifecycle.BOARDS_CHOICE)),
            version=locked.versions.get(number=locked.version),
            rule="article_12",
            reason="Так вирішила Рада.",
            decided_on=date(2026, 3, 7),
            by=self.by.actor,
        )

    def reopen(self, claim):
        lifecycle.reopen(claim, by=self.by, ground="new_facts", reason="Нове.", decided_on=date(2026, 4, 1))


class Follower:
    """A partner's system. It does what the items say, and knows nothing else."""

    def __init__(self, partner):
        self.partner = partner
        self.held = {}
        self.after = -1
        self.told = Counter()

    def join(self):
        """Pulls everything and follows from there."""
        self.after = feed.ledger_index()
        self.pull()
        return self

    def pull(self):
        for chunk in feed.stream(agreements.current(self.partner)):
            for line in chunk.split(b"\n")[:-1]:
                self.keep(line)

    def keep(self, line):
        body = json.loads(line)
        self.held[body["number"]] = body

    def read(self):
        """One page. Whether there was anything new."""
        page = changes.after(self.partner, after=self.after, limit=7)
        for item in page.results:
            assert self.after < item["index"] <= page.next_after
            self.told[item["type"]] += 1
            if item["type"] == "claim":
                line = feed.one(agreements.current(self.partner), item["number"])
                self.held.pop(item["number"], None)
                if line:
                    self.keep(line)
            elif item["type"] == "gone":
                self.held.pop(item["number"], None)
            else:
                assert item["type"] == "agreement"
                if "drop" in item["action"]:
                    self.forget(item["terms"])
                if "pull again" in item["action"]:
                    self.pull()
            self.after = item["index"]
        moved = page.next_after > self.after or bool(page.results)
        self.after = page.next_after
        return moved

    def forget(self, terms):
        """All that these terms do not cover, judged by nothing but what is held."""
        self.held = {
            number: body
            for number, body in self.held.items()
            if body["state"] in terms["states"]
            and (terms["categories"] is None or body["category"] in terms["categories"])
            and (terms["regions"] is None or body["region"] in terms["regions"])
        }

    def expected(self):
        fresh = Follower(self.partner)
        fresh.pull()
        return fresh.held


class Crowd:
    """Threads that go on until they are told to stop, each with a connection of its own."""

    def __init__(self):
        self.stopped = threading.Event()
        self.pool = ThreadPoolExecutor(24)
        self.running = []

    def go(self, do, *, pause=0.0):
        def run():
            try:
                while not self.stopped.is_set():
                    do()
                    time.sleep(pause)
            finally:
                connection.close()

        self.running.append(self.pool.submit(run))

    def stop(self):
        self.stopped.set()
        for running in self.running:
            running.result(timeout=60)
        self.pool.shutdown()


@pytest.fixture
def claims(_django_db_marker):
    """Keys of claims that anybody may act on, in two categories."""
    for person in ("olena", *(f"writer{n}" for n in range(WRITERS))):
        make.user(person)
    return [make.claim(answers={"katottg": make.IRPIN}).pk, make.claim("A2.1").pk]


def test_followers_of_every_kind_end_with_what_a_fresh_pull_shows(claims, partner):
    steady, narrowing, widening, restless = followers = [
        Follower(partner("Steady", ALL)),
        Follower(partner("Narrowing", ALL)),
        Follower(partner("Widening", DECIDED)),
        Follower(partner("Restless", IN_REVIEW)),
    ]
    joining = partner("Joining", IN_REVIEW)
    joined = []
    writers = [Writer(seed, claims) for seed in range(WRITERS)]
    dice = random.Random(2022)  # noqa: S311

    def change(follower, terms):
        if terms != agreements.current(follower.partner):
            agreements.change(follower.partner, terms, by=log.SYSTEM)

    crowd = Crowd()
    crowd.go(sealing.seal, pause=0.02)
    for writer in writers:
        crowd.go(writer.act)
    for follower in (steady, narrowing, widening, restless):
        crowd.go(follower.read, pause=0.005)
    crowd.go(lambda: change(restless, dice.choice(TERMS)), pause=SECONDS / 20)
    crowd.go(lambda: joined.append(Follower(joining).join()), pause=SECONDS / 12)
    try:
        time.sleep(SECONDS / 3)
        change(narrowing, IN_REVIEW)
        change(widening, ALL)
        time.sleep(SECONDS / 3)
        change(narrowing, replace(IRPINS, states=("under_review", "recorded")))
        time.sleep(SECONDS / 3)
    finally:
        crowd.stop()
    while sealing.seal():
        pass
    for follower in (*followers, *joined):
        while follower.read():
            pass
        assert follower.after == feed.ledger_index()

    done = sum((writer.done for writer in writers), Counter())
    possible = {"submit", *(name for names in Writer.FITTING.values() for name in names)}
    assert len(possible & set(done)) >= (len(possible) if SECONDS >= 30 else 6), done
    assert all(follower.told["claim"] for follower in followers)
    for follower in (*followers, *joined):
        expected = follower.expected()
        differing = {
            n for n in expected.keys() | follower.held.keys() if expected.get(n) != follower.held.get(n)
        }
        assert not differing, (follower.partner, sorted(differing))
    assert narrowing.told["gone"]
    assert widening.told["agreement"] == 2
    assert steady.held.keys() == set(Claim.objects.exclude(number=None).values_list("number", flat=True))
