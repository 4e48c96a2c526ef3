"""The whole way of issue 3 in a real browser: from a stranger to a receipt, in two sittings."""

import hashlib

import pytest
from playwright.sync_api import Locator, Page

from claims import numbers
from tests.journeys.conftest import LANGUAGES, Device
from tests.journeys.filing_steps import (
    JPEG,
    NUMBER,
    PDF,
    add_file,
    answer,
    begin,
    follow,
    go_on,
    heading,
    is_on,
    press,
    read_newest_letter,
    say_unknown,
    sign_in_as,
    sign_up,
    task_state,
    title,
    words,
)

FAMILY_NAME = "О’Коваленко-Ґава"
STORY = "On the evening of 7 March a shell hit the house. \U0001f3da\n\nThe roof burnt down."
ACCOUNT = "The papers burnt with the house. Our neighbour Stepan saw it."
FILES = {"kitchen.jpg": JPEG, "deed.pdf": PDF}


@pytest.mark.parametrize(
    ("language", "width", "scheme", "javascript"),
    [way for way in (("uk", 360, "light", False), ("en", 1280, "dark", True)) if way[0] in LANGUAGES],
)
def test_a_stranger_files_in_two_sittings_on_two_devices(
    device: Device, language: str, width: int, scheme: str, javascript: bool
):
    email = f"olena.{language}@example.com"
    first = device(language, width, scheme=scheme, javascript=javascript).new_page()
    claim = first_sitting(first, email)

    second = device(language, width, scheme=scheme, javascript=javascript).new_page()
    place = second_sitting(second, email, claim, javascript=javascript)
    number = declare_and_submit(second, claim, place)
    read_receipt(second, number)

    letter = read_newest_letter(second, to=email, about=number)
    assert number in letter
    assert FAMILY_NAME not in letter

    second.goto("/claims/")
    assert second.locator("main li", has_text=number).count() == 1
    follow(second, title(second, "category"))
    assert heading(second) == number
    story = second.locator("ol.story li")
    assert [told.inner_text().splitlines()[0] for told in story.locator("p").all()] == [
        f"{words(second, 'You submitted the claim.')} {words(second, 'Receipt')}"
    ]
    assert story.locator("time").get_attribute("datetime")
    files = [second.context.request.get(link.get_attribute("href") or "") for link in links_to_files(second)]
    assert sorted(file.body() for file in files) == sorted(FILES.values())
    follow(second, "Read what you filed")
    for kept in (FAMILY_NAME, place, STORY.splitlines()[0], ACCOUNT):
        assert kept in second.locator("main").inner_text()


def first_sitting(page: Page, email: str) -> str:
    """From the front page to a draft with a few answers, then away. Returns the draft's address."""
    page.goto("/")
    follow(page, "Start or continue a claim")
    with page.expect_navigation():
        page.locator("main a[href='/categories/A3.1/']").click()
    follow(page, "Start this claim")
    sign_up(page, email)
    press(page, "Start the claim")
    claim = page.url.rstrip("/")

    begin(page, words(page, "Before you begin"))
    tests = ("eligible_claimant", "on_or_after_first_day", "in_territory", "caused_by_aggression")
    go_on(page, **dict.fromkeys(tests, "yes"))
    begin(page, title(page, "you"))
    go_on(page, submitting_as="self")
    go_on(page, full_name_family_name=FAMILY_NAME, full_name_given_name="Олена", full_name_born_year="1980")
    answer(page, tax_number="1234567890", identity_documents="lost")
    press(page, "Save and come back later")
    assert task_state(page, title(page, "you")) == words(page, "In progress")
    press(page, "Sign out")
    return claim


