"""The Ukraine mandate: nothing that the official forms ask is lost, and its words keep our rules."""

import csv
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

COMMON_INDIVIDUAL = """
full_name date_of_birth tax_number citizenships email phone country_of_residence contact_address language
submitting_as subgroup event_date_from event_date_to event_place event_place_detail geo_point cause
related_proceedings assistance_received declare_truth declare_no_payment signature
"""
COMMON_ENTITY = """
legal_name edrpou country_of_incorporation ownership_form signatory claim_amount calculation insurance_or_aid
"""
OFFICIAL = {
    "A3.1": COMMON_INDIVIDUAL
    + """
property_type property_address katottg registry_number total_area_m2 ownership_basis registration_refused
ownership_share co_owners damage_level damage_date damage_cause amount_basis claim_amount calculation
rddp_notice erecovery_received
""",
    "A2.1": COMMON_INDIVIDUAL
    + """
deceased relationship dependency partnership civil_or_military date_of_death place_of_death death_event
circumstances
""",
    "C3.1": COMMON_ENTITY + "assets asset_place event heads",
}
"""Fields gathered from the official forms, by the names that our research gave them."""

BY_THE_SOFTWARE = {
    "email": "the account",
    "language": "the language that the claim is submitted in",
    "declare_truth": "the declaration of mandate.toml",
    "declare_no_payment": "the declaration of mandate.toml",
    "signature": "how the declaration is signed",
    "date_of_birth": "the part `born` of full_name",
}
RENAMED = {
    "A3.1": {
        "event_date_from": "damage_date",
        "event_place": "katottg",
        "erecovery_received": "assistance_received",  # an item of the kind "erecovery"
    },
    "A2.1": {
        "event_date_from": "date_of_death",
        "event_place_detail": "place_of_death_detail",
        "cause": "circumstances",
    },
    "C3.1": {},
}
NOT_ASKED = {
    "A2.1": {
        "event_date_to": "a death is one moment",
        "geo_point": "nobody should have to look up the coordinates of a death",
    }
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


def state_body_form() -> mandates.FilingForm:
    """No category uses the pages for State bodies yet: they are checked around those of C3.1."""
    _, raw = FOLDER.categories["C3.1"]
    pages = tomllib.loads((ROOT / "claimants/state_body.toml").read_text(encoding="utf-8"))
    own = raw["category"] | {"claimants": ["state_body"]}
    category = mandates.category({"category": own, "claimants": {"state_body": pages}}, "state_body")
    return category.form(ClaimantKind.STATE_BODY)


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


@pytest.mark.parametrize("code", ["A2.1", "A3.1", "C3.1"])
def test_every_field_of_the_official_form_is_asked_or_deliberately_not(code):
    asked = {q.id for q in form(code).questions}
    unasked = BY_THE_SOFTWARE.keys() | NOT_ASKED.get(code, {}).keys()
    wanted = {RENAMED[code].get(name, name) for name in OFFICIAL[code].split() if name not in unasked}
    assert wanted - asked == set()


def test_birth_and_earlier_names_are_parts_of_the_name():
    (name,) = [q for q in form("A3.1").questions if q.id == "full_name"]
    assert {"born", "earlier_names"} <= set(name.parts)


@pytest.mark.parametrize("code", ["A2.1", "A3.1", "C3.1"])
def test_only_the_name_of_the_claimant_is_required(code):
    category, _ = FOLDER.categories[code]
    (kind,) = category.claimants
    assert [q.id for q in form(code).questions if q.required] == REQUIRED[kind]


def test_a_state_body_can_be_asked_too():
    assert [q.id for q in state_body_form().questions if q.required] == ["legal_name"]
    asked = {q.id for q in state_body_form().questions}
    assert {"owner_kind", "balance_holder_name", "signatory", "authority"} <= asked


def test_a_death_asks_no_amount():
    assert [q.id for q in form("A2.1").questions if q.type == mandates.Type.MONEY] == []


def test_the_hardest_pages_come_last_and_say_that_they_can_be_skipped():
    category, _ = FOLDER.categories["A2.1"]
    hard = [p.id for p in category.pages if p.hard]
    assert hard == [p.id for p in category.pages][-len(hard) :]
    for page in category.pages[-len(hard) :]:
        assert page.intro is not None
        assert "пропустити" in page.intro.uk or "пропустіть" in page.intro.uk
        assert "skip" in page.intro.en


@pytest.mark.parametrize(
    ("code", "account", "choice"),
    [
        ("A2.1", "circumstances", "death_event"),
        ("A3.1", "cause", "damage_cause"),
        ("C3.1", "account", "event"),
    ],
)
def test_people_tell_it_in_their_own_words_before_they_choose_from_a_list(code, account, choice):
    order = [q.id for q in form(code).questions]
    assert order.index(account) < order.index(choice)


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
