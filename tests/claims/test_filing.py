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


def answers(claim):
    return Draft.objects.get(claim=claim).answers


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
    about_oneself = {"submitting_as": "self", "full_name": {"family_name": "Коваленко"}, "phone": "+380 44"}
    make.claim("A3.1", answers={**about_oneself, "damage_level": "destroyed"})
    draft = make.draft("A2.1").draft
    assert (draft.answers, draft.pages) == (about_oneself, [])
    assert set(draft.origins.values()) == {"earlier_claim"}


def test_what_is_said_again_is_stated():
    make.claim()
    claim = make.draft()
    filing.save_page(claim, claim.form.page("name"), claim.draft.answers, complete=True)
    assert Draft.objects.get(claim=claim).origins == {"full_name": "stated"}


def test_nothing_is_filled_in_from_a_claim_for_somebody_else():
    make.claim(answers={"submitting_as": "guardian", "phone": "+380 44"})
    assert make.draft().draft.answers == {}


def test_that_one_did_not_know_or_say_is_asked_again():
    make.claim(answers={"phone": {"state": "not_said"}})
    assert "phone" not in make.draft().draft.answers


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


def test_what_was_left_empty_on_a_stale_page_takes_nothing_back():
    claim = make.draft()
    page = claim.form.page("damage")
    seen = filing.fingerprint(page, {})
    filing.save_page(claim, page, {"damage_level": "damaged"}, complete=True, seen=seen)
    filing.save_page(claim, page, {"damage_level": None, "damage_cause": "fire"}, complete=True, seen=seen)
    assert answers(claim) == {"damage_level": "damaged", "damage_cause": "fire"}


def test_what_was_left_empty_on_a_fresh_page_is_taken_back():
    claim = make.draft(answers={"damage_level": "damaged"})
    page = claim.form.page("damage")
    seen = filing.fingerprint(page, {"damage_level": "damaged", "cause": "не з цієї сторінки"})
    filing.save_page(claim, page, {"damage_level": None}, complete=True, seen=seen)
    assert answers(claim) == {}


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
    claim = make.draft(answers={"owned_by": "shares"})
    filing.save_item(claim, question(claim, "co_owners"), OLHA, item_id="olha")
    filing.save_item(claim, question(claim, "co_owners"), IVAN, item_id="ivan")
    return claim


def co_owners(claim):
    return answers(claim).get("co_owners")


def save(claim, item, item_id):
    filing.save_item(claim, question(claim, "co_owners"), item, item_id=item_id)


def remove(claim, item_id):
    filing.remove_item(claim, question(claim, "co_owners"), item_id=item_id)


def test_items_are_kept_in_the_order_in_which_they_were_added(shared_home):
    save(shared_home, {"share": "1/6"}, "new")
    assert co_owners(shared_home) == [OLHA, IVAN, {"share": "1/6"}]


def test_an_item_is_changed_under_its_id(shared_home):
    save(shared_home, {"share": "1/6"}, "olha")
    assert co_owners(shared_home) == [{"share": "1/6"}, IVAN]


def test_an_item_that_is_sent_twice_is_kept_once(shared_home):
    save(shared_home, {"share": "1/6"}, "new")
    save(shared_home, {"share": "1/6"}, "new")
    assert co_owners(shared_home) == [OLHA, IVAN, {"share": "1/6"}]


def test_of_two_items_that_say_the_same_one_is_removed(shared_home):
    save(shared_home, OLHA, "namesake")
    remove(shared_home, "olha")
    assert co_owners(shared_home) == [IVAN, OLHA]


def test_a_stale_page_removes_nothing_else(shared_home):
    remove(shared_home, "ivan")
    remove(shared_home, "ivan")
    assert co_owners(shared_home) == [OLHA]


def test_an_item_that_was_removed_meanwhile_comes_back_when_it_is_saved(shared_home):
    remove(shared_home, "olha")
    save(shared_home, OLHA, "olha")
    assert co_owners(shared_home) == [IVAN, OLHA]


def test_with_its_last_item_the_answer_goes(shared_home):
    remove(shared_home, "olha")
    remove(shared_home, "ivan")
    draft = Draft.objects.get(claim=shared_home)
    for kept in (draft.answers, draft.origins, draft.entries):
        assert "co_owners" not in kept


def test_an_item_takes_the_place_of_not_knowing():
    claim = make.draft(answers={"owned_by": "shares", "co_owners": {"state": "unknown"}})
    save(claim, OLHA, "olha")
    assert co_owners(claim) == [OLHA]


def test_removing_what_is_not_there_does_not_take_back_that_nothing_is_known():
    claim = make.draft(answers={"owned_by": "shares", "co_owners": {"state": "unknown"}})
    remove(claim, "olha")
    assert co_owners(claim) == {"state": "unknown"}


