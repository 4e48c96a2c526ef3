"""What a page costs on an old phone with a paid-by-the-megabyte line, and that it asks nobody else."""

from playwright.sync_api import Page, Response

from tests.journeys.conftest import Device, Site
from tests.journeys.filing_steps import sign_in, start_claim

MOST_BYTES = 100_000


def weight(page: Page, path: str) -> int:
    """Bytes on the line, headers included, for everything that this page loads."""
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(path, wait_until="networkidle")
    sizes = [answer.request.sizes() for answer in answers]
    assert len(sizes) > 3
    return sum(s["responseBodySize"] + s["responseHeadersSize"] for s in sizes)


def test_the_front_page_and_a_question_weigh_less_than_100_kb_each(device: Device, site: Site):
    for language in ("uk", "en"):
        assert weight(device(language).new_page(), "/") < MOST_BYTES
    visitor = device("uk")
    page = visitor.new_page()
    page.goto("/claims/")
    sign_in(page, site)
    claim = start_claim(page)
    cold = device("uk")
    cold.add_cookies(visitor.cookies())  # the same person, with an empty cache
    assert weight(cold.new_page(), f"{claim}/questions/where/") < MOST_BYTES
