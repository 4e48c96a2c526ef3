"""What a partner is told of an act: judged by the entry, before and after, and by the terms now and then."""

import json
from dataclasses import replace
from datetime import date
from uuid import uuid4

import pytest

from accounts.roles import Role
from claims import catalogue, entries, filing, lifecycle, mandates
from claims.mandates import SECTIONS, ClaimantKind, Folder
from claims.models import Category, Claim, State
from ledger import log, sealing
from partners import agreements, changes, feed
from partners.agreements import OPEN_STATES, Terms
from tests import make

pytestmark = pytest.mark.django_db

ALL = Terms(categories=None, regions=None, states=OPEN_STATES, sections=SECTIONS)
SUBMITTED = replace(ALL, states=("submitted",))
REVIEWED = replace(ALL, states=("under_review",))
HOMES = replace(ALL, categories=("A3.1",))


def seal():
    """Seals what waits. The last index."""
    while sealing.seal():
        pass
    return feed.ledger_index()


def told(partner, after=-1, limit=1000):
    return changes.after(partner, after=after, limit=limit).results


def in_short(items):
    return [(item["type"], item.get("number") or item.get("action")) for item in items]


def short(partner, after=-1):
    return in_short(told(partner, after))


def review(claim):
    lifecycle.start_review(claim, by=make.user("iryna"), office=Role.REVIEWER)


def finish(claim, to=State.ELIGIBLE):
    lifecycle.finish_review(claim, to=to, by=make.user("mykola"), office=Role.REVIEWER)


def decide(claim, outcome=State.RECORDED):
    decision = uuid4()
    lifecycle.bind([claim], decision=decision)
    lifecycle.decide(
        claim,
        decision=decision,
        outcome=outcome,
        version=claim.versions.latest("number"),
        rule="article_12",
        reason="Усе доведено.",
        decided_on=date(2026, 3, 7),
        by=make.user("bohdan").actor,
    )


@pytest.fixture
def start(partner):
    """The partner, and the index behind which nothing has happened yet."""

    def start(terms=ALL):
        ministry = partner(terms=terms)
        return ministry, seal()

    return start


# --- What was erased ---


def test_who_pulled_a_claim_is_told_which_of_its_sections_were_erased(start):
    claim = make.claim(answers=make.answers())
    ministry, before = start(replace(ALL, sections=("core", "loss", "place")))
    digest = claim.versions.get().digest
    make.erased(claim, "loss", "account")
    seal()
    [item] = told(ministry, before)
    assert (item["type"], item["kind"], item["number"]) == ("claim", "claim.erased", claim.number)
    assert (item["facts"]["versions"], item["facts"]["sections"]) == ([digest], ["loss"])


def test_a_claim_whose_place_was_erased_leaves_an_agreement_about_its_region(start):
    claim = make.claim(answers=make.answers())
    ministry, before = start(replace(ALL, regions=("UA-32",)))
    make.erased(claim, "place")
    seal()
    assert short(ministry, before) == [("gone", claim.number)]
    assert feed.one(replace(ALL, regions=("UA-32",)), claim.number) is None


# --- An act ---


def test_an_act_on_a_covered_claim_is_told_with_its_facts(start):
    ministry, before = start()
    claim = make.claim(answers=make.answers())
    index = seal()
    [item] = told(ministry, before)
    version = claim.versions.get()
    assert item == {
        "index": index,
        "at": claim.submitted_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "type": "claim",
        "kind": "claim.submitted",
        "number": claim.number,
        "category": "A3.1",
        "region": "UA-32",
        "state": "submitted",
        "version_digest": version.digest,
        "facts": item["facts"],
    }
    assert item["facts"]["number"] == claim.number
    assert item["facts"]["evidence"] == 0


@pytest.mark.parametrize(("sections", "is_told"), [(("core", "place"), True), (("place",), False)])
def test_consents_are_told_to_those_alone_who_see_the_section_that_holds_them(start, sections, is_told):
    ministry, before = start(replace(SUBMITTED, sections=sections))
    claim = make.draft(answers=make.REQUIRED["individual"])
    filing.save_consents(claim, {}, notice=mandates.current().privacy_notice.version)
    make.submit(claim)
    seal()
    [item] = told(ministry, before)
    assert ("consents" in item["facts"]) == is_told


