"""The stream: everything once, in blocks, resumable, and a connection that can be used again afterwards."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection, connections
from django.urls import reverse
from psycopg.pq import TransactionStatus

from claims.mandates import SECTIONS
from claims.models import Claim, ClaimVersion, State
from ledger import sealing
from ledger.models import Leaf
from partners import agreements, changes, feed
from partners.agreements import OPEN_STATES, Terms
from tests import make

ALL = Terms(categories=None, regions=None, states=OPEN_STATES, sections=SECTIONS)
NDJSON = "application/x-ndjson"
CLAIMS = reverse("partners:claims")


@pytest.fixture
def five(_django_db_marker):
    return sorted(make.claim(by=f"person{n}").number for n in range(5))


def lines(**how):
    return b"".join(feed.stream(ALL, **how)).splitlines()


def numbers(**how):
    return [json.loads(line)["number"] for line in lines(**how)]


def copies():
    """How many COPY run in this test's database just now."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_progress_copy WHERE datname = current_database()")
        return cursor.fetchone()[0]


# --- Everything once ---


@pytest.mark.django_db
@pytest.mark.parametrize("window", [1, 2, 5, 100])
def test_blocks_of_any_size_make_the_same_stream(five, monkeypatch, window):
    monkeypatch.setattr(feed, "WINDOW", window)
    assert numbers() == five


@pytest.mark.django_db
@pytest.mark.parametrize("size", [1, 5000, 10**6])
def test_chunks_of_any_size_make_the_same_stream(five, monkeypatch, size):
    monkeypatch.setattr(feed, "CHUNK_BYTES", size)
    chunks = list(feed.stream(ALL))
    assert all(chunk.endswith(b"\n") for chunk in chunks)
    assert [json.loads(line)["number"] for line in b"".join(chunks).splitlines()] == five
    assert len(chunks) == {1: 5, 10**6: 1}.get(size, len(chunks))


@pytest.mark.django_db
def test_a_stream_that_broke_off_is_resumed_after_the_last_number(five):
    for n, number in enumerate(five):
        assert numbers(after=number) == five[n + 1 :]
    assert numbers(after="UA") == five


@pytest.mark.django_db
def test_a_reader_can_ask_for_a_last_line_that_counts(five):
    assert json.loads(lines(end=True)[-1]) == {"type": "end", "count": 5}
    assert json.loads(lines(end=True, after=five[1])[-1]) == {"type": "end", "count": 3}
    assert lines() == lines(end=True)[:-1]


@pytest.mark.django_db
def test_an_empty_register_is_an_empty_stream():
    assert lines() == []
    assert lines(end=True) == [b'{"type":"end","count":0}']


@pytest.mark.django_db
def test_a_block_without_covered_claims_is_passed_by(five, monkeypatch):
    monkeypatch.setattr(feed, "WINDOW", 1)
    Claim.objects.filter(number__in=five[1:4]).update(state=State.WITHDRAWN)
    terms = Terms(categories=None, regions=None, states=("submitted",), sections=("core",))
    found = b"".join(feed.stream(terms, end=True)).splitlines()
    assert [json.loads(line).get("number", "end") for line in found] == [five[0], five[4], "end"]


@pytest.mark.django_db
def test_a_claim_submitted_into_the_block_in_between_pushes_no_other_out(five, monkeypatch):
    """The end of a block is looked up before the block is read."""
    monkeypatch.setattr(feed, "WINDOW", 2)
    look_up = feed._window

    def while_others_submit(after, size):
        found = look_up(after, size)
        if not after:
            late = Claim.objects.get(number=five[4])
            version = late.versions.get()
            late.pk, late.public_id, late.number = None, uuid.uuid4(), "UA-0000-0000-0"
            late.save(force_insert=True)
            version.pk, version.claim = None, late
            version.save(force_insert=True)
        return found

    monkeypatch.setattr(feed, "_window", while_others_submit)
    assert numbers() == ["UA-0000-0000-0", *five]


# --- The index to follow from ---


@pytest.mark.django_db
def test_the_index_is_the_last_sealed_one():
    while sealing.seal():
        pass
    last = Leaf.objects.order_by("-index")[0].index
    assert feed.ledger_index() == last
    make.claim()
    assert feed.ledger_index() == last
    sealing.seal()
    assert feed.ledger_index() == Leaf.objects.order_by("-index")[0].index > last


