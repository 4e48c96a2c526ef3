"""Takes the pictures of docs/images from the running product, and writes their index: `make pictures`.

It starts what `make run` starts, on a port and in a folder of its own; makes up claims; files one more as a
claimant would and hands it from desk to desk; and looks at each page in both languages, on a phone and on a
desk. Everybody in the pictures is made up.
"""

import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, FilePayload, Page, sync_playwright

from registry import children, launch

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
CLAIMS = 2000
LANGUAGES = {"uk": "Ukrainian", "en": "English"}
WIDTHS = (360, 1280)
TALLEST = 2400  # what is below is cut off
FIRST_SCREEN = 740
FRONT = {  # of these, what one sees first stands on the README of the project
    ("home", "uk", 360),
    ("question", "en", 360),
    ("receipt", "uk", 360),
    ("statistics", "en", 360),
    ("desk", "en", 1280),
}
READY_SECONDS = 180
PAGES = {
    "home": "The first page",
    "categories": "The categories of a person; those of companies and of the State are one choice away",
    "category": "A category before one starts",
    "tasks": "A draft: its sections, and how far each is",
    "question": "Questions with their hints",
    "group": "Something that there can be several of",
    "hard": "A hard page says so before it asks",
    "check": "Check your answers",
    "receipt": "The receipt",
    "proof": "What proves that the claim was received",
    "verify": "Anybody checks such a receipt, in the browser alone",
    "status": "A claim about which the reviewer has a question",
    "statistics": "Public figures, rounded",
    "help": "Help",
    "queue": "Claims to review",
    "desk": "A claim beside its evidence, the checklist, the proposal",
    "batch": "A batch for the Board is put together",
    "paper": "The Board’s paper: no names",
    "figures": "Exact figures, for staff",
    "erasure": "A part of a claim is to be erased by law: two people, and a reason",
    "api": "What partners read: the API",
}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-lcd-text",
    "--no-first-run",
    "--disable-background-networking",
]
COLOURS = 16  # a pixel is then half a byte, and a picture a quarter of what the browser would write
# At most ten that fill a thousandth of the page stay as they are; then come those that most pixels have and
# that differ enough. Each pixel is given the nearest of them.
REDUCE = """async ([png, most]) => {
    const picture = await createImageBitmap(await (await fetch("data:image/png;base64," + png)).blob());
    const { width, height } = picture, canvas = document.createElement("canvas");
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    context.drawImage(picture, 0, 0);
    const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer), counts = new Map();
    for (const colour of pixels) counts.set(colour, (counts.get(colour) || 0) + 1);
    const colours = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
    const split = colour => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
    const apart = (a, b) => Math.hypot(...split(a).map((part, i) => part - split(b)[i]));
    const kept = colours.filter(colour => counts.get(colour) > pixels.length / 1000).slice(0, 10);
    for (const least of [36, 18, 9, 0])
        for (const colour of colours)
            if (kept.length < most && kept.every(other => apart(colour, other) > least)) kept.push(colour);
    const nearest = new Map(colours.map(colour => {
        const distances = kept.map(other => apart(colour, other));
        return [colour, distances.indexOf(Math.min(...distances))];
    }));
    const digits = Array.from(pixels, colour => nearest.get(colour).toString(16));
    return [width, height, kept.flatMap(split), digits.join("")];
}"""
HOUSE = """<svg viewBox="0 0 800 600" width="800" height="600" style="position: absolute; inset: 0">
    <path fill="#c5d3dd" d="M0 0h800v430H0z"/><path fill="#7e8a6b" d="M0 430h800v170H0z"/>
    <path fill="#b9a48c" d="M170 260h460v230H170z"/>
    <path fill="#6d4a3d" d="M140 260l230-150 60 60-40 50 70-10 30 50z"/>
    <path fill="#3a3532" d="M250 320h80v80h-80zM470 320h80v80h-80zM370 370h70v120h-70z"/>
    <path fill="#8d8378" d="M480 490l60-50 40 25 55-20 60 55z"/></svg>"""
