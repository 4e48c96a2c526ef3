"""Erasing by law what was submitted: proposed by a data-protection officer, carried out by another person.

A section is erased with its salt, so that its digest, which stays in the manifest, tells nothing any more.
What came from it goes too: columns and rows for searching are made anew from what is left, as after an
amendment; drafts, unsent replies and waiting sessions lose it; files go when no list names them any more.
What staff wrote about a claim belongs to no section and stays. How to check it: docs/ledger.md, "To erase".
"""

import json
import os
from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import PERMISSIONS, Role
from claims import attachments, entries, indexing, lifecycle, sessions, versions
from claims.mandates import SECTIONS, ClaimantKind
from claims.models import (
    AidItem,
    Attachment,
    Claim,
    Claimant,
    ClaimVersion,
    Draft,
    Erasure,
    ErasureState,
    Ground,
    InformationRequest,
    PersonCovered,
)
from claims.models.category import definition
from ledger import log
from ledger.models import Entry

PROPOSE = "claims.propose_erasure"
CARRY_OUT = "claims.carry_out_erasure"
MAX_REASON = 5000  # characters


class Refused(Exception):
    """Nothing was erased or proposed; str() is a translated sentence that says what to do."""


class NotEntitled(Refused):
    """The person does not hold this role, or the role does not do this."""


class OwnClaim(Refused):
    """Nobody erases in a claim that they filed."""


class SamePerson(Refused):
    """Who proposed does not carry out."""


class AlreadyClosed(Refused):
    """Somebody else carried it out or gave it up before."""


class AlreadyProposed(Refused):
    """One erasure of a claim waits at a time."""


class Overtaken(Refused):
    """All versions were to be erased, and since then there is a further one."""


class NothingToErase(Refused):
    """There is no such section, or it is gone already."""


class NoReason(Refused):
    """The reason is missing or too long."""


# --- The acts ---


@transaction.atomic
def propose(
    claim: Claim,
    *,
    version: ClaimVersion | None,
    sections: Collection[str],
    ground: Ground,
    reason: str,
    by: User,
    office: Role,
) -> Erasure:
    """Propose to erase these sections of one version, or of all there are now (None). Raises Refused."""
    _check_right(PROPOSE, by, office)
    claim = lifecycle.lock(claim)
    _check_not_own(claim, by)
    if Erasure.objects.filter(claim=claim, state=ErasureState.PROPOSED).exists():
        raise AlreadyProposed(
            _("An erasure in this claim is proposed already. It is carried out or given up first.")
        )
    sections = [name for name in SECTIONS if name in sections]
    if not scope(claim, version, sections):
        raise NothingToErase(_("Choose a section that is still there. Nothing of these is left."))
    reason = reason.strip()
    if not 0 < len(reason) <= MAX_REASON:
        raise NoReason(_("Give the reason, in at most %(limit)s characters.") % {"limit": MAX_REASON})
    salt = os.urandom(versions.SALT_BYTES)
    erasure = Erasure.objects.create(
        claim=claim,
        version=version,
        seen_version=claim.version,
        sections=sections,
        ground=ground,
        reason=reason,
        salt=salt,
        digest=log.salted_digest(salt, reason.encode()),
        proposed_by=by,
        proposed_at=timezone.now(),
    )
    log.append(
        entries.ERASURE_PROPOSED,
        by=by.actor,
        office=office,
        at=erasure.proposed_at,
        claim=claim.public_id,
        facts=_facts(erasure),
    )
    return erasure


