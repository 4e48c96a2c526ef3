"""What anybody can read of the log, and what partners can read of its entries."""

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from ledger import checkpoints, notes, tree
from ledger.models import Entry, Leaf
from ledger.sealing import seal
from partners.agreements import DEMO_TERMS
from partners.api import problems
from tests import make
from tests.partners.conftest import SUBMITTED
from tests.partners.test_partner_public import fitting

pytestmark = pytest.mark.django_db

LOG = "/api/v1/ledger"
CHECKPOINT = f"{LOG}/checkpoint"
INCLUSION = f"{LOG}/proof/inclusion"
CONSISTENCY = f"{LOG}/proof/consistency"
ENTRIES = f"{LOG}/entries"
NEVER_CHANGES = "public, max-age=31536000, immutable"


@pytest.fixture
def published() -> int:
    """The size of a log with two full tiles and a bit."""
    make.checkpoint()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_entry (salt, body) SELECT decode(md5(random()::text), 'hex'), body"
            " FROM (SELECT body FROM ledger_entry LIMIT 1) AS entry, generate_series(1, %s)",
            [700 - Leaf.objects.count()],
        )
    return make.checkpoint().size


def hashes() -> list[bytes]:
    return [bytes(hash_) for hash_ in Leaf.objects.order_by("index").values_list("hash", flat=True)]


def unhexed(found: list[str]) -> list[bytes]:
    assert all(len(text) == 64 and text == text.lower() for text in found)
    return [bytes.fromhex(text) for text in found]