@pytest.mark.parametrize("sections", [(), ("core",), ("evidence",), ("core", "evidence")])
def test_a_fact_that_stands_in_a_section_is_told_with_that_section_alone(start, sections):
    ministry, before = start(replace(ALL, sections=("place", *sections)))
    claim = make.claim(files=[make.PDF])
    make.amend(claim, cause="Друге.")
    lifecycle.ask_to_replace_file(make.fresh(claim), by=log.SYSTEM, office="system", files=[claim.public_id])
    seal()
    facts = [item["facts"] for item in told(ministry, before)]
    for name, section in {
        "declaration": "core",
        "privacy_notice": "core",
        "files": "evidence",
    }.items():
        assert any(name in told_of for told_of in facts) == (section in sections)
    assert facts[0]["assurance"] == "self_declared"
    assert facts[0]["signature"] == "typed_declaration"


def test_what_is_told_of_each_open_act_is_a_closed_list(start):
    kinds = {
        kind.name: kind
        for kind in vars(entries).values()
        if isinstance(kind, log.Kind) and kind.is_open and kind.name.startswith("claim.")
    }
    assert changes.FACTS.keys() == kinds.keys()
    for name, told_of in changes.FACTS.items():
        assert told_of.keys() == kinds[name].facts.keys()


def test_a_fact_that_is_on_no_list_is_told_nobody(start):
    ministry, before = start()
    claim = make.claim()
    before = seal()
    standing = {"before": claim.standing, "after": claim.standing}
    kind = log.Kind("claim.withdrawn", is_open=True, facts={"note": str})
    unknown = log.Kind("claim.noted", is_open=True, facts={"note": str})
    for noted in (kind, unknown):
        log.append(
            noted, by=log.SYSTEM, office="system", claim=claim.public_id, facts={"note": "x"}, **standing
        )
    seal()
    assert [item["facts"] for item in told(ministry, before)] == [{}, {}]


@pytest.mark.parametrize(("states", "is_told"), [(OPEN_STATES, True), (("submitted",), False)])
def test_an_earlier_claim_is_named_only_to_those_who_may_see_it(
    start, states, is_told, django_assert_num_queries
):
    ministry, before = start(replace(ALL, states=states))
    for by in ("olena", "petro", "iryna"):
        earlier = make.claim(by=by)
        make.withdraw(earlier)
        make.submit(refiled(earlier))
    seal()
    with django_assert_num_queries(7):  # the earlier claims in one
        facts = [i["facts"] for i in told(ministry, before) if i.get("kind") == "claim.submitted"]
    assert len(facts) == 6
    assert sum("refiles" in told_of for told_of in facts) == (3 if is_told else 0)


def refiled(earlier):
    claim = filing.start(
        earlier.category,
        kind=ClaimantKind(earlier.claimant_kind),
        by=earlier.filed_by,
        language="en",
        again=Claim.objects.get(pk=earlier.pk),
    )
    for page in claim.form.pages:
        saved = {q.id: make.REQUIRED["individual"].get(q.id) for q in page.questions}
        if saved := {q: a for q, a in saved.items() if a}:
            filing.save_page(claim, page, saved, complete=True)
    return claim


def test_an_act_is_told_once_it_is_sealed(start):
    ministry, before = start()
    make.claim()
    assert changes.after(ministry, after=before, limit=10) == changes.Changes([], next_after=before)
    seal()
    assert len(told(ministry, before)) == 1


def test_a_change_in_the_same_state_is_told_too(start):
    ministry, before = start()
    claim = make.claim()
    make.amend(claim, cause="Друге.")
    seal()
    first, second = told(ministry, before)
    assert (second["kind"], second["state"]) == ("claim.amended", "submitted")
    assert second["version_digest"] == claim.versions.get(number=2).digest != first["version_digest"]


