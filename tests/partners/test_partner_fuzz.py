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
from partners.models import Partner
from tests import make
from tests.partners.conftest import SUBMITTED, Program

EXAMPLES = os.environ.get("API_FUZZ", "5")  # for each address; `make soak` takes many more
SEED = os.environ.get("API_FUZZ_SEED", "1")
SCOPES = "claims:read evidence:read"
TERMS = replace(SUBMITTED, sections=SECTIONS, evidence=True)


def configuration(partner: Partner, token: str) -> str:
    """Values that cannot be guessed, for some of the calls."""
    claims = Claim.objects.order_by("number")
    numbers = [claim.number for claim in claims]
    files = [str(claim.attachments.get().evidence_file.public_id) for claim in claims]
    cursors = [views.cursors.sign_object([str(partner.public_id), number]) for number in numbers]
    return f"""
        [dictionaries]
        numbers = {{ values = {json.dumps(numbers)} }}
        files = {{ values = {json.dumps(files)} }}
        cursors = {{ values = {json.dumps(cursors)} }}
        codes = {{ values = ["A2.1", "A3.1", "C3.1"] }}

        [parameters]
        "path.number" = {{ dictionary = "numbers", probability = 0.7 }}
        "path.file_id" = {{ dictionary = "files", probability = 0.7 }}
        "path.code" = {{ dictionary = "codes", probability = 0.7 }}
        "query.after_number" = {{ dictionary = "numbers", probability = 1.0 }}
        "query.cursor" = {{ dictionary = "cursors", probability = 1.0 }}

        [[operations]]
        include-path-regex = "/api/v1/(claims|changes)"
        headers = {{ Authorization = "Bearer {token}" }}
    """


@pytest.mark.committing
def test_schemathesis_finds_nothing(own_database, settings, partner, tmp_path):
    settings.ALLOWED_HOSTS = ["testserver", "localhost"]
    for name in ("olena", "taras", "iryna"):
        make.claim(by=name, files=[make.PDF])
    ministry = Program(partner(terms=TERMS), SCOPES)
    token = ministry.ask_token(scope=SCOPES).json()["access_token"]
    (tmp_path / "schemathesis.toml").write_text(configuration(ministry.partner, token))
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
                "CLAIM_NUMBERS": " ".join(Claim.objects.values_list("number", flat=True)),
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
