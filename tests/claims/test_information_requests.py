"""A question, its answer with files, and the version that the answer becomes."""

import hashlib
import json

import pytest

from claims import filing, lifecycle, requests, versions
from claims.mandates import SECTIONS
from claims.models import Attachment, ClaimVersion, InformationRequest, State
from evidence.models import EvidenceFile
from evidence.uploads import Refused
from ledger.models import Entry
from tests import make
from tests.claims import moving

pytestmark = pytest.mark.django_db

MORE = b"%PDF-1.7 more"


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).hexdigest()


def entry(kind):
    return json.loads(Entry.objects.filter(kind=kind).latest("id").body)


def section(version, name):
    return getattr(version, name), bytes(getattr(version, f"{name}_salt"))


def recomputes(version):
    """As docs/ledger.md tells it."""
    manifest = json.loads(version.manifest)
    sections = {
        name: sha256(salt, text.encode()) for name in SECTIONS for text, salt in [section(version, name)]
    }
    return manifest["sections"] == sections and version.digest == sha256(version.manifest.encode())


# --- Asking ---


def test_a_question_is_kept_with_its_digest_and_the_ledger_has_no_word_of_it():
    request = moving.asked(make.claim())
    assert request.claim.state == State.INFORMATION_REQUESTED
    assert (request.text, request.due_on) == (moving.QUESTION, moving.DUE_ON)
    assert request.digest == sha256(bytes(request.salt), moving.QUESTION.encode())
    found = entry("claim.information_requested")
    assert [found[s]["state"] for s in ("before", "after")] == ["under_review", "information_requested"]
    assert found["facts"] == {
        "request": str(request.public_id),
        "due_on": "2030-01-31",
        "text": request.digest,
    }


def test_one_question_waits_at_a_time():
    request = moving.asked(make.claim())
    with pytest.raises(lifecycle.MoveRefused):
        moving.asked(moving.again(request.claim))
    assert InformationRequest.objects.count() == 1


def test_after_an_answer_one_can_be_asked_again():
    request = moving.asked(make.claim())
    moving.replied(request)
    second = moving.asked(moving.again(request.claim), "А договір?")
    moving.replied(second, "Ось він.")
    version = ClaimVersion.objects.latest("number")
    assert versions.replies(version) == {
        str(request.public_id): "Договір згорів.",
        str(second.public_id): "Ось він.",
    }
    assert version.number == 3
    assert recomputes(version)


def test_a_question_that_is_taken_back_leaves_the_claim_under_review():
    request = moving.asked(make.claim())
    moving.closed(request)
    request.refresh_from_db()
    assert request.closed_at
    assert not request.is_open
    claim = moving.again(request.claim)
    assert (claim.state, claim.version, claim.reviewed_before) == (State.UNDER_REVIEW, 1, False)
    found = entry("claim.request_closed")
    assert [found[s]["state"] for s in ("before", "after")] == ["information_requested", "under_review"]
    assert (found["office"], found["facts"]) == ("reviewer", {"request": str(request.public_id)})


# --- Answering ---


def test_an_answer_is_a_version_that_keeps_every_other_section_byte_for_byte():
    claim = make.claim(answers=make.answers(), files=[make.PDF])
    request = moving.asked(claim)
    moving.add_to_reply(request, MORE)
    second = moving.replied(request)
    first = claim.versions.get(number=1)
    for name in set(SECTIONS) - {"account", "evidence"}:
        assert section(first, name) == section(second, name)
    for name in ("account", "evidence"):
        assert section(first, name)[0] != section(second, name)[0]
        assert section(first, name)[1] != section(second, name)[1]
    assert (second.number, second.signature, second.assurance) == (2, "signed_in", "self_declared")
    assert recomputes(second)
    manifests = [json.loads(v.manifest) for v in (first, second)]
    assert [m.pop("version") for m in manifests] == [1, 2]
    assert [m.pop("sections").keys() for m in manifests] == [set(SECTIONS)] * 2
    assert manifests[0] == manifests[1]


