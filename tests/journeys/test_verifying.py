"""/verify/ in a browser: served, and saved to the disk without a network. Nothing leaves the page."""

import base64
import copy
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typst
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from django.conf import settings as django_settings
from django.test import RequestFactory, override_settings
from django.utils import translation
from playwright.sync_api import Page, Request, expect

from claims.views import verify
from ledger import notes, tree
from tests.claims.made_receipts import (
    DEED,
    HOUR,
    NOW,
    PHOTO,
    Log,
    Receipt,
    alterations,
    checkpoint_text,
)
from tests.journeys.conftest import Device, Site
from tests.ledger.authority import Authority, Issuer

DAY = datetime(2026, 3, 8, 12, tzinfo=UTC)
NO_ED25519 = """
  const importKey = crypto.subtle?.importKey.bind(crypto.subtle);  // about:blank has none
  if (importKey) crypto.subtle.importKey = (format, key, algorithm, ...rest) =>
    (algorithm.name ?? algorithm) === "Ed25519"
      ? Promise.reject(new DOMException("no such algorithm", "NotSupportedError"))
      : importKey(format, key, algorithm, ...rest);
"""
DROP_EACH = """async (texts) => {
  const verdicts = [];
  for (const text of texts) {
    document.getElementById("again").click();
    const dropped = new DataTransfer();
    dropped.items.add(new File([text], "receipt.json"));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true }));
    let banner;
    while (!(banner = document.querySelector("#verdict .banner"))) await new Promise((r) => setTimeout(r));
    verdicts.push(banner.dataset.verdict);
  }
  return verdicts;
}"""
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"],
    "resultTypes": ["violations"],
    "preload": False,
}


