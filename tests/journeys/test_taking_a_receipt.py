"""From submitting to a receipt that a stranger proves: the promise at once, the proof some seconds later."""

import json
import time

from playwright.sync_api import Page, expect

from tests.journeys.conftest import WAIT_MS, Device
from tests.journeys.filing_steps import answer, press
from tests.journeys.test_filing_a_home_claim import first_sitting, sign_in_as

PROVEN_SECONDS = 20


def test_a_receipt_holds_the_promise_and_soon_the_proof_and_is_checked_from_either_file(device: Device):
    page = device("en", 360).new_page()
    claim = first_sitting(page, "maria@example.com")
    page.goto("/claims/")
    sign_in_as(page, "maria@example.com")
    page.goto(f"{claim}/declaration/")
    answer(page, typed_name="Марія Коваленко")
    press(page, "Submit the claim")
    expect(page.locator("main")).to_contain_text("Your claim has been received.")

    wait_for_proof(page, claim)
    expect(page.locator("main")).to_contain_text("It stands in the public log, under number")
    saved = {link: download(page, link) for link in ("Download receipt (PDF)", "Download receipt (JSON)")}
    assert json.loads(saved["Download receipt (JSON)"][1])["proof"].startswith("c2sp.org/tlog-proof@v1\n")

    court = device("en").new_page()  # signed in as nobody
    for name, content in saved.values():
        court.goto("/verify/")
        media_type = "application/octet-stream"
        court.set_input_files("#files", {"name": name, "mimeType": media_type, "buffer": content})
        court.get_by_text("Proven: this entry stands in the register’s log").wait_for(timeout=WAIT_MS)


def wait_for_proof(page: Page, claim: str) -> None:
    deadline = time.monotonic() + PROVEN_SECONDS
    page.goto(f"{claim}/receipts/1/")
    while not page.get_by_text("Download proof (.tlog-proof)").is_visible():
        assert time.monotonic() < deadline, page.locator("main").inner_text()
        time.sleep(0.2)
        page.reload()


def download(page: Page, link: str) -> tuple[str, bytes]:
    with page.expect_download() as started:
        page.get_by_text(link).click()
    file = started.value
    with open(file.path(), "rb") as saved:
        return file.suggested_filename, saved.read()
