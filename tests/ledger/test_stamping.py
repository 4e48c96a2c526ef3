"""Checkpoints get outside time once a day, from an authority that may fail in any way, and keep it."""

import logging
import math
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone

from ledger import notes, proofs, stamping, timestamps
from ledger.models import Checkpoint, Entry, Timestamp
from ledger.sealing import seal
from ledger.timestamps import HASHES, TimestampWrong
from registry import metrics, working
from tests.ledger.authority import DAY, NOW, POLICY, Authority, Issuer, Server, serve

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def authority(tmp_path: Path, issuer: Issuer) -> Authority:
    return Authority(tmp_path / "authority", issuer)


@pytest.fixture
def server(
    authority: Authority, issuer: Issuer, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """The authority that the settings name; what it does can be changed."""
    monkeypatch.setattr(stamping, "_plan", stamping._Plan())
    with serve(authority.answer) as server:
        (tmp_path / "roots.pem").write_bytes(issuer.pem)
        settings.LEDGER_TSA_URL, settings.LEDGER_TSA_ROOTS = server.url, tmp_path / "roots.pem"
        yield server


@pytest.fixture
def publish(note: Callable[..., Entry], settings: Any) -> Callable[..., Checkpoint]:
    """A checkpoint over one entry more."""

    def publish(signed_at: datetime | None = None) -> Checkpoint:
        note()
        while seal():
            pass
        size = proofs.size()
        text = notes.Checkpoint(settings.LEDGER_ORIGIN, size, proofs.root(size)).text
        return Checkpoint.objects.create(
            size=size,
            root=proofs.root(size),
            note=notes.sign(text, notes.SigningKey.parse(settings.LEDGER_KEY)),
            signed_at=signed_at or timezone.now(),
        )

    return publish


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Our clock, for when something is due. The authority has its own."""
    passed = timedelta()
    now, monotonic = timezone.now, time.monotonic
    monkeypatch.setattr(stamping.timezone, "now", lambda: now() + passed)
    monkeypatch.setattr(stamping.time, "monotonic", lambda: monotonic() + passed.total_seconds())
    monkeypatch.setattr(stamping, "CLOCKS_APART", 9999 * DAY)

    def forward(by: timedelta) -> None:
        nonlocal passed
        passed += by

    return forward


HOUR = timedelta(hours=1)


# --- Once a day ---


def test_the_newest_checkpoint_is_stamped(server: Server, publish: Callable[..., Checkpoint]):
    publish()
    newest = publish()
    assert stamping.stamp_due() == 1
    row = Timestamp.objects.get()
    assert (row.checkpoint, row.place, row.algorithm) == (newest, 0, "sha256")
    assert abs(timezone.now() - row.stamped_at) < timedelta(minutes=1)
    assert row.good_until == NOW + 1000 * DAY
    assert row.algorithms == ["ecdsa-secp256r1", "ecdsa-secp384r1", "sha256", "sha512"]
    assert server.asked[0]["content-type"] == "application/timestamp-query"


def test_the_next_one_comes_a_day_later_and_only_if_the_log_grew(
    server: Server, publish: Callable[..., Checkpoint], clock: Callable[[timedelta], None]
):
    publish()
    assert stamping.stamp_due() == 1
    publish()
    clock(23 * HOUR)
    assert stamping.stamp_due() == 0
    clock(2 * HOUR)
    assert stamping.stamp_due() == 1
    clock(25 * HOUR)
    assert stamping.stamp_due() == 0
    assert len(server.asked) == 2


def test_how_often_is_a_setting(
    server: Server, publish: Callable[..., Checkpoint], clock: Callable[[timedelta], None], settings: Any
):
    settings.LEDGER_STAMP_HOURS = 1
    publish()
    stamping.stamp_due()
    publish()
    clock(1.1 * HOUR)
    assert stamping.stamp_due() == 1


def test_without_an_authority_nothing_is_stamped(publish: Callable[..., Checkpoint], settings: Any):
    checkpoint = publish()
    assert settings.LEDGER_TSA_URL == ""
    assert stamping.stamp_due() == 0
    assert stamping.for_receipt(checkpoint.size) is None
    assert stamping.stamped_checkpoint(1) is None
    assert stamping.unstamped_age() is None
    assert stamping.soonest_end() is None
    assert set(figures().values()) == {0, math.inf}


def test_a_look_at_the_database_is_taken_once_a_minute(
    server: Server, django_assert_num_queries: Any, clock: Callable[[timedelta], None]
):
    stamping.stamp_due()
    with django_assert_num_queries(0):
        stamping.stamp_due()
    clock(timedelta(minutes=2))
    with django_assert_num_queries(4):
        stamping.stamp_due()


def test_policy_hash_and_sign_in_are_as_set(
    server: Server, publish: Callable[..., Checkpoint], settings: Any
):
    settings.LEDGER_TSA_URL = server.url.replace("http://", "http://registry:p%40ss@")
    settings.LEDGER_TSA_POLICY, settings.LEDGER_STAMP_HASH = POLICY, "sha3-256"
    publish()
    assert stamping.stamp_due() == 1
    assert Timestamp.objects.get().algorithm == "sha3-256"
    assert server.asked[0]["authorization"] == "Basic cmVnaXN0cnk6cEBzcw=="


def test_the_worker_does_it(server: Server):
    assert stamping.stamp_due in working.tasks()


def test_the_settings_take_each_hash_that_is_known():
    source = Path("registry/settings.py").read_text()
    assert all(f'"{name}"' in source for name in HASHES)


# --- An authority that fails ---


def not_stamped() -> str:
    with pytest.raises(stamping.NotStamped) as problem:
        stamping.stamp_newest()
    assert not Timestamp.objects.exists()
    return str(problem.value)


def test_an_expired_certificate(
    server: Server, publish: Callable[..., Checkpoint], tmp_path: Path, issuer: Issuer
):
    expired = Authority(tmp_path / "expired", issuer, since=NOW - 9 * DAY, until=NOW - DAY)
    server.behave = expired.answer
    publish()
    assert not_stamped().startswith("The authority's certificate was good from")


def test_another_root(server: Server, publish: Callable[..., Checkpoint], tmp_path: Path):
    server.behave = Authority(tmp_path / "other", Issuer()).answer
    publish()
    assert "leads to none of the given roots" in not_stamped()


def answering(make: Callable[[timestamps.tsp.TimeStampReq], bytes]) -> Callable[[bytes], bytes]:
    """Grants whatever token is made for the request."""

    def answer(query: bytes) -> bytes:
        token = make(timestamps.tsp.TimeStampReq.load(query))
        granted = {
            "status": {"status": "granted"},
            "time_stamp_token": timestamps.cms.ContentInfo.load(token),
        }
        return bytes(timestamps.tsp.TimeStampResp(granted).dump())

    return answer


def imprint(query: timestamps.tsp.TimeStampReq) -> bytes:
    return bytes(query["message_imprint"]["hashed_message"].native)


def test_a_certificate_for_other_uses(
    server: Server, publish: Callable[..., Checkpoint], tmp_path: Path, issuer: Issuer
):
    wrong = Authority(tmp_path / "wrong", issuer, purposes=None)
    server.behave = answering(
        lambda query: wrong.token("sha256", imprint(query), NOW, nonce=query["nonce"].native)
    )
    publish()
    assert not_stamped() == "The authority's certificate is not for stamping time."


def test_an_answer_for_another_digest(
    server: Server, publish: Callable[..., Checkpoint], authority: Authority
):
    server.behave = answering(
        lambda query: authority.token("sha256", bytes(32), NOW, nonce=query["nonce"].native)
    )
    publish()
    assert not_stamped().startswith("The stamp is for something else")


def test_an_answer_to_another_request(
    server: Server, publish: Callable[..., Checkpoint], authority: Authority
):
    server.behave = answering(lambda query: authority.token("sha256", imprint(query), NOW, nonce=7))
    publish()
    assert not_stamped() == "The stamp answers another request: its nonce is not ours."


def test_an_authority_whose_clock_is_elsewhere(
    server: Server, publish: Callable[..., Checkpoint], authority: Authority
):
    server.behave = answering(
        lambda query: authority.token("sha256", imprint(query), NOW - 2 * HOUR, nonce=query["nonce"].native)
    )
    publish()
    assert not_stamped().startswith("The stamp says ")


def test_garbage_a_refusal_and_too_much(server: Server, publish: Callable[..., Checkpoint], settings: Any):
    publish()
    server.behave = lambda query: b"<html>Welcome to the hotel's network</html>"
    assert not_stamped() == "The answer is no RFC 3161 answer: it cannot be read."
    server.behave = lambda query: bytes(70_000)
    assert not_stamped() == "The authority's answer is longer than 65536 bytes."


def test_a_refusal_is_told_with_its_reason(server: Server, publish: Callable[..., Checkpoint], settings: Any):
    publish()
    settings.LEDGER_TSA_POLICY = "1.2.3.4.99"
    assert not_stamped() == "The authority refused to stamp: it does not stamp under this policy."


def test_a_status_and_a_redirect(server: Server, publish: Callable[..., Checkpoint]):
    def answer(status: int, *headers: tuple[str, str]) -> None:
        server.handler.send_response(status)
        for header in (*headers, ("Content-Length", "0")):
            server.handler.send_header(*header)
        server.handler.end_headers()

    publish()
    server.behave = lambda query: answer(503)
    assert not_stamped() == "The authority answered with the HTTP status 503."
    server.behave = lambda query: answer(302, ("Location", server.url))
    assert not_stamped() == "The authority answered with the HTTP status 302."
    assert len(server.asked) == 2


def test_nobody_there(publish: Callable[..., Checkpoint], server: Server, settings: Any):
    publish()
    settings.LEDGER_TSA_URL = "http://127.0.0.1:1/"
    assert not_stamped() == "The authority was not reached (URLError)."


def test_an_authority_that_hangs(
    server: Server, publish: Callable[..., Checkpoint], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stamping, "SILENT", 0.2)
    server.behave = lambda query: time.sleep(0.6)
    publish()
    assert not_stamped() == "The authority was silent for 0.2 seconds."


def test_an_authority_that_never_comes_to_an_end(
    server: Server, publish: Callable[..., Checkpoint], monkeypatch: pytest.MonkeyPatch
):
    def trickle(query: bytes) -> None:
        server.handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(40):
            server.handler.wfile.write(b"X-More: yes\r\n")
            time.sleep(0.02)

    monkeypatch.setattr(stamping, "ANSWERED", 0.3)
    server.behave = trickle
    publish()
    assert not_stamped() == "The authority has not answered within 0.3 seconds."


def test_a_failure_is_logged_and_tried_again_after_pauses_that_grow(
    server: Server,
    publish: Callable[..., Checkpoint],
    clock: Callable[[timedelta], None],
    caplog: pytest.LogCaptureFixture,
    authority: Authority,
):
    server.behave = lambda query: b"no"
    publish()
    tries = []
    for minute in range(16):
        if stamping.stamp_due() == 0 and len(server.asked) > len(tries):
            tries.append(minute)
        clock(timedelta(seconds=60.1))
    assert tries == [0, 1, 3, 7, 15]
    assert caplog.messages[0] == (
        "No stamp of time was made. The answer is no RFC 3161 answer: it cannot be read. "
        "The next try is in 60 seconds."
    )
    server.behave = authority.answer
    clock(7 * HOUR)
    assert stamping.stamp_due() == 1


def figures() -> dict[str, float]:
    return {sample.name: sample.value for metric in metrics.stamps() for sample in metric.samples}


def test_how_long_there_has_been_no_stamp(server: Server, publish: Callable[..., Checkpoint]):
    assert stamping.unstamped_age() is None
    publish(signed_at=timezone.now() - 3 * DAY)
    publish()
    waited = stamping.unstamped_age()
    assert waited is not None
    assert 3 * DAY <= waited < 3 * DAY + HOUR
    assert figures()["registry_ledger_unstamped_seconds"] > 3 * 86400
    stamping.stamp_due()
    assert stamping.unstamped_age() is None
    assert figures()["registry_ledger_unstamped_seconds"] == 0


def test_two_workers_at_once_keep_one_stamp(server: Server, publish: Callable[..., Checkpoint]):
    text = stamping._text(checkpoint := publish())
    first, second = stamping._asked(text, []), stamping._asked(text, [])
    kept = stamping._keep(checkpoint, [], *first)
    with pytest.raises(stamping.NotStamped, match="Another worker"):
        stamping._keep(checkpoint, [], *second)
    assert Timestamp.objects.get() == kept


# --- Stamps stand ---


def test_a_stamp_verifies_from_the_database(server: Server, publish: Callable[..., Checkpoint]):
    checkpoint = publish()
    stamping.stamp_due()
    [stamp] = stamping.check(checkpoint)
    assert stamp.at == Timestamp.objects.get().stamped_at


@pytest.mark.parametrize(
    "change",
    [
        "token = set_byte(token, 700, (get_byte(token, 700) + 1) % 256)",
        "algorithm = 'sha512'",
        "algorithms = '{sha256}'",
        "stamped_at = stamped_at - interval '1 day'",
        "good_until = good_until + interval '1 day'",
        "place = 1",
    ],
)
@pytest.mark.committing
def test_a_changed_row_is_found(change: str, server: Server, publish: Callable[..., Checkpoint]):
    checkpoint = publish()
    stamping.stamp_due()
    tamper(change)
    with pytest.raises(TimestampWrong):
        stamping.check(checkpoint)


def tamper(change: str) -> None:
    """As whoever owns the tables could, having switched the triggers off."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_timestamp DISABLE TRIGGER USER")
        cursor.execute(f"UPDATE ledger_timestamp SET {change}")  # noqa: S608 - our own words
        cursor.execute("ALTER TABLE ledger_timestamp ENABLE TRIGGER USER")