class Reader:
    """Somebody with the page open and files at hand."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        page.on("request", lambda request: self._note(request))

    def _note(self, request: Request) -> None:
        self.requests.append(request.url)

    def bring(self, *files: tuple[str, bytes]) -> None:
        payload: Any = [{"name": n, "mimeType": "application/octet-stream", "buffer": b} for n, b in files]
        self.page.locator("#verdict").evaluate("e => e.replaceChildren()")
        self.page.set_input_files("#files", payload)
        self.page.locator("#verdict .banner").wait_for()

    def verdict(self, receipt: Receipt, *files: tuple[str, bytes]) -> str:
        """Of this receipt and these files alone."""
        if self.page.locator("#again").is_visible():
            self.page.click("#again")
        self.bring(("receipt.json", json.dumps(receipt).encode()), *files)
        return str(self.page.locator("#verdict .banner").get_attribute("data-verdict"))

    def verdicts(self, receipts: dict[str, Receipt]) -> dict[str, str]:
        """Of each, dropped on the page one after another."""
        texts = [json.dumps(receipt) for receipt in receipts.values()]
        return dict(zip(receipts, self.page.evaluate(DROP_EACH, texts), strict=True))

    def checks(self) -> dict[str, str]:
        """The state of each check; the last one of a name."""
        items = self.page.locator(".checks li")
        found = items.evaluate_all("all => all.map(e => [e.dataset.check, e.dataset.state])")
        return dict(found)

    def text(self) -> str:
        return self.page.locator("main").inner_text().replace("\u2068", "").replace("\u2069", "")


@pytest.fixture(scope="module")
def log() -> Log:
    return Log()


@pytest.fixture
def saved(log: Log, tmp_path: Path) -> dict[str, Path]:
    """The page of a register with these keys, as files on a disk, by language."""
    found = {}
    keys = {
        "LEDGER_ORIGIN": log.origin,
        "LEDGER_VKEY": log.key.verifier.vkey,
        "LEDGER_OLD_VKEYS": [],
        "LEDGER_PROMISE_KEY": log.promise_key.text,
        "LEDGER_WITNESSES": [f"{log.witness.verifier.vkey} http://127.0.0.1:1"],
    }
    for language, _name in django_settings.LANGUAGES:
        request = RequestFactory().get("/verify/", {"language": language})
        with override_settings(**keys), translation.override(language):
            found[language] = tmp_path / f"verify-{language}.html"
            found[language].write_bytes(verify.page(request).content)
    return found


def opened(
    device: Device, file: Path, *, language: str = "en", width: int = 1280, script: str = ""
) -> Reader:
    context = device(language, width, address=f"file://{file.parent}")
    if script:
        context.add_init_script(script)
    context.set_offline(True)
    page = context.new_page()
    page.goto(f"file://{file}")
    return Reader(page)


@pytest.fixture
def reader(device: Device, saved: dict[str, Path]) -> Iterator[Reader]:
    """The saved page, without a network. What it asks for after it was read fails the test."""
    found = opened(device, saved["en"])
    yield found
    assert found.requests == []


@pytest.fixture
def fallback(device: Device, saved: dict[str, Path]) -> Reader:
    """The same in a browser without Ed25519."""
    return opened(device, saved["en"], script=NO_ED25519)


# --- Receipts ---


def test_a_true_receipt_is_proven(reader: Reader, log: Log):
    assert reader.verdict(log.receipt()) == "proven"
    assert reader.checks() == {
        "parts": "yes",
        "logged": "yes",
        "signed": "yes",
        "witness": "yes",
        "promise": "yes",
        "version": "yes",
        "evidence": "yes",
        "files_left": "open",
    }
    assert "That what was said is true" in reader.text()


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 2), (6, 7), (255, 256), (3, 200)])
def test_a_receipt_of_any_place_in_the_log_is_proven(reader: Reader, log: Log, index: int, size: int):
    assert reader.verdict(log.receipt(index=index, size=size)) == "proven"


def test_an_act_without_a_version_is_proven(reader: Reader, log: Log):
    assert reader.verdict(log.receipt(of_version=False)) == "proven"
    assert "A claim was withdrawn" in reader.text()


def test_a_receipt_without_a_witness_says_so(reader: Reader, log: Log):
    assert reader.verdict(log.receipt(witnessed=False)) == "proven"
    assert reader.checks()["no_witness"] == "open"
    assert "nobody outside the register" in reader.text()


def test_every_altered_receipt_is_told(reader: Reader, log: Log):
    found = reader.verdicts(dict(alterations(log.receipt())))
    assert len(found) > 70
    # Of the keys in it, none is believed; to leave one out changes nothing that is proven. What is left
    # without its proof is the receipt of an earlier hour.
    harmless = {"vkeys shortened": "proven", "proof emptied": "waiting"}
    assert {what: verdict for what, verdict in found.items() if verdict != "altered"} == harmless


def test_every_altered_receipt_without_a_proof_is_told(reader: Reader, log: Log):
    found = reader.verdicts(dict(alterations(log.receipt(proven=False))))
    assert {what for what, verdict in found.items() if verdict != "altered"} == {"vkeys shortened"}


def test_a_receipt_in_which_a_name_stands_twice_is_refused(reader: Reader, log: Log):
    text = json.dumps(log.receipt())
    for twice in (
        text.replace('{"format"', '{"origin": "first", "format"', 1),
        text.replace('"salt": "', '"salt": "00", "salt": "', 1),
    ):
        reader.bring(("receipt.json", twice.encode()))
        assert reader.page.locator("#verdict .banner").get_attribute("data-verdict") == "altered"


def test_the_example_in_the_documentation_is_proven(reader: Reader):
    page = Path(django_settings.BASE_DIR, "docs", "ledger.md").read_text()
    (example,) = re.findall(r"`receipt`:\n\n```json\n(.*?)\n```", page, re.DOTALL)
    receipt = json.loads(example)
    reader.page.click("summary")
    reader.page.fill("#keys", "\n".join(receipt["vkeys"]))
    assert reader.verdict(receipt) == "proven"
    assert reader.checks()["witness"] == "yes"


def test_a_receipt_of_another_log_is_foreign(reader: Reader):
    assert reader.verdict(Log("elsewhere.example/log").receipt()) == "foreign"


def test_a_made_up_receipt_in_the_name_of_this_log_is_foreign(reader: Reader, log: Log):
    assert reader.verdict(Log(log.origin).receipt()) == "foreign"
    assert reader.verdict(Log(log.origin).receipt(proven=False)) == "foreign"


def test_the_keys_inside_a_receipt_are_not_believed(reader: Reader, log: Log):
    forged = Log(log.origin).receipt() | {"vkeys": log.vkeys}
    assert reader.verdict(forged) == "altered"


def test_the_key_of_promises_cannot_sign_the_log(reader: Reader, log: Log):
    receipt = Log(log.origin, key=log.promise_key).receipt()
    assert reader.verdict(receipt) != "proven"


def test_a_foreign_receipt_is_proven_by_keys_that_the_reader_brings(reader: Reader, log: Log):
    other = Log("elsewhere.example/log")
    reader.page.click("summary")
    reader.page.fill("#keys", "\n".join(other.vkeys))
    assert reader.verdict(other.receipt()) == "proven"
    assert "You vouch for them" in reader.text()
    assert reader.verdict(log.receipt()) == "foreign"  # now only these count


def test_keys_that_are_none_are_refused(reader: Reader, log: Log):
    reader.verdict(log.receipt())
    reader.page.click("summary")
    reader.page.fill("#keys", log.vkeys[0][:-2])
    reader.page.click("#use-keys")
    expect(reader.page.locator("#keys-error")).to_be_visible()


def test_a_promise_whose_time_has_not_come_is_no_proof_yet(reader: Reader, log: Log):
    assert reader.verdict(log.receipt(proven=False)) == "waiting"
    assert reader.checks()["logged"] == "open"


def test_a_promise_whose_time_is_over_is_told(reader: Reader, log: Log):
    assert reader.verdict(log.receipt(proven=False, by=NOW - HOUR)) == "overdue"
    assert "broken its promise" in reader.text()


def test_a_countersignature_under_an_unknown_key_is_not_counted(reader: Reader, log: Log):
    receipt = log.receipt(witnessed=False)
    stranger = notes.SigningKey.generate("stranger.example/w", notes.COSIGNATURE)
    receipt["proof"] += notes.cosign(checkpoint_text(receipt), stranger, NOW)
    receipt["vkeys"].append(stranger.verifier.vkey)
    assert reader.verdict(receipt) == "proven"
    assert reader.checks()["witness"] == "open"


# --- Time ---


def stamped(log: Log, folder: Path, *algorithms: str) -> Receipt:
    """With a stamp of an authority under the first algorithm, renewed under the others."""
    receipt, authority = log.receipt(), Authority(folder, Issuer())
    text = checkpoint_text(receipt).encode()
    tokens: list[bytes] = []
    for algorithm in algorithms:
        data = text
        if tokens:
            parts = b"".join(len(part).to_bytes(8, "big") + part for part in (text, *tokens))
            data = b"registry-timestamp-renewal/1\n" + parts
        digest = hashlib.new(algorithm.replace("sha3-", "sha3_"), data).digest()
        tokens.append(authority.token(algorithm, digest, at=DAY))
    links = [
        {"algorithm": algorithm, "token": base64.b64encode(token).decode()}
        for algorithm, token in zip(algorithms, tokens, strict=True)
    ]
    return receipt | {"timestamp": links[0] | {"chain": links[1:]}}


def test_a_stamp_of_outside_time_is_shown_and_held_against_the_log(reader: Reader, log: Log, tmp_path: Path):
    receipt = stamped(log, tmp_path / "authority", "sha256", "sha512", "sha3-256")
    assert reader.verdict(receipt) == "proven"
    assert reader.checks()["stamp"] == "open"
    assert "8 March 2026" in reader.text()
    foreign = copy.deepcopy(receipt)
    foreign["timestamp"]["chain"][0]["token"] = receipt["timestamp"]["token"]
    assert reader.verdict(foreign) == "altered"
    assert reader.verdict(receipt | {"proof": log.receipt(size=12)["proof"]}) == "altered"
    assert reader.verdict(receipt | {"proof": None}) == "altered"


# --- What is brought with it ---


def test_files_of_evidence_are_compared(reader: Reader, log: Log):
    assert reader.verdict(log.receipt(), ("renamed.pdf", DEED), ("photo.jpg", PHOTO)) == "proven"
    assert "exactly those that were received: renamed.pdf, photo.jpg" in reader.text()
    assert reader.verdict(log.receipt(), ("deed.pdf", DEED + b" ")) == "misfit"
    assert reader.checks()["file"] == "no"


def test_files_may_be_brought_one_after_another(reader: Reader, log: Log):
    reader.bring(("deed.pdf", DEED))
    assert "There is no receipt among these files" in reader.text()
    reader.bring(("receipt.json", json.dumps(log.receipt()).encode()))
    assert reader.checks()["file"] == "yes"


@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 119, 120, 4 * 2**20, 4 * 2**20 + 57])
def test_files_of_any_size_are_measured_right(reader: Reader, log: Log, size: int):
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    reader.verdict(log.receipt(evidence=[("file", data)]), ("file", data))
    assert reader.checks()["file"] == "yes"


def test_a_file_is_not_called_received_by_a_list_that_nothing_proves(reader: Reader, log: Log):
    for receipt, verdict in (
        (Log().receipt(), "foreign"),
        (log.receipt() | {"promise": log.receipt(by=NOW)["promise"][:-9] + "AAAAAAA=\n"}, "altered"),
    ):
        assert reader.verdict(receipt, ("deed.pdf", DEED)) == verdict
        assert reader.checks()["file"] == "open"
        assert "None of this is proven" in reader.text()
    receipt = log.receipt(of_version=False)
    receipt["evidence"] = log.receipt()["evidence"]
    assert reader.verdict(receipt, ("deed.pdf", DEED)) == "altered"
    assert reader.checks()["file"] == "open"


def test_the_copy_of_a_claim_is_compared_section_by_section(reader: Reader, log: Log):
    def brought(copied: dict[str, Any]) -> str:
        return reader.verdict(log.receipt(), ("claim.json", json.dumps(copied).encode()))

    copied = log.copy_of_claim()
    assert brought(copied) == "proven"
    assert "to the letter" in reader.text()
    changed = copy.deepcopy(copied)
    changed["sections"]["account"]["text"] = changed["sections"]["account"]["text"].replace("Ми", "Вони")
    assert brought(changed) == "misfit"
    assert "the claimant’s own account" in reader.text()
    added = copy.deepcopy(copied)
    added["sections"]["more"] = added["sections"]["core"]
    assert brought(added) == "misfit"
    erased = copy.deepcopy(copied)
    del erased["sections"]["account"]
    assert brought(erased) == "proven"
    assert "left out, or erased by law: the claimant’s own account" in reader.text()
    assert brought(copied | {"manifest": copied["manifest"].replace("UA-7", "UA-8")}) == "misfit"


def test_a_proof_alone_is_refused_with_a_sentence(reader: Reader, log: Log):
    reader.bring(("claim.tlog-proof", log.receipt()["proof"].encode()))
    assert "is only the proof part of a receipt" in reader.text()


def test_the_receipt_inside_a_pdf_is_checked(reader: Reader, log: Log, tmp_path: Path):
    layout = tmp_path / "receipt.typ"
    layout.write_text('#pdf.attach("receipt.json", bytes(sys.inputs.receipt))\nA receipt.')
    for receipt, verdict in ((log.receipt(), "proven"), (log.receipt() | {"origin": "x"}, "altered")):
        pdf = typst.compile(layout, format="pdf", sys_inputs={"receipt": json.dumps(receipt)})
        reader.bring(("receipt.pdf", pdf))
        assert reader.page.locator("#verdict .banner").get_attribute("data-verdict") == verdict
        assert "What is printed on its pages was not checked" in reader.text()


def test_the_code_of_a_printed_receipt_is_compared(saved: dict[str, Path], reader: Reader, log: Log):
    leaf = tree.leaf_hash(bytes(range(16)) + log.receipt()["entry"]["body"].encode()).hex()
    for scanned, verdict in ((leaf, "proven"), ("0" * 64, "misfit")):
        reader.page.goto("about:blank")
        reader.page.goto(f"file://{saved['en']}#{scanned}")
        reader.requests.clear()
        expect(reader.page.locator("#scanned")).to_be_visible()
        assert reader.verdict(log.receipt()) == verdict
        assert reader.checks()["paper"] == ("yes" if verdict == "proven" else "no")


def test_what_is_no_receipt_is_told(reader: Reader):
    for data in (b"", b"{", b"[]", b"\xff\xfe", b"%PDF-1.7 nothing", b'{"a": 1}'):
        reader.bring(("file.json", data))
        assert "There is no receipt among these files" in reader.text()
        reader.page.click("#again")


def test_names_cannot_write_into_the_page(reader: Reader, log: Log):
    reader.verdict(log.receipt(), ("<img src=x onerror=alert(1)>\u202e.pdf", b"other"))
    assert "<img src=x onerror=alert(1)>\ufffd.pdf" in reader.text()


# --- Browsers ---


def test_a_browser_without_ed25519_uses_that_of_the_page(fallback: Reader, log: Log):
    assert fallback.verdict(log.receipt()) == "proven"
    assert fallback.checks()["witness"] == "yes"
    fallback.page.locator("#report summary").click()
    assert "your browser has none" in fallback.text()
    assert fallback.verdict(Log(log.origin).receipt()) == "foreign"
    signatures = {
        what: altered
        for what, altered in alterations(log.receipt())
        if what.startswith(("proof ", "promise ")) and what != "proof emptied"
    }
    assert set(fallback.verdicts(signatures).values()) == {"altered"}
    assert fallback.requests == []


def test_a_browser_with_ed25519_uses_its_own(reader: Reader, log: Log):
    reader.verdict(log.receipt())
    reader.page.locator("#report summary").click()
    assert "Your browser’s own" in reader.text()


def test_it_is_read_with_the_keyboard_and_told_to_screen_readers(reader: Reader, log: Log):
    focused: list[str] = []
    for _ in range(12):
        reader.page.keyboard.press("Tab")
        focused.append(reader.page.evaluate("document.activeElement.id || document.activeElement.localName"))
    assert "files" in focused
    assert "summary" in focused
    reader.verdict(log.receipt())
    expect(reader.page.get_by_role("status").filter(has_text="Proven")).to_be_visible()


@pytest.mark.parametrize(("language", "width"), [("uk", 360), ("en", 1280)])
def test_it_is_accessible_and_fits_a_small_phone(
    device: Device, saved: dict[str, Path], log: Log, language: str, width: int
):
    reader = opened(device, saved[language], language=language, width=width)
    altered = log.receipt() | {"origin": "x"}
    for receipt in (None, log.receipt(), altered, log.receipt(proven=False)):
        if receipt:
            reader.verdict(receipt, ("a-very-long-name-of-a-file-without-spaces-in-it-at-all.pdf", DEED))
        reader.page.locator("details:not([open]) summary").evaluate_all("all => all.map(e => e.click())")
        assert reader.page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(reader.page, options=RULES).response["violations"]
        assert [(v["id"], [node["html"] for node in v["nodes"]]) for v in found] == []
    assert reader.requests == []


# --- Served ---


@pytest.fixture(scope="module")
def ours(site: Site) -> Log:
    """The log of the running site, by its own keys."""
    folder = Path(site.environ["REGISTRY_DATA_DIR"]) / "ledger"
    origin = "registry.local/claims"

    def key(file: str, name: str) -> notes.SigningKey:
        seed = base64.b64decode((folder / file).read_text())
        material = base64.b64encode(b"\x01" + seed).decode()
        public = notes.SigningKey._of(name, notes.ED25519, seed).verifier
        return notes.SigningKey.parse(f"PRIVATE+KEY+{name}+{public.key_id.hex()}+{material}")

    return Log(origin, key("key", origin), key("promise-key", f"{origin}/promises"))


@pytest.mark.parametrize("language", ["uk", "en"])
def test_the_served_page_checks_receipts_and_asks_for_nothing(
    device: Device, site: Site, ours: Log, language: str
):
    page = device(language).new_page()
    page.goto("/verify/")
    reader = Reader(page)
    assert reader.verdict(ours.receipt()) == "proven"
    assert (
        reader.verdict(ours.receipt() | {"entry": Log().receipt()["entry"] | {"salt": "0" * 32}}) == "altered"
    )
    assert reader.verdict(Log().receipt()) == "foreign"
    assert reader.requests == []


def test_the_page_as_a_browser_saves_it_works_without_a_network(
    device: Device, site: Site, ours: Log, tmp_path: Path
):
    page = device("en").new_page()
    page.goto("/")
    page.get_by_role("link", name="Check a receipt").click()
    with page.expect_download() as download:
        page.click("#save")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    reader = opened(device, file)
    expect(reader.page.locator("#save")).to_be_hidden()
    assert reader.verdict(ours.receipt(witnessed=False)) == "proven"
    assert reader.verdict(Log().receipt()) == "foreign"
    assert reader.requests == []


def test_without_javascript_it_tells_how_to_check_with_other_tools(device: Device, site: Site):
    page = device("en", javascript=False).new_page()
    page.goto("/verify/")
    expect(page.get_by_text("this page needs JavaScript")).to_be_visible()
    expect(page.get_by_text("python -m ledger.verify receipt")).to_be_visible()
    expect(page.locator("#files")).to_be_hidden()
