"""What an agreement's terms cover, how two of them compare, and how strictly a file of them is read."""

import json
import re
from dataclasses import replace

import pytest
import rfc8785
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from claims.mandates import SECTIONS
from claims.models import Category, State
from ledger.log import Standing
from partners import agreements
from partners.agreements import DEMO_TERMS, OPEN_STATES, Terms, TermsRefused

CODES = ["A2.1", "A3.1", "C3.1", "D9.9"]
REGIONS = ["UA-32", "UA-63", "UA-14"]


def some(values):
    return st.lists(st.sampled_from(list(values)), max_size=4)


terms = st.builds(
    Terms,
    categories=st.none() | some(CODES),
    regions=st.none() | some(REGIONS),
    states=some(OPEN_STATES),
    sections=some(SECTIONS),
    evidence=st.booleans(),
    sensitive_categories=some(CODES),
)
standings = st.builds(
    Standing,
    category=st.sampled_from(CODES),
    region=st.none() | st.sampled_from(REGIONS),
    state=st.sampled_from([*OPEN_STATES, *State.values]),
)
sensitive = st.frozensets(st.sampled_from(CODES))

EVERYTHING = Terms(
    categories=None, regions=None, states=OPEN_STATES, sections=SECTIONS, sensitive_categories=tuple(CODES)
)
HOME = Standing("A3.1", "UA-32", "recorded")


@given(terms)
def test_terms_survive_being_kept(agreed):
    assert Terms.of_text(agreed.text) == agreed


@given(terms)
def test_terms_are_kept_in_canonical_json(agreed):
    assert agreed.text == rfc8785.dumps(json.loads(agreed.text)).decode()


@given(terms, st.randoms())
def test_the_order_in_which_a_list_is_written_makes_no_difference(agreed, random):
    def shuffled(values):
        return values and tuple(random.sample(values, len(values)) * 2)

    again = Terms(
        categories=shuffled(agreed.categories),
        regions=shuffled(agreed.regions),
        states=shuffled(agreed.states),
        sections=shuffled(agreed.sections),
        evidence=agreed.evidence,
        sensitive_categories=shuffled(agreed.sensitive_categories),
    )
    assert again == agreed
    assert again.digest == agreed.digest


@given(terms, standings, sensitive)
def test_a_ledger_entry_is_judged_like_a_claim(agreed, standing, now_sensitive):
    entered = {"category": standing.category, "region": standing.region, "state": standing.state}
    assert agreed.covers(entered, now_sensitive) == agreed.covers(standing, now_sensitive)


@given(terms, sensitive)
def test_what_stood_nowhere_is_not_covered(agreed, now_sensitive):
    assert not agreed.covers(None, now_sensitive)


@given(terms, standings, sensitive)
def test_a_sensitive_category_is_covered_only_by_name(agreed, standing, now_sensitive):
    if agreed.covers(standing, now_sensitive) and standing.category in now_sensitive:
        assert standing.category in agreed.sensitive_categories


@given(terms, standings, sensitive)
def test_only_open_states_are_ever_covered(agreed, standing, now_sensitive):
    if agreed.covers(standing, now_sensitive):
        assert standing.state in OPEN_STATES
        assert standing.state not in ("eligible", "ineligible", "draft")


@given(terms, terms, standings, sensitive)
def test_terms_that_include_others_cover_what_those_cover(wide, narrow, standing, now_sensitive):
    if wide.includes(narrow) and narrow.covers(standing, now_sensitive):
        assert wide.covers(standing, now_sensitive)


@given(terms, terms)
def test_terms_that_include_each_other_show_the_same(one, other):
    if one.includes(other) and other.includes(one):
        assert one.states == other.states
        assert one.sections == other.sections
        assert one.evidence == other.evidence


@given(terms)
def test_terms_include_themselves(agreed):
    assert agreed.includes(agreed)


def test_the_demo_agreement_covers_recorded_claims_from_everywhere():
    assert DEMO_TERMS.covers(HOME, frozenset())
    assert DEMO_TERMS.covers(Standing("A3.1", None, "recorded"), frozenset())
    assert not DEMO_TERMS.covers(Standing("A3.1", "UA-32", "submitted"), frozenset())
    assert not DEMO_TERMS.covers(HOME, frozenset({"A3.1"}))
    assert DEMO_TERMS.sections == ("core", "claimant", "place", "loss")
    assert DEMO_TERMS.evidence is False