# --- Receipts ---


def test_a_receipt_leads_to_the_oldest_stamped_checkpoint_that_covers_it(
    server: Server, publish: Callable[..., Checkpoint], clock: Callable[[timedelta], None]
):
    first = publish()
    stamping.stamp_due()
    unstamped = publish()
    second = publish()
    clock(25 * HOUR)
    stamping.stamp_due()
    assert stamping.stamped_checkpoint(1) == first
    assert stamping.stamped_checkpoint(first.size) == first
    assert stamping.stamped_checkpoint(unstamped.size) == second
    assert stamping.stamped_checkpoint(second.size + 1) is None
    assert stamping.for_receipt(unstamped.size) is None


def test_what_a_receipt_holds_verifies_without_the_register(
    server: Server, publish: Callable[..., Checkpoint], issuer: Issuer
):
    checkpoint = publish()
    stamping.stamp_due()
    member = stamping.for_receipt(checkpoint.size)
    assert member is not None
    assert (member["algorithm"], member["chain"]) == ("sha256", [])
    text = notes.text_of(checkpoint.note).encode()
    [stamp] = timestamps.verify_chain(text, timestamps.links_of(member), issuer.roots, now=timezone.now())
    assert stamp.at == Timestamp.objects.get().stamped_at


# --- Renewal ---


