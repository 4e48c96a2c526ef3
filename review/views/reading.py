"""What staff read about a claim: its frozen version in words, evidence, what changed, what happened."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.models import User
from claims import mandates, versions
from claims.answers import display
from claims.answers.display import Row
from claims.mandates import OWN_ACCOUNT, ClaimantKind
from claims.models import Claim, ClaimVersion, InformationRequest, State
from claims.models.category import definition
from evidence.kinds import KINDS, Mark
from evidence.models import EvidenceFile, ScanState
from ledger.models import Entry
from review.forms import OUTCOME_WORDS
from review.models import Proposal, ProposalState, Recommendation, Removal

STORY_AT_MOST = 200


@dataclass(frozen=True)
class Part:
    """A part of the claim: what was answered, and the questions that were not."""

    title: str
    answered: list[Row]
    open: list[Row]


def parts(claim: Claim, version: ClaimVersion) -> list[Part]:
    form = definition(version.category_version_id).form(ClaimantKind(claim.claimant_kind))
    titles = {part.id: str(part.title) for part in form.parts}
    rows: dict[str, list[Row]] = {}
    for page, shown in display.pages(form, versions.answers(version)):
        rows.setdefault(page.part, []).extend(shown)
    return [
        Part(titles[part], [r for r in of_part if not r.is_missing], [r for r in of_part if r.is_missing])
        for part, of_part in rows.items()
    ]


def region(claim: Claim) -> str:
    return next((str(r.name) for r in mandates.current().regions if r.code == claim.region), "")


def own_account(version: ClaimVersion) -> str:
    return str(versions.answers(version).get(OWN_ACCOUNT, ""))


def signed_by(version: ClaimVersion) -> str:
    """The name under the declaration; "" if it was erased."""
    signature = json.loads(version.core or "{}").get("signature", {})
    return str(signature.get("typed_name", ""))


# --- Evidence ---


@dataclass(frozen=True)
class Piece:
    """A file of the frozen version. `shows_as` is "picture", "pdf" or "" (to download)."""

    id: str
    name: str
    kind: str
    type: str
    description: str
    size_bytes: int
    sha256: str
    scan: str
    is_infected: bool
    shows_as: str
    marks: list[str]
    is_new: bool


def files(version: ClaimVersion) -> list[dict[str, Any]]:
    """As they stand in the frozen version; none if that was erased."""
    return list(json.loads(version.evidence or "[]"))


def evidence(version: ClaimVersion, before: ClaimVersion | None) -> list[Piece]:
    """In the order in which the claimant added it; `is_new` if the version before did not have it."""
    frozen = files(version)
    known = {file["id"] for file in files(before)} if before else set()
    types = {t.id: str(t.name) for t in definition(version.category_version_id).evidence_types}
    received = EvidenceFile.objects.filter(public_id__in=[f["id"] for f in frozen]).values_list(
        "public_id", "scan_state", "blob__marks"
    )
    scanned = {str(file): ScanState(state) for file, state, _marks in received}
    marks = {str(file): [str(Mark(mark).label) for mark in found] for file, _state, found in received}
    return [
        Piece(
            id=file["id"],
            name=file["name"],
            kind=str(KINDS[file["media_type"]].label),
            type=types.get(file["type"], ""),
            description=file["description"],
            size_bytes=file["size_bytes"],
            sha256=file["sha256"],
            scan=str(scanned.get(file["id"], ScanState.NOT_SCANNED).label),
            is_infected=scanned.get(file["id"]) == ScanState.INFECTED,
            shows_as=_shows_as(file["media_type"]),
            marks=marks.get(file["id"], []),
            is_new=before is not None and file["id"] not in known,
        )
        for file in frozen
    ]


def _shows_as(media_type: str) -> str:
    if not KINDS[media_type].opens_in_browser:
        return ""
    return "picture" if media_type.startswith("image/") else "pdf"


# --- What changed between two versions ---


@dataclass(frozen=True)
class Change:
    """One question that is answered otherwise than in the version before; None where it was not answered."""

    ask: str
    was: Row | None
    now: Row | None


@dataclass(frozen=True)
class Difference:
    """What a version changed in the one before, in words. `account_was`: their own account before, if it is
    another one now."""

    before: ClaimVersion
    answers: list[Change]
    account_was: str | None
    replied: bool
    files_added: list[str]
    files_taken_out: list[str]

    @property
    def is_nothing(self) -> bool:
        some = self.answers or self.replied or self.files_added or self.files_taken_out
        return not some and self.account_was is None


def difference(claim: Claim, version: ClaimVersion, before: ClaimVersion) -> Difference:
    """Answers in the order of the questions; those that are no longer asked come last. Of what was erased in
    one of the two, nothing is said: nobody changed it."""
    gone = {*versions.erased(version), *versions.erased(before)}
    now, was = (
        {q: r for q, r in _answered(claim, v).items() if r.question.section not in gone}
        for v in (version, before)
    )
    questions = [*now, *(q for q in was if q not in now)]
    added, taken_out = ([], []) if "evidence" in gone else _other_files(version, before)
    account = own_account(before)
    return Difference(
        before=before,
        answers=[
            Change(str((now.get(q) or was[q]).question.ask), was.get(q), now.get(q))
            for q in questions
            if _words(now.get(q)) != _words(was.get(q))
        ],
        account_was=account if "account" not in gone and account != own_account(version) else None,
        replied=versions.replies(version).keys() > versions.replies(before).keys(),
        files_added=added,
        files_taken_out=taken_out,
    )


def _other_files(version: ClaimVersion, before: ClaimVersion) -> tuple[list[str], list[str]]:
    """The names of the files that were added, and of those taken out."""
    kept, known = ({file["id"]: file["name"] for file in files(v)} for v in (version, before))
    return [kept[f] for f in kept if f not in known], [known[f] for f in known if f not in kept]


def _answered(claim: Claim, version: ClaimVersion) -> dict[str, Row]:
    form = definition(version.category_version_id).form(ClaimantKind(claim.claimant_kind))
    shown = display.pages(form, versions.answers(version))
    return {row.question.id: row for _page, rows in shown for row in rows if not row.is_missing}


def _words(row: Row | None) -> tuple[Any, ...] | None:
    return (row.text, row.items) if row else None


# --- What we asked, and what was answered ---


@dataclass(frozen=True)
class Asked:
    request: InformationRequest
    reply: str
    is_erased: bool


def requests(claim: Claim, version: ClaimVersion) -> list[Asked]:
    """Newest first."""
    replies, is_erased = versions.replies(version), "account" in versions.erased(version)
    rows = claim.requests.select_related("asked_by").order_by("-id")
    return [Asked(request, replies.get(str(request.public_id), ""), is_erased) for request in rows]


# --- What was proposed before ---


@dataclass(frozen=True)
class Judged:
    proposal: Proposal
    reason: str


def reason_title(proposal: Proposal) -> str:
    reason = mandates.current().reason(proposal.reason)
    return str(reason.title) if reason else proposal.reason


def earlier(claim: Claim) -> list[Judged]:
    """Proposals that were confirmed, sent back or overtaken, newest first."""
    closed = claim.proposals.exclude(state=ProposalState.OPEN).order_by("-id")
    rows = closed.select_related("proposed_by", "closed_by", "version")
    return [Judged(proposal, reason_title(proposal)) for proposal in rows]


# --- What happened ---


@dataclass(frozen=True)
class Event:
    at: datetime
    sentence: str


def story(claim: Claim) -> list[Event]:
    """Newest first, in the words of the house: who did what. Reads what is sealed."""
    entries = Entry.objects.filter(claim=claim.public_id, leaf__isnull=False).order_by("-id")[:STORY_AT_MOST]
    told = [(entry.at, json.loads(entry.body)) for entry in entries]
    ids = {body["actor"]["id"] for _at, body in told if body["actor"]["kind"] == "person"}
    people = {str(user.public_id): user.email for user in User.objects.filter(public_id__in=ids)}
    filer = str(claim.filed_by.public_id)
    events = []
    for at, body in told:
        actor = body["actor"]["id"]
        who = _("the claimant") if actor == filer else people.get(actor, _("the system"))
        if sentence := _sentence(body["kind"], who, body["facts"]):
            is_named = sentence.startswith(tuple(people.values()))  # an address is written as it is
            events.append(Event(at, sentence if is_named else capfirst(sentence)))
    return events


def _sentence(kind: str, who: str, facts: dict[str, Any]) -> str:
    """ "" for what another entry of the same act tells."""
    said = {
        "who": who,
        "version": facts.get("version_number", ""),
        "recommended": _of(Recommendation.choices, facts.get("recommendation")),
        "outcome": _of(list(OUTCOME_WORDS.items()), facts.get("outcome")),
        "because": _of(Removal.choices, facts.get("because")),
    }
    sentences = {
        "claim.submitted": _("%(who)s submitted the claim."),
        "claim.amended": _("%(who)s changed the claim: version %(version)s."),
        "claim.withdrawn": _("%(who)s withdrew the claim."),
        "claim.consents_changed": _("%(who)s changed who else may receive the claim."),
        "claim.fixing_requested": _("%(who)s asked for a file to be replaced."),
        "claim.information_requested": _("%(who)s asked the claimant for more information."),
        "claim.information_answered": _("%(who)s answered the request: version %(version)s."),
        "claim.request_closed": _("%(who)s closed the request; the review goes on."),
        "claim.decided": _("The Board’s decision was written in: %(outcome)s."),
        "claim.reopened": _("The Board reopened the claim; %(who)s entered it."),
        "claim.erasure_proposed": _("%(who)s proposed to erase a part of the claim by law."),
        "claim.erasure_dropped": _("%(who)s gave up the proposal to erase a part of the claim."),
        "claim.erased": _("%(who)s erased a part of the claim by law."),
        "review.taken": _("%(who)s took the claim."),
        "review.released": _("%(who)s put the claim back."),
        "review.checklist_saved": _("%(who)s saved the checklist of version %(version)s."),
        "review.proposed": _("%(who)s proposed: %(recommended)s."),
        "review.sent_back": _("%(who)s sent the proposal back."),
        "review.confirmed": _("%(who)s confirmed the proposal."),
        "review.returned": _("%(who)s returned the claim to review."),
        "batch.member_added": _("%(who)s put the claim into a batch for the Board."),
        "batch.member_taken_out": _("%(who)s took the claim out of the batch: %(because)s."),
    }
    return sentences[kind] % said if kind in sentences else ""


def _of(choices: list[tuple[Any, Any]], value: Any) -> str:
    words = str(next((words for choice, words in choices if choice == value), ""))
    return words[:1].lower() + words[1:]


def outcome_words(state: str) -> str:
    return str(OUTCOME_WORDS[State(state)])
