"""Every kind of page against WCAG 2.2 A and AA (axe), and none wider than a small phone.

A page is looked at once in each language, in turn light and wide, or dark and narrow.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page

from tests.conftest import run_manage
from tests.journeys.conftest import LANGUAGES, Device, Site
from tests.journeys.deciding_steps import (
    answer_request,
    ask,
    at_work,
    enter_decision,
    file_claim,
    fill_checklist,
    make_batch,
    open_desk,
    propose,
    submit_batch,
    take,
    wait_for_decision,
)
from tests.journeys.filing_steps import (
    JPEG,
    PDF,
    add_file,
    answer,
    file_payload,
    follow,
    go_on,
    press,
    read_newest_letter,
    sign_in,
    sign_up,
    start_claim,
)

PHONE = 360
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"],
    "resultTypes": ["violations"],
    "preload": False,  # it would ask for style sheets at addresses that are not there
}
LOOKS: dict[str, list[tuple[int, Any]]] = {
    "uk": [(PHONE, "light"), (1280, "dark")],
    "en": [(1280, "light"), (PHONE, "dark")],
}

PUBLIC = (
    "/",
    "/categories/",
    "/categories/A3.1/",
    "/categories/A2.1/",
    "/statistics/",
    "/help/",
    "/privacy/",
    "/accessibility/",
    "/account/sign-in/",
    "/account/sign-in/?next=/claims/",
    "/account/password/forgotten/",
    "/account/password/forgotten/sent/",
    "/account/confirm/spent/",
    "/account/password/new/1-spent/",
    "/demo/mail/",
    "/there-is-no-such-page/",
    "/api/v1/docs",
)
ACCOUNT = (
    "/account/",
    "/account/e-mail/",
    "/account/password/",
    "/account/second-step/",
    "/account/sign-out/",
)
HOME_QUESTIONS = (  # each kind of question, and long and short pages
    "who",
    "name",
    "documents",
    "contact",
    "residence",
    "where",
    "technical",
    "story",
    "when",
    "owners",
    "co_owners",
    "share",
    "amount",
)
NOT_SHOWN = {"uk": "Не показано самої шкоди", "en": "The harm itself is not shown"}
STAFF = {
    "executive_director": (
        "/admin/",
        "/admin/claims/category/",
        "/admin/accounts/user/",
        "/admin/review/clearances/",
    ),
    "register_manager": ("/admin/", "/admin/partners/partner/"),
    "board_member": (
        "/admin/",
        "/admin/review/board/",
        "/admin/review/board/reopen/",
        "/admin/review/figures/",
    ),
    "reviewer": ("/admin/", "/admin/review/?number=UA-1"),
}


class Inspector:
    """Looks at the page that is open and notes what is wrong with it."""

    def __init__(self, page: Page, language: str, faults: list[str] | None = None) -> None:
        self.page, self.language, self.faults = page, language, [] if faults is None else faults
        self._looks: Iterator[tuple[int, Any]] = cycle(LOOKS[language])

    def look(self, path: str = "") -> None:
        if path:
            self.page.goto(path)
        self.page.locator("main details:not([open]) summary").evaluate_all("all => all.map(e => e.click())")
        for wide in (1280, PHONE):
            self.page.set_viewport_size({"width": wide, "height": 740})
            if self.page.evaluate("document.documentElement.scrollWidth") > wide:
                self.faults.append(f"{self.page.url} scrolls sideways at {wide} px")
        width, scheme = next(self._looks)
        self.page.set_viewport_size({"width": width, "height": 740})
        self.page.emulate_media(color_scheme=scheme)
        self.page.evaluate("Promise.all(document.getAnimations().map(a => a.finished))")  # colours fade over
        for found in Axe().run(self.page, options=RULES).response["violations"]:
            places = [node["html"] for node in found["nodes"]]
            self.faults.append(f"{self.page.url} {width} {scheme} {found['id']}: {places}")


@pytest.fixture(params=LANGUAGES)
def inspector(device: Device, request: pytest.FixtureRequest) -> Iterator[Inspector]:
    page = device(request.param, expected=("status of 404",)).new_page()
    inspector = Inspector(page, request.param)
    yield inspector
    assert inspector.faults == []


def test_public_pages(inspector: Inspector):
    page = inspector.page
    for path in PUBLIC:
        inspector.look(path)
    page.goto("/account/sign-up/")
    press(page, "Create an account")
    inspector.look()  # with its errors
    page.goto("/account/password/forgotten/")
    press(page, "Send the link")
    inspector.look()


def test_pages_of_an_account(inspector: Inspector, site: Site):
    page, email = inspector.page, f"axe.{id(inspector)}@example.com"
    page.goto("/claims/")
    inspector.look()
    sign_up(page, email)
    inspector.look("/claims/")  # none yet
    for path in ACCOUNT:
        inspector.look(path)
    read_newest_letter(page, to=email)
    inspector.look()
    inspector.look("/claims/new/A3.1/")


def test_pages_of_a_draft(inspector: Inspector, site: Site):
    page = inspector.page
    page.goto("/claims/")
    sign_in(page, site)
    claim = start_claim(page)
    inspector.look()  # the task list, nothing done
    page.goto(f"{claim}/questions/owners/")
    go_on(page, owned_by="shares")
    for question in HOME_QUESTIONS:
        inspector.look(f"{claim}/questions/{question}/")

    page.goto(f"{claim}/questions/where/")
    go_on(page, katottg_name="Іванівка")
    inspector.look()  # which of many?
    page.goto(f"{claim}/questions/when/")
    go_on(page, damage_date_day="31", damage_date_month="2", damage_date_year="2022")
    inspector.look()  # an error
    page.goto(f"{claim}/questions/when/")
    go_on(page, damage_date_year="2021")
    inspector.look()  # a remark

    page.goto(f"{claim}/questions/co_owners/")
    follow(page, "Add")
    inspector.look()
    answer(page, name_family_name="Коваленко", share="1/2")
    press(page, "Save this entry")
    inspector.look()  # a list with an entry
    inspector.look(f"{claim}/check/")  # what must be put right: there is no name yet
    inspector.look(f"{claim}/delete/")


def test_pages_around_submission(inspector: Inspector, site: Site):
    page = inspector.page
    page.goto("/claims/")
    sign_in(page, site)
    claim = start_claim(page)
    inspector.look(f"{claim}/eligibility/")
    go_on(page, in_territory="no")
    inspector.look()  # what "no" means
    page.goto(f"{claim}/questions/name/")
    go_on(page, full_name_family_name="Коваленко", full_name_given_name="Олена")
    inspector.look(f"{claim}/evidence/")
    press(page, "Add to the draft")
    inspector.look()  # without a file
    page.goto(f"{claim}/evidence/")
    add_file(page, "кухня після влучання снаряда.jpg", JPEG, type="damage_photo", description="Наша кухня")
    add_file(page, "deed_of_ownership_of_the_house_1998_scan_final_version.pdf", PDF)
    inspector.look()  # with files
    follow(page, "Change or remove")
    inspector.look()
    inspector.look(f"{claim}/own-account/")
    inspector.look(f"{claim}/consents/")
    inspector.look(f"{claim}/")  # the task list, in each state
    inspector.look(f"{claim}/check/")
    inspector.look(f"{claim}/declaration/")
    press(page, "Submit the claim")
    inspector.look()  # without a name
    answer(page, typed_name="Олена Коваленко")
    press(page, "Submit the claim")
    inspector.look()  # the receipt
    inspector.look(f"{claim}/")
    inspector.look(f"{claim}/filed/")
    inspector.look(f"{claim}/receipts/1/")
    inspector.look("/claims/")
    look_at_what_can_be_done_with_a_submitted_claim(inspector, claim)


def look_at_what_can_be_done_with_a_submitted_claim(inspector: Inspector, claim: str) -> None:
    page = inspector.page
    inspector.look(f"{claim}/consents/change/")
    inspector.look(f"{claim}/change/")
    press(page, "Change your claim")
    inspector.look()  # the sections of the changes
    page.goto(f"{claim}/evidence/")
    page.locator("[name=file]").set_input_files(file_payload("new.jpg", JPEG))
    press(page, "Add the file")
    inspector.look()  # files sent before, and new ones
    inspector.look(f"{claim}/check/")
    inspector.look(f"{claim}/delete/")
    inspector.look(f"{claim}/")  # changes begun
    page.goto(f"{claim}/declaration/")
    answer(page, typed_name="Олена Коваленко")
    press(page, "Send the changes")
    inspector.look()  # the receipt of the changes
    inspector.look(f"{claim}/withdraw/")
    press(page, "Withdraw the claim")
    inspector.look()


def test_pages_of_a_death_and_of_a_company(inspector: Inspector, site: Site):
    page = inspector.page
    page.goto("/claims/")
    sign_in(page, site)
    death = start_claim(page, "A2.1")
    for step in ("deceased", "relationship", "story", "death_event"):
        inspector.look(f"{death}/questions/{step}/")
    company = start_claim(page, "C3.1")
    for step in ("entity", "assets", "heads", "amount"):
        inspector.look(f"{company}/questions/{step}/")


def test_pages_of_staff(inspector: Inspector, device: Device, site: Site):
    inspector.look("/admin/")  # asks to sign in
    for role, paths in STAFF.items():
        colleague = of_colleague(inspector, device, site, role)
        for path in paths:
            colleague.look(path)


def of_colleague(inspector: Inspector, device: Device, site: Site, role: str) -> Inspector:
    """Somebody else's device, looked at in the same way."""
    page = at_work(device, site, role, inspector.language)
    return Inspector(page, inspector.language, inspector.faults)


