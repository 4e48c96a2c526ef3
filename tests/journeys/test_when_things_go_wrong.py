"""Back and Reload, two tabs, a session that ends, a line that breaks, somebody at the door."""

import re
import socket
import socketserver
import uuid
from collections.abc import Iterator
from contextlib import suppress
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.journeys.conftest import Device, Site
from tests.journeys.filing_steps import (
    JPEG,
    NUMBER,
    add_file,
    answer,
    button,
    file_payload,
    follow,
    go_on,
    heading,
    is_on,
    press,
    sign_in_as,
    sign_up,
)

ELSEWHERE = "https://www.google.com/"
TYPED = "We lived on the second floor. \U0001f3e0\nO’Neill saw it; she said «так»."


@pytest.fixture
def email() -> str:
    return f"{uuid.uuid4().hex[:12]}@example.com"


@pytest.fixture
def draft(device: Device, email: str) -> Page:
    """The task list of a new draft of somebody new, whose name is given."""
    return new_draft(device().new_page(), email)


def new_draft(page: Page, email: str) -> Page:
    page.goto("/claims/new/A3.1/")
    sign_up(page, email)
    press(page, "Start the claim")
    claim = page.url.rstrip("/")
    page.goto(f"{claim}/questions/name/")
    go_on(page, full_name_family_name="Коваленко", full_name_given_name="Олена")
    page.goto(f"{claim}/")
    return page


def claim_of(page: Page) -> str:
    """The address of the claim that this page belongs to."""
    return page.url[: page.url.index("/claims/")] + "/claims/" + page.url.split("/claims/")[1].split("/")[0]


def filled_in(page: Page) -> list[Any]:
    """What stands in the controls of the page, and its heading."""
    controls = "main input:not([type=hidden]):not([type=file]), main select, main textarea"
    read = "all => all.map(e => [e.name, e.type.match('radio|checkbox') ? e.checked : e.value])"
    return [heading(page), *page.locator(controls).evaluate_all(read)]


def reload_and_go_back_and_forth(page: Page) -> None:
    before = page.url, filled_in(page)
    page.reload()
    assert (page.url, filled_in(page)) == before
    page.go_back()
    page.go_forward()
    assert (page.url, filled_in(page)) == before


def test_back_and_reload_at_each_step_lose_and_double_nothing(draft: Page):
    page, claim = draft, claim_of(draft)
    for step in ("who", "name", "documents", "citizenship", "contact", "residence", "groups"):
        page.goto(f"{claim}/questions/{step}/")
        reload_and_go_back_and_forth(page)
        press(page, "Continue")
        reload_and_go_back_and_forth(page)
    page.goto(f"{claim}/questions/owners/")
    go_on(page, owned_by="joint")
    follow(page, "Add")
    answer(page, name_family_name="Коваленко", name_given_name="Петро")
    press(page, "Save this entry")
    reload_and_go_back_and_forth(page)
    assert page.locator(".entry").count() == 1

    page.goto(f"{claim}/evidence/")
    add_file(page, "kitchen.jpg", JPEG, description="Our kitchen")
    reload_and_go_back_and_forth(page)
    assert page.locator("ul.files li").count() == 1
    press(page, "Continue")
    go_on(page, text=TYPED)
    page.go_back()
    assert page.locator("[name=text]").input_value() == TYPED

    page.goto(f"{claim}/check/")
    reload_and_go_back_and_forth(page)
    follow(page, "Go on to the declaration")
    reload_and_go_back_and_forth(page)
    answer(page, typed_name="Олена Коваленко")
    press(page, "Submit the claim")
    number = page.locator(".receipt .number").inner_text()
    page.reload()
    page.go_back()
    assert heading(page) == number  # the draft is gone: its pages lead to the claim
    page.go_forward()
    assert page.locator(".receipt .number").inner_text() == number
    page.goto("/claims/")
    assert page.locator("main ol.tasks > li").count() == 1


def test_a_button_pressed_again_after_going_back_doubles_nothing(draft: Page):
    page, claim = draft, claim_of(draft)
    page.goto(f"{claim}/questions/owners/")
    go_on(page, owned_by="joint")
    follow(page, "Add")
    answer(page, name_family_name="Коваленко", name_given_name="Петро")
    press(page, "Save this entry")
    page.go_back()
    answer(page, name_family_name="Коваленко", name_given_name="Петро")
    press(page, "Save this entry")
    assert page.locator(".entry").count() == 1


def test_the_same_file_sent_twice_is_kept_once(draft: Page):
    """Without a script nothing stops a second press while a slow line still sends the first."""
    page, claim = draft, claim_of(draft)
    for _ in range(2):
        page.goto(f"{claim}/evidence/")
        add_file(page, "kitchen.jpg", JPEG)
    page.goto(f"{claim}/evidence/")
    assert page.locator("ul.files li").count() == 1


def test_two_tabs_that_submit_at_once_make_one_claim(draft: Page):
    claim = claim_of(draft)
    tabs = [draft, draft.context.new_page()]
    for tab in tabs:
        tab.goto(f"{claim}/declaration/")
        answer(tab, typed_name="Олена Коваленко")
    for tab in tabs:  # armed first, so that both go off in the same moment
        tab.evaluate("setTimeout(() => document.querySelector('main form').submit(), 500)")
    for tab in tabs:  # the second is a moment or a second late, and learns that the claim is submitted
        tab.wait_for_url(re.compile(f"{claim}/(receipt/)?$"))
    numbers = {tab.locator("main .number").first.inner_text() for tab in tabs}
    assert len(numbers) == 1
    draft.goto(f"{claim}/receipt/")
    assert draft.locator(".receipt .number").inner_text() in numbers
    draft.goto("/claims/")
    assert NUMBER.findall(draft.locator("main").inner_text()) == list(numbers)
    follow(draft, "Damage or destruction")
    assert draft.locator("ol.story li").count() == 1


