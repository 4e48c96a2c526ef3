"""Receipts: what proves an act on a claim without us, and what of it can be said in words.

docs/ledger.md gives every byte of `registry-receipt/1`. Nothing is kept: a receipt is put together when it is
asked for, and says more the later that is.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from django.conf import settings

from claims.models import Claim, ClaimVersion
from ledger import checkpoints, notes, proofs, stamping
from ledger.models import Checkpoint, Entry, Leaf

FORMAT = "registry-receipt/1"


@dataclass(frozen=True)
class Place:
    """Where an entry stands in the public log, and the checkpoint that proves it."""

    index: int
    checkpoint: Checkpoint

    @cached_property
    def witnesses(self) -> list[tuple[str, datetime]]:
        """Who outside signed the checkpoint too, and when."""
        keys = [*checkpoints.log_keys(), *(witness.key for witness in checkpoints.witnesses())]
        cosigned = notes.open_note(self.checkpoint.note, keys).cosigned
        return [(key.name, datetime.fromtimestamp(at, UTC)) for key, at in cosigned.items()]

    @cached_property
    def stamped_at(self) -> datetime | None:
        """When an outside authority saw the checkpoint, if one did."""
        return stamping.stamped_at(self.checkpoint.size)


def acts(claim: Claim) -> list[Entry]:
    """The acts on a claim that have receipts, oldest first: 1, 2, 3 ... in the order of its story. Sealed or
    not: these are for the claimant alone."""
    return list(Entry.objects.filter(claim=claim.public_id, is_open=True).order_by("id"))


def made(version: ClaimVersion) -> tuple[int, Entry]:
    """The act that made this version, with its number."""
    numbered = enumerate(acts(version.claim), start=1)
    return next(
        (act, entry) for act, entry in numbered if json.loads(entry.body)["version"] == version.digest
    )


def place(entry: Entry) -> Place | None:
    """None until a published checkpoint covers the entry. A checkpoint with a stamp of time is preferred."""
    index = Leaf.objects.filter(entry=entry).values_list("index", flat=True).first()
    if index is None:
        return None
    stamped = stamping.stamped_checkpoint(index + 1)
    checkpoint = checkpoints.newest() if stamped is None else checkpoints.newest_at(stamped.size)
    return Place(index, checkpoint) if checkpoint is not None and checkpoint.size > index else None


def promised_by(entry: Entry) -> datetime:
    """Until when the entry will be in the log, as promised in writing."""
    promise = notes.Promise.parse(notes.text_of(checkpoints.promise(entry)))
    return datetime.fromtimestamp(promise.by, UTC)


def proof(entry: Entry, where: Place) -> str:
    """The C2SP tlog-proof that the entry stands there."""
    hashes = proofs.inclusion(where.index, where.checkpoint.size).hashes
    return notes.Proof(where.index, tuple(hashes), where.checkpoint.note).text


def version(entry: Entry) -> ClaimVersion | None:
    """What was filed as the act found or left it; None for acts that name no version."""
    digest = json.loads(entry.body)["version"]
    if digest is None:
        return None
    found = ClaimVersion.objects.only("number", "digest", "manifest", "evidence", "evidence_salt")
    return found.get(claim__public_id=entry.claim, digest=digest)


def build(entry: Entry) -> dict[str, Any]:
    """The receipt as it can be given now."""
    return written(entry, place(entry), version(entry))


def written(entry: Entry, where: Place | None, filed: ClaimVersion | None) -> dict[str, Any]:
    """Without a proof until a checkpoint covers the entry: the promise is what one has till then. A version
    without `evidence_section` had its list of evidence erased by law."""
    return {
        "format": FORMAT,
        "origin": settings.LEDGER_ORIGIN,
        "entry": {"body": entry.body, "salt": bytes(entry.salt).hex()},
        "version": filed and {"manifest": filed.manifest},
        "evidence": evidence(filed),
        "evidence_section": _section(filed),
        "promise": checkpoints.promise(entry),
        "proof": where and proof(entry, where),
        "vkeys": checkpoints.vkeys(),
        "timestamp": where and stamping.for_receipt(where.checkpoint.size),
    }


def text(receipt: dict[str, Any]) -> str:
    return json.dumps(receipt, ensure_ascii=False, indent=1) + "\n"


def evidence(filed: ClaimVersion | None) -> list[dict[str, Any]]:
    """The files of a version, as its section names them. None of them if that was erased."""
    listed = json.loads((filed and filed.evidence) or "[]")
    return [{name: file[name] for name in ("name", "sha256", "size_bytes")} for file in listed]


def _section(filed: ClaimVersion | None) -> dict[str, str] | None:
    if filed is None or filed.evidence is None or filed.evidence_salt is None:
        return None
    return {"text": filed.evidence, "salt": bytes(filed.evidence_salt).hex()}