def test_acts_come_in_the_order_of_the_ledger(start):
    ministry, before = start()
    claim = make.claim()
    review(claim)
    other = make.claim(by="petro")
    lifecycle.withdraw(claim, by=claim.filed_by)
    seal()
    assert [(i["index"], i["number"], i["state"]) for i in told(ministry, before)] == [
        (before + 1, claim.number, "submitted"),
        (before + 2, claim.number, "under_review"),
        (before + 3, other.number, "submitted"),
        (before + 4, claim.number, "withdrawn"),
    ]


def test_internal_acts_are_not_told(start):
    ministry, before = start()
    make.staff("iryna", Role.REVIEWER)
    noted = log.Kind("review.noted", is_open=False)
    claim = make.claim()
    log.append(
        noted,
        by=log.SYSTEM,
        office="system",
        claim=claim.public_id,
        before=claim.standing,
        after=claim.standing,
    )
    assert seal() > before + 2
    assert short(ministry, before) == [("claim", claim.number)]


@pytest.mark.parametrize("recommended", [State.ELIGIBLE, State.INELIGIBLE])
def test_what_the_review_recommends_is_told_nobody(start, recommended):
    ministry, before = start()
    claim = make.claim()
    review(claim)
    finish(claim, recommended)
    seal()
    items = told(ministry, before)
    assert items[-1]["state"] == "awaiting_decision"
    assert "eligible" not in json.dumps(items)


def test_a_partner_may_ask_from_an_index_that_is_yet_to_come(start):
    ministry, before = start()
    assert changes.after(ministry, after=before + 10**12, limit=10) == changes.Changes([], before + 10**12)


# --- A claim that enters and leaves ---


def test_a_claim_that_leaves_the_agreement_leaves_a_tombstone_that_says_no_more_than_that(start):
    ministry, before = start(SUBMITTED)
    claim = make.claim()
    review(claim)
    index = seal()
    tombstone = told(ministry, before)[-1]
    assert tombstone == {
        "index": index,
        "at": tombstone["at"],
        "type": "gone",
        "number": claim.number,
    }


def test_a_claim_that_enters_leaves_and_enters_again_is_told_each_time(start):
    ministry, before = start(REVIEWED)
    claim = make.claim()
    review(claim)
    finish(claim)
    lifecycle.return_to_review(claim, by=make.user("iryna"), office=Role.REVIEWER)
    lifecycle.withdraw(claim, by=claim.filed_by)
    seal()
    assert short(ministry, before) == [
        ("claim", claim.number),
        ("gone", claim.number),
        ("claim", claim.number),
        ("gone", claim.number),
    ]


def test_of_a_claim_that_was_never_covered_nothing_is_told(start):
    ministry, before = start(replace(ALL, states=("recorded",)))
    claim = make.claim()
    review(claim)
    lifecycle.withdraw(claim, by=claim.filed_by)
    seal()
    assert told(ministry, before) == []


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (HOMES, ["home"]),
        (replace(ALL, categories=("A2.1",)), ["death"]),
        (replace(ALL, regions=("UA-32",)), ["home"]),
        (replace(ALL, regions=("UA-63",)), []),
    ],
)
def test_category_and_region_decide_as_they_do_in_a_pull(start, terms, expected):
    ministry, before = start(terms)
    numbers = {
        make.claim("A3.1", answers=make.answers()).number: "home",
        make.claim("A2.1", by="petro").number: "death",
    }
    seal()
    assert [numbers[item["number"]] for item in told(ministry, before)] == expected


def test_a_claim_that_moves_to_another_region_leaves_one_agreement_and_enters_the_other(partner):
    kyiv = partner("Kyiv", replace(ALL, regions=("UA-32",)))
    donetsk = partner("Donetsk", replace(ALL, regions=("UA-14",)))
    claim = make.claim(answers=make.answers())
    before = seal()
    bakhmut = {"code": "UA14020010010059145", "name": "Бахмут"}
    make.amend(claim, katottg=bakhmut)
    seal()
    assert short(kyiv, before) == [("gone", claim.number)]
    assert short(donetsk, before) == [("claim", claim.number)]


# --- The agreement changes ---


