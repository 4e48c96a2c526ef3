"""Freeze what was submitted: sections, salts, digests. docs/ledger.md gives every byte."""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import rfc8785
from django.db import connection

from claims import mandates
from claims.answers import checking
from claims.mandates import REPLIES, SECTIONS
from claims.models import Assurance, Attachment, Claim, ClaimVersion, Draft, InformationRequest, Signature
from ledger import log

FORMAT = "registry-claim-version/1"
SALT_BYTES = 16
EVIDENCE = """
    SELECT file.public_id AS id, file.name, attachment.type, attachment.description,
           blob.sha256, blob.size_bytes, blob.media_type, file.received_at
    FROM claims_attachment AS attachment
    JOIN evidence_evidencefile AS file ON file.id = attachment.evidence_file_id
    JOIN evidence_blob AS blob ON blob.id = file.blob_id
    WHERE attachment.claim_id = %s AND attachment.id <> ALL(%s) ORDER BY attachment.id
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
    without: Iterable[int] = (),
) -> tuple[ClaimVersion, int]:
    """The unsaved version `claim.version` of the claim as drafted, and how many pieces of evidence it has.
    Answers to what is not asked stay out, and so do the attachments `without`."""
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
    sections["account"] |= _replies(claim)
    sections["evidence"] = _evidence(claim, without=without)
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
    texts = {name: rfc8785.dumps(content).decode() for name, content in sections.items()}
    salts = {name: os.urandom(SALT_BYTES) for name in SECTIONS}
    manifest = {
        "format": FORMAT,
        "claim": str(claim.public_id),
        "number": claim.number,
        "version": claim.version,
        "category": claim.category.code,
        "category_version": claim.definition.version,
        "sections": {n: log.salted_digest(salts[n], texts[n].encode()) for n in SECTIONS},
    }
    version = ClaimVersion(
        claim=claim,
        number=claim.version,
        category_version_id=claim.category_version_id,
        made_at=at,
        assurance=declaration.assurance,
        signature=declaration.signature,
        **_sealed(manifest),
        **texts,
        **{f"{name}_salt": salt for name, salt in salts.items()},
    )
    return version, len(sections["evidence"])


def _sealed(manifest: dict[str, Any]) -> dict[str, str]:
    text = rfc8785.dumps(manifest)
    return {"manifest": text.decode(), "digest": hashlib.sha256(text).hexdigest()}


def supplement(
    claim: Claim, request: InformationRequest, *, reply: str, at: datetime
) -> tuple[ClaimVersion, int]:
    """The unsaved version `claim.version`: the one before it with an answer to a request, and the files sent
    with it, added. Sections that do not change keep their bytes and salts; nothing is signed anew."""
    last = ClaimVersion.objects.get(claim=claim, number=claim.version - 1)
    account = json.loads(last.account or "{}")
    before = account.get(REPLIES, {"answer": []})["answer"]
    said = {"request": str(request.public_id), "digest": request.digest, "reply": reply, "at": _instant(at)}
    account[REPLIES] = {"answer": [*before, said], "origin": "stated"}
    known = [file["id"] for file in json.loads(last.evidence or "[]")]
    others = Attachment.objects.filter(claim=claim).exclude(evidence_file__public_id__in=known)
    unsent = others.exclude(request=request).values_list("pk", flat=True)
    evidence = _evidence(claim, without=unsent)
    manifest = json.loads(last.manifest) | {"version": claim.version}
    version = ClaimVersion(
        claim=claim,
        number=claim.version,
        category_version_id=last.category_version_id,
        made_at=at,
        assurance=last.assurance,
        signature=Signature.SIGNED_IN,
    )
    for name in SECTIONS:
        setattr(version, name, getattr(last, name))
        setattr(version, f"{name}_salt", getattr(last, f"{name}_salt"))
    for name, content in (("account", account), ("evidence", evidence)):
        text, salt = rfc8785.dumps(content), os.urandom(SALT_BYTES)
        setattr(version, name, text.decode())
        setattr(version, f"{name}_salt", salt)
        manifest["sections"][name] = log.salted_digest(salt, text)
    for field, value in _sealed(manifest).items():
        setattr(version, field, value)
    return version, len(evidence)


def replies(version: ClaimVersion) -> dict[str, str]:
    """What the claimant answered to each request, by the request's public id. {} if that was erased."""
    said = json.loads(version.account or "{}").get(REPLIES, {"answer": []})["answer"]
    return {reply["request"]: reply["reply"] for reply in said}


def _replies(claim: Claim) -> dict[str, Any]:
    """The answers to requests so far, as the section `account` holds them: an amendment keeps them."""
    if claim.version == 1:
        return {}
    last = ClaimVersion.objects.only("account").get(claim=claim, number=claim.version - 1)
    account = json.loads(last.account or "{}")
    return {REPLIES: account[REPLIES]} if REPLIES in account else {}


def said(version: ClaimVersion) -> dict[str, dict[str, Any]]:
    """Each answer in a frozen version with its origin, by question. Erased sections are left out."""
    return {
        question: said
        for section in mandates.ANSWER_SECTIONS
        if (text := getattr(version, section)) is not None
        for question, said in json.loads(text).items()
        if question != REPLIES
    }


def answers(version: ClaimVersion) -> dict[str, Any]:
    """What was answered in a frozen version, by question. Erased sections are left out."""
    return {question: said["answer"] for question, said in said(version).items()}


def erased(version: ClaimVersion) -> list[str]:
    """The sections that were erased by law."""
    return [name for name in SECTIONS if getattr(version, f"{name}_salt") is None]


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


def _evidence(claim: Claim, *, without: Iterable[int]) -> list[dict[str, Any]]:
    """Every piece of evidence, in the order added. In plain SQL: by ORM it takes a tenth of a submission."""
    with connection.cursor() as cursor:
        cursor.execute(EVIDENCE, [claim.pk, list(without)])
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [{**row, "id": str(row["id"]), "received_at": _instant(row["received_at"])} for row in rows]


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
