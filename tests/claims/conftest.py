import json
from dataclasses import replace

import pytest
from django.test import Client
from django.utils import translation
from hypothesis import settings

from claims import catalogue, mandates
from ledger import stamping
from tests import make
from tests.ledger.authority import Authority, Issuer, serve

settings.register_profile("quick", max_examples=60, deadline=None, derandomize=True, database=None)
settings.load_profile("quick")


@pytest.fixture(autouse=True)
def evidence_dir(settings, tmp_path):
    """Each test has an evidence storage of its own."""
    settings.EVIDENCE_DIR = tmp_path / "evidence"
    return settings.EVIDENCE_DIR


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


@pytest.fixture
def stamp(settings, tmp_path, monkeypatch):
    """Has the newest checkpoint stamped by an authority that the settings name."""
    monkeypatch.setattr(stamping, "_plan", stamping._Plan())
    issuer = Issuer()
    (tmp_path / "roots.pem").write_bytes(issuer.pem)
    with serve(Authority(tmp_path / "authority", issuer).answer) as server:
        settings.LEDGER_TSA_URL, settings.LEDGER_TSA_ROOTS = server.url, tmp_path / "roots.pem"
        yield stamping.stamp_newest


@pytest.fixture
def evidence_rules(monkeypatch):
    """Change what the mandate allows of files."""
    mandate = mandates.current()

    def change(**rules):
        changed = replace(mandate, evidence=replace(mandate.evidence, **rules))
        monkeypatch.setattr(mandates, "current", lambda: changed)

    return change


@pytest.fixture
def newer_wording():
    """Load the next version of a category, with a change made to its content."""

    def load(code, change):
        raw = json.loads(make.category(code).newest.content)
        raw["category"]["version"] += 1
        change(raw["category"])
        parsed = mandates.category(raw, f"categories/{code}.toml")
        catalogue.load(mandates.Folder(mandates.current(), {code: (parsed, raw)}))

    return load


@pytest.fixture
def signed_in():
    """A browser in which this person is signed in, in English."""

    def sign_in(name, *roles):
        client = Client(headers={"accept-language": "en"})
        client.force_login(make.user(name, *roles))
        return client

    return sign_in
