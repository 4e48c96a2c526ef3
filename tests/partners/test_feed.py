"""A claim as a partner gets it: byte for byte what was frozen, and no more than the agreement grants."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.roles import Role
from claims import lifecycle
from claims.mandates import SECTIONS
from claims.models import Category, Claim, ClaimVersion, Outcome, State
from partners import feed
from partners.agreements import DEMO_TERMS, OPEN_STATES, Terms
from tests import make

pytestmark = pytest.mark.django_db

ALL = Terms(categories=None, regions=None, states=OPEN_STATES, sections=SECTIONS, evidence=True)
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.text(CHARACTERS, min_size=1, max_size=60).filter(str.strip)  # white space alone is no answer
MEMBERS = [
    "number",
    "category",
    "category_version",
    "claimant_kind",
    "region",
    "state",
    "submitted_at",
    "recorded_at",
    "version",
    "version_digest",
    "made_at",
    "assurance",
    "signature",
    "outcome",
    "erased",
    "sections",
    "salts",
    "manifest",
]


def pulled(claim, terms=ALL):
    return json.loads(feed.one(terms, claim.number))


def numbers(terms, **filters):
    return [json.loads(line)["number"] for line in feed.page(terms, after=None, limit=100, **filters).lines]


def streamed(terms, **how):
    return b"".join(feed.stream(terms, **how)).decode().split("\n")[:-1]


def every_way(claim, terms):
    """The claim's text from the single look, the page and the stream, which are one."""
    one = feed.one(terms, claim.number)
    assert feed.page(terms, after=None, limit=100).lines == [one] == streamed(terms)
    return one


def awaiting(claim, to=State.ELIGIBLE):
    lifecycle.start_review(claim, by=make.user("iryna"), office=Role.REVIEWER)
    lifecycle.finish_review(claim, to=to, by=make.user("mykola"), office=Role.REVIEWER)


def decide(claim, outcome=State.RECORDED, *, reason="Усе доведено.", on=date(2026, 3, 7)):
    decision = uuid4()
    lifecycle.bind([claim], decision=decision)
    return lifecycle.decide(
        claim,
        decision=decision,
        outcome=outcome,
        version=claim.versions.latest("number"),
        rule="article_12",
        reason=reason,
        decided_on=on,
        by=make.user("bohdan").actor,
    )


def reopen(claim):
    lifecycle.reopen(
        claim, by=make.user("bohdan"), ground="new_facts", reason="Нове.", decided_on=date(2026, 4, 1)
    )


def put(claim, **changes):
    """As no act does: a further version, like the newest but for these columns."""
    version = claim.versions.latest("number")
    version.pk, version.number = None, version.number + 1
    for column, value in changes.items():
        setattr(version, column, value)
    version.save(force_insert=True)
    Claim.objects.filter(pk=claim.pk).update(version=version.number)
    return version


# --- Byte for byte ---


