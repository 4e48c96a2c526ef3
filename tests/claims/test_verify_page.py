"""The page that checks receipts, as it is served. What it finds: tests/journeys/test_verifying.py."""

import base64
import hashlib
import html
import json
import re

import pytest
from django.test import Client

from claims import verify_page
from claims.verify_page import words
from ledger import checkpoints

pytestmark = pytest.mark.django_db


@pytest.fixture
def page():
    return Client(headers={"accept-language": "en"}).get("/verify/")


def source(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def found(pattern, page):
    return re.findall(pattern, page.content.decode(), re.DOTALL)


def test_the_policy_allows_the_style_and_script_in_the_page_and_nothing_else(page):
    (style,) = found("<style>(.*?)</style>", page)
    (script,) = found('<script type="module">(.*?)</script>', page)
    own = (
        f"default-src 'none'; script-src {source(script)}; style-src {source(style)}; "
        "connect-src 'none'; form-action 'none'; base-uri 'none'"
    )
    assert page.headers["Content-Security-Policy"] == f"{own}; frame-ancestors 'none'"
    (in_the_file,) = found('<meta http-equiv="Content-Security-Policy" content="(.*?)">', page)
    assert html.unescape(in_the_file) == own


def test_the_page_is_one_file(page):
    assert found(r"\ssrc=|<link|@import|url\(|@font-face", page) == []


def test_it_sets_no_cookie_and_holds_no_token(page):
    assert page.cookies == {}
    assert b"csrf" not in page.content


def test_other_pages_keep_their_policy(page):
    assert "sha256" not in Client().get("/help/").headers["Content-Security-Policy"]


def test_the_keys_of_the_register_stand_in_it(page):
    (register,) = found('<script id="register" type="application/json">(.*?)</script>', page)
    assert json.loads(register)["vkeys"] == checkpoints.vkeys()


@pytest.mark.parametrize(("language", "heading"), [("en", "Check a receipt"), ("uk", "")])
def test_it_can_be_asked_for_in_each_language(language, heading):
    browser = Client(headers={"accept-language": "uk" if language == "en" else "en"})
    page = browser.get("/verify/", {"language": language})
    assert page.headers["Content-Language"] == language
    assert f'<html lang="{language}">' in page.content.decode()
    assert heading in page.content.decode()


def test_an_unknown_language_is_that_of_the_site():
    page = Client(headers={"accept-language": "en"}).get("/verify/", {"language": "xx"})
    assert page.headers["Content-Language"] == "en"


def test_every_sentence_that_the_script_names_is_there():
    script = verify_page.script()
    said = set(re.findall(r'say\("([a-z0-9_]+)"', script))
    said |= {f"part_{part}" for part in re.findall(r'need\([^\n]*, "([a-z_]+)"\)', script)} - {
        "part_copy",  # caught where the copy is checked
        "part_receipt",
        "part_timestamp",
    }
    for code, states in re.findall(r'add\("(\w+)", ([^{)]*)', script):
        said |= {f"{code}_{state}" for state in re.findall('"(yes|no|open)"', states)}
    assert said - set(words.words()) == set()


def test_vendored_code_is_as_it_was_published():
    """noble-ed25519 3.2.0 (docs/decisions.md)."""
    vendored = (verify_page.FOLDER / "vendor" / "noble-ed25519.js").read_bytes()
    assert (
        hashlib.sha256(vendored).hexdigest()
        == "a4f631d1876b5d9e43a86cd71194ca27b5e1451edf4ba4db9a418f40a475569a"
    )
    assert b"MIT License (c) 2019 Paul Miller" in vendored