EXTRACT = """<h1>Витяг з реєстру прав на нерухоме майно</h1><p>Зразок для знімків екрана, не документ.</p>
    <p>Об’єкт: житловий будинок, 84,6 м². Власники: Мельник Ольга, 1/2; Мельник Андрій, 1/2.</p>"""


@dataclass(frozen=True)
class Site:
    address: str
    folder: Path

    def manage(self, *command: str) -> None:
        environ = os.environ | {"REGISTRY_DATA_DIR": str(self.folder), "REGISTRY_DEMO": "1"}
        subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=environ, check=True)


@contextmanager
def running() -> Iterator[Site]:
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
        free.close()
        environ = {name: value for name, value in os.environ.items() if name != "MAKELEVEL"}
        environ |= {"PORT": str(port), "REGISTRY_DATA_DIR": folder}
        with (Path(folder) / "launch.log").open("wb") as log:
            launched = children.spawn(
                [sys.executable, "-m", "registry.launch"], env=environ, cwd=ROOT, output=log
            )
        try:
            deadline = time.monotonic() + READY_SECONDS
            while not launch.is_ready(port):
                if launched.poll() is not None or time.monotonic() > deadline:
                    sys.exit((Path(folder) / "launch.log").read_text())
                time.sleep(0.2)
            yield Site(f"http://127.0.0.1:{port}", Path(folder))
        finally:
            launched.terminate()
            launched.wait(30)


class Photographer:
    """Sits at the devices of everybody: of each role of the demo, and of somebody without an account ("")."""

    def __init__(self, browser: Browser, site: Site, images: Path) -> None:
        self.browser, self.site, self.images = browser, site, images
        accounts = json.loads((site.folder / "demo-accounts.json").read_text())
        self.accounts = {account["role"]: account for account in accounts}
        self.developer = browser.new_page()
        self.devices: dict[tuple[str, str], Page] = {}

    def page(self, role: str = "", language: str = "uk") -> Page:
        """Signed in already; at a desk."""
        if (role, language) not in self.devices:
            context = self.browser.new_context(
                base_url=self.site.address, locale=language, color_scheme="light", reduced_motion="reduce"
            )
            page = self.devices[role, language] = context.new_page()
            if role:
                page.goto("/account/sign-in/")
                page.locator("[name=login]").fill(self.accounts[role]["email"])
                page.locator("[name=password]").fill(self.accounts[role]["password"])
                go_on(page)
        return self.devices[role, language]

    def take(
        self, name: str, path: str, role: str = "", *, opened: str = "", brought: FilePayload | None = None
    ) -> None:
        """`opened`: what is clicked first; `brought`: the file that is given to the page to be checked."""
        for language in LANGUAGES:
            page = self.page(role, language)
            page.goto(path)
            if opened:
                page.locator(opened).click()
                page.wait_for_load_state("networkidle")
            if brought:
                page.locator("input[type=file]").set_input_files(brought)
                page.locator("[data-verdict]").wait_for()
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": FIRST_SCREEN})
                height = page.evaluate("document.documentElement.scrollHeight")
                self.keep(page, f"{name}-{language}-{width}", width, min(height, TALLEST))
                if (name, language, width) in FRONT:
                    self.keep(page, f"front-{name}", width, FIRST_SCREEN)

    def keep(self, page: Page, name: str, width: int, height: int) -> None:
        cut = {"x": 0, "y": 0, "width": width, "height": height}
        (self.images / f"{name}.png").write_bytes(self.small(page.screenshot(full_page=True, clip=cut)))

    def small(self, png: bytes) -> bytes:
        """The picture in few colours."""
        asked = [base64.b64encode(png).decode(), COLOURS]
        width, height, colours, pixels = self.developer.evaluate(REDUCE, asked)
        lines = (pixels[i : i + width] for i in range(0, width * height, width))
        parts = {
            b"IHDR": struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0),
            b"PLTE": bytes(colours),
            b"IDAT": zlib.compress(b"".join(b"\0" + bytes.fromhex(line) for line in lines), 9),
            b"IEND": b"",
        }
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in parts.items()
        )

    def drawn(self, html: str) -> bytes:
        self.developer.set_viewport_size({"width": 800, "height": 600})
        self.developer.set_content(html)
        return self.developer.screenshot(type="jpeg", quality=70)

    def printed(self, html: str) -> bytes:
        self.developer.set_content(html)
        return self.developer.pdf(format="A5")


