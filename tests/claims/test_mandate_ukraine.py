"""The Ukraine mandate: nothing that the official forms ask is lost, and its words keep our rules."""

import csv
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from claims import mandates
from claims.mandates import ClaimantKind
from mandates.make_places import transliterate

ROOT = Path(__file__).parents[2] / "mandates" / "ukraine"
FILES = sorted(ROOT.rglob("*.toml"))
FOLDER = mandates.load_folder(ROOT)

OFFICIAL = json.loads((Path(__file__).parent / "official_forms.json").read_text(encoding="utf-8"))
CODES = sorted(OFFICIAL["categories"])

BY_THE_SOFTWARE = {
    "email": "the account",
    "language": "the language that the claim is submitted in",
    "declare_truth": "the declaration of mandate.toml",
    "declare_no_payment": "the declaration of mandate.toml",
    "signature": "how the declaration is signed",
    "date_of_birth": "the part `born` of full_name",
}
BY_THE_CATEGORY = {"event_date_from": "event_date", "event_place": "place"}
"""Asked in each category's own words; what the answer feeds tells that it is the same."""
WHERE_IT_FITS = {"event_date_to", "event_place_detail", "geo_point", "claim_amount", "calculation"}
"""Common fields that each category asks only where they make sense: an amount for no pain (rules.md 6)."""
RENAMED: dict[str, dict[str, str]] = {
    "A3.1": {"erecovery_received": "assistance_received"},  # an item of the kind "erecovery"
}
OF_A_STATE_BODY = {"country_of_incorporation": "", "ownership_form": "owner_kind"}
"""It has no country of incorporation, and who owns the property is asked of the property."""
NOT_ASKED: dict[str, dict[str, str]] = {
    "A2.5": {"treatment_kind": "a legal qualification: reviewers give it (rules.md 6)"},
    "A2.6": {"custody_type": "a legal qualification: reviewers give it (rules.md 6)"},
}
REQUIRED = {
    ClaimantKind.INDIVIDUAL: ["full_name"],
    ClaimantKind.LEGAL_ENTITY: ["legal_name"],
    ClaimantKind.STATE_BODY: ["legal_name"],
}


def form(code: str) -> mandates.FilingForm:
    category, _ = FOLDER.categories[code]
    (kind,) = category.claimants
    return category.form(kind)


def texts(value: Any) -> Iterator[tuple[str, str]]:
    """Every (uk, en) pair in a file."""
    if isinstance(value, dict):
        if isinstance(value.get("uk"), str):
            yield value["uk"], value["en"]
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


PAIRS = [pair for file in FILES for pair in texts(tomllib.loads(file.read_text(encoding="utf-8")))]
UKRAINIAN = [uk for uk, _ in PAIRS]


def test_exactly_the_categories_are_there_of_which_a_source_tells():
    assert sorted(FOLDER.categories) == CODES
    assert len(CODES) == 34


@pytest.mark.parametrize("code", CODES)
def test_a_category_is_open_and_has_the_title_that_was_found(code):
    category, _ = FOLDER.categories[code]
    found = OFFICIAL["categories"][code]
    if found["title_uk"]:
        assert category.title.uk == found["title_uk"].replace(" - ", " — ")
    assert category.title.en == found["title_en"].replace(" - ", " – ")
    assert category.status == "open"
    assert category.title.confirmed is (
        found["title_is_exact"] and None not in (found["title_uk"], found["title_en"])
    )
    assert code.startswith(category.group)


@pytest.mark.parametrize("code", CODES)
def test_every_field_of_the_official_form_is_asked_or_deliberately_not(code):
    questions = list(form(code).questions)
    asked = {q.id for q in questions} | {f.id for q in questions for f in q.fields}
    is_individual = FOLDER.categories[code][0].claimants == (ClaimantKind.INDIVIDUAL,)
    common = OFFICIAL["common"]["individual" if is_individual else "organisation"]
    if FOLDER.categories[code][0].claimants == (ClaimantKind.STATE_BODY,):
        common = [OF_A_STATE_BODY.get(name, name) for name in common if OF_A_STATE_BODY.get(name, name)]
    unasked = BY_THE_SOFTWARE.keys() | BY_THE_CATEGORY.keys() | WHERE_IT_FITS | {"cause"}
    wanted = {*OFFICIAL["categories"][code]["fields"], *(name for name in common if name not in unasked)}
    wanted = {RENAMED.get(code, {}).get(name, name) for name in wanted - NOT_ASKED.get(code, {}).keys()}
    assert wanted - asked == set()


@pytest.mark.parametrize("code", CODES)
def test_when_and_where_it_happened_and_an_account_are_asked(code):
    questions = list(form(code).questions)
    fed = [q.feeds for q in questions]
    assert all(feeds in fed for feeds in BY_THE_CATEGORY.values())
    assert any(q.section == "account" and q.type == mandates.Type.LONG_TEXT for q in questions)