@pytest.mark.parametrize("ends", ["site-forgets", "browser-forgets"])
def test_what_was_typed_outlives_the_session(draft: Page, email: str, ends: str):
    """The site forgets after hours; a phone forgets when it throws a browser out of its memory."""
    page, claim = draft, claim_of(draft)
    for step, name in (("questions/story", "cause"), ("own-account", "text")):
        page.goto(f"{claim}/{step}/")
        answer(page, **{name: TYPED})
        if ends == "site-forgets":
            stale = {"name": "sessionid", "value": uuid.uuid4().hex, "domain": "127.0.0.1", "path": "/"}
            page.context.add_cookies([stale])
        else:
            page.context.clear_cookies(name="sessionid")
        press(page, "Continue")
        sign_in_as(page, email)
        assert is_on(page, claim, step)
        assert page.locator(f"[name={name}]").input_value() == TYPED
        assert page.locator("main .banner.notice").count() == 1
        press(page, "Continue")
        page.goto(f"{claim}/{step}/")
        assert page.locator(f"[name={name}]").input_value() == TYPED


def test_a_file_sent_after_the_session_ended_leads_back_to_the_files(draft: Page, email: str):
    page, claim = draft, claim_of(draft)
    page.goto(f"{claim}/evidence/")
    page.context.clear_cookies(name="sessionid")
    add_file(page, "kitchen.jpg", JPEG, description="Our kitchen")
    sign_in_as(page, email)
    assert is_on(page, claim, "evidence/add")  # a browser lets no site choose the file again
    assert page.locator("[name=description]").input_value() == "Our kitchen"
    add_file(page, "kitchen.jpg", JPEG, description="Our kitchen")
    assert page.locator("ul.files li").count() == 1


class Line(socketserver.ThreadingTCPServer):
    """Between a device and the site. It breaks once a connection has carried `bytes_left` to the site."""

    daemon_threads = True
    bytes_left: float = float("inf")

    class RequestHandlerClass(socketserver.BaseRequestHandler):
        server: "Line"

        def handle(self) -> None:
            with socket.create_connection(self.server.site) as site, suppress(OSError):
                Thread(target=self.bring_answers, args=(site,), daemon=True).start()
                sent = 0
                while data := self.request.recv(65536):
                    sent += len(data)
                    if sent > self.server.bytes_left:
                        break
                    site.sendall(data)
                site.shutdown(socket.SHUT_RDWR)

        def bring_answers(self, site: socket.socket) -> None:
            with suppress(OSError):
                while data := site.recv(65536):
                    self.request.sendall(data)

    def __init__(self, site: Site) -> None:
        super().__init__(("127.0.0.1", 0), self.RequestHandlerClass)
        self.site = ("127.0.0.1", int(site.address.rpartition(":")[2]))
        self.address = f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def line(site: Site) -> Iterator[Line]:
    with Line(site) as line:
        Thread(target=line.serve_forever, daemon=True).start()
        yield line
        line.shutdown()


def test_a_line_that_breaks_while_a_file_is_sent_leaves_the_draft_as_it_was(
    device: Device, email: str, line: Line
):
    page = new_draft(device(address=line.address, expected=("net::ERR_",)).new_page(), email)
    claim = claim_of(page)
    page.goto(f"{claim}/evidence/")
    page.locator("[name=file]").set_input_files(file_payload("large.jpg", JPEG + b"\0" * 3_000_000))
    line.bytes_left = 1_500_000
    with page.expect_event("requestfailed"):
        button(page, "Add to the draft").click(no_wait_after=True)
    line.bytes_left = float("inf")

    page = page.context.new_page()
    page.goto(f"{claim}/evidence/")
    assert page.locator("ul.files li").count() == 0
    add_file(page, "kitchen.jpg", JPEG)
    assert page.locator("ul.files li").count() == 1
    page.goto(f"{claim}/check/")
    assert "Коваленко Олена" in page.locator("main").inner_text()


def test_an_error_can_be_read_in_another_language(draft: Page):
    page, claim = draft, claim_of(draft)
    page.goto(f"{claim}/evidence/")
    press(page, "Add to the draft")
    assert page.locator(".error-summary").count() == 1
    press(page, "Українська")
    assert page.locator("html").get_attribute("lang") == "uk"
    assert is_on(page, claim, "evidence")


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_quick_exit_leaves_for_another_site(device: Device, javascript: bool):
    page = device(javascript=javascript, expected=(ELSEWHERE,)).new_page()
    page.route(f"{ELSEWHERE}**", lambda route: route.fulfill(body="elsewhere"))
    page.goto("/categories/")
    page.goto("/categories/A2.1/")
    page.get_by_role("link", name="Quick exit").click()
    page.wait_for_url(ELSEWHERE)
    assert page.locator("body").inner_text() == "elsewhere"
    if javascript:  # Back does not return to the page that was left
        page.go_back()
        assert page.url.endswith("/categories/")


def test_shift_pressed_three_times_leaves_for_another_site(device: Device):
    page = device(expected=(ELSEWHERE,)).new_page()
    page.route(f"{ELSEWHERE}**", lambda route: route.fulfill(body="elsewhere"))
    page.goto("/categories/A2.1/")
    for _ in range(3):
        page.keyboard.press("Shift")
    page.wait_for_url(ELSEWHERE)