def test_sections_are_embedded_as_the_very_texts_that_were_hashed():
    claim = make.claim(answers=make.answers(), files=[make.PDF])
    text = every_way(claim, ALL)
    version = claim.versions.get()
    for name in SECTIONS:
        assert f'"{name}":{getattr(version, name)}' in text
    assert text.endswith(f'"manifest":{version.manifest}}}')


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(said=TEXTS)
@example(said="\"'\\\\.\\n")
@example(said="\\.")
@example(said="a\nb\rc\td\x01e\x02f\x1f\x7f")
@example(said="😢\u2028\u2029\u0085\ufeff,;")
def test_whatever_was_typed_digests_can_be_computed_from_what_a_partner_gets(said):
    claim = make.claim(answers={"cause": said})
    text = feed.one(ALL, claim.number)
    assert text in streamed(ALL)
    body = json.loads(text)
    assert body["sections"]["account"]["cause"]["answer"] == said
    version = claim.versions.get()
    for name, digest in body["manifest"]["sections"].items():
        section = getattr(version, name)
        assert f'"{name}":{section}' in text
        assert hashlib.sha256(bytes.fromhex(body["salts"][name]) + section.encode()).hexdigest() == digest
    assert hashlib.sha256(version.manifest.encode()).hexdigest() == body["version_digest"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(reason=TEXTS)
@example(reason="\"'\\\\.\n\r\x01\x02😢\u2028")
def test_whatever_the_board_wrote_its_digest_can_be_computed(reason):
    claim = make.claim()
    awaiting(claim)
    decide(claim, reason=reason)
    outcome = json.loads(next(line for line in streamed(ALL) if claim.number in line))["outcome"]
    assert outcome["reason"] == reason
    assert hashlib.sha256(bytes.fromhex(outcome["salt"]) + reason.encode()).hexdigest() == outcome["digest"]


# --- What it says ---


def test_a_claim_says_how_it_stands_and_how_sure_we_are():
    claim = make.claim(answers=make.answers())
    instant = datetime(2026, 3, 7, 10, 20, 30, 120000, tzinfo=UTC)
    version = put(claim, made_at=instant, assurance="document_seen", signature="signed_paper")
    body = pulled(claim)
    assert list(body) == MEMBERS
    assert {name: body[name] for name in MEMBERS[:13]} == {
        "number": claim.number,
        "category": "A3.1",
        "category_version": 2,
        "claimant_kind": "individual",
        "region": "UA-32",
        "state": "submitted",
        "submitted_at": claim.submitted_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "recorded_at": None,
        "version": 2,
        "version_digest": version.digest,
        "made_at": "2026-03-07T10:20:30.120000Z",
        "assurance": "document_seen",
        "signature": "signed_paper",
    }


def test_times_are_in_utc_whatever_the_session_says():
    claim = make.claim()
    with timezone.override("Europe/Kyiv"):
        body = pulled(claim)
    assert body["submitted_at"] == claim.submitted_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_a_claim_without_region_says_null():
    assert pulled(make.claim())["region"] is None


def test_a_recorded_claim_has_its_outcome_and_time():
    claim = make.claim()
    awaiting(claim)
    outcome = decide(claim)
    body = pulled(claim)
    assert body["state"] == "recorded"
    assert body["recorded_at"] == make.fresh(claim).recorded_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert body["outcome"] == {
        "outcome": "recorded",
        "rule": "article_12",
        "decided_on": "2026-03-07",
        "reason": "Усе доведено.",
        "salt": bytes(outcome.salt).hex(),
        "digest": outcome.digest,
    }


def test_an_undecided_claim_has_no_outcome():
    assert pulled(make.claim())["outcome"] is None


def test_a_claim_that_the_board_returned_has_no_outcome():
    claim = make.claim()
    awaiting(claim)
    decide(claim, State.UNDER_REVIEW)
    body = pulled(claim)
    assert (body["state"], body["outcome"]) == ("under_review", None)


def test_a_reopened_claim_keeps_what_was_decided_last():
    claim = make.claim()
    awaiting(claim, State.INELIGIBLE)
    decide(claim, State.REJECTED_WITHOUT_PREJUDICE)
    reopen(claim)
    body = pulled(claim)
    assert (body["state"], body["outcome"]["outcome"]) == ("under_review", "rejected_without_prejudice")


def test_an_outcome_whose_reason_was_erased_keeps_its_digest():
    claim = make.claim()
    awaiting(claim)
    outcome = decide(claim)
    outcome.pk, outcome.reason, outcome.salt = None, None, None
    outcome.save(force_insert=True)
    assert pulled(claim)["outcome"]["reason"] is None
    assert pulled(claim)["outcome"]["salt"] is None
    assert pulled(claim)["outcome"]["digest"] == outcome.digest


def test_an_erased_section_is_null_and_so_is_its_salt():
    claim = make.erased(make.claim(answers=make.answers()), "account")
    body = json.loads(every_way(claim, ALL))
    assert (body["sections"]["account"], body["salts"]["account"], body["erased"]) == (None, None, True)
    assert body["sections"]["core"]
    assert body["manifest"]["sections"]["account"]


@pytest.mark.parametrize("sections", [(), ("core",)])
def test_what_was_erased_outside_the_granted_sections_is_not_told(sections):
    claim = make.erased(make.claim(), "account")
    assert json.loads(every_way(claim, replace(ALL, sections=sections)))["erased"] is False


def test_only_the_newest_version_is_shown():
    claim = make.claim(answers={"cause": "Перше."})
    make.amend(claim, cause="Друге.")
    text = every_way(claim, ALL)
    assert "Друге." in text
    assert "Перше." not in text
    assert json.loads(text)["version"] == 2


# --- No more than is granted ---


@pytest.mark.parametrize("sections", [(), ("core",), ("claimant", "evidence"), SECTIONS])
def test_sections_and_salts_are_those_granted(sections):
    claim = make.claim(answers=make.answers(), files=[make.PDF])
    body = json.loads(every_way(claim, replace(ALL, sections=sections)))
    assert tuple(body["sections"]) == tuple(body["salts"]) == sections
    assert sorted(body["manifest"]["sections"]) == sorted(SECTIONS)


def test_nothing_of_a_section_that_is_not_granted_is_in_the_text():
    claim = make.claim(answers=make.answers(cause="Ніхто не знає."))
    text = every_way(claim, replace(ALL, sections=tuple(s for s in SECTIONS if s != "account")))
    assert "Ніхто не знає." not in text
    assert bytes(claim.versions.get().account_salt).hex() not in text


@pytest.mark.parametrize("recommended", [State.ELIGIBLE, State.INELIGIBLE])
def test_what_the_review_recommends_never_leaves_the_house(recommended):
    claim = make.claim(answers=make.answers(), files=[make.PDF])
    awaiting(claim, recommended)
    text = every_way(claim, ALL)
    assert json.loads(text)["state"] == "awaiting_decision"
    assert "eligible" not in text


def test_keys_of_the_database_do_not_leave_the_house():
    """Only random ids and what they name: the claim's own stands in the manifest, which is hashed."""
    claim = make.claim(answers=make.answers(), files=[make.PDF])
    keys = {"id", "pk", "filed_by", "claimant_id", "category_id", "discreet", "bound_by"}

    def names(value):
        if isinstance(value, dict):
            yield from value
            for inner in value.values():
                yield from names(inner)

    body = pulled(claim)
    sections = body.pop("sections")
    assert keys.isdisjoint(names(body))
    assert [file["id"] for file in sections["evidence"]] == [
        str(a.evidence_file.public_id) for a in claim.attachments.all()
    ]


def test_drafts_are_nobody_elses():
    make.draft()
    assert numbers(ALL) == streamed(ALL) == []


@pytest.mark.parametrize("state", OPEN_STATES)
def test_each_state_is_shown_to_those_alone_whose_terms_name_it(state):
    inside = {"awaiting_decision": "ineligible"}.get(state, state)
    claim = make.claim()
    recorded_at = timezone.now() if state == "recorded" else None
    Claim.objects.filter(pk=claim.pk).update(state=inside, recorded_at=recorded_at)
    assert numbers(replace(ALL, states=(state,))) == [claim.number]
    others = replace(ALL, states=tuple(s for s in OPEN_STATES if s != state))
    assert numbers(others) == streamed(others) == []
    assert feed.one(others, claim.number) is None


def test_claims_are_those_of_the_categories_and_regions_agreed():
    home = make.claim("A3.1", answers=make.answers())
    death = make.claim("A2.1", by="petro")
    assert set(numbers(ALL)) == {home.number, death.number}
    assert numbers(replace(ALL, categories=("A2.1",))) == [death.number]
    assert numbers(replace(ALL, regions=("UA-32",))) == [home.number]
    assert numbers(replace(ALL, regions=("UA-63",))) == []
    assert numbers(replace(ALL, categories=())) == []
    assert feed.one(replace(ALL, categories=("A2.1",)), home.number) is None


def test_a_sensitive_category_is_shown_only_where_it_is_named_as_such():
    claim = make.claim("A2.1")
    Category.objects.filter(code="A2.1").update(sensitive=True)
    assert numbers(ALL) == numbers(replace(ALL, categories=("A2.1",))) == []
    assert numbers(replace(ALL, sensitive_categories=("A2.1",))) == [claim.number]
    assert numbers(replace(ALL, categories=("A3.1",), sensitive_categories=("A2.1",))) == [claim.number]


def test_filters_narrow_what_the_terms_cover_and_never_widen_it():
    home = make.claim("A3.1", answers=make.answers())
    death = make.claim("A2.1", by="petro")
    awaiting(death)
    assert numbers(ALL, category="A3.1") == numbers(ALL, region="UA-32") == [home.number]
    assert numbers(ALL, state="submitted") == [home.number]
    assert numbers(ALL, state="awaiting_decision") == [death.number]
    assert numbers(ALL, state="eligible") == numbers(ALL, category="B9.9") == []
    assert numbers(replace(ALL, categories=("A2.1",)), category="A3.1") == []
    assert numbers(replace(ALL, regions=("UA-63",)), region="UA-32") == []
    assert numbers(replace(ALL, states=("recorded",)), state="submitted") == []


def test_the_demo_agreement_shows_recorded_claims_in_four_sections():
    make.claim(by="petro")
    claim = make.claim()
    awaiting(claim)
    decide(claim)
    assert numbers(DEMO_TERMS) == [claim.number]
    assert list(pulled(claim, DEMO_TERMS)["sections"]) == ["core", "claimant", "place", "loss"]


# --- Evidence ---


def test_files_of_the_newest_version_can_be_fetched_if_evidence_is_agreed():
    claim = make.claim(files=[make.PDF])
    ids = {str(a.evidence_file.public_id) for a in claim.attachments.all()}
    assert feed.files(ALL, claim.number) == ids
    assert feed.files(replace(ALL, evidence=False), claim.number) == frozenset()
    assert feed.files(replace(ALL, states=("recorded",)), claim.number) == frozenset()
    assert feed.files(ALL, "UA-0000-0000-0") == frozenset()


def test_no_file_can_be_fetched_whose_listing_was_erased():
    claim = make.erased(make.claim(files=[make.PDF]), "evidence")
    assert feed.files(ALL, claim.number) == frozenset()


# --- Pages ---


@pytest.fixture
def five():
    return sorted(make.claim(by=f"person{n}").number for n in range(5))


def walk(terms, limit, **filters):
    after, found = None, []
    while True:
        page = feed.page(terms, after=after, limit=limit, **filters)
        found.append([json.loads(line)["number"] for line in page.lines])
        if not page.more:
            return found
        after = page.last


def test_pages_go_on_in_the_order_of_the_numbers(five):
    assert walk(ALL, 2) == [five[:2], five[2:4], five[4:]]
    assert walk(ALL, 5) == [five]
    assert walk(ALL, 100) == [five]


def test_pages_show_what_the_stream_shows(five):
    lines = [
        line
        for page in (feed.page(ALL, after=None, limit=3), feed.page(ALL, after=five[2], limit=3))
        for line in page.lines
    ]
    assert lines == streamed(ALL) == [feed.one(ALL, number) for number in five]


def test_a_page_looks_at_a_bounded_number_of_claims(five, monkeypatch):
    monkeypatch.setattr(feed, "WINDOW_OF_A_PAGE", 1)
    monkeypatch.setattr(feed, "WINDOWS_OF_A_PAGE", 2)
    Claim.objects.filter(number=five[4]).update(state="withdrawn")
    withdrawn = replace(ALL, states=("withdrawn",))
    assert walk(withdrawn, 100) == [[], [], [five[4]]]
    assert walk(ALL, 100) == [five[:2], five[2:4], five[4:]]
    assert walk(ALL, 1) == [[number] for number in five]


def test_an_empty_register_is_one_empty_page():
    assert feed.page(ALL, after=None, limit=10) == feed.Page(lines=[], last=None, more=False)


@pytest.mark.parametrize("count", [1, 30])
def test_a_page_takes_the_same_few_queries_however_many_claims_it_has(count, django_assert_num_queries):
    claim = make.claim()
    for n in range(1, count):
        copy = Claim.objects.get(pk=claim.pk)
        copy.pk, copy.public_id, copy.number = None, uuid4(), f"UA-{n:04}-0000-0"
        copy.save(force_insert=True)
        version = ClaimVersion.objects.get(claim=claim)
        version.pk, version.claim = None, copy
        version.save(force_insert=True)
    with django_assert_num_queries(3):  # categories, the window's end, the claims
        assert len(feed.page(ALL, after=None, limit=100).lines) == count
    with django_assert_num_queries(2):  # and the COPY, of which Django knows nothing
        assert len(streamed(ALL)) == count


def test_there_is_one_outcome_however_many_were_written():
    claim = make.claim()
    awaiting(claim, State.INELIGIBLE)
    decide(claim, State.REJECTED_WITHOUT_PREJUDICE)
    reopen(claim)
    lifecycle.finish_review(claim, to=State.ELIGIBLE, by=make.user("mykola"), office=Role.REVIEWER)
    decide(claim)
    assert Outcome.objects.filter(claim=claim).count() == 3
    assert json.loads(every_way(claim, ALL))["outcome"]["outcome"] == "recorded"