@pytest.fixture
def ageing(tmp_path: Path, issuer: Issuer) -> Authority:
    """Its certificate ends in thirty days."""
    return Authority(tmp_path / "ageing", issuer, until=NOW + 30 * DAY)


def test_a_stamp_whose_certificate_ends_soon_is_renewed_under_a_later_one(
    server: Server,
    publish: Callable[..., Checkpoint],
    clock: Callable[[timedelta], None],
    ageing: Authority,
    authority: Authority,
    issuer: Issuer,
):
    server.behave = ageing.answer
    checkpoint = publish()
    stamping.stamp_due()
    server.behave = authority.answer
    clock(HOUR)
    assert stamping.stamp_due() == 1
    assert [row.place for row in Timestamp.objects.order_by("id")] == [0, 1]
    member = stamping.for_receipt(checkpoint.size)
    assert member is not None
    assert len(member["chain"]) == 1
    text = notes.text_of(checkpoint.note).encode()
    links = timestamps.links_of(member)
    stamps = timestamps.verify_chain(text, links, issuer.roots, now=NOW + 500 * DAY)
    assert [stamp.good_until for stamp in stamps] == [NOW + 30 * DAY, NOW + 1000 * DAY]
    clock(HOUR)
    assert stamping.stamp_due() == 0  # it is good again


