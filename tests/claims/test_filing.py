"""A draft is begun, kept, changed and given up. Nothing of it can be touched once it is submitted."""

import pytest

from claims import filing
from claims.mandates import ClaimantKind
from claims.models import Attachment, Claim, Draft
from claims.models.category import CategoryState
from evidence import uploads
from evidence.models import Blob, CustodyEvent, EvidenceFile
from tests import make

pytestmark = pytest.mark.django_db


def question(claim, name):
    return next(q for q in claim.form.questions if q.id == name)


def drafts():
    return Claim.objects.filter(filed_by=make.user("olena")).count()


def start(code="A3.1", kind=ClaimantKind.INDIVIDUAL):
    return filing.start(make.category(code), kind=kind, by=make.user("olena"), language="uk")


# --- Starting ---


def test_a_draft_is_pinned_to_the_newest_wording_of_its_category():
    claim = start()
    assert claim.category_version_id == make.category("A3.1").newest_id
    assert (claim.state, claim.number, claim.version, claim.language) == ("draft", None, 0, "uk")


@pytest.mark.parametrize("state", [CategoryState.DRAFT, CategoryState.SUSPENDED, CategoryState.CLOSED])
def test_only_an_open_category_takes_a_draft(state):
    category = make.category()
    category.state = state
    category.save()
    with pytest.raises(filing.FilingRefused, match="does not take claims at the moment"):
        start()
    assert drafts() == 0


def test_a_category_takes_drafts_only_of_those_who_may_claim_in_it():
    with pytest.raises(filing.FilingRefused, match="filed by others"):
        start("C3.1", kind=ClaimantKind.INDIVIDUAL)
    assert drafts() == 0


def test_a_person_has_a_bounded_number_of_drafts(monkeypatch):
    monkeypatch.setattr(filing, "MAX_DRAFTS", 2)
    make.draft(by="petro")
    start()
    start()
    with pytest.raises(filing.TooMany, match="You have 2 drafts. Finish or delete one"):
        start()
    assert drafts() == 2


def test_a_submitted_claim_is_no_draft_that_counts(monkeypatch):
    monkeypatch.setattr(filing, "MAX_DRAFTS", 1)
    make.claim(by="olena")
    start()


def test_a_sensitive_category_makes_sensitive_claims():
    category = make.category()
    category.sensitive = True
    category.save()
    assert start().sensitive


def test_what_one_told_about_oneself_in_the_last_claim_is_filled_in_and_not_marked_as_done():
    about_oneself = {"full_name": {"family_name": "Коваленко"}, "phone": "+380 44 000 00 00"}
    make.claim("A3.1", answers={**about_oneself, "damage_level": "destroyed"}, by="olena")
    draft = make.draft("A2.1", by="olena").draft
    assert (draft.answers, draft.pages) == (about_oneself, [])
    assert draft.origins == {"full_name": "stated", "phone": "stated"}


def test_nobody_is_prefilled_with_what_another_person_told():
    make.claim("A3.1", by="petro")
    assert make.draft("A3.1", by="olena").draft.answers == {}


# --- Pages ---


def test_answers_of_a_page_are_kept_with_their_origin():
    claim = make.draft()
    page = claim.form.page("damage")
    filing.save_page(
        claim, page, {"damage_level": "damaged", "damage_cause": {"state": "later"}}, complete=True
    )
    draft = Draft.objects.get(claim=claim)
    assert draft.answers == {"damage_level": "damaged", "damage_cause": {"state": "later"}}
    assert draft.origins == {"damage_level": "stated", "damage_cause": "stated"}
    assert draft.pages == ["damage"]
    assert draft.saved_at


def test_none_takes_an_answer_back():
    claim = make.draft(answers={"damage_level": "damaged", "damage_cause": "fire"})
    filing.save_page(claim, claim.form.page("damage"), {"damage_level": None}, complete=True)
    draft = Draft.objects.get(claim=claim)
    assert draft.answers == {"damage_cause": "fire"}
    assert draft.origins == {"damage_cause": "stated"}


def test_a_page_that_is_not_complete_keeps_what_it_has_and_is_not_done():
    claim = make.draft()
    filing.save_page(claim, claim.form.page("damage"), {"damage_level": "damaged"}, complete=False)
    draft = Draft.objects.get(claim=claim)
    assert (draft.answers, draft.pages) == ({"damage_level": "damaged"}, [])


def test_saving_a_page_again_changes_nothing_else():
    claim = make.draft(answers={"damage_level": "damaged", "cause": "Ракета."})
    filing.save_page(claim, claim.form.page("damage"), {"damage_level": "damaged"}, complete=True)
    draft = Draft.objects.get(claim=claim)
    assert draft.answers == {"damage_level": "damaged", "cause": "Ракета."}
    assert sorted(draft.pages) == ["damage", "story"]


# --- Items of a repeated group ---

OLHA = {"name": {"given_name": "Ольга"}, "share": "1/3"}
IVAN = {"name": {"given_name": "Іван"}, "share": "1/3"}


