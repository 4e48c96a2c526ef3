"""The chain of custody: every touch of a file is an event that nobody can take back."""

from evidence.models import CustodyEvent, CustodyKind, EvidenceFile
from ledger.log import Actor


def record(evidence_file: EvidenceFile, kind: CustodyKind, *, by: Actor) -> CustodyEvent:
    return CustodyEvent.objects.create(
        evidence_public_id=evidence_file.public_id,
        kind=kind,
        actor_kind=by.kind,
        actor_id=by.id,
        sha256=evidence_file.blob.sha256,
    )
