import time
from tests.journeys.filing_steps import *
from tests.journeys.test_filing_a_home_claim import *  # noqa
test_a_stranger_files_in_two_sittings_on_two_devices = None

def test_look(device):
    page = device("en", 1280).new_page()
    email = "look.en@example.com"
    claim = first_sitting(page, email)
    page.goto("/claims/"); sign_in_as(page, email); follow(page, title(page, "category"))
    place = None
    p2 = page
    p2.goto(claim + "/declaration/")
    p2.locator("[name=typed_name]").fill("Олена Коваленко")
    p2.locator("main form button.button").first.click()
    p2.wait_for_load_state()
    print(p2.url)
    def shots(name):
        for w in (1280, 360):
            p2.set_viewport_size({"width": w, "height": 740})
            p2.screenshot(path=f"/tmp/i6/r/{name}-{w}.png", full_page=True)
    shots("receipt-a")
    time.sleep(6)
    p2.reload(); shots("receipt-b")
    p2.goto(claim + "/"); shots("story")
    p2.goto(claim + "/receipts/1/"); shots("act")