@pytest.fixture
def shared_home():
    return make.draft(answers={"owned_by": "shares", "co_owners": [OLHA, IVAN]})


def co_owners(claim):
    return Draft.objects.get(claim=claim).answers.get("co_owners")


def test_an_item_is_added_at_the_end(shared_home):
    filing.save_item(shared_home, question(shared_home, "co_owners"), {"share": "1/6"})
    assert co_owners(shared_home) == [OLHA, IVAN, {"share": "1/6"}]


def test_an_item_is_changed_by_its_fingerprint(shared_home):
    changed = {**IVAN, "share": "1/6"}
    group = question(shared_home, "co_owners")
    filing.save_item(shared_home, group, changed, replaces=filing.fingerprint(IVAN))
    assert co_owners(shared_home) == [OLHA, changed]


def test_an_item_is_removed_by_its_fingerprint(shared_home):
    filing.remove_item(shared_home, question(shared_home, "co_owners"), removes=filing.fingerprint(OLHA))
    assert co_owners(shared_home) == [IVAN]


def test_a_stale_page_removes_and_changes_nothing_else(shared_home):
    group, gone = question(shared_home, "co_owners"), filing.fingerprint({"share": "1/9"})
    filing.remove_item(shared_home, group, removes=gone)
    filing.save_item(shared_home, group, {"share": "1/2"}, replaces=gone)
    assert co_owners(shared_home) == [OLHA, IVAN]


def test_a_stale_page_does_not_take_back_that_nothing_is_known():
    claim = make.draft(answers={"owned_by": "shares", "co_owners": {"state": "unknown"}})
    filing.remove_item(claim, question(claim, "co_owners"), removes=filing.fingerprint(OLHA))
    assert co_owners(claim) == {"state": "unknown"}


def test_of_two_items_that_say_the_same_one_is_changed_or_removed(shared_home):
    group = question(shared_home, "co_owners")
    filing.save_item(shared_home, group, OLHA)
    filing.save_item(shared_home, group, {"share": "1/9"}, replaces=filing.fingerprint(OLHA))
    assert co_owners(shared_home) == [{"share": "1/9"}, IVAN, OLHA]
    filing.save_item(shared_home, group, OLHA)
    filing.remove_item(shared_home, group, removes=filing.fingerprint(OLHA))
    assert co_owners(shared_home) == [{"share": "1/9"}, IVAN, OLHA]


def test_with_its_last_item_the_answer_goes(shared_home):
    for item in (OLHA, IVAN):
        filing.remove_item(shared_home, question(shared_home, "co_owners"), removes=filing.fingerprint(item))
    draft = Draft.objects.get(claim=shared_home)
    assert "co_owners" not in draft.answers
    assert "co_owners" not in draft.origins


def test_an_item_takes_the_place_of_not_knowing():
    claim = make.draft(answers={"owned_by": "shares", "co_owners": {"state": "unknown"}})
    filing.save_item(claim, question(claim, "co_owners"), OLHA)
    assert co_owners(claim) == [OLHA]


def test_a_list_is_bounded(shared_home):
    group = question(shared_home, "co_owners")
    for n in range(group.max_items - 2):
        filing.save_item(shared_home, group, {"share": f"1/{n + 1}"})
    with pytest.raises(filing.TooMany, match=f"At most {group.max_items} can be listed here"):
        filing.save_item(shared_home, group, OLHA)
    assert len(co_owners(shared_home)) == group.max_items


# --- Evidence ---


def test_a_file_becomes_part_of_the_draft_with_what_is_said_about_it():
    claim = make.draft()
    attachment = make.evidence(claim, type="damage_photo", description="Кухня після удару")
    assert list(claim.attachments.all()) == [attachment]
    assert (attachment.type, attachment.description) == ("damage_photo", "Кухня після удару")
    assert Draft.objects.get(claim=claim).pages == ["evidence"]


def test_a_claim_has_a_bounded_number_of_files(evidence_rules):
    evidence_rules(max_files=1)
    claim = make.draft()
    make.evidence(claim)
    with pytest.raises(filing.TooMany, match="At most 1 files fit in one claim"):
        make.evidence(claim, b"%PDF-1.7 another")
    assert EvidenceFile.objects.count() == Blob.objects.count() == 1


def test_what_is_said_about_a_file_can_be_changed():
    attachment = make.evidence(make.draft())
    filing.describe(attachment, type="other", description="Довідка")
    attachment.refresh_from_db()
    assert (attachment.type, attachment.description) == ("other", "Довідка")


def test_a_file_that_is_taken_out_goes_with_its_bytes(django_capture_on_commit_callbacks, evidence_dir):
    claim = make.draft()
    attachment = make.evidence(claim)
    with django_capture_on_commit_callbacks(execute=True):
        filing.detach(attachment, by=claim.filed_by)
    assert not Attachment.objects.exists()
    assert not EvidenceFile.objects.exists()
    assert stored(evidence_dir) == []


