"""Start a draft, keep its answers, attach evidence: everything before a claim is submitted, and before
changes to it are sent."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

import rfc8785
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from claims import attachments, lifecycle, mandates, versions
from claims.answers import checking
from claims.mandates import SELF, ClaimantKind, Page, Question
from claims.models import (
    Attachment,
    Category,
    Claim,
    ClaimVersion,
    Consent,
    Draft,
    InformationRequest,
    State,
)
from claims.models.category import definition
from evidence import uploads

MAX_DRAFTS = 30
STATED, EARLIER_CLAIM = "stated", "earlier_claim"  # where an answer came from (rules.md 7)


class FilingRefused(Exception):
    """Nothing was changed; str() is a translated sentence that says why."""


class NotADraft(FilingRefused):
    """The claim was submitted, or the changes to it were sent or given up, in the meantime."""


class TooMany(FilingRefused):
    """A bound against floods was reached: drafts of a person, files of a claim, items of a list."""


@transaction.atomic
def start(
    category: Category, *, kind: ClaimantKind, by: User, language: str, again: Claim | None = None
) -> Claim:
    """A new draft in an open category. `again`: a claim of theirs that was rejected without prejudice or
    withdrawn, which this one is linked to and says the same as, until it is changed."""
    if not category.is_open or category.newest_id is None:
        raise FilingRefused(_("This category does not take claims at the moment."))
    if kind not in definition(category.newest_id).claimants:
        raise FilingRefused(_("Claims in this category are filed by others. Choose another category."))
    User.objects.select_for_update(no_key=True).get(pk=by.pk)  # one start at a time, or the count is nothing
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
        refiles=again if again and _may_refile(again, kind=kind, category=category, by=by) else None,
    )
    if claim.refiles:
        _said_before(claim, claim.refiles)
    else:
        answers = _known(claim, by=by)
        Draft.objects.create(claim=claim, answers=answers, origins=dict.fromkeys(answers, EARLIER_CLAIM))
    return claim


def _may_refile(before: Claim, *, kind: ClaimantKind, category: Category, by: User) -> bool:
    same = (before.filed_by_id, before.category_id, before.claimant_kind) == (by.pk, category.pk, kind)
    return same and before.state in lifecycle.REFILED


def _said_before(claim: Claim, before: Claim) -> None:
    """A draft that says what an earlier claim said, as far as it still fits. The pages stay unmarked, so that
    they are looked over; files are added anew, because each belongs to the claim it came with."""
    said = versions.said(ClaimVersion.objects.get(claim=before, number=before.version))
    own_account = said.pop(mandates.OWN_ACCOUNT, {"answer": ""})["answer"]
    questions = {q.id: q for q in claim.form.questions}
    answers = {q: a["answer"] for q, a in said.items() if q in questions and _fits(questions[q], a["answer"])}
    Draft.objects.create(
        claim=claim,
        answers=answers,
        origins=dict.fromkeys(answers, EARLIER_CLAIM),
        entries=_ids_of_items(answers),
        own_account=own_account,
    )


def _ids_of_items(answers: Mapping[str, Any]) -> dict[str, list[str]]:
    return {q: [str(uuid.uuid4()) for _item in a] for q, a in answers.items() if _is_items(a)}


def _known(claim: Claim, *, by: User) -> dict[str, Any]:
    """What the person said about themselves in their newest claim: nobody should have to tell it twice.
    Nothing is taken from a claim for somebody else. The pages stay unmarked, so that they look it over."""
    before = claim.definition.common[ClaimantKind(claim.claimant_kind)]
    opening = {part.id for part in before.parts_before}
    questions = [q for page in before.pages if page.part in opening for q in page.questions]
    names = ("claimant", "contact", "identifiers", "representative")
    last = (
        ClaimVersion.objects.filter(claim__filed_by=by, claim__claimant_kind=claim.claimant_kind)
        .order_by("-id")
        .only(*names)
        .first()
    )
    sections = [getattr(last, name, None) for name in names]
    said = {question: a["answer"] for text in sections if text for question, a in json.loads(text).items()}
    if any(said.get(q.id, SELF) != SELF for q in questions if q.feeds == "submitting_as"):
        return {}
    return {q.id: said[q.id] for q in questions if q.id in said and not checking.is_state(said[q.id])}


@transaction.atomic
def reopen(claim: Claim, *, by: User) -> Draft:
    """Let a submitted claim be changed: a draft that says what its newest version says. Nothing changes until
    lifecycle.amend sends it. Begun in another tab already, it is that one. Raises lifecycle.MoveRefused."""
    claim = lifecycle.lock(claim)
    lifecycle.check_amendable(claim)
    if begun := Draft.objects.filter(claim=claim).first():
        return begun
    version = ClaimVersion.objects.get(claim=claim, number=claim.version)
    said = versions.said(version)
    own_account = said.pop(mandates.OWN_ACCOUNT, {"answer": ""})["answer"]
    answers = {question: a["answer"] for question, a in said.items()}
    notice = mandates.current().privacy_notice.version
    chosen = Consent.objects.filter(claim=claim).newest()
    is_older = any(c.notice_version != notice for c in chosen)  # to be asked again, and in force until then
    form = definition(version.category_version_id).form(ClaimantKind(claim.claimant_kind))
    gone = versions.erased(version)  # what was erased by law is asked anew
    seen = [p.id for p in form.pages if not any(q.section in gone for q in p.questions)]
    if claim.state != State.NEEDS_FIXING:  # there is a file to replace
        seen.append("evidence")
    return Draft.objects.create(
        claim=claim,
        category_version_id=version.category_version_id,
        answers=answers,
        origins={question: a["origin"] for question, a in said.items()},
        entries=_ids_of_items(answers),
        eligibility=json.loads(version.core or "{}").get("eligibility", {}),
        consents={}
        if is_older or not chosen
        else {"notice": notice, "choices": {c.purpose: c.given for c in chosen}},
        pages=["eligibility", *seen, "own_account", *([] if is_older else ["consents"])],
        own_account=own_account,
    )


def _is_items(answer: Any) -> bool:
    return isinstance(answer, list) and all(isinstance(item, dict) for item in answer)


def _open(claim: Claim) -> Draft:
    """The draft, locked through its claim and read again. Call inside a transaction."""
    locked = Claim.objects.select_for_update(no_key=True).filter(pk=claim.pk).first()
    if locked is None:
        raise NotADraft(_("This draft was deleted."))
    # Not with the lock: that would read it as before the wait.
    draft = Draft.objects.select_related("claim").filter(claim=locked).first()
    if draft is None:
        raise NotADraft(_("There is nothing to change here: this claim has been submitted already."))
    return draft


def _keep(draft: Draft, *fields: str) -> None:
    draft.saved_at = timezone.now()
    draft.save(update_fields=["saved_at", *fields])


@transaction.atomic
def save_page(
    claim: Claim, page: Page, saved: Mapping[str, Any], *, complete: bool, seen: str | None = None
) -> None:
    """Keep the answers of one page; None takes an answer back. `complete` marks the page as gone through.

    `seen` is the fingerprint of the page's answers as they were shown: if another device has answered since,
    what was left empty here takes nothing back.
    """
    draft = _open(claim)
    is_stale = seen is not None and seen != fingerprint(page, draft.answers)
    for name, answer in saved.items():
        if answer is None:
            if is_stale:
                continue
            draft.answers.pop(name, None)
            draft.origins.pop(name, None)
        else:
            draft.answers[name] = answer
            draft.origins[name] = STATED
    if complete:
        _mark(draft, page.id)
    _keep(draft, "answers", "origins", "pages")


def fingerprint(page: Page, answers: Mapping[str, Any]) -> str:
    """Stands for the answers of a page, so that it can be told whether they changed."""
    shown = {q.id: answers[q.id] for q in page.questions if q.id in answers}
    return hashlib.sha256(rfc8785.dumps(shown)).hexdigest()


@transaction.atomic
def save_item(claim: Claim, question: Question, item: Mapping[str, Any], *, item_id: str) -> None:
    """Keep one item of a repeated group under its random id: sent twice it is kept once, and one that was
    removed meanwhile comes back."""
    draft = _open(claim)
    items, ids = entries_of(draft, question)
    if item_id in ids:
        items[ids.index(item_id)] = dict(item)
    elif len(items) >= question.max_items:
        raise TooMany(_("At most %(limit)s can be listed here.") % {"limit": question.max_items})
    else:
        items.append(dict(item))
        ids.append(item_id)
    draft.answers[question.id], draft.entries[question.id] = items, ids
    draft.origins[question.id] = STATED
    _keep(draft, "answers", "entries", "origins")


@transaction.atomic
def remove_item(claim: Claim, question: Question, *, item_id: str) -> None:
    """Take one item out of a repeated group, if it is there."""
    draft = _open(claim)
    items, ids = entries_of(draft, question)
    if item_id not in ids:
        return
    del items[ids.index(item_id)]
    ids.remove(item_id)
    if items:
        draft.answers[question.id], draft.entries[question.id] = items, ids
    else:
        for kept in (draft.answers, draft.entries, draft.origins):
            kept.pop(question.id, None)
    _keep(draft, "answers", "entries", "origins")


def entries_of(draft: Draft, question: Question) -> tuple[list[dict[str, Any]], list[str]]:
    """The items of a repeated group, and their ids in the same order. Items that came from elsewhere are
    named by their position."""
    answer = draft.answers.get(question.id)
    items = list(answer) if isinstance(answer, list) else []
    ids = list(draft.entries.get(question.id, ()))[: len(items)]
    return items, ids + [str(uuid.UUID(int=n)) for n in range(len(ids), len(items))]


@transaction.atomic
def save_eligibility(claim: Claim, answers: Mapping[str, str]) -> None:
    draft = _open(claim)
    draft.eligibility = dict(answers)
    _mark(draft, "eligibility")
    _keep(draft, "eligibility", "pages")


@transaction.atomic
def save_consents(claim: Claim, consents: Mapping[str, bool], *, notice: str) -> None:
    """The choices made under this version of the privacy notice."""
    draft = _open(claim)
    draft.consents = {"notice": notice, "choices": dict(consents)}
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
    """Make a received file part of the claim; one that it has already is kept once.

    Raises FilingRefused, lifecycle.MoveRefused or evidence.uploads.Refused."""
    draft = _open(claim)
    if not draft.claim.is_draft:
        lifecycle.check_amendable(draft.claim)
    attachment = receive(claim, incoming, type=type, description=description, by=by)
    _mark(draft, "evidence")
    _keep(draft, "pages")
    return attachment


def receive(
    claim: Claim,
    incoming: uploads.Incoming,
    *,
    by: User,
    type: str = "",
    description: str = "",
    request: InformationRequest | None = None,
) -> Attachment:
    """The same where the caller has locked the claim; with `request` the file goes with the answer to it.
    Raises TooMany or evidence.uploads.Refused."""
    rules = mandates.current().evidence
    beside = Attachment.objects.filter(claim=claim, request=request)
    if beside.count() >= rules.max_files:
        raise TooMany(_("At most %(limit)s files fit in one claim.") % {"limit": rules.max_files})
    unsent = Attachment.objects.filter(claim__filed_by=by).unsent()
    held = unsent.aggregate(total=Sum("evidence_file__blob__size_bytes"))["total"] or 0
    if held + incoming.size > rules.max_draft_bytes:
        raise TooMany(_("Your drafts hold as much as we can keep. Submit or delete one before you add more."))
    received = uploads.receive(incoming, by=by.actor)
    again = beside.filter(evidence_file__blob_id=received.blob_id).first()
    if again:  # a second press of the button
        uploads.remove(received, by=by.actor)
        return again
    return Attachment.objects.create(
        claim=claim, evidence_file=received, type=type, description=description, request=request
    )


@transaction.atomic
def describe(attachment: Attachment, *, type: str, description: str) -> None:
    draft = _open_with(attachment)
    attachment.type, attachment.description = type, description
    attachment.save(update_fields=["type", "description"])
    _keep(draft)


@transaction.atomic
def detach(attachment: Attachment, *, by: User) -> None:
    """Take a file out of a draft; its receipt goes too."""
    draft = _open_with(attachment)
    received = attachment.evidence_file
    attachment.delete()
    uploads.remove(received, by=by.actor)
    _keep(draft)


def _open_with(attachment: Attachment) -> Draft:
    """The draft that this file was added to. Raises FilingRefused for one that was sent."""
    draft = _open(attachment.claim)
    if not Attachment.objects.unsent().filter(pk=attachment.pk, request=None).exists():
        raise FilingRefused(_("This file was sent to us with your claim. It stays in it."))
    return draft


@transaction.atomic
def discard(claim: Claim, *, by: User) -> None:
    """Delete a draft with everything in it. It never had a number, so nothing remains. Of a submitted claim
    only the changes that were not sent go."""
    draft = _open(claim)
    attachments.remove(Attachment.objects.filter(claim=claim, request=None), by=by.actor)
    draft.delete()
    Claim.objects.filter(pk=claim.pk, state=State.DRAFT).delete()


@transaction.atomic
def move_to_newest(claim: Claim) -> None:
    """Bring a draft to the newest wording of its category. Answers that still fit stay; pages with a question
    that is new or asks otherwise are no longer marked as gone through."""
    draft = _open(claim)
    before = {q.id: q for q in claim.form.questions}
    newest = claim.category.newest
    if newest is None:
        return
    claim.category_version, claim.sensitive = newest, claim.category.sensitive
    if claim.is_draft:
        claim.save(update_fields=["category_version", "sensitive"])
    else:  # the claim itself answers what it answered, until the changes are sent
        draft.category_version = newest
    questions = {q.id: q for q in claim.form.questions}
    for name in list(draft.answers):
        if name in questions and not _fits(questions[name], draft.answers[name]):
            for kept in (draft.answers, draft.entries, draft.origins):
                kept.pop(name, None)
    changed = {p.id for p in claim.form.pages if any(before.get(q.id) != q for q in p.questions)}
    draft.pages = [p for p in draft.pages if p not in changed]
    _keep(draft, "answers", "entries", "origins", "pages", "category_version")


def _fits(question: Question, answer: Any) -> bool:
    try:
        checking.check(question, answer)
    except checking.NotAnAnswer:
        return False
    return True
