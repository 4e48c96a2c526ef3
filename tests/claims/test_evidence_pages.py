"""Adding evidence: what can be kept is kept, what cannot is said beside it, and nothing is kept unasked."""

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from claims.models import Attachment
from evidence.models import Blob, EvidenceFile
from tests import make

pytestmark = pytest.mark.django_db

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(100)


@pytest.fixture
def olena(signed_in):
    return signed_in("olena")


def url(name, claim, *rest):
    return reverse(f"claims:{name}", args=[claim.public_id, *rest])


def file(content=make.PDF, name="deed.pdf"):
    return SimpleUploadedFile(name, content)


def add(browser, claim, *files, **words):
    sent = {"type": "", "description": "", "add": "1", **words, "file": list(files)}
    return browser.post(url("add_evidence", claim), sent)


def said(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def names(claim):
    return list(claim.attachments.values_list("evidence_file__name", flat=True))


def stored(evidence_dir):
    return [path for path in evidence_dir.rglob("*") if path.is_file()]


def test_a_file_is_kept_with_what_is_said_about_it(olena):
    claim = make.draft()
    answer = add(olena, claim, file(), type="damage_photo", description="Кухня")
    assert answer.url == url("evidence", claim)
    assert said(answer) == ["1 file is kept with your draft."]
    attachment = claim.attachments.get()
    assert (attachment.type, attachment.description) == ("damage_photo", "Кухня")
    assert "Кухня" in olena.get(answer.url).content.decode()


def test_several_files_are_kept_at_once(olena):
    claim = make.draft()
    answer = add(olena, claim, file(name="1.pdf"), file(PNG, "2.png"), file("Свідчення".encode(), "3.txt"))
    assert said(answer) == ["3 files are kept with your draft."]
    assert names(claim) == ["1.pdf", "2.png", "3.txt"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b"PK\x03\x04" + bytes(100), "We cannot take archives."),
        (b"MZ" + bytes(100), "This file is a program, and we take no programs."),
    ],
)
def test_a_refused_file_keeps_the_other_and_what_was_typed(olena, content, sentence):
    claim = make.draft()
    answer = add(
        olena, claim, file(content, "scan.pdf"), file(name="deed.pdf"), description="Договір купівлі"
    )
    shown = answer.content.decode()
    assert answer.status_code == 200
    assert f"scan.pdf: {sentence}" in shown
    assert "Договір купівлі" in shown
    assert names(claim) == ["deed.pdf"]


def test_a_file_is_kept_even_if_the_words_about_it_must_be_put_right(olena):
    claim = make.draft()
    answer = add(olena, claim, file(), description="а" * 2001)
    assert "The text has 2001 characters; at most 2000 fit here." in answer.content.decode()
    assert names(claim) == ["deed.pdf"]


def test_a_file_above_the_mandates_limit_is_refused_with_the_limit(olena, evidence_rules, evidence_dir):
    evidence_rules(max_file_bytes=1000)
    claim = make.draft()
    answer = add(olena, claim, file(make.PDF + bytes(1000)))
    assert "deed.pdf: The file is larger than 1000" in answer.content.decode()
    assert (names(claim), stored(evidence_dir)) == ([], [])


def test_each_kind_has_the_limit_that_the_page_says(olena, evidence_rules):
    evidence_rules(max_file_bytes=1000, max_file_bytes_of={"picture": 2000, "video": 3000})
    claim = make.draft()
    shown = olena.get(url("evidence", claim)).content.decode()
    assert "One file may have up to 1000\xa0bytes (pictures: 2.0\xa0KB, video: 2.9\xa0KB)" in shown
    assert 'data-max="3000"' in shown
    add(olena, claim, file(PNG + bytes(1500), "a.png"), file(make.PDF + bytes(1500), "a.pdf"))
    assert names(claim) == ["a.png"]


def test_the_page_says_what_is_taken_and_the_picker_shows_that(olena, evidence_rules):
    claim = make.draft()
    shown = olena.get(url("evidence", claim)).content.decode()
    assert (
        "What we take: pictures, PDF, office documents, video, sound recordings, e-mails, plain text."
        in shown
    )
    evidence_rules(media_types=("image/png", "video/mp4"))
    shown = olena.get(url("evidence", claim)).content.decode()
    assert "What we take: PNG picture, MP4 video." in shown
    assert 'accept=".png,.mp4,.m4v"' in shown


def test_what_the_sender_can_do_about_a_file_stands_beside_it(olena):
    claim = make.draft()
    add(olena, claim, file(make.PDF + b"1 0 obj<</Encrypt 2 0 R>>endobj %%EOF", "deed.pdf"))
    shown = olena.get(url("evidence", claim)).content.decode()
    assert "This document is protected, perhaps with a password. If you can, send a copy without it." in shown


def test_more_files_than_the_mandate_allows_are_refused(olena, evidence_rules):
    evidence_rules(max_files=1)
    claim = make.draft()
    answer = add(olena, claim, file(name="1.pdf"), file(PNG, "2.png"))
    assert "2.png: At most 1 files fit in one claim." in answer.content.decode()
    assert names(claim) == ["1.pdf"]


