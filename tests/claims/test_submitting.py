"""Submitting freezes a draft, numbers and enters it. What is missing stops nobody; what is wrong is said."""

import json
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone

from claims import filing, lifecycle, mandates, numbers
from claims.models import (
    AidItem,
    Category,
    Claim,
    Claimant,
    ClaimVersion,
    Consent,
    Draft,
    PersonCovered,
    State,
)
from claims.models.category import CategoryState
from claims.versions import Declaration
from ledger.models import Entry
from tests import make

pytestmark = pytest.mark.django_db


def test_a_claim_moves_as_the_table_of_the_architecture_says():
    assert {state.value: {to.value for to in moves} for state, moves in lifecycle.MOVES.items()} == {
        "draft": {"submitted"},
        "submitted": {"needs_fixing", "under_review", "withdrawn"},
        "needs_fixing": {"needs_fixing", "submitted", "withdrawn"},  # one more file to replace
        "under_review": {"information_requested", "eligible", "ineligible", "withdrawn"},
        "information_requested": {"under_review", "withdrawn"},
        "eligible": {
            "under_review",
            "recorded",
            "rejected_without_prejudice",
            "rejected_with_prejudice",
            "withdrawn",
        },
        "ineligible": {
            "under_review",
            "recorded",
            "rejected_without_prejudice",
            "rejected_with_prejudice",
            "withdrawn",
        },
        "rejected_without_prejudice": {"under_review"},
        "rejected_with_prejudice": {"under_review"},
        "recorded": set(),
        "withdrawn": set(),
    }


def test_every_state_has_its_moves():
    assert set(lifecycle.MOVES) == set(State)


# --- What becomes true ---


def test_a_submitted_claim_has_number_time_version_and_claimant():
    before = timezone.now()
    claim = make.claim()
    assert re.fullmatch("UA-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]", claim.number)
    assert before < claim.submitted_at == claim.changed_at < timezone.now()
    assert (claim.state, claim.version, claim.recorded_at) == ("submitted", 1, None)
    assert claim.claimant.family_name == "Коваленко"


def test_the_draft_is_gone():
    make.claim()
    assert not Draft.objects.exists()


def test_one_open_ledger_entry_says_what_was_submitted_and_names_nobody():
    claim = make.claim(answers=make.answers(), files=[make.PDF])
    mandate = mandates.current()
    assert json.loads(Entry.objects.get(kind="claim.submitted").body) == {
        "format": "registry-entry/1",
        "kind": "claim.submitted",
        "open": True,
        "at": claim.submitted_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "actor": {"kind": "person", "id": str(claim.filed_by.public_id)},
        "office": "representative",
        "claim": str(claim.public_id),
        "version": claim.versions.get().digest,
        "before": {"category": "A3.1", "region": None, "state": "draft"},
        "after": {"category": "A3.1", "region": "UA-32", "state": "submitted"},
        "facts": {
            "number": claim.number,
            "version_number": 1,
            "category_version": 2,
            "claimant_kind": "individual",
            "assurance": "self_declared",
            "signature": "typed_declaration",
            "declaration": mandate.declaration.version,
            "privacy_notice": mandate.privacy_notice.version,
            "evidence": 1,
        },
    }


def test_lists_and_agreements_find_place_region_event_and_amount_in_columns():
    claim = make.claim(answers=make.answers(damage_date="2022-03"))
    assert (claim.place_id, claim.region) == (make.IRPIN["code"], "UA-32")
    assert (claim.event_on, claim.event_first_day) == ("2022-03", date(2022, 3, 1))
    assert (claim.amount, claim.currency) == (Decimal("125000.50"), "UAH")


def test_not_knowing_leaves_the_columns_empty():
    unknown = {"state": "unknown"}
    claim = make.claim(answers={"katottg": unknown, "damage_date": unknown, "claim_amount": unknown})
    assert (claim.place, claim.region, claim.event_on, claim.event_first_day) == (None, "", "", None)
    assert (claim.amount, claim.currency) == (None, "")


@pytest.mark.parametrize(
    "place", [{"text": "Хутір за лісом"}, {"code": "UA00000000000000000", "name": "Ніде"}]
)
def test_a_place_that_the_register_does_not_know_leaves_the_columns_empty(place):
    claim = make.claim(answers={"katottg": place})
    assert (claim.place, claim.region) == (None, "")


def test_who_asked_for_discreet_contact_is_marked():
    assert make.claim(answers={"others_may_see": "yes"}).discreet
    assert not make.claim(answers={"others_may_see": "no"}).discreet
    assert not make.claim(answers={"others_may_see": {"state": "not_said"}}).discreet


def test_the_same_name_from_the_same_account_is_the_same_claimant():
    first, second = make.claim("A3.1"), make.claim("A2.1")
    assert first.claimant == second.claimant


