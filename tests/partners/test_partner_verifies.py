"""A partner that sees some sections holds them against the ledger: by what it gets over HTTP, and nothing of
ours but the pure functions of `tree` and `notes`."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from claims.models import Claim
from ledger import notes, tree
from partners import scopes
from partners.agreements import DEMO_TERMS
from tests import make
from tests.partners.conftest import SUBMITTED

pytestmark = pytest.mark.django_db

TERMS = replace(SUBMITTED, sections=("core", "place"))
SCOPES = f"{scopes.CLAIMS_READ} {scopes.LEDGER_READ}"


def verified_sections(ministry: Any, claim: Claim, log_key: str) -> set[str]:
    """Those whose bytes were proven to be what the ledger took in. Fails where anything does not fit."""
    text = ministry.get(f"/api/v1/claims/{claim.number}").text
    line = json.loads(text)
    manifest = text[text.index('"manifest":') + len('"manifest":') : -1]
    assert hashlib.sha256(manifest.encode()).hexdigest() == line["version_digest"]
    proven = set()
    for name, section in line["sections"].items():
        if section is None:
            assert line["salts"][name] is None
            continue
        said = text[text.index(f'"{name}":{{') + len(f'"{name}":') :]
        raw = said[: json.JSONDecoder().raw_decode(said)[1]]
        salted = bytes.fromhex(line["salts"][name]) + raw.encode()
        assert hashlib.sha256(salted).hexdigest() == json.loads(manifest)["sections"][name]
        proven.add(name)
    opened = notes.open_note(
        ministry.get("/api/v1/ledger/checkpoint").text, [notes.VerifierKey.parse(log_key)]
    )
    checkpoint = notes.Checkpoint.parse(opened.text)
    entries = ministry.get("/api/v1/ledger/entries", start=0, end=checkpoint.size - 1).json()["results"]
    [entry] = [
        entry
        for entry in entries
        if entry["body"] and json.loads(entry["body"])["version"] == line["version_digest"]
    ]
    leaf = tree.leaf_hash(bytes.fromhex(entry["salt"]) + entry["body"].encode())
    proof = ministry.get("/api/v1/ledger/proof/inclusion", index=entry["index"], size=checkpoint.size).json()
    hashes = [bytes.fromhex(hash_) for hash_ in proof["hashes"]]
    tree.verify_inclusion(leaf, entry["index"], checkpoint.size, hashes, checkpoint.root)
    return proven


def test_the_sections_that_a_partner_sees_are_proven_by_the_ledger(
    program: Callable[..., Any], client: Client
):
    ministry = program(terms=TERMS, scopes=SCOPES)
    claim = make.claim(answers=make.answers(), files=[make.PDF])
    make.checkpoint()
    log_key = client.get("/api/v1/ledger/vkeys").text.splitlines()[0]
    assert verified_sections(ministry, claim, log_key) == {"core", "place"}


def test_a_partner_that_sees_recorded_claims_alone_verifies_them_by_the_decision(
    program: Callable[..., Any], client: Client
):
    ministry = program(terms=DEMO_TERMS, scopes=SCOPES)
    claim = make.recorded(answers=make.answers(), files=[make.PDF])
    make.checkpoint()
    log_key = client.get("/api/v1/ledger/vkeys").text.splitlines()[0]
    assert verified_sections(ministry, claim, log_key) == set(DEMO_TERMS.sections)


def test_what_is_left_after_an_erasure_is_proven_as_before(program: Callable[..., Any], client: Client):
    ministry = program(terms=TERMS, scopes=SCOPES)
    claim = make.erased(make.claim(answers=make.answers()), "place")
    make.checkpoint()
    log_key = client.get("/api/v1/ledger/vkeys").text.splitlines()[0]
    assert verified_sections(ministry, claim, log_key) == {"core"}