def test_the_answer_stands_in_the_account_beside_what_was_told_and_its_files_after_the_others():
    claim = make.claim(answers={"cause": "Ракета."}, files=[make.PDF])
    request = moving.asked(claim)
    moving.add_to_reply(request, MORE)
    version = moving.replied(request, "  Договір згорів.\n")
    account = json.loads(version.account)
    assert account.pop("information_requests") == {
        "answer": [
            {
                "request": str(request.public_id),
                "digest": request.digest,
                "reply": "Договір згорів.",
                "at": version.made_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            }
        ],
        "origin": "stated",
    }
    assert account == json.loads(claim.versions.get(number=1).account)
    assert [file["sha256"] for file in json.loads(version.evidence)] == [sha256(make.PDF), sha256(MORE)]
    assert versions.answers(version) == versions.answers(claim.versions.get(number=1))


def test_an_answer_takes_the_claim_back_to_review_and_is_entered():
    request = moving.asked(make.claim())
    moving.add_to_reply(request)
    version = moving.replied(request)
    claim = moving.again(request.claim)
    assert (claim.state, claim.version) == (State.UNDER_REVIEW, 2)
    request.refresh_from_db()
    assert (request.answered_in, request.answered_at, request.reply) == (version, version.made_at, "")
    found = entry("claim.information_answered")
    assert [found[s]["state"] for s in ("before", "after")] == ["information_requested", "under_review"]
    assert (found["version"], found["office"]) == (version.digest, "claimant")
    assert found["facts"] == {"request": str(request.public_id), "version_number": 2, "evidence": 1}


@pytest.mark.parametrize("reply", ["", "  \n "])
def test_an_answer_says_something_or_brings_a_file(reply):
    request = moving.asked(make.claim())
    with pytest.raises(lifecycle.AnswerEmpty, match="Write an answer or add a file"):
        moving.replied(request, reply)
    moving.add_to_reply(request)
    assert moving.replied(request, reply).number == 2


@pytest.mark.parametrize("end", [moving.replied, moving.closed, lambda r: moving.withdrawn(r.claim)])
@pytest.mark.parametrize(
    "act",
    [
        lambda request, _file: moving.replied(request),
        lambda request, _file: moving.closed(request),
        lambda request, _file: requests.save_reply(request, "Пізно."),
        lambda request, _file: moving.add_to_reply(request, MORE),
    ],
)
def test_what_was_answered_or_closed_is_not_answered_any_more(end, act):
    request = moving.asked(make.claim())
    file = moving.add_to_reply(request)
    end(request)
    before = ClaimVersion.objects.count(), Attachment.objects.count(), Entry.objects.count()
    with pytest.raises(lifecycle.NothingToAnswer, match="has been answered or is no longer open"):
        act(request, file)
    assert (ClaimVersion.objects.count(), Attachment.objects.count(), Entry.objects.count()) == before


def test_what_was_typed_stays_until_it_is_sent():
    request = moving.asked(make.claim())
    seen = requests.fingerprint("")
    assert requests.save_reply(request, "Договір", seen=seen) == "Договір"
    assert requests.save_reply(request, "Договір згорів.", seen=seen) == "Договір згорів."
    assert requests.save_reply(request, "", seen=seen) == "Договір згорів."  # an old empty page
    assert requests.save_reply(request, "", seen=requests.fingerprint("Договір згорів.")) == ""


def test_a_file_can_be_taken_out_until_it_is_sent(django_capture_on_commit_callbacks, evidence_dir):
    request = moving.asked(make.claim())
    file = moving.add_to_reply(request)
    with django_capture_on_commit_callbacks(execute=True):
        requests.detach(file, by=make.user("olena"))
    assert not EvidenceFile.objects.exists()
    assert [path for path in evidence_dir.rglob("*") if path.is_file()] == []


def test_a_file_that_was_not_sent_can_be_taken_out_after_the_question_was_closed(evidence_rules):
    evidence_rules(max_draft_bytes=len(make.PDF))
    request = moving.asked(make.claim())
    file = moving.add_to_reply(request)
    moving.closed(request)
    requests.detach(file, by=make.user("olena"))
    assert not EvidenceFile.objects.exists()
    make.evidence(make.draft())  # there is room again


