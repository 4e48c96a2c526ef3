"""What the documents say is so: the worked example of docs/ledger.md, byte by byte, and where links lead.

The first part takes every value from the page and recomputes it by `hashlib` and `cryptography` alone, as a
reader would who trusts none of our code.
"""

import base64
import json
import re
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import notes, verify

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "SECURITY.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
PAGE = (ROOT / "docs" / "ledger.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.split("## From entries to a receipt: an example\n")[1].split("\n## ")[0]
VALUES = dict(re.findall(r"^(\w+) = (.+)$", EXAMPLE, re.MULTILINE))
VERSION = dict(
    re.findall(r"^(\w+) = (.+)$", PAGE.split("## Claim versions\n")[1].split("\n## ")[0], re.MULTILINE)
)
ORIGIN = "registry.example/log"
HOUR = 3600


def block(name: str) -> str:
    """A text of several lines: what stands in the fence under its name."""
    found = re.search(rf"^`{re.escape(name)}`:\n\n```\w*\n(.*?)^```$", EXAMPLE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/ledger.md gives no {name}"
    return found[1]


def node(left: str, right: str) -> str:
    return sha256(b"\x01" + bytes.fromhex(left) + bytes.fromhex(right)).hexdigest()


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def private(who: str) -> tuple[str, bytes, Ed25519PrivateKey]:
    """Name, key id and key."""
    name, key_id, material = VALUES[f"{who}_private"].removeprefix("PRIVATE+KEY+").split("+", 2)
    return (
        name,
        bytes.fromhex(key_id),
        Ed25519PrivateKey.from_private_bytes(base64.b64decode(material)[1:]),
    )


def line(who: str, message: str, before: bytes = b"") -> str:
    """The signature below a note. Ed25519 has one signature for one message."""
    name, key_id, key = private(who)
    return f"— {name} {in_base64(key_id + before + key.sign(message.encode()))}\n"


# --- The example, without our code ---


@pytest.mark.parametrize("index", range(3))
def test_each_leaf_is_the_hash_of_salt_and_body(index: int) -> None:
    salt, body = bytes.fromhex(VALUES[f"salt_{index}"]), VALUES[f"body_{index}"].encode()
    assert sha256(b"\x00" + salt + body).hexdigest() == VALUES[f"leaf_{index}"]


def test_the_leaves_make_the_root() -> None:
    assert node(VALUES["leaf_0"], VALUES["leaf_1"]) == VALUES["node_01"]
    assert node(VALUES["node_01"], VALUES["leaf_2"]) == VALUES["root_3"]


@pytest.mark.parametrize(
    ("who", "name", "type_", "first_byte"),
    [
        ("log", ORIGIN, 1, 0),
        ("promise", f"{ORIGIN}/promises", 1, 32),
        ("witness", "witness.example/w1", 4, 64),
    ],
)
def test_keys_are_written_as_the_page_says(who: str, name: str, type_: int, first_byte: int) -> None:
    seed, kind = bytes(range(first_byte, first_byte + 32)), bytes([type_])
    public = kind + Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    key_id = sha256(name.encode() + b"\n" + public).hexdigest()[:8]
    assert VALUES[f"{who}_vkey"] == f"{name}+{key_id}+{in_base64(public)}"
    assert VALUES[f"{who}_private"] == f"PRIVATE+KEY+{name}+{key_id}+{in_base64(kind + seed)}"


def test_the_log_and_the_witness_signed_the_checkpoint() -> None:
    text = f"{ORIGIN}\n3\n{in_base64(bytes.fromhex(VALUES['root_3']))}\n"
    at = 1773050402
    cosigned = f"cosignature/v1\ntime {at}\n{text}"
    assert block("cosigned") == cosigned
    lines = line("log", text) + line("witness", cosigned, at.to_bytes(8, "big"))
    assert block("checkpoint") == f"{text}\n{lines}"


def test_the_promise_is_for_the_claim_and_an_hour_later() -> None:
    at = datetime.fromisoformat(json.loads(VALUES["body_1"])["at"]).timestamp()
    leaf = in_base64(bytes.fromhex(VALUES["leaf_1"]))
    text = f"registry-promise/1\n{ORIGIN}\n{leaf}\n{int(at) + 1 + HOUR}\n"
    assert at % 1 > 0  # so it is rounded up
    assert block("promise") == f"{text}\n{line('promise', text)}"


def test_the_proof_leads_from_the_entry_to_the_root() -> None:
    head, checkpoint = block("proof").split("\n\n", 1)
    first, index, *hashes = head.split("\n")
    assert (first, index) == ("c2sp.org/tlog-proof@v1", "index 1")
    assert checkpoint == block("checkpoint")
    left, right = (base64.b64decode(hash_).hex() for hash_ in hashes)
    assert node(node(left, VALUES["leaf_1"]), right) == VALUES["root_3"]


def test_the_addresses_answer_the_same() -> None:
    leaf_0, leaf_1, leaf_2 = (VALUES[f"leaf_{index}"] for index in range(3))
    inclusion = {"index": 1, "size": 3, "leaf_hash": leaf_1, "hashes": [leaf_0, leaf_2]}
    assert json.loads(block("proof/inclusion?index=1&size=3")) == inclusion
    consistency = json.loads(block("proof/consistency?first=2&second=3"))
    assert consistency == {"first": 2, "second": 3, "hashes": [leaf_2]}
    assert node(VALUES["node_01"], *consistency["hashes"]) == VALUES["root_3"]


def test_the_receipt_holds_all_of_it() -> None:
    receipt = json.loads(block("receipt"))
    assert receipt["entry"] == {"body": VALUES["body_1"], "salt": VALUES["salt_1"]}
    assert receipt["promise"] == block("promise")
    assert receipt["proof"] == block("proof")
    assert receipt["vkeys"] == [VALUES[f"{who}_vkey"] for who in ("log", "witness", "promise")]
    assert (receipt["format"], receipt["origin"], receipt["timestamp"]) == (
        "registry-receipt/1",
        ORIGIN,
        None,
    )


def test_the_receipt_binds_the_version_and_its_files() -> None:
    receipt = json.loads(block("receipt"))
    manifest = receipt["version"]["manifest"]
    assert manifest == VERSION["manifest"]
    assert sha256(manifest.encode()).hexdigest() == json.loads(receipt["entry"]["body"])["version"]
    section = receipt["evidence_section"]
    salted = bytes.fromhex(section["salt"]) + section["text"].encode()
    assert sha256(salted).hexdigest() == json.loads(manifest)["sections"]["evidence"]
    assert receipt["evidence"] == [
        {name: file[name] for name in ("name", "sha256", "size_bytes")}
        for file in json.loads(section["text"])
    ]


# --- The example, as our code reads and writes it ---


def test_our_verifier_proves_the_receipt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "receipt.json").write_text(block("receipt"))
    keys = "".join(f"{VALUES[f'{who}_vkey']}\n" for who in ("log", "witness", "promise"))
    (tmp_path / "keys").write_text(keys)
    assert verify.main(["receipt", str(tmp_path / "receipt.json"), "--keys", str(tmp_path / "keys")]) == 0
    assert capsys.readouterr().out in EXAMPLE


def test_our_code_writes_the_same_bytes() -> None:
    log, witness, promise = (
        notes.SigningKey.parse(VALUES[f"{who}_private"]) for who in ("log", "witness", "promise")
    )
    text = notes.Checkpoint(ORIGIN, 3, bytes.fromhex(VALUES["root_3"])).text
    checkpoint = notes.sign(text, log) + notes.cosign(text, witness, 1773050402)
    assert checkpoint == block("checkpoint")
    hashes = tuple(bytes.fromhex(VALUES[name]) for name in ("leaf_0", "leaf_2"))
    assert notes.Proof(1, hashes, checkpoint).text == block("proof")
    promised = notes.Promise(ORIGIN, bytes.fromhex(VALUES["leaf_1"]), 1772882431)
    assert notes.sign(promised.text, promise) == block("promise")


def test_the_receipt_has_the_members_that_the_verifier_asks_for() -> None:
    assert json.loads(block("receipt")).keys() == verify.MEMBERS
    told = PAGE.split("## A receipt\n")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)`", told, re.MULTILINE)) == verify.MEMBERS


# --- Where documents send people ---


def anchors(path: Path) -> set[str]:
    """Of the headings, as GitHub makes them: of two alike the second ends in -1."""
    found: set[str] = set()
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        name = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        while name in found:
            name += "-1"
        found.add(name)
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_what_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        path = (document.parent / file).resolve() if file else document
        assert path.exists(), f"{document.name} leads to {target}"
        assert not anchor or anchor in anchors(path), f"{document.name} leads to {target}"


def test_the_readme_names_every_document() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\(docs/([\w-]+\.md)\)", readme))
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= named


def test_what_the_sealer_sends_people_to_is_there() -> None:
    title = "When the log does not fit what was signed"
    for path in ("ledger/checkpoints.py", "docs/operations.md"):
        assert f"“{title}”" in (ROOT / path).read_text(encoding="utf-8")
    assert f"\n## {title}\n" in PAGE