def stored(evidence_dir):
    return [path for path in evidence_dir.rglob("*") if path.is_file()]


# --- Giving up ---


def test_a_draft_that_is_given_up_leaves_nothing_but_the_custody_of_its_files(
    django_capture_on_commit_callbacks, evidence_dir
):
    claim = make.draft(answers=make.answers())
    make.evidence(claim)
    make.evidence(claim, b"%PDF-1.7 another")
    with django_capture_on_commit_callbacks(execute=True):
        filing.discard(claim, by=claim.filed_by)
    for model in (Claim, Draft, Attachment, EvidenceFile, Blob):
        assert not model.objects.exists()
    assert stored(evidence_dir) == []
    assert list(CustodyEvent.objects.order_by("id").values_list("kind", flat=True)) == [
        "received",
        "received",
        "removed",
        "removed",
    ]


def test_giving_up_a_draft_touches_no_other(evidence_dir):
    kept, given_up = make.draft(by="olena"), make.draft(by="olena")
    make.evidence(kept)
    make.evidence(given_up)
    filing.discard(given_up, by=given_up.filed_by)
    assert list(Claim.objects.all()) == [kept]
    assert kept.attachments.count() == 1
    assert len(stored(evidence_dir)) == 1


# --- Newer wordings ---


def ask_one_more(category):
    page = next(p for p in category["pages"] if p["id"] == "inspection")
    page["questions"].append(
        {"id": "inspector", "type": "text", "ask": {"uk": "Хто оглядав?", "en": "Who came?"}}
    )


def test_a_draft_moves_to_the_newest_wording_and_keeps_its_answers(newer_wording):
    claim = make.draft(answers=make.answers())
    newer_wording("A3.1", ask_one_more)
    moved = Claim.objects.get(pk=claim.pk)
    assert filing.move_to_newest(moved)
    assert moved.definition.version == 2
    assert Draft.objects.get(claim=claim).answers == claim.draft.answers


def test_only_pages_with_something_unanswered_are_to_be_looked_at_again(newer_wording):
    claim = make.draft(answers=make.answers())
    newer_wording("A3.1", ask_one_more)
    filing.move_to_newest(Claim.objects.get(pk=claim.pk))
    assert set(claim.draft.pages) - set(Draft.objects.get(claim=claim).pages) == {"inspection"}


def test_a_draft_in_the_newest_wording_does_not_move():
    claim = make.draft(answers=make.answers())
    assert not filing.move_to_newest(claim)
    assert Draft.objects.get(claim=claim).pages == claim.draft.pages


def test_an_answer_that_no_longer_fits_is_kept_and_shown_as_a_problem(newer_wording):
    def now_an_amount(category):
        page = next(p for p in category["pages"] if p["id"] == "inspection")
        page["questions"][0]["type"] = "money"

    claim = make.draft(answers={"rddp_notice": "№ 5"})
    newer_wording("A3.1", now_an_amount)
    filing.move_to_newest(Claim.objects.get(pk=claim.pk))
    draft = Draft.objects.get(claim=claim)
    assert draft.answers["rddp_notice"] == "№ 5"
    assert draft.pages == []


# --- After submission ---


@pytest.mark.parametrize(
    "act",
    [
        lambda c: filing.save_page(c, c.form.page("damage"), {"damage_level": "damaged"}, complete=True),
        lambda c: filing.save_item(c, question(c, "co_owners"), OLHA),
        lambda c: filing.remove_item(c, question(c, "co_owners"), removes="0123456789abcdef"),
        lambda c: filing.save_eligibility(c, {"in_territory": "yes"}),
        lambda c: filing.save_consents(c, {"research": True}),
        lambda c: filing.save_own_account(c, "Ще одне."),
        lambda c: filing.mark_evidence(c),
        lambda c: make.evidence(c, b"%PDF-1.7 late"),
        lambda c: filing.describe(c.attachments.get(), type="", description="Інше"),
        lambda c: filing.detach(c.attachments.get(), by=c.filed_by),
        lambda c: filing.discard(c, by=c.filed_by),
        lambda c: filing.move_to_newest(c),
    ],
)
def test_nothing_of_a_submitted_claim_can_be_changed(act):
    claim = make.claim(files=[make.PDF])
    with pytest.raises(filing.NotADraft, match="has been submitted already"):
        act(claim)
    assert claim.attachments.get().description == ""
    assert EvidenceFile.objects.count() == 1


def test_a_file_for_a_submitted_claim_is_not_kept(evidence_dir):
    claim = make.claim()
    with pytest.raises(filing.NotADraft):
        make.evidence(claim)
    assert stored(evidence_dir) == []


def test_a_refused_file_is_not_kept(evidence_dir):
    claim = make.draft()
    with pytest.raises(uploads.Refused):
        make.evidence(claim, b"PK\x03\x04 an archive", name="deed.pdf")
    assert (claim.attachments.count(), stored(evidence_dir)) == (0, [])
