"""Each look at evidence is written down, in the partition of its month."""

import uuid
from datetime import UTC, datetime

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from claims import access
from claims.models import Access
from evidence.models import CustodyEvent
from ledger.log import SYSTEM
from registry import working
from tests import make

pytestmark = pytest.mark.django_db


def partition(look):
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM claims_access WHERE id = %s", [look.id])
        return cursor.fetchone()[0]


def partitions():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'claims_access'::regclass"
        )
        return {name for (name,) in cursor.fetchall()}


def look(at):
    return Access.objects.create(
        at=at, claim=uuid.uuid4(), actor_kind="person", actor_id="1", office="reviewer", purpose="review"
    )


def make_month(day):
    with connection.cursor() as cursor:
        cursor.execute("SELECT claims_access_month(%s)", [day])


def test_downloading_ones_own_evidence_is_written_down(signed_in):
    claim = make.claim(files=[make.PDF])
    received = claim.attachments.get().evidence_file
    url = reverse("claims:file", args=[claim.public_id, received.public_id])
    answer = signed_in("olena").get(url)
    assert b"".join(answer.streaming_content) == make.PDF
    written = Access.objects.get()
    assert (written.claim, written.file) == (claim.public_id, received.public_id)
    assert (written.actor_kind, written.actor_id) == ("person", str(claim.filed_by.public_id))
    assert (written.office, written.purpose) == ("claimant", "own_claim")
    last = CustodyEvent.objects.filter(evidence_public_id=received.public_id).latest("id")
    assert (last.kind, last.actor_id) == ("downloaded", str(claim.filed_by.public_id))


def test_a_file_that_was_not_handed_out_leaves_no_trace(signed_in):
    claim = make.claim(files=[make.PDF])
    url = reverse("claims:file", args=[claim.public_id, claim.attachments.get().evidence_file.public_id])
    assert signed_in("petro").get(url).status_code == 404
    assert not Access.objects.exists()


def test_a_file_that_cannot_be_read_is_explained_and_not_counted_as_handed_out(signed_in, evidence_dir):
    claim = make.claim(files=[make.PDF])
    for path in evidence_dir.rglob("*-*"):
        path.unlink()
    url = reverse("claims:file", args=[claim.public_id, claim.attachments.get().evidence_file.public_id])
    assert signed_in("olena").get(url).status_code == 503
    assert not Access.objects.exists()


def test_a_look_lies_in_the_partition_of_its_month():
    access.record(make.draft(), by=SYSTEM, office="system", purpose="test")
    assert partition(Access.objects.get()) == f"claims_access_{timezone.now():%Y_%m}"


def test_room_is_made_for_the_coming_months():
    access.make_partitions(months=14)
    now = timezone.now()
    months = [now.year * 12 + now.month - 1 + n for n in range(15)]
    assert {f"claims_access_{m // 12}_{m % 12 + 1:02}" for m in months} <= partitions()


def test_making_room_again_changes_nothing():
    access.make_partitions()
    before = partitions()
    access.make_partitions()
    assert partitions() == before


def test_months_begin_and_end_at_midnight_utc():
    make_month("2090-05-31")
    assert partition(look(datetime(2090, 5, 1, tzinfo=UTC))) == "claims_access_2090_05"
    assert partition(look(datetime(2090, 5, 31, 23, 59, 59, tzinfo=UTC))) == "claims_access_2090_05"
    assert partition(look(datetime(2090, 6, 1, tzinfo=UTC))) == "claims_access_other"


def test_a_month_whose_room_was_made_too_late_stays_where_it_is():
    early = look(datetime(2090, 5, 7, tzinfo=UTC))
    make_month("2090-05-31")
    assert partition(early) == "claims_access_other"
    assert partition(look(datetime(2090, 5, 8, tzinfo=UTC))) == "claims_access_other"


def test_the_worker_keeps_the_house_in_order():
    now = timezone.now()
    Session.objects.create(session_key="over", expire_date=now - timezone.timedelta(hours=1))
    Session.objects.create(session_key="goes-on", expire_date=now + timezone.timedelta(hours=1))
    working.keep_house()
    assert [s.session_key for s in Session.objects.all()] == ["goes-on"]
    assert len(partitions()) >= 5
