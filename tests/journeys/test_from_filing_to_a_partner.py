"""The whole story in a real browser: claimant, two reviewers, secretariat, director, Board, and the program
of a partner that pulls what came of it. Each person sits at a device of their own."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from oauthlib.oauth2 import BackendApplicationClient
from playwright.sync_api import Page
from requests_oauthlib import OAuth2Session

from tests.conftest import run_manage
from tests.journeys.conftest import LANGUAGES, Device, Site
from tests.journeys.deciding_steps import (
    FILES,
    answer_request,
    ask,
    at_work,
    enter_decision,
    file_claim,
    fill_checklist,
    is_offered,
    link_in,
    make_batch,
    open_desk,
    open_files,
    propose,
    state,
    subjects,
    submit_batch,
    take,
    take_the_oldest,
)
from tests.journeys.filing_steps import (
    JPEG,
    PDF,
    follow,
    heading,
    press,
    read_newest_letter,
    sign_in,
    sign_up,
    words,
)

AGREEMENT = """\
categories = "all"
regions = "all"
states = ["submitted", "under_review", "information_requested", "awaiting_decision", "recorded",
    "rejected_without_prejudice"]
sections = ["core", "claimant", "account", "evidence"]
"""
INTERNAL = 'eligible"'  # what the review recommends, either way
STORY = [  # what a partner reads of it: the kind of each change, and the state after it
    ("claim.submitted", "submitted"),
    ("claim.review_started", "under_review"),
    ("claim.information_requested", "information_requested"),
    ("claim.information_answered", "under_review"),
    ("claim.review_finished", "awaiting_decision"),
    ("claim.decided", "recorded"),
]
LETTERS = (
    "We have begun to review your claim",
    "We need more information about your claim",
    "We have your answer",
    "The review of your claim is finished",
    "The Board has considered your claim",
)
# The words of rules.md 17, as the claimant reads them on the way.
SUBMITTED, ASKED, WAITING, RECORDED, NOT_RECORDED = (
    {"uk": "Подано", "en": "Submitted"},
    {"uk": "Потрібні додаткові відомості", "en": "More information needed"},
    {"uk": "Очікує рішення Ради", "en": "Awaiting the Board’s decision"},
    {"uk": "Внесено до Реєстру", "en": "Recorded in the Register"},
    {"uk": "Не внесено, можна подати знову", "en": "Not recorded, you can file again"},
)
ALL_MET = {"uk": "Усі чотири критерії виконано", "en": "All four tests are met"}
TOLD_ALL_MET = {
    "uk": "Заява відповідає всім чотирьом критеріям прийнятності.",
    "en": "The claim meets all four tests of eligibility.",
}
NOT_SHOWN = {"uk": "Не показано самої шкоди", "en": "The harm itself is not shown"}
QUESTION = "Send a photograph of the roof, please.\n<i>Any</i> phone will do."
ANSWER = "Here it is. \U0001f3da\nO’Neill took it."


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_claim_goes_from_its_claimant_to_a_partner(
    device: Device, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
):
    email, title = f"olena.decided.{language}@example.com", f"Homes, {language}"
    claimant = device(language, 360).new_page()
    claimant.goto("/claims/new/A3.1/")
    sign_up(claimant, email)
    claim, number = file_claim(claimant)
    claimant.goto(claim)
    assert state(claimant) == SUBMITTED[language]

    first = device(language).new_page()
    first.goto("/admin/")
    sign_in(first, site, "reviewer")
    follow(first, "Claims to review")
    take_the_oldest(first, number)
    reads_the_claim_beside_its_evidence(first)
    fill_checklist(first)
    press(first, "Save the checklist")
    ask(first, QUESTION)
    assert words(first, "The claimant is told. The claim waits on your desk for the answer.") in text(first)

    letter = read_newest_letter(claimant, to=email, about=words(claimant, LETTERS[1]))
    assert "roof" not in letter  # mail is read by others, too
    claimant.goto(link_in(letter))
    assert state(claimant) == ASKED[language]
    follow(claimant, "Read the question and answer")
    assert QUESTION in text(claimant)
    answer_request(claimant, ANSWER, {"roof.jpg": JPEG + b"roof"})
    assert heading(claimant) == words(claimant, "We have your answer. Thank you")

    first.reload()
    assert ANSWER in text(first)
    assert len(open_files(first)) == len(FILES) + 1
    assert "roof.jpg" in text(first)
    fill_checklist(first)
    propose(first, ALL_MET[language], note="The photograph shows it.")
    assert not is_offered(first, "Confirm the proposal")

    second = at_work(device, site, "reviewer2", language)
    open_desk(second, number)
    assert "The photograph shows it." in text(second)
    press(second, "Confirm the proposal")
    claimant.goto(claim)
    assert state(claimant) == WAITING[language]
    assert ALL_MET[language] not in text(claimant)  # what the review proposes stays in the house

    with partner(site, f"Ministry {language}", AGREEMENT, tmp_path, monkeypatch) as api:
        assert pull(api, number)["state"] == "awaiting_decision"
        the_board_decides(device, site, title, number, language)
        letter = read_newest_letter(claimant, to=email, about=words(claimant, LETTERS[-1]))
        assert RECORDED[language] in letter
        assert number in letter
        claimant.goto(link_in(letter))
        assert state(claimant) == RECORDED[language]
        assert TOLD_ALL_MET[language] in text(claimant)
        found = subjects(claimant, email)
        assert [found.count(words(claimant, subject)) for subject in LETTERS] == [1] * len(LETTERS)

        pulled = pull(api, number)
        assert pulled["state"] == pulled["outcome"]["outcome"] == "recorded"
        assert len(pulled["sections"]["evidence"]) == len(FILES) + 1
        assert [(change["kind"], change["state"]) for change in changes(api, number)] == STORY


@pytest.mark.parametrize("language", ["uk"])
def test_a_claim_that_is_not_recorded_is_filed_again_and_nobody_needs_a_script(
    device: Device, site: Site, language: str
):
    email = f"petro.rejected.{language}@example.com"
    claimant = device(language, 360, javascript=False).new_page()
    claimant.goto("/claims/new/A3.1/")
    sign_up(claimant, email)
    claim, number = file_claim(claimant)

    first = at_work(device, site, "reviewer", language, javascript=False)
    open_desk(first, number)
    take(first, number)
    reads_the_claim_beside_its_evidence(first)
    ask(first, QUESTION)
    claimant.goto(claim)
    follow(claimant, "Read the question and answer")
    answer_request(claimant, "I have none.")
    open_desk(first, number)
    fill_checklist(first, "Unclear")
    propose(first, NOT_SHOWN[language], told="A neighbour’s photograph would do.")
    second = at_work(device, site, "reviewer2", language, javascript=False)
    open_desk(second, number)
    press(second, "Confirm the proposal")
    the_board_decides(device, site, f"Not shown, {language}", number, language, javascript=False)

    letter = read_newest_letter(claimant, to=email, about=words(claimant, LETTERS[-1]))
    assert NOT_RECORDED[language] in letter
    claimant.goto(link_in(letter))
    assert state(claimant) == NOT_RECORDED[language]
    assert "A neighbour’s photograph would do." in text(claimant)
    follow(claimant, "File again")
    assert number in text(claimant)
    press(claimant, "Start the claim")
    again, another = file_claim(claimant, claimant.url.rstrip("/"), {"neighbour.jpg": JPEG})
    assert again != claim
    assert another != number
    open_desk(first, another)
    take(first, another)
    assert number in text(first)  # in place of which it was filed


# --- The desk and the Board ---


def text(page: Page) -> str:
    return page.locator("main").inner_text()


def reads_the_claim_beside_its_evidence(page: Page) -> None:
    """What the claimant wrote stands as written, the picture is seen, the PDF comes into its frame. That the
    content policy allows all this, the device watches."""
    assert "<b>Our neighbour</b> Stepan saw it." in text(page)
    picture, document = open_files(page)
    image = picture.locator("img")
    image.scroll_into_view_if_needed()
    assert image.evaluate("e => e.decode().then(() => e.naturalWidth)") > 0
    frame = document.locator("iframe")
    frame.scroll_into_view_if_needed()
    address = frame.get_attribute("src") or ""
    inside = frame.element_handle().content_frame()
    assert inside
    inside.wait_for_url(lambda url: url.endswith(address))
    shown = page.context.request.get(address)
    assert (shown.headers["content-type"], shown.body()) == ("application/pdf", PDF)


def the_board_decides(
    device: Device, site: Site, title: str, number: str, language: str, *, javascript: bool = True
) -> None:
    """Secretary, director and a member of the Board; none of them reads a name."""
    secretary, director, member = (
        at_work(device, site, role, language, javascript=javascript)
        for role in ("board_secretary", "executive_director", "board_member")
    )
    make_batch(secretary, title, number)
    assert not is_offered(secretary, "Submit to the Board")
    submit_batch(director, title)
    assert not is_offered(director, "Enter the decision")
    enter_decision(member, title, datetime.now(UTC).date())
    assert number in text(member)
    for page in (secretary, director, member):
        assert "Ґава" not in page.content()


# --- The partner ---


@contextmanager
def partner(
    site: Site, name: str, terms: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OAuth2Session]:
    """A partner made by the operator, and its program with a token: a standard client, over HTTP."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # this server stands on the same machine
    agreement = folder / "agreement.toml"
    agreement.write_text(terms)
    printed = run_manage(
        "create_partner", name, "--scopes", "claims:read", "--agreement", str(agreement), env=site.environ
    )
    secret = dict(line.split(": ", 1) for line in printed.splitlines() if line.startswith("client_"))
    client = BackendApplicationClient(secret["client_id"], scope=["claims:read"])
    with OAuth2Session(client=client) as session:
        session.fetch_token(f"{site.address}/api/v1/oauth/token", client_secret=secret["client_secret"])
        session.base_url = f"{site.address}/api/v1"
        yield session


def pull(api: Any, number: str) -> dict[str, Any]:
    """The claim, from a stream of all."""
    answer = api.get(f"{api.base_url}/claims", headers={"Accept": "application/x-ndjson"})
    answer.raise_for_status()
    assert INTERNAL not in answer.text
    claims = [json.loads(line) for line in answer.text.splitlines()]
    return next(claim for claim in claims if claim["number"] == number)


def changes(api: Any, number: str) -> list[dict[str, Any]]:
    """What became of the claim, followed from the beginning."""
    found, after = list[dict[str, Any]](), -1
    while True:
        answer = api.get(f"{api.base_url}/changes", params={"after": after})
        answer.raise_for_status()
        assert INTERNAL not in answer.text
        page = answer.json()
        if page["next_after"] == after:
            return [change for change in found if change.get("number") == number]
        found += page["results"]
        after = page["next_after"]