def refused(answer: Any, parameter: str) -> str:
    """The sentence that a problem says about this parameter."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, problems.MEDIA_TYPE)
    [error] = answer.json()["errors"]
    assert error["parameter"] == parameter
    return str(error["detail"])


# --- Checkpoint and keys ---


def test_the_checkpoint_is_the_signed_note_as_it_is(client: Client, published: int):
    answer = client.get(CHECKPOINT)
    assert answer.content.decode() == checkpoints.newest().note
    opened = notes.open_note(answer.content.decode(), checkpoints.log_keys())
    assert notes.Checkpoint.parse(opened.text).size == published == 700
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=2"


def test_before_anything_is_signed_there_is_no_checkpoint(client: Client):
    answer = client.get(CHECKPOINT)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, problems.MEDIA_TYPE)


def test_the_keys_stand_a_line_each_the_logs_first(client: Client, settings: Any):
    witness = notes.SigningKey.generate("witness.example/w", notes.COSIGNATURE).verifier.vkey
    settings.LEDGER_WITNESSES = [f"{witness} http://127.0.0.1:1"]
    answer = client.get(f"{LOG}/vkeys")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text.splitlines()[:2] == [settings.LEDGER_VKEY, witness]
    assert [notes.VerifierKey.parse(line).vkey for line in answer.text.splitlines()] == checkpoints.vkeys()
    assert "PRIVATE" not in answer.text


# --- Tiles ---


def test_the_tree_of_the_checkpoint_can_be_made_from_the_tiles(client: Client, published: int):
    tiles = {}
    for tile in tree.tiles_of(published):
        answer = client.get(f"{LOG}/{tile.path}")
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Cache-Control"] == NEVER_CHANGES
        tiles[tile] = answer.content
    root = tree.root_at(published, lambda wanted: {tile: tiles[tile] for tile in wanted})
    assert root == tree.root_of(hashes())
    assert root == notes.Checkpoint.parse(notes.text_of(client.get(CHECKPOINT).text)).root


@pytest.mark.parametrize("width", [1, 100, 188])
def test_partial_tiles_are_served_at_every_width_that_they_had(client: Client, published: int, width: int):
    answer = client.get(f"{LOG}/tile/0/002.p/{width}")
    assert answer.content == b"".join(hashes()[512 : 512 + width])
    answer = client.get(f"{LOG}/tile/0/000.p/{width}")
    assert answer.content == b"".join(hashes()[:width])


@pytest.mark.parametrize(
    "path",
    [
        "0/002.p/189",
        "0/002",
        "0/003.p/1",
        "1/000.p/3",
        "1/000",
        "2/000.p/1",
        "63/000.p/1",
        "0/x999/x999/x999/x999/999",
        "0/000.p/0",
        "0/000.p/256",
        "0/0",
        "0/000/",
        "00/000",
        "64/000",
        "0/x000/000",
        "-1/000",
        "0/٠٠٠",
        "entries/000",
        "entries/000.p/5",
        "data/000",
        "../checkpoint",
        "0/000%0A",
    ],
)
def test_what_is_no_tile_of_the_published_tree_is_not_there(client: Client, published: int, path: str):
    answer = client.get(f"{LOG}/tile/{path}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, problems.MEDIA_TYPE)
    assert "immutable" not in answer.headers["Cache-Control"]


def test_what_is_sealed_but_not_published_is_not_shown(client: Client, published: int):
    make.claim()
    assert seal() > 0
    size = Leaf.objects.count()
    assert client.get(f"{LOG}/tile/0/002.p/{size - 512}").status_code == 404
    assert "The newest checkpoint has 700 entries" in refused(
        client.get(INCLUSION, {"index": 0, "size": size}), "size"
    )
    make.checkpoint()
    assert client.get(f"{LOG}/tile/0/002.p/{size - 512}").status_code == 200
    assert client.get(INCLUSION, {"index": 0, "size": size}).status_code == 200


# --- Proofs ---


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 700), (699, 700), (255, 256), (256, 600), (3, 699)])
def test_an_entry_is_proven_to_be_in_the_log(client: Client, published: int, index: int, size: int):
    answer = client.get(INCLUSION, {"index": index, "size": size})
    found = answer.json()
    assert list(found) == ["index", "size", "leaf_hash", "hashes"]
    assert (found["index"], found["size"]) == (index, size)
    assert bytes.fromhex(found["leaf_hash"]) == hashes()[index]
    root = tree.root_of(hashes()[:size])
    tree.verify_inclusion(hashes()[index], index, size, unhexed(found["hashes"]), root)
    assert answer.headers["Cache-Control"] == NEVER_CHANGES
    assert [error.message for error in fitting("InclusionProof").iter_errors(found)] == []


@pytest.mark.parametrize(("first", "second"), [(1, 1), (1, 700), (256, 257), (600, 700), (700, 700)])
def test_a_tree_is_proven_to_have_grown(client: Client, published: int, first: int, second: int):
    answer = client.get(CONSISTENCY, {"first": first, "second": second})
    found = answer.json()
    assert list(found) == ["first", "second", "hashes"]
    roots = [tree.root_of(hashes()[:size]) for size in (first, second)]
    tree.verify_consistency(first, second, unhexed(found["hashes"]), *roots)
    assert answer.headers["Cache-Control"] == NEVER_CHANGES
    assert [error.message for error in fitting("ConsistencyProof").iter_errors(found)] == []


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"index": 700, "size": 700}, "index"),
        ({"index": 0, "size": 701}, "size"),
        ({"index": 0, "size": 0}, "size"),
        ({"index": -1, "size": 5}, "index"),
        ({"index": "1_0", "size": 5}, "index"),
        ({"index": "0x1", "size": 5}, "index"),
        ({"index": "", "size": 5}, "index"),
        ({"index": 10**30, "size": 5}, "index"),
        ({"index": 1, "size": 2**63}, "size"),
        ({"size": 5}, "index"),
        ({"index": 1}, "size"),
        ({"index": 1, "size": 5, "leaf": 1}, "leaf"),
        ({"index": [1, 1], "size": 5}, "index"),
    ],
)
def test_impossible_numbers_for_inclusion_get_a_sentence(
    client: Client, published: int, query: dict[str, Any], parameter: str
):
    assert refused(client.get(INCLUSION, query), parameter).endswith(".")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"first": 5, "second": 4}, "first"),
        ({"first": 0, "second": 4}, "first"),
        ({"first": 1, "second": 701}, "second"),
        ({"first": -3, "second": 4}, "first"),
        ({"first": "a", "second": 4}, "first"),
        ({"second": 4}, "first"),
        ({"first": 4}, "second"),
    ],
)
def test_impossible_numbers_for_consistency_get_a_sentence(
    client: Client, published: int, query: dict[str, Any], parameter: str
):
    assert refused(client.get(CONSISTENCY, query), parameter).endswith(".")


@pytest.mark.parametrize("url", [f"{INCLUSION}?index=0&size=1", f"{CONSISTENCY}?first=1&second=1"])
def test_before_anything_is_published_nothing_is_proven(client: Client, url: str):
    while seal():
        pass
    assert Leaf.objects.exists()
    assert client.get(url).status_code == 400


def test_a_proof_costs_three_queries(client: Client, published: int, django_assert_max_num_queries: Any):
    with django_assert_max_num_queries(3):
        client.get(INCLUSION, {"index": 5, "size": 699})
    with django_assert_max_num_queries(2):
        client.get(CONSISTENCY, {"first": 5, "second": 699})
    with django_assert_max_num_queries(2):
        client.get(f"{LOG}/tile/0/001")


# --- For everybody ---


PUBLIC = [
    CHECKPOINT,
    f"{LOG}/vkeys",
    f"{LOG}/tile/0/000",
    f"{LOG}/tile/0/000.p/3",
    f"{INCLUSION}?index=0&size=1",
    f"{CONSISTENCY}?first=1&second=2",
]


@pytest.mark.parametrize("url", PUBLIC)
def test_it_needs_nobody_to_sign_in_and_is_open_to_scripts_of_any_site(
    client: Client, published: int, url: str
):
    answer = client.get(url, headers={"origin": "https://court.example", "authorization": "Bearer nonsense"})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert not answer.cookies
    assert client.head(url).headers["Content-Length"] == str(len(answer.content))


@pytest.mark.parametrize("url", PUBLIC)
def test_one_answer_serves_all_so_that_a_content_network_can_keep_it(
    client: Client, published: int, url: str
):
    answer = client.get(url, headers={"accept-language": "uk", "accept": "text/html"})
    assert "public" in answer.headers["Cache-Control"]
    assert "Vary" not in answer.headers
    assert answer.content == client.get(url, headers={"accept-language": "en"}).content


@pytest.mark.parametrize("url", [f"{LOG}/tile/9/000", f"{INCLUSION}?index=9&size=1"])
def test_a_script_of_another_site_can_read_what_is_refused_too(client: Client, published: int, url: str):
    answer = client.get(url)
    assert answer.status_code in (400, 404)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_the_log_is_only_read(client: Client, method: str):
    answer = getattr(client, method)(CHECKPOINT)
    assert (answer.status_code, answer.headers["Content-Type"]) == (405, problems.MEDIA_TYPE)


# --- Entries, for partners ---

ALL = replace(SUBMITTED, sections=("core", "evidence"))


def given(answer: Any) -> dict[int, Any]:
    """What was handed over whole, by index."""
    assert answer.status_code == 200, answer.text
    for line in answer.json()["results"]:
        assert set(line) == {"index", "leaf_hash", "body", "salt"}
        assert (line["body"] is None) == (line["salt"] is None)
    return {
        line["index"]: json.loads(line["body"])
        for line in answer.json()["results"]
        if line["body"] is not None
    }


def of_claims(answer: Any) -> list[tuple[str, str]]:
    return [(body["kind"], body["claim"]) for body in given(answer).values() if body["claim"]]


def test_entries_within_the_agreement_are_handed_over_byte_for_byte(program: Callable[..., Any]):
    ministry = program(terms=ALL, scopes="ledger:read")
    claim = make.claim(files=[make.PDF])
    make.checkpoint()
    answer = ministry.get(ENTRIES, start=0, end=10_000)
    assert of_claims(answer) == [("claim.submitted", str(claim.public_id))]
    for line in answer.json()["results"]:
        entry = Entry.objects.get(leaf__index=line["index"])
        assert line["leaf_hash"] == entry.leaf_hash.hex()
        if line["body"] is not None:
            hashed = b"\0" + bytes.fromhex(line["salt"]) + line["body"].encode()
            assert sha256(hashed).hexdigest() == line["leaf_hash"]
    assert [error.message for error in fitting("LedgerEntries").iter_errors(answer.json())] == []


def test_of_all_other_entries_there_is_the_leaf_hash_so_that_the_tree_can_be_made(
    program: Callable[..., Any], client: Client
):
    ministry = program(terms=DEMO_TERMS, scopes="ledger:read")
    make.claim()
    size = make.checkpoint().size
    found = ministry.get(ENTRIES, start=0, end=size - 1).json()["results"]
    assert [line["index"] for line in found] == list(range(size))
    root = tree.root_of([bytes.fromhex(line["leaf_hash"]) for line in found])
    assert root == notes.Checkpoint.parse(notes.text_of(client.get(CHECKPOINT).text)).root


def test_internal_entries_are_handed_to_nobody(program: Callable[..., Any]):
    ministry = program(terms=ALL, scopes="ledger:read")
    make.claim()
    make.checkpoint()
    assert Entry.objects.filter(is_open=False).exists()
    assert all(body["open"] for body in given(ministry.get(ENTRIES, start=0, end=999)).values())


def test_entries_about_claims_outside_the_agreement_are_not_handed_over(program: Callable[..., Any]):
    make.claim()
    make.checkpoint()
    elsewhere = program("Elsewhere", terms=replace(ALL, regions=("UA-46",)), scopes="ledger:read")
    assert of_claims(elsewhere.get(ENTRIES, start=0, end=999)) == []
    recorded_only = program("Recorded", terms=replace(ALL, states=("recorded",)), scopes="ledger:read")
    assert of_claims(recorded_only.get(ENTRIES, start=0, end=999)) == []


def test_an_entry_that_tells_of_a_section_which_is_not_granted_is_not_handed_over(
    program: Callable[..., Any],
):
    make.claim()  # the entry says what was consented to
    make.checkpoint()
    without = program("Without", terms=replace(ALL, sections=("place",)), scopes="ledger:read")
    assert of_claims(without.get(ENTRIES, start=0, end=999)) == []


def test_an_entry_tells_nobody_where_the_claim_stood_outside_the_agreement(program: Callable[..., Any]):
    make.claim()
    body = json.loads(Entry.objects.filter(kind="claim.submitted").latest("id").body)
    here = body["after"] | {"region": "UA-30"}
    for number, before in enumerate((here, here | {"region": "UA-46"})):
        told = body | {"before": before, "after": here}
        text = json.dumps(told, separators=(",", ":"), sort_keys=True)
        Entry.objects.create(salt=bytes([number] * 16), body=text)
    make.checkpoint()
    kyiv = program("Kyiv", terms=replace(ALL, regions=("UA-30",)), scopes="ledger:read")
    handed = given(kyiv.get(ENTRIES, start=0, end=999)).values()
    assert [told["before"] for told in handed if told["claim"]] == [here]


def test_a_claim_that_was_filed_anew_does_not_give_the_earlier_one_away(program: Callable[..., Any]):
    earlier = make.claim()
    ministry = program(terms=replace(ALL, states=("submitted",)), scopes="ledger:read")
    make.withdraw(earlier)
    make.claim()
    body = json.loads(Entry.objects.filter(kind="claim.submitted").latest("id").body)
    body["facts"]["refiles"] = earlier.number
    Entry.objects.create(salt=bytes(16), body=json.dumps(body, separators=(",", ":"), sort_keys=True))
    make.checkpoint()
    handed = given(ministry.get(ENTRIES, start=0, end=999)).values()
    assert [body for body in handed if "refiles" in body["facts"]] == []


def test_entries_come_a_thousand_at_a_time(program: Callable[..., Any], published: int):
    ministry = program(terms=ALL, scopes="ledger:read")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_entry (salt, body) SELECT decode(md5(random()::text), 'hex'), body"
            " FROM (SELECT body FROM ledger_entry LIMIT 1) AS entry, generate_series(1, 800)"
        )
    size = make.checkpoint().size
    first = ministry.get(ENTRIES, start=0, end=size - 1).json()
    assert (len(first["results"]), first["next_start"]) == (1000, 1000)
    rest = ministry.get(ENTRIES, start=1000, end=size - 1).json()
    assert (len(rest["results"]), rest["next_start"]) == (size - 1000, None)
    assert ministry.get(ENTRIES, start=size, end=size + 5).json() == {"results": [], "next_start": None}
    whole = ministry.get(ENTRIES, start=0, end=999).json()
    assert (len(whole["results"]), whole["next_start"]) == (1000, None)


def test_entries_cost_few_queries_however_many(
    program: Callable[..., Any], published: int, django_assert_max_num_queries: Any
):
    ministry = program(terms=ALL, scopes="ledger:read")
    for name in ("olena", "taras", "iryna"):
        make.claim(by=name)
    make.checkpoint()
    with django_assert_max_num_queries(8):
        ministry.get(ENTRIES, start=0, end=999)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"start": 5, "end": 4}, "end"),
        ({"start": -1, "end": 4}, "start"),
        ({"end": 4}, "start"),
        ({"start": 4}, "end"),
        ({"start": 0, "end": 2**63}, "end"),
    ],
)
def test_impossible_ranges_of_entries_get_a_sentence(
    program: Callable[..., Any], query: dict[str, Any], parameter: str
):
    ministry = program(terms=ALL, scopes="ledger:read")
    assert refused(ministry.get(ENTRIES, **query), parameter).endswith(".")


def test_entries_need_their_own_scope(program: Callable[..., Any], client: Client):
    assert client.get(ENTRIES, {"start": 0, "end": 1}).status_code == 401
    ministry = program(terms=ALL, scopes="claims:read evidence:read")
    assert ministry.get(ENTRIES, start=0, end=1).status_code == 403
    assert "Access-Control-Allow-Origin" not in client.get(ENTRIES, {"start": 0, "end": 1}).headers


def test_the_addresses_have_names():
    assert reverse("partners:tile", args=["0/x001/234.p/5"]) == f"{LOG}/tile/0/x001/234.p/5"
    assert reverse("partners:checkpoint") == CHECKPOINT
