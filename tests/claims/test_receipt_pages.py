"""The receipts of one's own claim, in a browser: each act, each form, and nobody else's."""

import io
import json
import re
from datetime import timedelta
from html import unescape

import pypdf
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from claims import mandates, paper, receipts
from claims.models import Claim, State
from ledger import notes, tree
from ledger.models import Checkpoint, Entry
from tests import make
from tests.claims import moving
from tests.claims.test_receipts import leaf_hash, proven, witnessed

pytestmark = pytest.mark.django_db

FORMS = ("receipt_act", "receipt_json", "receipt_pdf", "receipt_proof")


@pytest.fixture
def olena(signed_in):
    return signed_in("olena")


def url(name, claim, act=1):
    return reverse(f"claims:{name}", args=[claim.public_id, act])


def page(browser, claim, act=1):
    return unescape(browser.get(url("receipt_act", claim, act)).content.decode())


def pdf(browser, claim, act=1, **headers):
    return pypdf.PdfReader(io.BytesIO(browser.get(url("receipt_pdf", claim, act), **headers).content))


def words(document):
    """What one reads, without regard to where lines break."""
    return " ".join(" ".join(sheet.extract_text() for sheet in document.pages).split())


def make_discreet(claim):
    Claim.objects.filter(pk=claim.pk).update(discreet=True)


# --- Whose they are ---


@pytest.mark.parametrize("form", FORMS)
def test_a_receipt_is_for_who_filed_the_claim_and_for_nobody_else(signed_in, form):
    claim = make.claim()
    make.checkpoint()
    assert signed_in("olena").get(url(form, claim)).status_code == 200
    assert signed_in("petro").get(url(form, claim)).status_code == 404
    assert Client().get(url(form, claim)).status_code == 302


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("act", [0, 2, 9_999_999_999_999_999_999])
def test_an_act_that_did_not_happen_has_none(olena, form, act):
    claim = make.claim()
    make.checkpoint()
    assert olena.get(url(form, claim, act)).status_code == 404


@pytest.mark.parametrize("form", FORMS)
def test_a_draft_has_none(olena, form):
    assert olena.get(url(form, make.draft())).status_code == 404


def test_what_staff_did_inside_has_none(olena):
    claim = make.claim()
    body = Entry.objects.get(claim=claim.public_id).body.replace('"open":true', '"open":false')
    Entry.objects.create(salt=bytes(16), body=body)
    assert olena.get(url("receipt_json", claim, 2)).status_code == 404


def test_no_browser_and_no_proxy_keeps_them(olena):
    claim = make.claim()
    for form in ("receipt_json", "receipt_pdf"):
        assert "no-store" in olena.get(url(form, claim))["Cache-Control"]


# --- Files ---


def test_the_json_file_is_the_receipt(olena):
    claim = make.claim(files=[make.PDF])
    make.checkpoint()
    answer = olena.get(url("receipt_json", claim))
    assert answer["Content-Type"] == "application/json"
    assert answer.json() == receipts.build(receipts.acts(claim)[0])
    proven(answer.json())


def test_the_bare_proof_is_that_of_the_receipt(olena):
    claim = make.claim()
    assert olena.get(url("receipt_proof", claim)).status_code == 404  # nothing is proven yet
    published = make.checkpoint()
    answer = olena.get(url("receipt_proof", claim))
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    text = answer.content.decode()
    assert text == olena.get(url("receipt_json", claim)).json()["proof"]
    proof, [entry] = notes.Proof.parse(text), receipts.acts(claim)
    tree.verify_inclusion(entry.leaf_hash, proof.index, published.size, proof.hashes, bytes(published.root))


def test_files_are_named_by_claim_and_act(olena):
    claim = make.claim()
    make.checkpoint()
    assert [olena.get(url(form, claim))["Content-Disposition"] for form in FORMS[1:]] == [
        f'attachment; filename="{claim.number}-receipt-1.{ending}"'
        for ending in ("json", "pdf", "tlog-proof")
    ]