def test_a_renewal_that_would_be_no_better_is_not_kept_and_asked_for_once_a_day(
    server: Server, publish: Callable[..., Checkpoint], clock: Callable[[timedelta], None], ageing: Authority
):
    server.behave = ageing.answer
    publish()
    stamping.stamp_due()
    for _hour in range(20):
        clock(HOUR)
        assert stamping.stamp_due() == 0
    assert Timestamp.objects.count() == 1
    assert len(server.asked) == 2
    clock(6 * HOUR)
    stamping.stamp_due()
    assert len(server.asked) == 3


def test_a_stamp_by_an_ageing_algorithm_is_renewed_by_another(
    server: Server,
    publish: Callable[..., Checkpoint],
    clock: Callable[[timedelta], None],
    settings: Any,
    tmp_path: Path,
    issuer: Issuer,
):
    server.behave = Authority(tmp_path / "first", issuer, signed_with="sha384").answer
    checkpoint = publish()
    stamping.stamp_due()
    settings.LEDGER_STAMP_AGEING, settings.LEDGER_STAMP_HASH = ["sha384"], "sha3-512"
    server.behave = Authority(tmp_path / "second", issuer).answer
    clock(HOUR)
    assert stamping.stamp_due() == 1
    assert [row.algorithm for row in Timestamp.objects.order_by("place")] == ["sha256", "sha3-512"]
    assert [stamp.algorithm for stamp in stamping.check(checkpoint)] == ["sha256", "sha3-512"]


