"""The first steps of a claim, and its review, with the keyboard alone."""

from playwright.sync_api import Page

from tests.journeys.conftest import Device, Site
from tests.journeys.deciding_steps import at_work, file_claim
from tests.journeys.filing_steps import answer, go_on, heading, press, sign_in, start_claim

TABS = 60  # more than any of these pages has stops

# The element that has the focus: its words, whether it is seen, and whether anything shows that it has it.
FOCUSED = r"""() => {
  const e = document.activeElement;
  const box = e.getBoundingClientRect();
  const shown = e.matches("input[type=radio], input[type=checkbox]") && e.nextElementSibling
    ? [e, e.nextElementSibling] : [e];
  const marks = shown.flatMap((part) => ["", "::before", "::after"].map((p) => getComputedStyle(part, p)));
  const x = box.x + box.width / 2;
  const y = box.y + box.height / 2;
  const on_top = document.elementFromPoint(x, y);
  return {
    words: (e.innerText || e.labels?.[0]?.innerText || "").trim().replace(/\s+/g, " "),
    name: e.name || "",
    value: e.value || "",
    is_marked: marks.some((s) => s.outlineStyle !== "none" || s.boxShadow !== "none"),
    is_covered: !on_top || !(e.contains(on_top) || on_top.contains(e) || e.labels?.[0]?.contains(on_top)),
  };
}"""


def tab_to(page: Page, *, words: str = "", name: str = "") -> None:
    """Presses Tab until the focus is there. On the way each stop must show that it has the focus."""
    for _ in range(TABS):
        page.keyboard.press("Tab")
        here = page.evaluate(FOCUSED)
        assert here["is_marked"], here
        if (words and here["words"] == words) or (name and here["name"] == name):
            return
    raise AssertionError(f"Tab does not reach {words or name} on {page.url}")


def enter(page: Page) -> None:
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_from_the_front_page_to_an_answer_by_keyboard_alone(device: Device, site: Site):
    page, account = device("en").new_page(), site.accounts["claimant"]
    page.goto("/")
    tab_to(page, words="Start or continue a claim")
    enter(page)
    tab_to(page, words="Damage or destruction of residential immovable property")
    enter(page)
    tab_to(page, words="Start this claim")
    enter(page)
    tab_to(page, name="login")
    page.keyboard.type(account["email"])
    page.keyboard.press("Tab")
    page.keyboard.type(account["password"])
    enter(page)
    tab_to(page, words="Start the claim")
    enter(page)
    tab_to(page, words="About you")
    enter(page)
    assert heading(page) == "Who are you filing for?"
    tab_to(page, name="submitting_as")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    assert page.locator("[name=submitting_as][value=parent_of_minor]").is_checked()
    page.keyboard.press("ArrowUp")
    tab_to(page, words="Can’t answer this now?")
    page.keyboard.press("Space")
    tab_to(page, name="submitting_as__state")
    tab_to(page, words="Continue")
    enter(page)
    assert heading(page) == "What is your name?"
    page.go_back()
    assert page.locator("[name=submitting_as][value=self]").is_checked()


def test_the_first_tab_leads_past_the_header(device: Device):
    page = device("en").new_page()
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED)["words"] == "Skip to main content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    tab_to(page, words="Start or continue a claim")


def test_an_error_summary_has_the_focus_and_leads_to_the_control(device: Device, site: Site):
    page = device("en").new_page()
    page.goto("/claims/")
    sign_in(page, site)
    claim = start_claim(page)
    page.goto(f"{claim}/questions/technical/")
    go_on(page, total_area_m2="a hundred")
    assert "error-summary" in page.evaluate("document.activeElement.className")
    assert page.evaluate(FOCUSED)["is_marked"]
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate(FOCUSED)["name"] == "total_area_m2"
    described = page.locator("[name=total_area_m2]").get_attribute("aria-describedby") or ""
    assert "Enter a number" in " ".join(page.locator(f"#{i}").inner_text() for i in described.split())


def test_the_focus_is_never_hidden_behind_the_quick_exit(device: Device, site: Site):
    page = device("uk", 360).new_page()
    page.goto("/claims/")
    sign_in(page, site)
    claim = start_claim(page)
    page.goto(f"{claim}/check/")
    page.locator("main a").last.focus()
    stops = page.locator("main a").count()
    for _ in range(stops - 1):
        page.keyboard.press("Shift+Tab")
        here = page.evaluate(FOCUSED)
        assert not here["is_covered"], here


def test_a_place_is_chosen_by_arrow_keys(device: Device, site: Site):
    page = device("en").new_page()
    page.goto("/claims/")
    sign_in(page, site)
    claim = start_claim(page)
    page.goto(f"{claim}/questions/where/")
    tab_to(page, name="katottg_name")
    page.keyboard.type("Irpin")
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.get_by_role("option").count() == 0
    answer(page, property_address_street="Shevchenka")
    press(page, "Continue")
    page.go_back()
    assert "Ірпінь" in page.locator("[name=katottg_name]").input_value()


def test_a_claim_is_reviewed_by_keyboard_alone(device: Device, site: Site):
    claimant = device("en").new_page()
    claimant.goto("/claims/")
    sign_in(claimant, site)
    _claim, number = file_claim(claimant)
    page = at_work(device, site, "reviewer")
    page.goto("/admin/review/")
    tab_to(page, name="number")
    page.keyboard.type(number)
    enter(page)
    tab_to(page, words=f"Take {number}")
    enter(page)

    page.keyboard.press("n")  # no shortcut works before it is asked for
    assert page.locator("details[open]").count() == 0
    tab_to(page, words="Keys ?")
    page.keyboard.press("Space")
    tab_to(page, words="Use single keys on this page")
    page.keyboard.press("Space")
    page.keyboard.press("n")
    assert "kitchen.jpg" in page.evaluate(FOCUSED)["words"]
    page.get_by_alt_text("kitchen.jpg").wait_for()
    page.keyboard.press("d")
    for name in dict.fromkeys(radio.get_attribute("name") for radio in page.get_by_role("radio").all()):
        tab_to(page, name=name or "")
        page.keyboard.press("Space")
    tab_to(page, name="note")
    page.keyboard.type("n and p are letters here.")
    tab_to(page, words="Propose")
    enter(page)
    assert "n and p are letters here." in page.locator("main").inner_text()
    assert "You proposed this." in page.locator("main").inner_text()