def test_sending_no_file_is_asked_back(olena):
    claim = make.draft()
    shown = add(olena, claim, description="Договір").content.decode()
    assert "Choose a file first." in shown
    assert "Договір" in shown


@pytest.mark.parametrize("name", ["../../etc/passwd.pdf", "фото 🏠.pdf", "a" * 300 + ".pdf", "\u202efdp.exe"])
def test_a_file_may_have_any_name(olena, name):
    claim = make.draft()
    assert add(olena, claim, file(name=name)).status_code == 302
    assert len(names(claim)[0]) <= 255


def test_the_same_file_sent_twice_is_kept_once_in_a_claim(olena, evidence_dir):
    claim = make.draft()
    for _press in range(2):
        add(olena, claim, file())
    assert (EvidenceFile.objects.count(), Blob.objects.count(), len(stored(evidence_dir))) == (1, 1, 1)


def test_two_claims_with_the_same_bytes_have_a_receipt_each(olena, evidence_dir):
    for claim in (make.draft("A3.1"), make.draft("A2.1")):
        add(olena, claim, file())
    assert (EvidenceFile.objects.count(), Blob.objects.count(), len(stored(evidence_dir))) == (2, 1, 1)


def test_without_the_token_of_our_page_nothing_is_kept(evidence_dir):
    claim = make.draft(by="olena")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make.user("olena"))
    assert add(browser, claim, file()).status_code == 403
    assert not Attachment.objects.exists()
    assert not EvidenceFile.objects.exists()
    assert stored(evidence_dir) == []


def test_nobody_adds_a_file_to_a_claim_of_somebody_else(signed_in, evidence_dir):
    claim = make.draft(by="olena")
    assert add(signed_in("petro"), claim, file()).status_code == 404
    assert stored(evidence_dir) == []


def test_nothing_is_added_to_a_submitted_claim(olena, evidence_dir):
    claim = make.claim(by="olena")
    assert add(olena, claim, file()).url == url("claim", claim)
    assert stored(evidence_dir) == []


def test_who_comes_back_to_the_address_of_the_button_is_led_to_the_page(olena):
    claim = make.draft()
    assert olena.get(url("add_evidence", claim)).url == url("evidence", claim)


def test_what_all_drafts_together_hold_is_bounded(olena, evidence_rules):
    evidence_rules(max_draft_bytes=len(make.PDF))
    claim = make.draft()
    answer = add(olena, claim, file(name="1.pdf"), file(PNG, "2.png"))
    assert "2.png: Your drafts hold as much as we can keep." in answer.content.decode()
    assert names(claim) == ["1.pdf"]


def test_going_on_without_a_file_is_possible(olena):
    claim = make.draft()
    answer = olena.post(url("add_evidence", claim), {"type": "", "description": ""})
    assert answer.url == url("own_account", claim)


def test_going_on_keeps_the_files_that_were_chosen(olena):
    claim = make.draft()
    answer = olena.post(url("add_evidence", claim), {"type": "", "description": "", "file": [file()]})
    assert answer.url == url("own_account", claim)
    assert names(claim) == ["deed.pdf"]


# --- A file that is there ---


def test_what_is_said_about_a_file_can_be_changed(olena):
    attachment = make.evidence(make.draft(), type="other", description="Довідка")
    address = url("piece", attachment.claim, attachment.evidence_file.public_id)
    assert "Довідка" in olena.get(address).content.decode()
    answer = olena.post(address, {"type": "damage_photo", "description": "Кухня"})
    assert answer.url == url("evidence", attachment.claim)
    attachment.refresh_from_db()
    assert (attachment.type, attachment.description) == ("damage_photo", "Кухня")


def test_a_type_that_the_category_does_not_know_is_refused(olena):
    attachment = make.evidence(make.draft(), type="other")
    address = url("piece", attachment.claim, attachment.evidence_file.public_id)
    assert olena.post(address, {"type": "selfie", "description": ""}).status_code == 200
    attachment.refresh_from_db()
    assert attachment.type == "other"


def test_a_file_can_be_taken_out(olena):
    attachment = make.evidence(make.draft())
    address = url("piece", attachment.claim, attachment.evidence_file.public_id)
    answer = olena.post(address, {"remove": "1"})
    assert said(answer) == ["The file was taken out."]
    assert names(attachment.claim) == []
    assert olena.post(address, {"remove": "1"}).status_code == 404


def test_a_file_of_another_draft_is_not_found_in_this_one(olena):
    here, elsewhere = make.draft(by="olena"), make.evidence(make.draft(by="olena"))
    for name in ("piece", "file"):
        assert olena.get(url(name, here, elsewhere.evidence_file.public_id)).status_code == 404


def test_ones_own_file_comes_back_as_it_was_sent(olena):
    attachment = make.evidence(make.draft(), PNG, name="кухня.png")
    answer = olena.get(url("file", attachment.claim, attachment.evidence_file.public_id))
    assert b"".join(answer.streaming_content) == PNG
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("attachment")
