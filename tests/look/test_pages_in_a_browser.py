"""The base page, its components and its script in a real browser. The network is played by the test."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from django import forms
from django.conf import settings
from django.template import engines
from django.utils import translation
from playwright.sync_api import Browser, Page, Route, sync_playwright
from sample_forms import Optional, Questions, Settlement

SITE = "http://testserver"
STATIC = Path(settings.BASE_DIR, "registry", "static")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'"
)
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
PLACES = [
    {"code": "UA32", "label": "Буча, Бучанський район, Київська область"},
    {"code": "UA61", "label": "Бучач, Чортківський район, Тернопільська область"},
]
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}

PAGE = """{% extends "base.html" %}{% block title %}Your home{% endblock %}
{% block before_main %}<a class="back" href="/back">Back</a>{% endblock %}
{% block main %}{% include "components/error_summary.html" %}<h1>Your home</h1>BODY{% endblock %}"""
FORM = """<form method="post" novalidate>{% csrf_token %}{{ form }}
<div class="actions"><button class="button" data-once>Continue</button></div></form>"""

COMPONENTS = """
<div class="banner done" role="status"><p>We have kept your file.</p></div>
<div class="warning"><p><strong>Before you read on.</strong> The next questions are hard.</p></div>
<ol class="tasks"><li><a href="/a">Your home</a> <strong class="state done">Done</strong></li>
<li><a href="/b">Evidence</a> <strong class="state todo">In progress</strong><p class="hint">2 left</p></li>
<li><span>Check your answers</span> <strong class="state off">Cannot start yet</strong></li></ol>
<dl class="summary"><div><dt>Name</dt><dd>Олена</dd><dd class="act"><a href="/c">Change
<span class="hidden">name</span></a></dd></div></dl>
<div class="scroll" role="region" aria-label="Claims" tabindex="0"><table><caption>Claims</caption>
<thead><tr><th scope="col">Number</th><th scope="col" class="figure">Amount</th></tr></thead>
<tbody><tr><td class="number">UA-7K4M-2P9Q-F</td><td class="figure">1,234.50 EUR</td></tr></tbody>
</table></div>
<div class="receipt"><h2>We have your claim</h2>
<p>Number <strong class="number">UA-7K4M-2P9Q-F</strong></p></div>
<ol class="story"><li><time datetime="2026-03-07">7 March 2026</time><p>You filed the claim.</p></li></ol>
<ul class="files"><li><div><a href="/d">deed.pdf</a><p class="hint">2 MB</p></div></li></ul>
<nav class="pages" aria-label="Pages"><a rel="next" href="/e">Older</a></nav>
<details><summary>Why we ask this</summary><p>To link claims about one home.</p></details>
<div class="actions"><button class="button">Go on</button><button class="button secondary">Leave</button>
<button class="button warn">Delete</button><button class="link-button">Cancel</button></div>"""


class Everything(Optional):
    account = forms.CharField(label="Tell us what happened", widget=forms.Textarea({"data-count": 12}))
    place = forms.Field(label="Where was it?", widget=Settlement())
    paper = forms.FileField(label="A paper", widget=forms.FileInput({"data-max": 1000}))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
        )


Show = Callable[..., Page]


@pytest.fixture
def show(browser: Browser) -> Iterator[Show]:
    """Opens a page around `body`. `page.sent` counts forms sent; what the policy refuses fails the test."""
    contexts, refused = [], []

    def open_page(
        body: str,
        form: forms.Form | None = None,
        *,
        language: str = "en",
        width: int = 1280,
        scheme: str = "light",
    ) -> Page:
        with translation.override(language):
            template = engines["django"].from_string(PAGE.replace("BODY", body))
            html = template.render(
                {
                    "form": form,
                    "register_name": "Register",
                    "is_demo": True,
                    "quick_exit_url": f"{SITE}/elsewhere",
                    "user": {"is_authenticated": True},
                    "request": {"get_full_path": "/"},
                    "csrf_token": "token",
                    "messages": [],
                }
            )
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.sent = 0  # type: ignore[attr-defined]

        def answer(route: Route) -> None:
            path = route.request.url.removeprefix(SITE)
            static = STATIC / path.removeprefix("/static/")
            if route.request.method == "POST":
                page.sent += 1  # type: ignore[attr-defined]
                route.fulfill(status=204)
            elif path.startswith("/places/"):
                route.fulfill(body=json.dumps(PLACES), content_type="application/json")
            elif path.startswith("/static/") and static.is_file():
                route.fulfill(body=static.read_bytes(), content_type=KINDS[static.suffix])
            else:
                text = html if path == "/" else "elsewhere"
                headers = {"Content-Security-Policy": POLICY}
                route.fulfill(body=text, content_type="text/html; charset=utf-8", headers=headers)

        page.on("console", lambda message: refused.append(message.text) if "Policy" in message.text else None)
        page.on("pageerror", lambda error: refused.append(str(error)))
        page.route("**/*", answer)
        page.goto(SITE + "/")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert refused == []


@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [("uk", 360, "dark"), ("uk", 1280, "light"), ("en", 360, "light"), ("en", 1280, "dark")],
)
def test_components_and_forms_meet_wcag_aa(show, language, width, scheme):
    for body, form in ((COMPONENTS, None), (FORM, Everything({}))):
        page = show(body, form, language=language, width=width, scheme=scheme)
        found = Axe().run(page, options=WCAG).response["violations"]
        assert [(v["id"], [node["html"] for node in v["nodes"]]) for v in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_controls_are_large_enough_for_a_thumb(show):
    page = show(FORM, Everything())
    heights = page.eval_on_selector_all(
        ".button, .choice label, input[type=text], textarea",
        "all => all.map(e => e.getBoundingClientRect().height)",
    )
    assert min(heights) >= 44


def test_the_error_summary_is_read_first_and_leads_into_the_control(show):
    page = show(FORM, Questions({"name": "Олена", "owner": "me"}))
    assert page.evaluate("document.activeElement.className") == "error-summary"
    page.click("a[href='#id_born']")
    assert page.evaluate("document.activeElement.id") == "id_born_0"


def test_quick_exit_leaves_no_way_back(show):
    page = show("<p>Private</p>")
    page.click("[data-exit]")
    page.wait_for_url("**/elsewhere")
    assert page.evaluate("history.length") == 2  # the empty first page of the tab, and this one
    page.go_back()
    assert page.url == "about:blank"


def test_shift_three_times_is_quick_exit(show):
    page = show("<p>Private</p>")
    for _ in range(3):
        page.keyboard.press("Shift")
    page.wait_for_url("**/elsewhere")


def test_shift_to_type_capitals_is_not(show):
    page = show(FORM, Everything())
    page.focus("#id_name")
    for letter in "ABCD":
        page.keyboard.press(f"Shift+{letter}")
    assert page.input_value("#id_name") == "ABCD"
    assert page.url == SITE + "/"


def test_a_double_click_sends_once(show):
    page = show(FORM, Everything())
    page.dblclick("[data-once]")
    page.wait_for_timeout(300)
    assert page.sent == 1


def test_characters_left_are_counted(show):
    page = show(FORM, Everything())
    page.fill("#id_account", "Привіт 😀")
    assert page.text_content("#id_account_count") == "Characters left: 4"
    page.fill("#id_account", "Привіт, світе!")
    assert page.text_content("#id_account_count") == "Characters too many: 2"


def test_a_file_that_is_too_large_is_said_before_it_is_sent(show):
    page = show(FORM, Everything())
    said = page.locator("#id_paper + [role=status]")
    page.set_input_files("#id_paper", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"x" * 900})
    assert said.text_content() == "0.9 kB"
    page.set_input_files("#id_paper", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"x" * 1001})
    assert "larger than we can take" in said.text_content()


def test_a_settlement_is_chosen_by_keyboard(show):
    page = show(FORM, Everything())
    page.locator("#id_place_0").press_sequentially("Буча")
    page.wait_for_selector("[role=option]")
    assert page.get_attribute("#id_place_0", "aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.get_attribute("#id_place_0", "aria-activedescendant") == "id_place_0_list_1"
    page.keyboard.press("Enter")
    assert page.input_value("#id_place_0") == PLACES[1]["label"]
    assert page.input_value("#id_place_1") == "UA61"
    assert page.sent == 0


def test_typing_on_forgets_the_settlement_chosen_before(show):
    page = show(FORM, Everything())
    page.locator("#id_place_0").press_sequentially("Буча")
    page.click("[role=option]")
    assert page.input_value("#id_place_1") == "UA32"
    page.locator("#id_place_0").press_sequentially("!")
    assert page.input_value("#id_place_1") == ""


def test_a_receipt_prints_without_the_frame(show):
    page = show(COMPONENTS)
    page.emulate_media(media="print")
    assert page.is_visible(".receipt .number")
    assert [
        s for s in (".site-tools", ".site-footer", ".exit", ".demo", ".button") if page.is_visible(s)
    ] == []
