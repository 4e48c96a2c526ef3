"""What happens to a claim from its filing to the Board's decision, as each person does it in a browser."""

import re
import time
from datetime import date
from functools import cache
from urllib.parse import urljoin

import requests
from playwright.sync_api import Locator, Page

from tests.journeys.conftest import Device, Site
from tests.journeys.filing_steps import (
    JPEG,
    MAIL_SECONDS,
    NUMBER,
    PDF,
    add_file,
    answer,
    button,
    file_payload,
    follow,
    go_on,
    press,
    start_claim,
    words,
)

FILES = {"kitchen.jpg": JPEG, "deed.pdf": PDF}
LEGAL_BASIS = "Claims Rules, article 21, edition of 26 March 2024"


def at_work(
    device: Device, site: Site, role: str, language: str = "en", width: int = 1280, *, javascript: bool = True
) -> Page:
    """A page of somebody who has signed in already, with an account of the demo."""
    context = device(language, width, javascript=javascript)
    account = site.accounts[role]
    session = _session(site.address, account["email"], account["password"])
    context.add_cookies([{"name": "sessionid", "value": session, "url": site.address}])
    return context.new_page()


@cache
def _session(address: str, email: str, password: str) -> str:
    """A session by the sign-in form, without a browser: where signing in is not the story."""
    form = urljoin(address, "/account/sign-in/")
    with requests.Session() as session:
        session.get(form).raise_for_status()
        typed = {"login": email, "password": password, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
        session.post(form, data=typed, headers={"Referer": form}).raise_for_status()
        return session.cookies["sessionid"]


# --- The claimant ---


def file_claim(page: Page, claim: str = "", files: dict[str, bytes] = FILES) -> tuple[str, str]:
    """The least that can be submitted, with these files: the claim's address and its number."""
    claim = claim or start_claim(page)
    page.goto(f"{claim}/questions/name/")
    go_on(page, full_name_family_name="О’Коваленко-Ґава", full_name_given_name="Олена")
    page.goto(f"{claim}/evidence/")
    for name, content in files.items():
        add_file(page, name, content)
    press(page, "Continue")
    go_on(page, text="The roof burnt down.\n\n<b>Our neighbour</b> Stepan saw it.")
    page.goto(f"{claim}/declaration/")
    answer(page, typed_name="Олена О’Коваленко-Ґава")
    press(page, "Submit the claim")
    number = page.locator("main .number").first.inner_text()
    assert NUMBER.fullmatch(number)
    return claim, number


def answer_request(page: Page, reply: str, files: dict[str, bytes] | None = None) -> None:
    """On the page of our question."""
    for name, content in (files or {}).items():
        page.locator("[name=file]").set_input_files(file_payload(name, content))
        press(page, "Add the file")
    answer(page, text=reply)
    press(page, "Send the answer")


def wait_for_decision(page: Page, claim: str) -> None:
    """Until the page of the claim tells what the Board decided."""
    deadline = time.monotonic() + MAIL_SECONDS
    while True:
        page.goto(claim)
        if page.get_by_role("heading", name=words(page, "The Board’s decision")).count():
            break
        assert time.monotonic() < deadline, f"no decision on {claim}"
        time.sleep(0.2)


def subjects(page: Page, email: str) -> list[str]:
    """Of the letters to this address, oldest first."""
    page.goto("/demo/mail/")
    letters = page.locator("main li", has_text=email).get_by_role("link").all_inner_texts()
    return letters[::-1]


# --- Reviewers ---


def take_the_oldest(page: Page, number: str) -> None:
    """From the queue, until this claim is on the desk: claims that wait longer come first."""
    while number not in page.url:
        page.goto("/admin/review/")
        assert number in page.locator("main").inner_text()
        press(page, "Take the oldest")


def take(page: Page, number: str) -> None:
    """From its row in the queue."""
    with page.expect_navigation():
        page.get_by_role("button", name=f"{words(page, 'Take')} {number}").click()


def open_desk(page: Page, number: str) -> None:
    """By the claim's number, from the queue."""
    page.goto("/admin/review/")
    page.get_by_label(words(page, "Find by number")).fill(number.lower().replace("-", " "))
    press(page, "Find")


def open_files(page: Page) -> list[Locator]:
    """Unfolds each piece of evidence beside the claim."""
    pieces = page.locator("section", has=page.get_by_role("heading", name=words(page, "Evidence"))).last
    found = pieces.locator("details").all()
    for piece in found:
        if piece.get_attribute("open") is None:
            piece.locator("summary").click()
    return found


def fill_checklist(page: Page, said: str = "Yes") -> None:
    """Every check alike."""
    for choice in page.get_by_role("radio", name=words(page, said), exact=True).all():
        choice.check()


def ask(page: Page, question: str) -> None:
    """On the desk."""
    asked = page.get_by_label(words(page, "What do you need from the claimant?"))
    if not asked.is_visible():
        page.locator("summary", has_text=words(page, "Ask the claimant for more information")).click()
    asked.fill(question)
    press(page, "Send the request")


def propose(page: Page, reason: str, *, told: str = "", note: str = "") -> None:
    """On the desk, with the checklist as it stands there."""
    page.get_by_role("radio", name=reason, exact=True).check()
    page.get_by_label(words(page, "What the claimant should be told in addition")).fill(told)
    page.get_by_label(words(page, "For the second reviewer")).fill(note)
    press(page, "Propose")


# --- Secretariat, director, Board ---


def make_batch(page: Page, title: str, number: str) -> None:
    """A batch with this claim, as its review proposes."""
    page.goto("/admin/review/batches/")
    page.get_by_label(words(page, "Name of the new batch")).fill(title)
    press(page, "Make a batch")
    page.get_by_role("checkbox", name=number).check()
    press(page, "Add the ticked claims")


def submit_batch(page: Page, title: str) -> None:
    page.goto("/admin/review/batches/")
    follow(page, title)
    press(page, "Submit to the Board")


def enter_decision(page: Page, title: str, on: date) -> None:
    """As recommended, for every claim on the paper."""
    page.goto("/admin/review/board/")
    follow(page, title)
    page.get_by_label(words(page, "Day of the Board’s session")).fill(on.isoformat())
    page.get_by_label(words(page, "Legal basis")).fill(LEGAL_BASIS)
    press(page, "Enter the decision")


def is_offered(page: Page, text: str) -> bool:
    """Whether there is a button with these words."""
    return button(page, text).count() > 0


def state(page: Page) -> str:
    """What the claimant's page says of the claim, in one line."""
    return page.locator("main .state").first.inner_text()


def link_in(letter: str) -> str:
    return re.findall(r"https?://\S+", letter)[0]
