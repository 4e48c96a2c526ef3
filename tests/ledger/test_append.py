"""What an entry says, byte for byte, and what may not be entered."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from ledger.log import SYSTEM, Actor, Digest, FactsRefused, Kind, Standing, append, salted_digest
from ledger.models import Entry, Leaf
from ledger.sealing import seal

pytestmark = pytest.mark.django_db

SUBMITTED = Kind(
    "claim.submitted",
    is_open=True,
    facts={
        "number": str,
        "evidence": list[Digest],
        "consents": dict[str, bool],
        "places": int,
        "reason": str | None,
    },
)
OLENA = Actor("person", "5f0c8e0a-4a37-4f0e-9a53-5d2b7f7f1f6e")
CLAIM = UUID("0b9f6c1e-3f7a-4f6b-8a51-2f4f0f7f9d10")
FACTS: dict[str, Any] = {
    "number": "UA-7K4M-2P9Q-F",
    "evidence": [hashlib.sha256(b"a photo").hexdigest()],
    "consents": {"international_criminal_court": True, "research": False},
    "places": 1,
}


def submit(**changes: Any) -> Entry:
    """The worked example of docs/ledger.md, but for what the test changes."""
    act: dict[str, Any] = {
        "by": OLENA,
        "office": "claimant",
        "at": datetime(2026, 3, 7, 10, 20, 30, 123456, tzinfo=UTC),
        "claim": CLAIM,
        "version": hashlib.sha256(b"a claim version").hexdigest(),
        "before": Standing("A3.1", "UA63", "draft"),
        "after": Standing("A3.1", "UA63", "submitted"),
        "facts": FACTS,
    }
    return append(SUBMITTED, **act | changes)


def enter(declared: Any, value: object) -> Entry:
    """An entry with one fact of the declared type."""
    return append(
        Kind("test.tried", False, {"fact": declared}), by=SYSTEM, office="system", facts={"fact": value}
    )


# --- The bytes ---


def documented(name: str) -> str:
    """A value of the worked example, which stands in the documentation as `name = value`."""
    text = (Path(settings.BASE_DIR) / "docs" / "ledger.md").read_text(encoding="utf-8")
    found = re.search(rf"^{name} = (.+)$", text, re.MULTILINE)
    assert found, f"docs/ledger.md gives no {name}"
    return found[1]


def test_the_body_is_the_documented_one_byte_for_byte():
    assert submit().body == documented("body")


def test_the_leaf_hash_is_the_documented_one_and_needs_only_hashlib():
    salt, body = bytes.fromhex(documented("salt")), documented("body").encode()
    assert hashlib.sha256(b"\x00" + salt + body).hexdigest() == documented("leaf_hash")
    entry = Entry.objects.create(salt=salt, body=body.decode())
    seal()
    assert Leaf.objects.get(entry=entry).hash.hex() == documented("leaf_hash")
    assert entry.leaf_hash.hex() == documented("leaf_hash")


def test_two_entries_that_say_the_same_have_different_salts():
    assert submit().salt != submit().salt


def test_the_columns_are_what_the_body_says():
    entry = Entry.objects.get(pk=submit().pk)
    assert (entry.kind, entry.is_open) == ("claim.submitted", True)
    assert entry.at == datetime(2026, 3, 7, 10, 20, 30, 123456, tzinfo=UTC)
    assert entry.claim == CLAIM


def test_what_an_act_does_not_concern_is_null():
    entry = append(Kind("sign_in.failed", is_open=False), by=SYSTEM, office="system")
    body = json.loads(entry.body)
    assert [body[key] for key in ("claim", "version", "before", "after", "facts")] == [None] * 4 + [{}]
    assert (entry.claim, entry.is_open) == (None, False)


def test_keys_are_in_the_order_of_rfc_8785_which_counts_utf_16_units():
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f602", "\x80", "\xf6"]  # the example of RFC 8785, 3.2.3
    entry = enter(dict[str, bool], dict.fromkeys(keys, True))
    in_order = ["\r", "1", "\x80", "\xf6", "\u20ac", "\U0001f602", "\ufb33"]
    assert list(json.loads(entry.body)["facts"]["fact"]) == in_order


def test_letters_of_every_script_are_written_as_they_are():
    assert '"fact":"П’ять «ї» \\"\\\\ 😂"' in enter(str, 'П’ять «ї» "\\ 😂').body


def test_times_of_any_zone_are_written_in_utc_with_microseconds():
    kyiv = timezone(timedelta(hours=2))
    entry = submit(at=datetime(2026, 3, 7, 12, 20, 30, tzinfo=kyiv))
    assert json.loads(entry.body)["at"] == "2026-03-07T10:20:30.000000Z"


def test_without_a_time_an_entry_is_of_now():
    entry = submit(at=None)
    assert timedelta(0) <= datetime.now(UTC) - entry.at < timedelta(minutes=1)


def test_an_optional_fact_that_is_none_is_left_out():
    assert submit(facts=FACTS | {"reason": None}).body == submit().body
    assert json.loads(submit(facts=FACTS | {"reason": "late"}).body)["facts"]["reason"] == "late"


def test_a_choice_is_written_as_its_value():
    class State(StrEnum):
        DRAFT = "draft"

    assert '"fact":"draft"' in enter(str, State.DRAFT).body


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        (int, 2**53 - 1),
        (int, 1 - 2**53),
        (bool, False),
        (str, ""),
        (str, "x" * 200),
        (Digest, "0" * 64),
        (list[str], []),
        (list[Digest], ["f" * 64]),
        (dict[str, bool], {}),
        (int | None, 0),
    ],
)
def test_a_fact_comes_back_as_it_was_entered(declared: Any, value: object):
    assert json.loads(enter(declared, value).body)["facts"] == {"fact": value}


def test_free_text_is_named_by_a_salted_digest():
    assert salted_digest(b"salt", "текст".encode()) == hashlib.sha256(b"salt" + "текст".encode()).hexdigest()


# --- The refusals ---


@pytest.mark.parametrize(
    ("declared", "value", "sentence"),
    [
        (str, 1, "the fact fact must be a text"),
        (str, Decimal("1.50"), "the fact fact must be a text"),
        (str, b"bytes", "the fact fact must be a text"),
        (int, "1", "the fact fact must be an integer"),
        (int, True, "the fact fact must be an integer"),
        (int, 1.0, "the fact fact must be an integer"),
        (bool, 1, "the fact fact must be true or false"),
        (Digest, "A" * 64, "the fact fact must be 64 lower-case hex digits"),
        (Digest, "a" * 63, "the fact fact must be 64 lower-case hex digits"),
        (Digest, "a" * 64 + "\n", "the fact fact must be 64 lower-case hex digits"),
        (list[str], "abc", "the fact fact must be a list of texts"),
        (list[str], [1], "the fact fact must be a list of texts"),
        (list[Digest], ["a"], "the fact fact must be a list of 64 lower-case hex digits each"),
        (dict[str, bool], {"a": 1}, "the fact fact must be texts that are each true or false"),
        (dict[str, bool], {1: True}, "the fact fact must be texts that are each true or false"),
        (dict[str, bool], ["a"], "the fact fact must be texts that are each true or false"),
        (int, 2**53, "facts.fact is an integer above 2^53; write it as a text"),
        (int, -(2**53), "facts.fact is an integer above 2^53; write it as a text"),
        (str, "a\0b", "facts.fact holds a NUL"),
        (list[str], ["a", "\0"], "facts.fact holds a NUL"),
        (dict[str, bool], {"a\0": True}, "facts.fact holds a NUL"),
        (str, "a\ud83d", "facts.fact holds half a surrogate pair"),
        (str, "x" * 201, "facts.fact is longer than 200 characters"),
        (str, None, "the fact fact is missing"),
    ],
)
def test_a_fact_that_does_not_fit_is_refused_by_name(declared: Any, value: object, sentence: str):
    with pytest.raises(FactsRefused, match=f"^test.tried: {re.escape(sentence)}.$"):
        enter(declared, value)


def test_a_missing_fact_is_refused():
    with pytest.raises(FactsRefused, match=r"^claim\.submitted: the fact number is missing\.$"):
        submit(facts={name: value for name, value in FACTS.items() if name != "number"})


def test_a_fact_that_the_kind_does_not_know_is_refused():
    with pytest.raises(FactsRefused, match=r"^claim\.submitted: knows no fact name, phone\.$"):
        submit(facts=FACTS | {"phone": "+380", "name": "Olena"})


def test_a_refusal_never_repeats_the_value():
    with pytest.raises(FactsRefused) as refusal:
        enter(Digest, "Olena Kovalenko")
    assert "Olena" not in str(refusal.value)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"at": datetime(2026, 3, 7, 10, 20, 30)}, "at has no time zone"),  # noqa: DTZ001
        ({"version": "7"}, "version must be 64 lower-case hex digits"),
        ({"version": ""}, "version must be 64 lower-case hex digits"),
        ({"office": "\0"}, "office holds a NUL"),
        ({"by": Actor("person", "\udc00")}, "actor.id holds half a surrogate pair"),
        ({"after": Standing("A" * 201, None, "draft")}, "after.category is longer than 200 characters"),
        ({"after": Standing("A3.1", None, 1.5)}, "after.state is a float; write it as a text"),  # type: ignore[arg-type]
    ],
)
def test_the_rest_of_an_entry_is_held_to_the_same_rules(changes: dict[str, Any], sentence: str):
    with pytest.raises(FactsRefused, match=f"^claim.submitted: {re.escape(sentence)}.$"):
        submit(**changes)


def test_an_entry_that_would_not_fit_a_leaf_is_refused():
    with pytest.raises(FactsRefused, match=r"^test\.tried: the entry has \d+ bytes, more than 60000\.$"):
        enter(list[Digest], ["a" * 64] * 900)


@pytest.mark.parametrize("declared", [float, bytes, Any, list[int], str | int, int | str | None])
def test_a_kind_cannot_declare_other_types_of_facts(declared: Any):
    with pytest.raises(TypeError, match="is no type that the fact fact can have"):
        Kind("test.tried", is_open=False, facts={"fact": declared})


@pytest.mark.committing
def test_an_entry_outside_its_acts_transaction_is_refused():
    with pytest.raises(transaction.TransactionManagementError, match=r"^claim\.submitted must be entered in"):
        submit()


@pytest.mark.committing
def test_an_act_that_is_rolled_back_leaves_no_entry():
    with transaction.atomic():
        entry = submit()
        transaction.set_rollback(True)
    assert not Entry.objects.filter(pk=entry.pk).exists()


# --- The database's own refusals ---

BODY = '{"at":"2026-03-07T10:20:30.123456Z","claim":null,"kind":"test.noted","open":true}'


def insert(body: str, salt: bytes = b"s" * 16) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO ledger_entry (salt, body) VALUES (%s, %s)", [salt, body])


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not JSON",
        '"only a text"',
        "{}",
        BODY.replace("kind", "sort"),
        BODY.replace("true", "null"),
        BODY.replace("true", '"perhaps"'),
        BODY.replace("Z", ""),
        BODY.replace("Z", "+02:00"),
        BODY.replace(".123456", ""),
        BODY.replace("T", " "),
        BODY.replace("-07T", "-32T"),
        BODY.replace("2026", "0000"),
        BODY.replace("2026", "+026"),
        BODY.replace("2026", "２０２６"),
        BODY.replace("2026-03-07", "03-07-2026"),
        BODY.replace("10:20:30", "10:20:60"),
        BODY.replace("null", '"UA-7K4M-2P9Q-F"'),
        BODY.replace("true", "7"),
        BODY.replace("true", "{}"),
        BODY.replace("true", "true,"),
        BODY.replace("{", '{"actor":1e999999,'),
        BODY.replace("{", '{"actor":"\\u0000",'),
        BODY.replace("{", '{"actor":"\\ud83d",'),
        BODY.replace("test.noted", "\\u0000"),
        BODY.replace("test.noted", "\\ud83d"),
        BODY.replace("test.noted", "x" * 60_000),
    ],
)
def test_the_database_refuses_a_body_that_does_not_say_what_an_entry_must(body: str):
    with pytest.raises(DatabaseError):
        insert(body)


def test_of_a_key_that_comes_twice_all_columns_say_the_last_as_readers_of_json_do():
    insert(BODY.replace("{", '{"at":"no time","claim":"no id","kind":"test.other","open":false,'))
    entry = Entry.objects.latest("id")
    said = json.loads(entry.body)
    assert (entry.kind, entry.is_open, entry.claim) == (said["kind"], said["open"], said["claim"])
    assert f"{entry.at:%Y-%m-%dT%H:%M:%S.%fZ}" == said["at"]


@pytest.mark.parametrize("salt", [b"", b"s" * 15, b"s" * 17])
def test_the_database_refuses_a_salt_of_another_length(salt: bytes):
    with pytest.raises(DatabaseError, match="ledger_entry_salt_has_16_bytes"):
        insert(BODY, salt)


def test_the_database_refuses_columns_that_are_not_taken_from_the_body():
    with pytest.raises(DatabaseError, match="generated column"), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_entry (salt, body, kind) VALUES (%s, %s, %s)", [b"s" * 16, BODY, "test.other"]
        )