def test_a_narrowing_is_a_tombstone_for_all_that_is_no_longer_covered(start):
    ministry, before = start(ALL)
    agreements.change(ministry, HOMES, by=log.SYSTEM)
    index = seal()
    [item] = told(ministry, before)
    assert item == {
        "index": index,
        "at": item["at"],
        "type": "agreement",
        "version": 2,
        "widened": False,
        "narrowed": True,
        "terms": json.loads(HOMES.text),
        "action": "drop",
    }


def test_a_widening_says_pull_again(start):
    ministry, before = start(HOMES)
    agreements.change(ministry, ALL, by=log.SYSTEM)
    seal()
    assert short(ministry, before) == [("agreement", "pull again")]


def test_narrower_here_and_wider_there_says_both(start):
    ministry, before = start(HOMES)
    agreements.change(ministry, replace(ALL, categories=("A2.1",)), by=log.SYSTEM)
    seal()
    assert short(ministry, before) == [("agreement", "drop and pull again")]


def test_each_version_is_told_with_its_own_terms(start):
    ministry, before = start(ALL)
    for terms in (HOMES, SUBMITTED, ALL):
        agreements.change(ministry, terms, by=log.SYSTEM)
    seal()
    items = told(ministry, before)
    assert [item["version"] for item in items] == [2, 3, 4]
    assert [item["terms"] for item in items] == [json.loads(t.text) for t in (HOMES, SUBMITTED, ALL)]


def test_the_agreements_of_others_are_nobodys_business(start, partner):
    ministry, before = start(ALL)
    court = partner("Court", ALL)
    agreements.change(court, HOMES, by=log.SYSTEM)
    agreements.suspend(court, by=log.SYSTEM)
    assert seal() > before
    assert told(ministry, before) == []


def test_a_partner_who_comes_late_is_told_of_what_is_covered_now_and_when_it_came(partner):
    home = make.claim("A3.1")
    death = make.claim("A2.1", by="petro")
    ministry = partner(terms=HOMES)
    later = make.claim("A3.1", by="iryna")
    seal()
    assert death.number not in {item.get("number") for item in told(ministry)}
    assert short(ministry) == [("claim", home.number), ("agreement", "pull again"), ("claim", later.number)]


def test_before_the_agreement_was_narrowed_its_terms_of_then_make_the_tombstones(start):
    """The partner may hold the claim from that time, and has yet to read that the agreement was narrowed."""
    ministry, before = start(ALL)
    claim = make.claim("A2.1")
    review(claim)
    agreements.change(ministry, HOMES, by=log.SYSTEM)
    seal()
    assert short(ministry, before) == [("gone", claim.number), ("agreement", "drop")]


def test_after_the_agreement_was_narrowed_nothing_is_told_of_what_it_no_longer_covers(start):
    ministry, _before = start(ALL)
    claim = make.claim("A2.1")
    agreements.change(ministry, HOMES, by=log.SYSTEM)
    before = seal()
    review(claim)
    seal()
    assert told(ministry, before) == []


def test_before_the_agreement_was_widened_the_wider_terms_count_already(start):
    """They do in a pull: what the partner pulls now must not be left behind when it leaves."""
    ministry, before = start(HOMES)
    claim = make.claim("A2.1")
    review(claim)
    agreements.change(ministry, replace(SUBMITTED, categories=("A3.1", "A2.1")), by=log.SYSTEM)
    seal()
    assert short(ministry, before) == [
        ("claim", claim.number),
        ("gone", claim.number),
        ("agreement", "drop and pull again"),
    ]


def test_terms_count_from_when_they_are_made_not_from_when_they_are_sealed(start):
    ministry, before = start(ALL)
    claim = make.claim("A2.1")
    review(claim)
    seal()
    agreements.change(ministry, HOMES, by=log.SYSTEM)  # not sealed
    assert short(ministry, before) == [("gone", claim.number)]


# --- A category becomes sensitive ---


def load(code, *, sensitive):
    """A further wording of a category, as a release of the mandate brings it."""
    raw = json.loads(Category.objects.get(code=code).newest.content)
    raw["category"] |= {"sensitive": sensitive, "version": raw["category"]["version"] + 1}
    catalogue.load(Folder(mandates.current(), {code: (mandates.category(raw, code), raw)}))