@transaction.atomic
def carry_out(erasure: Erasure, *, by: User, office: Role) -> None:
    """Erase what another person has proposed. It cannot be undone. Raises Refused."""
    _check_right(CARRY_OUT, by, office)
    claim, erasure = _proposed(erasure)
    _check_not_own(claim, by)
    if erasure.proposed_by_id == by.pk:
        raise SamePerson(_("You proposed this erasure; another person must carry it out."))
    if erasure.version is None and claim.version != erasure.seen_version:
        raise Overtaken(
            _("There is a newer version of this claim. Give this proposal up and look at the claim again.")
        )
    going = scope(claim, erasure.version, erasure.sections)
    if not going:
        raise NothingToErase(_("All of this is gone already. Give this proposal up."))
    # No other claim of this person may take the claimant's row meanwhile.
    User.objects.select_for_update(no_key=True).get(pk=claim.filed_by_id)
    at = timezone.now()
    before = claim.standing
    if claim.version in going:
        _derive_anew(claim, without=erasure.sections)
    claim.changed_at = at
    claim.save(update_fields=["changed_at", "claimant", *indexing.COLUMNS])
    Claimant.objects.filter(
        filed_by=claim.filed_by_id, claims=None
    ).delete()  # named in earlier versions alone
    log.append(
        entries.ERASED,
        by=by.actor,
        office=office,
        at=at,
        claim=claim.public_id,
        before=before,
        after=claim.standing,
        facts={**_facts(erasure), "proposed_by": str(erasure.proposed_by.public_id)},
    )
    files = set(Attachment.objects.filter(claim=claim).filed().values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("SELECT claims_erase(%s)", [claim.pk])  # refuses without the entry above
    # The files whose last list is gone: the receipts, their names, and the bytes with the last receipt.
    attachments.remove(Attachment.objects.filter(pk__in=files), by=by.actor)
    _forget_what_was_not_sent(claim, erasure.sections)
    _close(erasure, ErasureState.CARRIED_OUT, by=by, at=at)


@transaction.atomic
def drop(erasure: Erasure, *, by: User, office: Role) -> None:
    """Give a proposal up: whoever may propose or carry out. Raises Refused."""
    _check_right(PROPOSE if PROPOSE in PERMISSIONS[office] else CARRY_OUT, by, office)
    claim, erasure = _proposed(erasure)
    at = timezone.now()
    _close(erasure, ErasureState.DROPPED, by=by, at=at)
    log.append(
        entries.ERASURE_DROPPED,
        by=by.actor,
        office=office,
        at=at,
        claim=claim.public_id,
        facts={"erasure": str(erasure.public_id)},
    )


# --- What an erasure reaches ---


def scope(claim: Claim, version: ClaimVersion | None, sections: Collection[str]) -> dict[int, list[str]]:
    """What would go, by the number of the version: these sections of one version or of all (None), and the
    same section of every other version that holds the same bytes under the same salt."""
    fields = ("pk", "number", "manifest", *(f"{name}_salt" for name in SECTIONS))
    rows = list(ClaimVersion.objects.filter(claim=claim).order_by("number").only(*fields))
    digests = {row.pk: json.loads(row.manifest)["sections"] for row in rows}
    chosen = [row for row in rows if version is None or row.pk == version.pk]
    named = {(name, digests[row.pk][name]) for row in chosen for name in sections}
    going = {
        row.number: [
            name
            for name in sections
            if (name, digests[row.pk][name]) in named and getattr(row, f"{name}_salt") is not None
        ]
        for row in rows
    }
    return {number: names for number, names in going.items() if names}


def entered(claim: Claim) -> set[tuple[str, str]]:
    """Every section whose erasure stands in the ledger, with its digest in the manifest: these and no others
    may be missing from the versions of a claim."""
    manifests = dict(ClaimVersion.objects.filter(claim=claim).values_list("digest", "manifest"))
    bodies = Entry.objects.filter(claim=claim.public_id, kind=entries.ERASED.name).values_list(
        "body", flat=True
    )
    told = [json.loads(body)["facts"] for body in bodies]
    return {
        (name, json.loads(manifests[version])["sections"][name])
        for facts in told
        for version in facts["versions"]
        for name in facts["sections"]
    }


def _derive_anew(claim: Claim, *, without: Collection[str]) -> None:
    """The columns and rows of a claim as its newest version without these sections fills them. Not saved.
    Who asked for no letters still gets none."""
    left = ClaimVersion.objects.get(claim=claim, number=claim.version)
    for name in without:
        setattr(left, name, None)
    answers = versions.answers(left)
    form = definition(left.category_version_id).form(ClaimantKind(claim.claimant_kind))
    asked = [question for question in form.questions if question.id in answers]
    discreet = claim.discreet
    indexing.fill_columns(claim, asked, answers)
    claim.discreet = discreet
    PersonCovered.objects.filter(claim=claim).delete()
    AidItem.objects.filter(claim=claim).delete()
    indexing.cover(claim, asked, answers)
    named = indexing.as_named(claim, asked, answers)
    if not (named.family_name or named.given_name or named.legal_name):
        named.erased_at = timezone.now()
    named.save(force_insert=True)  # a row of its own: others may share the one before
    claim.claimant = named


def _forget_what_was_not_sent(claim: Claim, sections: Collection[str]) -> None:
    """Changes to the claim began with what it said; what was typed since cannot be told from it."""
    for draft in Draft.objects.filter(claim=claim):
        version_id = draft.category_version_id or claim.category_version_id
        form = definition(version_id).form(ClaimantKind(claim.claimant_kind))
        stays = {question.id for question in form.questions if question.section not in sections}
        for kept in (draft.answers, draft.origins, draft.entries):
            for question in kept.keys() - stays:
                del kept[question]
        again = {page.id for page in form.pages if any(q.section in sections for q in page.questions)}
        if "account" in sections:
            draft.own_account = ""
            again.add("own_account")
        if "core" in sections:
            draft.eligibility, draft.consents = {}, {}
            again |= {"eligibility", "consents"}
        draft.pages = [page for page in draft.pages if page not in again]
        draft.save()
    if "account" in sections:
        InformationRequest.objects.filter(claim=claim).exclude(reply="").update(reply="")
    sessions.forget(claim)


# --- Parts ---


def _check_right(permission: str, by: User, office: Role) -> None:
    if office not in by.roles or permission not in PERMISSIONS[office]:
        raise NotEntitled(_("None of your roles allows this. The executive director gives roles."))


def _check_not_own(claim: Claim, by: User) -> None:
    if claim.filed_by_id == by.pk:
        raise OwnClaim(_("You filed this claim yourself, so somebody else works on it."))


def _proposed(erasure: Erasure) -> tuple[Claim, Erasure]:
    """The claim, locked, and the erasure, read again. Raises AlreadyClosed."""
    claim = lifecycle.lock(erasure.claim)
    erasure = Erasure.objects.select_related("proposed_by", "version").get(pk=erasure.pk)
    if not erasure.is_proposed:
        raise AlreadyClosed(
            _("This proposal stands as “%(state)s” already.") % {"state": erasure.get_state_display()}
        )
    return claim, erasure


def _close(erasure: Erasure, state: ErasureState, *, by: User, at: datetime) -> None:
    erasure.state, erasure.closed_by, erasure.closed_at = state, by, at
    erasure.save(update_fields=["state", "closed_by", "closed_at"])


def _facts(erasure: Erasure) -> Mapping[str, object]:
    if erasure.version:
        digests = [erasure.version.digest]
    else:
        digests = list(
            ClaimVersion.objects.filter(claim=erasure.claim)
            .order_by("number")
            .values_list("digest", flat=True)
        )
    return {
        "erasure": str(erasure.public_id),
        "versions": digests,
        "sections": erasure.sections,
        "ground": erasure.ground,
        "reason": erasure.digest,
    }