@pytest.mark.parametrize("code", CODES)
def test_what_is_confused_is_told_on_both_sides(code):
    category, _ = FOLDER.categories[code]
    others = [c.code for c in category.confused_with]
    assert len(set(others)) == len(others)
    one_sided = [o for o in others if code not in {c.code for c in FOLDER.categories[o][0].confused_with}]
    assert (one_sided, code in others) == ([], False)


SENSITIVE = {"A2.3", "A2.4", "A2.5", "A2.6", "A2.7", "A2.8", "A2.9", "A2.10"}


def test_sensitive_categories_are_marked():
    assert {code for code in CODES if FOLDER.categories[code][0].sensitive} == SENSITIVE


@pytest.mark.parametrize("code", ["B1.1", "C1.1"])
def test_where_critical_infrastructure_stands_is_restricted(code):
    """rules.md 4: its position, but for the town, is treated like sensitive data."""
    placed = [q for q in form(code).questions if q.section == "place"]
    assert {q.type for q in placed} <= {mandates.Type.SETTLEMENT, mandates.Type.CHOICE, mandates.Type.COUNTRY}


def test_birth_and_earlier_names_are_parts_of_the_name():
    (name,) = [q for q in form("A3.1").questions if q.id == "full_name"]
    assert {"born", "earlier_names"} <= set(name.parts)


@pytest.mark.parametrize("code", CODES)
def test_only_the_name_of_the_claimant_is_required_and_the_link_of_what_happened_abroad(code):
    category, _ = FOLDER.categories[code]
    (kind,) = category.claimants
    required = [q.id for q in form(code).questions if q.required and q.feeds != "event_link"]
    assert required == REQUIRED[kind]


def test_a_parent_is_not_asked_twice_who_they_are_to_the_child():
    (asked,) = [q for q in form("A2.8").questions if q.id == "submitted_by"]
    assert asked.ask_if is not None
    who = ("self", "parent_of_minor", "guardian", "appointed_representative")
    assert [one for one in who if asked.ask_if.holds({"submitting_as": one})] == ["appointed_representative"]


@pytest.mark.parametrize("code", [code for code in CODES if code.startswith("B")])
def test_who_files_who_owns_and_who_holds_it_are_three_bodies(code):
    asked = {q.id for q in form(code).questions}
    assert {
        "legal_name",
        "owner_kind",
        "owner_name",
        "balance_holder_name",
        "signatory",
        "authority",
    } <= asked


WITHOUT_AN_AMOUNT = {"A1.1", "A1.2", "A2.1", "A2.2"}
"""No amount is asked for mental pain (rules.md 6). What treatment cost is another matter."""


def test_an_amount_is_asked_for_everything_but_mental_pain():
    asked = {code for code in CODES if any(q.feeds == "amount" for q in form(code).questions)}
    assert set(CODES) - asked == WITHOUT_AN_AMOUNT


@pytest.mark.parametrize("code", CODES)
def test_the_hardest_pages_come_last_and_say_that_they_can_be_skipped(code):
    category, _ = FOLDER.categories[code]
    hard = [p.id for p in category.pages if p.hard]
    assert hard == [p.id for p in category.pages][len(category.pages) - len(hard) :]
    assert bool(hard) or not code.startswith("A2")
    for page in category.pages:
        if page.hard:
            assert page.intro is not None
            assert "пропустити" in page.intro.uk or "пропустіть" in page.intro.uk
            assert "skip" in page.intro.en


LISTS = ("cause", "event", "injury", "reason", "circumstance")


@pytest.mark.parametrize("code", CODES)
def test_people_tell_it_in_their_own_words_before_they_choose_from_a_list(code):
    category, _ = FOLDER.categories[code]
    order = [q for page in category.pages for q in page.questions]
    told = next(n for n, q in enumerate(order) if q.section == "account" and q.feeds != "event_link")
    chosen = [
        q.id
        for n, q in enumerate(order)
        if n < told and q.options and not q.feeds and any(word in q.id for word in LISTS)
    ]
    assert chosen == []


def test_each_question_says_where_it_comes_from_or_that_it_is_ours():
    silent = [
        (code, q.id)
        for code in FOLDER.categories
        for q in form(code).questions
        if bool(q.source) is not q.confirmed
    ]
    assert silent == []


def test_each_category_is_checked_against_all_four_tests_of_eligibility():
    tests = {t.id for t in FOLDER.mandate.eligibility}
    assert tests == {"eligible_claimant", "on_or_after_first_day", "in_territory", "caused_by_aggression"}
    for category, _ in FOLDER.categories.values():
        assert {c.test for c in category.checklist} == tests