def test_renewals_come_one_at_a_time_soonest_end_first(
    server: Server,
    publish: Callable[..., Checkpoint],
    clock: Callable[[timedelta], None],
    ageing: Authority,
    authority: Authority,
    tmp_path: Path,
    issuer: Issuer,
):
    server.behave = ageing.answer
    later = publish()
    stamping.stamp_newest()
    server.behave = Authority(tmp_path / "sooner", issuer, until=NOW + 20 * DAY).answer
    sooner = publish()
    stamping.stamp_newest()
    server.behave = authority.answer
    for expected in ([sooner], [sooner, later], [sooner, later]):
        stamping.stamp_due()
        clock(timedelta(minutes=2))
        assert [row.checkpoint for row in Timestamp.objects.filter(place=1).order_by("id")] == expected


def test_the_first_chain_that_ends_is_told(
    server: Server,
    publish: Callable[..., Checkpoint],
    clock: Callable[[timedelta], None],
    ageing: Authority,
    authority: Authority,
):
    server.behave = ageing.answer
    publish()
    stamping.stamp_newest()
    ends = stamping.soonest_end()
    assert ends is not None
    assert 29 * DAY < ends < 30 * DAY
    assert 29 * 86400 < figures()["registry_ledger_stamp_ends_seconds"] < 30 * 86400
    server.behave = authority.answer
    stamping.stamp_due()
    ends = stamping.soonest_end()
    assert ends is not None
    assert ends > 900 * DAY


@pytest.mark.committing
def test_stamps_that_do_not_verify_are_told_once_and_keep_no_other_from_renewal(
    server: Server,
    publish: Callable[..., Checkpoint],
    clock: Callable[[timedelta], None],
    ageing: Authority,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
):
    server.behave = ageing.answer
    damaged = publish()
    stamping.stamp_newest()
    sound = publish()
    stamping.stamp_newest()
    tamper(
        "stamped_at = stamped_at - interval '1 day', "
        f"good_until = good_until - interval '1 day' WHERE checkpoint_id = {damaged.pk}"
    )
    server.behave = authority.answer
    with caplog.at_level(logging.CRITICAL):
        for _minute in range(3):
            stamping.stamp_due()
            clock(timedelta(minutes=2))
    assert Timestamp.objects.get(place=1).checkpoint == sound
    assert caplog.messages == [
        f"The stamps of checkpoint {damaged.size} do not verify: "
        "The row of stamp 1 says something else than its token."
    ]


def test_roots_that_cannot_be_read_are_no_fault_of_the_stamps(
    server: Server,
    publish: Callable[..., Checkpoint],
    clock: Callable[[timedelta], None],
    ageing: Authority,
    authority: Authority,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
):
    server.behave = ageing.answer
    publish()
    stamping.stamp_newest()
    settings.LEDGER_TSA_ROOTS, roots = Path("/nowhere/roots.pem"), settings.LEDGER_TSA_ROOTS
    stamping.stamp_due()
    assert "The file that LEDGER_TSA_ROOTS names cannot be read." in caplog.messages[-1]
    settings.LEDGER_TSA_ROOTS = roots
    server.behave = authority.answer
    clock(HOUR)
    assert stamping.stamp_due() == 1


# --- By hand ---


def test_an_operator_tries_it_by_hand(server: Server, publish: Callable[..., Checkpoint], settings: Any):
    publish()
    server.behave = lambda query: b"no"
    with pytest.raises(CommandError, match="it cannot be read"):
        call_command("stamp_checkpoint")
    settings.LEDGER_TSA_URL = ""
    with pytest.raises(CommandError, match="LEDGER_TSA_URL is not set"):
        call_command("stamp_checkpoint")


def test_by_hand_it_says_what_was_stamped(
    server: Server, publish: Callable[..., Checkpoint], capsys: pytest.CaptureFixture[str]
):
    checkpoint = publish()
    call_command("stamp_checkpoint")
    told = capsys.readouterr().out
    assert told.startswith(f"The checkpoint of {checkpoint.size} entries is stamped: ")
    assert told.endswith(f"good until {NOW + 1000 * DAY:%Y-%m-%d}.\n")
    call_command("stamp_checkpoint")
    assert capsys.readouterr().out == "All that is published is stamped already.\n"