def go_on(page: Page, **answers: str | bool) -> None:
    """Fills in controls by their names (True ticks a box), and presses the one primary button."""
    for name, value in answers.items():
        control = page.locator(f"main [name='{name}']")
        if control.first.get_attribute("type") in ("radio", "checkbox"):
            page.locator(f"main [name='{name}'][value='{value}']").check()
        else:
            control.fill(str(value))
    with page.expect_navigation():
        page.locator("main button.button:not(.secondary, .warn)").first.click()


def press(page: Page, button: str) -> None:
    with page.expect_navigation():
        page.locator(button).first.click()


def take_all(camera: Photographer) -> None:
    camera.take("home", "/")
    camera.take("categories", "/categories/")
    camera.take("category", "/categories/A2.4/")
    camera.take("statistics", "/statistics/")
    camera.take("help", "/help/")
    camera.take("api", "/api/v1/docs")
    claim = fill_in(camera)
    number = submit(camera, claim)
    review(camera, claim, number)
    decide(camera)
    erase(camera, number)


def fill_in(camera: Photographer) -> str:
    """A draft about a home; the address of its pages."""
    page = camera.page("claimant")
    page.goto("/claims/new/A2.1/")
    go_on(page)
    camera.take("hard", f"{page.url}questions/story/", "claimant")
    page.goto("/claims/new/A3.1/")
    go_on(page)
    claim = page.url.rstrip("/")

    def answer(step: str, **answers: str | bool) -> None:
        page.goto(f"{claim}/questions/{step}/")
        go_on(page, **answers)

    answer("who", submitting_as="self")
    answer("name", full_name_family_name="Мельник", full_name_given_name="Ольга")
    answer("home", property_type="private_house")
    answer(
        "where",
        katottg_name="Ірпінь",
        property_address_street="вул. Вигадана",
        property_address_building="12",
    )
    answer("story", cause="Снаряд влучив у дах. Верхній поверх згорів, нижній залила вода.")
    answer("when", damage_date_day="12", damage_date_month="3", damage_date_year="2022")
    answer("damage", damage_level="damaged", damage_cause="artillery")
    answer("owners", owned_by="shares")
    answer("share", ownership_share="1/2")
    page.goto(f"{claim}/questions/co_owners/")
    press(page, "main a.button.secondary")
    go_on(page, name_family_name="Мельник", name_given_name="Андрій", share="1/2")
    camera.take("group", f"{claim}/questions/co_owners/", "claimant")
    camera.take("question", f"{claim}/questions/when/", "claimant")
    answer("amount", claim_amount_amount="1 234 000,50")
    page.goto(f"{claim}/evidence/")
    files: list[FilePayload] = [
        {"name": "дах.jpg", "mimeType": "image/jpeg", "buffer": camera.drawn(HOUSE)},
        {"name": "витяг.pdf", "mimeType": "application/pdf", "buffer": camera.printed(EXTRACT)},
    ]
    for file in files:
        page.locator("[name=file]").set_input_files(file)
        press(page, "main button[name=add], main form[enctype] button.button")
    camera.take("tasks", f"{claim}/", "claimant")
    camera.take("check", f"{claim}/check/", "claimant")
    return claim


def submit(camera: Photographer, claim: str) -> str:
    """Its number."""
    page = camera.page("claimant")
    page.goto(f"{claim}/declaration/")
    go_on(page, typed_name="Ольга Мельник")
    camera.take("receipt", f"{claim}/receipt/", "claimant")
    receipt = sealed_receipt(page, f"{claim}/receipts/1.json")
    camera.take("proof", f"{claim}/receipts/1/", "claimant")
    file: FilePayload = {"name": "receipt.json", "mimeType": "application/json", "buffer": receipt}
    camera.take("verify", "/verify/", brought=file)
    return page.locator("main .number").first.inner_text()