def test_names_tell_nothing_where_contact_is_discreet(olena):
    claim = make.claim()
    make_discreet(claim)
    make.checkpoint()
    assert [olena.get(url(form, claim))["Content-Disposition"] for form in FORMS[1:]] == [
        f'attachment; filename="file-1.{ending}"' for ending in ("json", "pdf", "tlog-proof")
    ]
    document = pdf(olena, claim)
    assert document.metadata.title == "Receipt"
    assert str(claim.category.title) not in words(document)


# --- The page ---


def test_after_submitting_the_promise_is_told_at_once_with_the_download(olena, settings):
    settings.LEDGER_PROMISE_SECONDS = 3600
    claim = make.claim()
    shown = unescape(olena.get(reverse("claims:receipt", args=[claim.public_id])).content.decode())
    assert "Your claim has been received." in shown
    [entry] = receipts.acts(claim)
    by = f"{receipts.promised_by(entry).astimezone(mandates.current().zone):%H:%M}"
    assert re.search(rf"We promise in writing that it will stand in the public log by [^<]*, {by}\.", shown)
    assert f", {by}, Kyiv time." in words(pdf(olena, claim))
    for form in ("receipt_pdf", "receipt_json"):
        assert url(form, claim) in shown
    assert url("receipt_proof", claim) not in shown
    assert reverse("claims:verify") in shown


def test_later_it_says_where_the_claim_stands_in_the_log_and_who_signed(olena, settings, stamp):
    claim = make.claim()
    published = make.checkpoint()
    witness = witnessed(settings)
    line = notes.cosign(notes.text_of(published.note), witness, 1_800_000_000)
    Checkpoint.objects.create(size=published.size, root=published.root, note=published.note + line)
    assert stamp()
    shown = page(olena, claim)
    [entry] = receipts.acts(claim)
    assert f"under number <strong>{receipts.place(entry).index}</strong>" in shown
    assert "witness.example, 15 January 2027, 10:00" in shown
    assert "An outside authority confirmed the time:" in shown
    assert "We promise" not in shown
    assert url("receipt_proof", claim) in shown


def test_a_number_in_the_log_has_no_thousands_separator(olena, monkeypatch):
    claim = make.claim()
    checkpoint = make.checkpoint()
    place = receipts.Place(1_234_567, checkpoint)
    monkeypatch.setattr(receipts, "place", lambda entry: place)
    assert "<strong>1234567</strong>" in page(olena, claim)


def test_a_promise_that_was_not_kept_is_admitted(olena, monkeypatch):
    claim = make.claim()
    monkeypatch.setattr(receipts, "promised_by", lambda entry: timezone.now() - timedelta(minutes=1))
    shown = page(olena, claim)
    assert "and it does not yet. Keep the receipt: it proves our promise." in shown
    assert url("receipt_json", claim) in shown


def test_each_act_in_the_story_leads_to_its_receipt(olena):
    claim = moving.decided(moving.awaiting(moving.amended(make.claim())), State.RECORDED)
    story = unescape(olena.get(reverse("claims:claim", args=[claim.public_id])).content.decode())
    acts = [int(act) for act in re.findall(rf"/claims/{claim.public_id}/receipts/(\d+)/", story)]
    assert acts == [5, 4, 3, 2, 1]
    told = [re.search(r'<p class="lead">(.*?)</p>', page(olena, claim, act))[1] for act in acts]
    assert told == re.findall(r"</time><p>([^<]*?)\s*<", story)


def test_the_receipt_of_changes_is_that_of_the_act_that_made_them(olena):
    claim = moving.amended(make.claim())
    moving.closed(moving.asked(claim))
    shown = olena.get(reverse("claims:receipt", args=[claim.public_id])).content.decode()
    assert url("receipt_json", claim, 2) in shown
    assert json.loads(receipts.acts(claim)[1].body)["kind"] == "claim.amended"


# --- On paper ---


def test_the_pdf_says_what_when_and_by_which_number_and_codes(olena):
    claim = make.claim(files=[make.PDF])
    make.checkpoint()
    document, [entry] = pdf(olena, claim), receipts.acts(claim)
    read = words(document)
    for said in (claim.number, "You submitted the claim.", "It stands in the public log.", "deed.pdf"):
        assert said in read
    file = receipts.evidence(claim.versions.get())[0]
    for digest in (entry.leaf_hash.hex(), claim.versions.get().digest, file["sha256"]):
        assert " ".join(re.findall("....", digest)) in read
    assert "What it does not prove" in read


