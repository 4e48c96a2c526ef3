"""Schemathesis reads the description and calls everything in it, with what fits and what does not."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings as project
from pytest_django.live_server_helper import LiveServer

from claims.mandates import SECTIONS
from claims.models import Access, Claim
from partners.api import views
from tests import make
from tests.partners.conftest import SUBMITTED, Program

EXAMPLES = os.environ.get("API_FUZZ", "3")  # for each address; `make soak` takes many more
SEED = os.environ.get("API_FUZZ_SEED", "1")
SCOPES = "claims:read evidence:read ledger:read"
TERMS = replace(SUBMITTED, sections=SECTIONS, evidence=True)


def configuration(claims: list[Claim], token: str) -> str:
    """Values that cannot be guessed, for some of the calls."""
    numbers = [claim.number for claim in claims]
    files = [str(claim.attachments.get().evidence_file.public_id) for claim in claims]
    return f"""
        [dictionaries]
        numbers = {{ values = {json.dumps(numbers)} }}
        files = {{ values = {json.dumps(files)} }}
        codes = {{ values = ["A2.1", "A3.1", "C3.1"] }}
        tiles = {{ values = ["0/000.p/1", "0/000.p/7"] }}

        [parameters]
        "path.number" = {{ dictionary = "numbers", probability = 0.7 }}
        "path.file_id" = {{ dictionary = "files", probability = 0.7 }}
        "path.code" = {{ dictionary = "codes", probability = 0.7 }}
        "path.tile" = {{ dictionary = "tiles", probability = 0.7 }}

        [[operations]]
        include-path-regex = "/api/v1/(claims|changes|ledger/entries)"
        headers = {{ Authorization = "Bearer {token}" }}
    """


@pytest.mark.committing
def test_schemathesis_finds_nothing(own_database, settings, partner, tmp_path):
    settings.ALLOWED_HOSTS = ["testserver", "localhost"]
    claims = [make.claim(by=name, files=[make.PDF]) for name in ("olena", "taras", "iryna")]
    ministry = Program(partner(terms=TERMS), SCOPES)
    token = ministry.ask_token(scope=SCOPES).json()["access_token"]
    (tmp_path / "schemathesis.toml").write_text(configuration(claims, token))
    partner_id = str(ministry.partner.public_id)
    size = make.checkpoint().size
    cursors = [views.cursors.sign_object([partner_id, claim.number]) for claim in claims]
    server = LiveServer("localhost")
    try:
        done = subprocess.run(
            [
                *(Path(sys.executable).with_name("schemathesis"), "--config-file", "schemathesis.toml"),
                *("run", f"{server.url}/api/v1/schema", "--max-examples", EXAMPLES, "--seed", SEED),
                *("--continue-on-failure", "--no-shrink"),
            ],
            cwd=tmp_path,
            env=os.environ
            | {
                "PYTHONPATH": str(project.BASE_DIR),
                "SCHEMATHESIS_HOOKS": "tests.partners.fuzz_hooks",
                "CLAIM_NUMBERS": " ".join(str(claim.number) for claim in claims),
                "CURSORS": " ".join(cursors),
                "LEDGER_SIZE": str(size),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    finally:
        server.stop()
    assert done.returncode == 0, done.stdout
    reached = set(Access.objects.values_list("purpose", flat=True))
    assert reached == {"pull", "read", "evidence"}, done.stdout