def test_a_claim_without_region_is_not_in_any_of_the_regions_that_are_named():
    assert not replace(DEMO_TERMS, regions=("UA-32",)).covers(Standing("A3.1", None, "recorded"), ())


@pytest.mark.parametrize(
    ("change", "includes", "included"),
    [
        ({"categories": ("A3.1",)}, True, False),
        ({"regions": ("UA-32",)}, True, False),
        ({"states": ("recorded", "submitted")}, False, True),
        ({"sections": ("core",)}, True, False),
        ({"sections": (*DEMO_TERMS.sections, "evidence"), "evidence": True}, False, True),
        ({"sensitive_categories": ("C3.1",)}, False, True),
        ({"states": ("submitted",)}, False, False),
    ],
)
def test_wider_and_narrower(change, includes, included):
    changed = replace(DEMO_TERMS, **change)
    assert DEMO_TERMS.includes(changed) is includes
    assert changed.includes(DEMO_TERMS) is included


# --- Files ---

GOOD = """
categories = ["A3.1", "A2.1"]
regions = "all"
states = ["recorded"]
sections = ["core", "loss"]
"""


@pytest.fixture
def _in_english():
    with translation.override("en"):
        yield


@pytest.mark.django_db
def test_a_file_is_read():
    assert agreements.of_toml(GOOD) == Terms(
        categories=("A2.1", "A3.1"), regions=None, states=("recorded",), sections=("core", "loss")
    )


@pytest.mark.django_db
def test_a_file_may_include_evidence_and_sensitive_categories_by_name():
    text = GOOD.replace('"loss"]', '"evidence"]') + 'evidence = true\nsensitive_categories = ["C3.1"]'
    read = agreements.of_toml(text)
    assert read.evidence
    assert read.sensitive_categories == ("C3.1",)


@pytest.mark.django_db
@pytest.mark.usefixtures("_in_english")
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (GOOD + "section = []", "section: unknown key. Known are categories, regions"),
        (GOOD.replace("regions =", "region ="), "region: unknown key"),
        (GOOD.replace('regions = "all"', ""), "regions: this key is missing"),
        (GOOD.replace('"recorded"', '"eligible"'), "states: 'eligible' is not known. Known are submitted"),
        (GOOD.replace('"recorded"', '"draft"'), "states: 'draft' is not known"),
        (GOOD.replace('["recorded"]', "[]"), "states: name at least one"),
        (GOOD.replace('["recorded"]', '"recorded"'), "states: expected a list of texts"),
        (GOOD.replace('"loss"', "1"), "sections: expected a list of texts"),
        (GOOD.replace('"loss"', '"lost"'), "sections: 'lost' is not known"),
        (GOOD.replace('"A3.1"', '"A3.99"'), "categories: 'A3.99' is not known"),
        (GOOD.replace('"all"', '["UA-99"]'), "regions: 'UA-99' is not known"),
        (GOOD.replace('"all"', '"everywhere"'), "regions: expected a list of texts"),
        (GOOD + "evidence = 1", "evidence: expected true or false"),
        (GOOD + "evidence = true", "evidence: to fetch files, a partner needs the section evidence"),
        (GOOD.replace('"A3.1"', '"C3.1"'), "categories: C3.1 is sensitive. Name it in sensitive_categories"),
        ("categories = [", "The agreement is not valid TOML"),
        ("", "categories: this key is missing"),
    ],
)
def test_a_mistake_in_a_file_is_named(text, sentence):
    Category.objects.filter(code="C3.1").update(sensitive=True)
    with pytest.raises(TermsRefused, match=f"^{re.escape(sentence)}"):
        agreements.of_toml(text)


@pytest.mark.django_db
@pytest.mark.usefixtures("_in_english")
def test_a_mistake_names_the_file(tmp_path):
    (tmp_path / "terms.toml").write_bytes(b"\xff")
    with pytest.raises(TermsRefused, match="terms.toml"):
        agreements.of_file(tmp_path / "terms.toml")
    with pytest.raises(TermsRefused, match="terms.toml: No such file"):
        agreements.of_file(tmp_path / "no" / "terms.toml")