@pytest.mark.parametrize(
    ("by", "name"),
    [
        ("olena", {"family_name": "Коваленко", "given_name": "Ольга"}),
        ("olena", {"family_name": "Коваленко", "given_name": "Олена", "born": "1980"}),
        ("petro", {"family_name": "Коваленко", "given_name": "Олена"}),
    ],
)
def test_another_name_or_another_account_is_another_claimant(by, name):
    make.claim(by="olena")
    make.claim(by=by, answers={"full_name": name})
    assert Claimant.objects.count() == 2


def test_a_company_claims_under_its_legal_name():
    claimant = make.claim(
        "C3.1", answers=make.answers("C3.1", legal_name="ТОВ «Млин»", edrpou="123")
    ).claimant
    assert (claimant.kind, claimant.name) == ("legal_entity", "ТОВ «Млин»")
    assert (claimant.registration_number, claimant.country) == ("123", "PL")


def test_whom_the_claim_is_about_becomes_a_row_by_which_family_claims_are_found():
    deceased = {"family_name": "Коваленко", "given_name": "Іван", "born": "1950-02"}
    claim = make.claim("A2.1", answers={"deceased": deceased})
    person = PersonCovered.objects.get(claim=claim)
    assert (person.role, person.family_name, person.given_name) == ("deceased", "Коваленко", "Іван")
    assert (person.patronymic, person.born) == ("", "1950-02")


def test_each_aid_received_becomes_a_row():
    aid = [
        {
            "payer": "Місто",
            "kind": "local_authority",
            "status": "received",
            "amount": {"amount": "5000.00", "currency": "UAH"},
            "on": "2023",
            "number": "15/2",
        },
        {"kind": "insurance", "amount": {"state": "later"}},
    ]
    claim = make.claim(answers={"aid_any": "yes", "assistance_received": aid})
    rows = AidItem.objects.filter(claim=claim).order_by("id")
    assert list(
        rows.values_list("payer", "kind", "status", "amount", "currency", "received_on", "number")
    ) == [
        ("Місто", "local_authority", "received", Decimal("5000.00"), "UAH", "2023", "15/2"),
        ("", "insurance", "", None, "", "", ""),
    ]


NOTICE = mandates.current().privacy_notice.version


def test_what_was_asked_and_not_ticked_is_not_given():
    draft = make.draft(answers=make.answers())
    filing.save_consents(draft, {"research": True, "other_courts": False}, notice=NOTICE)
    make.submit(draft)
    consents = Consent.objects.filter(claim=draft)
    given = {
        "national_investigators": False,
        "international_criminal_court": False,
        "other_courts": False,
        "research": True,
        "contact_by_others": False,
    }
    assert dict(consents.values_list("purpose", "given")) == given
    assert {(c.chosen_by, c.notice_version) for c in consents} == {(draft.filed_by, NOTICE)}
    assert json.loads(Entry.objects.get(claim=draft.public_id).body)["facts"]["consents"] == given


def test_who_was_not_asked_for_consent_gave_none():
    claim = make.claim()
    assert not Consent.objects.exists()
    assert "consents" not in json.loads(Entry.objects.get(claim=claim.public_id).body)["facts"]


@pytest.mark.parametrize(
    ("code", "answers", "office"),
    [
        ("A3.1", {}, "claimant"),
        ("A3.1", {"submitting_as": "self"}, "claimant"),
        ("A3.1", {"submitting_as": {"state": "not_said"}}, "claimant"),
        ("A3.1", {"submitting_as": "guardian"}, "representative"),
        ("C3.1", {}, "representative"),
    ],
)
def test_the_ledger_says_whether_somebody_filed_for_themselves(code, answers, office):
    claim = make.claim(code, answers=answers)
    assert json.loads(Entry.objects.get(claim=claim.public_id).body)["office"] == office


@pytest.mark.parametrize("state", [State.ELIGIBLE, State.INELIGIBLE])
def test_the_ledger_does_not_give_the_recommendation_away_before_the_boards_decision(state):
    claim = make.claim()
    claim.state = state
    assert claim.standing.state == "awaiting_decision"


# --- What does not stop anybody ---


def test_a_name_is_enough():
    claim = make.claim(answers={})
    assert claim.state == "submitted"


def test_what_is_not_asked_any_more_stays_out_of_the_frozen_version():
    answers = make.answers()
    claim = make.claim(answers={**answers, "aid_any": "no"})
    version = claim.versions.get()
    assert "aid_any" in json.loads(version.loss)
    assert "assistance_received" not in json.loads(version.loss)
    assert not AidItem.objects.exists()


def test_a_draft_keeps_what_is_not_asked_any_more():
    draft = make.draft(answers={**make.answers(), "aid_any": "no"})
    assert "assistance_received" in draft.draft.answers


# --- What is refused ---