@pytest.mark.parametrize("end", [moving.replied, lambda r: moving.withdrawn(r.claim)])
def test_a_file_that_was_sent_or_is_gone_is_not_taken_out(end):
    request = moving.asked(make.claim())
    file = moving.add_to_reply(request)
    end(request)
    before = Attachment.objects.count(), EvidenceFile.objects.count(), Entry.objects.count()
    with pytest.raises(lifecycle.NothingToAnswer, match="was sent to us with your answer, or is gone"):
        requests.detach(file, by=make.user("olena"))
    assert (Attachment.objects.count(), EvidenceFile.objects.count(), Entry.objects.count()) == before


def test_only_a_file_of_an_answer_is_taken_out_of_one():
    claim = make.claim(files=[make.PDF])
    with pytest.raises(ValueError, match="belongs to no answer"):
        requests.detach(claim.attachments.get(), by=claim.filed_by)


def test_the_same_file_is_kept_once_in_an_answer_and_may_be_in_the_claim_before():
    request = moving.asked(make.claim(files=[make.PDF]))
    first = moving.add_to_reply(request, make.PDF)
    assert moving.add_to_reply(request, make.PDF) == first
    version = moving.replied(request, "")
    assert len(json.loads(version.evidence)) == 2


def test_a_refused_file_is_not_kept():
    request = moving.asked(make.claim())
    with pytest.raises(Refused):
        moving.add_to_reply(request, b"PK\x03\x04 archive")
    assert not Attachment.objects.exists()


def test_an_answer_has_room_for_files_in_a_claim_that_is_full(evidence_rules):
    evidence_rules(max_files=1)
    request = moving.asked(make.claim(files=[make.PDF]))
    moving.add_to_reply(request, MORE)
    with pytest.raises(filing.TooMany, match="At most 1 files"):
        moving.add_to_reply(request, b"%PDF-1.7 third")


def test_files_of_answers_count_with_the_drafts_until_they_are_sent(evidence_rules):
    evidence_rules(max_draft_bytes=len(make.PDF))
    request = moving.asked(make.claim())
    moving.add_to_reply(request, make.PDF)
    draft = make.draft()
    with pytest.raises(filing.TooMany, match="Your drafts hold as much as we can keep"):
        make.evidence(draft)
    moving.replied(request)
    make.evidence(draft)


# --- Answers and changes beside each other ---


def test_what_is_being_changed_is_not_sent_with_an_answer_and_the_other_way_round():
    claim = make.claim(answers={"cause": "Ракета."})
    request = moving.asked(claim)
    claim = moving.again(claim)
    moving.change(claim, {"cause": "Інакше."})
    make.evidence(claim, b"%PDF-1.7 change")
    moving.add_to_reply(request, MORE)
    changed = moving.send_changes(claim)
    assert [f["sha256"] for f in json.loads(changed.evidence)] == [sha256(b"%PDF-1.7 change")]
    assert "information_requests" not in json.loads(changed.account)
    answered = moving.replied(request)
    assert [f["sha256"] for f in json.loads(answered.evidence)] == [sha256(b"%PDF-1.7 change"), sha256(MORE)]
    assert versions.answers(answered)["cause"] == "Інакше."
    assert (changed.number, answered.number) == (2, 3)
    assert recomputes(changed)
    assert recomputes(answered)


def test_a_change_begun_before_an_answer_keeps_the_answer():
    claim = make.claim()
    request = moving.asked(claim)
    moving.change(claim, {"cause": "Інакше."})
    moving.replied(request)
    version = moving.send_changes(claim)
    assert versions.replies(version) == {str(request.public_id): "Договір згорів."}
    assert versions.answers(version)["cause"] == "Інакше."


def test_files_of_an_answer_that_was_never_sent_stay_out_of_every_version():
    request = moving.asked(make.claim())
    moving.add_to_reply(request)
    moving.closed(request)
    claim = moving.amended(moving.again(request.claim))
    assert json.loads(claim.versions.get(number=2).evidence) == []
    second = moving.asked(claim)
    assert json.loads(moving.replied(second).evidence) == []


def test_an_erased_account_takes_a_new_answer():
    request = moving.asked(make.claim())
    make.erased(request.claim, "account")
    version = moving.replied(request)
    assert versions.replies(version) == {str(request.public_id): "Договір згорів."}
    assert versions.replies(request.claim.versions.get(number=1)) == {}
