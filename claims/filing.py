"""Start a draft, keep its answers, attach evidence: everything before a claim is submitted."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import rfc8785
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from claims import mandates
from claims.answers import checking
from claims.mandates import ClaimantKind, Page, Question
from claims.models import Attachment, Category, Claim, ClaimVersion, Draft, State
from claims.models.category import definition
from evidence import uploads

MAX_DRAFTS = 30


class FilingRefused(Exception):
    """Nothing was changed; str() is a translated sentence that says why."""


class NotADraft(FilingRefused):
    """The claim was submitted in the meantime."""


class TooMany(FilingRefused):
    """A bound against floods was reached: drafts of a person, files of a claim, items of a list."""


@transaction.atomic
def start(category: Category, *, kind: ClaimantKind, by: User, language: str) -> Claim:
    """A new draft in an open category."""
    if not category.is_open or category.newest_id is None:
        raise FilingRefused(_("This category does not take claims at the moment."))
    if kind not in definition(category.newest_id).claimants:
        raise FilingRefused(_("Claims in this category are filed by others. Choose another category."))
    if Claim.objects.filter(filed_by=by, state=State.DRAFT).count() >= MAX_DRAFTS:
        raise TooMany(
            _("You have %(limit)s drafts. Finish or delete one before you start another.")
            % {"limit": MAX_DRAFTS}
        )
    claim = Claim.objects.create(
        category=category,
        category_version_id=category.newest_id,
        sensitive=category.sensitive,
        claimant_kind=kind,
        filed_by=by,
        language=language,
    )
    answers = _known(claim, by=by)
    Draft.objects.create(claim=claim, answers=answers, origins=dict.fromkeys(answers, "stated"))
    return claim


def _known(claim: Claim, *, by: User) -> dict[str, Any]:
    """What the person said about the claimant in their newest claim: nobody should have to tell it twice.
    The pages stay unmarked, so that they look it over."""
    last = (
        ClaimVersion.objects.filter(claim__filed_by=by, claim__claimant_kind=claim.claimant_kind)
        .order_by("-id")
        .only("claimant", "contact", "identifiers")
        .first()
    )
    sections = [getattr(last, name, None) for name in ("claimant", "contact", "identifiers")]
    said = {question: a["answer"] for text in sections if text for question, a in json.loads(text).items()}
    before = claim.definition.common[ClaimantKind(claim.claimant_kind)]
    opening = {part.id for part in before.parts_before}
    questions = [q for page in before.pages if page.part in opening for q in page.questions]
    return {q.id: said[q.id] for q in questions if q.id in said and not checking.is_state(said[q.id])}


def _open(claim: Claim) -> Draft:
    """The draft, locked through its claim and read again. Call inside a transaction."""
    locked = Claim.objects.select_for_update().get(pk=claim.pk)
    if locked.state != State.DRAFT:
        raise NotADraft(_("This claim has been submitted already, so its draft cannot be changed."))
    return Draft.objects.get(claim=locked)  # not with the lock: that would read it as before the wait


def _keep(draft: Draft, *fields: str) -> None:
    draft.saved_at = timezone.now()
    draft.save(update_fields=["saved_at", *fields])


@transaction.atomic
def save_page(claim: Claim, page: Page, saved: Mapping[str, Any], *, complete: bool) -> None:
    """Keep the answers of one page; None takes an answer back. `complete` marks the page as gone through."""
    draft = _open(claim)
    for name, answer in saved.items():
        if answer is None:
            draft.answers.pop(name, None)
            draft.origins.pop(name, None)
        else:
            draft.answers[name] = answer
            draft.origins[name] = "stated"
    if complete:
        _mark(draft, page.id)
    _keep(draft, "answers", "origins", "pages")


@transaction.atomic
def save_item(claim: Claim, question: Question, item: Mapping[str, Any], *, replaces: str = "") -> None:
    """Add an item to a repeated group, or change the one whose fingerprint is `replaces`, if it is there."""
    draft = _open(claim)
    items = _items(draft, question)
    if replaces:
        at = _position(items, replaces)
        if at is None:
            return
        items[at] = dict(item)
    elif len(items) >= question.max_items:
        raise TooMany(_("At most %(limit)s can be listed here.") % {"limit": question.max_items})
    else:
        items.append(dict(item))
    draft.answers[question.id] = items
    draft.origins[question.id] = "stated"
    _keep(draft, "answers", "origins")


@transaction.atomic
def remove_item(claim: Claim, question: Question, *, removes: str) -> None:
    """Take the item with this fingerprint out of a repeated group, if it is there."""
    draft = _open(claim)
    items = _items(draft, question)
    at = _position(items, removes)
    if at is None:
        return
    del items[at]
    if items:
        draft.answers[question.id] = items
    else:
        draft.answers.pop(question.id, None)
        draft.origins.pop(question.id, None)
    _keep(draft, "answers", "origins")


def _items(draft: Draft, question: Question) -> list[dict[str, Any]]:
    items = draft.answers.get(question.id)
    return list(items) if isinstance(items, list) else []


def _position(items: list[dict[str, Any]], wanted: str) -> int | None:
    """Where this fingerprint is; of items that say the same, the first."""
    return next((n for n, item in enumerate(items) if fingerprint(item) == wanted), None)


def fingerprint(item: Mapping[str, Any]) -> str:
    """Names an item by what it says, so that a stale page cannot change another one by its position."""
    return hashlib.sha256(rfc8785.dumps(dict(item))).hexdigest()[:16]


@transaction.atomic
def save_eligibility(claim: Claim, answers: Mapping[str, str]) -> None:
    draft = _open(claim)
    draft.eligibility = dict(answers)
    _mark(draft, "eligibility")
    _keep(draft, "eligibility", "pages")


@transaction.atomic
def save_consents(claim: Claim, consents: Mapping[str, bool]) -> None:
    draft = _open(claim)
    draft.consents = dict(consents)
    _mark(draft, "consents")
    _keep(draft, "consents", "pages")


@transaction.atomic
def mark_evidence(claim: Claim) -> None:
    """The claimant went through the page of files, with or without adding one."""
    draft = _open(claim)
    _mark(draft, "evidence")
    _keep(draft, "pages")


@transaction.atomic
def save_own_account(claim: Claim, text: str) -> None:
    """What the claimant tells in place of, or beside, documents."""
    draft = _open(claim)
    draft.own_account = text
    _mark(draft, "own_account")
    _keep(draft, "own_account", "pages")


def _mark(draft: Draft, page: str) -> None:
    if page not in draft.pages:
        draft.pages = [*draft.pages, page]


@transaction.atomic
def attach(claim: Claim, incoming: uploads.Incoming, *, type: str, description: str, by: User) -> Attachment:
    """Make a received file part of the claim. Raises FilingRefused or evidence.uploads.Refused."""
    draft = _open(claim)
    limit = mandates.current().evidence.max_files
    if Attachment.objects.filter(claim=claim).count() >= limit:
        raise TooMany(_("At most %(limit)s files fit in one claim.") % {"limit": limit})
    received = uploads.receive(incoming, by=by.actor)
    attachment = Attachment.objects.create(
        claim=claim, evidence_file=received, type=type, description=description
    )
    _mark(draft, "evidence")
    _keep(draft, "pages")
    return attachment


@transaction.atomic
def describe(attachment: Attachment, *, type: str, description: str) -> None:
    draft = _open(attachment.claim)
    attachment.type, attachment.description = type, description
    attachment.save(update_fields=["type", "description"])
    _keep(draft)


@transaction.atomic
def detach(attachment: Attachment, *, by: User) -> None:
    """Take a file out of a draft; its receipt goes too."""
    draft = _open(attachment.claim)
    received = attachment.evidence_file
    attachment.delete()
    uploads.remove(received, by=by.actor)
    _keep(draft)


@transaction.atomic
def discard(claim: Claim, *, by: User) -> None:
    """Delete a draft with everything in it. It never had a number, so nothing remains."""
    _open(claim)
    attachments = list(
        Attachment.objects.filter(claim=claim)
        .select_related("evidence_file")
        .order_by("evidence_file__blob_id")
    )
    Attachment.objects.filter(claim=claim).delete()
    for attachment in attachments:
        uploads.remove(attachment.evidence_file, by=by.actor)
    Draft.objects.filter(claim=claim).delete()
    Claim.objects.filter(pk=claim.pk, state=State.DRAFT).delete()


@transaction.atomic
def move_to_newest(claim: Claim) -> bool:
    """Bring a draft to the newest wording of its category. True if it changed; answers stay."""
    draft = _open(claim)
    newest = claim.category.newest_id
    if newest is None or newest == claim.category_version_id:
        return False
    Claim.objects.filter(pk=claim.pk).update(category_version_id=newest)
    claim.category_version_id = newest
    changed = _changed_pages(claim, draft)
    draft.pages = [p for p in draft.pages if p not in changed]
    _keep(draft, "pages")
    return True


def _changed_pages(claim: Claim, draft: Draft) -> set[str]:
    """Pages of the new wording with a question that has no valid answer: they are to be looked at again."""
    changed = set()
    for page in claim.form.pages:
        for question in page.questions:
            try:
                if question.id in draft.answers:
                    checking.check(question, draft.answers[question.id])
                else:
                    changed.add(page.id)
            except checking.NotAnAnswer:
                changed.add(page.id)
    return changed