@pytest.mark.django_db
@pytest.mark.parametrize("accept", ["application/json", NDJSON])
def test_the_api_tells_an_index_that_is_older_than_whatever_it_reads(program, monkeypatch, accept):
    ministry = program(terms=ALL)
    while sealing.seal():
        pass
    before = feed.ledger_index()
    read_terms = agreements.current

    def while_others_act(partner):
        claim = make.claim()
        sealing.seal()
        monkeypatch.setattr(agreements, "current", read_terms)
        numbers.append(claim.number)
        return read_terms(partner)

    numbers = []
    monkeypatch.setattr(agreements, "current", while_others_act)
    answer = ministry.get(CLAIMS, accept=accept)
    assert numbers[0].encode() in b"".join(answer)
    assert int(answer["Ledger-Index"]) == before
    told = changes.after(ministry.partner, after=before, limit=100).results
    assert [item["number"] for item in told] == numbers


class TestOfAnEmptyLedger:
    @pytest.fixture
    def database_template(self):
        return "registry_bare"

    @pytest.mark.django_db
    def test_the_index_is_minus_one(self):
        assert feed.ledger_index() == -1


# --- The connection afterwards ---

COPIES = 150  # of a claim with a section of 200 kB: far more than fits between server and client
CLAIM = "INSERT INTO claims_claim ({0}) SELECT {1} FROM claims_claim, generate_series(1, %s) AS n"
VERSION = (
    "INSERT INTO claims_claimversion ({0}) SELECT {1} FROM claims_claimversion AS v"
    " JOIN claims_claim AS c ON c.id <> v.claim_id"
)


def copy_rows(model, statement, parameters=(), **changes):
    """A row for each that the statement finds, with these columns (SQL) instead of the first row's."""
    columns = [f.column for f in model._meta.concrete_fields if not f.primary_key]
    values = [changes.get(column, column) for column in columns]
    with connection.cursor() as cursor:
        cursor.execute(statement.format(", ".join(columns), ", ".join(values)), parameters)


@pytest.fixture
def many(_django_db_marker):
    make.claim()
    number = "'UA-' || to_char(n, 'FM0000') || '-0000-0'"
    copy_rows(Claim, CLAIM, [COPIES], public_id="gen_random_uuid()", number=number)
    long = "'{\"' || repeat('x', 200000) || '\":1}'"
    names = {c: f"v.{c}" for c in (f.column for f in ClaimVersion._meta.concrete_fields)}
    copy_rows(ClaimVersion, VERSION, **{**names, "claim_id": "c.id", "account": long})
    return COPIES + 1


@pytest.mark.committing
def test_when_the_client_goes_away_the_copy_ends_and_the_connection_is_free(many):
    stream = feed.stream(ALL)
    assert next(stream)
    assert copies() == 1
    stream.close()
    assert copies() == 0
    assert Claim.objects.count() == many
    assert len(lines()) == many


@pytest.mark.committing
def test_when_the_client_of_the_api_goes_away_its_server_can_answer_the_next_one(many, program):
    ministry = program(terms=ALL)
    answer = ministry.get(CLAIMS, accept=NDJSON)
    assert next(iter(answer.streaming_content))
    assert copies() == 1
    answer.close()
    assert copies() == 0
    assert len(ministry.get(CLAIMS, limit=1000).json()["results"]) == many


@pytest.mark.committing
def test_a_stream_that_nobody_reads_runs_no_copy(many, program):
    answer = program(terms=ALL).get(CLAIMS, accept=NDJSON)
    assert copies() == 0
    answer.close()
    assert Claim.objects.count() == many


@pytest.mark.committing
def test_when_the_database_goes_away_the_stream_says_so_and_the_next_one_is_whole(many):
    stream = feed.stream(ALL, end=True)
    assert next(stream)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(end_other_sessions).result()
    with pytest.raises(OperationalError):
        list(stream)
    connection.close_if_unusable_or_obsolete()  # as after each request
    assert json.loads(lines(end=True)[-1]) == {"type": "end", "count": many}


def end_other_sessions():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
        )
    connection.close()


@pytest.mark.committing
def test_streams_do_not_hold_a_transaction_between_two_blocks(many, monkeypatch):
    """A long pull must not keep PostgreSQL from cleaning up."""
    monkeypatch.setattr(feed, "WINDOW", 10)
    look_up = feed._window
    ages = []

    def asking(after, size):
        ages.append(connection.connection.info.transaction_status)
        return look_up(after, size)

    monkeypatch.setattr(feed, "_window", asking)
    assert len(lines()) == many
    assert set(ages[1:]) == {TransactionStatus.IDLE}