def test_reasons_are_there_for_both_ways_and_say_what_the_claimant_is_told():
    reasons = FOLDER.mandate.reasons
    assert {r.leads_to for r in reasons} == {"eligible", "ineligible"}
    assert len({r.id for r in reasons}) == len(reasons)
    assert [r.id for r in reasons if r.with_prejudice and r.leads_to == "eligible"] == []
    for reason in reasons:
        assert reason.told.uk.endswith(".")
        assert reason.told.en.endswith(".")


def test_who_may_file_again_is_told_what_was_missing():
    """A claim that is rejected for good is told why; of every other one can say what to do about it."""
    to_be_done = {
        r.id: r.told.en for r in FOLDER.mandate.reasons if r.leads_to == "ineligible" and not r.with_prejudice
    }
    del to_be_done["filed_twice"]  # the other claim goes on
    assert [reason for reason, told in to_be_done.items() if "File" not in told] == []


def test_both_languages_are_written():
    same = [uk for uk, en in PAIRS if uk.strip() == en.strip()]
    not_ukrainian = [uk for uk, _ in PAIRS if not re.search("[а-яіїєґ]", uk, re.IGNORECASE)]
    not_english = [
        en for _, en in PAIRS if re.search("[а-яіїєґ]", en.replace("єВідновлення", ""), re.IGNORECASE)
    ]
    assert (same, not_ukrainian, not_english) == ([], [], [])


@pytest.mark.parametrize(
    ("rule", "pattern"),
    [
        ("never «жертва»", r"\bжертв"),
        ("the apostrophe is ’", "'|ʼ|`"),
        ("quotation marks are «»", '["“”„]'),
        ("no brackets for gender", r"\((ла|лась|на|ка|а|я)\)"),
        ("no Latin look-alikes in a Ukrainian word", "[А-ЯІЇЄҐа-яіїєґ’][A-Za-z]|[A-Za-z][А-ЯІЇЄҐа-яіїєґ’]"),
        ("no Russian letters", "[ыэъёЫЭЪЁ]"),
        ("«ви» is lower-case within a sentence", r"(?<=[а-яіїєґ,] )(Ви|Вас|Вам|Ваш\w*)\b"),
        ("no exclamation marks", "!"),
        ("no spaced hyphen for a dash", " - "),
        ("no double space", "  "),
    ],
)
def test_ukrainian_keeps_to(rule, pattern):
    assert [uk for uk in UKRAINIAN if re.search(pattern, uk)] == [], rule


SAID_BY_THE_SOFTWARE = r"лише рік|тільки рік|обрати кілька|only the year|choose several"


def test_no_hint_repeats_what_the_software_says_beside_each_date_and_list():
    hints = [
        (q.id, str(hint))
        for code in CODES
        for q in form(code).questions
        if q.hint
        for hint in (q.hint.uk, q.hint.en)
    ]
    assert [hint for hint in hints if re.search(SAID_BY_THE_SOFTWARE, hint[1])] == []


def test_english_never_says_victim_or_alleged():
    assert [en for _, en in PAIRS if re.search(r"\b(victim|alleged)", en, re.IGNORECASE)] == []


def test_places_are_the_official_codifier_whole():
    with (ROOT / "places.csv").open(encoding="utf-8", newline="") as file:
        places = list(csv.DictReader(file))
    kinds = {"O": 25, "K": 2, "P": 136, "H": 1772, "M": 461, "X": 1979, "C": 27261, "B": 108}
    assert Counter(p["kind"] for p in places) == kinds
    assert len(places) == 31_744
    codes = [p["code"] for p in places]
    assert codes == sorted(set(codes))
    assert all(p["name_uk"] and p["name_en"].isascii() for p in places)
    regions = {r.katottg: r for r in FOLDER.mandate.regions}
    assert len(regions) == 27
    assert {p["code"] for p in places if p["kind"] in "OK"} == set(regions)
    by_digits = {katottg[:4]: region.code for katottg, region in regions.items()}
    assert all(p["region"] == by_digits[p["code"][:4]] for p in places)


@pytest.mark.parametrize(
    ("uk", "en"),
    [
        ("Алушта", "Alushta"),
        ("Борщагівка", "Borshchahivka"),
        ("Володимир-Волинський", "Volodymyr-Volynskyi"),
        ("Ґалаґан", "Galagan"),
        ("Розгон", "Rozghon"),
        ("Згорани", "Zghorany"),
        ("Єнакієве", "Yenakiieve"),
        ("Короп’є", "Koropie"),
        ("Їжакевич", "Yizhakevych"),
        ("Йосипівка", "Yosypivka"),
        ("Стрий", "Stryi"),
        ("Знам’янка", "Znamianka"),
        ("Щербухи", "Shcherbukhy"),
        ("Яготин", "Yahotyn"),
        ("Костянтин", "Kostiantyn"),
        ("Івано-Франківськ", "Ivano-Frankivsk"),
        ("Нова Їжа", "Nova Yizha"),
    ],
)
def test_names_are_transliterated_as_the_cabinet_resolved(uk, en):
    assert transliterate(uk) == en
