"""Rules for every template of ours."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template

FOLDER = Path(settings.BASE_DIR, "templates")
PAGES = sorted(p.relative_to(FOLDER).as_posix() for p in FOLDER.rglob("*.html"))

FORBIDDEN = {
    "a style element": r"<style\b",
    "a style attribute": r"\sstyle\s*=",
    "a script of its own": r"<script\b(?![^>]*\ssrc=)",
    "an event handler": r"<[^>]*\son[a-z]+\s*=",
    "a data: address": r"""["'(]data:""",
    "a javascript: address": r"javascript:",
    "something from elsewhere": r"""<(?:script|link|img|iframe|source)\b[^>]*["']https?:""",
}


@pytest.mark.parametrize("name", PAGES)
def test_no_template_holds_what_the_content_security_policy_refuses(name):
    text = (FOLDER / name).read_text()
    assert [what for what, pattern in FORBIDDEN.items() if re.search(pattern, text, re.IGNORECASE)] == []


@pytest.mark.parametrize("name", PAGES)
def test_every_template_can_be_read(name):
    get_template(name)


def test_every_form_that_posts_carries_the_csrf_token():
    forms = {
        name: re.findall(r"<form\b[^>]*method=\"post\"[^>]*>(.*?)</form>", (FOLDER / name).read_text(), re.S)
        for name in PAGES
    }
    assert [name for name, bodies in forms.items() if any("{% csrf_token %}" not in b for b in bodies)] == []
