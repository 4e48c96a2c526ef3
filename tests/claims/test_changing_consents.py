"""Who may see a claim is chosen anew at any time: the newest choice counts, and each is an entry."""

import json
from dataclasses import replace

import pytest

from claims import consents, filing, lifecycle, mandates
from claims.models import Consent, Draft
from ledger.models import Entry
from tests import make
from tests.claims import moving

pytestmark = pytest.mark.django_db

NOTICE = mandates.current().privacy_notice.version
PURPOSES = [consent.id for consent in mandates.current().consents]


def change(claim, *given, notice=NOTICE):
    return consents.change(claim, dict.fromkeys(given, True), notice=notice, by=claim.filed_by)


def given(claim):
    return sorted(
        Consent.objects.filter(claim=claim, pk__in=Consent.objects.newest()).values_list("purpose", "given")
    )


def changes():
    return Entry.objects.filter(kind="claim.consents_changed").order_by("id")


def test_a_choice_is_a_row_for_each_purpose_and_one_entry():
    claim = make.claim()
    assert change(claim, "research")
    assert given(claim) == sorted((purpose, purpose == "research") for purpose in PURPOSES)
    rows = Consent.objects.filter(claim=claim)
    assert {(c.notice_version, c.chosen_by) for c in rows} == {(NOTICE, claim.filed_by)}
    found = json.loads(changes().get().body)
    assert (found["open"], found["office"], found["before"]) == (True, "claimant", found["after"])
    assert found["facts"] == {
        "privacy_notice": NOTICE,
        "consents": {purpose: purpose == "research" for purpose in PURPOSES},
    }


def test_what_was_given_is_taken_back():
    claim = make.claim()
    change(claim, "research", "other_courts")
    assert change(claim)
    assert not any(yes for _purpose, yes in given(claim))
    assert changes().count() == 2


@pytest.mark.parametrize("chosen", [[], ["research"]])
def test_the_same_again_is_no_change(chosen):
    claim = make.claim()
    change(claim, *chosen)
    rows, entries = Consent.objects.count(), changes().count()
    assert not change(claim, *chosen)
    assert (Consent.objects.count(), changes().count()) == (rows, entries)


def test_consent_under_an_older_notice_is_given_anew(monkeypatch):
    claim, mandate = make.claim(), mandates.current()
    change(claim, "research")
    newer = replace(mandate, privacy_notice=replace(mandate.privacy_notice, version="2099"))
    monkeypatch.setattr(mandates, "current", lambda: newer)
    assert change(claim, "research", notice="2099")
    assert not change(claim, "research", notice="2099")
    assert changes().count() == 2


@pytest.mark.parametrize("state", [s for s in moving.STATES if s != "draft"])
def test_a_choice_can_be_changed_whatever_became_of_the_claim(state):
    claim = moving.STATES[state]()
    assert change(claim, "research")
    assert moving.again(claim).state == state


def test_what_is_no_purpose_of_the_mandate_is_not_kept():
    claim = make.claim()
    assert not change(claim, "advertising")
    assert not Consent.objects.exists()


def test_a_choice_under_another_notice_than_the_one_in_force_is_refused():
    claim = make.claim()
    with pytest.raises(lifecycle.TextsChanged, match="Please read it again"):
        change(claim, "research", notice="2019")
    assert not Consent.objects.exists()


def test_sending_changes_that_were_begun_before_does_not_undo_the_choice():
    draft = make.draft(answers=make.REQUIRED["individual"])
    filing.save_consents(draft, {"research": True}, notice=NOTICE)
    make.submit(draft)
    claim = moving.again(draft)
    filing.reopen(claim, by=claim.filed_by)
    change(claim, "other_courts")
    kept = Draft.objects.get(claim=claim)
    assert [purpose for purpose, yes in kept.consents["choices"].items() if yes] == ["other_courts"]
    moving.send_changes(claim)
    assert [purpose for purpose, yes in given(claim) if yes] == ["other_courts"]


def test_a_choice_sent_with_changes_counts():
    claim = make.claim()
    filing.reopen(claim, by=claim.filed_by)
    filing.save_consents(claim, {"research": True}, notice=NOTICE)
    moving.send_changes(claim)
    assert [purpose for purpose, yes in given(claim) if yes] == ["research"]
