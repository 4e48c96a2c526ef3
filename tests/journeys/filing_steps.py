"""What a person does in a browser, step by step, in the language of the page."""

import gettext
import re
import time
import tomllib
from functools import cache

from django.conf import settings
from playwright.sync_api import FilePayload, Locator, Page

from tests.journeys.conftest import Site

PASSWORD = "river lamp seven stones"  # no name of the person, no common word alone
MAIL_SECONDS = 30
NUMBER = re.compile(r"UA-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]")


def _jpeg() -> bytes:
    """One grey pixel: the smallest picture that a browser shows."""
    parts = [
        (0xDB, b"\0" + b"\1" * 64),  # quantisation
        (0xC0, b"\x08\0\1\0\1\1\1\x11\0"),  # baseline, 1 x 1, one component
        (0xC4, b"\x00\1" + b"\0" * 15 + b"\0"),  # Huffman, DC: one code, difference 0
        (0xC4, b"\x10\1" + b"\0" * 15 + b"\0"),  # Huffman, AC: one code, end of block
        (0xDA, b"\1\1\0\0\x3f\0"),  # scan
    ]
    body = b"".join(b"\xff%c%s%s" % (kind, (len(data) + 2).to_bytes(2, "big"), data) for kind, data in parts)
    return b"\xff\xd8" + body + b"\x3f\xff\xd9"


def _pdf() -> bytes:
    """One empty page."""
    body = b"%PDF-1.4\n"
    places = []
    for number, content in enumerate(
        (
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>",
        ),
        start=1,
    ):
        places.append(len(body))
        body += b"%d 0 obj%sendobj\n" % (number, content)
    table = b"xref\n0 4\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return body + table + b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(body)


JPEG, PDF = _jpeg(), _pdf()


def _titles() -> dict[str, dict[str, str]]:
    """By id, what the mandate calls the parts of a home claim; "category" is the claim itself."""
    category, claimant = (
        tomllib.loads((settings.MANDATE_DIR / file).read_text())
        for file in ("categories/A3.1.toml", "claimants/individual.toml")
    )
    parts = [*claimant["parts_before"], *category["parts"], *claimant["parts_after"]]
    return {"category": category["title"]} | {part["id"]: part["title"] for part in parts}


TITLES = _titles()

# --- Words and buttons ---


def language(page: Page) -> str:
    return page.locator("html").get_attribute("lang") or ""


def words(page: Page, text: str) -> str:
    """This text of ours as the page's language says it."""
    return _catalogue(language(page)).gettext(text)


@cache
def _catalogue(code: str) -> gettext.NullTranslations:
    """Read anew: Django may have looked in this process before the catalogue was compiled."""
    return gettext.translation("django", settings.LOCALE_PATHS[0], [code], fallback=True)


def title(page: Page, part: str) -> str:
    """What the mandate calls this part of a home claim, in the page's language."""
    return TITLES[part][language(page)]


def button(page: Page, text: str) -> Locator:
    return page.get_by_role("button", name=words(page, text), exact=True)


def press(page: Page, text: str) -> None:
    """Presses the button with this text and waits for the page it leads to."""
    with page.expect_navigation():
        button(page, text).click()


def follow(page: Page, text: str) -> None:
    """Follows the first link with this text in the main part of the page or above it."""
    with page.expect_navigation():
        page.get_by_role("link", name=words(page, text)).first.click()


def heading(page: Page) -> str:
    return page.locator("main h1").inner_text()


# --- Accounts and mail ---


def sign_up(page: Page, email: str) -> None:
    """From the sign-in page to the page that one wanted, by the link in the letter."""
    follow(page, "Create an account")
    page.get_by_label(words(page, "E-mail address")).fill(email)
    page.get_by_label(words(page, "Password")).fill(PASSWORD)
    press(page, "Create an account")
    assert heading(page) == words(page, "Check your e-mail")
    read_newest_letter(page, to=email)
    with page.expect_navigation():
        page.locator("main a[href*='/confirm/']").click()
    press(page, "Yes, this is my address")


def sign_in(page: Page, site: Site, role: str = "claimant") -> None:
    """On the sign-in page, with an account of the demo."""
    sign_in_as(page, site.accounts[role]["email"], site.accounts[role]["password"])


def sign_in_as(page: Page, email: str, password: str = PASSWORD) -> None:
    page.get_by_label(words(page, "E-mail address")).fill(email)
    page.get_by_label(words(page, "Password")).fill(password)
    press(page, "Sign in")


def read_newest_letter(page: Page, *, to: str, about: str = "") -> str:
    """Opens the newest letter to this address on the demo's page; returns what it says."""
    deadline = time.monotonic() + MAIL_SECONDS
    letters = page.locator("main li", has_text=to).filter(has_text=about)
    while True:
        page.goto("/demo/mail/")
        if letters.count():
            break
        assert time.monotonic() < deadline, f"no letter to {to} about {about}"
        time.sleep(0.2)
    with page.expect_navigation():
        letters.first.get_by_role("link").click()
    return page.locator("main").inner_text()


# --- A claim ---


def start_claim(page: Page, category: str = "A3.1") -> str:
    """By address, signed in. Returns the claim's own address, without its last slash."""
    page.goto(f"/claims/new/{category}/")
    press(page, "Start the claim")
    return page.url.rstrip("/")


def begin(page: Page, task: str) -> None:
    """Follows a line of the task list."""
    with page.expect_navigation():
        page.locator("ol.tasks").get_by_role("link", name=task, exact=True).click()


def answer(page: Page, **answers: str | bool) -> None:
    """Fills in controls by the names of the questions: text, a chosen value, or True for a box."""
    for name, value in answers.items():
        control = page.locator(f"main [name='{name}']")
        if value is True:
            control.check()
        elif control.first.get_attribute("type") in ("radio", "checkbox"):
            page.locator(f"main [name='{name}'][value='{value}']").check()
        elif control.evaluate("e => e.tagName") == "SELECT":
            control.select_option(str(value))
        else:
            control.fill(str(value))


def say_unknown(page: Page, question: str) -> None:
    """Chooses «I don't know» under this question."""
    beside = page.locator(".question", has=page.locator(f"[name='{question}']")).locator("details")
    beside.locator("summary").click()
    beside.get_by_label(words(page, "I don’t know")).check()


def go_on(page: Page, **answers: str | bool) -> None:
    """Answers what is asked on this page and continues."""
    answer(page, **answers)
    press(page, "Continue")


def add_file(page: Page, name: str, content: bytes, *, type: str = "", description: str = "") -> None:
    """On the page of documents and pictures."""
    page.locator("[name=file]").set_input_files(file_payload(name, content))
    answer(page, type=type, description=description)
    press(page, "Add to the draft")


def file_payload(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def task_state(page: Page, task: str) -> str:
    """What the task list says of this line."""
    line = page.locator("ol.tasks li", has=page.get_by_role("link", name=task, exact=True))
    return line.locator(".state").inner_text()


def is_on(page: Page, claim: str, step: str) -> bool:
    return page.url.split("?")[0].rstrip("/") == f"{claim}/{step}".rstrip("/")