def test_items_that_came_from_elsewhere_can_be_changed_and_removed(shared_home):
    Draft.objects.filter(claim=shared_home).update(entries={})
    items, ids = filing.entries_of(Draft.objects.get(claim=shared_home), question(shared_home, "co_owners"))
    assert items == [OLHA, IVAN]
    save(shared_home, {"share": "1/6"}, ids[1])
    remove(shared_home, ids[0])
    assert co_owners(shared_home) == [{"share": "1/6"}]


def test_a_list_is_bounded(shared_home):
    limit = question(shared_home, "co_owners").max_items
    for n in range(limit - 2):
        save(shared_home, {"share": f"1/{n + 1}"}, f"item {n}")
    with pytest.raises(filing.TooMany, match=f"At most {limit} can be listed here"):
        save(shared_home, OLHA, "one more")
    save(shared_home, IVAN, "olha")
    assert len(co_owners(shared_home)) == limit


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


def test_what_a_persons_drafts_hold_together_is_bounded(evidence_rules):
    evidence_rules(max_draft_bytes=2 * len(make.PDF))
    make.evidence(make.draft(by="olena"))
    make.evidence(make.draft(by="petro"))
    second = make.draft(by="olena")
    make.evidence(second)
    with pytest.raises(filing.TooMany, match="Your drafts hold as much as we can keep"):
        make.evidence(second)
    assert second.attachments.count() == 1


def test_what_was_submitted_does_not_count_against_the_drafts(evidence_rules):
    evidence_rules(max_draft_bytes=len(make.PDF))
    make.claim(by="olena", files=[make.PDF])
    make.evidence(make.draft(by="olena"))


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


def test_a_draft_that_was_deleted_in_another_tab_is_said_to_be():
    claim = make.draft()
    filing.discard(claim, by=claim.filed_by)
    with pytest.raises(filing.NotADraft, match="This draft was deleted"):
        filing.save_own_account(claim, "Ще одне.")


def test_giving_up_a_draft_touches_no_other(evidence_dir):
    kept, given_up = make.draft(by="olena"), make.draft(by="olena")
    make.evidence(kept)
    make.evidence(given_up)
    filing.discard(given_up, by=given_up.filed_by)
    assert list(Claim.objects.all()) == [kept]
    assert kept.attachments.count() == 1
    assert len(stored(evidence_dir)) == 1


# --- Newer wordings ---


def page_of(category, page_id):
    return next(page for page in category["pages"] if page["id"] == page_id)


def ask_one_more(category):
    one_more = {"id": "inspector", "type": "text", "ask": {"uk": "Хто оглядав?", "en": "Who came?"}}
    page_of(category, "inspection")["questions"].append(one_more)


def ask_for_an_amount(category):
    page_of(category, "inspection")["questions"][0]["type"] = "money"


def moved(claim):
    claim = Claim.objects.get(pk=claim.pk)
    filing.move_to_newest(claim)
    return Claim.objects.select_related("draft").get(pk=claim.pk)


def test_a_draft_moves_to_the_newest_wording_and_keeps_its_answers(newer_wording):
    claim = make.draft(answers=make.answers())
    newer_wording("A3.1", ask_one_more)
    after = moved(claim)
    assert after.definition.version == claim.definition.version + 1
    assert after.draft.answers == claim.draft.answers


def test_only_pages_that_ask_something_else_are_to_be_looked_at_again(newer_wording):
    claim = make.draft(answers=make.answers())
    newer_wording("A3.1", ask_one_more)
    assert set(claim.draft.pages) - set(moved(claim).draft.pages) == {"inspection"}


def test_a_page_that_was_left_empty_stays_marked_as_gone_through(newer_wording):
    claim = make.draft()
    filing.save_page(claim, claim.form.page("story"), {}, complete=True)
    newer_wording("A3.1", ask_one_more)
    assert moved(claim).draft.pages == ["story"]


def test_an_answer_that_no_longer_fits_is_asked_again(newer_wording):
    claim = make.draft(answers={"rddp_notice": "№ 5", "cause": "Ракета."})
    newer_wording("A3.1", ask_for_an_amount)
    draft = moved(claim).draft
    assert draft.answers == {"cause": "Ракета."}
    assert draft.origins == {"cause": "stated"}
    assert draft.pages == ["story"]


def test_a_draft_becomes_as_sensitive_as_its_category(newer_wording):
    claim = make.draft()
    newer_wording("A3.1", lambda category: category.update(sensitive=True))
    assert moved(claim).sensitive


# --- After submission ---


@pytest.mark.parametrize(
    "act",
    [
        lambda c: filing.save_page(c, c.form.page("damage"), {"damage_level": "damaged"}, complete=True),
        lambda c: save(c, OLHA, "olha"),
        lambda c: remove(c, "olha"),
        lambda c: filing.save_eligibility(c, {"in_territory": "yes"}),
        lambda c: filing.save_consents(c, {"research": True}, notice="1"),
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
