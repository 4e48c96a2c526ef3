"""What a receipt holds, and that it can be checked with `tree`, `notes` and SHA-256 alone."""

import hashlib
import json
from datetime import timedelta

import pytest

from claims import receipts
from claims.models import State
from ledger import checkpoints, notes, proofs, sealing, stamping, tree
from ledger.log import salted_digest
from ledger.models import Checkpoint, Timestamp
from tests import make
from tests.claims import moving

pytestmark = pytest.mark.django_db


def receipt_of(claim, act=1):
    """As whoever gets the file reads it."""
    return json.loads(receipts.text(receipts.build(receipts.acts(claim)[act - 1])))


def leaf_hash(receipt):
    entry = receipt["entry"]
    return hashlib.sha256(b"\0" + bytes.fromhex(entry["salt"]) + entry["body"].encode()).digest()


def keys(receipt):
    return [notes.VerifierKey.parse(vkey) for vkey in receipt["vkeys"]]


def proven(receipt):
    """The index and the checkpoint of a proof. Raises what the verifiers raise if it does not hold."""
    proof = notes.Proof.parse(receipt["proof"])
    opened = notes.open_note(proof.checkpoint, keys(receipt))
    checkpoint = notes.Checkpoint.parse(opened.text)
    assert (checkpoint.origin, opened.by[0].name) == (receipt["origin"], receipt["origin"])
    tree.verify_inclusion(leaf_hash(receipt), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return proof.index, checkpoint


# --- What it holds ---


def test_a_receipt_has_these_members_and_no_others():
    claim = make.claim(files=[make.PDF])
    receipt = receipt_of(claim)
    assert list(receipt) == [
        "format",
        "origin",
        "entry",
        "version",
        "evidence",
        "evidence_section",
        "promise",
        "proof",
        "vkeys",
        "timestamp",
    ]
    assert (receipt["format"], receipt["origin"]) == ("registry-receipt/1", "registry.local/claims")


def test_it_holds_the_entry_and_the_manifest_to_the_byte():
    claim = make.claim()
    entry, version = receipts.acts(claim)[0], claim.versions.get()
    receipt = receipt_of(claim)
    assert receipt["entry"] == {"body": entry.body, "salt": bytes(entry.salt).hex()}
    assert hashlib.sha256(receipt["version"]["manifest"].encode()).hexdigest() == version.digest
    assert json.loads(receipt["entry"]["body"])["version"] == version.digest
    assert leaf_hash(receipt) == entry.leaf_hash


def test_its_files_can_be_compared_and_their_list_is_proven_by_the_manifest():
    receipt = receipt_of(make.claim(files=[make.PDF, b"%PDF-1.7 another"]))
    assert receipt["evidence"] == [
        {"name": "deed.pdf", "sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
        for content in (make.PDF, b"%PDF-1.7 another")
    ]
    section = receipt["evidence_section"]
    listed = json.loads(section["text"])
    assert [{key: file[key] for key in ("name", "sha256", "size_bytes")} for file in listed] == (
        receipt["evidence"]
    )
    digest = salted_digest(bytes.fromhex(section["salt"]), section["text"].encode())
    assert json.loads(receipt["version"]["manifest"])["sections"]["evidence"] == digest


def test_each_act_names_the_version_that_it_made_or_found():
    claim = make.claim(files=[make.PDF])
    make.amend(claim, event_description="More.")
    make.withdraw(make.fresh(claim))
    first, second, third = (receipt_of(claim, act) for act in (1, 2, 3))
    assert [json.loads(r["version"]["manifest"])["version"] for r in (first, second)] == [1, 2]
    assert (third["version"], third["evidence"], third["evidence_section"]) == (None, [], None)


def test_every_open_act_has_a_receipt_and_what_is_internal_has_none():
    claim = moving.decided(moving.awaiting(make.claim()), State.RECORDED)
    kinds = [json.loads(receipt_of(claim, act + 1)["entry"]["body"])["kind"] for act in range(4)]
    assert kinds == ["claim.submitted", "claim.review_started", "claim.review_finished", "claim.decided"]
    assert len(receipts.acts(claim)) == 4


def test_where_the_list_of_evidence_was_erased_the_rest_still_holds():
    claim = make.erased(make.claim(files=[make.PDF]), "evidence")
    make.checkpoint()
    receipt = receipt_of(claim)
    assert (receipt["evidence"], receipt["evidence_section"]) == ([], None)
    manifest = receipt["version"]["manifest"].encode()
    assert hashlib.sha256(manifest).hexdigest() == json.loads(receipt["entry"]["body"])["version"]
    proven(receipt)


# --- The promise ---


def test_the_promise_is_there_at_once_and_names_the_leaf_and_the_time(settings):
    settings.LEDGER_PROMISE_SECONDS = 600
    claim = make.claim()
    receipt = receipt_of(claim)
    assert (receipt["proof"], receipt["timestamp"]) == (None, None)
    opened = notes.open_note(receipt["promise"], keys(receipt))
    promise = notes.Promise.parse(opened.text)
    assert opened.by[0].name == f"{receipt['origin']}/promises"
    assert (promise.origin, promise.leaf_hash) == (receipt["origin"], leaf_hash(receipt))
    assert 600 <= promise.by - claim.submitted_at.timestamp() < 601
    assert receipts.promised_by(receipts.acts(claim)[0]).timestamp() == promise.by


def test_it_stays_in_the_receipt_once_the_proof_is_there():
    claim = make.claim()
    before = receipt_of(claim)
    make.checkpoint()
    after = receipt_of(claim)
    assert after["promise"] == before["promise"]
    assert after["proof"] is not None


# --- The proof ---


@pytest.mark.parametrize("others", [0, 1, 5])
def test_the_proof_leads_from_the_entry_to_a_signed_checkpoint(others):
    claim = make.claim()
    for number in range(others):
        make.claim(by=f"other{number}")
    published = make.checkpoint()
    index, checkpoint = proven(receipt_of(claim))
    assert index == receipts.place(receipts.acts(claim)[0]).index
    assert (checkpoint.size, checkpoint.root) == (published.size, bytes(published.root))


def test_a_changed_byte_of_the_entry_refutes_it():
    claim = make.claim()
    make.checkpoint()
    receipt = receipt_of(claim)
    receipt["entry"]["body"] = receipt["entry"]["body"].replace("submitted", "withdrawn", 1)
    with pytest.raises(tree.ProofWrong):
        proven(receipt)


def test_what_was_sealed_after_the_newest_checkpoint_has_no_proof_yet():
    make.checkpoint()
    claim = make.claim()
    while sealing.seal():
        pass
    assert proofs.size() > checkpoints.published_size()
    assert receipt_of(claim)["proof"] is None
    make.checkpoint()
    proven(receipt_of(claim))


def test_the_newest_checkpoint_is_taken_while_none_is_stamped():
    claim = make.claim()
    first = make.checkpoint()
    make.claim(by="other")
    second = make.checkpoint()
    assert first.size < second.size
    assert proven(receipt_of(claim))[1].size == second.size


def test_a_stamped_checkpoint_that_covers_the_act_is_preferred(stamp):
    make.claim(by="earlier")
    make.checkpoint()
    assert stamp()
    claim = make.claim()
    stamped = make.checkpoint()
    assert stamp()
    make.claim(by="other")
    make.checkpoint()
    receipt = receipt_of(claim)
    assert proven(receipt)[1].size == stamped.size
    assert receipt["timestamp"] == stamping.for_receipt(stamped.size)
    assert receipt["timestamp"]["algorithm"] == "sha256"


def test_of_the_stamped_size_the_note_with_the_latest_signatures_is_taken(settings, stamp):
    claim = make.claim()
    stamped = make.checkpoint()
    assert stamp()
    witness = witnessed(settings)
    line = notes.cosign(notes.text_of(stamped.note), witness, 1_800_000_000)
    Checkpoint.objects.create(size=stamped.size, root=stamped.root, note=stamped.note + line)
    receipt = receipt_of(claim)
    assert receipt["timestamp"] is not None
    cosigned = notes.open_note(notes.Proof.parse(receipt["proof"]).checkpoint, keys(receipt)).cosigned
    assert cosigned == {witness.verifier: 1_800_000_000}


def test_a_stamp_that_no_authority_gave_does_not_spoil_a_receipt(stamp):
    """The web server's role can write such a row."""
    make.claim(by="earlier")
    forged = make.checkpoint()
    Timestamp.objects.create(
        checkpoint=forged,
        place=0,
        algorithm="sha256",
        token=b"forged",
        stamped_at=forged.signed_at,
        good_until=forged.signed_at + timedelta(days=1000),
        algorithms=["sha256"],
    )
    claim = make.claim()
    make.checkpoint()
    assert receipt_of(claim)["timestamp"] is None
    assert stamping.stamp_due() == 1
    assert receipt_of(claim)["timestamp"] is not None


def test_a_note_that_this_log_did_not_sign_does_not_spoil_a_receipt():
    claim = make.claim()
    published = make.checkpoint()
    Checkpoint.objects.create(size=published.size, root=published.root, note="forged")
    assert checkpoints.newest() == published
    proven(receipt_of(claim))


def witnessed(settings):
    """The key of a witness that the register names."""
    key = notes.SigningKey.generate("witness.example", notes.COSIGNATURE)
    settings.LEDGER_WITNESSES = [f"{key.verifier.vkey} http://127.0.0.1:1"]
    return key


def test_who_signed_besides_the_register_is_told_with_the_time(settings):
    claim = make.claim()
    published = make.checkpoint()
    witness = witnessed(settings)
    line = notes.cosign(notes.text_of(published.note), witness, 1_800_000_000)
    Checkpoint.objects.create(size=published.size, root=published.root, note=published.note + line)
    [(name, at)] = receipts.place(receipts.acts(claim)[0]).witnesses
    assert (name, at.timestamp()) == ("witness.example", 1_800_000_000)


def test_making_one_asks_the_database_a_fixed_number_of_times(django_assert_max_num_queries):
    claims = [make.claim(by=name) for name in ("olena", "petro", "iryna")]
    for claim in claims:
        for number in range(3):
            claim = make.amend(make.fresh(claim), event_description=f"More {number}.")
    make.checkpoint()
    [entry, *_] = receipts.acts(claims[0])
    with django_assert_max_num_queries(8):
        receipts.build(entry)
