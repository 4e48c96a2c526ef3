"""Freeze what was submitted: sections, salts, digests. docs/ledger.md gives every byte."""

import hashlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import rfc8785
from django.db import connection

from claims import mandates
from claims.answers import checking
from claims.mandates import SECTIONS
from claims.models import Assurance, Claim, ClaimVersion, Draft, Signature

FORMAT = "registry-claim-version/1"
SALT_BYTES = 16
EVIDENCE = """
    SELECT file.public_id AS id, file.name, attachment.type, attachment.description,
           blob.sha256, blob.size_bytes, blob.media_type, file.received_at
    FROM claims_attachment AS attachment
    JOIN evidence_evidencefile AS file ON file.id = attachment.evidence_file_id
    JOIN evidence_blob AS blob ON blob.id = file.blob_id
    WHERE attachment.claim_id = %s ORDER BY attachment.id
"""


@dataclass(frozen=True)
class Declaration:
    """What the claimant put their name to, and how (rules.md 2). `language` and the two versions are those
    of the texts that were on the page."""

    typed_name: str
    language: str
    version: str
    notice_version: str
    assurance: Assurance = Assurance.SELF_DECLARED
    signature: Signature = Signature.TYPED_DECLARATION

    @classmethod
    def of_current_texts(cls, typed_name: str, *, language: str) -> Self:
        """For callers that have just shown the texts of the mandate as it is now."""
        mandate = mandates.current()
        return cls(typed_name, language, mandate.declaration.version, mandate.privacy_notice.version)


def freeze(
    claim: Claim,
    draft: Draft,
    *,
    declaration: Declaration,
    at: datetime,
) -> tuple[ClaimVersion, int]:
    """The unsaved version `claim.version` of the claim as drafted, and how many pieces of evidence it has.
    Answers to what is not asked stay out."""
    mandate = mandates.current()
    sections: dict[str, Any] = {name: {} for name in SECTIONS}
    for question in checking.asked(claim.form, draft.answers):
        if question.id in draft.answers:
            sections[question.section][question.id] = {
                "answer": draft.answers[question.id],
                "origin": draft.origins.get(question.id, "stated"),
            }
    if draft.own_account:
        sections["account"][mandates.OWN_ACCOUNT] = {"answer": draft.own_account, "origin": "stated"}
    sections["evidence"] = _evidence(claim)
    sections["core"] = {
        "mandate": {"id": mandate.id, "digest": mandate.digest},
        "claimant_kind": claim.claimant_kind,
        "language": claim.language,
        "submitted_at": _instant(at),
        "eligibility": draft.eligibility,
        "consents": draft.consents or None,
        "privacy_notice": declaration.notice_version,
        "declaration": {
            "version": declaration.version,
            "language": declaration.language,
            "text": getattr(mandate.declaration.text, declaration.language),
        },
        "signature": {"method": declaration.signature.value, "typed_name": declaration.typed_name},
        "assurance": declaration.assurance.value,
    }
    texts = {name: rfc8785.dumps(content) for name, content in sections.items()}
    salts = {name: os.urandom(SALT_BYTES) for name in SECTIONS}
    manifest = rfc8785.dumps(
        {
            "format": FORMAT,
            "claim": str(claim.public_id),
            "number": claim.number,
            "version": claim.version,
            "category": claim.category.code,
            "category_version": claim.definition.version,
            "sections": {n: hashlib.sha256(salts[n] + texts[n]).hexdigest() for n in SECTIONS},
        }
    )
    version = ClaimVersion(
        claim=claim,
        number=claim.version,
        category_version_id=claim.category_version_id,
        made_at=at,
        assurance=declaration.assurance,
        signature=declaration.signature,
        manifest=manifest.decode(),
        digest=hashlib.sha256(manifest).hexdigest(),
        **{name: text.decode() for name, text in texts.items()},
        **{f"{name}_salt": salt for name, salt in salts.items()},
    )
    return version, len(sections["evidence"])


def answers(version: ClaimVersion) -> dict[str, Any]:
    """What was answered in a frozen version, by question. Erased sections are left out."""
    return {
        question: said["answer"]
        for section in mandates.ANSWER_SECTIONS
        if (text := getattr(version, section)) is not None
        for question, said in json.loads(text).items()
    }


def as_filed(version: ClaimVersion) -> dict[str, Any]:
    """Everything that the version's digest stands for, for the claimant to keep: docs/ledger.md tells how to
    check it with nothing but SHA-256."""
    return {
        "digest": version.digest,
        "manifest": version.manifest,
        "sections": {
            name: {"text": getattr(version, name), "salt": bytes(salt).hex()}
            for name in SECTIONS
            if (salt := getattr(version, f"{name}_salt")) is not None
        },
    }


def _evidence(claim: Claim) -> list[dict[str, Any]]:
    """Every piece of evidence, in the order added. In plain SQL: by ORM it takes a tenth of a submission."""
    with connection.cursor() as cursor:
        cursor.execute(EVIDENCE, [claim.pk])
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [{**row, "id": str(row["id"]), "received_at": _instant(row["received_at"])} for row in rows]


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
