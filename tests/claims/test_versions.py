"""A version is what was submitted, byte for byte: anybody can recompute it with hashlib and json alone."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from claims import filing, mandates, versions
from claims.models import ClaimVersion, MandateVersion
from ledger import sealing
from ledger.models import Entry, Leaf
from tests import make

SECTIONS = [
    "core",
    "claimant",
    "contact",
    "identifiers",
    "representative",
    "persons",
    "place",
    "loss",
    "account",
    "sensitive",
    "answers",
    "evidence",
]


@pytest.fixture
def worked(db):
    """One claim with an answer to every question, an account of one's own and two files."""
    draft = make.draft(answers=make.answers(citizenships={"state": "not_said"}))
    filing.save_eligibility(draft, {"in_territory": "yes", "caused_by_aggression": "unsure"})
    filing.save_own_account(draft, "Документи згоріли. 🕯️")
    filing.save_consents(draft, {"research": True}, notice=mandates.current().privacy_notice.version)
    make.evidence(draft, name="фото.pdf", type="damage_photo", description="Кухня")
    make.evidence(draft, b"%PDF-1.7 second")
    make.submit(draft)
    return draft


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).hexdigest()


def test_section_version_and_leaf_digests_are_recomputed_from_the_documented_bytes(worked):
    version = ClaimVersion.objects.get(claim=worked)
    manifest = json.loads(version.manifest)
    assert manifest["sections"] == {
        name: sha256(getattr(version, f"{name}_salt"), getattr(version, name).encode()) for name in SECTIONS
    }
    assert version.digest == sha256(version.manifest.encode())
    entry = Entry.objects.get(claim=worked.public_id)
    assert json.loads(entry.body)["version"] == version.digest
    sealing.seal()
    assert Leaf.objects.get(entry=entry).hash.hex() == sha256(b"\x00", entry.salt, entry.body.encode())


def test_manifest_and_sections_are_canonical_json(worked):
    version = ClaimVersion.objects.get(claim=worked)
    for text in (version.manifest, *(getattr(version, name) for name in SECTIONS)):
        in_order = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert text == in_order


def test_the_manifest_names_format_claim_number_version_and_category(worked):
    version = ClaimVersion.objects.get(claim=worked)
    worked.refresh_from_db()
    manifest = json.loads(version.manifest)
    assert list(manifest.pop("sections")) == sorted(SECTIONS)
    assert manifest == {
        "format": "registry-claim-version/1",
        "claim": str(worked.public_id),
        "number": worked.number,
        "version": 1,
        "category": "A3.1",
        "category_version": 2,
    }


def test_each_section_has_a_salt_of_its_own(worked):
    version = ClaimVersion.objects.get(claim=worked)
    salts = {bytes(getattr(version, f"{name}_salt")) for name in SECTIONS}
    assert {len(salt) for salt in salts} == {16}
    assert len(salts) == len(SECTIONS)


def test_every_answer_stands_in_the_section_of_its_question_with_its_origin(worked):
    version = ClaimVersion.objects.get(claim=worked)
    expected = {name: {} for name in SECTIONS if name not in ("core", "evidence")}
    answers = make.answers(citizenships={"state": "not_said"})
    for question in worked.form.questions:
        if question.id in answers:
            expected[question.section][question.id] = {"answer": answers[question.id], "origin": "stated"}
    expected["account"]["own_account"] = {"answer": "Документи згоріли. 🕯️", "origin": "stated"}
    assert {name: json.loads(getattr(version, name)) for name in expected} == expected


def test_evidence_names_each_file_with_its_digest_in_the_order_added(worked):
    files = json.loads(ClaimVersion.objects.get(claim=worked).evidence)
    assert [f["sha256"] for f in files] == [sha256(make.PDF), sha256(b"%PDF-1.7 second")]
    first = worked.attachments.order_by("id").first().evidence_file
    assert files[0] == {
        "id": str(first.public_id),
        "name": "фото.pdf",
        "type": "damage_photo",
        "description": "Кухня",
        "sha256": sha256(make.PDF),
        "size_bytes": len(make.PDF),
        "media_type": "application/pdf",
        "received_at": first.received_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


def test_the_core_says_how_the_claim_was_made(worked):
    version, mandate = ClaimVersion.objects.get(claim=worked), mandates.current()
    notice, shown = mandate.privacy_notice.version, mandate.declaration
    assert json.loads(version.core) == {
        "mandate": {"id": "ukraine", "digest": MandateVersion.objects.get().digest},
        "privacy_notice": notice,
        "consents": {"notice": notice, "choices": {"research": True}},
        "declaration": {"version": shown.version, "language": "en", "text": shown.text.en},
        "claimant_kind": "individual",
        "language": "en",
        "submitted_at": version.made_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "eligibility": {"in_territory": "yes", "caused_by_aggression": "unsure"},
        "signature": {"method": "typed_declaration", "typed_name": "Олена Коваленко"},
        "assurance": "self_declared",
    }


def test_two_claims_that_say_the_same_have_different_digests(db):
    answers = make.answers()
    first, second = make.claim(answers=answers), make.claim(answers=answers)
    assert first.versions.get().claimant == second.versions.get().claimant
    digests = [json.loads(c.versions.get().manifest)["sections"] for c in (first, second)]
    assert not set(digests[0].values()) & set(digests[1].values())


def test_what_was_answered_can_be_read_back(worked):
    said = versions.answers(ClaimVersion.objects.get(claim=worked))
    assert said.pop("own_account") == "Документи згоріли. 🕯️"
    assert said == make.answers(citizenships={"state": "not_said"})


def test_what_a_claimant_takes_home_is_enough_to_check_the_digest_on_the_receipt(worked):
    kept = versions.as_filed(ClaimVersion.objects.get(claim=worked))
    assert kept["digest"] == sha256(kept["manifest"].encode())
    assert json.loads(kept["manifest"])["sections"] == {
        name: sha256(bytes.fromhex(section["salt"]), section["text"].encode())
        for name, section in kept["sections"].items()
    }


def test_an_erased_section_is_left_out_and_the_rest_stays_verifiable(worked):
    version = ClaimVersion.objects.get(claim=worked)
    version.account = version.account_salt = None
    assert "cause" not in versions.answers(version)
    assert set(versions.as_filed(version)["sections"]) == set(SECTIONS) - {"account"}
    assert version.digest == sha256(version.manifest.encode())


# --- The worked example of the documentation ---

DOCUMENTED = dict(
    re.findall(
        r"^(\w+) = (.+)$",
        (Path(__file__).parents[2] / "docs" / "ledger.md").read_text().split("## Claim versions")[1],
        re.MULTILINE,
    )
)


def test_the_documented_example_is_right():
    manifest = json.loads(DOCUMENTED["manifest"])
    assert manifest["sections"] == {
        name: sha256(bytes.fromhex(DOCUMENTED[f"{name}_salt"]), DOCUMENTED[name].encode())
        for name in SECTIONS
    }
    assert DOCUMENTED["version_digest"] == sha256(DOCUMENTED["manifest"].encode())


def test_the_documented_example_has_the_shape_of_a_real_version(worked):
    version = ClaimVersion.objects.get(claim=worked)

    def shape(text):
        return json.loads(text).keys()

    assert shape(DOCUMENTED["manifest"]) == shape(version.manifest)
    assert shape(DOCUMENTED["core"]) == shape(version.core)
    assert json.loads(DOCUMENTED["evidence"])[0].keys() == json.loads(version.evidence)[0].keys()