def test_a_category_that_becomes_sensitive_is_dropped_as_a_whole(start):
    ministry, before = start(ALL)
    load("A2.1", sensitive=True)
    index = seal()
    [item] = told(ministry, before)
    assert item == {
        "index": index,
        "at": item["at"],
        "type": "category",
        "category": "A2.1",
        "action": "drop",
    }


def test_a_category_that_is_no_longer_sensitive_is_pulled_again(start):
    ministry, before = start(ALL)
    load("A2.1", sensitive=True)
    load("A2.1", sensitive=False)
    seal()
    assert short(ministry, before) == [("category", "drop"), ("category", "pull again")]


def test_nothing_is_told_of_acts_in_a_sensitive_category(start):
    ministry, before = start(ALL)
    make.claim("A2.1")
    load("A2.1", sensitive=True)
    seal()
    assert short(ministry, before) == [("category", "drop")]


@pytest.mark.parametrize(
    "terms",
    [HOMES, replace(ALL, sensitive_categories=("A2.1",)), replace(HOMES, sensitive_categories=("A2.1",))],
)
def test_whether_a_category_is_sensitive_is_nothing_to_those_who_have_it_anyway_or_not_at_all(start, terms):
    ministry, before = start(terms)
    load("A2.1", sensitive=True)
    load("A2.1", sensitive=True)
    load("A2.1", sensitive=False)
    seal()
    assert told(ministry, before) == []


# --- Going on ---


def walk(partner, after, limit):
    """Page by page to the end: the items of each page, and where each page ended."""
    pages = []
    while True:
        page = changes.after(partner, after=after, limit=limit)
        if page.next_after == after:
            return pages
        pages.append((in_short(page.results), page.next_after))
        after = page.next_after


def test_pages_go_on_behind_the_last_item(start):
    ministry, before = start()
    numbers = [make.claim(by=f"person{n}").number for n in range(5)]
    end = seal()
    items = [("claim", number) for number in numbers]
    assert walk(ministry, before, 2) == [
        (items[:2], told(ministry, before)[1]["index"]),
        (items[2:4], told(ministry, before)[3]["index"]),
        (items[4:], end),
    ]
    assert walk(ministry, before, 1000) == [(items, end)]


def test_a_run_of_what_is_not_shown_is_passed_in_steps_of_a_bounded_size(start, monkeypatch):
    monkeypatch.setattr(changes, "WINDOW", 2)
    ministry, before = start(HOMES)
    for n in range(5):
        make.claim("A2.1", by=f"person{n}")
    home = make.claim("A3.1")
    end = seal()
    pages = walk(ministry, before, 1)
    steps = [next_after for _items, next_after in pages]
    assert [items for items, _next in pages if items] == [[("claim", home.number)]]
    assert all(later - earlier <= 2 for earlier, later in zip([before, *steps], steps, strict=False))
    assert steps[-1] == end


def test_a_page_that_is_full_leaves_the_rest_of_its_window_for_the_next(start, monkeypatch):
    monkeypatch.setattr(changes, "WINDOW", 3)
    ministry, before = start()
    claim = make.claim()
    review(claim)
    seal()
    first = changes.after(ministry, after=before, limit=1)
    second = changes.after(ministry, after=first.next_after, limit=1)
    assert [i["state"] for i in (*first.results, *second.results)] == ["submitted", "under_review"]


@pytest.mark.parametrize("count", [0, 1, 30])
def test_the_same_few_queries_however_much_is_told(start, count, django_assert_num_queries):
    ministry, before = start()
    claim = make.claim()
    for _n in range(count):
        log.append(
            log.Kind("claim.noted", is_open=True),
            by=log.SYSTEM,
            office="system",
            claim=claim.public_id,
            before=claim.standing,
            after=claim.standing,
        )
    seal()
    with django_assert_num_queries(6):  # the end, its window, entries, terms, sensitive categories, numbers
        assert len(told(ministry, before)) == count + 1
