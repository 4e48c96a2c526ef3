"""A submitted claim is opened to be changed: it says what was sent, and nothing changes until it is sent."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims import filing, mandates, versions
from claims.mandates import ANSWER_SECTIONS
from claims.models import Attachment, Claim, Consent, Draft
from evidence.models import EvidenceFile
from tests import make
from tests.claims import moving

pytestmark = pytest.mark.django_db

NOTICE = mandates.current().privacy_notice.version
SECTIONS = (*ANSWER_SECTIONS, "evidence")


def opened(claim):
    return filing.reopen(claim, by=claim.filed_by)


def texts(claim, number):
    version = claim.versions.get(number=number)
    return {name: getattr(version, name) for name in SECTIONS}


@pytest.fixture
def told():
    """A claim with as much in it as one can tell."""
    draft = make.draft(answers=make.answers(citizenships={"state": "not_said"}))
    filing.save_eligibility(draft, {"in_territory": "yes", "caused_by_aggression": "unsure"})
    filing.save_own_account(draft, "Документи згоріли. 🕯️")
    filing.save_consents(draft, {"research": True}, notice=NOTICE)
    make.evidence(draft, type="damage_photo", description="Кухня")
    make.submit(draft)
    return moving.again(draft)


# --- What the draft says ---


def test_everything_that_was_sent_is_there_to_be_changed(told):
    sent = told.versions.get()
    draft = opened(told)
    assert draft.answers | {"own_account": draft.own_account} == versions.answers(sent)
    assert draft.own_account == "Документи згоріли. 🕯️"
    assert draft.eligibility == {"in_territory": "yes", "caused_by_aggression": "unsure"}
    assert draft.consents["notice"] == NOTICE
    assert [purpose for purpose, yes in draft.consents["choices"].items() if yes] == ["research"]
    pages = {p.id for p in told.form.pages} | {"eligibility", "evidence", "own_account", "consents"}
    assert set(draft.pages) == pages


def test_answers_that_came_from_an_earlier_claim_are_still_known_to():
    make.claim(answers={"phone": "+380 44"})
    second = make.draft("A2.1")
    make.submit(second)
    draft = opened(second)
    assert (draft.origins["phone"], draft.origins["full_name"]) == ("earlier_claim", "earlier_claim")


def test_items_of_a_list_can_be_changed_one_by_one(told):
    question = next(q for q in told.form.questions if q.id == "co_owners")
    told = moving.again(told)
    items, ids = filing.entries_of(opened(told), question)
    assert len(set(ids)) == len(items) == 1
    filing.remove_item(told, question, item_id=ids[0])
    assert "co_owners" not in Draft.objects.get(claim=told).answers


def test_opened_in_two_tabs_it_is_one_draft(told):
    opened(told)
    filing.save_own_account(told, "Інакше.")
    assert opened(told).own_account == "Інакше."
    assert Draft.objects.count() == 1


def test_where_a_file_must_be_replaced_the_files_are_to_be_looked_at():
    claim = moving.to_be_fixed(make.claim(files=[make.PDF]))
    assert "evidence" not in opened(claim).pages


def test_who_was_never_asked_for_consent_is_not_taken_to_have_answered():
    draft = opened(make.claim())
    assert draft.consents == {}
    moving.send_changes(draft.claim)
    assert not Consent.objects.exists()


def test_consents_under_an_older_notice_are_asked_again_and_hold_until_then(told, monkeypatch):
    Consent.objects.bulk_create(
        Consent(
            claim=told,
            purpose=c.purpose,
            given=c.given,
            notice_version="2019",
            chosen_at=c.chosen_at,
            chosen_by=c.chosen_by,
        )
        for c in Consent.objects.all()
    )
    draft = opened(told)
    assert draft.consents == {}
    assert "consents" not in draft.pages
    rows = Consent.objects.count()
    moving.send_changes(told)
    assert Consent.objects.count() == rows


# --- Nothing changes until it is sent ---


def test_what_is_typed_changes_nothing_in_the_claim(told):
    before = Claim.objects.values().get()
    moving.change(told, {"cause": "Інакше.", "claim_amount": {"amount": "1.00", "currency": "EUR"}})
    filing.save_consents(told, {}, notice=NOTICE)
    make.evidence(told, b"%PDF-1.7 more")
    assert Claim.objects.values().get() == before
    assert told.versions.count() == 1
    assert Consent.objects.filter(purpose="research").newest().get().given


def test_given_up_the_claim_is_as_it_was(told, django_capture_on_commit_callbacks):
    before, kept = Claim.objects.values().get(), list(Attachment.objects.values())
    moving.change(told, {"cause": "Інакше."})
    make.evidence(told, b"%PDF-1.7 more")
    with django_capture_on_commit_callbacks(execute=True):
        filing.discard(told, by=told.filed_by)
    assert Claim.objects.values().get() == before
    assert list(Attachment.objects.values()) == kept
    assert EvidenceFile.objects.count() == 1
    assert not Draft.objects.exists()


def test_given_up_it_leaves_what_was_added_to_an_answer(told):
    file = moving.add_to_reply(moving.asked(told))
    opened(told)
    filing.discard(told, by=told.filed_by)
    assert Attachment.objects.filter(pk=file.pk).exists()


@pytest.mark.parametrize("after", ["sent", "given up"])
def test_what_was_sent_or_given_up_in_another_tab_is_not_changed_here(told, after):
    opened(told)
    moving.send_changes(told) if after == "sent" else filing.discard(told, by=told.filed_by)
    with pytest.raises(filing.NotADraft, match="There is nothing to change here"):
        filing.save_own_account(told, "Пізно.")


def test_what_is_typed_after_the_boards_decision_is_kept_to_be_read_and_files_are_not_taken():
    claim = moving.awaiting(make.claim())
    opened(claim)
    moving.bound(claim)
    filing.save_own_account(claim, "Пізно, але не втрачено.")
    assert Draft.objects.get(claim=claim).own_account == "Пізно, але не втрачено."
    with pytest.raises(filing.lifecycle.AlreadyDecided):
        make.evidence(claim)
    filing.discard(claim, by=claim.filed_by)
    assert not Draft.objects.exists()


# --- Files ---


def test_a_file_that_was_sent_stays_and_one_that_was_added_can_go(told):
    sent = told.attachments.get()
    opened(told)
    added = make.evidence(told, b"%PDF-1.7 more")
    filing.describe(added, type="other", description="Ще одне")
    for act in (
        lambda: filing.detach(sent, by=told.filed_by),
        lambda: filing.describe(sent, type="", description="Інше"),
    ):
        with pytest.raises(filing.FilingRefused, match="It stays in it"):
            act()
    filing.detach(added, by=told.filed_by)
    assert list(told.attachments.values_list("pk", "description")) == [(sent.pk, "Кухня")]


def test_a_file_that_was_added_is_sent_after_the_others(told):
    changed = moving.amended(told, files=[b"%PDF-1.7 more"])
    first, second = (json.loads(changed.versions.get(number=n).evidence) for n in (1, 2))
    assert second[:1] == first
    assert len(second) == 2
    assert changed.attachments.filed().count() == 2
    assert not changed.attachments.unsent().exists()


def test_the_same_file_is_kept_once_in_a_claim(told):
    opened(told)
    assert make.evidence(told, make.PDF) == told.attachments.get()


def test_files_of_changes_count_with_the_drafts_until_they_are_sent(evidence_rules):
    evidence_rules(max_draft_bytes=len(make.PDF))
    claim = make.claim(files=[make.PDF])
    opened(claim)
    make.evidence(claim, b"%PDF-1.7 more")
    draft = make.draft()
    with pytest.raises(filing.TooMany, match="Your drafts hold as much as we can keep"):
        make.evidence(draft)
    moving.send_changes(claim)
    make.evidence(draft)


def test_a_claim_has_a_bounded_number_of_files_with_all_that_is_added(evidence_rules):
    evidence_rules(max_files=2)
    claim = moving.amended(make.claim(files=[make.PDF]), files=[b"%PDF-1.7 more"])
    opened(claim)
    with pytest.raises(filing.TooMany, match="At most 2 files fit in one claim"):
        make.evidence(claim, b"%PDF-1.7 third")


# --- A newer wording of the category ---


def ask_for_an_amount(category):
    page = next(p for p in category["pages"] if p["id"] == "inspection")
    page["questions"][0]["type"] = "money"


def test_changes_move_to_the_newest_wording_and_the_claim_with_them_when_they_are_sent(newer_wording):
    claim = make.claim(answers={"rddp_notice": "№ 5", "cause": "Ракета."})
    old = claim.category_version_id
    newer_wording("A3.1", ask_for_an_amount)
    draft = opened(moving.again(claim))
    assert (draft.category_version_id, draft.answers["rddp_notice"]) == (old, "№ 5")
    filing.move_to_newest(moving.again(claim))
    draft.refresh_from_db()
    newest = make.category().newest_id
    assert draft.category_version_id == newest
    assert ("rddp_notice" in draft.answers, draft.answers["cause"]) == (False, "Ракета.")
    assert "inspection" not in draft.pages
    assert moving.again(claim).category_version_id == old
    version = moving.send_changes(claim)
    assert moving.again(claim).category_version_id == version.category_version_id == newest
    assert json.loads(version.manifest)["category_version"] == make.category().newest.version


def test_a_wording_that_one_has_not_seen_is_shown_before_changes_are_sent(newer_wording):
    claim = make.claim()
    opened(claim)
    newer_wording("A3.1", ask_for_an_amount)
    with pytest.raises(filing.lifecycle.CategoryChanged, match="Look at your answers again"):
        moving.send_changes(claim)
    assert moving.again(claim).version == 1


def test_given_up_after_a_newer_wording_the_claim_answers_its_own(newer_wording):
    claim = make.claim()
    opened(claim)
    newer_wording("A3.1", ask_for_an_amount)
    filing.move_to_newest(moving.again(claim))
    filing.discard(claim, by=claim.filed_by)
    assert moving.again(claim).category_version_id == claim.category_version_id


# --- Sent without a change, the same is said ---


@st.composite
def some_answers(draw):
    """Any of what can be said, each question answered, left open or not known."""
    every = make.answers(aid_any=draw(st.sampled_from(["yes", "no"])))
    said = dict(make.REQUIRED["individual"])
    for question, answer in every.items():
        choice = draw(st.sampled_from(["answer", "none", "unknown", "not_said", "later"]))
        if question == "full_name" or choice == "none":
            continue
        said[question] = answer if choice == "answer" else {"state": choice}
    return said


@given(data=st.data())
def test_changes_that_change_nothing_freeze_the_same_texts(data):
    answers, account = data.draw(some_answers()), data.draw(st.sampled_from(["", "Ми були вдома.\nПотім 🕯️"]))
    draft = make.draft(answers=answers)
    if account:
        filing.save_own_account(draft, account)
    make.submit(draft)
    before = texts(draft, 1)
    request = None
    if data.draw(st.booleans()):
        request = moving.asked(moving.again(draft))
        moving.replied(request)
        before = texts(draft, 2)
    claim = moving.amended(moving.again(draft))
    assert texts(claim, claim.version) == before
    cores = [json.loads(claim.versions.get(number=n).core) for n in (1, claim.version)]
    for core in cores:
        del core["submitted_at"]
    assert cores[0] == cores[1]


def test_a_change_changes_that_one_answer_alone(told):
    changed = moving.amended(told, {"cause": "Інакше."})
    before, after = (
        versions.answers(changed.versions.get(number=1)),
        versions.answers(changed.versions.get(number=2)),
    )
    assert {k for k in before.keys() | after.keys() if before.get(k) != after.get(k)} == {"cause"}