def refused(draft, error, sentence):
    with pytest.raises(error, match=sentence) as refusal:
        make.submit(draft)
    left = Claim.objects.get(pk=draft.pk)
    assert (left.state, left.number) == ("draft", None)
    assert left.draft.answers == draft.draft.answers
    assert not ClaimVersion.objects.exists()
    assert not Entry.objects.filter(kind="claim.submitted").exists()
    return refusal.value


@pytest.mark.parametrize(
    "name",
    [None, {"born": "1980"}, {"patronymic": "Іванівна"}, {"latin_name": "Olena"}],
)
def test_a_claim_without_a_name_is_not_ready(name):
    draft = make.draft(answers={"full_name": name} if name else {})
    refusal = refused(draft, lifecycle.NotReady, "Some answers must be put right")
    assert [p.question for p in refusal.problems] == ["full_name"]


def test_a_wrong_answer_must_be_put_right_first():
    draft = make.draft(answers={**make.answers(), "damage_date": "2999"})
    refusal = refused(draft, lifecycle.NotReady, "Some answers must be put right")
    assert [(p.question, p.message) for p in refusal.problems] == [
        ("damage_date", "This date is in the future. Enter the date when it happened.")
    ]


def test_a_wrong_answer_to_what_is_not_asked_stops_nobody():
    make.claim(answers={**make.answers(), "aid_any": "no", "assistance_received": "?"})


@pytest.mark.parametrize("state", [CategoryState.SUSPENDED, CategoryState.CLOSED])
def test_a_category_that_closed_in_the_meantime_keeps_the_draft(state):
    draft = make.draft(answers=make.answers())
    category = draft.category
    category.state = state
    category.save()
    refused(draft, lifecycle.CategoryNotOpen, "We keep your draft: nothing is lost")


@pytest.mark.parametrize("typed", ["", "   ", "\n"])
def test_a_declaration_needs_a_name_under_it(typed):
    draft = make.draft(answers=make.answers())
    with pytest.raises(lifecycle.NotDeclared, match="Type your full name"):
        make.submit(draft, name=typed)
    assert Claim.objects.get(pk=draft.pk).is_draft


def test_a_claim_is_submitted_once():
    draft = make.draft(answers=make.answers())
    make.submit(draft)
    with pytest.raises(lifecycle.AlreadySubmitted):
        make.submit(draft)
    assert ClaimVersion.objects.count() == Entry.objects.filter(kind="claim.submitted").count() == 1


def test_a_wording_that_the_claimant_has_not_seen_is_shown_before(newer_wording):
    draft = make.draft(answers=make.answers())
    newer_wording("A3.1", lambda category: category.update(title={"uk": "Дім", "en": "Home"}))
    refused(draft, lifecycle.CategoryChanged, "Look at your answers again")


@pytest.mark.parametrize("changed", ["version", "notice_version"])
def test_what_is_signed_is_what_was_shown(changed):
    draft = make.draft(answers=make.answers())
    current = Declaration.of_current_texts("Олена", language="en")
    with pytest.raises(lifecycle.TextsChanged, match="Please read them again"):
        lifecycle.submit(draft, by=draft.filed_by, declaration=replace(current, **{changed: "2019"}))
    assert Claim.objects.get().is_draft


def test_consents_under_an_older_privacy_notice_are_asked_again():
    draft = make.draft(answers=make.answers())
    filing.save_consents(draft, {"research": True}, notice="2019")
    refused(draft, lifecycle.TextsChanged, "Choose again, please")


def test_a_claim_is_as_sensitive_as_its_category_when_it_is_submitted():
    draft = make.draft(answers=make.answers())
    Category.objects.update(sensitive=True)
    make.submit(draft)
    assert Claim.objects.get().sensitive


# --- Numbers ---


def test_a_number_that_is_taken_is_drawn_again(monkeypatch):
    taken = make.claim().number
    draws = iter([taken, taken, "UA-0000-0000-X"])
    monkeypatch.setattr(numbers, "draw", lambda prefix: next(draws))
    claim = make.claim()
    assert claim.number == "UA-0000-0000-X"
    assert json.loads(claim.versions.get().manifest)["number"] == "UA-0000-0000-X"


def test_numbers_that_are_always_taken_are_given_up(monkeypatch):
    taken = make.claim().number
    monkeypatch.setattr(numbers, "draw", lambda prefix: taken)
    draft = make.draft(answers=make.answers())
    with pytest.raises(lifecycle.IntegrityError, match="claim_number_once"):
        make.submit(draft)
    assert Claim.objects.get(pk=draft.pk).is_draft


def test_the_declaration_is_kept_as_it_was_shown():
    draft = make.draft(answers=make.answers())
    lifecycle.submit(
        draft, by=draft.filed_by, declaration=Declaration.of_current_texts("Олена К.", language="uk")
    )
    core = json.loads(draft.versions.get().core)
    shown = mandates.current().declaration
    assert core["declaration"] == {"version": shown.version, "language": "uk", "text": shown.text.uk}
    assert core["signature"] == {"method": "typed_declaration", "typed_name": "Олена К."}
