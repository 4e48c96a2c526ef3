"""What the database refuses, whoever asks."""

import uuid

import pytest
from django.db import IntegrityError, ProgrammingError, connections, transaction
from django.db.models import F, ProtectedError
from django.utils import timezone

from evidence import custody
from evidence.models import Blob, CustodyEvent, CustodyKind, EvidenceFile, ScanState
from ledger.log import Actor

IRYNA = Actor("person", "iryna")

pytestmark = pytest.mark.django_db(databases=["default", "owner"])


def make_blob(using="default", **changes):
    facts = {"sha256": uuid.uuid4().hex * 2, "size_bytes": 1, "media_type": "text/plain", "wrapped_key": b"k"}
    facts |= {"stored_name": uuid.uuid4().hex} | changes
    return Blob.objects.using(using).create(**facts)


def make_file(using="default", **changes):
    facts = {"name": "deed.txt", "received_by_kind": "person", "received_by_id": "iryna"} | changes
    return EvidenceFile.objects.using(using).create(blob=facts.pop("blob", None) or make_blob(using), **facts)


def make_event(using="default", **changes):
    facts = {
        "evidence_public_id": uuid.uuid4(),
        "kind": "viewed",
        "actor_kind": "person",
        "actor_id": "iryna",
    }
    return CustodyEvent.objects.using(using).create(**{"sha256": "0" * 64} | facts | changes)


@pytest.mark.parametrize(
    ("constraint", "make", "changes"),
    [
        ("evidence_blob_sha256_is_hex", make_blob, {"sha256": "A" * 64}),
        ("evidence_blob_sha256_is_hex", make_blob, {"sha256": "a" * 63}),
        ("evidence_blob_not_empty", make_blob, {"size_bytes": 0}),
        ("evidence_blob_marks_known", make_blob, {"marks": ["macros", "nice"]}),
        ("evidence_file_scan_state_known", make_file, {"scan_state": "fine", "scanned_at": timezone.now()}),
        ("evidence_file_scanned_iff_scan_time", make_file, {"scan_state": "clean"}),
        ("evidence_file_scanned_iff_scan_time", make_file, {"scanned_at": timezone.now()}),
        ("evidence_custody_kind_known", make_event, {"kind": "lost"}),
        ("evidence_custody_sha256_is_hex", make_event, {"sha256": ""}),
        ("evidence_custody_names_its_actor", make_event, {"actor_kind": ""}),
    ],
)
def test_each_row_is_possible_only_as_it_can_be(constraint, make, changes):
    with pytest.raises(IntegrityError, match=constraint):
        make(**changes)


@pytest.mark.parametrize("field", ["sha256", "stored_name"])
def test_no_two_blobs_share_bytes_or_place(field):
    taken = getattr(make_blob(), field)
    with pytest.raises(IntegrityError, match=f"evidence_blob_{field}_unique"):
        make_blob(**{field: taken})


def test_a_public_id_belongs_to_one_receipt():
    with pytest.raises(IntegrityError, match="evidence_file_public_id_unique"):
        make_file(public_id=make_file().public_id)


def test_a_blob_with_a_receipt_cannot_be_deleted():
    evidence_file = make_file()
    with pytest.raises(ProtectedError):
        evidence_file.blob.delete()


@pytest.mark.parametrize("using", ["default", "owner"])
@pytest.mark.parametrize(
    ("make", "changes"),
    [
        (make_blob, {"stored_at": timezone.now}),
        (make_file, {"public_id": uuid.UUID(int=0)}),
        (make_file, {"received_at": timezone.now}),
        (make_file, {"received_by_id": "somebody else"}),
    ],
)
def test_what_was_received_is_never_rewritten(make, changes, using):
    row = make(using)
    changes = {field: value() if callable(value) else value for field, value in changes.items()}
    with pytest.raises(ProgrammingError, match="append-only"):
        type(row).objects.using(using).filter(pk=row.pk).update(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": "0" * 64},
        {"size_bytes": F("size_bytes") + 1},
        {"media_type": "image/png"},
        {"marks": ["macros"]},
        {"stored_name": "elsewhere"},
    ],
)
def test_nor_does_the_owner_rewrite_a_blob(changes):
    blob = make_blob("owner")
    with pytest.raises(ProgrammingError, match="append-only"):
        Blob.objects.using("owner").filter(pk=blob.pk).update(**changes)


def test_a_scan_can_be_recorded():
    make_file()
    assert EvidenceFile.objects.update(scan_state=ScanState.CLEAN, scanned_at=timezone.now()) == 1


@pytest.mark.parametrize(
    "changes",
    [{"wrapped_key": b""}, {"sha256": "0" * 64}, {"stored_name": ""}, {"size_bytes": 2}, {"media_type": ""}]
    + [{"marks": ["macros"]}],
)
def test_the_web_server_cannot_change_the_only_key_of_a_file_nor_what_it_belongs_to(changes):
    make_blob()
    with pytest.raises(ProgrammingError, match="permission denied"):
        Blob.objects.update(**changes)


def test_the_web_server_can_lock_a_blob():
    blob = make_blob()
    with transaction.atomic():
        assert Blob.objects.select_for_update().get() == blob


def test_the_owner_can_wrap_a_key_anew():
    make_blob("owner")
    assert Blob.objects.using("owner").update(wrapped_key=b"new") == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE evidence_custodyevent SET actor_id = 'olena'",
        "DELETE FROM evidence_custodyevent",
        "TRUNCATE evidence_custodyevent",
    ],
)
@pytest.mark.parametrize(
    ("using", "refusal"),
    [("default", "permission denied"), ("owner", "evidence_custodyevent is append-only")],
)
def test_custody_is_never_rewritten(statement, using, refusal):
    make_event(using)
    with (
        pytest.raises(ProgrammingError, match=refusal),
        transaction.atomic(using),
        connections[using].cursor() as cursor,
    ):
        cursor.execute(statement)


def test_an_event_of_custody_names_who_did_what_with_which_bytes():
    evidence_file = make_file()
    event = custody.record(evidence_file, CustodyKind.DOWNLOADED, by=IRYNA)
    event.refresh_from_db()
    assert (event.evidence_public_id, event.sha256) == (evidence_file.public_id, evidence_file.blob.sha256)
    assert (event.kind, event.actor_kind, event.actor_id) == ("downloaded", "person", "iryna")