def sealed_receipt(page: Page, address: str) -> bytes:
    """Once it has a proof beside the promise."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        receipt = page.request.get(address).body()
        if json.loads(receipt)["proof"] is not None or time.monotonic() > deadline:
            return receipt
        time.sleep(0.5)


def review(camera: Photographer, claim: str, number: str) -> None:
    page = camera.page("reviewer")
    camera.take("queue", "/admin/review/", "reviewer")
    page.goto(f"/admin/review/?number={number}")
    press(page, f"button[formaction*='{number}/take/']")
    desk = page.url
    camera.take("desk", desk, "reviewer", opened="details.piece:first-of-type > summary")
    page.goto(desk)
    page.locator("#ask > summary").click()
    page.locator("[name=ask_text]").fill("Додайте, будь ласка, фотографію верхнього поверху.")
    press(page, "button[formaction$='/ask/']")
    camera.take("status", f"{claim}/", "claimant")


def propose(camera: Photographer) -> str:
    """One reviewer proposes the claim that waits longest, another confirms it. Its number."""
    first, second = camera.page("reviewer"), camera.page("reviewer2")
    first.goto("/admin/review/")
    press(first, "form[action$='/take-oldest/'] button")
    for box in first.locator(".check [type=radio][value=yes]").all():
        box.check()
    first.locator("[type=radio][name=reason]").first.check()
    press(first, "button[formaction$='/propose/']")
    number = first.url.rstrip("/").rsplit("/", 1)[1]
    second.goto(f"/admin/review/claims/{number}/")
    press(second, "form[action$='/confirm/'] button")
    return number


def decide(camera: Photographer) -> None:
    """Up to the paper that the Board has before it."""
    proposed = [propose(camera) for _ in range(4)]
    secretary, director = camera.page("board_secretary"), camera.page("executive_director")
    secretary.goto("/admin/review/batches/")
    go_on(secretary, title="Сесія 12")
    batch = secretary.url
    for number in proposed:
        secretary.goto(batch)
        while not secretary.locator(f"[name=numbers][value='{number}']").count():
            press(secretary, "a[rel=next]")
        go_on(secretary, numbers=number)
    camera.take("batch", batch, "board_secretary")
    director.goto(batch)
    press(director, "form[action$='/submit/'] button")
    camera.take("paper", batch.replace("/batches/", "/board/"), "board_member")
    camera.take("figures", "/admin/review/figures/", "board_member")


def erase(camera: Photographer, number: str) -> None:
    camera.take("erasure", f"/admin/review/erasures/claims/{number}/", "data_protection_officer")


def write_index(images: Path) -> None:
    lines = [
        "# What it looks like",
        "",
        "Taken from the running product by `make pictures`, with made-up people and claims. Each page on a",
        "phone (360 px) and on a desk (1280 px), cut off where it gets long.",
        "",
        "| page | " + " | ".join(LANGUAGES.values()) + " |",
        "|---|" + "---|" * len(LANGUAGES),
    ]
    for name, about in PAGES.items():
        links = (
            ", ".join(f"[{width}]({name}-{language}-{width}.png)" for width in WIDTHS)
            for language in LANGUAGES
        )
        lines.append(f"| {about} | " + " | ".join(links) + " |")
    (images / "README.md").write_text("\n".join(lines) + "\n")


def main() -> None:
    os.umask(0o022)
    with running() as site, sync_playwright() as playwright, tempfile.TemporaryDirectory() as new:
        site.manage("seed_claims", "--count", str(CLAIMS))
        site.manage("publish_statistics", "--again")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        images = Path(new)
        take_all(Photographer(browser, site, images))
        write_index(images)
        shutil.rmtree(IMAGES, ignore_errors=True)  # all or none: a page that is gone leaves no picture behind
        shutil.copytree(images, IMAGES)
    print(f"{sum(file.stat().st_size for file in IMAGES.iterdir()) / 1e6:.1f} MB in {IMAGES}")


if __name__ == "__main__":
    main()