def second_sitting(page: Page, email: str, claim: str, *, javascript: bool) -> str:
    """Elsewhere: everything is there, and the rest is filled in. Returns the place that was chosen."""
    page.goto("/claims/")
    sign_in_as(page, email)
    follow(page, title(page, "category"))
    assert is_on(page, claim, "")

    begin(page, title(page, "you"))
    assert is_on(page, claim, "questions/citizenship")
    follow(page, "Back")
    assert page.locator("[name=tax_number]").input_value() == "1234567890"
    assert page.locator("[value=lost]").is_checked()
    press(page, "Continue")
    go_on(page, citizenships="ukraine")
    go_on(page, phone="+380 44 123 45 67", others_may_see="no")
    go_on(page, country_of_residence="PL")
    go_on(page, subgroup="none")

    begin(page, title(page, "home"))
    go_on(page, property_type="private_house")
    place = choose_place(page, javascript=javascript)
    go_on(page, property_address_street="вул. Шевченка", property_address_building="5-а")
    go_on(page, total_area_m2="72,5", geo_point="48.5954, 38.0004")

    begin(page, title(page, "event"))
    go_on(page, cause=STORY)
    go_on(page, damage_date_month="3", damage_date_year="2022")
    go_on(page, damage_level="damaged", damage_cause="artillery")
    say_unknown(page, "rddp_notice")
    press(page, "Continue")

    begin(page, title(page, "ownership"))
    go_on(page, owned_by="shares")
    go_on(page, ownership_share="1/2")
    follow(page, "Add")
    answer(page, name_family_name="Коваленко", name_given_name="Петро", share="1/2")
    press(page, "Save this entry")
    assert "Коваленко Петро" in page.locator("main").inner_text()
    press(page, "Continue")
    go_on(page, ownership_basis="no_documents")
    go_on(page, registration_refused="There was no time.")

    begin(page, title(page, "loss"))
    go_on(page, amount_basis="repair_or_reconstruction_cost")
    go_on(
        page, claim_amount_amount="1 234 567,50", claim_amount_currency="UAH", calculation="By the estimate."
    )

    begin(page, title(page, "aid"))
    go_on(page, aid_any="yes")
    follow(page, "Add")
    answer(page, kind="erecovery", status="received", amount_amount="50000", amount_currency="UAH")
    press(page, "Save this entry")
    press(page, "Continue")
    begin(page, title(page, "proceedings"))
    go_on(page, proceedings_any="no")

    begin(page, words(page, "Evidence"))
    add_file(page, "kitchen.jpg", JPEG, type="damage_photo", description="Our kitchen")
    add_file(page, "deed.pdf", PDF, type="ownership_contract")
    assert page.locator("ul.files li").count() == len(FILES)
    press(page, "Continue")
    go_on(page, text=ACCOUNT)
    begin(page, words(page, "Who may see your claim"))
    go_on(page, national_investigators=True)
    states = set(page.locator("ol.tasks .state").all_inner_texts())
    assert states == {words(page, "Done")}
    return place


def declare_and_submit(page: Page, claim: str, place: str) -> str:
    """Checks the answers, changes one, declares and submits. Returns the claim's number."""
    begin(page, words(page, "Check your answers and submit"))
    shown = page.locator("main").inner_text()
    for kept in (FAMILY_NAME, place, STORY.splitlines()[0], "Коваленко Петро", ACCOUNT, *FILES):
        assert kept in shown
    assert page.locator(".error-summary").count() == 0

    with page.expect_navigation():
        page.locator("a[href*='/questions/damage/?back=check']").first.click()
    assert page.locator("[name=damage_level][value=damaged]").is_checked()
    destroyed = page.locator(".choice", has=page.locator("[value=destroyed]")).locator("label").inner_text()
    go_on(page, damage_level="destroyed")
    assert is_on(page, claim, "check")
    row = page.locator("dl.summary > div", has=page.locator("a[href*='/questions/damage/']")).first
    assert row.locator("dd").first.inner_text() == destroyed

    follow(page, "Go on to the declaration")
    answer(page, typed_name="Олена О’Коваленко-Ґава")
    press(page, "Submit the claim")
    assert is_on(page, claim, "receipt")
    number = page.locator(".receipt .number").inner_text()
    assert NUMBER.fullmatch(number)
    assert numbers.read(number, prefix="UA") == number
    return number


def read_receipt(page: Page, number: str) -> None:
    receipt = page.locator("main").inner_text()
    for name, content in FILES.items():
        assert name in receipt
        assert hashlib.sha256(content).hexdigest() in receipt
    assert len({digest.inner_text() for digest in page.locator(".digest").all()}) == len(FILES) + 1
    assert page.reload() is not None
    assert page.locator(".receipt .number").inner_text() == number


def links_to_files(page: Page) -> list[Locator]:
    return page.locator("ul.files a").all()


def choose_place(page: Page, *, javascript: bool) -> str:
    """One of the many villages of that name, from the list under the field, or when asked which one.
    Returns its official name, which a claim keeps whatever the language."""
    name = page.locator("[name=katottg_name]")
    if javascript:
        name.press_sequentially("Іванів")
        page.get_by_role("option").nth(1).wait_for()
        name.press("ArrowDown")
        name.press("ArrowDown")
        name.press("Enter")
        return name.input_value().partition("(")[2].rstrip(")")
    name.fill("Іванівка")
    press(page, "Continue")
    assert page.locator(".error-summary a").count() == 1
    chosen = page.locator("main .choices .choice").nth(1)
    chosen.get_by_role("radio").check()
    return chosen.inner_text().strip()