def test_pages_of_a_partner(inspector: Inspector, device: Device, site: Site):
    name = f"Ministry of homes, {inspector.language}"
    run_manage("create_partner", name, "--scopes", "claims:read", env=site.environ)
    manager = of_colleague(inspector, device, site, "register_manager")
    page = manager.page
    manager.look("/admin/partners/partner/")
    follow(page, name)
    manager.look()
    partner = page.url
    for text in ("Change the terms", "Issue credentials", "Suspend", "Make void"):
        page.goto(partner)
        follow(page, text)
        manager.look()


@pytest.mark.skipif(len(LANGUAGES) == 1, reason="a long walk: axe looks at these pages in make soak")
def test_pages_from_the_queue_to_the_decision(inspector: Inspector, device: Device, site: Site):
    page = inspector.page
    first, second, secretary, director, member = (
        of_colleague(inspector, device, site, role)
        for role in ("reviewer", "reviewer2", "board_secretary", "executive_director", "board_member")
    )
    page.goto("/claims/")
    sign_in(page, site)
    claim, number = file_claim(page)

    first.look("/admin/review/")
    take(first.page, number)
    first.look()
    press(first.page, "Propose")
    first.look()  # nothing is chosen
    ask(first.page, "A photograph, please.")
    first.look()
    inspector.look(claim)
    follow(page, "Read the question and answer")
    inspector.look()
    press(page, "Send the answer")
    inspector.look()  # without an answer
    answer_request(page, "Here it is.", {"roof.jpg": JPEG + b"roof"})
    inspector.look()
    open_desk(first.page, number)
    fill_checklist(first.page)
    propose(first.page, NOT_SHOWN[inspector.language])
    first.look()
    open_desk(second.page, number)
    second.look()
    press(second.page, "Confirm the proposal")
    second.look()
    inspector.look(claim)

    title = f"{number} {inspector.language}"
    secretary.look("/admin/review/batches/")
    make_batch(secretary.page, title, number)
    secretary.look()
    submit_batch(director.page, title)
    member.look("/admin/review/board/")
    follow(member.page, title)
    press(member.page, "Enter the decision")
    member.look()  # without a day
    enter_decision(member.page, title, datetime.now(UTC).date())
    member.look()
    wait_for_decision(page, claim)
    inspector.look()
    follow(page, "File again")
    inspector.look()