def test_before_the_log_has_it_the_pdf_holds_the_promise(olena):
    read = words(pdf(olena, make.claim()))
    assert "We promise in writing that it will stand in the public log by" in read
    assert "It stands in the public log." not in read


def test_the_receipt_itself_is_attached_to_the_pdf(olena):
    claim = make.claim(files=[make.PDF])
    make.checkpoint()
    [content] = pdf(olena, claim).attachments["receipt.json"]
    receipt = json.loads(content)
    assert receipt == olena.get(url("receipt_json", claim)).json()
    assert leaf_hash(receipt) == receipts.acts(claim)[0].leaf_hash
    proven(receipt)


def test_the_pdf_can_be_read_aloud(olena):
    """PDF/UA-1: marked, titled, in a language, its picture described."""
    claim = make.claim()
    document = pdf(olena, claim)
    catalogue = document.root_object
    assert catalogue["/MarkInfo"]["/Marked"]
    assert catalogue["/Lang"] == "en"
    assert catalogue["/ViewerPreferences"]["/DisplayDocTitle"]
    assert document.metadata.title == f"Receipt {claim.number}"
    assert document.xmp_metadata is not None
    assert b"pdfuaid" in catalogue["/Metadata"].get_data()


def test_the_pdf_is_in_the_language_of_the_page(olena):
    document = pdf(olena, make.claim(), headers={"accept-language": "uk"})
    assert document.root_object["/Lang"] == "uk"
    assert "Ви подали заяву." in words(document)


def test_the_pdf_says_that_the_list_of_files_was_erased(olena):
    claim = make.erased(make.claim(files=[make.PDF]), "evidence")
    read = words(pdf(olena, claim))
    assert "The list of your files was erased under data-protection law." in read
    assert "deed.pdf" not in read


def test_the_code_leads_to_the_page_that_checks_and_names_the_leaf_alone(olena, settings, monkeypatch):
    settings.SITE_URL = "https://claims.example.org"
    scanned = []
    monkeypatch.setattr(paper, "_qr", lambda content, qr=paper._qr: scanned.append(content) or qr(content))
    claim = make.claim()
    pdf(olena, claim)
    [entry] = receipts.acts(claim)
    assert scanned == [f"https://claims.example.org/verify/#{entry.leaf_hash.hex()}"]


def test_names_of_files_are_no_markup_on_paper(olena):
    claim = make.draft(answers=make.REQUIRED["individual"])
    make.evidence(claim, name="#panic(1) $x$ *a* _b_ @c <d> [e] \\ ${f}.pdf")
    make.submit(claim)
    assert "*a* _b_ @c" in words(pdf(olena, claim))


def test_every_character_that_is_printed_has_a_shape():
    printed = "".join(c for c in map(chr, range(0x10000)) if paper._printed(c) == c)
    assert set("Її ґЄє’«»—№₴ąß") <= set(printed)
    rows = [paper._code(printed[at : at + 50], "ab" * 32) for at in range(0, len(printed), 50)]
    assert _bare(rows).startswith(b"%PDF")


@given(name=st.text(min_size=1, max_size=60))
def test_no_name_of_a_file_stops_the_paper(name):
    row = paper._code(paper._printed(name), "ab" * 32)
    with translation.override("en"):
        assert _bare([row]).startswith(b"%PDF")


def test_two_hundred_files_fit_on_some_pages():
    rows = [paper._code("я" * 255, f"{number:064x}") for number in range(200)]
    assert len(pypdf.PdfReader(io.BytesIO(_bare(rows))).pages) < 30


def _bare(codes):
    """A paper with these codes, made without a claim."""
    text = ("lang", "title", "register", "heading", "attached", "number_label", "number", "act")
    text += ("standing_heading", "standing", "codes_heading", "codes_intro", "codes_note")
    text += ("proves_heading", "not_heading", "check_heading", "qr")
    lists = dict.fromkeys(("proves", "not", "check"), ["x"])
    rows = dict.fromkeys(("facts", "standing_facts"), [paper._row("x", "y")])
    return paper.laid_out(
        {**dict.fromkeys(text, "x"), **lists, **rows, "lang": "en", "codes": codes}, receipt="{}", code="x"
    )
